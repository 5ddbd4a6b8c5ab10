// Traffic selectors: payloads TSi and TSr, and the intersection of two lists [RFC 7296 §2.9, §3.13]. Port fields are plain
// numbers, also for ICMP type and code; OPAQUE is 65535 to 0 [RFC 4301 §4.4.1.1].

import { compare, u16 } from '../../base/bytes.ts';
import { copy } from '../../base/spans.ts';
import { beginPayload, endPayload, type Writer, write8, write16, write32, writeOctets } from './message.ts';
import { N_INVALID_SYNTAX, TS_IPV4_ADDR_RANGE, TS_IPV6_ADDR_RANGE } from './numbers.ts';

/** A Traffic Selector [RFC 7296 §3.13.1]: a range of addresses, a protocol, a range of ports. */
export interface Selector {
  /** IP protocol, 0: any. */
  protocol: number;
  /** First port, 0..65535. For ICMP: type and code of 8 bits each. */
  startPort: number;
  /** Last port; 65535 with 0: any. */
  endPort: number;
  /** First and last address, of 4 or 16 octets. */
  start: Uint8Array;
  /** Last address, as many octets. */
  end: Uint8Array;
}

/** 0, or the error notify that answers a TS payload. */
export type SelectorVerdict = 0 | typeof N_INVALID_SYNTAX;

/** Most selectors that `narrowSelectors` gives. A payload has as many as its count says, 255 at most. */
const MAX_NARROWED = 16;

function isOpaque(s: Selector): boolean {
  return s.startPort === 65535 && s.endPort === 0;
}

function isAnyPort(s: Selector): boolean {
  return s.startPort === 0 && s.endPort === 65535;
}

/**
 * Appends the selectors of the TS payload whose body is buffer[at..at+size) to `out`; those of an unknown type are
 * skipped. 0, or N_INVALID_SYNTAX (also for a range that ends before it starts).
 */
export function parseSelectors(buffer: Uint8Array, at: number, size: number, out: Selector[]): SelectorVerdict {
  if (size < 4) return N_INVALID_SYNTAX;
  const behind = at + size;
  let next = at + 4;
  for (let left = buffer[at]; left > 0; left--) {
    const s = next;
    if (behind - s < 4) return N_INVALID_SYNTAX;
    const length = u16(buffer, s + 2);
    next = s + length;
    if (length < 4 || next > behind) return N_INVALID_SYNTAX;
    const addressSize = buffer[s] === TS_IPV4_ADDR_RANGE ? 4 : buffer[s] === TS_IPV6_ADDR_RANGE ? 16 : 0;
    if (addressSize !== 0) {
      if (length !== 8 + 2 * addressSize) return N_INVALID_SYNTAX;
      const one: Selector = {
        protocol: buffer[s + 1],
        startPort: u16(buffer, s + 4),
        endPort: u16(buffer, s + 6),
        start: new Uint8Array(addressSize),
        end: new Uint8Array(addressSize),
      };
      copy(one.start, 0, buffer, s + 8, addressSize);
      copy(one.end, 0, buffer, s + 8 + addressSize, addressSize);
      const order = compare(one.start, 0, one.end, 0, addressSize);
      if (order > 0) return N_INVALID_SYNTAX;
      // A single address needs one array.
      if (order === 0) one.end = one.start;
      if (one.startPort > one.endPort && !isOpaque(one)) return N_INVALID_SYNTAX;
      out.push(one);
    }
  }
  return next === behind ? 0 : N_INVALID_SYNTAX;
}

/** A payload of `payloadType` (TSi or TSr) with the selectors of `list`. */
export function addSelectors(w: Writer, payloadType: number, list: Selector[]): void {
  const at = beginPayload(w, payloadType);
  write32(w, 0);
  if (!w.full) w.buffer[at + 4] = list.length;
  for (let i = 0; i < list.length; i++) {
    const s = list[i];
    const size = s.start.length;
    write8(w, size === 4 ? TS_IPV4_ADDR_RANGE : TS_IPV6_ADDR_RANGE);
    write8(w, s.protocol);
    write16(w, 8 + 2 * size);
    write16(w, s.startPort);
    write16(w, s.endPort);
    writeOctets(w, s.start, 0, size);
    writeOctets(w, s.end, 0, size);
  }
  endPayload(w, at);
}

function same(a: Selector, b: Selector): boolean {
  const size = a.start.length;
  return (
    a.protocol === b.protocol &&
    a.startPort === b.startPort &&
    a.endPort === b.endPort &&
    size === b.start.length &&
    compare(a.start, 0, b.start, 0, size) === 0 &&
    compare(a.end, 0, b.end, 0, size) === 0
  );
}

