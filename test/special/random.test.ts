// Random profiles and packets: emitted code against the general code, and against the naive codec. Packets are those of the
// SA, broken ones, changed ones; what comes in is changed on the way, or sealed by a peer that writes anything.
// DIETESP_LONG=1: a million pairs, the naive codec for one of ten.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { putBits } from '../../core/base/bits.ts';
import { dropName } from '../../core/base/drop-name.ts';
import { dfClear, dfCopy } from '../../core/esp/df.ts';
import { addInbound, createEndpoint, type Endpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { outbound } from '../../core/esp/outbound.ts';
import type { Parts } from '../../core/esp/parts.ts';
import { createSa, placeAlone, type Sa, type SaConfig } from '../../core/esp/sa.ts';
import { configOf, provider } from '../core/support.ts';
import { ipv4Checksum } from '../naive/bits.ts';
import { keysOf } from '../naive/make-sa.ts';
import { protect } from '../naive/naive.ts';
import { Random, randomCase } from '../naive/random.ts';
import { Dropped, type Sa as NaiveSa, type Suite } from '../naive/types.ts';
import type { PacketModule } from './packet-case.ts';
import { keymatOf, packetModule, packetTextOf, selfProfile } from './packet-kit.ts';
import { looseMaker } from './packet-loose.ts';

const IS_LONG = process.env['DIETESP_LONG'] === '1';
const PROFILES = IS_LONG ? 20000 : 300;
const PACKETS = IS_LONG ? 50 : 12;
/** Profiles whose parts are joined, folded and shrunk, as devices are. */
const JOINED = IS_LONG ? 40 : 6;
const NAIVE = IS_LONG ? 10 : 1;

const TAKEN: readonly Suite[] = [
  'AES_CCM_8',
  'AES_CCM_8_IIV',
  'AES_CCM_16',
  'AES_GCM_16',
  'AES_GCM_16_IIV',
  'NULL_HMAC_SHA2_256_128',
];

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** The SA of a seed as a specialised module can have it. */
function saOfSeed(seed: number, random: Random): { sa: NaiveSa; inner: Buffer; config: SaConfig; sn: number } {
  const { sa: any, inner } = randomCase(seed);
  const suite = random.pick(TAKEN);
  const sn = BigInt('0x' + any.esp_sn) % 2n ** 53n;
  const { key: _key, salt: _salt, akey: _akey, ...bare } = any;
  const sa: NaiveSa = { ...bare, esp_encr: suite, ...keysOf(suite), esp_sn: (sn === 0n ? 1n : sn).toString(16) };
  const config = configOf(sa, {
    replayWindow: random.pick([0, 32, 64]),
    df: random.pick([null, null, dfClear, dfCopy]),
  });
  // The naive codec has no "generated".
  if (random.chance(8) && config.attributes.iipcProfile === 0) config.attributes.flowLabelCda = 3;
  if (random.chance(6)) config.anyRemote = 1;
  return { sa, inner, config, sn: Number(sn === 0n ? 1n : sn) };
}

/** A packet with octets changed, more often in its headers; sometimes with another length. */
function changed(random: Random, inner: Buffer): Buffer {
  const what = random.below(10);
  if (what === 0) return random.octets(random.below(80));
  if (what === 1) return Buffer.from(inner.subarray(0, random.below(inner.length)));
  const packet = Buffer.from(inner);
  for (let i = random.below(3); i >= 0; i--) {
    packet[random.below(random.chance(3) ? packet.length : Math.min(packet.length, 60))] ^= 1 << random.below(8);
  }
  const size = (packet[0]! & 15) * 4;
  if (packet[0]! >> 4 === 4 && size >= 20 && packet.length >= size && random.below(4) > 0) {
    packet.writeUInt16BE(ipv4Checksum(packet.subarray(0, size)), 10);
  }
  return packet;
}

/** What may happen to an outer packet. */
function onPath(random: Random, wire: Buffer): Buffer {
  const packet = Buffer.from(wire);
  const isSix = packet[0]! >> 4 === 6;
  const what = random.below(6);
  if (what === 0) packet[random.below(packet.length)] ^= 1 << random.below(8);
  else if (what === 1) return Buffer.from(packet.subarray(0, random.below(packet.length)));
  // ECN, DSCP, hop limit, label or Identification.
  else if (what < 4) packet[1] ^= isSix ? random.below(16) << 4 : random.below(256);
  else packet[isSix ? random.pick([2, 3, 7]) : random.pick([4, 5, 8])] ^= random.below(256);
  // The version tells which header is read; a module has one.
  packet[0] = (packet[0]! & 15) | (wire[0]! & 0xf0);
  if (!isSix && packet.length >= 20 && (packet[0]! & 15) === 5) {
    packet.writeUInt16BE(ipv4Checksum(packet.subarray(0, 20)), 10);
  }
  return packet;
}

/** ESP with any clear text, by a peer with the keys: the outer header is that of `wire`. */
function sealed(random: Random, wire: Buffer, sa: Sa, sn: number): Buffer {
  const { suite, headerSize, spiLsb, snLsb, outer } = sa.form;
  const head = outer.headerSize(wire, 0);
  const length = random.pick([0, 1, 2, 3, random.below(24), random.below(120)]);
  const text = head + headerSize + suite.ivLength;
  const packet = Buffer.alloc(text + length + suite.icvLength);
  wire.copy(packet, 0, 0, head);
  random.octets(length).copy(packet, text);
  const good = wire.subarray(text, wire.length - suite.icvLength);
  // Trailers that are right let the rest through.
  if (random.chance(2) && good.length > 0 && suite.alg === 0) good.copy(packet, text, 0, Math.min(good.length, length));
  const hi = Math.floor(sn / 2 ** 32);
  const lo = sn % 2 ** 32;
  packet.writeUInt32BE(hi, text - 8);
  packet.writeUInt32BE(lo, text - 4);
  suite.seal(provider, sa, hi, lo, packet, head + headerSize, length);
  wire.copy(packet, 0, 0, head);
  putBits(packet, head * 8, spiLsb, sa.spi);
  putBits(packet, head * 8 + spiLsb, snLsb, lo);
  outer.putLengths(packet, 0, packet.length);
  outer.putChecksums(packet, 0, packet.length, 0);
  return packet;
}

interface Sides {
  module: PacketModule;
  endpoint: Endpoint;
  /** A fresh SA whose last number is `sn`. */
  sa: (sn: number) => Sa;
  begin: (sn: number) => void;
}

function sidesOf(config: SaConfig, module: PacketModule, data: Uint8Array): Sides {
  const parts: Parts = { ...FULL_PARTS, search: null, shapes: {}, forms: {}, place: placeAlone };
  const spi = config.attributes.espSpi;
  const keys = keymatOf(config);
  module.start(data);
  return {
    module,
    endpoint: createEndpoint(parts, provider),
    sa: (sn) => createSa(parts, provider, { ...config, snHi: Math.floor(sn / 2 ** 32), snLo: sn % 2 ** 32 }),
    begin: (sn) => {
      module.removePair(spi);
      module.addSas(spi, spi, keys, 0, 0);
      module.resumeSas(sn, sn);
    },
  };
}

function result(length: number, octets: Uint8Array): string {
  return length < 0 ? dropName(length) : hex(octets.subarray(0, length));
}

/** Both open the packet; the same comes out, or the same reason. */
function compareIn(sides: Sides, wire: Buffer, sn: number, counts: Map<string, number>): void {
  const room = wire.length + 220;
  const endpoint = createEndpoint(sides.endpoint.parts, provider);
  addInbound(endpoint, sides.sa(sn));
  const [general, special] = [new Uint8Array(room), new Uint8Array(room)];
  const [first, second] = [Uint8Array.from(wire), Uint8Array.from(wire)];
  const want = result(inbound(endpoint, first, 0, wire.length, general, 0, 0), general);
  sides.begin(sn);
  const made = result(sides.module.inbound(second, 0, wire.length, special, 0, 0), special);
  assert.equal(made, want, hex(wire));
  const kind = want.length > 12 || want === '' ? 'in' : `in ${want}`;
  counts.set(kind, (counts.get(kind) ?? 0) + 1);
  if (want === 'icv' || want === 'no-sa') assert.equal(hex(second), hex(first), 'the packet is as it was');
}

test('random profiles and packets: what the general code does', async () => {
  const loose = await looseMaker();
  const counts = new Map<string, number>();
  let pairs = 0;
  for (let p = 0; p < PROFILES; p++) {
    if (p % 1000 === 999) console.log(`# ${pairs} pairs are the same`);
    const random = new Random(p * 7919 + 13);
    const { sa: naive, inner, config, sn } = saOfSeed(random.word(), random);
    const profile = selfProfile(config, 65535);
    const module = p < JOINED ? await packetModule(await packetTextOf(profile)) : loose(profile);
    const sides = sidesOf(config, module, profile.data);
    const isNaive = config.attributes.flowLabelCda !== 3 && config.df === null;
    const counter = Buffer.from(sn.toString(16).padStart(16, '0'), 'hex');
    const iv = config.suite.ivLength === 0 ? undefined : counter;
    for (let k = 0; k < PACKETS; k++) {
      const packet = k === 0 ? inner : random.below(4) > 0 ? changed(random, inner) : inner;
      const room = packet.length + 200;
      const [general, special] = [Buffer.alloc(room), Buffer.alloc(room)];
      const sender = sides.sa(sn - 1);
      const size = outbound(sides.endpoint, sender, packet, 0, packet.length, general, 0, 0);
      sides.begin(sn - 1);
      module.testIv?.set(counter);
      const own = module.outbound(packet, 0, packet.length, special, 0, 0);
      const want = result(size, general);
      assert.equal(result(own, special), want, `profile ${p}, packet ${k}: ${hex(packet)}`);
      pairs++;
      const kind = size < 0 ? `out ${want}` : 'out';
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      // The naive codec looks at IPv4's checksum only where it compresses the header.
      const isUnseen = want === 'checksum' && !(naive.iipc_enabled && naive.ipsec_mode === 'tunnel');
      if (isNaive && !isUnseen && pairs % NAIVE === 0) {
        let wire = '';
        try {
          wire = protect(naive, Buffer.from(packet), iv).wire;
        } catch (error) {
          if (!(error instanceof Dropped)) throw error;
        }
        assert.equal(own < 0 ? '' : hex(special.subarray(0, own)), wire, `profile ${p}, packet ${k}: ${hex(packet)}`);
      }
      if (size < 0) continue;
      const wire = Buffer.from(general.subarray(0, size));
      compareIn(sides, wire, sn - 1, counts);
      compareIn(sides, onPath(random, wire), sn - 1, counts);
      compareIn(sides, sealed(random, wire, sender, sn), sn - 1, counts);
    }
  }
  console.log(
    `# ${pairs} pairs: ${[...counts]
      .sort()
      .map(([kind, n]) => `${n} ${kind}`)
      .join(', ')}`,
  );
  for (const kind of [
    'out',
    'in',
    'out length',
    'out checksum',
    'out selector',
    'out no-rule',
    'in icv',
    'in trailer',
  ]) {
    assert.ok((counts.get(kind) ?? 0) > PROFILES / 30, kind);
  }
});
