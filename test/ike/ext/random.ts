// Random policies, and random offers in every form that is accepted.

import fc from 'fast-check';
import type { CompressionPolicy } from '../../../core/ike/state/compression.ts';

const MOST = [2, 1, 3, 3, 32, 32, 1];

function pairs(type: number): fc.Arbitrary<number[]> {
  const value = fc.nat({ max: MOST[type] });
  // Small sets of SPI and SN bits often have no whole octets in common; whole octets are likely.
  const likely = type === 4 || type === 5 ? fc.oneof(value, fc.constantFrom(0, 8, 16, 24, 32)) : value;
  const pair = fc.oneof(
    likely.map((n) => [n, n]),
    fc.tuple(likely, value).map(([a, b]) => [Math.min(a, b), Math.max(a, b)]),
  );
  return fc.array(pair, { maxLength: type === 6 ? 1 : 2 }).map((list) => list.flat());
}

const proposal = fc.tuple(...MOST.map((_, type) => pairs(type))).map((allowed) => ({ allowed: allowed as number[][] }));
const list = fc.oneof(fc.constant<number[]>([]), fc.uniqueArray(fc.nat({ max: 63 }), { minLength: 1, maxLength: 5 }));

export const policy: fc.Arbitrary<CompressionPolicy> = fc.record({
  proposals: fc.array(proposal, { minLength: 0, maxLength: 3 }),
  required: fc.constant(false),
  dscpList: list,
});

const word = (value: number): number[] => [value >>> 8, value & 255];
const edges = fc.oneof(fc.nat({ max: 33 }), fc.constantFrom(0, 1, 2, 3, 4, 7, 8, 16, 24, 32, 0x100, 0xffff));
const type = fc.oneof(
  { weight: 20, arbitrary: fc.nat({ max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom(7, 0x7ffe) },
);

const attribute = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(type, edges).map(([t, v]) => [...word(0x8000 + t), ...word(v)]) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(type, edges, edges, fc.constantFrom(0x7fff, 0xffff), fc.constantFrom(4, 8, 8, 8))
      .map(([t, a, b, code, length]) => [
        ...word(code),
        ...word(length),
        ...word(0x8000 + t),
        ...word(Math.min(a, b)),
        ...word(0x8000 + t),
        ...word(Math.max(a, b)),
      ]),
  },
);

/** Data of an HCP_PROPOSAL request. */
export const hcpData: fc.Arbitrary<Uint8Array> = fc
  .array(fc.tuple(fc.array(attribute, { maxLength: 6 }), fc.constantFrom(0, 0, 0, 0, 0, 1), fc.nat({ max: 3 })), {
    maxLength: 4,
  })
  .map((proposals) => {
    const octets = proposals.flatMap(([list, name, shift], index) => {
      const data = list.flat();
      return [index * 4 + shift, name, ...word(data.length), ...data];
    });
    return Uint8Array.from(octets);
  });

const parameter = fc
  .tuple(
    fc.oneof({ weight: 20, arbitrary: fc.nat({ max: 4 }) }, { weight: 1, arbitrary: fc.constantFrom(5, 9, 0x7fff) }),
    fc.oneof(fc.nat({ max: 31 }), fc.constantFrom(0, 0, 1, 2, 4, 8, 16, 32, 0x8001)),
  )
  .map(([code, value]) => [...word(0x8000 + code), ...word(value)]);

const parameterList = fc.uniqueArray(parameter, {
  maxLength: 6,
  // Context IDs may come more than once.
  selector: (octets) => (octets[1] === 0 ? octets.join() : octets.slice(0, 2).join()),
});

/** Data of an EHC_SUPPORTED request. */
export const ehcData: fc.Arbitrary<Uint8Array> = fc.array(parameterList, { maxLength: 4 }).map((proposals) =>
  Uint8Array.from(
    proposals.flatMap((list) => {
      const data = list.flat();
      return [...word(data.length), ...data];
    }),
  ),
);

/** Octets with a few changes. */
export const changes: fc.Arbitrary<[number, number][]> = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), {
  minLength: 1,
  maxLength: 3,
});

/** Changes of the values in an answer, whose attributes begin at `from`. */
export function valueChanges(from: number): fc.Arbitrary<[number, number][]> {
  const change = fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 33 }));
  return fc
    .array(change, { minLength: 1, maxLength: 2 })
    .map((list) => list.map(([index, value]) => [from + index * 4 + 3, value]));
}

export function changed(octets: Uint8Array, list: [number, number][]): Uint8Array {
  const copy = octets.slice();
  for (const [at, value] of list) if (copy.length > 0) copy[at % copy.length] = value;
  return copy;
}
