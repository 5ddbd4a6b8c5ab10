// The SA payload: writes proposals, chooses one of the peer's, checks the peer's choice [RFC 7296 §2.7, §3.3]. It reads the
// received octets in place. INTEG and KE are optional types: an absent one means NONE (0)
// [RFC 7296 §3.3.3]. A proposal with a transform type that ours lacks cannot be chosen, nor a transform with attributes other
// than ours.

import { u16 } from '../../base/bytes.ts';
import type { KeMethod } from '../../crypto/asymmetric.ts';
import { beginPayload, endPayload, type Writer, write8, write16, writeOctets } from './message.ts';
import {
  N_INVALID_SYNTAX,
  N_NO_PROPOSAL_CHOSEN,
  PAYLOAD_SA,
  PROTOCOL_IKE,
  type Prf,
  type SnTransform,
  TRANSFORM_ENCR,
  TRANSFORM_INTEG,
  TRANSFORM_KE,
  TRANSFORM_PRF,
  TRANSFORM_SN,
  type TransformType,
} from './numbers.ts';

/** A transform beyond the lists of `Transforms`: of another type, or with other attributes than Key Length. */
export interface Transform {
  /** Transform Type [RFC 7296 §3.3.2]. */
  type: number;
  /** 0, of a type of its own: the peer may leave the type out. */
  id: number;
  /** Attributes in wire format; null: accept any of the peer. */
  attributes: Uint8Array | null;
  /** Responder: whether `attributes` of the peer are as good; absent: only if they are the same. */
  takes?: (own: Transform, attributes: Uint8Array) => boolean;
}

/**
 * Transforms beyond the lists of a proposal of ours: see extra-transforms.ts.
 *
 * @noSelf
 */
export interface ExtraTransforms {
  /** The transforms, in order of preference within a type. */
  list: Transform[];
  /** Whether there is one of this type. */
  has(type: number): boolean;
  /** Writes them at the end of a proposal. */
  add(w: Writer): void;
  /**
   * Chooses one of each type out of the peer's proposal at `at` into `out.extra`; false: it does not fit. `out` has what the
   * lists of `own` chose; an extra transform of the same type takes the place of that.
   */
  choose(buffer: Uint8Array, at: number, own: Transforms, out: Choice): boolean;
  /** Without the types from first to last. */
  without(first: number, last: number): ExtraTransforms;
  /** Puts those that were chosen into an answer. */
  answer(own: Transforms, chosen: Transform[]): void;
}

/** One proposal of ours: transform identifiers by type, in order of preference. An empty list: no such type. */
export interface Transforms {
  /** PROTOCOL_*: what the proposal is for. */
  protocol: number;
  /** ENCR. A proposal has either AEADs or others. */
  ciphers: number[];
  /** Key Length of the cipher with the same index, in bits; 0: no attribute. */
  keyBits: number[];
  /** PRFs; proposals for the IKE SA only. */
  prf: (Prf | 0)[];
  /** Integrity algorithms; empty with AEADs. */
  integ: number[];
  /** Key exchange methods; 0: none. */
  ke: (KeMethod | 0)[];
  /** Kinds of sequence numbers; ESP and AH only. */
  sn: SnTransform[];
  /** Further transforms (createExtra); absent: none. */
  extra?: ExtraTransforms;
}

/** A choice. */
export interface Choice {
  /** Number octet of the proposal. */
  proposal: number;
  /** Index of our proposal that it fits. */
  own: number;
  /** Transform identifier of the encryption. */
  encr: number;
  /** Its Key Length, in bits; 0: no attribute. */
  keyBits: number;
  /** 0: none. */
  prf: Prf | 0;
  /** Integrity algorithm; 0: none. */
  integ: number;
  /** Key exchange method; 0: none. */
  ke: KeMethod | 0;
  /** 32-bit sequence numbers, or extended ones. */
  sn: SnTransform;
  /** Those of `Transforms.extra`, with the attributes that the peer sent; and where they came from. */
  extra: Transform[];
  /** What `extra` was chosen from. */
  extraOf: ExtraTransforms | undefined;
  /** The peer's SPI, in the buffer that was read. */
  spiAt: number;
  /** Octets of the peer's SPI. */
  spiSize: number;
  /** Transform types in the peer's proposal: bit n for type n. */
  types: number;
}

