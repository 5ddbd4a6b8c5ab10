// Finding the SA of a packet: prefix-free SPIs, scopes, 10,000 SAs, rekey without SPI bits, removal.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Provider } from '../../core/crypto/provider.ts';
import { addInbound, createEndpoint, type Endpoint, removeInbound } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { createSa, type Sa } from '../../core/esp/sa.ts';
import { createHash } from '../../core/esp/sa-hash.ts';
import { createList, type SaTable, scopeOf } from '../../core/esp/sa-table.ts';
import { allocateSpi } from '../../core/esp/spi.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { createNodeProvider } from '../../targets/node/host/provider/node-crypto.ts';
import { makeSa, SIX } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import { Random } from '../naive/random.ts';
import type { Sa as NaiveSa } from '../naive/types.ts';
import {
  configOf,
  easySa,
  endpointOf,
  hex,
  packetOf,
  provider,
  receive,
  send,
  stateOf,
  UNSEARCHED,
} from './support.ts';

const inner = packet(SIX, udp(5001, 4500, Buffer.from('0102030405', 'hex')));

/** An SA with an SPI, bits on the wire, and SN bits that make whole octets with at least 8 of them. */
function spiSa(spi: number, bits: number, change: Partial<NaiveSa> = {}): Partial<NaiveSa> {
  const sn = 8 + ((8 - (bits % 8)) % 8);
  return { esp_spi: spi.toString(16).padStart(8, '0'), esp_spi_lsb: bits, esp_sn_lsb: sn, ...change };
}

const saWith = (spi: number, bits: number, change: Partial<NaiveSa> = {}): Sa =>
  easySa(6, 17, spiSa(spi, bits, change));

function carries(endpoint: Endpoint, spi: number, bits: number, change: Partial<NaiveSa> = {}): Sa | null {
  packetOf(receive(endpoint, packetOf(send(endpointOf(), saWith(spi, bits, change), inner))));
  return endpoint.sa;
}

// Section 4.3 of the vectors' notes.
for (const [title, existing, bits, other, otherBits, allowed] of [
  ['...a7 / 8 and ...a8 / 8', 0x112233a7, 8, 0x112233a8, 8, true],
  ['...a7 / 8 and ...33a7 / 16', 0x112233a7, 8, 0x112233a7, 16, true],
  ['...a7 / 8 and ...a701 / 16', 0x112233a7, 8, 0x1122a701, 16, false],
  ['...a7 / 8 and a7654321 / 32', 0x112233a7, 8, 0xa7654321, 32, false],
  ['...a7 / 8 and 11654321 / 32', 0x112233a7, 8, 0x11654321, 32, true],
  ['...a7 / 8 and ...a7 / 8', 0x112233a7, 8, 0x99999ca7, 8, false],
  ['0 bits and ...a7 / 8', 0x112233a7, 0, 0x112233a8, 8, false],
  ['0 bits and 32 bits', 0x112233a7, 0, 0xa7654321, 32, false],
  ['1 bit: 1, and 4 bits: 1000', 0x112233a7, 1, 0x11223308, 4, false],
  ['1 bit: 1, and 4 bits: 0111', 0x112233a7, 1, 0x11223307, 4, true],
  ['31 bits and 32 bits, prefix', 0x12345678, 31, 0x2468acf1, 32, false],
  ['31 bits and 32 bits, no prefix', 0x12345678, 31, 0x12345678, 32, true],
] as const) {
  test(`prefix-free: ${title}: ${allowed ? 'allowed' : 'refused'}, in either order`, () => {
    for (const [a, aBits, b, bBits] of [
      [existing, bits, other, otherBits],
      [other, otherBits, existing, bits],
    ]) {
      const endpoint = endpointOf(saWith(a, aBits));
      const second = saWith(b, bBits);
      if (!allowed) {
        assert.throws(() => addInbound(endpoint, second), /^Error: esp_spi: \d+: its \d+ bits on the wire overlap/);
        assert.equal(carries(endpoint, a, aBits)?.spi, a, 'the first still works');
        continue;
      }
      addInbound(endpoint, second);
      assert.equal(carries(endpoint, a, aBits)?.spi, a);
      assert.equal(carries(endpoint, b, bBits), second);
    }
  });
}

