// A device with one pair of SAs keyed by hand, for programs that use a module: Diet-ESP, tunnel mode, IPv6 and UDP, and
// AES-CCM-8 with implicit IV.
//
// A key must never meet a sequence number twice [RFC 8750 §5]. So the program stores how far numbers are reserved before it
// uses them, and continues after that number when it restarts.

import { checkRange } from '../../core/base/refuse.ts';
import { createPortable, type Part, type Random } from '../../core/crypto/portable.ts';
import { sensorConfig } from '../../core/device/config.ts';
import { createDevice, type Device } from '../../core/device/device.ts';
import { type Attributes, udpAttributes } from '../../core/dietesp/attributes.ts';
import { OUTBOUND_ROOM } from '../../core/esp/outbound.ts';
import { defaultConfig } from '../../core/esp/sa.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { createReassembly } from '../../core/link/fragment.ts';
import type { Phy } from '../../core/link/mac.ts';

/**
 * Sequence numbers reserved at a time, and so the packets per write to storage. After a restart as many numbers may be left
 * out, and the peer must recover the number from 8 bits. With fewer bits, half of their range is reserved.
 */
const RESERVE = 128;
const MAX_SIZE = 256;
const REASSEMBLY_TIME = 10000;

/** One direction. Keys are 16 octets, salts 3. */
export interface ManualSa {
  spi: number;
  key: Uint8Array;
  salt: Uint8Array;
}

export interface ManualOptions {
  panId: number;
  shortAddress: number;
  extendedAddress: Uint8Array;
  /** Link-layer address of the gateway, 2 or 8 octets. */
  gateway: Uint8Array;
  /** Inner addresses of this device and of its peer, and the tunnel's addresses; 16 octets each. */
  address: Uint8Array;
  peer: Uint8Array;
  tunnel: Uint8Array;
  tunnelPeer: Uint8Array;
  /** UDP ports. */
  port: number;
  peerPort: number;
  up: ManualSa;
  down: ManualSa;
  /** Bits of SPI and sequence number on air. */
  spiBits: number;
  snBits: number;
  /** Milliseconds to wait for a frame's acknowledgement. */
  ackWait: number;
  /** The end of the sequence numbers reserved earlier: 0 the first time, then the number that `reserve` stored last. */
  reserved: number;
  /** Stores a number for good before numbers up to it are used. */
  reserve: (upTo: number) => void;
  /** Takes a UDP payload from the peer. */
  received: (octets: Uint8Array) => void;
  /** Largest inner packet in octets, 48 more than its payload. Default 256. */
  maxSize?: number;
}

/** Takes a packet's result: 0, or a drop code. */
interface Waiting {
  tag: number;
  done(result: number): void;
}

export interface Manual {
  device: Device;
  /** Sends a UDP payload; `done` gets 0, or a drop code. Returns a tag > 0, or a drop code. */
  send(payload: Uint8Array, done: ((result: number) => void) | null, now: number): number;
}

function attributesOf(o: ManualOptions, isUp: boolean): Attributes {
  const source = isUp ? o.address : o.peer;
  const destination = isUp ? o.peer : o.address;
  const sourcePort = isUp ? o.port : o.peerPort;
  const destinationPort = isUp ? o.peerPort : o.port;
  const attributes = udpAttributes(source, sourcePort, destination, destinationPort);
  attributes.tunnelSrc = isUp ? o.tunnel : o.tunnelPeer;
  attributes.tunnelDst = isUp ? o.tunnelPeer : o.tunnel;
  attributes.espSpi = isUp ? o.up.spi : o.down.spi;
  attributes.espSpiLsb = o.spiBits;
  attributes.espSnLsb = o.snBits;
  return attributes;
}

function checkNumber(name: string, value: number, least: number, most: number): void {
  if (value === undefined) throw new Error(name + ': (missing)');
  checkRange(name, value, least, most);
}

function checkOctets(name: string, octets: Uint8Array, least: number, most: number): void {
  if (octets === undefined) throw new Error(name + ': (missing)');
  checkRange(name + '.length', octets.length, least, most);
}

