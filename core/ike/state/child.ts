// A Child SA, during and after negotiation: plain data.

import type { KeMethod } from '../../crypto/asymmetric.ts';
import type { IpsecMode } from '../../dietesp/attributes.ts';
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
import type { ChildStage } from './stage.ts';

export { CHILD_DELETED, CHILD_LIVE, CHILD_SUPERSEDED, type ChildStage } from './stage.ts';

/** What an extension keeps for itself with a draft or an SA: octets, overwritten with those of the set-up. */
export interface Note {
  /** The extension's name for it. */
  name: string;
  /** Any octets. */
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

/**
 * A Child SA: what was agreed, and where it stands. Extensions read it; what is to be kept goes to `notes`. Hosts use
 * `describeIkeSa`.
 */
export interface ChildSa {
  /** The policy that it came from. */
  policy: ChildPolicy;
  /** SPI of packets to this side, 32 bits. */
  spiIn: number;
  /** SPI of packets to the peer, 32 bits. */
  spiOut: number;
  /** null: the protocol is not ESP. */
  suite: Suite | null;
  /** Key Length of the cipher, in bits; 0: no attribute was sent. */
  keyBits: number;
  /** 32-bit sequence numbers, or extended ones. */
  esn: SnTransform;
  /** Tunnel or transport. */
  mode: IpsecMode;
  /** Selector of this side; of several (`selectorsOf`) the first. */
  local: Selector;
  /** Selector of the peer. */
  remote: Selector;
  /** Attributes of Diet-ESP that were agreed; null: plain ESP. */
  compression: CompressionChoice | null;
  /** DSCP values for dscp_cda sa; else empty. */
  dscpList: number[];
  /** The Security Protocol, and octets of its SPIs. */
  protocol: number;
  /** Octets of each SPI, 1 to 4. */
  spiSize: number;
  /** Chosen transforms beyond the usual ones. */
  transforms: Transform[];
  /** Where its packets go when that is not where those of its IKE SA go; null: there. */
  path: Path | null;
  /** What extensions keep. */
  notes: Note[];
  /** KE method of rekeys, 0: none; and false where it is not known (the first Child SA without child-pfs-info). */
  ke: KeMethod | 0;
  /** @internal */
  keKnown: boolean;
  /** The Child SA that it took over from. */
  replaces: ChildSa | null;
  /** @internal */
  retired: ChildStage;
  /** When to rekey it, -1: never; and when to remove it for good, -1: not yet. */
  rekeyAt: number;
  /** @internal */
  removeAt: number;
  /** What a simultaneous rekey by the peer made: the lowest of its nonces, and the Child SA. @internal */
  rivalNonce: Uint8Array;
  /** @internal */
  rival: ChildSa | null;
  /** For the host. */
  tag: number;
}

/** A Child SA in negotiation. */
export interface Draft {
  /** The policy that it is negotiated by. */
  policy: ChildPolicy;
  /** The Child SA that it replaces, or null. */
  replaces: ChildSa | null;
  /** A rekey without SA and TS payloads. */
  optimized: boolean;
  /** We began the exchange. */
  own: boolean;
  /** SPI that this side chose, 32 bits. */
  spiIn: number;
  /** The peer's SPI; 0 before it told one. */
  spiOut: number;
  /** Transforms agreed so far. */
  choice: Choice;
  /** Tunnel or transport, as agreed so far. */
  mode: IpsecMode;
  /** Selectors of this side: what is offered, then what was agreed. */
  local: Selector[];
  /** Selectors of the peer. */
  remote: Selector[];
  /** Attributes of Diet-ESP agreed; null: none. */
  compression: CompressionChoice | null;
  /** The peer's offer of compression was not acceptable. */
  refused: boolean;
  /** DSCP values for dscp_cda sa; else empty. */
  dscpList: number[];
  /** DSCP values that the peer states; null: it did not. */
  peerDscp: number[] | null;
  /** @internal */
  kx: KeyExchange;
  /** 0, or why it came to nothing. @internal */
  verdict: Verdict;
  /** Index of the extension whose IKE_FOLLOWUP_KE comes next. @internal */
  followUp: number;
  /** Where its packets will go; null: where those of the IKE SA go. */
  path: Path | null;
  /** What extensions keep; the Child SA gets them. */
  notes: Note[];
}

/** Moves a Child SA on, never back. */
export function retire(child: ChildSa, stage: ChildStage): void {
  if (child.retired < stage) child.retired = stage;
}
