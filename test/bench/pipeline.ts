// Packets per second of the data plane: compression alone, the whole outbound and inbound way, and the cost by number of
// SAs. Figures are the best of several rounds, because the machine is shared. Compare ratios within one run.

import { createCipheriv } from 'node:crypto';
import { ALG_AES_CCM } from '../../core/crypto/provider.ts';
import { type Attributes, udpAttributes } from '../../core/dietesp/attributes.ts';
import { iipcCompress, iipcRestore } from '../../core/dietesp/iipc.ts';
import { addInbound, createEndpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { outbound } from '../../core/esp/outbound.ts';
import { createSa, defaultConfig, type Sa } from '../../core/esp/sa.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { SLOT_COUNT, SLOT_HOPS } from '../../core/wire/header.ts';
import { emitIpv6, IPV6_DST, IPV6_SRC } from '../../core/wire/ipv6.ts';
import { emitUdp } from '../../core/wire/udp.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';

export interface Figure {
  name: string;
  value: number;
  unit: string;
}

/**
 * Nanoseconds of one call: the best of `rounds` rounds of `calls` calls, after a warm-up. Rounds of about a millisecond
 * mostly run between two switches of the scheduler, so that other load does not count.
 */
export function nanoseconds(calls: number, rounds: number, work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = -1; round < rounds; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < calls; i++) work();
    const each = Number(process.hrtime.bigint() - start) / calls;
    if (round >= 0) best = Math.min(best, each);
  }
  return best;
}

function address(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.padStart(32, '0'), 'hex'));
}

/** Attributes of a sensor's SA: exact selectors, all that can be elided is, SPI 8 + SN 8 bits on the wire. */
export function sensorAttributes(index: number): Attributes {
  const sensor = address('20010db8000000000000000' + (0x100000000 + index).toString(16));
  const server = address('20010db8000100000000000000000001');
  const outer = address('fe80000000000000000000fffe' + (0x100000 + index).toString(16).padStart(6, '0'));
  return {
    ...udpAttributes(sensor, 5683, server, 5683),
    tunnelSrc: outer,
    tunnelDst: address('fe80000000000000000000fffe000001'),
    espSpi: 0x1000 + (index % 200),
  };
}

/** An IPv6/UDP packet that the sensor's SA takes, with `length` octets of payload. */
export function sensorPacket(attributes: Attributes, length: number): Uint8Array {
  const packet = new Uint8Array(48 + length);
  emitIpv6(packet, 0, 0, 0, 8 + length, 17, 64);
  packet.set(attributes.tsIpSrcStart, IPV6_SRC);
  packet.set(attributes.tsIpDstStart, IPV6_DST);
  for (let i = 0; i < length; i++) packet[48 + i] = (i * 37) & 0xff;
  emitUdp(packet, 40, 48 + length, 0, 5683, 5683);
  return packet;
}

const provider = createFastProvider();

function sensorSa(index: number): Sa {
  const config = defaultConfig(sensorAttributes(index), aesCcm8Iiv);
  config.key = new Uint8Array(16).fill(index & 0xff);
  config.salt = new Uint8Array(3);
  return createSa(FULL_PARTS, provider, config);
}

/** IIPC alone, without cryptography. */
export function benchCompression(): Figure[] {
  const sa = sensorSa(0);
  const packet = sensorPacket(sensorAttributes(0), 28);
  const out = new Uint8Array(256);
  const back = new Uint8Array(256);
  const slots = new Int32Array(SLOT_COUNT);
  slots[SLOT_HOPS] = 64;
  let length = 0;
  const compress = nanoseconds(4_000, 500, () => {
    length = iipcCompress(sa, packet, 0, packet.length, out, 0);
  });
  const decompress = nanoseconds(4_000, 500, () => {
    iipcRestore(sa, out, 0, length, slots, back, 0);
  });
  if (Buffer.compare(back.subarray(0, packet.length), packet) !== 0) throw new Error('not restored');
  return [
    { name: 'compress only, IPv6/UDP, 28 octets of payload', value: 1e3 / compress, unit: 'M packets/s' },
    { name: 'decompress only', value: 1e3 / decompress, unit: 'M packets/s' },
  ];
}