test('the same SPI in other scopes: other peers, other own addresses', () => {
  const first = spiSa(0x112233a7, 8);
  const peer: Partial<NaiveSa> = { tunnel_ip: ['2001:db8:a::77', '2001:db8:a::2'] };
  const own: Partial<NaiveSa> = { tunnel_ip: ['2001:db8:a::1', '2001:db8:a::99'] };
  const four: Partial<NaiveSa> = { tunnel_ip: ['192.0.2.1', '198.51.100.2'] };
  const endpoint = endpointOf(easySa(6, 17, first));
  for (const change of [peer, own, four]) {
    const sa = easySa(6, 17, { ...first, ...change });
    addInbound(endpoint, sa);
    assert.equal(carries(endpoint, 0x112233a7, 8, change), sa);
  }
  // An SA that takes any remote overlaps with those of the same own address, not with others.
  const any = easySa(6, 17, first, { anyRemote: 1 });
  assert.throws(() => addInbound(endpoint, any), /esp_spi/);
  const elsewhere = easySa(6, 17, { ...first, tunnel_ip: ['2001:db8:a::1', '2001:db8:a::1234'] }, { anyRemote: 1 });
  addInbound(endpoint, elsewhere);
  const roaming = { tunnel_ip: ['2001:db8:bad::5', '2001:db8:a::1234'] as [string, string] };
  assert.equal(carries(endpoint, 0x112233a7, 8, roaming), elsewhere);
});

test('10,000 SAs of 16 bits: every packet finds its own, and one of no SA finds none', () => {
  const endpoint = createEndpoint(FULL_PARTS, provider);
  const sas: Sa[] = [];
  for (let i = 0; i < 10000; i++) {
    const sa = saWith(0x10000000 + i * 65537, 16);
    addInbound(endpoint, sa);
    sas.push(sa);
  }
  for (let i = 0; i < 10000; i += 37) assert.equal(carries(endpoint, sas[i].spi, 16), sas[i]);
  const unknown = packetOf(send(endpointOf(), saWith(0x10009999, 16), inner));
  assert.equal(receive(endpoint, unknown), 'no-sa');
  assert.equal(endpoint.sa, null);
  for (let i = 0; i < 10000; i += 997) {
    removeInbound(endpoint, sas[i]);
    assert.equal(receive(endpoint, packetOf(send(endpointOf(), saWith(sas[i].spi, 16), inner))), 'no-sa');
  }
  assert.equal(carries(endpoint, sas[1].spi, 16), sas[1]);
});

test('SPIs of random lengths, allocated: all found; removed and added again', () => {
  const random = new Random(5);
  const endpoint = createEndpoint(FULL_PARTS, provider);
  const sas: Sa[] = [];
  for (let i = 0; i < 600; i++) {
    const bits = random.pick([12, 13, 16, 20, 24, 31, 32]);
    const scratch = saWith(0x1000, bits);
    const spi = allocateSpi(endpoint, scratch, [bits]);
    assert.ok(spi >= 256);
    const sa = saWith(spi, bits);
    addInbound(endpoint, sa);
    sas.push(sa);
  }
  for (let round = 0; round < 300; round++) {
    const sa = random.pick(sas);
    assert.equal(carries(endpoint, sa.spi, sa.form.spiLsb)?.spi, sa.spi);
    removeInbound(endpoint, sa);
    const index = sas.indexOf(sa);
    const again = saWith(sa.spi, sa.form.spiLsb);
    addInbound(endpoint, again);
    sas[index] = again;
  }
  assert.equal(endpoint.table.all().length, 600);
});

test('allocateSpi: free for every number of bits on offer; throws when the scope is full', () => {
  const zeros: Provider = {
    ...createNodeProvider(),
    random: (buffer, offset, length) => buffer.fill(0, offset, offset + length),
  };
  const endpoint = createEndpoint(FULL_PARTS, zeros);
  const scratch = saWith(0x1000, 8);
  /** What is allocated can be added, with every number of bits on offer. */
  const allocated = (offers: number[]): number => {
    const spi = allocateSpi(endpoint, scratch, offers);
    assert.ok(spi >= 256, 'values 0..255 are reserved');
    for (const bits of offers) {
      const sa = saWith(spi, bits);
      addInbound(endpoint, sa);
      removeInbound(endpoint, sa);
    }
    return spi;
  };
  allocated([32]);
  addInbound(endpoint, saWith(0x100, 8));
  for (const offers of [[8], [16], [32], [8, 16, 32], [1], [31, 32]]) if (offers[0] !== 1) allocated(offers);
  assert.equal(allocated([1]) & 1, 1, 'one bit: 0 is the beginning of 00');
  for (let low = 1; low < 255; low++) addInbound(endpoint, saWith(0x100 + low, 8));
  assert.equal(allocated([8]) & 0xff, 0xff, 'the last one');
  assert.equal((allocated([16]) >>> 8) & 0xff, 0xff, 'only ff is not taken as first octet');
  assert.equal((allocated([32]) >>> 24) & 0xff, 0xff);
  const last = saWith(0x1ff, 8);
  addInbound(endpoint, last);
  assert.throws(() => allocateSpi(endpoint, scratch, [8]), /^Error: esp_spi_lsb: 8: no SPI is free in this scope$/);
  assert.throws(() => allocateSpi(endpoint, scratch, [16]), /esp_spi_lsb: 16/, 'every value begins with a taken octet');
  removeInbound(endpoint, last);
  assert.equal(allocated([8]) & 0xff, 0xff);
  // The own scope is full, others are not.
  addInbound(endpoint, last);
  const elsewhere = easySa(6, 17, spiSa(0x1000, 8, { tunnel_ip: ['2001:db8:a::7', '2001:db8:a::2'] }));
  assert.ok(allocateSpi(endpoint, elsewhere, [8]) >= 256);
  const [here, there] = [addressOctets('2001:db8:a::2')!, addressOctets('2001:db8:a::7')!];
  assert.ok(allocateSpi(endpoint, scopeOf(here, there, 0), [8]) >= 256);
  assert.throws(
    () => allocateSpi(endpoint, scopeOf(here, there, 1), [8]),
    /esp_spi_lsb: 8/,
    'any remote: this one too',
  );
  assert.throws(() => allocateSpi(endpoint, scratch, [0]), /esp_spi_lsb: 0/);
});

