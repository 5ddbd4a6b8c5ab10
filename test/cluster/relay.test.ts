// Messages between gateways, and what a gateway does with packets that no SA of its own is for: in one process, with a clock that the
// test moves.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createRelay, type Relay } from '../../targets/node/gateway/relay.ts';
import type { Messages } from '../../targets/node/host/cluster/bucket.ts';
import { createLetters, type OwnLetters } from '../../targets/node/host/cluster/letters.ts';
import type { ClusterState } from '../../targets/node/host/state/shared.ts';

const SECRET = new Uint8Array(32).fill(7);
const HINT = 'at/fd00';
const octets = (text: string): Uint8Array => Buffer.from(text);

interface Gate {
  id: string;
  letters: OwnLetters;
  relay: Relay;
  isLive: boolean;
  isHeld: boolean;
  /** Packets that it took for others; those that it takes begin with one of `has`. */
  taken: string[];
  has: Set<string>;
  /** Packets that wait for a gateway that is gone. */
  waiting: Set<() => void>;
  transmitted: string[];
}

interface Net {
  gates: Gate[];
  time: number;
  /** Lets time go on, and all timers run. */
  run(time: number): void;
  /** What was sent, to whom. */
  sent: { to: string; octets: Uint8Array }[];
  /** False: it does not come. */
  passes: (to: string, octets: Uint8Array) => boolean;
  give(to: string, octets: Uint8Array): void;
}

function netOf(count: number): Net {
  const listeners = new Map<string, (octets: Uint8Array) => void>();
  let timers: { at: number; work: () => void }[] = [];
  const net: Net = {
    gates: [],
    time: 0,
    sent: [],
    passes: () => true,
    give: (to, one) => listeners.get(to)?.(one),
    run(length) {
      const end = net.time + length;
      for (;;) {
        const next = timers.reduce(
          (best, one) => (best === null || one.at < best.at ? one : best),
          null as null | (typeof timers)[0],
        );
        if (next === null || next.at > end) break;
        timers = timers.filter((one) => one !== next);
        net.time = Math.max(net.time, next.at);
        next.work();
      }
      net.time = end;
    },
  };
  const messages: Messages = {
    send(to, one) {
      const copy = one.slice();
      net.sent.push({ to, octets: copy });
      if (net.passes(to, copy)) timers.push({ at: net.time + 1, work: () => net.give(to, copy) });
      return true;
    },
    listen(to, each) {
      listeners.set(to, each);
      return () => void listeners.delete(to);
    },
  };
  for (let index = 0; index < count; index++) {
    const id = `${index}`.repeat(16);
    const isLive = (session: string): boolean => net.gates.some((one) => one.id === session && one.isLive);
    const session = { id: () => id, isLive };
    const letters = createLetters({ messages, session, secret: SECRET, scope: 'x' });
    letters.begin();
    const gate = {
      id,
      letters,
      isLive: true,
      isHeld: true,
      taken: [],
      has: new Set(),
      waiting: new Set(),
    } as unknown as Gate;
    gate.transmitted = [];
    const shared = {
      letters,
      now: () => net.time,
      lease: 3000,
      isHeld: () => gate.isHeld,
      session: () => id,
      sessions: () => net.gates.flatMap((one) => (one !== gate && one.isLive ? [one.id] : [])),
      after(time: number, work: () => void) {
        timers.push({ at: net.time + time, work });
        return () => {};
      },
    } as unknown as ClusterState;
    gate.relay = createRelay(shared, {
      guard: (run) => run(),
      hold(_hints, again) {
        gate.waiting.add(again);
        return () => void gate.waiting.delete(again);
      },
      take(one) {
        const text = Buffer.from(one).toString();
        if (!gate.has.has(text.split(' ')[0])) return null;
        gate.taken.push(text);
        return 0;
      },
      transmit: (one) => void gate.transmitted.push(Buffer.from(one).toString()),
    });
    net.gates.push(gate);
  }
  return net;
}

test('messages: what was changed, recorded, or is for another gateway or another life of it, is refused and does nothing', () => {
  const net = netOf(3);
  const [a, b, c] = net.gates;
  assert.equal(a.relay.send(b.id, octets('one')), true);
  net.run(10);
  assert.deepEqual(b.transmitted, ['one']);
  const [{ octets: recorded }] = net.sent;
  net.give(b.id, recorded);
  net.give(c.id, recorded);
  for (let at = 0; at < recorded.length; at++) {
    const changed = recorded.slice();
    changed[at] ^= 1;
    net.give(b.id, changed);
  }
  for (let length = 0; length < recorded.length; length++) net.give(b.id, recorded.subarray(0, length));
  for (const length of [0, 1, 16, 100, 70000, 1000000]) net.give(b.id, randomBytes(length));
  assert.deepEqual([b.transmitted, c.transmitted], [['one'], []]);
  assert.equal(b.letters.counters.refused, 1 + 2 * recorded.length + 6);
  assert.equal(c.letters.counters.refused, 1);
  // Of a gateway that is gone nothing is taken.
  net.passes = () => false;
  a.relay.send(b.id, octets('two'));
  a.isLive = false;
  net.give(b.id, net.sent.at(-1)!.octets);
  assert.deepEqual(b.transmitted, ['one']);
  // Another life of the receiver: nothing that was for the first one opens.
  a.isLive = true;
  const [later] = [net.sent.at(-1)!.octets];
  const other = '9'.repeat(16);
  const isLive = (): boolean => true;
  const heard: string[] = [];
  let each: (one: Uint8Array) => void = () => {};
  const listener: Messages = { send: () => true, listen: (_to, on) => (each = on) as unknown as () => void };
  const reborn = createLetters({
    messages: listener,
    session: { id: () => other, isLive },
    secret: SECRET,
    scope: 'x',
  });
  reborn.take = (from) => void heard.push(from);
  reborn.begin();
  for (const one of [recorded, later]) each(one);
  assert.deepEqual([heard, reborn.counters.refused], [[], 2]);
});

