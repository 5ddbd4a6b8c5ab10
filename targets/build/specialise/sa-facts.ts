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

/** Runs a check of one SA: a Refusal has it as `sa`, so that who has read it from a file tells the line (`refusedSa`). */
export function inSa<Result>(sa: SaConfig, check: () => Result): Result {
  try {
    return check();
  } catch (error) {
    throw Object.assign(error as Error, { sa });
  }
}

/** The SA that a Refusal is about; undefined: the one from the device, or none. */
export function refusedSa(error: unknown): SaConfig | undefined {
  return (error as { sa?: SaConfig }).sa;
}

/** What both directions have alike, by the names of fields. */
const ALIKE: readonly (readonly [field: string, attribute: keyof Attributes])[] = [
  ['esp_spi_lsb', 'espSpiLsb'],
  ['esp_sn_lsb', 'espSnLsb'],
  ['esn', 'esn'],
  ['alignment', 'alignment'],
  ['esp_trailer', 'espTrailer'],
  ['ipsec_mode', 'ipsecMode'],
  ['iipc_profile', 'iipcProfile'],
  ['ts_ip_version', 'tsIpVersion'],
  ['ts_proto', 'tsProto'],
  ['rule_id', 'iipcRuleId'],
];
/** Fields whose values are names or yes and no. */
const NAMED = ['esn', 'esp_trailer', 'ipsec_mode', 'iipc_profile'];
const LIFETIMES: readonly (readonly [field: string, name: 'softPackets' | 'hardPackets' | 'softTime' | 'hardTime'])[] =
  [
    ['lifetime.soft_packets', 'softPackets'],
    ['lifetime.hard_packets', 'hardPackets'],
    ['lifetime.soft_seconds', 'softTime'],
    ['lifetime.hard_seconds', 'hardTime'],
  ];

/** Both directions of a profile have the same form. */
function checkPair(out: SaConfig, back: SaConfig): void {
  const alike = (field: string, one: number, other: number, unit = 1): void => {
    if (one === other) return;
    if (NAMED.includes(field)) refuse(field, '', 'must be as in the other direction');
    refuse(field, other / unit, `must be ${one / unit}, as in the other direction`);
  };
  for (const [field, name] of ALIKE) alike(field, Number(out.attributes[name]), Number(back.attributes[name]));
  if (out.suite !== back.suite) {
    refuse('esp_encr', back.suite.name, `must be ${out.suite.name}, as in the other direction`);
  }
  for (const [field, name] of LIFETIMES) alike(field, out[name], back[name], field.endsWith('seconds') ? 1000 : 1);
}

/** Octets of lifetimes are not counted, and windows have few forms. */
function checkOne({ softBytes, hardBytes, replayWindow }: SaConfig): void {
  for (const [field, value] of [
    ['lifetime.soft_bytes', softBytes],
    ['lifetime.hard_bytes', hardBytes],
  ] as const) {
    if (value > 0) {
      refuse(field, value, 'must be 0 in a specialised device: give packets or seconds (or build with --general)');
    }
  }
  if (![0, 32, 64].includes(replayWindow)) {
    refuse('replay_window', replayWindow, 'must be 0, 32 or 64 in a specialised device (or build with --general)');
  }
}

/** As `core/esp/search.ts`: fewer bits get more multiples of 2^k. */
function wrapsOf(wraps: number, bits: number): number {
  return wraps * (bits < 8 ? 4 : 1);
}

/** Most numbers to reserve inbound: a restart costs the device as many packets. */
const RESERVE_IN = 8;
const RESERVE_MOST = 65536;

/**
 * Most numbers that may be reserved ahead where `bits` of them are sent. After a restart the peer finds the number by its search:
 * half of what the smallest search reaches, the other half is for packets that are lost besides.
 */
export function reserveMax(bits: number): number {
  return Math.min(RESERVE_MOST, (wrapsOf(DEVICE_SEARCH.wraps, bits) * 2 ** bits) / 2);
}

/** Constants of EspProfile. Throws a Refusal for what a specialised device does not have. */
export function saFacts(input: SaInput) {
  const { out, in: back } = input;
  const a = out.attributes;
  inSa(back, () => checkPair(out, back));
  const { suite } = out;
  const { replayWindow } = back;
  if (!SUITES.includes(suite)) {
    const names = SUITES.map(({ name }) => name).join(', ');
    refuse('esp_encr', suite.name, `must be one of ${names} (or build with --general)`);
  }
  for (const sa of [out, back]) inSa(sa, () => checkOne(sa));
  const most = reserveMax(a.espSnLsb);
  if (input.reserve > most) {
    refuse('reserve', input.reserve, `must be ${most} at most with esp_sn_lsb ${a.espSnLsb}: the gateway must follow`);
  }
  const trailer = trailerOf(a, suite.blockSize);
  const modulus = 2 ** a.espSnLsb;
  return {
    spiLsb: a.espSpiLsb,
    spiCount: 2 ** a.espSpiLsb,
    snLsb: a.espSnLsb,
    headerSize: (a.espSpiLsb + a.espSnLsb) / 8,
    snModulus: modulus,
    snBack:
      a.espSnLsb === 0
        ? 0
        : Math.min(replayWindow > 0 ? replayWindow : a.espSnLsb === 32 ? modulus : 32, Math.floor(modulus / 2)),
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
    searchWraps: wrapsOf(input.search.wraps, a.espSnLsb),
    searchBudget: input.search.wraps * 8000,
    searchRate: input.search.rate,
    softPackets: out.softPackets,
    hardPackets: out.hardPackets,
    softTime: out.softTime,
    hardTime: out.hardTime,
    ipVersion: a.tsIpVersion,
    reserve: input.reserve,
    reserveIn: Math.min(input.reserve, RESERVE_IN),
  };
}
