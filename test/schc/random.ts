// Random packets and matching rules, for the tests of the SCHC layer.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import * as F from '../../core/schc/fid.ts';
import * as S from '../../core/schc/model.ts';
import { createFields, createLayout, isOption, parseFields } from '../../core/schc/parse.ts';
import * as C from '../../core/wire/coap.ts';
import * as W from '../../core/wire/fid.ts';
import { FIELD_STRIDE, SLOT_NONE } from '../../core/wire/header.ts';
import { ipv4 } from '../../core/wire/ipv4.ts';
import { ipv6 } from '../../core/wire/ipv6.ts';
import { packet, type Segment, sctp, tcp, udp, udpLite } from '../naive/packets.ts';
import * as M from './make.ts';

export const bytes = (maxLength: number) => fc.uint8Array({ maxLength });

export const coapMessage = fc
  .record({
    type: fc.nat(3),
    code: fc.nat(255),
    mid: fc.nat(65535),
    token: bytes(8),
    options: fc.array(fc.tuple(fc.oneof(fc.nat(40), fc.nat(70000 - 4465)), fc.oneof(bytes(20), bytes(300))), {
      maxLength: 6,
    }),
    payload: bytes(20),
  })
  .map(({ type, code, mid, token, options, payload }) => {
    const parts = [Buffer.from([0x40 + type * 16 + token.length, code, mid >>> 8, mid & 255]), Buffer.from(token)];
    let number = 0;
    for (const [n, value] of [...options].sort((a, b) => a[0] - b[0])) {
      const head = new Uint8Array(5);
      parts.push(Buffer.from(head.subarray(0, C.putCoapHead(head, 0, n - number, value.length))), Buffer.from(value));
      number = n;
    }
    if (payload.length > 0) parts.push(Buffer.from([0xff]), Buffer.from(payload));
    return Buffer.concat(parts);
  });

const port = fc.nat(65535);
const word = fc.nat(0xffffffff);
const segment: fc.Arbitrary<{ segment: Segment; coap: boolean }> = fc.oneof(
  fc
    .tuple(port, port, bytes(60), fc.boolean())
    .map(([a, b, p, z]) => ({ segment: udp(a, b, Buffer.from(p), z && p.length > 50), coap: false })),
  fc.tuple(port, port, coapMessage).map(([a, b, p]) => ({ segment: udp(a, b, p), coap: true })),
  fc.tuple(port, port, bytes(60)).map(([a, b, p]) => ({ segment: udpLite(a, b, Buffer.from(p)), coap: false })),
  fc.tuple(port, port, word, word, fc.nat(255), port, bytes(60)).map(([a, b, seq, ack, flags, window, p]) => ({
    segment: tcp(a, b, { seq, ack, flags, window }, Buffer.from(p)),
    coap: false,
  })),
  fc
    .tuple(port, port, word, bytes(60))
    .map(([a, b, tag, p]) => ({ segment: sctp(a, b, tag, Buffer.from(p)), coap: false })),
);

export const stack = fc
  .record({
    six: fc.boolean(),
    dscp: fc.nat(63),
    ecn: fc.nat(3),
    label: fc.nat(65535),
    hops: fc.nat(255),
    options: fc.nat(10),
    part: segment,
    tail: fc.uint8Array({ minLength: 2, maxLength: 2 }),
  })
  .map(({ six, part, options, tail, ...rest }) => {
    const end = tail[0] + '.' + tail[1];
    const ip = six
      ? { ...rest, src: '2001:db8::' + tail[0].toString(16), dst: '2001:db8:1::' + tail[1].toString(16) }
      : { ...rest, src: '10.0.' + end, dst: '192.0.2.1', options: Buffer.alloc(options * 4, 1) };
    return { bytes: packet(ip, part.segment), six, coap: part.coap, proto: part.segment.proto };
  });

/** Field identifiers of a packet's stack, divided as the draws say. */
export function fidsOf(s: { six: boolean; coap: boolean; proto: number }, split: boolean): number[] {
  const header = s.six ? ipv6 : ipv4;
  const transport = M.HEADERS.find((h) => h.proto === s.proto && h !== header)!;
  const fids: number[] = [];
  for (const h of [header, transport]) for (let i = 0; i < h.fields.length; i += FIELD_STRIDE) fids.push(h.fields[i]);
  if (s.coap) for (let i = 0; i < C.COAP_FIELDS.length; i += 2) fids.push(C.COAP_FIELDS[i]);
  if (!split) return fids;
  const swap = new Map<number, number[]>([
    [W.FID_IPV6_DSCP, [F.FID_IPV6_TRAFFIC_CLASS]],
    [W.FID_IPV6_ECN, []],
    [W.FID_IPV6_SRC, [F.FID_IPV6_DEV_PREFIX, F.FID_IPV6_DEV_IID]],
    [W.FID_IPV6_DST, [F.FID_IPV6_APP_PREFIX, F.FID_IPV6_APP_IID]],
    [W.FID_UDP_SRC_PORT, [F.FID_UDP_DEV_PORT]],
    [W.FID_UDP_DST_PORT, [F.FID_UDP_APP_PORT]],
  ]);
  return fids.flatMap((fid) => swap.get(fid) ?? [fid]);
}

