// Fuzz targets for the SCHC layer. Each takes any octets; a throw is a finding.

import { schcCompress } from '../../core/schc/compress.ts';
import { compileContext } from '../../core/schc/context.ts';
import { schcDecompress } from '../../core/schc/decompress.ts';
import * as F from '../../core/schc/fid.ts';
import * as S from '../../core/schc/model.ts';
import { createFields, createLayout, parseFields } from '../../core/schc/parse.ts';
import * as C from '../../core/wire/coap.ts';
import * as W from '../../core/wire/fid.ts';
import { readSchcCbor, SchcFormatError } from '../../targets/node/host/rules/cbor.ts';
import { readSchcJson } from '../../targets/node/host/rules/json.ts';
import * as M from '../schc/make.ts';

export interface FuzzTarget {
  name: string;
  run(bytes: Uint8Array): void;
}

function ensure(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

const PATH = C.FID_COAP_OPTION + 11;
const QUERY = C.FID_COAP_OPTION + 15;
const { FL_TOKEN_LENGTH, FL_VARIABLE } = S;

const coap = [
  M.notSent(C.FID_COAP_VERSION, 2, 1),
  M.sent(C.FID_COAP_TYPE, 2),
  M.sent(C.FID_COAP_TKL, 4),
  M.mapped(C.FID_COAP_CODE, 8, [1, 2, 69]),
  M.lsb(C.FID_COAP_MID, 16, 0, 3),
  M.sent(C.FID_COAP_TOKEN, FL_TOKEN_LENGTH),
  M.sent(C.FID_COAP_OPTION + 6, FL_VARIABLE),
  M.lsb(PATH, FL_VARIABLE, 'r', 8, { fp: 0 }),
  M.mapped(PATH, FL_VARIABLE, ['', 'rd', 'temperature'], { fp: 2 }),
  M.sent(QUERY, FL_VARIABLE),
  M.sent(C.FID_COAP_OPTION + 2000, FL_VARIABLE),
];

const udp = [M.sent(F.FID_UDP_DEV_PORT, 16), M.lsb(F.FID_UDP_APP_PORT, 16, 5683, 4)];
const udpEnd = [M.computed(W.FID_UDP_LENGTH, 16), M.computed(W.FID_UDP_CHECKSUM, 16)];
const ipv6 = [
  M.notSent(W.FID_IPV6_VERSION, 4, 6),
  M.sent(F.FID_IPV6_TRAFFIC_CLASS, 8),
  M.sent(W.FID_IPV6_FLOW_LABEL, 20),
  M.computed(W.FID_IPV6_PAYLOAD_LENGTH, 16),
  M.sent(W.FID_IPV6_NEXT_HEADER, 8),
  M.sent(W.FID_IPV6_HOP_LIMIT, 8),
  M.mapped(F.FID_IPV6_DEV_PREFIX, 64, ['0x20010db800000000', 0, 1]),
  M.iid(F.FID_IPV6_DEV_IID, S.CDA_DEV_IID),
  M.sent(F.FID_IPV6_APP_PREFIX, 64),
  M.sent(F.FID_IPV6_APP_IID, 64),
];
const ipv4 = [
  M.sent(W.FID_IPV4_VERSION, 4),
  M.sent(W.FID_IPV4_IHL, 4),
  M.sent(W.FID_IPV4_DSCP, 6),
  M.sent(W.FID_IPV4_ECN, 2),
  M.computed(W.FID_IPV4_TOTAL_LENGTH, 16),
  M.sent(W.FID_IPV4_ID, 16),
  M.sent(W.FID_IPV4_FLAGS, 3),
  M.sent(W.FID_IPV4_FRAGMENT_OFFSET, 13),
  M.sent(W.FID_IPV4_TTL, 8),
  M.sent(W.FID_IPV4_PROTOCOL, 8),
  M.computed(W.FID_IPV4_CHECKSUM, 16),
  M.sent(W.FID_IPV4_SRC, 32),
  M.sent(W.FID_IPV4_DST, 32),
  M.sent(F.FID_IPV4_OPTIONS, FL_VARIABLE),
];
const inner = [M.sent(C.FID_COAP_CODE, 8), M.sent(QUERY, FL_VARIABLE)];

const rules = [
  M.rule(0, 3, [...ipv6, ...udp, ...udpEnd, ...coap]),
  M.rule(1, 3, [...ipv6, ...udp, ...udpEnd]),
  M.rule(2, 3, ipv6),
  M.rule(3, 3, [...ipv4, ...udp, ...udpEnd]),
  M.rule(4, 3, ipv4),
  M.rule(5, 3, coap),
  M.rule(6, 3, inner),
];
const context = compileContext([...rules, M.rule(7, 3, [])], M.HEADERS);
const strict = compileContext(rules, M.HEADERS);
const dev = Buffer.from('0011223344556677', 'hex');
const app = Buffer.from('1234', 'hex');
const schc = new Uint8Array(70000);
const out = new Uint8Array(70000);

function same(a: Uint8Array, aLength: number, b: Uint8Array): boolean {
  return aLength === b.length && Buffer.compare(a.subarray(0, aLength), b) === 0;
}

export const TARGETS: FuzzTarget[] = [
  {
    name: 'schc compress, then decompress',
    run(bytes) {
      for (const direction of [S.DI_UP, S.DI_DW]) {
        const copy = Uint8Array.from(bytes);
        const length = schcCompress(context, { direction, dev, app }, copy, 0, copy.length, schc, 0);
        ensure(same(copy, copy.length, bytes), 'the packet was changed');
        ensure(length > 0, 'no compression takes any packet: ' + length);
        const back = schcDecompress(context, { direction, dev, app }, schc, 0, length, out, 0);
        ensure(back >= 0 && same(out, back, bytes), 'comes back changed: ' + back);
      }
    },
  },
  {
    name: 'schc decompress',
    run(bytes) {
      for (const direction of [S.DI_UP, S.DI_DW]) {
        const length = schcDecompress(strict, { direction, dev, app }, bytes, 0, bytes.length, out, 0);
        ensure(length <= 65535, 'too long');
        if (length < 0) continue;
        const again = schcCompress(strict, { direction, dev, app }, out, 0, length, schc, 0);
        // An UDP checksum of zero is no computed one; an absent field may have come as an empty one.
        ensure(again > 0 || again === -6, 'a restored packet is malformed: ' + again);
      }
    },
  },
  {
    name: 'schc short buffers',
    run(bytes) {
      const small = new Uint8Array(bytes.length === 0 ? 0 : bytes[0] & 63);
      ensure(
        schcCompress(context, { direction: S.DI_UP, dev, app }, Uint8Array.from(bytes), 0, bytes.length, small, 0) <=
          small.length,
        'c',
      );
      ensure(
        schcDecompress(context, { direction: S.DI_UP, dev, app }, bytes, 0, bytes.length, small, 0) <= small.length,
        'd',
      );
    },
  },
  {
    name: 'schc field table',
    run(bytes) {
      const fields = createFields();
      for (const rule of rules) {
        const fids = rule.fields.map((field) => field.fid);
        const layout = createLayout(fids, M.HEADERS, S.DI_UP);
        if (parseFields(fields, layout, bytes, 0, bytes.length) !== 0) continue;
        for (let i = 0; i < fields.count; i++) {
          ensure(fields.bit[i] >= 0 && fields.bit[i] + fields.bits[i] <= bytes.length * 8, 'field outside the packet');
        }
      }
    },
  },
  {
    name: 'schc rules in CBOR and JSON',
    run(bytes) {
      for (const read of [() => readSchcCbor(bytes), () => readSchcJson(Buffer.from(bytes).toString('latin1'))]) {
        try {
          read();
        } catch (error) {
          if (!(error instanceof SchcFormatError)) throw error;
        }
      }
    },
  },
];
