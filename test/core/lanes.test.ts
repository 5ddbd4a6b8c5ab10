// The choice between SAs with the same selectors: against the draft's four steps written down a second time, over random sets
// of classes and every DSCP; flows over resources; TS_DSCP inbound.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admits, createLane, type Lane, laneFor, setClass } from '../../core/esp/lanes.ts';
import { SIX } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import { easySa } from './support.ts';

function lane(list: readonly number[], isStrict = false, resource = 0): Lane {
  const one = createLane(easySa(6, 17, { iipc_enabled: false, ts_port_src: [0, 65535] }));
  setClass(one, Uint8Array.from(list), 0);
  one.strict = isStrict;
  one.resource = resource;
  return one;
}

function inner(dscp: number, port = 5001): Uint8Array {
  const octets = packet(SIX, udp(port, 4500, Buffer.from('01', 'hex')));
  octets[0] = 0x60 | (dscp >> 2);
  octets[1] = (octets[1] & 0x3f) | ((dscp & 3) << 6);
  return octets;
}

/** The four steps [draft-mglt-ipsecme-dscp-np]; what TS_DSCP leaves out is no candidate. */
function naive(list: { values: number[]; lane: Lane }[], dscp: number): Lane | null {
  const candidates = list.filter((one) => !one.lane.strict || one.values.includes(dscp));
  const own = candidates
    .filter(({ values }) => values.includes(dscp))
    .sort((a, b) => a.values.length - b.values.length);
  const empty = candidates.filter(({ values }) => values.length === 0);
  return (own[0] ?? empty[0] ?? candidates[0])?.lane ?? null;
}

test('the four steps, for random classes and every DSCP; nothing is dropped because of its class', () => {
  let state = 5;
  const below = (limit: number): number => {
    state = (state * 48271) % 0x7fffffff;
    return state % limit;
  };
  for (let round = 0; round < 60; round++) {
    const list = Array.from({ length: 1 + below(4) }, () => {
      const values = [...new Set(Array.from({ length: below(6) }, () => below(64)))];
      return { values, lane: lane(values, values.length > 0 && below(4) === 0) };
    });
    const lanes = list.map((one) => one.lane);
    const hasOther = list.some((one) => !one.lane.strict);
    for (let dscp = 0; dscp < 64; dscp++) {
      const octets = inner(dscp);
      const chosen = laneFor(lanes, octets, 0, octets.length, 0);
      assert.equal(chosen, naive(list, dscp), `round ${round}, DSCP ${dscp}`);
      if (hasOther) assert.ok(chosen !== null);
    }
  }
});

test('an SA that has ended, and selectors that do not match, are no candidates', () => {
  const [voice, other] = [lane([46]), lane([])];
  const octets = inner(46);
  assert.equal(laneFor([other, voice], octets, 0, octets.length, 0), voice);
  voice.sa.ended = 1;
  assert.equal(laneFor([other, voice], octets, 0, octets.length, 0), other);
  const away = packet({ src: SIX.src, dst: '2001:db8::9999' }, udp(5001, 4500, Buffer.from('01', 'hex')));
  assert.equal(laneFor([other], away, 0, away.length, 0), null);
  assert.equal(laneFor([], octets, 0, octets.length, 0), null);
});

test('a rule that cannot carry the packet is the last choice, whatever its class', () => {
  const sa = easySa(6, 17, { flow_label_cda: 'zero' });
  const zero = createLane(sa);
  setClass(zero, Uint8Array.of(46), 0);
  const octets = inner(46);
  octets[3] = 5;
  const plain = lane([]);
  assert.equal(laneFor([zero, plain], octets, 0, octets.length, 0), plain);
  assert.equal(laneFor([zero], octets, 0, octets.length, 0), zero, 'alone it says why');
});

test('TS_DSCP is checked inbound, a statement is not', () => {
  for (let dscp = 0; dscp < 64; dscp++) {
    const octets = inner(dscp);
    assert.equal(admits(lane([10, 46], true), octets, 0), dscp === 10 || dscp === 46);
    assert.equal(admits(lane([10, 46]), octets, 0), true);
    assert.equal(admits(lane([]), octets, 0), true);
  }
  const four = Uint8Array.from([0x45, 46 << 2]);
  assert.equal(admits(lane([46], true), four, 0), true);
  assert.equal(admits(lane([45], true), four, 0), false);
});

test('flows are spread over resources, stay where they are, and move when their SA ends', () => {
  const lanes = [1, 2, 3, 4].map((resource) => lane([], false, resource));
  const of = (port: number, list: readonly Lane[] = lanes): Lane => {
    const octets = inner(0, port);
    return laneFor(list, octets, 0, octets.length, 0)!;
  };
  const counts = new Map<Lane, number>();
  const before = new Map<number, Lane>();
  for (let port = 1000; port < 3000; port++) {
    const chosen = of(port);
    before.set(port, chosen);
    counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    assert.equal(of(port, [...lanes].reverse()), chosen, 'the order does not matter');
  }
  for (const one of lanes) assert.ok(counts.get(one)! > 350, String([...counts.values()]));
  lanes[1].sa.ended = 1;
  for (const [port, chosen] of before) {
    if (chosen === lanes[1]) assert.notEqual(of(port), chosen);
    else assert.equal(of(port), chosen, 'it stays');
  }
  // A rekey: the old one goes on until it is retired.
  const next = lane([], false, 3);
  for (const [port, chosen] of before) if (chosen === lanes[2]) assert.equal(of(port, [...lanes, next]), chosen);
});
