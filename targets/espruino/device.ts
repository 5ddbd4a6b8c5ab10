// The data plane by itself: a device with one pair of SAs keyed by hand (Diet-ESP, tunnel mode, IPv6 and UDP, AES-CCM-8 with
// implicit IV). Small enough for boards that have no room for IKEv2.
//
// A key must never meet a sequence number twice [RFC 8750 §5]: the board stores how far numbers are reserved before it
// uses them, and begins behind that after a restart.

import { aesCcm8Iiv, createDevice, type Device, defaultConfig, sensorConfig } from '../../core/board.ts';
import { checkRange, createPortable, type Part } from '../../core/crypto/portable.ts';
import type { Attributes } from '../../core/dietesp/attributes.ts';
import { OUTBOUND_ROOM } from '../../core/esp/outbound.ts';
import { createReassembly } from '../../core/link/fragment.ts';
import type { Board } from '../board/hooks.ts';
import { createRandom } from '../board/native.ts';
import { createClock, createRunner, type EspruinoRadio, type Runner } from './board.ts';
import { createSource } from './ccm.ts';

/**
 * Sequence numbers reserved at a time: storage is written once for so many packets, and after a restart as many may be
 * left out, which the peer must be able to tell from 8 bits.
 */
const RESERVE = 128;
const MAX_SIZE = 256;
const REASSEMBLY_TIME = 10000;

/** One direction. Keys are 16 octets, salts 3. */
export interface SaOptions {
  spi: number;
  key: Uint8Array;
  salt: Uint8Array;
}

export interface DeviceOptions {
  radio: EspruinoRadio;
  panId: number;
  shortAddress: number;
  extendedAddress: Uint8Array;
  /** Link-layer address of the gateway, 2 or 8 octets. */
  gateway: Uint8Array;
  /** Inner addresses of this device and of its peer, and those of the tunnel; 16 octets each. */
  address: Uint8Array;
  peer: Uint8Array;
  tunnel: Uint8Array;
  tunnelPeer: Uint8Array;
  /** UDP ports. */
  port: number;
  peerPort: number;
  up: SaOptions;
  down: SaOptions;
  /** Bits of SPI and sequence number on air. */
  spiBits: number;
  snBits: number;
  /** Milliseconds that a frame may take to its acknowledgement: TX_LIMIT with the MRF24J40. */
  ackWait: number;
  /** Up to where sequence numbers were reserved before: 0 the first time, then what `reserve` stored last. */
  reserved: number;
  /** Stores a number for good, before numbers up to it are used. */
  reserve: (upTo: number) => void;
  /** A UDP payload from the peer. */
  received: (octets: Uint8Array) => void;
  /** Largest inner packet in octets, default 256: 48 more than its payload. */
  maxSize?: number;
  /** Secure random octets (for the MAC's back-off only), where the board has no source of its own. */
  random?: Board['random'];
}

/** @noSelf */
export interface EspruinoDevice {
  device: Device;
  /** Sends a UDP payload; `done` gets 0, or a drop code. Returns a tag > 0, or a drop code. */
  send(payload: Uint8Array, done: ((result: number) => void) | null): number;
  stop(): void;
}

function attributesOf(o: DeviceOptions, isUp: boolean): Attributes {
  const source = isUp ? o.address : o.peer;
  const destination = isUp ? o.peer : o.address;
  const sourcePort = isUp ? o.port : o.peerPort;
  const destinationPort = isUp ? o.peerPort : o.port;
  return {
    iipcProfile: 0,
    iipcRuleId: -1,
    dscpCda: 1,
    ecnCda: 1,
    flowLabelCda: 4,
    dscpList: [],
    tsIpVersion: 6,
    tsIpSrcStart: source,
    tsIpSrcEnd: source,
    tsIpDstStart: destination,
    tsIpDstEnd: destination,
    tsProto: 17,
    tsPortSrcStart: sourcePort,
    tsPortSrcEnd: sourcePort,
    tsPortDstStart: destinationPort,
    tsPortDstEnd: destinationPort,
    alignment: 8,
    espTrailer: 0,
    ipsecMode: 0,
    tunnelSrc: isUp ? o.tunnel : o.tunnelPeer,
    tunnelDst: isUp ? o.tunnelPeer : o.tunnel,
    espSpi: isUp ? o.up.spi : o.down.spi,
    espSpiLsb: o.spiBits,
    espSnLsb: o.snBits,
    esn: 0,
  };
}

function checkOctets(name: string, octets: Uint8Array, length: number): void {
  checkRange(name + '.length', octets.length, length, length);
}

/** Makes and runs a device; throws when a field is missing or out of range. */
export function createEspruinoDevice(o: DeviceOptions, ccm: Part): EspruinoDevice {
  checkOctets('address', o.address, 16);
  checkOctets('peer', o.peer, 16);
  checkOctets('tunnel', o.tunnel, 16);
  checkOctets('tunnelPeer', o.tunnelPeer, 16);
  checkOctets('up.key', o.up.key, 16);
  checkOctets('down.key', o.down.key, 16);
  checkOctets('up.salt', o.up.salt, 3);
  checkOctets('down.salt', o.down.salt, 3);
  checkRange('reserved', o.reserved, 0, 0xfffffe00); // wide
  checkRange('spiBits + snBits modulo 8', (o.spiBits + o.snBits) & 7, 0, 0);
  if (o.reserve === undefined) throw new Error('reserve: (missing): sequence numbers must be stored');
  const source = { random: o.random === undefined ? createSource() : o.random } as Board;
  const provider = createPortable([ccm], createRandom(source));
  const waiting: { tag: number; done: (result: number) => void }[] = [];
  const config = sensorConfig(provider, o.radio, {
    datagram: (buffer, offset, length) => {
      const octets = new Uint8Array(length);
      for (let i = 0; i < length; i++) octets[i] = buffer[offset + i];
      o.received(octets);
    },
    done: (tag, result) => {
      for (let i = 0; i < waiting.length; i++) {
        if (waiting[i].tag !== tag) continue;
        const done = waiting[i].done;
        waiting[i] = waiting[waiting.length - 1];
        waiting.pop();
        done(result);
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

  const now = createClock();
  let reserved = o.reserved;
  const runner: Runner = createRunner(
    { step: (time) => device.poll(time), nextTimeout: () => device.nextTimeout() },
    o.radio,
    now,
    () => false,
    (problem) => {
      throw problem;
    },
  );
  o.radio.onFrame = (frame, offset, length) => {
    device.receive(frame, offset, length, now());
    runner.wake();
  };
  return {
    device: device,
    send: (payload, done) => {
      if (device.outgoing[0].snLo + 1 > reserved) {
        reserved = device.outgoing[0].snLo + RESERVE;
        o.reserve(reserved);
      }
      const tag = device.send(payload, 0, payload.length, o.port, o.peer, o.peerPort, now());
      if (tag > 0 && done !== null && done !== undefined) waiting.push({ tag: tag, done: done });
      runner.wake();
      return tag;
    },
    stop: () => {
      runner.stop();
      o.radio.onFrame = null;
    },
  };
}
