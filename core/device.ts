// What a board uses: one object with MAC, 6LoWPAN and Diet-ESP below, UDP payloads above. The board brings a provider,
// a radio and SAs; CoAP on top is the application's.
//
//   send():    payload -> UDP, IPv6 -> ESP (Diet-ESP) -> 6LoWPAN -> MAC -> Phy.transmit
//   receive(): frame -> MAC -> 6LoWPAN -> ESP (look-up, replay, ICV) -> IPv6, UDP -> DeviceUpper.datagram
//
// Inner packets are IPv6 and UDP (and echo requests, where a board takes echo.ts). Nothing goes out or comes in
// unprotected. All memory is taken by createDevice.

import { checkRange, copy, equal, u16 } from './bytes.ts';
import type { Provider } from './crypto/provider.ts';
import { DROP_NOT_FOR_US, DROP_SELECTOR, DROP_TOO_LONG, DROP_UNSUPPORTED } from './drop.ts';
import { addInbound, createEndpoint, drop, type Endpoint, removeInbound } from './esp/endpoint.ts';
import { inbound } from './esp/inbound.ts';
import { choose, OUTBOUND_ROOM, outbound } from './esp/outbound.ts';
import type { Parts } from './esp/parts.ts';
import { createSa, destroySa, type Sa, type SaConfig } from './esp/sa.ts';
import type { Reassembly } from './link/fragment.ts';
import { createLowpan, type Lowpan } from './link/lowpan.ts';
import { createMac, type Mac, type Phy } from './link/mac.ts';
import { emitIpv6, IPV6_DST, IPV6_NEXT_HEADER, IPV6_SIZE, IPV6_SRC } from './wire/ipv6.ts';
import { checkUdp, emitUdp, PROTO_UDP, UDP_DST_PORT, UDP_SIZE, UDP_SRC_PORT } from './wire/udp.ts';

/** The application. Buffers are valid during the call only. */
/** @noSelf */
export interface DeviceUpper {
  /** A UDP payload that came in under an SA; `source` is the 16-octet address at sourceOffset. */
  datagram(
    buffer: Uint8Array,
    offset: number,
    length: number,
    source: Uint8Array,
    sourceOffset: number,
    sourcePort: number,
    destinationPort: number,
    now: number,
  ): void;
  /** The end of what `send` took: 0 when the next hop acknowledged every frame, or a drop code. */
  done(tag: number, result: number, now: number): void;
}

/** Turns an echo request for this device, in place, into its reply: the length to send back, or a drop code. */
export type EchoResponder = (packet: Uint8Array, length: number) => number;

export interface DeviceConfig {
  provider: Provider;
  parts: Parts;
  phy: Phy;
  upper: DeviceUpper;
  panId: number;
  /** 0xffff: none, frames carry the extended address. */
  shortAddress: number;
  /** EUI-64, 8 octets in canonical order. */
  extendedAddress: Uint8Array;
  /** Link-layer address of the next hop, 2 or 8 octets in canonical order. */
  gateway: Uint8Array;
  /** The device's inner IPv6 address, 16 octets. */
  address: Uint8Array;
  /** 6LoWPAN contexts for the outer addresses (createContexts). */
  contexts: Uint8Array;
  /** createReassembly, or null where no packet to the device exceeds a frame. */
  reassembly: Reassembly | null;
  /** answerEcho, or null: echo requests are dropped. */
  echo: EchoResponder | null;
  /** Largest inner packet in octets, 48 .. 1280. */
  maxSize: number;
  /** Packets that can wait for the radio. */
  queue: number;
  /** Milliseconds to wait for a MAC acknowledgement; ACK_WAIT on air. */
  ackWait: number;
}

/** @noSelf */
export interface Device {
  /** Sets up a pair of SAs. Throws, with nothing changed, as createSa and addInbound do. */
  addSas(outgoing: SaConfig, incoming: SaConfig): void;
  /** Ends the inbound SA with this SPI and its outbound twin: keys are wiped. */
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
  /** A frame from the radio, MHR to FCS. Any octets are accepted. */
  receive(frame: Uint8Array, offset: number, length: number, now: number): void;
  /** Does what is due at `now` (ms). */
  poll(now: number): void;
  /** When `poll` wants to be called, or -1. */
  nextTimeout(): number;
  /** Counters and SAs, to read. */
  endpoint: Endpoint;
  outgoing: Sa[];
  mac: Mac;
  lowpan: Lowpan;
}

