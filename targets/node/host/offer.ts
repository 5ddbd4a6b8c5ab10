// Proposals and selectors of a peer's message, and those of our configuration, as text for the log of a refusal. It reads a
// peer's octets with bounds and never throws.

import { findPayload, type Payloads } from '../../../core/ike/codec/message.ts';
import {
  PAYLOAD_SA,
  PAYLOAD_TSI,
  PAYLOAD_TSR,
  TRANSFORM_ADDKE1,
  TRANSFORM_ADDKE7,
  TRANSFORM_ENCR,
  TRANSFORM_INTEG,
  TRANSFORM_KE,
  TRANSFORM_PRF,
  TRANSFORM_SN,
} from '../../../core/ike/codec/numbers.ts';
import type { Transforms } from '../../../core/ike/codec/proposals.ts';
import { parseSelectors, type Selector } from '../../../core/ike/codec/selectors.ts';
import { selectorText } from './sa-view.ts';

/** A received message whose payloads were listed. */
export interface Listed {
  buffer: Uint8Array;
  payloads: Payloads;
}

/** Names of the IANA registry "Internet Key Exchange Version 2 (IKEv2) Parameters", by transform type. */
const NAMES: Record<number, Record<number, string>> = {
  [TRANSFORM_ENCR]: {
    3: '3DES',
    11: 'NULL',
    12: 'AES_CBC',
    13: 'AES_CTR',
    14: 'AES_CCM_8',
    15: 'AES_CCM_12',
    16: 'AES_CCM_16',
    18: 'AES_GCM_8',
    19: 'AES_GCM_12',
    20: 'AES_GCM_16',
    28: 'CHACHA20_POLY1305',
    29: 'AES_CCM_8_IIV',
    30: 'AES_GCM_16_IIV',
    31: 'CHACHA20_POLY1305_IIV',
  },
  [TRANSFORM_PRF]: {
    2: 'PRF_HMAC_SHA1',
    4: 'PRF_AES128_XCBC',
    5: 'PRF_HMAC_SHA2_256',
    6: 'PRF_HMAC_SHA2_384',
    7: 'PRF_HMAC_SHA2_512',
    8: 'PRF_AES128_CMAC',
  },
  [TRANSFORM_INTEG]: {
    0: 'NONE',
    2: 'HMAC_SHA1_96',
    5: 'AES_XCBC_96',
    8: 'AES_CMAC_96',
    12: 'HMAC_SHA2_256_128',
    13: 'HMAC_SHA2_384_192',
    14: 'HMAC_SHA2_512_256',
  },
  [TRANSFORM_KE]: {
    0: 'NONE',
    2: 'MODP_1024',
    5: 'MODP_1536',
    14: 'MODP_2048',
    15: 'MODP_3072',
    16: 'MODP_4096',
    19: 'P256',
    20: 'P384',
    21: 'P521',
    31: 'X25519',
    32: 'X448',
    35: 'ML_KEM_512',
    36: 'ML_KEM_768',
    37: 'ML_KEM_1024',
  },
  [TRANSFORM_SN]: { 0: 'NO_ESN', 1: 'ESN' },
};
const TYPE_NAMES = ['', 'ENCR', 'PRF', 'INTEG', 'KE', 'SN'];
/** Key Length, in the form type and value [RFC 7296 §3.3.5]. */
const KEY_LENGTH = 0x800e;
/** Proposals of a message that are shown. */
const SHOWN = 8;

/** `AES_CCM_8`, `AES_GCM_16_256` with a key of 256 bits, `KE 1234` where the registry's name is not known here. */
export function transformName(type: number, id: number, keyBits: number): string {
  const isAdditional = type >= TRANSFORM_ADDKE1 && type <= TRANSFORM_ADDKE7;
  const known = NAMES[isAdditional ? TRANSFORM_KE : type]?.[id];
  const name = known ?? `${TYPE_NAMES[isAdditional ? TRANSFORM_KE : type] ?? `type ${type}`} ${id}`;
  return keyBits === 0 || keyBits === 128 ? name : `${name}_${keyBits}`;
}

