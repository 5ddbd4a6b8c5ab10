// SAs of AH for the tests, their packets, and the same SA for naive.ts.

import { type AhEndpoint, type AsOf, addInboundAh, createAhEndpoint } from '../../core/ah/endpoint.ts';
import { inboundAh } from '../../core/ah/inbound.ts';
import { outboundAh } from '../../core/ah/outbound.ts';
import { type AhConfig, type AhOptions, type AhSa, createAhSa } from '../../core/ah/sa.ts';
import { AH_SUITES } from '../../core/ah/suites.ts';
import { createEndpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { OUTBOUND_ROOM } from '../../core/esp/outbound.ts';
import { defaultConfig, type SaConfig } from '../../core/esp/sa.ts';
import type { Suite } from '../../core/esp/suites.ts';
import { toAttributes } from '../../targets/node/host/config/sa.ts';
import { ordinary, provider } from '../interop/associations.ts';
import type { NaiveSa } from './naive.ts';

export const SPI = 0x1234567;
export const keyOf = (suite: Suite): Buffer =>
  Buffer.from(Array.from({ length: suite.keyLength }, (_, i) => 7 * i + 3));
export const SALT = Buffer.from('a1b2c3d4', 'hex');
/** AS numbers of both ends. */
export const AS_LEFT = 64500;
export const AS_RIGHT = 4200000000;

export interface Given {
  suite?: Suite;
  version?: number;
  /** IP version of a tunnel; 0: transport mode. */
  outer?: number;
  /** Numbers, scope and so on. */
  ah?: Partial<AhOptions>;
  /** In names of SA files. */
  values?: Record<string, unknown>;
  config?: Partial<SaConfig>;
}

export function configOf({
  suite = AH_SUITES[0],
  version = 6,
  outer = 0,
  ah = {},
  values = {},
  config = {},
}: Given = {}): AhConfig {
  const numbers = ah.numbers ?? 0;
  const attributes = toAttributes({
    ...ordinary('NULL_HMAC_SHA2_256_128', version, outer, SPI),
    ts_proto: 0,
    esn: numbers > 0,
    ...values,
  });
  return {
    ...defaultConfig(attributes, suite),
    key: keyOf(suite),
    salt: suite.saltLength > 0 ? SALT : new Uint8Array(0),
    replayWindow: numbers === 2 ? 0 : 64,
    ...config,
    ah: { scope: 0, peerAs: ah.scope === 1 ? AS_LEFT : 0, numbers, sender: 0, ...ah },
  };
}

export const saOf = (given: Given = {}): AhSa => createAhSa(FULL_PARTS, provider, configOf(given));

export function naiveOf({ suite = AH_SUITES[0], ah = {} }: Given = {}): NaiveSa {
  const alg = suite.name.includes('HMAC') ? 'hmac' : suite.name.includes('CMAC') ? 'cmac' : 'gmac';
  return { alg, key: keyOf(suite), salt: SALT, spi: SPI, scope: ah.scope ?? 0, esn: ah.numbers === 1 };
}

/** Addresses of test/interop/associations.ts: those of the first site are of AS_LEFT. */
export const asOf: AsOf = (buffer, at, size) => {
  const site = size === 4 ? buffer[at + 1] : buffer[at + 5];
  return site === 1 ? AS_LEFT : site === 2 ? AS_RIGHT : 0;
};

export function endpointOf(...sas: AhSa[]): AhEndpoint {
  const e = createAhEndpoint(createEndpoint(FULL_PARTS, provider), asOf);
  for (const sa of sas) addInboundAh(e, sa);
  return e;
}

/** What `outboundAh` makes, or a drop code. */
export function send(sa: AhSa, packet: Uint8Array, e: AhEndpoint = endpointOf()): Buffer | number {
  const dst = new Uint8Array(packet.length + OUTBOUND_ROOM + 3);
  const length = outboundAh(e, sa, packet, 0, packet.length, dst, 3, 0);
  return length < 0 ? length : Buffer.from(dst.subarray(3, 3 + length));
}

/** What `inboundAh` makes, or a drop code; throws when it changes the packet. */
export function receive(e: AhEndpoint, wire: Uint8Array, now = 0): Buffer | number {
  const src = new Uint8Array(wire.length + 7);
  const dst = new Uint8Array(wire.length + 5);
  src.set(wire, 2);
  const length = inboundAh(e, src, 2, wire.length, dst, 5, now);
  if (Buffer.compare(src.subarray(2, 2 + wire.length), wire) !== 0) throw new Error('the packet was changed');
  return length < 0 ? length : Buffer.from(dst.subarray(5, 5 + length));
}

/** One packet to a new receiver with the SA's configuration. */
export const deliver = (given: Given, wire: Uint8Array): Buffer | number => receive(endpointOf(saOf(given)), wire);

/** A receiver that takes the same number again and again. */
export const forgetful = (given: Given): AhEndpoint =>
  endpointOf(saOf({ ...given, config: { ...given.config, replayWindow: 0 } }));