/** 0, or the error notify that answers an SA payload. */
export type SaVerdict = 0 | typeof N_NO_PROPOSAL_CHOSEN | typeof N_INVALID_SYNTAX;

/** Most proposals of a peer that are read. */
const MAX_PROPOSALS = 16;
/** Attribute Key Length, in the form type and value. */
const KEY_LENGTH = 0x800e;

export const NO_EXTRA: Transform[] = [];

/** Makes a record for `chooseSa` and `checkSaAnswer`. One is enough for any number of messages. */
export function createChoice(): Choice {
  return {
    proposal: 0,
    own: 0,
    encr: 0,
    keyBits: 0,
    prf: 0,
    integ: 0,
    ke: 0,
    sn: 0,
    extra: NO_EXTRA,
    extraOf: undefined,
    spiAt: 0,
    spiSize: 0,
    types: 0,
  };
}

/** The identifiers of one of the usual types. */
export function listOf(own: Transforms, type: number): number[] {
  if (type === TRANSFORM_ENCR) return own.ciphers;
  if (type === TRANSFORM_PRF) return own.prf;
  if (type === TRANSFORM_INTEG) return own.integ;
  return type === TRANSFORM_KE ? own.ke : own.sn;
}

function addProposal(
  w: Writer,
  last: boolean,
  number: number,
  own: Transforms,
  spi: Uint8Array,
  spiAt: number,
  spiSize: number,
): void {
  const extra = own.extra;
  let left = extra === undefined ? 0 : extra.list.length;
  for (let type = TRANSFORM_ENCR; type <= TRANSFORM_SN; type++) left += listOf(own, type).length;
  const at = w.at;
  write16(w, last ? 0 : 0x200);
  write16(w, 0);
  write8(w, number);
  write8(w, own.protocol);
  write8(w, spiSize);
  write8(w, left);
  writeOctets(w, spi, spiAt, spiSize);
  for (let type = TRANSFORM_ENCR; type <= TRANSFORM_SN; type++) {
    const ids = listOf(own, type);
    for (let i = 0; i < ids.length; i++) {
      const bits = type === TRANSFORM_ENCR ? own.keyBits[i] : 0;
      left--;
      write16(w, left === 0 ? 0 : 0x300);
      write16(w, bits === 0 ? 8 : 12);
      write16(w, type << 8);
      write16(w, ids[i]);
      if (bits !== 0) {
        write16(w, KEY_LENGTH);
        write16(w, bits);
      }
    }
  }
  if (extra !== undefined) extra.add(w);
  // A proposal's length is at the same place as a payload's.
  endPayload(w, at);
}

/** An SA payload with all of `proposals`, numbered from 1, each with the SPI spi[spiAt..spiAt+spiSize). */
export function addSa(w: Writer, proposals: Transforms[], spi: Uint8Array, spiAt: number, spiSize: number): void {
  const at = beginPayload(w, PAYLOAD_SA);
  for (let i = 0; i < proposals.length; i++) {
    addProposal(w, i === proposals.length - 1, i + 1, proposals[i], spi, spiAt, spiSize);
  }
  endPayload(w, at);
}

function oneOf<T extends number>(choice: Choice, type: TransformType, id: T): T[] {
  return ((choice.types >>> type) & 1) === 1 ? [id] : [];
}

