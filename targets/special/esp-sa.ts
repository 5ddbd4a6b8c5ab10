// The SAs of one profile, in pairs: keys, numbers, lifetimes, and the cipher suite.

import { getBits } from '../../core/base/bits.ts';
import { copy, equal, fill, put32, u32 } from '../../core/base/bytes.ts';
import { SPI_MIN } from '../../core/wire/esp.ts';
import { type AeadKey, aead, aeadKey, gcm, gcmKey, macKey, macOf, randomOctets, wipeAead, wipeMac } from './crypto.ts';
import type { Profile } from './profile.ts';

declare const P: Profile;

/** The largest sequence number; extended ones are exact up to here. */
export const SN_MAX = 4294967295;
export const SN_MAX_ESN = 9007199254740991;
/** Failures and silence (ms) after which an SA is suspect, as core/esp/search.ts has them. */
const SUSPECT_FAILURES = 3;
const SUSPECT_TIME = 2000;

/** The last number that may have been used, behind the key: 8 octets. */
function espNumber(keys: Uint8Array, at: number): number {
  const low = u32(keys, at + P.keymatSize + 4);
  return P.esn ? u32(keys, at + P.keymatSize) * 4294967296 + low : low;
}

/** One direction. */
export interface EspSa {
  spi: number;
  key: AeadKey;
  /** Salt, then the sequence number as 64 bits. Empty without an AEAD. */
  nonce: Uint8Array;
  /** SPI and sequence number, as the ICV covers them. */
  aad: Uint8Array;
  /** The last number used, or the highest that was authenticated. */
  sn: number;
  /** The window: bit n is the number sn - n, of the last 32; and of the 32 before them. */
  recent: number;
  older: number;
  packets: number;
  /** When the first packet went or came, -1: none did. */
  since: number;
  /** Failed packets since the last good one, and when that came, -1: never. */
  failures: number;
  good: number;
  /** It takes no more packets. */
  isOver: boolean;
  /** Number up to which packets may be sent or accepted without a word to storage. */
  reserved: number;
}

/** SAs of each direction, in pairs; the first of `espOut` that is not over sends. */
export const espOut: EspSa[] = [];
export const espIn: EspSa[] = [];
/** A digest, and the ICV that came. */
const espDigest: Uint8Array = /* @__PURE__ */ new Uint8Array(48);
/** Low half of the number, and the SPI, of the packet that was sealed or opened last, where headers are made of them. */
export let espLow = 0;
export let espSpi = 0;
export const espDice: Uint8Array = /* @__PURE__ */ new Uint8Array(4);

function espSaOf(spi: number, keys: Uint8Array, at: number, sn: number): EspSa {
  const aad = new Uint8Array(P.esn ? 12 : 8);
  const nonce = new Uint8Array(P.nullHmac ? 0 : P.saltSize + 8);
  if (!P.nullHmac) copy(nonce, 0, keys, at + 16, P.saltSize);
  put32(aad, 0, spi);
  return {
    spi: spi,
    key: (P.nullHmac ? macKey(keys, at) : P.gcm ? gcmKey(keys, at) : aeadKey(keys, at)) as AeadKey,
    nonce: nonce,
    aad: aad,
    sn: sn,
    recent: sn > 0 ? 4294967295 : 0,
    older: sn > 0 ? 4294967295 : 0,
    packets: 0,
    since: -1,
    failures: 0,
    good: -1,
    isOver: false,
    reserved: sn,
  };
}

function espEnd(sa: EspSa): void {
  if (sa.isOver) return;
  sa.isOver = true;
  if (P.nullHmac) wipeMac(sa.key as Uint8Array);
  else wipeAead(sa.key);
  fill(sa.nonce, 0, sa.nonce.length, 0);
}

/** Index of the pair with this inbound SPI, or -1. */
function espFind(spiIn: number): number {
  let i = espIn.length - 1;
  while (i >= 0 && espIn[i].spi !== spiIn) i--;
  return i;
}

/**
 * Sets up a pair: KEYMAT (key and salt) of the outbound SA is at keys[outAt..), of the inbound one at keys[inAt..); copied. The
 * numbers are the last ones that may have been used. `isFirst`: it sends from now on.
 */
export function addPair(
  spiOut: number,
  spiIn: number,
  keys: Uint8Array,
  outAt: number,
  inAt: number,
  isFirst: boolean,
): void {
  espOut.push(espSaOf(spiOut, keys, outAt, P.reserve > 0 ? espNumber(keys, outAt) : 0));
  espIn.push(espSaOf(spiIn, keys, inAt, P.reserve > 0 ? espNumber(keys, inAt) : 0));
  if (!P.ike || !isFirst) return;
  const lastOut = espOut[espOut.length - 1];
  const lastIn = espIn[espIn.length - 1];
  for (let i = espOut.length - 1; i > 0; i--) {
    espOut[i] = espOut[i - 1];
    espIn[i] = espIn[i - 1];
  }
  espOut[0] = lastOut;
  espIn[0] = lastIn;
}

