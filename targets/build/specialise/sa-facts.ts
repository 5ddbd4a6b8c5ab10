// What the SAs of a profile make known whatever their packets are: widths, trailer, window, suite, lifetimes.

import { refuse } from '../../../core/base/refuse.ts';
import type { Attributes } from '../../../core/dietesp/attributes.ts';
import { trailerOf } from '../../../core/dietesp/ctec.ts';
import type { SaConfig } from '../../../core/esp/sa.ts';
import {
  aesCcm8,
  aesCcm8Iiv,
  aesCcm16,
  aesGcm16,
  aesGcm16Iiv,
  nullHmacSha256,
  type Suite,
} from '../../../core/esp/suites.ts';

/** SAs from the device and to it. */
export interface SaInput {
  /** Attributes, suite, window, lifetimes. Keys are not read. */
  out: SaConfig;
  in: SaConfig;
  /** Sequence numbers reserved ahead for SAs keyed by hand; 0: by IKE. */
  reserve: number;
  /** Multiples of 2^k that the search tries, and trials a second, as `createSearch`. */
  search: { wraps: number; rate: number };
}

/** The search of a device: 8 multiples of 2^k, 8 trials a second (core/device/config.ts has the same for the general one). */
export const DEVICE_SEARCH = { wraps: 8, rate: 8 };

const SUITES: readonly Suite[] = [aesCcm8, aesCcm8Iiv, aesCcm16, aesGcm16, aesGcm16Iiv, nullHmacSha256];

/** Both directions of a profile have the same form. */
function checkPair(out: SaConfig, back: SaConfig): void {
  const same: (keyof Attributes)[] = [
    ...(['espSpiLsb', 'espSnLsb', 'esn', 'alignment', 'espTrailer', 'ipsecMode'] as const),
    ...(['iipcProfile', 'tsIpVersion', 'iipcRuleId'] as const),
  ];
  for (const name of same) {
    const value = out.attributes[name];
    if (value !== back.attributes[name]) refuse(name, String(value), 'both directions must have the same value');
  }
  if (out.suite !== back.suite) refuse('esp_encr', out.suite.name, 'both directions must have the same suite');
}

/** Constants of EspProfile. Throws a Refusal for what a specialised device does not have. */
export function saFacts(input: SaInput) {
  const { out, in: back } = input;
  const a = out.attributes;
  checkPair(out, back);
  const { suite } = out;
  const { replayWindow } = back;
  if (!SUITES.includes(suite)) {
    const names = SUITES.map(({ name }) => name).join(', ');
    refuse('esp_encr', suite.name, `must be one of ${names} (or build with --general)`);
  }
  if (![0, 32, 64].includes(replayWindow)) {
    refuse('replay_window', replayWindow, 'must be 0, 32 or 64 in a specialised device (or build with --general)');
  }
  for (const [field, value] of [
    ['soft_bytes', out.softBytes + back.softBytes],
    ['hard_bytes', out.hardBytes + back.hardBytes],
  ] as const) {
    if (value > 0)
      refuse(field, value, 'must be 0 in a specialised device: give packets or seconds (or build with --general)');
  }
  const trailer = trailerOf(a, suite.blockSize);
  const modulus = 2 ** a.espSnLsb;
  return {
    spiLsb: a.espSpiLsb,
    spiCount: 2 ** a.espSpiLsb,
    snLsb: a.espSnLsb,
    headerSize: (a.espSpiLsb + a.espSnLsb) / 8,
    snModulus: modulus,
    snBack: a.espSnLsb === 0 ? 0 : Math.min(replayWindow === 0 ? 32 : replayWindow, Math.floor(modulus / 2)),
    esn: a.esn === 1,
    window: replayWindow,
    ivSize: suite.ivLength,
    icvSize: suite.icvLength,
    nullHmac: suite === nullHmacSha256,
    gcm: suite === aesGcm16 || suite === aesGcm16Iiv,
    saltSize: suite.saltLength,
    keymatSize: suite.alg === 0 ? suite.authKeyLength : suite.keyLength + suite.saltLength,
    alignment: trailer.alignment,
    padded: trailer.padded,
    sendsNext: trailer.sendsNext,
    nextHeader: trailer.next,
    searchWraps: input.search.wraps * (a.espSnLsb < 8 ? 4 : 1),
    searchBudget: input.search.wraps * 8000,
    searchRate: input.search.rate,
    softPackets: out.softPackets,
    hardPackets: out.hardPackets,
    softTime: out.softTime,
    hardTime: out.hardTime,
    ipVersion: a.tsIpVersion,
    reserve: input.reserve,
  };
}