/** Makes a device; throws when a field is out of range. */
export function createDevice(config: DeviceConfig): Device {
  checkRange('maxSize', config.maxSize, IPV6_SIZE + UDP_SIZE, 1280);
  checkRange('address.length', config.address.length, 16, 16);
  const gateway = config.gateway;
  const address = config.address;
  const upper = config.upper;
  const random = config.provider.random;
  const endpoint = createEndpoint(config.parts, config.provider);
  const inner = new Uint8Array(config.maxSize);
  const outer = new Uint8Array(config.maxSize + OUTBOUND_ROOM);
  const dice = new Uint8Array(2);
  random(dice, 0, 2);
  const outgoing: Sa[] = [];
  const incoming: Sa[] = [];

  /** Protects and sends the packet in `inner`. */
  function protect(length: number, now: number): number {
    const sa = choose(outgoing, inner, 0, length, now);
    if (sa === null) return drop(endpoint, DROP_SELECTOR);
    let code = outbound(endpoint, sa, inner, 0, length, outer, 0, now);
    if (code < 0) return code;
    code = lowpan.send(outer, 0, code, gateway, 0, gateway.length, now);
    return code < 0 ? drop(endpoint, code) : code;
  }

  const lowpan: Lowpan = createLowpan({
    contexts: config.contexts,
    nhc: null,
    reassembly: config.reassembly,
    upper: {
      packet: (buffer, offset, length, _src, _srcOffset, _srcLength, now) => {
        const size = inbound(endpoint, buffer, offset, length, inner, 0, now);
        if (size < 0) return;
        if (size < IPV6_SIZE || !equal(inner, IPV6_DST, address, 0, 16)) {
          drop(endpoint, DROP_NOT_FOR_US);
          return;
        }
        let code = DROP_UNSUPPORTED;
        if (inner[IPV6_NEXT_HEADER] === PROTO_UDP) {
          code = checkUdp(inner, IPV6_SIZE, size, 0);
          if (code === 0) {
            const source = u16(inner, IPV6_SIZE + UDP_SRC_PORT);
            const destination = u16(inner, IPV6_SIZE + UDP_DST_PORT);
            const payload = IPV6_SIZE + UDP_SIZE;
            upper.datagram(inner, payload, size - payload, inner, IPV6_SRC, source, destination, now);
          }
        } else if (config.echo !== null) {
          code = config.echo(inner, size);
          if (code > 0) {
            protect(code, now);
            code = 0;
          }
        }
        if (code < 0) drop(endpoint, code);
      },
      done: (tag, result, now) => {
        upper.done(tag, result, now);
      },
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

  return {
    addSas: (outgoingConfig, incomingConfig) => {
      const out = createSa(config.parts, config.provider, outgoingConfig);
      let added: Sa | null = null;
      try {
        added = createSa(config.parts, config.provider, incomingConfig);
        addInbound(endpoint, added);
      } catch (error) {
        destroySa(config.provider, out);
        if (added !== null) destroySa(config.provider, added);
        throw error;
      }
      outgoing.push(out);
      incoming.push(added);
    },
    removeSas: (inboundSpi) => {
      for (let i = 0; i < incoming.length; i++) {
        if (incoming[i].spi !== inboundSpi) continue;
        removeInbound(endpoint, incoming[i]);
        destroySa(config.provider, incoming[i]);
        destroySa(config.provider, outgoing[i]);
        incoming[i] = incoming[incoming.length - 1];
        outgoing[i] = outgoing[outgoing.length - 1];
        incoming.pop();
        outgoing.pop();
        return;
      }
    },
    send: (payload, offset, length, sourcePort, destination, destinationPort, now) => {
      const at = IPV6_SIZE + UDP_SIZE;
      const end = at + length;
      if (length < 0 || end > inner.length) return drop(endpoint, DROP_TOO_LONG);
      // Payload and destination may be views of what `datagram` was given, which is `inner`.
      copy(inner, at, payload, offset, length);
      copy(inner, IPV6_DST, destination, 0, 16);
      copy(inner, IPV6_SRC, address, 0, 16);
      emitIpv6(inner, 0, 0, 0, UDP_SIZE + length, PROTO_UDP, 64);
      emitUdp(inner, IPV6_SIZE, end, 0, sourcePort, destinationPort);
      return protect(end, now);
    },
    receive: (frame, offset, length, now) => {
      mac.receive(frame, offset, length, now);
    },
    poll: (now) => {
      mac.poll(now);
      lowpan.poll(now);
    },
    nextTimeout: () => {
      const a = mac.nextTimeout();
      const b = lowpan.nextTimeout();
      if (a < 0) return b;
      return b < 0 ? a : Math.min(a, b);
    },
    endpoint: endpoint,
    outgoing: outgoing,
    mac: mac,
    lowpan: lowpan,
  };
}
