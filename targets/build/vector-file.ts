// Makes the cases of vector-case.ts from vector files (the format of test/vectors/*.json). It ignores unknown fields; absent
// fields are not checked. It runs on Node; the cases run on any engine.

import { DROP_COUNT } from '../../core/base/drop.ts';
import { dropName } from '../../core/base/drop-name.ts';
import type { Attributes } from '../../core/dietesp/attributes.ts';
import { toAttributes } from '../node/host/config/sa.ts';
import * as C from './case-fields.ts';

/** An entry of `vectors`, `refusals` or `rejections`. All but `id` and `sa` may be missing. */
export interface Vector {
  id: string;
  sa: Record<string, unknown>;
  inner?: string;
  /** Field, value (a string where it is above 2^53), bits. */
  residue?: [string, number | string, number][];
  residue_bits?: string;
  pad_bits?: number;
  iipc_output?: string;
  clear_text?: string;
  nonce?: string | null;
  aad?: string | null;
  iv?: string;
  ciphertext?: string;
  icv?: string;
  eec_header?: string;
  esp?: string;
  wire?: string;
  esp_len?: number;
  lossless?: boolean;
  decompressed?: string;
  /** Why it is refused or rejected: a drop code's name, or one of `also`; or the field that `createSa` refuses. */
  drop?: string;
  also?: string[];
  field?: string;
  /** Packets to receive first, and to accept, before the rejected one. */
  before?: string[];
}

/** A row of `sn_recovery`. Sequence numbers are in hexadecimal; `sn` null: the packet is dropped. */
export interface SnRow {
  T: string;
  received: string;
  esp_sn_lsb: number;
  window: number;
  esn: boolean;
  sn: string | null;
}

