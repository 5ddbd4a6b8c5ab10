// The state of IKEv2 of a device with one gateway and one Child SA. One object and lists, because an object is small and a
// module's variables cannot be written from another module.

import type { Session } from '../../../core/ike/state/session.ts';
import type { AeadKey } from '../crypto.ts';

/** An IKE SA: the current one, and those that a rekey or a Delete leaves. */
export interface IkeSlot {
  /** SPIi | SPIr | salt of what goes out | salt of what comes in (4 octets each) | where there are several: the cipher. */
  ids: Uint8Array;
  /** SK_d; null before there are keys. */
  d: Uint8Array | null;
  out: AeadKey | null;
  into: AeadKey | null;
  /** FLAG_INITIATOR where this side began it. */
  flag: number;
  /** STATE_*, OUTCOME_* */
  state: number;
  outcome: number;
  nextId: number;
  expectedId: number;
  /** The request on its way, TASK_* for which it is; null, 0: none. */
  request: Uint8Array | null;
  task: number;
  /** How often it was sent; when it is sent again, -1: nothing is waited for; without growing pauses. */
  tries: number;
  deadline: number;
  hurried: boolean;
  /** SPI of an unknown Child SA that the gateway deleted meanwhile. */
  gone: number;
  /** The last answer. */
  response: Uint8Array | null;
  heardAt: number;
  endAt: number;
  /** The gateway's token of this SA [RFC 6290]. */
  token: Uint8Array | null;
  next: IkeSlot | null;
}

/** A Child SA, or (spiOut 0) one that the gateway has and this side did not take. */
export interface ChildSlot {
  spiIn: number;
  spiOut: number;
  /** CHILD_* */
  stage: number;
  /** KE method of its rekeys, -1: not known. */
  ke: number;
  rekeyAt: number;
  removeAt: number;
  replaces: ChildSlot | null;
  /** What a simultaneous rekey of the gateway made, and the lowest of its nonces. */
  rival: ChildSlot | null;
  rivalNonce: Uint8Array;
  /** Requests that wait. */
  isRekeyAsked: boolean;
  isDeleteAsked: boolean;
  /** The optimized form was refused. */
  isRegular: boolean;
  /** No other reason to rekey before this time. */
  tag: number;
  next: ChildSlot | null;
}

/** An exchange of ours that makes keys. */
export interface DraftSlot {
  /** The Child SA that it rekeys; null: a new one, or the IKE SA. */
  old: ChildSlot | null;
  /** SPI: of the Child SA (4 octets), or of the IKE SA (8). */
  spi: Uint8Array;
  nonce: Uint8Array;
  /** KE method, 0: none; private value. */
  method: number;
  x: Uint8Array;
  /** In the optimized form. */
  short: boolean;
}

/** What only the set-up needs, beside its draft. */
export interface SetupSlot {
  nr: Uint8Array;
  /** The first messages as they are on the wire; the place in ours behind its cookie. */
  m1: Uint8Array;
  m2: Uint8Array;
  skip: number;
  /** SK_pi, SK_pr */
  pi: Uint8Array;
  pr: Uint8Array;
  resumed: boolean;
  restarts: number;
  again: boolean;
  /** An unprotected error, or 0. */
  error: number;
  /** The gateway sent our Vendor ID. */
  vendor: boolean;
  /** Downgrade prevention and child-pfs-info of the gateway. */
  transcript: boolean;
  pfsInfo: boolean;
  /** It verifies Ed25519. */
  identityHash: boolean;
  /** PPK_*; SK_d, SK_pi and SK_pr without the PPK. */
  ppk: number;
  plain: Uint8Array;
  /** IntAuth of both sides [RFC 9242 §3.3.2], empty: no round; the Message ID of IKE_AUTH. */
  intAuth: Uint8Array;
  authId: number;
}

export interface IkeBooks {
  /** All IKE SAs. */
  list: IkeSlot | null;
  /** The one that is being set up, or has the Child SAs. */
  current: IkeSlot | null;
  setup: SetupSlot | null;
  draft: DraftSlot | null;
  /** The next IV: one count for all keys. */
  counter: number;
  /** The gateway does optimized rekeys. KE method of the current IKE SA. */
  optimized: boolean;
  /** It may send fragments. */
  fragments: boolean;
  ke: number;
  /** The IKE SA that the gateway's rekey made while ours is on its way; the lowest of its nonces. */
  rival: IkeSlot | null;
  rivalNonce: Uint8Array;
  children: ChildSlot | null;
  /** The Child SA whose Delete is on its way. */
  leaving: ChildSlot | null;
  /** Requests that wait: a Child SA (not before; -1: none), a rekey of the IKE SA, in the regular form, a probe, the end. */
  childAt: number;
  isRekeyAsked: boolean;
  isRegular: boolean;
  isProbeAsked: boolean;
  isCloseAsked: boolean;
  rekeyAt: number;
  /** KE method that the gateway asked for, 0: none. */
  askedKe: number;
  hintedAt: number;
  session: Session | null;
  /** Attempts: this side wants a connection; pause before the next; when it is made, -1: none; what this one cost. */
  isWanted: boolean;
  wait: number;
  retryAt: number;
  messages: number;
  octets: number;
  begun: number;
  /** ESP packets at the last look. */
  received: number;
  drops: number;
}

/** The PPK is not used; in IKE_AUTH [RFC 8784]; in IKE_INTERMEDIATE [RFC 9867]. */
export const PPK_OFF = 0;
export const PPK_AUTH = 1;
export const PPK_ROUND = 2;

export const NO_OCTETS: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

export const S: IkeBooks = {
  list: null,
  current: null,
  setup: null,
  draft: null,
  counter: 0,
  optimized: false,
  fragments: false,
  ke: 0,
  rival: null,
  rivalNonce: NO_OCTETS,
  children: null,
  leaving: null,
  childAt: -1,
  isRekeyAsked: false,
  isRegular: false,
  isProbeAsked: false,
  isCloseAsked: false,
  rekeyAt: -1,
  askedKe: 0,
  hintedAt: -30000,
  session: null,
  isWanted: false,
  wait: 0,
  retryAt: -1,
  messages: 0,
  octets: 0,
  begun: 0,
  received: 0,
  drops: 0,
};

/** The time of the current call, milliseconds: it would be a parameter of almost every function. */
export let ikeNow = 0;

export function setIkeNow(now: number): void {
  ikeNow = now;
}

/** The IKE SA that is being set up beside the current one, to take its place; when the next one is begun, -1: never. */
export let freshIke: IkeSlot | null = null;
export let reauthAt = -1;

export function setFresh(sa: IkeSlot | null): void {
  freshIke = sa;
}

export function setReauth(at: number): void {
  reauthAt = at;
}
