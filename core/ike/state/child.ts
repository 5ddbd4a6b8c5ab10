// A Child SA, during and after negotiation: plain data.

import type { KeMethod } from '../../crypto/asymmetric.ts';
import type { Mode } from '../../dietesp/attributes.ts';
import type { Suite } from '../../esp/suites.ts';
import type { SnTransform } from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import type { Choice, Transform } from '../codec/proposals.ts';
import type { Selector } from '../codec/selectors.ts';
import type { KeyExchange } from '../crypto/key-exchange.ts';
import type { CompressionChoice } from './compression.ts';
import type { Verdict } from './outcome.ts';
import type { Path } from './path.ts';
import type { ChildPolicy } from './policy.ts';

/** What an extension keeps for itself with a draft or an SA: octets, overwritten with those of the set-up. */
export interface Note {
  name: string;
  octets: Uint8Array;
}

/** The note of this name, empty where there is none. */
export function noteOf(notes: Note[], name: string): Uint8Array {
  for (let i = 0; i < notes.length; i++) if (notes[i].name === name) return notes[i].octets;
  return NONE;
}

/** Keeps a note in the place of the one of this name. */
export function setNote(notes: Note[], name: string, octets: Uint8Array): void {
  for (let i = 0; i < notes.length; i++) {
    if (notes[i].name !== name) continue;
    notes[i].octets = octets;
    return;
  }
  notes.push({ name: name, octets: octets });
}

/** In use; a newer one took over, or the host closed it; its Delete is done, late packets still come in. */
export const CHILD_LIVE = 0 as const;
export const CHILD_SUPERSEDED = 1 as const;
export const CHILD_DELETED = 2 as const;
export type ChildStage = typeof CHILD_LIVE | typeof CHILD_SUPERSEDED | typeof CHILD_DELETED;

export interface ChildSa {
  policy: ChildPolicy;
  spiIn: number;
  spiOut: number;
  /** null: the protocol is not ESP. */
  suite: Suite | null;
  keyBits: number;
  esn: SnTransform;
  mode: Mode;
  local: Selector;
  remote: Selector;
  compression: CompressionChoice | null;
  dscpList: number[];
  /** The Security Protocol, and octets of its SPIs. */
  protocol: number;
  spiSize: number;
  /** Chosen transforms beyond the usual ones. */
  transforms: Transform[];
  /** Where its packets go when that is not where those of its IKE SA go; null: there. */
  path: Path | null;
  /** What extensions keep. */
  notes: Note[];
  /** KE method of rekeys, 0: none; and false where it is not known (the first Child SA without child-pfs-info). */
  ke: KeMethod | 0;
  keKnown: boolean;
  /** The Child SA that it took over from. */
  replaces: ChildSa | null;
  retired: ChildStage;
  /** When to rekey it, -1: never; and when to remove it for good, -1: not yet. */
  rekeyAt: number;
  removeAt: number;
  /** What a simultaneous rekey by the peer made: the lowest of its nonces, and the Child SA. */
  rivalNonce: Uint8Array;
  rival: ChildSa | null;
  /** For the host. */
  tag: number;
}

/** A Child SA in negotiation. */
export interface Draft {
  policy: ChildPolicy;
  /** The Child SA that it replaces, or null. */
  replaces: ChildSa | null;
  optimized: boolean;
  /** We began the exchange. */
  own: boolean;
  spiIn: number;
  spiOut: number;
  choice: Choice;
  mode: Mode;
  local: Selector[];
  remote: Selector[];
  compression: CompressionChoice | null;
  /** The peer's offer of compression was not acceptable. */
  refused: boolean;
  dscpList: number[];
  /** DSCP values that the peer states; null: it did not. */
  peerDscp: number[] | null;
  kx: KeyExchange;
  /** 0, or why it came to nothing. */
  verdict: Verdict;
  /** Index of the extension whose IKE_FOLLOWUP_KE comes next. */
  followUp: number;
  /** Where its packets will go; null: where those of the IKE SA go. */
  path: Path | null;
  notes: Note[];
}

/** Moves a Child SA on, never back. */
export function retire(child: ChildSa, stage: ChildStage): void {
  if (child.retired < stage) child.retired = stage;
}
