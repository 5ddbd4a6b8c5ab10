// What is kept of the DSCP values of a Child SA, whichever extension agreed on them (ext/dscp-notify.ts, ext/ts-dscp.ts): notes.

import { take } from '../codec/octets.ts';
import { type ChildSa, type Draft, noteOf, setNote } from './child.ts';
import type { IkeSa } from './sa.ts';

/** Note of a Child SA: DSCP_STATED or DSCP_SELECTED, then the values of its outgoing packets. */
export const NOTE_DSCP = 'dscp';
/** Note of an IKE SA whose peer answers the DSCP notify. */
export const NOTE_PEER = 'dscp-peer';
export const DSCP_STATED = 0 as const;
export const DSCP_SELECTED = 1 as const;
export type DscpKind = typeof DSCP_STATED | typeof DSCP_SELECTED;

/** Keeps what this side will send on the Child SA of `draft`. */
export function noteDscp(draft: Draft, kind: DscpKind, list: number[]): void {
  const octets = new Uint8Array(1 + list.length);
  octets[0] = kind;
  for (let i = 0; i < list.length; i++) octets[1 + i] = list[i] & 0xff;
  setNote(draft.notes, NOTE_DSCP, octets);
}

/**
 * The kind (DSCP_*) and then the DSCP values of a Child SA's outgoing packets, empty: it is for all. To be called when it is
 * installed too: an optimized rekey carries no list and goes on with that of the Child SA that it replaces.
 */
export function dscpOf(child: ChildSa): Uint8Array {
  const own = noteOf(child.notes, NOTE_DSCP);
  if (own.length > 0 || child.replaces === null) return own;
  const before = dscpOf(child.replaces);
  if (before.length > 0) setNote(child.notes, NOTE_DSCP, take(before, 0, before.length));
  return before;
}

/** True when the peer of an IKE SA answered a DSCP notify. */
export function answersDscp(sa: IkeSa): boolean {
  return noteOf(sa.notes, NOTE_PEER).length > 0;
}