/** The answer for a choice of `chooseSa`: an SA payload with one proposal, and one transform of each offered type. */
export function addAnswer(
  w: Writer,
  protocol: number,
  choice: Choice,
  spi: Uint8Array,
  spiAt: number,
  spiSize: number,
): void {
  const own: Transforms = {
    protocol: protocol,
    // AH has none.
    ciphers: oneOf(choice, TRANSFORM_ENCR, choice.encr),
    keyBits: [choice.keyBits],
    prf: oneOf(choice, TRANSFORM_PRF, choice.prf),
    integ: oneOf(choice, TRANSFORM_INTEG, choice.integ),
    ke: oneOf(choice, TRANSFORM_KE, choice.ke),
    sn: oneOf(choice, TRANSFORM_SN, choice.sn),
  };
  if (choice.extraOf !== undefined) choice.extraOf.answer(own, choice.extra);
  const at = beginPayload(w, PAYLOAD_SA);
  addProposal(w, true, choice.proposal, own, spi, spiAt, spiSize);
  endPayload(w, at);
}

/** True when the attributes in buffer[from..end) end there. */
function attributesFit(buffer: Uint8Array, from: number, end: number): boolean {
  let at = from;
  while (end - at >= 4) at += buffer[at] >= 0x80 ? 4 : 4 + u16(buffer, at + 2);
  return at === end;
}

/** Offset after the proposal at `at`; -1: it is malformed. */
function proposalEnd(buffer: Uint8Array, at: number, end: number): number {
  if (end - at < 8) return -1;
  const behind = at + u16(buffer, at + 2);
  if (behind > end || buffer[at] !== (behind === end ? 0 : 2)) return -1;
  let t = at + 8 + buffer[at + 6];
  for (let left = buffer[at + 7]; left > 0; left--) {
    if (behind - t < 8) return -1;
    const next = t + u16(buffer, t + 2);
    if (next - t < 8 || next > behind || buffer[t] !== (left === 1 ? 0 : 3)) return -1;
    if (!attributesFit(buffer, t + 8, next)) return -1;
    t = next;
  }
  return t === behind ? behind : -1;
}

/** Bit n for each transform type n in the proposal at `at`; 0: it has a type that ours lacks. */
function typesOf(buffer: Uint8Array, at: number, extra: ExtraTransforms | undefined): number {
  let types = 0;
  let t = at + 8 + buffer[at + 6];
  for (let left = buffer[at + 7]; left > 0; left--) {
    const type = buffer[t + 4];
    const isUsual = type >= TRANSFORM_ENCR && type <= TRANSFORM_SN;
    if (!isUsual && (extra === undefined || !extra.has(type))) return 0;
    types |= 1 << type;
    t += u16(buffer, t + 2);
  }
  return types;
}

/** True when the proposal at `at` has this transform, with exactly this Key Length (0: without attributes). */
export function hasTransform(buffer: Uint8Array, at: number, type: number, id: number, bits: number): boolean {
  let t = at + 8 + buffer[at + 6];
  for (let left = buffer[at + 7]; left > 0; left--) {
    const size = u16(buffer, t + 2);
    if (buffer[t + 4] === type && u16(buffer, t + 6) === id) {
      if (bits === 0 ? size === 8 : size === 12 && u16(buffer, t + 8) === KEY_LENGTH && u16(buffer, t + 10) === bits) {
        return true;
      }
    }
    t += size;
  }
  return false;
}