const COMPUTABLE = [
  W.FID_IPV6_PAYLOAD_LENGTH,
  W.FID_IPV4_TOTAL_LENGTH,
  W.FID_IPV4_CHECKSUM,
  W.FID_UDP_LENGTH,
  W.FID_UDP_CHECKSUM,
  W.FID_UDPLITE_COVERAGE,
  W.FID_UDPLITE_CHECKSUM,
  W.FID_TCP_CHECKSUM,
  W.FID_SCTP_CHECKSUM,
];

function valueAt(buffer: Uint8Array, bit: number, bits: number): bigint {
  let value = 0n;
  for (let i = bit; i < bit + bits; i++) value = value * 2n + BigInt((buffer[i >>> 3] >>> (7 - (i & 7))) & 1);
  return value;
}

/** Right-aligned octets. */
function aligned(value: bigint, bits: number): Uint8Array {
  return Buffer.from(value.toString(16).padStart(Math.ceil(bits / 8) * 2, '0'), 'hex');
}

/** A rule that fits the packet, by draws; with its RuleID. */
export function fittingRule(
  packetBytes: Uint8Array,
  fids: number[],
  direction: number,
  draw: (most: number) => number,
): S.Rule {
  const fields = createFields();
  const layout = createLayout(fids, M.HEADERS, direction);
  assert.equal(parseFields(fields, layout, packetBytes, 0, packetBytes.length), 0);
  const entries: S.FieldDescriptor[] = [];
  const common = draw(1) === 1 ? S.DI_BI : direction;
  const order = [...Array(fields.count).keys()];
  // The order of the rule is that of `fids` for fixed fields, so that roles come in the order Dev, App.
  const rank = (i: number) => (i < layout.fid.length ? fids.indexOf(fields.fid[i]) : fids.length + i);
  order.sort((a, b) => rank(a) - rank(b));
  for (const i of order) {
    const fid = fields.fid[i];
    const bits = fields.bits[i];
    const variable = i >= layout.fid.length;
    const value = valueAt(packetBytes, fields.bit[i], bits);
    const own = variable ? packetBytes.slice(fields.bit[i] >>> 3, (fields.bit[i] + bits) >>> 3) : aligned(value, bits);
    const fl = !variable ? bits : fid === C.FID_COAP_TOKEN && draw(1) === 1 ? S.FL_TOKEN_LENGTH : S.FL_VARIABLE;
    const entry: S.FieldDescriptor = {
      fid,
      fl,
      fp: isOption(fid) && draw(1) === 1 ? 0 : fields.fp[i],
      // Positions and TKL count per direction: these entries keep together.
      di: variable || fid === C.FID_COAP_TKL ? common : draw(1) === 1 ? S.DI_BI : direction,
      tv: [],
      mo: S.MO_IGNORE,
      msb: 0,
      cda: S.CDA_VALUE_SENT,
      slot: SLOT_NONE,
    };
    const kind = variable && bits === 0 ? 0 : draw(4);
    if (kind === 0)
      Object.assign(entry, { tv: [own], mo: S.MO_EQUAL, cda: draw(1) === 1 ? S.CDA_NOT_SENT : S.CDA_VALUE_SENT });
    else if (kind === 1) {
      const msb = fl === S.FL_VARIABLE ? draw(bits / 8) * 8 : draw(bits);
      Object.assign(entry, { tv: [own], mo: S.MO_MSB, msb, cda: S.CDA_LSB });
    } else if (kind === 2) {
      const others = [...Array(draw(4))].map((_, k) =>
        variable ? Buffer.from('zz' + k) : aligned((value + BigInt(k + 1)) % 2n ** BigInt(bits), bits),
      );
      const seen = new Set([M.hex(own)]);
      const list = others.filter((o) => !seen.has(M.hex(o)) && seen.add(M.hex(o)));
      list.splice(draw(list.length), 0, own);
      Object.assign(entry, { tv: list, mo: S.MO_MATCH_MAPPING, cda: S.CDA_MAPPING_SENT });
    } else if (kind === 3 && COMPUTABLE.includes(fid)) entry.cda = S.CDA_COMPUTE;
    entries.push(entry);
  }
  const width = 1 + draw(31);
  return M.rule(draw(Math.min(2 ** width - 1, 1e9)), width, entries);
}

export const scenario = fc.record({
  stack,
  split: fc.boolean(),
  up: fc.boolean(),
  draws: fc.array(fc.nat(0x7fffffff), { minLength: 200, maxLength: 200 }),
});
