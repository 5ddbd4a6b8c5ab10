// The device object of a board: MAC, 6LoWPAN and Diet-ESP below, UDP payloads above. The board provides cryptography, a radio
// and SAs; the application provides CoAP.
//
//   send():    payload -> UDP, IPv6 -> ESP (Diet-ESP) -> 6LoWPAN -> MAC -> Phy.transmit
//   receive(): frame -> MAC -> 6LoWPAN -> ESP (look-up, replay, ICV) -> IPv6, UDP -> DeviceUpper.datagram
//
// Inner packets are IPv6 and UDP (and echo requests, if a board uses echo.ts). Nothing goes out or comes in unprotected,
// unless a device has other ends (DeviceHooks; ike-device.ts). The device takes all its memory when it is made.

import { type Address, addressOf } from '../base/address.ts';
import { copy, equal, u16 } from '../base/bytes.ts';
import { DROP_NOT_FOR_US, DROP_SELECTOR, DROP_TOO_LONG, DROP_UNSUPPORTED } from '../base/drop.ts';
import { checkRange } from '../base/refuse.ts';
import type { Provider } from '../crypto/provider.ts';
import { createEndpoint, drop, type Endpoint } from '../esp/endpoint.ts';
import { inbound } from '../esp/inbound.ts';
import { choose, OUTBOUND_ROOM, outbound } from '../esp/outbound.ts';
import { addPair, type Pairs, removePair } from '../esp/pairs.ts';
import type { Parts } from '../esp/parts.ts';
import type { Sa, SaConfig } from '../esp/sa.ts';
import type { Reassembly } from '../link/fragment.ts';
import { createLowpan, type Lowpan } from '../link/lowpan.ts';
import { createMac, type Mac, type Phy } from '../link/mac.ts';
import { PROTO_ESP } from '../wire/esp.ts';
import { emitIpv6, IPV6_DST, IPV6_NEXT_HEADER, IPV6_SIZE, IPV6_SRC } from '../wire/ipv6.ts';
import type { NextHeaderCompression } from '../wire/sixlowpan-iphc.ts';
import { checkUdp, emitUdp, PROTO_UDP, UDP_DST_PORT, UDP_SIZE, UDP_SRC_PORT } from '../wire/udp.ts';

/**
 * The application. Buffers are valid during the call only.
 *
 * @noSelf
 */
export interface DeviceUpper {
  /** Takes a UDP payload that arrived under an SA, from an IPv6 address. */
  datagram(
    buffer: Uint8Array,
    offset: number,
    length: number,
    source: Address,
    sourcePort: number,
    destinationPort: number,
    now: number,
  ): void;
  /** The end of what `send` took: 0 when the next hop acknowledged every frame, or a drop code. */
  done(tag: number, result: number, now: number): void;
}

/** Turns an echo request for this device, in place, into its reply: the length to send back, or a drop code. */
export type EchoResponder = (packet: Uint8Array, length: number) => number;

/** Options of `createDevice`. */
export interface DeviceConfig {
  /** Cryptography and random octets. */
  provider: Provider;
  /** What the device has of ESP: a bundle contains only that. */
  parts: Parts;
  /** The radio. */
  phy: Phy;
  /** PAN ID, 16 bits. */
  panId: number;
  /** 0xffff: none, frames carry the extended address. */
  shortAddress: number;
  /** EUI-64, 8 octets in canonical order. */
  extendedAddress: Uint8Array;
  /** Link-layer address of the next hop, 2 or 8 octets in canonical order. */
  gateway: Uint8Array;
  /** 6LoWPAN contexts for the outer addresses (createContexts). */
  contexts: Uint8Array;
  /** createReassembly; null if no packet to the device exceeds a frame. */
  reassembly: Reassembly | null;
  /** Largest inner packet in octets, 48 .. 1280. */
  maxSize: number;
  /** Most packets that wait for the radio. */
  queue: number;
  /** Milliseconds to wait for a MAC acknowledgement; ACK_WAIT on air. */
  ackWait: number;
  /** Gets payloads, and the ends of packets. */
  upper: DeviceUpper;
  /** The device's inner IPv6 address, 16 octets. */
  address: Uint8Array;
  /** answerEcho, or null: echo requests are dropped. */
  echo: EchoResponder | null;
}