test('allocateSpi: without SPI bits an SA may take over from one without, once', () => {
  const endpoint = createEndpoint(FULL_PARTS, provider);
  const old = saWith(0x1000, 0);
  addInbound(endpoint, old);
  const next = saWith(allocateSpi(endpoint, old, [0, 8]), 0);
  addInbound(endpoint, next);
  assert.throws(() => allocateSpi(endpoint, old, [0]), /esp_spi_lsb: 0: no SPI is free/);
  removeInbound(endpoint, old);
  assert.ok(allocateSpi(endpoint, next, [0]) >= 256);
});

test('list and hash table agree, operation by operation', () => {
  const random = new Random(11);
  const tables: SaTable[] = [createList(), createHash()];
  const sas: Sa[] = [];
  const packets: { wire: Uint8Array; size: number; from: number; to: number; esp: number }[] = [];
  let conflicts = 0;
  for (let i = 0; i < 600; i++) {
    const version = random.pick([4, 6] as const);
    const [a, b] = [random.below(3), random.below(3)];
    const pair: [string, string] =
      version === 6 ? [`2001:db8::${a}`, `2001:db8::${b}`] : [`192.0.2.${a}`, `192.0.2.${b}`];
    const bits = random.pick([0, 1, 4, 8, 9, 16, 31, 32]);
    const spi = (random.word() | 0x100) >>> 0;
    const sa = easySa(6, 17, spiSa(spi, bits, { tunnel_ip: pair }), { anyRemote: random.below(2) });
    const [list, hash] = tables.map((table) => table.conflict(sa, spi, bits));
    assert.equal(list === null, hash === null);
    packets.push({
      wire: packetOf(send(endpointOf(), sa, inner)),
      size: version === 6 ? 16 : 4,
      from: version === 6 ? 8 : 12,
      to: version === 6 ? 24 : 16,
      esp: version === 6 ? 40 : 20,
    });
    if (list === null) {
      for (const table of tables) table.insert(sa);
      sas.push(sa);
    } else conflicts++;
    for (const { wire, size, from, to, esp } of packets.slice(-20)) {
      const length = random.chance(3) ? random.below(5) : wire.length - esp;
      const [one, other] = tables.map((table) => table.find(wire, from, to, size, esp, length));
      assert.equal(one, other);
    }
    if (sas.length > 0 && random.chance(3)) {
      const gone = sas.splice(random.below(sas.length), 1)[0];
      for (const table of tables) table.remove(gone);
    }
    assert.deepEqual(new Set(tables[0].all()), new Set(tables[1].all()));
  }
  assert.ok(conflicts > 50 && sas.length > 30, `${conflicts} conflicts, ${sas.length} SAs`);
});

/** A provider that counts the packets it opens. */
function counting(): { provider: Provider; opened: () => number } {
  const node = createNodeProvider();
  let count = 0;
  const open: Provider['open'] = (...given) => {
    count++;
    return node.open(...given);
  };
  return {
    provider: { ...node, open },
    opened: () => {
      const now = count;
      count = 0;
      return now;
    },
  };
}

/** Two SAs without SPI bits, the second replacing the first. */
function rekeyed(change: Partial<NaiveSa> = {}) {
  const old = makeSa(6, 17, { ...spiSa(0x112233a7, 0), ...change });
  const fresh = { ...old, esp_spi: '445566b8', key: 'c0'.repeat(16) };
  const { provider: counted, opened } = counting();
  const endpoint = createEndpoint(UNSEARCHED, counted);
  const receivers = [old, fresh].map((sa) => createSa(FULL_PARTS, counted, configOf(sa)));
  const senders = [old, fresh].map((sa) => createSa(FULL_PARTS, provider, configOf(sa)));
  for (const sa of receivers) addInbound(endpoint, sa);
  const wire = (index: number) => packetOf(send(endpointOf(), senders[index], inner));
  return { endpoint, receivers, wire, opened, fresh };
}

