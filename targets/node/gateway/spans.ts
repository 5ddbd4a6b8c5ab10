// Ranges of addresses that may overlap, with what each is for: all that meet a range are found without a look at the others.

import { octetsKey } from '../host/datagram.ts';

/** A range of addresses of one family, and what it is for. */
export interface Span<Value> {
  /** First and last address as keys, whose order is that of the addresses. */
  start: string;
  end: string;
  value: Value;
}

export function spanOf<Value>(start: Uint8Array, end: Uint8Array, value: Value): Span<Value> {
  const first = octetsKey(start);
  return { start: first, end: Buffer.compare(start, end) === 0 ? first : octetsKey(end), value };
}

export interface Spans<Value> {
  add(span: Span<Value>): void;
  /** Removes this very span. */
  remove(span: Span<Value>): void;
  /** Calls `look` for those that have an address of the range, until it says true, and tells whether it did. */
  some(start: Uint8Array, end: Uint8Array, look: (value: Value) => boolean): boolean;
}

/** Spans of addresses of one size, in ascending order, and for each place the last address of any up to there. */
interface Family<Value> {
  list: Span<Value>[];
  reach: string[];
}

/** The first place whose span begins behind `key`; with `isFrom` at it or behind. */
function placeOf<Value>(list: Span<Value>[], key: string, isFrom: boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { start } = list[middle];
    if (isFrom ? start < key : start <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `first`: those that are there from the beginning; many at once are quicker than one by one. */
export function createSpans<Value>(first: readonly Span<Value>[] = []): Spans<Value> {
  const families = new Map<number, Family<Value>>();
  const familyOf = (size: number): Family<Value> => {
    const known = families.get(size) ?? { list: [], reach: [] };
    families.set(size, known);
    return known;
  };

  /** Makes `reach` right from a place on, up to where nothing changes any more. */
  function extend({ list, reach }: Family<Value>, from: number): void {
    for (let i = from; i < list.length; i++) {
      const before = i === 0 ? '' : reach[i - 1];
      const { end } = list[i];
      // biome-ignore lint/complexity/useMathMinMax: these are texts.
      const next = end > before ? end : before;
      if (i > from && reach[i] === next) return;
      reach[i] = next;
    }
  }

  for (const span of first) familyOf(span.start.length).list.push(span);
  for (const family of families.values()) {
    family.list.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
    family.reach = family.list.map(({ end }) => end);
    let last = '';
    family.reach.forEach((end, index) => {
      if (end > last) last = end;
      family.reach[index] = last;
    });
  }

  return {
    add(span) {
      const family = familyOf(span.start.length);
      const place = placeOf(family.list, span.start, false);
      family.list.splice(place, 0, span);
      family.reach.splice(place, 0, '');
      extend(family, place);
    },
    remove(span) {
      const family = familyOf(span.start.length);
      for (let i = placeOf(family.list, span.start, true); family.list[i]?.start === span.start; i++) {
        if (family.list[i] !== span) continue;
        family.list.splice(i, 1);
        family.reach.splice(i, 1);
        extend(family, i);
        return;
      }
    },
    some(start, end, look) {
      const { list, reach } = familyOf(start.length);
      const [from, to] = [octetsKey(start), octetsKey(end)];
      for (let i = placeOf(list, to, false) - 1; i >= 0 && reach[i] >= from; i--) {
        if (list[i].end >= from && look(list[i].value)) return true;
      }
      return false;
    },
  };
}
