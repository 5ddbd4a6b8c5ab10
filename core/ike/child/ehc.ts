// EHC_SUPPORTED: the notify of June 2023 that negotiates Diet-ESP [draft-mglt-ipsecme-ikev2-diet-esp-extension; the same
// in draft-ietf-ipsecme-ikev2-diet-esp-extension-00], for peers that have no other. A parameter is 0x8000 + code point
// (2) and a value (2). Values, except ehc_context_id, are masks; an answer has one bit of each. An offer is any number of
// proposals, Proposal Length(2) | parameters; an answer is bare parameters. Today's engine runs the result
// (dietesp/legacy.ts): DSCP and ECN from the outer header, or by the DSCP list if both sides have one.

import { put16, u16 } from '../../base/bytes.ts';
import { CDA_LOWER, CDA_SA } from '../../dietesp/attributes.ts';
import { type Writer, write16 } from '../codec/message.ts';
import type {
  CompressionChoice,
  CompressionNotify,
  CompressionPolicy,
  CompressionProposal,
} from '../state/compression.ts';
import {
  ALIGNMENT,
  DSCP,
  ECN,
  FLOW,
  MAX_ATTRIBUTES,
  MAX_PROPOSALS,
  SN_LSB,
  SPI_LSB,
  TRAILER,
} from './attribute-types.ts';
import { allows, choiceWithin, chooseFrom, openProposal, proposalsOf, valuesOf } from './compression.ts';

const FIXED = 0x8000;
/** Parameters 1 to 4: the attribute, and the value that each bit of the mask stands for, from the lowest bit. */
const TYPES = [-1, ALIGNMENT, SPI_LSB, SN_LSB, FLOW];
const OCTETS = [32, 24, 16, 8, 0];
const VALUES = [[], [2, 0], OCTETS, OCTETS, [1, 0]];
/** The meaning of an absent mask in an offer: every bit but the one for 0 octets, which is ours (0x0010). */
const EVERY = 0x0f;
/** The lowest bit is the default of all four. */
const DEFAULT = 1;
/** A pair without values. */
const NOTHING = [1, 0];

/** Parameters of a proposal or an answer. */
interface Parameters {
  /** Masks by code point; 0: absent, -1: no known bit. */
  masks: number[];
  count: number;
  /** Context IDs: how often Diet-ESP, how many others. */
  diet: number;
  foreign: number;
  /** There are unallocated code points. */
  unknown: boolean;
}

/** Null: it is malformed, with a parameter with a length, or a mask twice. */
function readParameters(buffer: Uint8Array, at: number, end: number): Parameters | null {
  const p: Parameters = { masks: [0, 0, 0, 0, 0], count: 0, diet: 0, foreign: 0, unknown: false };
  while (at < end) {
    if (end - at < 4) return null;
    const type = u16(buffer, at) - FIXED;
    const value = u16(buffer, at + 2);
    if (type < 0) return null;
    if (type === 0) {
      if (value === 0) p.diet++;
      else p.foreign++;
    } else if (type < p.masks.length) {
      if (p.masks[type] !== 0) return null;
      const known = value & ((1 << VALUES[type].length) - 1);
      p.masks[type] = known === 0 ? -1 : known;
    } else p.unknown = true;
    p.count++;
    at += 4;
  }
  return p;
}

/** dscp_cda and ecn_cda that go with the policy's DSCP list. */
function dscpOf(policy: CompressionPolicy): number {
  return policy.dscpList.length === 0 ? CDA_LOWER : CDA_SA;
}

function ecnOf(policy: CompressionPolicy): number {
  return CDA_SA - dscpOf(policy);
}

/** The masks as a proposal. */
function proposalOf(policy: CompressionPolicy, masks: number[]): CompressionProposal {
  const p = openProposal();
  p.allowed[DSCP] = [dscpOf(policy), dscpOf(policy)];
  p.allowed[ECN] = [ecnOf(policy), ecnOf(policy)];
  for (let i = 1; i < masks.length; i++) {
    const mask = masks[i] === 0 ? EVERY : masks[i];
    const list: number[] = mask < 0 ? NOTHING : [];
    for (let bit = 0; bit < VALUES[i].length && mask > 0; bit++) {
      if ((mask & (1 << bit)) !== 0) list.push(VALUES[i][bit], VALUES[i][bit]);
    }
    p.allowed[TYPES[i]] = list;
  }
  return p;
}