for (const bits of [0, 8, 16]) {
  test(`rekey without SPI bits, ${bits} bits of SN: both SAs receive, never more than 2 trials`, () => {
    const { endpoint, receivers, wire, opened, fresh } = rekeyed({ esp_sn_lsb: bits });
    const order = [0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 1];
    for (const index of order) {
      assert.equal(hex(packetOf(receive(endpoint, wire(index)))), hex(inner), 'in any order');
      assert.equal(endpoint.sa, receivers[index]);
      assert.ok(opened() <= 2);
    }
    const states = receivers.map(stateOf);
    const forged = wire(1);
    forged[forged.length - 1] ^= 1;
    assert.equal(receive(endpoint, forged), 'icv');
    assert.ok(opened() <= 2, 'a forged packet costs two trials');
    assert.deepEqual(receivers.map(stateOf), states);
    assert.throws(() => addInbound(endpoint, easySa(6, 17, { ...fresh, esp_spi: '77889900' })), /esp_spi/, 'a third');

    const late = wire(0);
    removeInbound(endpoint, receivers[0]);
    assert.equal(receive(endpoint, late), 'icv', 'the old one is gone');
    // The forged packet was the new SA's next number: it can still come.
    assert.notEqual(typeof receive(endpoint, wire(1)), 'string');
  });
}

test('rekey: low bits that the new SA has seen may be new ones of the old SA', () => {
  const { endpoint, receivers, wire } = rekeyed();
  for (let i = 0; i < 20; i++) packetOf(receive(endpoint, wire(1)));
  // The old SA's numbers 1..20: for the new one they are replays.
  for (let i = 0; i < 20; i++) {
    assert.equal(hex(packetOf(receive(endpoint, wire(0)))), hex(inner), `old packet ${i + 1}`);
    assert.equal(endpoint.sa, receivers[0]);
  }
  assert.equal(receivers[0].dropReplay + receivers[1].dropReplay, 0);
});

test("rekey: suites with ICVs of other lengths; a packet too short for the new SA is the old one's", () => {
  const old = makeSa(6, 17, { ...spiSa(0x112233a7, 0), esp_encr: 'AES_CCM_8_IIV', salt: 'a0a1a2' });
  const fresh = makeSa(6, 17, {
    ...spiSa(0x112233a8, 0),
    esp_encr: 'AES_CBC_HMAC_SHA2_256_128',
    akey: '11'.repeat(32),
  });
  const receiver = [old, fresh].map((sa) => easySa(6, 17, sa));
  const endpoint = endpointOf(...receiver);
  assert.equal(hex(packetOf(receive(endpoint, packetOf(send(endpointOf(), easySa(6, 17, old), inner))))), hex(inner));
  assert.equal(hex(packetOf(receive(endpoint, packetOf(send(endpointOf(), easySa(6, 17, fresh), inner))))), hex(inner));
});

test('rekey: removal of the new SA brings the old one back; an SA is added once', () => {
  const { endpoint, receivers, wire } = rekeyed();
  assert.throws(() => addInbound(endpoint, receivers[1]), /esp_spi/);
  removeInbound(endpoint, receivers[1]);
  packetOf(receive(endpoint, wire(0)));
  assert.equal(endpoint.sa, receivers[0]);
  assert.throws(() => addInbound(endpoint, receivers[0]), /esp_spi/);
  removeInbound(endpoint, receivers[0]);
  removeInbound(endpoint, receivers[0]);
  assert.equal(receive(endpoint, wire(0)), 'no-sa');
  assert.deepEqual(endpoint.table.all(), []);
});

test('one SA: a forged packet costs two trials, with 32 bits of SN one', () => {
  for (const [bits, trials] of [
    [8, 2],
    [24, 2],
    [32, 1],
  ]) {
    const { provider: counted, opened } = counting();
    const sa = makeSa(6, 17, { esp_spi_lsb: 32, esp_sn_lsb: bits });
    const endpoint = createEndpoint(UNSEARCHED, counted);
    addInbound(endpoint, createSa(FULL_PARTS, counted, configOf(sa)));
    const wire = packetOf(send(endpointOf(), easySa(6, 17, sa), inner));
    wire[wire.length - 1] ^= 1;
    assert.equal(receive(endpoint, wire), 'icv');
    assert.equal(opened(), trials);
  }
});
