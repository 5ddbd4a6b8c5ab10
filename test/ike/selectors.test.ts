// Traffic selectors: writing and reading; narrowing against sets of single packets.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { beginChain, createWriter } from '../../core/ike/codec/message.ts';
import { N_INVALID_SYNTAX, PAYLOAD_TSI, PAYLOAD_TSR } from '../../core/ike/codec/numbers.ts';
import {
  addSelectors,
  narrowSelectors,
  parseSelectors,
  type Selector,
  selectorsEqual,
  selectorsWithin,
} from '../../core/ike/codec/selectors.ts';
import { hex, octetsOf, selector } from './examples.ts';

function written(list: Selector[]): Uint8Array {
  const w = createWriter(new Uint8Array(5000));
  beginChain(w, 0);
  addSelectors(w, PAYLOAD_TSI, list);
  assert.equal(w.first, PAYLOAD_TSI);
  return w.buffer.slice(4, w.at);
}

function read(body: Uint8Array): Selector[] | number {
  const out: Selector[] = [];
  const result = parseSelectors(body, 0, body.length, out);
  return result === 0 ? out : result;
}

const ANY: [number, number] = [0, 65535];
const OPAQUE: [number, number] = [65535, 0];
const COAP = selector(17, [5683, 5683], [192, 0, 2, 0], [192, 0, 2, 255]);
const ZERO6 = new Array<number>(16).fill(0);
const ONES6 = new Array<number>(16).fill(255);
const ALL4 = selector(0, ANY, [0, 0, 0, 0], [255, 255, 255, 255]);
const ALL6 = selector(0, ANY, ZERO6, ONES6);

test('octets of a TS payload', () => {
  const w = createWriter(new Uint8Array(100));
  beginChain(w, 0);
  addSelectors(w, PAYLOAD_TSR, [COAP]);
  assert.equal(w.first, PAYLOAD_TSR);
  const expected = '00000018' + '01000000' + '07110010' + '16331633' + 'c0000200' + 'c00002ff';
  assert.equal(hex(w.buffer.subarray(0, w.at)), expected);
});

const ports = fc.oneof(
  fc.constant(OPAQUE),
  fc.constant(ANY),
  fc.tuple(fc.nat(65535), fc.nat(65535)).map(([a, b]): [number, number] => (a < b ? [a, b] : [b, a])),
);
const addresses = (size: number) =>
  fc
    .tuple(fc.uint8Array({ minLength: size, maxLength: size }), fc.uint8Array({ minLength: size, maxLength: size }))
    .map(([a, b]) => (Buffer.compare(a, b) < 0 ? [a, b] : [b, a]));
const anySelector = fc
  .tuple(fc.nat(255), ports, fc.oneof(addresses(4), addresses(16)))
  .map(([protocol, port, [start, end]]) => selector(protocol, port, [...start], [...end]));

test('what is written is what is read', () => {
  fc.assert(
    fc.property(fc.array(anySelector, { maxLength: 16 }), (list) => {
      assert.deepEqual(read(written(list)), list);
    }),
  );
});

test('octets that are not in order', () => {
  const body = written([COAP, ALL6]);
  assert.equal((read(body) as Selector[]).length, 2);
  for (let size = 0; size < body.length; size++) {
    assert.equal(parseSelectors(body, 0, size, []), N_INVALID_SYNTAX, 'cut to ' + size);
  }
  assert.equal(read(Uint8Array.of(...body, 0)), N_INVALID_SYNTAX);
  for (const [at, value] of [
    [0, 1],
    [0, 3],
    [4, 8],
    [7, 15],
    [7, 3],
    [8, 0x17], // The first port behind the last.
    [12, 193], // The first address behind the last.
  ]) {
    const changed = body.slice();
    changed[at] = value;
    assert.equal(read(changed), N_INVALID_SYNTAX, 'octet ' + at + ' is ' + value);
  }
  // Lengths that the type does not have, with as many octets.
  for (const [type, length] of [
    [7, 8],
    [7, 15],
    [7, 17],
    [7, 40],
    [8, 16],
    [8, 41],
  ]) {
    const one = new Uint8Array(4 + length);
    one.set([1, 0, 0, 0, type, 0, 0, length]);
    assert.equal(read(one), N_INVALID_SYNTAX, 'type ' + type + ' of ' + length);
  }
});

test('unknown types are skipped, and there may be 255', () => {
  const odd = octetsOf('03000000 | f100000801020304 | 0711001016331633c0000200c00002ff | 0a000004');
  assert.deepEqual(read(odd), [COAP]);
  assert.equal((read(written(new Array<Selector>(16).fill(COAP))) as Selector[]).length, 16);
  assert.equal((read(written(new Array<Selector>(255).fill(COAP))) as Selector[]).length, 255);
});

test('one of the list may be narrowed to the policy', () => {
  const wide = selector(0, ANY, [192, 0, 2, 128], [203, 0, 113, 255]);
  assert.deepEqual(narrowSelectors([wide], [COAP]), [selector(17, [5683, 5683], [192, 0, 2, 128], [192, 0, 2, 255])]);
  assert.deepEqual(narrowSelectors([ALL6, COAP], [ALL4]), [COAP]);
  assert.deepEqual(narrowSelectors([ALL6], [ALL4, COAP]), []);
  assert.deepEqual(narrowSelectors([COAP, ALL4], [ALL4]), [ALL4]);
  assert.deepEqual(narrowSelectors([ALL4, COAP], [ALL4, COAP]), [ALL4]);
  assert.deepEqual(narrowSelectors([], [ALL4]), []);
  const other = selector(17, [5683, 5683], [192, 0, 3, 0], [192, 0, 3, 255]);
  assert.deepEqual(narrowSelectors([COAP], [other]), []);
  assert.deepEqual(narrowSelectors([other], [COAP]), []);
});

