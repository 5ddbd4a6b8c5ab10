// Resynchronisation: an SA whose packets were lost for long takes the next ones that arrive, whatever the number of bits,
// under an attacker too; and nothing is accepted twice.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_SUITES } from '../../core/esp/all-suites.ts';
import { addInbound, createEndpoint, type Endpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import type { Parts } from '../../core/esp/parts.ts';
import { advanceSn, type Sa } from '../../core/esp/sa.ts';
import { createSearch, isSuspect, SEARCH_COUNT, SEARCH_FOUND, SEARCH_TRIALS } from '../../core/esp/search.ts';
import { saMetrics } from '../../targets/node/gateway/views.ts';
import { SIX } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import { Random } from '../naive/random.ts';
import type { Sa as NaiveSa } from '../naive/types.ts';
import { easySa, hex, packetOf, provider, receive, send, stateOf } from './support.ts';

const TWO_32 = 2 ** 32;
const inner = packet(SIX, udp(5001, 4500, Buffer.from('a reading')));
const OUTAGES = [
  1, 2, 63, 64, 65, 126, 127, 128, 129, 191, 192, 193, 255, 256, 257, 258, 259, 260, 319, 320, 447, 448, 511, 512, 513,
  597, 767, 768, 1000, 1023, 1024, 2000, 4095, 5000, 8192, 10000, 15999, 16000,
];

/** As on boards: a small search. */
const BOARD: Parts = { ...FULL_PARTS, search: createSearch(8, 8) };

interface Line {
  sender: Sa;
  receiver: Sa;
  from: Endpoint;
  to: Endpoint;
  seen: Set<string>;
}

/** A sender and a receiver of one SA, after `good` packets. */
function lineOf(bits: number, parts = FULL_PARTS, naive: Partial<NaiveSa> = {}, good = 5): Line {
  const sa: Partial<NaiveSa> = {
    esp_spi_lsb: (64 - bits) % 32 === 0 ? 32 : 32 - (bits % 8),
    esp_sn_lsb: bits,
    ...naive,
  };
  const line: Line = {
    sender: easySa(6, 17, sa),
    receiver: easySa(6, 17, sa),
    from: createEndpoint(parts, provider),
    to: createEndpoint(parts, provider),
    seen: new Set(),
  };
  addInbound(line.to, line.receiver);
  for (let i = 0; i < good; i++) assert.ok(give(line, next(line), 0), 'before the outage');
  return line;
}

function next({ from, sender }: Line): Uint8Array {
  return packetOf(send(from, sender, inner));
}

/** `count` packets are sent and lost. */
function lose({ sender }: Line, count: number): void {
  const sn = sender.snHi * TWO_32 + sender.snLo + count;
  assert.ok(advanceSn(sender, Math.floor(sn / TWO_32), sn % TWO_32));
}

/** Hands a packet over; true: accepted, and no number twice. */
function give(line: Line, wire: Uint8Array, now: number): boolean {
  const got = receive(line.to, wire, now);
  if (typeof got === 'string') return false;
  assert.equal(hex(got), hex(inner));
  const { hi, lo } = line.to.sn;
  const key = `${hi} ${lo}`;
  assert.ok(!line.seen.has(key), `number ${key} twice`);
  line.seen.add(key);
  return true;
}

function forged(wire: Uint8Array, random: Random): Uint8Array {
  const copy = wire.slice();
  // From the sequence number's octet on: the SPI is right.
  for (let i = 48; i < copy.length; i++) copy[i] = random.below(256);
  return copy;
}

test('8 bits towards a gateway: every outage up to 16,000 packets heals with the first packet', () => {
  for (const outage of OUTAGES) {
    const line = lineOf(8);
    lose(line, outage);
    for (let i = 0; i < 10; i++) assert.ok(give(line, next(line), 60000 + i), `${outage} lost, packet ${i}`);
    assert.equal(line.receiver.snLo, line.sender.snLo);
    const { searches, found } = saMetrics('', 'in', line.receiver).search!;
    assert.equal(searches, found, 'no search failed');
    assert.ok(found <= 1);
    assert.equal(line.to.search![SEARCH_FOUND], found);
  }
});

test('8 bits towards a board: every outage within 8 times 256 heals, and one beyond is suspicious', () => {
  for (const outage of OUTAGES) {
    const line = lineOf(8, BOARD);
    lose(line, outage);
    const healed = outage <= 8 * 256;
    for (let i = 0; i < 4; i++) assert.equal(give(line, next(line), 60000 + i), healed, `${outage} lost`);
    assert.equal(isSuspect(line.receiver, 60004), !healed);
  }
});

for (const [bits, most] of [
  [0, 256],
  [1, 512],
  [2, 1024],
  [3, 2048],
  [4, 4096],
  [5, 8192],
  [6, 16384],
  [7, 32768],
  [9, 64 * 512],
  [12, 64 * 4096],
  [16, 64 * 65536],
  [24, 64 * 2 ** 24],
]) {
  test(`${bits} bits: outages of up to ${most} packets heal`, () => {
    const spi = (40 - bits) % 8;
    const reach = most - Math.min(64, 2 ** bits / 2) - 1;
    const some = [1, 2, 2 ** bits - 1, 2 ** bits, 2 ** bits + 1, 2 * 2 ** bits, 3 * 2 ** bits + 7, reach - 1, reach];
    for (const outage of some.filter((one) => one > 0)) {
      const line = lineOf(bits, FULL_PARTS, { esp_spi_lsb: 24 + spi });
      lose(line, outage);
      for (let i = 0; i < 4; i++) assert.ok(give(line, next(line), 60000 + i), `${outage} lost, packet ${i}`);
    }
    const beyond = lineOf(bits, FULL_PARTS, { esp_spi_lsb: 24 + spi });
    lose(beyond, most + 2 ** (bits + 1) + 2);
    for (let i = 0; i < 4; i++) assert.ok(!give(beyond, next(beyond), 60000 + i));
    assert.ok(isSuspect(beyond.receiver, 60004));
  });
}

test('32 bits with extended numbers: an outage over 2^32 heals [RFC 4303 Appendix A3]', () => {
  for (const outage of [1, 100, TWO_32 - 70, TWO_32 - 1, TWO_32, TWO_32 + 5, 5 * TWO_32, 60 * TWO_32]) {
    const line = lineOf(32, FULL_PARTS, { esp_spi_lsb: 32, esn: true });
    lose(line, outage);
    for (let i = 0; i < 4; i++) assert.ok(give(line, next(line), 60000 + i), `${outage} lost`);
    assert.equal(line.receiver.snHi, line.sender.snHi);
  }
});

test('numbers beyond the end of the counter are not tried', () => {
  for (const [esn, left] of [
    [false, 600],
    [true, 600],
  ] as const) {
    const line = lineOf(8, FULL_PARTS, { esn, esp_sn: esn ? 'fffffffffffffda0' : 'fffffda0' }, 0);
    const before = line.to.trials;
    const bad = next(line);
    bad[bad.length - 1] ^= 1;
    assert.ok(!give(line, bad, 0));
    assert.ok(line.to.trials - before <= left / 256 + 1, `${line.to.trials - before} trials`);
    assert.ok(give(line, next(line), 0));
  }
});

test('during a rekey without SPI bits both SAs are searched', () => {
  for (const late of [0, 1]) {
    const old = lineOf(8, FULL_PARTS, { esp_spi_lsb: 0, esp_spi: '112233a7' });
    const fresh = lineOf(8, FULL_PARTS, { esp_spi_lsb: 0, esp_spi: '445566b8', key: 'c0'.repeat(16) });
    addInbound(old.to, fresh.receiver);
    const line = [old, fresh][late];
    lose(line, 3000);
    const wire = next(line);
    assert.equal(hex(packetOf(receive(old.to, wire, 1))), hex(inner));
    assert.equal(old.to.sa, line.receiver);
    assert.equal(typeof receive(old.to, wire, 1), 'string', 'and not twice');
    assert.notEqual(typeof receive(old.to, next(line), 2), 'string');
  }
});

for (const suite of ALL_SUITES) {
  test(`${suite.name}: trials leave a packet as it was, and the right one opens it`, () => {
    const akey = suite.authKeyLength > 0 ? '11'.repeat(32) : '';
    const salt = 'a0'.repeat(suite.saltLength);
    const esp_encr = suite.name as NaiveSa['esp_encr'];
    const key = '0a'.repeat(suite.keyLength);
    for (const esn of [false, true]) {
      const line = lineOf(8, FULL_PARTS, { esp_encr, akey, salt, key, esn });
      lose(line, 9000);
      assert.ok(give(line, next(line), 0));
      assert.equal(line.receiver.search![SEARCH_FOUND], 1);
    }
  });
}

test('packets in any order after the outage; duplicates, and replays of those before it, are never accepted', () => {
  const random = new Random(99);
  for (let round = 0; round < 60; round++) {
    const line = lineOf(8, FULL_PARTS, {}, 0);
    const old: Uint8Array[] = [];
    for (let i = 0; i < 100; i++) old.push(next(line));
    for (const wire of old) assert.ok(give(line, wire, 0));
    lose(line, random.below(16000));
    const batch = Array.from({ length: 20 }, () => next(line));
    // Up to 8 places out of order.
    for (let i = batch.length - 1; i > 0; i--) {
      const k = Math.max(0, i - random.below(8));
      [batch[i], batch[k]] = [batch[k], batch[i]];
    }
    let good = 0;
    for (const [i, wire] of batch.entries()) {
      if (give(line, wire, 100000 + i)) good++;
      assert.ok(!give(line, wire, 100000 + i), 'a duplicate');
      for (let n = 0; n < 3; n++) assert.ok(!give(line, old[random.below(old.length)], 100000 + i), 'a replay');
    }
    assert.ok(good >= batch.length - 4, `${good} of ${batch.length}`);
    assert.ok(!isSuspect(line.receiver, 100021));
  }
});

test('a replay is told from a loss: it costs one trial more and no search', () => {
  const line = lineOf(8, FULL_PARTS, {}, 0);
  const wires = Array.from({ length: 30 }, () => next(line));
  for (const wire of wires) assert.ok(give(line, wire, 0));
  const before = line.to.trials;
  for (const wire of wires) assert.equal(receive(line.to, wire, 0), 'replay');
  assert.ok(line.to.trials - before <= 2 * wires.length);
  assert.equal(line.receiver.search, null, 'nothing failed');
});

test('gateway: under 1,000 forged packets a second on that SPI an outage heals, and trials are bounded', () => {
  const random = new Random(7);
  for (let round = 0; round < 5; round++) {
    const line = lineOf(8);
    const sample = next(line);
    assert.ok(give(line, sample, 0));
    let now = 1000;
    // The forger has emptied the budget.
    for (let i = 0; i < 3000; i++) assert.ok(!give(line, forged(sample, random), now++));
    lose(line, 16000);
    const begun = now;
    const trials = line.to.search![SEARCH_TRIALS];
    let healed = false;
    while (!healed && now < begun + 60000) {
      // 10 genuine packets a second among them.
      for (let i = 0; i < 100; i++) give(line, forged(sample, random), now++);
      healed = give(line, next(line), now);
    }
    assert.ok(healed, `round ${round}`);
    const spent = line.to.search![SEARCH_TRIALS] - trials;
    assert.ok(spent <= ((now - begun) * 4096) / 1000 + 256, `${spent} trials in ${now - begun} ms`);
  }
});

test('board: under forged packets its trials are bounded, and the SA is suspect', () => {
  const random = new Random(7);
  const line = lineOf(8, BOARD);
  const sample = next(line);
  assert.ok(give(line, sample, 0));
  let now = 5000;
  for (let i = 0; i < 10000; i++) assert.ok(!give(line, forged(sample, random), now++));
  assert.ok(line.to.search![SEARCH_TRIALS] <= 64 + 10 * 8 + 8, `${line.to.search![SEARCH_TRIALS]}`);
  assert.ok(isSuspect(line.receiver, now));
  // Where good packets come too, a forger makes nobody suspect.
  assert.ok(give(line, next(line), now));
  for (let i = 0; i < 100; i++) assert.ok(!give(line, forged(sample, random), now++));
  assert.ok(!isSuspect(line.receiver, now));
});

test('a forger on other SPIs leaves the search of this one its share', () => {
  const line = lineOf(8);
  const other = easySa(6, 17, { esp_spi: '55667788', esp_spi_lsb: 32, esp_sn_lsb: 8, key: 'd0'.repeat(16) });
  addInbound(line.to, other);
  const random = new Random(8);
  const sample = packetOf(
    send(line.from, easySa(6, 17, { esp_spi: '55667788', esp_spi_lsb: 32, esp_sn_lsb: 8 }), inner),
  );
  for (let i = 0; i < 3000; i++) assert.equal(typeof receive(line.to, forged(sample, random), i), 'string');
  assert.ok(other.search![SEARCH_TRIALS] > 0);
  lose(line, 5000);
  let tries = 0;
  while (!give(line, next(line), 3000 + tries)) tries++;
  assert.ok(tries <= 4, `${tries}`);
});

test('a search that finds nothing moves nothing', () => {
  const line = lineOf(8);
  const state = stateOf(line.receiver);
  const bad = next(line);
  bad[bad.length - 1] ^= 1;
  for (let i = 0; i < 50; i++) assert.ok(!give(line, bad, i));
  assert.equal(stateOf(line.receiver), state);
  assert.ok(line.receiver.search![SEARCH_COUNT] > 0);
  assert.equal(line.receiver.search![SEARCH_FOUND], 0);
});