/** True when the proposal at `at` fits ours; `out` then has the choice. `noKe`: it may lack the type KE in any case. */
function fits(
  buffer: Uint8Array,
  at: number,
  own: Transforms,
  spiSize: number,
  keHint: number,
  noKe: boolean,
  out: Choice,
): boolean {
  if (buffer[at + 5] !== own.protocol || buffer[at + 6] !== spiSize) return false;
  const extra = own.extra;
  const types = typesOf(buffer, at, extra);
  if (types === 0) return false;
  for (let type = TRANSFORM_ENCR; type <= TRANSFORM_SN; type++) {
    const ids = listOf(own, type);
    const isOptional = type === TRANSFORM_INTEG || type === TRANSFORM_KE;
    const isOffered = ((types >>> type) & 1) === 1;
    let id = -1;
    let bits = 0;
    for (let i = 0; i < ids.length; i++) {
      const hinted = type === TRANSFORM_KE && keHint !== 0 && ids[i] === keHint;
      if (id < 0 || hinted) {
        const wanted = type === TRANSFORM_ENCR ? own.keyBits[i] : 0;
        if (isOffered ? hasTransform(buffer, at, type, ids[i], wanted) : isOptional && ids[i] === 0) {
          id = ids[i];
          bits = wanted;
        }
      }
    }
    if (id < 0 && ids.length === 0 && (!isOffered || (isOptional && hasTransform(buffer, at, type, 0, 0)))) id = 0;
    if (id < 0 && isOffered && extra !== undefined && extra.has(type)) id = 0;
    if (id < 0 && type === TRANSFORM_KE && !isOffered && noKe) id = 0;
    if (id < 0) return false;
    if (type === TRANSFORM_ENCR) {
      out.encr = id;
      out.keyBits = bits;
    } else if (type === TRANSFORM_PRF) {
      out.prf = id as Prf;
    } else if (type === TRANSFORM_INTEG) {
      out.integ = id;
    } else if (type === TRANSFORM_KE) {
      out.ke = id as KeMethod;
    } else {
      out.sn = id as SnTransform;
    }
  }
  out.extra = NO_EXTRA;
  out.extraOf = extra;
  out.proposal = buffer[at + 4];
  out.spiAt = at + 8;
  out.spiSize = spiSize;
  out.types = types;
  return extra === undefined || extra.choose(buffer, at, own, out);
}

/**
 * Responder: chooses the first proposal of the peer (SA payload body buffer[at..at+size)) that one of `own` fits, with an SPI of
 * `spiSize` octets. Takes transforms in our order of preference, but the key exchange method `keHint` (0: none) if it is
 * acceptable. Accepts a proposal for a Child SA without KE with ke 0, whatever `own` says, because IKE_AUTH never has KE; a
 * caller that requires a key exchange checks out.ke. Returns 0, N_NO_PROPOSAL_CHOSEN or N_INVALID_SYNTAX; `out` is valid only
 * after 0.
 */
export function chooseSa(
  buffer: Uint8Array,
  at: number,
  size: number,
  own: Transforms[],
  spiSize: number,
  keHint: number,
  out: Choice,
): SaVerdict {
  const end = at + size;
  let result: SaVerdict = N_NO_PROPOSAL_CHOSEN;
  let next = at;
  let seen = 0;
  do {
    const from = next;
    next = proposalEnd(buffer, from, end);
    if (next < 0) return N_INVALID_SYNTAX;
    if (++seen <= MAX_PROPOSALS) {
      for (let i = 0; i < own.length && result !== 0; i++) {
        if (fits(buffer, from, own[i], spiSize, keHint, own[i].protocol !== PROTOCOL_IKE, out)) {
          out.own = i;
          result = 0;
        }
      }
    }
  } while (next < end);
  return result;
}

/**
 * Initiator: checks that the answer is one proposal with the number of one of `own`, and one of our offered transforms of each
 * type. Returns 0, N_NO_PROPOSAL_CHOSEN (the answer is something else) or N_INVALID_SYNTAX.
 */
export function checkSaAnswer(
  buffer: Uint8Array,
  at: number,
  size: number,
  own: Transforms[],
  spiSize: number,
  out: Choice,
): SaVerdict {
  const behind = proposalEnd(buffer, at, at + size);
  if (behind < 0) return N_INVALID_SYNTAX;
  const index = buffer[at + 4] - 1;
  if (behind < at + size || index < 0 || index >= own.length) return N_NO_PROPOSAL_CHOSEN;
  if (!fits(buffer, at, own[index], spiSize, 0, false, out)) return N_NO_PROPOSAL_CHOSEN;
  let left = buffer[at + 7];
  for (let types = out.types; types > 0; types >>>= 1) left -= types & 1;
  out.own = index;
  return left === 0 ? 0 : N_NO_PROPOSAL_CHOSEN;
}