/**
 * Other ends of a device, beside UDP under SAs.
 *
 * @noSelf
 */
export interface DeviceHooks {
  /** 6LoWPAN compression of unprotected packets (createUdpCompression), or null. */
  nhc: NextHeaderCompression | null;
  /** Takes an IPv6 packet that is not ESP. The device counts a drop code. */
  clear(buffer: Uint8Array, offset: number, length: number, now: number): number;
  /** Takes Device.inner[0..length), a packet that came in under an SA; null: UDP and echo requests, as configured. */
  inner: ((length: number, now: number) => number) | null;
}

/**
 * A device: MAC, 6LoWPAN and ESP below, UDP payloads above. It starts no timer: call `poll` when `nextTimeout` says so.
 * Times are milliseconds.
 *
 * @noSelf
 */
export interface Device extends Pairs {
  /** Counters, to read. */
  endpoint: Endpoint;
  /** The link below: counters. */
  mac: Mac;
  /** 6LoWPAN: counters. */
  lowpan: Lowpan;
  /** Buffer of inner packets, outgoing and incoming. */
  inner: Uint8Array;
  /** Buffer of packets that `pass` sends; `protect` writes to it. */
  outer: Uint8Array;
  /** Sends inner[0..length) under the first SA that takes it. Returns a tag > 0, or a drop code, counted. */
  protect(length: number, now: number): number;
  /** Sends outer[0..length), an IPv6 packet, as it is. */
  pass(length: number, now: number): number;
  /** Takes a frame from the radio, MHR to FCS; any octets. */
  receive(frame: Uint8Array, offset: number, length: number, now: number): void;
  /** Does the work that is due at `now` (ms). */
  poll(now: number): void;
  /** When to call `poll`, or -1. */
  nextTimeout(): number;
  /** Sets up a pair of SAs. Throws like createSa and addInbound; nothing has changed then. */
  addSas(outgoing: SaConfig, incoming: SaConfig): void;
  /** Ends the inbound SA with this SPI and its outbound twin, and wipes their keys. */
  removeSas(inboundSpi: number): void;
  /**
   * Sends a UDP payload under the first SA whose selectors take it. `destination` is 16 octets. Returns a tag > 0,
   * later given to DeviceUpper.done (never during this call), or a drop code, counted.
   */
  send(
    payload: Uint8Array,
    offset: number,
    length: number,
    sourcePort: number,
    destination: Uint8Array,
    destinationPort: number,
    now: number,
  ): number;
}

/** The earlier of two times; -1 is never. */
export function earlier(a: number, b: number): number {
  if (a < 0) return b;
  return b < 0 ? a : Math.min(a, b);
}

const PAYLOAD = IPV6_SIZE + UDP_SIZE;

