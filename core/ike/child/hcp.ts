// HCP_PROPOSAL: negotiation of Diet-ESP in a Notify payload [draft-ietf-ipsecme-ikev2-diet-esp-extension-04]. An offer
// is one or more proposals, an answer exactly one:
//   Proposal ID(1) | HCP Name(1), 0 = Diet-ESP | Proposal Length(2) of what follows | attributes
// An attribute is 0x8000 + type (2) and a value (2), or a range: 7FFF, length 8, two attributes of one type.

import { put16, u16 } from '../../base/bytes.ts';
import { type Writer, write8, write16 } from '../codec/message.ts';
import { N_NO_PROPOSAL_CHOSEN } from '../codec/numbers.ts';
import type {
  CompressionChoice,
  CompressionNotify,
  CompressionPolicy,
  CompressionProposal,
} from '../state/compression.ts';
import { ATTRIBUTES, MAX_ATTRIBUTES, MAX_PROPOSALS } from './attribute-types.ts';
import { choiceWithin, chooseFrom, DEFAULTS, openProposal, proposalsOf, valuesOf } from './compression.ts';

const PROPOSAL_HEADER = 4;
const DIET_ESP = 0;
/** Format bit of an attribute with a fixed length of 2. */
const FIXED = 0x8000;
/** The draft says 65535, but its figure shows the format bit as 0. */
const RANGE = 0x7fff;
const RANGE_SIZE = 12;

function addAttribute(w: Writer, type: number, value: number): void {
  write16(w, FIXED + type);
  write16(w, value);
}

/** Returns the place of the length. */
function beginProposal(w: Writer, id: number): number {
  write8(w, id);
  write8(w, DIET_ESP);
  write16(w, 0);
  return w.at - 2;
}

function endProposal(w: Writer, at: number): void {
  if (!w.full) put16(w.buffer, at, w.at - at - 2);
}

function addOffer(w: Writer, policy: CompressionPolicy): void {
  const own = proposalsOf(policy);
  for (let i = 0; i < own.length; i++) {
    const at = beginProposal(w, i + 1);
    for (let type = 0; type < ATTRIBUTES; type++) {
      const list = own[i].allowed[type];
      for (let k = 0; k < list.length; k += 2) {
        if (list[k] !== list[k + 1]) {
          write16(w, RANGE);
          write16(w, RANGE_SIZE - 4);
          addAttribute(w, type, list[k]);
        }
        addAttribute(w, type, list[k + 1]);
      }
    }
    endProposal(w, at);
  }
}

/** Reads the attributes in [at, end) into `p`. Returns their number (a range is one), or -1: discard the proposal. */
function readAttributes(p: CompressionProposal, buffer: Uint8Array, at: number, end: number): number {
  let count = 0;
  while (at < end) {
    if (end - at < 4) return -1;
    let next = at + 4;
    let low = at;
    let high = at;
    // The draft's text says FFFF.
    if ((u16(buffer, at) | FIXED) === (RANGE | FIXED)) {
      const length = u16(buffer, at + 2);
      // The draft's figure says 4, but has both attributes.
      if ((length !== RANGE_SIZE - 4 && length !== 4) || end - at < RANGE_SIZE) return -1;
      low = at + 4;
      high = at + 8;
      next = at + RANGE_SIZE;
    }
    const type = u16(buffer, low) - FIXED;
    if (type < 0 || type >= ATTRIBUTES || u16(buffer, high) - FIXED !== type) return -1;
    if (u16(buffer, low + 2) > u16(buffer, high + 2)) return -1;
    p.allowed[type].push(u16(buffer, low + 2), u16(buffer, high + 2));
    count++;
    at = next;
  }
  return count;
}

function choose(policy: CompressionPolicy, buffer: Uint8Array, at: number, size: number): CompressionChoice | null {
  const end = at + size;
  const offers: CompressionProposal[] = [];
  const ids: number[] = [];
  const seen: number[] = [];
  let attributes = 0;
  while (at < end) {
    if (end - at < PROPOSAL_HEADER || seen.length === MAX_PROPOSALS) return null;
    const id = buffer[at];
    const next = at + PROPOSAL_HEADER + u16(buffer, at + 2);
    if (next > end) return null;
    // An answer with a repeated ID would be ambiguous.
    for (let i = 0; i < seen.length; i++) if (seen[i] === id) return null;
    seen.push(id);
    if (buffer[at + 1] === DIET_ESP) {
      const p = openProposal();
      const count = readAttributes(p, buffer, at + PROPOSAL_HEADER, next);
      if (count >= 0) {
        attributes += count;
        if (attributes > MAX_ATTRIBUTES) return null;
        offers.push(p);
        ids.push(id);
      }
    }
    at = next;
  }
  return chooseFrom(policy, offers, ids);
}

/** The peer takes the default for an attribute that is left out. */
function addAnswer(w: Writer, choice: CompressionChoice): void {
  const at = beginProposal(w, choice.proposal);
  const values = valuesOf(choice);
  for (let type = 0; type < ATTRIBUTES; type++) {
    if (values[type] !== DEFAULTS[type]) addAttribute(w, type, values[type]);
  }
  endProposal(w, at);
}

function check(policy: CompressionPolicy, buffer: Uint8Array, at: number, size: number): CompressionChoice | null {
  const own = proposalsOf(policy);
  const length = size - PROPOSAL_HEADER;
  if (length < 0 || u16(buffer, at + 2) !== length || buffer[at + 1] !== DIET_ESP) return null;
  const id = buffer[at];
  if (id < 1 || id > own.length) return null;
  const p = openProposal();
  // Only without ranges is it four octets each.
  if (readAttributes(p, buffer, at + PROPOSAL_HEADER, at + size) * 4 !== length) return null;
  const values: number[] = [];
  for (let type = 0; type < ATTRIBUTES; type++) {
    const list = p.allowed[type];
    if (list.length > 2) return null;
    values.push(list.length > 0 ? list[0] : DEFAULTS[type]);
  }
  return choiceWithin(policy, own[id - 1], id, values);
}

/** The notify of today's draft. Use this one. */
export const hcp: CompressionNotify = {
  name: 'hcp',
  type: (numbers) => numbers.hcpProposal,
  refusalType: () => N_NO_PROPOSAL_CHOSEN,
  addOffer: addOffer,
  choose: choose,
  addAnswer: addAnswer,
  check: check,
};