export interface VectorFile {
  vectors?: Vector[];
  refusals?: Vector[];
  rejections?: Vector[];
  /** Packets that differ from the compressor's, and are accepted. */
  on_path?: Vector[];
  sn_recovery?: SnRow[];
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** The number of a drop code's name. Throws for an unknown name. */
export function dropCode(name: string): number {
  for (let code = 1; code < DROP_COUNT; code++) if (dropName(code) === name) return -code;
  throw new Error(`drop: ${name}: no such drop code`);
}

function empty(id: string, kind: string): string[] {
  const strings: string[] = new Array(C.CASE_LENGTH).fill('-');
  strings[C.ID] = id;
  strings[C.KIND] = kind;
  return strings;
}

function putAttributes(strings: string[], a: Attributes): void {
  strings[C.IIPC_PROFILE] = String(a.iipcProfile);
  strings[C.RULE_ID] = String(a.iipcRuleId);
  strings[C.DSCP_CDA] = String(a.dscpCda);
  strings[C.ECN_CDA] = String(a.ecnCda);
  strings[C.FLOW_LABEL_CDA] = String(a.flowLabelCda);
  strings[C.DSCP_LIST] = hex(Uint8Array.from(a.dscpList));
  strings[C.TS_IP_VERSION] = String(a.tsIpVersion);
  strings[C.TS_IP_SRC_START] = hex(a.tsIpSrcStart);
  strings[C.TS_IP_SRC_END] = hex(a.tsIpSrcEnd);
  strings[C.TS_IP_DST_START] = hex(a.tsIpDstStart);
  strings[C.TS_IP_DST_END] = hex(a.tsIpDstEnd);
  strings[C.TS_PROTO] = String(a.tsProto);
  strings[C.TS_PORT_SRC_START] = String(a.tsPortSrcStart);
  strings[C.TS_PORT_SRC_END] = String(a.tsPortSrcEnd);
  strings[C.TS_PORT_DST_START] = String(a.tsPortDstStart);
  strings[C.TS_PORT_DST_END] = String(a.tsPortDstEnd);
  strings[C.ALIGNMENT] = String(a.alignment);
  strings[C.ESP_TRAILER] = String(a.espTrailer);
  strings[C.IPSEC_MODE] = String(a.ipsecMode);
  strings[C.TUNNEL_SRC] = hex(a.tunnelSrc);
  strings[C.TUNNEL_DST] = hex(a.tunnelDst);
  strings[C.ESP_SPI] = String(a.espSpi);
  strings[C.ESP_SPI_LSB] = String(a.espSpiLsb);
  strings[C.ESP_SN_LSB] = String(a.espSnLsb);
  strings[C.ESN] = String(a.esn);
}

function text(value: string | number | null | undefined): string {
  return value === undefined || value === null ? '-' : String(value).toLowerCase();
}

/** Checks that the residue's named fields add up to its bit string. */
function checkResidue(vector: Vector): void {
  if (vector.residue === undefined || vector.residue_bits === undefined) return;
  const bits = vector.residue.map(([, value, width]) => BigInt(value).toString(2).padStart(width, '0')).join('');
  if (bits !== vector.residue_bits) throw new Error(`${vector.id}: residue: ${bits}: residue_bits says otherwise`);
}

function vectorCase(vector: Vector, kind: string): string[] {
  const strings = empty(vector.id, kind);
  const sa = vector.sa;
  if (sa === null || typeof sa !== 'object') throw new Error('sa: (missing): is required');
  for (const field of ['esp_spi', 'esp_encr']) {
    if (typeof sa[field] !== 'string') throw new Error(`sa.${field}: ${String(sa[field])}: must be a string`);
  }
  checkResidue(vector);
  putAttributes(strings, toAttributes(sa));
  strings[C.SUITE] = String(sa['esp_encr']);
  // NULL encryption has no key.
  strings[C.KEY] = strings[C.SUITE].startsWith('NULL') ? '' : String(sa['key'] ?? '').toLowerCase();
  strings[C.SALT] = String(sa['salt'] ?? '').toLowerCase();
  strings[C.AKEY] = String(sa['akey'] ?? '').toLowerCase();
  const sn = BigInt('0x' + String(sa['esp_sn'] ?? '1'));
  strings[C.SN_HI] = String(sn >> 32n);
  strings[C.SN_LO] = String(sn & 0xffffffffn);
  strings[C.REPLAY_WINDOW] = String(sa['replay_window'] ?? 64);
  strings[C.INNER] = text(vector.inner);
  strings[C.WANT_IV] = text(vector.iv);
  strings[C.WANT_RESIDUE_BITS] = text(vector.residue_bits);
  strings[C.WANT_PAD_BITS] = text(vector.pad_bits);
  strings[C.WANT_IIPC_OUTPUT] = text(vector.iipc_output);
  strings[C.WANT_CLEAR_TEXT] = text(vector.clear_text);
  strings[C.WANT_NONCE] = text(vector.nonce);
  strings[C.WANT_AAD] = text(vector.aad);
  strings[C.WANT_CIPHERTEXT] = text(vector.ciphertext);
  strings[C.WANT_ICV] = text(vector.icv);
  strings[C.WANT_EEC_HEADER] = text(vector.eec_header);
  strings[C.WANT_ESP] = text(vector.esp);
  strings[C.WANT_WIRE] = text(vector.wire);
  strings[C.WANT_ESP_LEN] = text(vector.esp_len);
  strings[C.WANT_DECOMPRESSED] = text(vector.decompressed ?? (vector.lossless === false ? undefined : vector.inner));
  return strings;
}

function snCase(row: SnRow, index: number): string[] {
  const strings = empty(`sn_recovery[${index}]`, C.CASE_SN);
  const last = BigInt('0x' + row.T);
  strings[C.SN_HI] = String(last >> 32n);
  strings[C.SN_LO] = String(last & 0xffffffffn);
  strings[C.REPLAY_WINDOW] = String(row.window);
  strings[C.ESP_SN_LSB] = String(row.esp_sn_lsb);
  strings[C.ESN] = row.esn ? '1' : '0';
  strings[C.WANT_RECEIVED] = String(BigInt('0x' + row.received));
  strings[C.WANT_SN] =
    row.sn === null
      ? 'reject'
      : BigInt('0x' + row.sn)
          .toString(16)
          .padStart(16, '0');
  return strings;
}

/** All cases of a parsed file, in its order. Throws an error that names a wrong vector. */
export function casesOf(file: VectorFile): string[][] {
  const cases: string[][] = [];
  const add = (vector: Vector, kind: string): void => {
    try {
      const strings = vectorCase(vector, vector.field === undefined ? kind : C.CASE_CONFIG);
      if (kind !== C.CASE_PACKET) {
        const names = vector.drop === undefined ? [] : [vector.drop, ...(vector.also ?? [])];
        strings[C.WANT_CODES] = names.length === 0 ? '-' : names.map(dropCode).join(',');
        strings[C.BEFORE] = (vector.before ?? []).join(',').toLowerCase();
        strings[C.WANT_FIELD] = text(vector.field);
      }
      cases.push(strings);
    } catch (error) {
      throw new Error(`${String(vector.id)}: ${(error as Error).message}`);
    }
  };
  for (const vector of file.vectors ?? []) add(vector, C.CASE_PACKET);
  for (const vector of file.refusals ?? []) add(vector, C.CASE_REFUSE);
  for (const vector of file.rejections ?? []) add(vector, C.CASE_REJECT);
  for (const vector of file.on_path ?? []) add(vector, C.CASE_REJECT);
  (file.sn_recovery ?? []).forEach((row, index) => {
    cases.push(snCase(row, index));
  });
  return cases;
}