/** Transforms by type as one text: `AES_CCM_8, AES_GCM_16 / PRF_HMAC_SHA2_256 / X25519`. */
function joined(types: string[][]): string {
  return types
    .filter((names) => names.length > 0)
    .map((names) => names.join(', '))
    .join(' / ');
}

/** The proposals of the SA payload buffer[at..at+size). */
function proposalsText(buffer: Uint8Array, at: number, size: number): string {
  const view = Buffer.from(buffer.buffer, buffer.byteOffset + at, size);
  const texts: string[] = [];
  let from = 0;
  while (from + 8 <= view.length && texts.length < SHOWN) {
    const length = view.readUInt16BE(from + 2);
    const end = from + length;
    if (length < 8 || end > view.length) break;
    const types: string[][] = [];
    let next = from + 8 + view[from + 6];
    while (next + 8 <= end) {
      const transformEnd = next + view.readUInt16BE(next + 2);
      if (transformEnd < next + 8 || transformEnd > end) break;
      const hasKey = transformEnd >= next + 12 && view.readUInt16BE(next + 8) === KEY_LENGTH;
      const type = view[next + 4];
      const name = transformName(type, view.readUInt16BE(next + 6), hasKey ? view.readUInt16BE(next + 10) : 0);
      types[type] ??= [];
      types[type].push(name);
      next = transformEnd;
    }
    texts.push(joined(types.filter((names) => names !== undefined)));
    from = end;
  }
  return texts.length === 0 ? 'nothing that can be read' : texts.join('; ');
}

/** What a message offers in its SA payload; '' where it has none. */
export function offerText({ buffer, payloads }: Listed): string {
  const i = findPayload(payloads, PAYLOAD_SA, 0);
  return i < 0 ? '' : proposalsText(buffer, payloads.at[i], payloads.size[i]);
}

/** Our proposals in the same form. */
export function configuredText(proposals: Transforms[]): string {
  return proposals
    .map(({ ciphers, keyBits, prf, integ, ke, sn, extra }) =>
      joined([
        ciphers.map((id, i) => transformName(TRANSFORM_ENCR, id, keyBits[i])),
        prf.map((id) => transformName(TRANSFORM_PRF, id, 0)),
        integ.map((id) => transformName(TRANSFORM_INTEG, id, 0)),
        ke.map((id) => transformName(TRANSFORM_KE, id, 0)),
        sn.map((id) => transformName(TRANSFORM_SN, id, 0)),
        ...(extra?.list ?? []).map(({ type, id }) => [transformName(type, id, 0)]),
      ]),
    )
    .join('; ');
}

/** A peer may offer 255. */
const SELECTORS_SHOWN = 16;

/** `2001:db8::1 udp 5683, any4`. */
export function selectorsText(list: Selector[]): string {
  if (list.length === 0) return 'none';
  const rest = list.length > SELECTORS_SHOWN ? ` and ${list.length - SELECTORS_SHOWN} more` : '';
  return list.slice(0, SELECTORS_SHOWN).map(selectorText).join(', ') + rest;
}

/** The selectors that a message offers, from its sender's side (TSi) and from the other (TSr); '' where it has none. */
export function offeredSelectors({ buffer, payloads }: Listed): { initiator: string; responder: string } {
  const textOf = (type: number): string => {
    const i = findPayload(payloads, type, 0);
    if (i < 0) return '';
    const list: Selector[] = [];
    const code = parseSelectors(buffer, payloads.at[i], payloads.size[i], list);
    return code === 0 || list.length > 0 ? selectorsText(list) : 'none that can be read';
  };
  return { initiator: textOf(PAYLOAD_TSI), responder: textOf(PAYLOAD_TSR) };
}
