// The border between headers and payload: rules for IP alone, fragments, IPv4 options, malformed packets, order of rules.
// Nothing is allocated per packet.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { schcCompress } from '../../core/schc/compress.ts';
import { compileContext } from '../../core/schc/context.ts';
import { schcDecompress } from '../../core/schc/decompress.ts';
import * as F from '../../core/schc/fid.ts';
import * as S from '../../core/schc/model.ts';
import * as C from '../../core/wire/coap.ts';
import * as W from '../../core/wire/fid.ts';
import { packet, raw, udp } from '../naive/packets.ts';
import * as M from './make.ts';

const SRC = '0x20010db8000000000000000000000001';
const DST = '0x20010db8000000000000000000000002';

function ipv6(next: S.FieldDescriptor): S.FieldDescriptor[] {
  return [
    M.notSent(W.FID_IPV6_VERSION, 4, 6),
    M.notSent(W.FID_IPV6_DSCP, 6, 0),
    M.notSent(W.FID_IPV6_ECN, 2, 0),
    M.notSent(W.FID_IPV6_FLOW_LABEL, 20, 0),
    M.computed(W.FID_IPV6_PAYLOAD_LENGTH, 16),
    next,
    M.notSent(W.FID_IPV6_HOP_LIMIT, 8, 64),
    M.notSent(W.FID_IPV6_SRC, 128, SRC),
    M.notSent(W.FID_IPV6_DST, 128, DST),
  ];
}
const UDP = [
  M.sent(W.FID_UDP_SRC_PORT, 16),
  M.sent(W.FID_UDP_DST_PORT, 16),
  M.computed(W.FID_UDP_LENGTH, 16),
  M.computed(W.FID_UDP_CHECKSUM, 16),
];
const ipv4 = [
  M.notSent(W.FID_IPV4_VERSION, 4, 4),
  M.sent(W.FID_IPV4_IHL, 4),
  M.notSent(W.FID_IPV4_DSCP, 6, 0),
  M.notSent(W.FID_IPV4_ECN, 2, 0),
  M.computed(W.FID_IPV4_TOTAL_LENGTH, 16),
  M.sent(W.FID_IPV4_ID, 16),
  M.sent(W.FID_IPV4_FLAGS, 3),
  M.sent(W.FID_IPV4_FRAGMENT_OFFSET, 13),
  M.notSent(W.FID_IPV4_TTL, 8, 64),
  M.notSent(W.FID_IPV4_PROTOCOL, 8, 17),
  M.computed(W.FID_IPV4_CHECKSUM, 16),
  M.notSent(W.FID_IPV4_SRC, 32, '0x0a000001'),
  M.notSent(W.FID_IPV4_DST, 32, '0x0a000002'),
  M.sent(F.FID_IPV4_OPTIONS, S.FL_VARIABLE),
];
const six = { src: '2001:db8::1', dst: '2001:db8::2' };
const four = { src: '10.0.0.1', dst: '10.0.0.2' };

// draft-ietf-6lo-schc-15dot4: an outer IPv6 header costs its RuleID, the ESP octets are payload.
test('a rule for IPv6 alone leaves everything behind it as payload', () => {
  const context = compileContext([M.rule(1, 8, ipv6(M.notSent(W.FID_IPV6_NEXT_HEADER, 8, 50)))], M.HEADERS);
  const bytes = packet(six, raw(50, Buffer.from('0102030405', 'hex')));
  assert.equal(M.text(M.compressed(context, S.DI_UP, bytes)), '010102030405');
  assert.equal(M.text(M.restored(context, S.DI_UP, Buffer.from('010102030405', 'hex'))), M.hex(bytes));
});

test('the first rule that fits is used, also where a later one sends less', () => {
  const rules = [
    M.rule(2, 8, ipv6(M.sent(W.FID_IPV6_NEXT_HEADER, 8))),
    M.rule(1, 8, [...ipv6(M.notSent(W.FID_IPV6_NEXT_HEADER, 8, 17)), ...UDP]),
  ];
  const bytes = packet(six, udp(1, 2, Buffer.from('ab')));
  const first = (list: S.Rule[]) => M.text(M.compressed(compileContext(list, M.HEADERS), S.DI_UP, bytes));
  assert.equal(first(rules).slice(0, 4), '0211');
  assert.equal(first([rules[1], rules[0]]), '01000100026162');
});

