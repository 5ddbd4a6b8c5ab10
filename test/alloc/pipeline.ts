// Packets in both directions, in the portable subset: the memory tests of every engine run it.

import type { Provider } from '../../core/crypto/provider.ts';
import { CDA_NOT_COMPRESSED, CDA_SA, udpAttributes } from '../../core/dietesp/attributes.ts';
import { octets } from '../../core/dietesp/rules.ts';
import { checkConfig } from '../../core/esp/check.ts';
import { addInbound, createEndpoint, type Endpoint } from '../../core/esp/endpoint.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { outbound } from '../../core/esp/outbound.ts';
import type { Parts } from '../../core/esp/parts.ts';
import { createSa, defaultConfig, placeAlone, type Sa } from '../../core/esp/sa.ts';
import { createList } from '../../core/esp/sa-table.ts';
import { createSearch } from '../../core/esp/search.ts';
import { esn64 } from '../../core/esp/sn.ts';
import type { Suite } from '../../core/esp/suites.ts';
import { windowWide } from '../../core/esp/window.ts';
import { emitIpv6, ipv6 } from '../../core/wire/ipv6.ts';
import { emitUdp, udp } from '../../core/wire/udp.ts';

/** Octets that a packet on the wire takes in the buffer of packets. */
export const STRIDE = 192;
const INNER = 88;

export interface Pipeline {
  sender: Sa;
  receiver: Sa;
  from: Endpoint;
  to: Endpoint;
  inner: Uint8Array;
  wires: Uint8Array;
  lengths: Uint16Array;
  restored: Uint8Array;
}

function address(last: number): Uint8Array {
  const result = new Uint8Array(16);
  result[0] = 0x20;
  result[1] = 1;
  result[15] = last;
  return result;
}

function keyOf(length: number): Uint8Array {
  const key = new Uint8Array(length);
  for (let i = 0; i < length; i++) key[i] = i * 7 + 1;
  return key;
}

/** A tunnel of IPv6 and UDP with ranges, ESN and a wide window, whose first sequence number is the one after snLo. */
export function createPipeline(provider: Provider, suite: Suite, room: number, snLo: number): Pipeline {
  const parts: Parts = {
    networks: [ipv6],
    transports: [udp],
    counters: [esn64],
    window: windowWide,
    search: createSearch(8, 8),
    table: createList,
    check: checkConfig,
    shapes: {},
    forms: {},
    place: placeAlone,
  };
  const attributes = udpAttributes(address(1), 5000, address(9), 5683);
  attributes.dscpCda = CDA_SA;
  attributes.dscpList = [0, 10, 46];
  attributes.ecnCda = CDA_NOT_COMPRESSED;
  attributes.flowLabelCda = CDA_NOT_COMPRESSED;
  attributes.tsIpSrcEnd = address(6);
  attributes.tsPortSrcEnd = 5006;
  attributes.alignment = 32;
  attributes.tunnelSrc = address(0x11);
  attributes.tunnelDst = address(0x12);
  attributes.espSpi = 0x1234;
  attributes.espSnLsb = 16;
  attributes.esn = 1;
  const config = defaultConfig(attributes, suite);
  config.key = keyOf(suite.keyLength);
  config.salt = keyOf(suite.saltLength);
  config.authKey = keyOf(suite.authKeyLength);
  config.replayWindow = 128;
  config.snLo = snLo;
  const inner = new Uint8Array(INNER);
  emitIpv6(inner, 0, 0x28, 0x12345, INNER - 40, 17, 64);
  const ends = [octets(5, 1), octets(9, 1)];
  for (let i = 0; i < 16; i++) {
    inner[8 + i] = i === 15 ? ends[0][0] : address(0)[i];
    inner[24 + i] = i === 15 ? ends[1][0] : address(0)[i];
  }
  for (let i = 48; i < INNER; i++) inner[i] = i;
  emitUdp(inner, 40, INNER, 0, 5005, 5683);
  const receiver = createSa(parts, provider, config);
  const to = createEndpoint(parts, provider);
  addInbound(to, receiver);
  return {
    sender: createSa(parts, provider, config),
    receiver: receiver,
    from: createEndpoint(parts, provider),
    to: to,
    inner: inner,
    wires: new Uint8Array(room * STRIDE + 128),
    lengths: new Uint16Array(room),
    restored: new Uint8Array(256),
  };
}

/** Makes `count` packets; returns how many there were. */
export function send(p: Pipeline, count: number): number {
  let good = 0;
  for (let i = 0; i < count; i++) {
    const length = outbound(p.from, p.sender, p.inner, 0, INNER, p.wires, i * STRIDE, i);
    if (length > 0) good++;
    p.lengths[i] = length & 0xffff;
  }
  return good;
}

/** Opens them: each pair in reverse order, every fourth packet a second time. Returns how many were accepted. */
export function receive(p: Pipeline, count: number): number {
  let good = 0;
  for (let i = 0; i < count; i++) {
    const at = i % 2 === 0 && i + 1 < count ? i + 1 : i % 2 === 0 ? i : i - 1;
    if (inbound(p.to, p.wires, at * STRIDE, p.lengths[at], p.restored, 0, i) === INNER) good++;
    if (i % 4 === 0 && inbound(p.to, p.wires, at * STRIDE, p.lengths[at], p.restored, 0, i) > 0) good += 100000;
  }
  return good;
}

/** Random octets of a target without a source of its own: always the same, which suits this measurement. */
export function anyOctets(buffer: Uint8Array, offset: number, length: number): void {
  for (let i = 0; i < length; i++) buffer[offset + i] = 7;
}
