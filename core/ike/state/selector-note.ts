// The selectors of a Child SA that may have several on each side (ext/several-selectors.ts): a note with the payloads TSi and TSr
// as this side would send them, so a store keeps it like other notes.

import { u16 } from '../../base/bytes.ts';
import { beginChain, createWriter } from '../codec/message.ts';
import { PAYLOAD_TSI, PAYLOAD_TSR } from '../codec/numbers.ts';
import { take } from '../codec/octets.ts';
import { addSelectors, parseSelectors, type Selector } from '../codec/selectors.ts';
import { type ChildSa, type Draft, noteOf, setNote } from './child.ts';

const NOTE_SELECTORS = 'selectors';
/** Octets of 32 selectors of IPv6 and the two payload headers. */
const NOTE_MAX = 32 * 40 + 16;

/** The selectors of a Child SA, at least one on each side: a packet is within one of each. */
export interface Selectors {
  /** This side's. */
  local: Selector[];
  /** The peer's. */
  remote: Selector[];
}

/** Keeps the selectors of a draft, 16 on each side at most. */
export function noteSelectors(draft: Draft): void {
  const w = createWriter(new Uint8Array(NOTE_MAX));
  beginChain(w, 0);
  addSelectors(w, PAYLOAD_TSI, draft.local);
  addSelectors(w, PAYLOAD_TSR, draft.remote);
  setNote(draft.notes, NOTE_SELECTORS, take(w.buffer, 0, w.at));
}

/** An optimized rekey carries no selectors and goes on with those of the Child SA that it replaces. */
function noted(child: ChildSa): Uint8Array {
  const own = noteOf(child.notes, NOTE_SELECTORS);
  if (own.length > 0 || child.replaces === null) return own;
  const before = noted(child.replaces);
  if (before.length > 0) setNote(child.notes, NOTE_SELECTORS, take(before, 0, before.length));
  return before;
}

/** The selectors of a Child SA; it is to be called when it is installed too, as a rekey may take over those of the one before. */
export function selectorsOf(child: ChildSa): Selectors {
  const octets = noted(child);
  if (octets.length === 0) return { local: [child.local], remote: [child.remote] };
  const size = u16(octets, 2);
  const all: Selectors = { local: [], remote: [] };
  parseSelectors(octets, 4, size - 4, all.local);
  parseSelectors(octets, size + 4, octets.length - size - 4, all.remote);
  return all;
}