/** The whole way with AES-CCM-8, beside node:crypto sealing the same clear text alone. */
export function benchPipeline(): Figure[] {
  const packet = sensorPacket(sensorAttributes(0), 28);
  const sender = createEndpoint(FULL_PARTS, provider);
  const wire = new Uint8Array(512);
  const out = sensorSa(0);
  const outgoing = nanoseconds(20_000, 30, () => {
    outbound(sender, out, packet, 0, packet.length, wire, 0, 0);
  });
  // Both in rounds of some 20 ms, so that what createCipheriv leaves to the collector counts.
  const key = Buffer.alloc(16);
  const nonce = Buffer.alloc(11);
  const aad = Buffer.alloc(8);
  const text = Buffer.alloc(28);
  const alone = nanoseconds(8_000, 30, () => {
    const cipher = createCipheriv('aes-128-ccm', key, nonce, { authTagLength: 8 });
    cipher.setAAD(aad, { plaintextLength: 28 });
    cipher.update(text);
    cipher.final();
    cipher.getAuthTag();
  });
  const round = inboundRound(1, 1_000);
  let incoming = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 400; i++) incoming = Math.min(incoming, round());
  return [
    { name: 'outbound: IIPC, CTEC, AES-CCM-8, EEC, outer header', value: 1e3 / outgoing, unit: 'M packets/s' },
    { name: 'createCipheriv AES-CCM alone, same clear text', value: 1e3 / alone, unit: 'M packets/s' },
    { name: 'outbound : createCipheriv alone', value: alone / outgoing, unit: 'x' },
    { name: 'inbound: look-up, replay, AES-CCM-8, decompress', value: 1e3 / incoming, unit: 'M packets/s' },
  ];
}

/** A round of inbound() with `count` SAs, packets going round all of them: gives nanoseconds per packet. */
function inboundRound(count: number, batch: number): () => number {
  const receiver = createEndpoint(FULL_PARTS, provider);
  const sender = createEndpoint(FULL_PARTS, provider);
  const senders: Sa[] = [];
  for (let i = 0; i < count; i++) {
    senders.push(sensorSa(i));
    addInbound(receiver, sensorSa(i));
  }
  const wires: Uint8Array[] = [];
  const packets = senders.map((_, i) => sensorPacket(sensorAttributes(i), 28));
  for (let i = 0; i < batch; i++) wires.push(new Uint8Array(96));
  const scratch = new Uint8Array(512);
  const back = new Uint8Array(512);
  return () => {
    // Sealing is not timed.
    for (let i = 0; i < batch; i++) {
      const packet = packets[i % count];
      const length = outbound(sender, senders[i % count], packet, 0, packet.length, scratch, 0, 0);
      wires[i].set(scratch.subarray(0, length));
    }
    const length = 40 + 2 + 28 + 8;
    const before = receiver.received;
    const start = process.hrtime.bigint();
    for (let i = 0; i < batch; i++) inbound(receiver, wires[i], 0, length, back, 0, 0);
    const each = Number(process.hrtime.bigint() - start) / batch;
    if (receiver.received !== before + batch) throw new Error('only ' + (receiver.received - before) + ' received');
    return each;
  };
}

/** Cost per packet at 10,000 SAs beside 10. */
export function benchScale(): Figure[] {
  const rounds = [inboundRound(10, 10_000), inboundRound(10_000, 10_000)];
  const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  // Taken in turns, so that both meet the same load and the same compiled code.
  for (let i = 0; i < 80; i++) {
    const each = rounds[i % 2]();
    if (i >= 8) best[i % 2] = Math.min(best[i % 2], each);
  }
  return [{ name: 'inbound cost per packet, 10,000 SAs : 10 SAs', value: best[1] / best[0], unit: 'x' }];
}

/** Heap per pair of SAs, key contexts apart; needs --expose-gc, and to run first: old garbage would count. */
export function benchHeap(): Figure[] {
  const gc = globalThis.gc;
  if (gc === undefined) throw new Error('the heap figure needs node --expose-gc');
  const count = 10_000;
  const configs = Array.from({ length: count }, (_, i) => {
    const config = defaultConfig(sensorAttributes(i), aesCcm8Iiv);
    config.key = new Uint8Array(16);
    config.salt = new Uint8Array(3);
    return config;
  });
  const settled = (): number => {
    for (let i = 0; i < 4; i++) gc();
    const memory = process.memoryUsage();
    return memory.heapUsed + memory.arrayBuffers;
  };
  const keys: unknown[] = new Array(count).fill(null);
  const sas: unknown[] = new Array(count).fill(null);
  const start = settled();
  for (let i = 0; i < count; i++) keys[i] = provider.key(ALG_AES_CCM, configs[i].key);
  const withKeys = settled();
  for (let i = 0; i < count; i++) sas[i] = createSa(FULL_PARTS, provider, configs[i]);
  const withSas = settled();
  // All three stay reachable to the end, or the collector would count them as savings.
  if (keys[0] === null || sas[0] === null || configs[0] === null) throw new Error('lost');
  const key = (withKeys - start) / count;
  const sa = (withSas - withKeys) / count - key;
  return [{ name: 'heap per pair of SAs, besides keys', value: sa * 2, unit: 'octets' }];
}