function addParameter(w: Writer, type: number, value: number): void {
  write16(w, FIXED + type);
  write16(w, value);
}

/** Leaves out values that no mask has. A mask may become 0, which makes its proposal void. */
function addOffer(w: Writer, policy: CompressionPolicy): void {
  for (let i = 0; i < policy.proposals.length; i++) {
    const p = policy.proposals[i];
    const fits =
      allows(policy, p, DSCP, dscpOf(policy)) && allows(policy, p, ECN, ecnOf(policy)) && allows(policy, p, TRAILER, 1);
    const at = w.at;
    write16(w, 0);
    // A proposal that does not name Diet-ESP means it too, so it is listed once.
    if (i === 0) addParameter(w, 0, 0);
    for (let type = 1; type < TYPES.length; type++) {
      let mask = 0;
      for (let bit = 0; bit < VALUES[type].length && fits; bit++) {
        if (allows(policy, p, TYPES[type], VALUES[type][bit])) mask |= 1 << bit;
      }
      if (!fits || p.allowed[TYPES[type]].length > 0) addParameter(w, type, mask);
    }
    if (!w.full) put16(w.buffer, at, w.at - at - 2);
  }
}

function choose(policy: CompressionPolicy, buffer: Uint8Array, at: number, size: number): CompressionChoice | null {
  const end = at + size;
  const offers: CompressionProposal[] = [];
  const ids: number[] = [];
  let count = 0;
  let parameters = 0;
  while (at < end) {
    if (end - at < 2 || count === MAX_PROPOSALS) return null;
    const next = at + 2 + u16(buffer, at);
    if (next > end) return null;
    count++;
    const p = readParameters(buffer, at + 2, next);
    if (p !== null) {
      parameters += p.count;
      if (parameters > MAX_ATTRIBUTES) return null;
      // Context IDs are alternatives. Unknown code points may be those of another one, else they are not understood.
      if (p.foreign === 0 ? !p.unknown : p.diet > 0) {
        offers.push(proposalOf(policy, p.masks));
        ids.push(count);
      }
    }
    at = next;
  }
  if (count === 0) {
    offers.push(proposalOf(policy, [0, 0, 0, 0, 0]));
    ids.push(0);
  }
  return chooseFrom(policy, offers, ids);
}

function addAnswer(w: Writer, choice: CompressionChoice): void {
  const values = valuesOf(choice);
  addParameter(w, 0, 0);
  for (let type = 1; type < TYPES.length; type++) {
    for (let bit = 0; bit < VALUES[type].length; bit++) {
      if (VALUES[type][bit] === values[TYPES[type]]) addParameter(w, type, 1 << bit);
    }
  }
}

/** The answer names no proposal, so the first one with its values counts. */
function check(policy: CompressionPolicy, buffer: Uint8Array, at: number, size: number): CompressionChoice | null {
  const end = at + size;
  // In an answer that is wrapped in a proposal, the length comes first.
  if (size > 1 && buffer[at] < 0x80) {
    if (u16(buffer, at) !== size - 2) return null;
    at += 2;
  }
  const p = readParameters(buffer, at, end);
  if (p === null || p.unknown || p.diet > 1 || p.foreign > 0) return null;
  const values = [dscpOf(policy), ecnOf(policy), 0, 0, 0, 0, 1];
  for (let type = 1; type < TYPES.length; type++) {
    const mask = p.masks[type] === 0 ? DEFAULT : p.masks[type];
    let bit = 0;
    while (bit < VALUES[type].length && mask !== 1 << bit) bit++;
    if (bit === VALUES[type].length) return null;
    values[TYPES[type]] = VALUES[type][bit];
  }
  const own = proposalsOf(policy);
  for (let i = 0; i < own.length; i++) {
    const choice = choiceWithin(policy, own[i], i + 1, values);
    if (choice !== null) return choice;
  }
  return null;
}

/** The legacy notify. */
export const ehc: CompressionNotify = {
  name: 'ehc',
  type: (numbers) => numbers.ehcSupported,
  refusalType: (numbers) => numbers.ehcUnacceptableParameter,
  addOffer: addOffer,
  choose: choose,
  addAnswer: addAnswer,
  check: check,
};