/** Makes a device with other ends. Throws if a field is out of range. */
export function createDeviceWith(config: DeviceConfig, hooks: DeviceHooks | null): Device {
  checkRange('maxSize', config.maxSize, PAYLOAD, 1280);
  checkRange('address.length', config.address.length, 16, 16);
  const gateway = addressOf(config.gateway);
  const address = config.address;
  const upper = config.upper;
  const random = config.provider.random;
  const endpoint = createEndpoint(config.parts, config.provider);
  const inner = new Uint8Array(config.maxSize);
  const outer = new Uint8Array(config.maxSize + OUTBOUND_ROOM);
  const dice = new Uint8Array(2);
  random(dice, 0, 2);
  const outgoing: Sa[] = [];
  // Of the packet in `inner`.
  const source: Address = { octets: inner, at: IPV6_SRC, size: 16 };

  function pass(length: number, now: number): number {
    const code = lowpan.send(outer, 0, length, gateway, now);
    return code < 0 ? drop(endpoint, code) : code;
  }

  function protect(length: number, now: number): number {
    const sa = choose(outgoing, inner, 0, length, now);
    if (sa === null) return drop(endpoint, DROP_SELECTOR);
    const code = outbound(endpoint, sa, inner, 0, length, outer, 0, now);
    return code < 0 ? code : pass(code, now);
  }

  /** For the application: UDP to `datagram`, others to `echo`. */
  function deliver(size: number, now: number): number {
    if (size < IPV6_SIZE || !equal(inner, IPV6_DST, address, 0, 16)) return DROP_NOT_FOR_US;
    let code = DROP_UNSUPPORTED;
    if (inner[IPV6_NEXT_HEADER] === PROTO_UDP) {
      code = checkUdp(inner, IPV6_SIZE, size, 0);
      if (code === 0) {
        const sourcePort = u16(inner, IPV6_SIZE + UDP_SRC_PORT);
        const destinationPort = u16(inner, IPV6_SIZE + UDP_DST_PORT);
        upper.datagram(inner, PAYLOAD, size - PAYLOAD, source, sourcePort, destinationPort, now);
      }
    } else if (config.echo !== null) {
      code = config.echo(inner, size);
      if (code > 0) {
        protect(code, now);
        code = 0;
      }
    }
    return code;
  }

  const take = hooks === null || hooks.inner === null ? deliver : hooks.inner;
  const lowpan: Lowpan = createLowpan({
    contexts: config.contexts,
    nhc: hooks === null ? null : hooks.nhc,
    reassembly: config.reassembly,
    upper: {
      packet: (buffer, offset, length, _src, now) => {
        let code = 0;
        if (hooks !== null && buffer[offset + IPV6_NEXT_HEADER] !== PROTO_ESP) {
          code = hooks.clear(buffer, offset, length, now);
        } else {
          code = inbound(endpoint, buffer, offset, length, inner, 0, now);
          if (code < 0) return;
          code = take(code, now);
        }
        if (code < 0) drop(endpoint, code);
      },
      done: upper.done,
    },
    queue: config.queue,
    maxSize: config.maxSize + OUTBOUND_ROOM,
    tag: u16(dice, 0),
  });
  const mac: Mac = createMac({
    panId: config.panId,
    shortAddress: config.shortAddress,
    extendedAddress: config.extendedAddress,
    phy: config.phy,
    upper: lowpan,
    random: random,
    queue: 1,
    neighbours: 4,
    ackWait: config.ackWait,
  });
  lowpan.attach(mac);

  const device: Device = {
    endpoint: endpoint,
    mac: mac,
    lowpan: lowpan,
    outgoing: outgoing,
    incoming: [],
    inner: inner,
    outer: outer,
    protect: protect,
    pass: pass,
    addSas: (outgoingConfig, incomingConfig) => addPair(device, outgoingConfig, incomingConfig),
    removeSas: (inboundSpi) => removePair(device, inboundSpi),
    send: (payload, offset, length, sourcePort, destination, destinationPort, now) => {
      const end = PAYLOAD + length;
      if (length < 0 || end > inner.length) return drop(endpoint, DROP_TOO_LONG);
      // Payload and destination may be views of what `datagram` was given, which is `inner`.
      copy(inner, PAYLOAD, payload, offset, length);
      copy(inner, IPV6_DST, destination, 0, 16);
      copy(inner, IPV6_SRC, address, 0, 16);
      emitIpv6(inner, 0, 0, 0, UDP_SIZE + length, PROTO_UDP, 64);
      emitUdp(inner, IPV6_SIZE, end, 0, sourcePort, destinationPort);
      return protect(end, now);
    },
    receive: mac.receive,
    poll: (now) => {
      mac.poll(now);
      lowpan.poll(now);
    },
    nextTimeout: () => earlier(mac.nextTimeout(), lowpan.nextTimeout()),
  };
  return device;
}

/** Makes a device. Throws if a field is out of range. */
export function createDevice(config: DeviceConfig): Device {
  return createDeviceWith(config, null);
}