test('IPv4 options and fragments', () => {
  const rules = [M.rule(1, 8, [...ipv4, ...UDP]), M.rule(2, 8, ipv4)];
  const context = compileContext(rules, M.HEADERS);
  for (const size of [0, 4, 12, 40]) {
    const bytes = packet({ ...four, options: Buffer.alloc(size, 7) }, udp(1, 2, Buffer.from('ab')));
    const schc = M.compressed(context, S.DI_UP, bytes) as Uint8Array;
    assert.equal(schc[0], 1);
    assert.equal(M.text(M.restored(context, S.DI_UP, schc)), M.hex(bytes));
  }
  // More fragments, and a later fragment: no whole UDP header there. DF alone is no fragment.
  for (const [flags, fragmentOffset, rule] of [
    [1, 0, 2],
    [0, 3, 2],
    [2, 0, 1],
  ]) {
    const bytes = packet({ ...four, flags, fragmentOffset }, udp(1, 2, Buffer.from('ab')));
    const schc = M.compressed(context, S.DI_UP, bytes) as Uint8Array;
    assert.equal(schc[0], rule);
    assert.equal(M.text(M.restored(context, S.DI_UP, schc)), M.hex(bytes));
  }
  // An IHL that contradicts the options, a length that is no multiple of 4.
  // The payload is long enough to pass for options and a UDP header.
  const plain = M.compressed(context, S.DI_UP, packet(four, udp(1, 2, Buffer.alloc(80)))) as Uint8Array;
  for (let ihl = 0; ihl < 16; ihl++) {
    const bad = Uint8Array.from(plain);
    bad[1] = ihl * 16 + (bad[1] & 15);
    const result = M.restored(context, S.DI_UP, bad);
    assert.equal(typeof result === 'number', ihl !== 5, 'IHL ' + ihl);
  }
});

test('malformed packets have a drop code, and a rule without CoAP still fits', () => {
  const head = ipv6(M.notSent(W.FID_IPV6_NEXT_HEADER, 8, 17));
  const coap = C.COAP_FIELDS.filter((_, i) => i % 2 === 0).map((fid, i) => M.sent(fid, C.COAP_FIELDS[2 * i + 1]));
  const withCoap = M.rule(1, 8, [...head, ...UDP, ...coap]);
  const without = M.rule(2, 8, [...head, ...UDP]);
  const message = (hex: string) => packet(six, udp(1, 5683, Buffer.from(hex, 'hex')));
  const strict = compileContext([withCoap], M.HEADERS);
  const both = compileContext([withCoap, without], M.HEADERS);
  // Short, version 2, TKL 9, no octets of the token, option length 15, cut extension, cut value, marker without payload.
  const cases: [string, number][] = [
    ['400100', -1],
    ['80010001', -3],
    ['49010001112233445566778899', -2],
    ['4201000111', -1],
    ['400100010f', -2],
    ['40010001f0', -2],
    ['40010001e000', -1],
    ['40010001120a', -1],
    ['40010001ff', -2],
    // Deltas beyond option 65535.
    ['40010001e0fff2e0fff2', -2],
  ];
  for (const [hex, code] of cases) {
    assert.equal(M.compressed(strict, S.DI_UP, message(hex)), code, hex);
    assert.equal((M.compressed(both, S.DI_UP, message(hex)) as Uint8Array)[0], 2, hex);
  }
  const bytes = message('40010001');
  assert.equal((M.compressed(both, S.DI_UP, bytes) as Uint8Array)[0], 1);
  for (let length = 0; length < bytes.length; length++) {
    assert.ok((M.compressed(both, S.DI_UP, bytes.subarray(0, length)) as number) < 0);
  }
  // More options than the table holds.
  assert.equal(M.compressed(strict, S.DI_UP, message('40010001' + '00'.repeat(60))), -26);
});

test('nothing is allocated per packet', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const context = compileContext(
    [M.rule(1, 8, [...ipv6(M.notSent(W.FID_IPV6_NEXT_HEADER, 8, 17)), ...UDP])],
    M.HEADERS,
  );
  const bytes = packet(six, udp(1, 2, Buffer.from('ab')));
  const schc = new Uint8Array(100);
  const out = new Uint8Array(100);
  const way = { direction: S.DI_UP, dev: M.NONE, app: M.NONE };
  const run = (count: number) => {
    for (let i = 0; i < count; i++) {
      const length = schcCompress(context, way, bytes, 0, bytes.length, schc, 0);
      schcDecompress(context, way, schc, 0, length, out, 0);
    }
  };
  run(20000);
  collect();
  const before = process.memoryUsage().heapUsed;
  run(50000);
  // No collection in between: one object of 16 octets per packet would show as 800,000.
  const grown = process.memoryUsage().heapUsed - before;
  assert.ok(grown < 400000, 'heap grew by ' + grown + ' octets in 50,000 packets');
});