test('OPAQUE has in common with any and OPAQUE alone', () => {
  const with4 = (port: [number, number]): Selector => selector(17, port, [10, 0, 0, 1], [10, 0, 0, 1]);
  const opaque = with4(OPAQUE);
  assert.deepEqual(narrowSelectors([opaque], [with4(ANY)]), [opaque]);
  assert.deepEqual(narrowSelectors([with4(ANY)], [opaque]), [opaque]);
  assert.deepEqual(narrowSelectors([opaque], [opaque]), [opaque]);
  for (const port of [
    [80, 80],
    [0, 0],
    [65535, 65535],
    [0, 65534],
    [1, 65535],
  ] as [number, number][]) {
    assert.deepEqual(narrowSelectors([opaque], [with4(port)]), [], 'ports ' + port);
    assert.deepEqual(narrowSelectors([with4(port)], [opaque]), [], 'ports ' + port);
  }
  // Not OPAQUE, though first and last of them look so.
  assert.deepEqual(narrowSelectors([with4([0, 0])], [with4([65535, 65535])]), []);
  assert.equal(selectorsWithin([opaque], [with4(ANY)]), true);
  assert.equal(selectorsWithin([with4(ANY)], [opaque]), false);
});

test('within, and equal', () => {
  assert.equal(selectorsWithin([COAP], [ALL6, ALL4]), true);
  assert.equal(selectorsWithin([COAP, ALL6], [ALL4]), false);
  assert.equal(selectorsWithin([ALL4], [COAP]), false);
  assert.equal(selectorsWithin([], [ALL4]), false);
  assert.equal(selectorsWithin([COAP], []), false);
  assert.equal(selectorsWithin([{ ...COAP, protocol: 0 }], [COAP]), false);
  assert.equal(selectorsEqual([COAP, ALL6], [ALL6, COAP]), true);
  assert.equal(selectorsEqual([COAP], [ALL6, COAP]), false);
  assert.equal(selectorsEqual([ALL6, COAP], [COAP]), false);
  assert.equal(selectorsEqual([], []), true);
  for (const other of [
    { ...COAP, protocol: 6 },
    { ...COAP, startPort: 5682 },
    { ...COAP, endPort: 5684 },
    selector(17, [5683, 5683], [192, 0, 2, 1], [192, 0, 2, 255]),
    selector(17, [5683, 5683], [192, 0, 2, 0], [192, 0, 2, 254]),
    selector(17, [5683, 5683], ZERO6, ZERO6),
  ]) {
    assert.equal(selectorsEqual([COAP], [other]), false);
  }
});

/** Every packet of a small world that a selector takes: protocols 1..3, ports 0, 1, 65534, 65535, opaque; 8 addresses. */
function packets(list: Selector[]): Set<string> {
  const taken = new Set<string>();
  for (const s of list) {
    for (const protocol of [1, 2, 3]) {
      if (s.protocol !== 0 && s.protocol !== protocol) continue;
      for (const port of [0, 1, 65534, 65535, -1]) {
        const isAny = s.startPort === 0 && s.endPort === 65535;
        const isOpaque = s.startPort === 65535 && s.endPort === 0;
        if (port < 0 ? !(isAny || isOpaque) : isOpaque || port < s.startPort || port > s.endPort) continue;
        for (let address = 0; address < 8; address++) {
          if (address >= s.start[3] && address <= s.end[3]) taken.add([protocol, port, address].join());
        }
      }
    }
  }
  return taken;
}

const smallPorts = fc.constantFrom<[number, number]>(
  ANY,
  OPAQUE,
  [0, 1],
  [0, 0],
  [1, 65534],
  [65535, 65535],
  [1, 65535],
);
const small = fc
  .tuple(fc.nat(3), smallPorts, fc.nat(7), fc.nat(7))
  .map(([protocol, port, a, b]) => selector(protocol, port, [10, 0, 0, Math.min(a, b)], [10, 0, 0, Math.max(a, b)]));
const few = fc.array(small, { maxLength: 3 });

test('narrowing takes the packets that both take, and no others', () => {
  fc.assert(
    fc.property(few, few, (offered, allowed) => {
      const both = narrowSelectors(offered, allowed);
      const inAllowed = packets(allowed);
      const expected = [...packets(offered)].filter((packet) => inAllowed.has(packet));
      assert.deepEqual([...packets(both)].sort(), expected.sort());
      if (both.length > 0) {
        assert.equal(selectorsWithin(both, offered), true);
        assert.equal(selectorsWithin(both, allowed), true);
      }
      for (const one of both)
        assert.equal(
          selectorsWithin(
            [one],
            both.filter((other) => other !== one),
          ),
          false,
        );
    }),
    { numRuns: 1000 },
  );
});

test('narrowing gives 16 selectors at most', () => {
  const slices = (byAddress: boolean): Selector[] =>
    Array.from({ length: 6 }, (_, i) =>
      byAddress
        ? selector(0, ANY, [10, 0, 0, 2 * i], [10, 0, 0, 2 * i])
        : selector(17, [i, i], [0, 0, 0, 0], [99, 0, 0, 0]),
    );
  assert.equal(narrowSelectors(slices(true), slices(false)).length, 16);
});