function checkSa(name: string, sa: ManualSa): void {
  if (sa === undefined) throw new Error(name + ': (missing)');
  checkNumber(name + '.spi', sa.spi, 256, 0xffffffff); // wide
  checkOctets(name + '.key', sa.key, 16, 16);
  checkOctets(name + '.salt', sa.salt, 3, 3);
}

function checkOptions(o: ManualOptions): void {
  checkNumber('panId', o.panId, 0, 65535);
  checkNumber('shortAddress', o.shortAddress, 0, 65535);
  checkOctets('extendedAddress', o.extendedAddress, 8, 8);
  checkOctets('gateway', o.gateway, 2, 8);
  checkOctets('address', o.address, 16, 16);
  checkOctets('peer', o.peer, 16, 16);
  checkOctets('tunnel', o.tunnel, 16, 16);
  checkOctets('tunnelPeer', o.tunnelPeer, 16, 16);
  checkNumber('port', o.port, 0, 65535);
  checkNumber('peerPort', o.peerPort, 0, 65535);
  checkSa('up', o.up);
  checkSa('down', o.down);
  checkNumber('spiBits', o.spiBits, 0, 32);
  checkNumber('snBits', o.snBits, 0, 32);
  checkRange('spiBits + snBits modulo 8', (o.spiBits + o.snBits) & 7, 0, 0);
  checkNumber('ackWait', o.ackWait, 0, 10000);
  checkNumber('reserved', o.reserved, 0, 0xfffffe00); // wide
  if (o.reserve === undefined) throw new Error('reserve: (missing): sequence numbers must be stored');
  if (o.received === undefined) throw new Error('received: (missing)');
}

/** Makes a device. Throws if a field is missing or out of range. */
export function createManual(o: ManualOptions, phy: Phy, ccm: Part, random: Random): Manual {
  checkOptions(o);
  const waiting: Waiting[] = [];
  const config = sensorConfig(createPortable([ccm], random), phy, {
    datagram: (buffer, offset, length) => {
      const octets = new Uint8Array(length);
      for (let i = 0; i < length; i++) octets[i] = buffer[offset + i];
      o.received(octets);
    },
    done: (tag, result) => {
      for (let i = 0; i < waiting.length; i++) {
        if (waiting[i].tag !== tag) continue;
        const ended = waiting[i];
        waiting[i] = waiting[waiting.length - 1];
        waiting.pop();
        ended.done(result);
        return;
      }
    },
  });
  config.panId = o.panId;
  config.shortAddress = o.shortAddress;
  config.extendedAddress = o.extendedAddress;
  config.gateway = o.gateway;
  config.address = o.address;
  config.ackWait = o.ackWait;
  config.maxSize = o.maxSize === undefined ? MAX_SIZE : o.maxSize;
  config.reassembly = createReassembly(1, config.maxSize + OUTBOUND_ROOM, REASSEMBLY_TIME);
  const outgoing = defaultConfig(attributesOf(o, true), aesCcm8Iiv);
  outgoing.key = o.up.key;
  outgoing.salt = o.up.salt;
  outgoing.snLo = o.reserved;
  const incoming = defaultConfig(attributesOf(o, false), aesCcm8Iiv);
  incoming.key = o.down.key;
  incoming.salt = o.down.salt;
  const device = createDevice(config);
  device.addSas(outgoing, incoming);
  const step = o.snBits < 8 ? Math.max(1, Math.floor((1 << o.snBits) / 2)) : RESERVE;
  let reserved = o.reserved;
  return {
    device: device,
    send: (payload, done, now) => {
      if (device.outgoing[0].snLo + 1 > reserved) {
        reserved = device.outgoing[0].snLo + step;
        o.reserve(reserved);
      }
      const tag = device.send(payload, 0, payload.length, o.port, o.peer, o.peerPort, now);
      if (tag > 0 && done !== null && done !== undefined) waiting.push({ tag: tag, done: done });
      return tag;
    },
  };
}