test('messages come late, each once, within 4,096 numbers', () => {
  const net = netOf(2);
  const [a, b] = net.gates;
  net.passes = () => false;
  for (let i = 1; i <= 5000; i++) a.relay.send(b.id, octets(String(i)));
  const at = (number: number): Uint8Array => net.sent[number - 1].octets;
  for (const number of [4500, 4500, 405, 404, 4499, 4499, 5000, 904, 905, 405]) net.give(b.id, at(number));
  assert.deepEqual(b.transmitted, ['4500', '405', '4499', '5000', '905']);
  assert.equal(b.letters.counters.refused, 5);
});

test('who has it is asked once; then packets go there alone, and each is taken once, whatever is lost', () => {
  const net = netOf(3);
  const [a, b, c] = net.gates;
  c.has.add('x');
  const send = (text: string): boolean => a.relay.unknown(HINT, octets(text), () => {});
  for (const text of ['x 1', 'x 2', 'x 3']) assert.equal(send(text), true);
  net.run(20);
  assert.deepEqual(c.taken, ['x 1', 'x 2', 'x 3']);
  assert.equal(net.sent.filter(({ to }) => to === b.id).length, 1);
  assert.equal(a.waiting.size, 0);
  // Answers are lost.
  net.passes = (to) => to !== a.id;
  send('x 4');
  net.run(300);
  assert.equal(a.waiting.size, 1);
  net.passes = () => true;
  net.run(1000);
  assert.equal(a.waiting.size, 0);
  assert.deepEqual(c.taken, ['x 1', 'x 2', 'x 3', 'x 4']);
  // It has moved: b has it now.
  c.has.delete('x');
  b.has.add('x');
  send('x 5');
  net.run(20);
  assert.deepEqual(b.taken, ['x 5']);
  // Its gateway says nothing any more: the packet waits as long as for one that is gone, and is forgotten.
  b.isHeld = false;
  send('x 6');
  net.run(5000);
  assert.equal(a.waiting.size, 1);
  net.run(1000);
  assert.equal(a.waiting.size, 0);
  const before = net.sent.length;
  net.run(60000);
  assert.equal(net.sent.length, before);
});

test('a flood of packets that nobody knows: 200 questions a second, and none twice in 2 seconds', () => {
  const net = netOf(3);
  const [a] = net.gates;
  for (let i = 0; i < 20; i++) {
    a.relay.unknown(HINT, octets('x'), () => {});
    net.run(100);
  }
  assert.equal(a.relay.counters.asked, 1);
  assert.equal(
    a.relay.unknown(HINT, octets('x'), () => {}),
    false,
    'its source may be told',
  );
  net.run(20000);
  assert.equal(a.waiting.size, 0);
  const { asked } = a.relay.counters;
  const seconds = 5;
  for (let i = 0; i < seconds * 1000; i++) {
    a.relay.unknown(`esp/${i}`, octets('x'), () => {});
    net.run(1);
  }
  assert.ok(a.relay.counters.asked - asked <= 400 + seconds * 200);
  assert.ok(a.relay.counters.limited >= 2000);
  // One of a gateway that is known goes on meanwhile.
  net.run(20000);
  assert.equal(a.waiting.size, 0);
});

test('the first message on a radio: of those that heard it one answers, and gets the repetitions', () => {
  const tally = new Map<string, number>();
  for (let seed = 0; seed < 30; seed++) {
    const net = netOf(4);
    const answers: string[] = [];
    const key = `${seed} key`;
    const hear = (gate: Gate): void => gate.relay.claim(key, octets(`x ${gate.id}`), () => void answers.push(gate.id));
    const near = net.gates.slice(0, 2 + (seed % 3));
    for (const gate of near) {
      hear(gate);
      net.run(seed % 7);
    }
    net.run(200);
    assert.equal(answers.length, 1, `seed ${seed}`);
    const winner = net.gates.find(({ id }) => id === answers[0])!;
    assert.ok(near.includes(winner));
    tally.set(winner.id, (tally.get(winner.id) ?? 0) + 1);
    // The repetition is heard by another one alone, and by one that heard nothing before.
    winner.has.add('x');
    const other = near.find((gate) => gate !== winner)!;
    hear(other);
    net.run(200);
    assert.deepEqual([winner.taken, answers.length], [[`x ${other.id}`], 1]);
    const late = net.gates.find((gate) => !near.includes(gate));
    if (late !== undefined) {
      hear(late);
      net.run(200);
      assert.deepEqual([winner.taken.length, answers.length], [2, 1]);
    }
    // It is gone: the message is answered all the same.
    winner.isLive = false;
    hear(other);
    net.run(200);
    assert.equal(answers.length, 2);
    hear(other);
    assert.equal(answers.length, 3);
  }
  assert.ok(tally.size > 1, 'not always the same one');
});

test('the first message, and no message between gateways comes: each answers', () => {
  const net = netOf(2);
  net.passes = () => false;
  const answers: string[] = [];
  for (const gate of net.gates) gate.relay.claim('key', octets('x'), () => void answers.push(gate.id));
  net.run(200);
  assert.equal(answers.length, 2);
});