/** What both cover, or null. */
function common(a: Selector, b: Selector): Selector | null {
  const size = a.start.length;
  if (size !== b.start.length || (a.protocol !== b.protocol && a.protocol !== 0 && b.protocol !== 0)) return null;
  const startPort = Math.max(a.startPort, b.startPort);
  const endPort = Math.min(a.endPort, b.endPort);
  if (isOpaque(a) || isOpaque(b)) {
    // OPAQUE intersects with OPAQUE and with any.
    if (!((isOpaque(a) || isAnyPort(a)) && (isOpaque(b) || isAnyPort(b)))) return null;
  } else if (startPort > endPort) {
    return null;
  }
  const start = compare(a.start, 0, b.start, 0, size) > 0 ? a.start : b.start;
  const end = compare(a.end, 0, b.end, 0, size) < 0 ? a.end : b.end;
  if (compare(start, 0, end, 0, size) > 0) return null;
  return {
    protocol: a.protocol !== 0 ? a.protocol : b.protocol,
    startPort: startPort,
    endPort: endPort,
    start: start,
    end: end,
  };
}

function isWithin(s: Selector, limit: Selector): boolean {
  const both = common(s, limit);
  return both !== null && same(both, s);
}

/** True when `list` has at least one selector, and each of them lies within one of `limits`. */
export function selectorsWithin(list: Selector[], limits: Selector[]): boolean {
  for (let i = 0; i < list.length; i++) {
    let found = false;
    for (let j = 0; j < limits.length; j++) if (isWithin(list[i], limits[j])) found = true;
    if (!found) return false;
  }
  return list.length > 0;
}

/**
 * What both lists allow, at most 16, in the order of `offered`; none lies within another. Empty: nothing. The addresses are
 * those of the arguments, not copies.
 */
export function narrowSelectors(offered: Selector[], allowed: Selector[]): Selector[] {
  let list: Selector[] = [];
  for (let i = 0; i < offered.length; i++) {
    for (let j = 0; j < allowed.length; j++) {
      const both = common(offered[i], allowed[j]);
      if (both !== null && !selectorsWithin([both], list)) {
        const rest: Selector[] = [];
        for (let k = 0; k < list.length; k++) if (!isWithin(list[k], both)) rest.push(list[k]);
        if (rest.length < MAX_NARROWED) rest.push(both);
        list = rest;
      }
    }
  }
  return list;
}

/** What each selector of `offered` has in common with each of `allowed`, in the order of `offered`. */
function overlaps(offered: Selector[], allowed: Selector[]): Selector[] {
  const list: Selector[] = [];
  for (let i = 0; i < offered.length; i++) {
    for (let j = 0; j < allowed.length; j++) {
      const both = common(offered[i], allowed[j]);
      if (both !== null) list.push(both);
    }
  }
  return list;
}

/** True when a packet can be within both, one at each end: of the same IP version and protocol. */
export function joins(a: Selector, b: Selector): boolean {
  const isSame = a.protocol === b.protocol || a.protocol === 0 || b.protocol === 0;
  return isSame && a.start.length === b.start.length;
}

/** The widest of `list` that holds `one` and goes with `other`. */
function widest(list: Selector[], one: Selector, other: Selector): Selector {
  let best = one;
  for (let i = 0; i < list.length; i++) if (joins(list[i], other) && isWithin(best, list[i])) best = list[i];
  return best;
}

/** `s`, with the protocol where it leaves it open. */
function withProtocol(s: Selector, protocol: number): Selector {
  if (s.protocol === protocol || protocol === 0) return s;
  return { protocol: protocol, startPort: s.startPort, endPort: s.endPort, start: s.start, end: s.end };
}

/**
 * The one pair that an SA takes: of what TSi and its limits, and TSr and its limits, have in common, the first that go
 * together, each as wide as it can be. A protocol on one side is that of both, as packets have only one
 * [RFC 7296 §2.9]. Empty: none go together. The addresses are those of the arguments, not copies.
 */
export function pairSelectors(tsi: Selector[], limitsI: Selector[], tsr: Selector[], limitsR: Selector[]): Selector[] {
  const left = overlaps(tsi, limitsI);
  const right = overlaps(tsr, limitsR);
  for (let i = 0; i < left.length; i++) {
    for (let j = 0; j < right.length; j++) {
      if (!joins(left[i], right[j])) continue;
      const a = widest(left, left[i], right[j]);
      const b = widest(right, right[j], a);
      return [withProtocol(a, b.protocol), withProtocol(b, a.protocol)];
    }
  }
  return [];
}

/** The selector in `list` that equals `s`, so that SAs of one policy share it; else `s`. */
export function sharedSelector(list: Selector[], s: Selector): Selector {
  for (let i = 0; i < list.length; i++) if (same(list[i], s)) return list[i];
  return s;
}

function contains(a: Selector[], b: Selector[]): boolean {
  for (let i = 0; i < b.length; i++) {
    let found = false;
    for (let j = 0; j < a.length; j++) if (same(a[j], b[i])) found = true;
    if (!found) return false;
  }
  return true;
}

/** True when both lists have the same selectors, in any order. */
export function selectorsEqual(a: Selector[], b: Selector[]): boolean {
  return contains(a, b) && contains(b, a);
}