/** Stops outgoing packets under a pair; packets still come in. */
export function retirePair(spiIn: number): void {
  const i = espFind(spiIn);
  if (i >= 0) espEnd(espOut[i]);
}

/** Ends a pair and wipes its keys. */
export function removePair(spiIn: number): void {
  const at = espFind(spiIn);
  if (at < 0) return;
  espEnd(espOut[at]);
  espEnd(espIn[at]);
  for (let i = at + 1; i < espIn.length; i++) {
    espIn[i - 1] = espIn[i];
    espOut[i - 1] = espOut[i];
  }
  espIn.pop();
  espOut.pop();
}

/** A random SPI whose bits on the wire no inbound SA has. Without such bits, retired pairs give way. */
export function newSpi(): number {
  if (P.spiLsb < 8) {
    // Few numbers: pairs that only wait for late packets give way.
    for (let i = espOut.length - 1; i >= 0; i--) if (espOut[i].isOver) removePair(espIn[i].spi);
    // Without an end to these, the oldest one does.
    while (P.spiLsb > 0 && espIn.length >= P.spiCount) removePair(espIn[espIn.length - 1].spi);
  }
  for (;;) {
    randomOctets(espDice, 0, 4);
    const spi = u32(espDice, 0);
    let isFree = spi >= SPI_MIN;
    for (let i = 0; i < espIn.length && P.spiLsb > 0; i++) {
      if (getBits(espDice, 32 - P.spiLsb, P.spiLsb) === getBits(espIn[i].aad, 32 - P.spiLsb, P.spiLsb)) isFree = false;
    }
    if (isFree) return spi;
  }
}

/** A hard lifetime is over at `now`: no more packets. */
export function espIsExpired(sa: EspSa, now: number): boolean {
  return (
    (P.ike && sa.isOver) ||
    (P.hardPackets > 0 && sa.packets >= P.hardPackets) ||
    (P.hardTime > 0 && sa.since >= 0 && now - sa.since >= P.hardTime)
  );
}

/** A soft lifetime of the pair with this inbound SPI is over, or its packets fail: time for a successor. */
export function isAgeing(spiIn: number): boolean {
  const i = espFind(spiIn);
  if (P.softPackets === 0 || i < 0) return false;
  return espOut[i].packets >= P.softPackets || espIn[i].packets >= P.softPackets;
}

/** Packets fail under a pair and none was good for a while: the gateway may have lost the sequence numbers. */
export function isSuspect(spiIn: number, now: number): boolean {
  const i = espFind(spiIn);
  if (i < 0 || espIn[i].failures < SUSPECT_FAILURES) return false;
  return espIn[i].good < 0 || now - espIn[i].good >= SUSPECT_TIME;
}

export function espCount(sa: EspSa, now: number): void {
  if (P.hardTime > 0 && sa.since < 0) sa.since = now;
  if (P.hardPackets > 0 || P.softPackets > 0) sa.packets++;
}

/** Seals (1) or opens (0) text of `length` octets behind the IV [RFC 4303 §3.3.2, §3.4.4; RFC 8750 §4]. False: wrong ICV. */
export function espCrypt(
  encrypt: number,
  sa: EspSa,
  sn: number,
  buffer: Uint8Array,
  iv: number,
  length: number,
): boolean {
  const lo = P.esn ? sn % 4294967296 : sn;
  const hi = P.esn ? Math.floor(sn / 4294967296) : 0;
  const aad = sa.aad;
  if (P.df > 0 || P.generates) espLow = lo;
  if (P.generates) espSpi = sa.spi;
  if (P.esn) put32(aad, 4, hi);
  put32(aad, P.esn ? 8 : 4, lo);
  if (P.nullHmac) {
    // [RFC 4303 §3.3.2.1] SPI and SN in front, SN's high half behind, where the ICV goes.
    const end = iv + length;
    copy(buffer, iv - 8, aad, 0, 4);
    put32(buffer, iv - 4, lo);
    // The ICV that came makes room for the number's high half.
    copy(espDigest, 32, buffer, end, 16);
    if (P.esn) put32(buffer, end, hi);
    macOf(sa.key as Uint8Array, buffer, iv - 8, 8 + length + (P.esn ? 4 : 0), espDigest);
    // The first 16 octets are the ICV [RFC 4868 §2.1].
    copy(buffer, end, espDigest, encrypt === 1 ? 0 : 32, 16);
    return encrypt === 1 || equal(espDigest, 0, espDigest, 32, 16);
  }
  if (P.ivSize > 0) {
    if (encrypt === 1) {
      put32(buffer, iv, hi);
      put32(buffer, iv + 4, lo);
    }
    copy(sa.nonce, P.saltSize, buffer, iv, 8);
  } else {
    if (P.esn) put32(sa.nonce, P.saltSize, hi);
    put32(sa.nonce, P.saltSize + 4, lo);
  }
  if (P.gcm) return gcm(encrypt, sa.key, sa.nonce, aad, P.esn ? 12 : 8, buffer, iv + P.ivSize, length);
  return aead(encrypt, sa.key, sa.nonce, aad, P.esn ? 12 : 8, buffer, iv + P.ivSize, length, P.icvSize);
}
