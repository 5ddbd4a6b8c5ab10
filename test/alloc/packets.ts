// The cases of heap.test.ts beside the pipeline of every engine: tunnel and transport mode, a replayed packet, a wrong ICV.

import type { Provider } from '../../core/crypto/provider.ts';
import { type Attributes, MODE_TRANSPORT, udpAttributes } from '../../core/dietesp/attributes.ts';
import { addInbound, createEndpoint, type Endpoint } from '../../core/esp/endpoint.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { outbound } from '../../core/esp/outbound.ts';
import type { Parts } from '../../core/esp/parts.ts';
import { createSa, defaultConfig, type Sa } from '../../core/esp/sa.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { emitIpv6 } from '../../core/wire/ipv6.ts';
import { emitUdp } from '../../core/wire/udp.ts';

/** Octets of UDP payload. */
const PAYLOAD = 28;

function address(last: number): Uint8Array {
  const octets = new Uint8Array(16);
  octets[0] = 0x20;
  octets[1] = 0x01;
  octets[15] = last;
  return octets;
}

function attributes(tunnel: boolean): Attributes {
  const result = udpAttributes(address(1), 5683, address(2), 5683);
  if (tunnel) {
    result.tunnelSrc = address(3);
    result.tunnelDst = address(4);
  } else result.ipsecMode = MODE_TRANSPORT;
  result.espSpi = 0x1234;
  return result;
}

/** One direction: a sender, a receiver, and buffers. */
export interface OneWay {
  sender: Endpoint;
  senderSa: Sa;
  receiver: Endpoint;
  packet: Uint8Array;
  wire: Uint8Array;
  wireLength: number;
  /** A copy of `wire`, since inbound decrypts in place. */
  taken: Uint8Array;
  back: Uint8Array;
  /** What the last call gave. */
  result: number;
}

export function createPath(parts: Parts, provider: Provider, tunnel: boolean): OneWay {
  const config = defaultConfig(attributes(tunnel), aesCcm8Iiv);
  config.key = new Uint8Array(16);
  config.salt = new Uint8Array(3);
  const packet = new Uint8Array(48 + PAYLOAD);
  emitIpv6(packet, 0, 0, 0, 8 + PAYLOAD, 17, 64);
  packet[8] = 0x20;
  packet[9] = 0x01;
  packet[23] = 1;
  packet[24] = 0x20;
  packet[25] = 0x01;
  packet[39] = 2;
  for (let i = 0; i < PAYLOAD; i++) packet[48 + i] = (i * 37) & 0xff;
  emitUdp(packet, 40, packet.length, 0, 5683, 5683);
  const receiver = createEndpoint(parts, provider);
  addInbound(receiver, createSa(parts, provider, config));
  return {
    sender: createEndpoint(parts, provider),
    senderSa: createSa(parts, provider, config),
    receiver: receiver,
    packet: packet,
    wire: new Uint8Array(256),
    wireLength: 0,
    taken: new Uint8Array(256),
    back: new Uint8Array(256),
    result: 0,
  };
}

/** Protects a packet. */
export function protect(path: OneWay, now: number): void {
  path.wireLength = outbound(path.sender, path.senderSa, path.packet, 0, path.packet.length, path.wire, 0, now);
  path.result = path.wireLength;
}

/** Opens a copy of the packet made last, `flip` in its last octet. */
export function take(path: OneWay, flip: number, now: number): void {
  const length = path.wireLength;
  for (let i = 0; i < length; i++) path.taken[i] = path.wire[i];
  path.taken[length - 1] = (path.taken[length - 1] ^ flip) & 0xff;
  path.result = inbound(path.receiver, path.taken, 0, length, path.back, 0, now);
}

/** Both directions. */
export function both(path: OneWay, now: number): void {
  protect(path, now);
  take(path, 0, now);
}
