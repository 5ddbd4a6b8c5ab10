// Examples of the standards: RFC 8824 §7.3 (CoAP, with its octets) and RFC 8724 appendix A (IPv6 and UDP, rules only:
// the octets here follow from its tables by hand).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileContext } from '../../core/schc/context.ts';
import * as F from '../../core/schc/fid.ts';
import { CDA_DEV_IID, DI_DW, DI_UP, FL_TOKEN_LENGTH, FL_VARIABLE } from '../../core/schc/model.ts';
import * as C from '../../core/wire/coap.ts';
import * as W from '../../core/wire/fid.ts';
import { packet, udp } from '../naive/packets.ts';
import * as M from './make.ts';

const UP = { di: DI_UP };
const DW = { di: DI_DW };
const URI_HOST = C.FID_COAP_OPTION + 3;
const URI_PATH = C.FID_COAP_OPTION + 11;
const PROXY_SCHEME = C.FID_COAP_OPTION + 39;

const GET = Buffer.from('4101000182bb74656d7065726174757265', 'hex');
const CONTENT = Buffer.from('6145000182ff32332043', 'hex');

// Table "SCHC-CoAP Rule (No OSCORE)". Its target value for Code up is 2, a slip: GET is 1, and figure "CoAP GET
// Compressed without OSCORE" shows that the rule fits a GET.
const withoutOscore = M.rule(2, 8, [
  M.notSent(C.FID_COAP_VERSION, 2, 1),
  M.notSent(C.FID_COAP_TYPE, 2, 0, UP),
  M.notSent(C.FID_COAP_TYPE, 2, 2, DW),
  M.notSent(C.FID_COAP_TKL, 4, 1),
  M.notSent(C.FID_COAP_CODE, 8, 1, UP),
  M.mapped(C.FID_COAP_CODE, 8, [69, 132], DW),
  M.lsb(C.FID_COAP_MID, 16, 0, 12),
  M.lsb(C.FID_COAP_TOKEN, FL_TOKEN_LENGTH, 0x80, 5),
  M.notSent(URI_PATH, FL_VARIABLE, 'temperature', UP),
]);

test('RFC 8824 §7.3: GET and Content without OSCORE', () => {
  const context = compileContext([withoutOscore], M.HEADERS);
  assert.equal(M.text(M.compressed(context, DI_UP, GET)), '0214');
  assert.equal(context.bitLength, 15);
  assert.equal(M.text(M.restored(context, DI_UP, Buffer.from('0214', 'hex'))), GET.toString('hex'));
  // The figure has 0x020a32332043: eight bits of residue and an aligned payload, 0b00001010, that is the mapping index
  // first, then MID and token.
  assert.equal(M.text(M.compressed(context, DI_DW, CONTENT)), '020a32332043');
  assert.equal(context.bitLength, 48);
  assert.equal(M.text(M.restored(context, DI_DW, Buffer.from('020a32332043', 'hex'))), CONTENT.toString('hex'));
});

// Table "Inner SCHC Rule", on the OSCORE plaintext: code, options, payload.
test('RFC 8824 §7.3: inner compression of the OSCORE plaintext', () => {
  const inner = M.rule(0, 8, [
    M.notSent(C.FID_COAP_CODE, 8, 1, UP),
    M.mapped(C.FID_COAP_CODE, 8, [69, 132], DW),
    M.notSent(URI_PATH, FL_VARIABLE, 'temperature', UP),
  ]);
  const context = compileContext([inner], M.HEADERS);
  const get = '01bb74656d7065726174757265';
  assert.equal(M.text(M.compressed(context, DI_UP, Buffer.from(get, 'hex'))), '00');
  assert.equal(M.text(M.restored(context, DI_UP, Buffer.from('00', 'hex'))), get);
  const content = '45ff32332043';
  assert.equal(M.text(M.compressed(context, DI_DW, Buffer.from(content, 'hex'))), '001919902180');
  assert.equal(M.text(M.restored(context, DI_DW, Buffer.from('001919902180', 'hex'))), content);
});

// draft-ietf-schc-8824-update §9.1, figures "CoAP GET Request Compressed for the Proxy" and "... by the Proxy".
test('draft-ietf-schc-8824-update: a request with Uri-Host through a proxy', () => {
  const head = [
    M.notSent(C.FID_COAP_VERSION, 2, 1),
    M.notSent(C.FID_COAP_TYPE, 2, 0, UP),
    M.mapped(C.FID_COAP_TYPE, 2, [0, 2], DW),
    M.notSent(C.FID_COAP_TKL, 4, 1),
    M.mapped(C.FID_COAP_CODE, 8, [1, 2, 3, 4], UP),
    M.mapped(C.FID_COAP_CODE, 8, [65, 68, 69, 132], DW),
    M.lsb(C.FID_COAP_MID, 16, 0, 12),
  ];
  const tail = [M.sent(URI_HOST, FL_VARIABLE, UP), M.notSent(URI_PATH, FL_VARIABLE, 'temperature', UP)];
  const toProxy = M.rule(0, 8, [
    ...head,
    M.lsb(C.FID_COAP_TOKEN, FL_TOKEN_LENGTH, 0x80, 5),
    ...tail,
    M.notSent(PROXY_SCHEME, FL_VARIABLE, 'coap', UP),
  ]);
  const fromProxy = M.rule(1, 8, [...head, M.lsb(C.FID_COAP_TOKEN, FL_TOKEN_LENGTH, 0x70, 5), ...tail]);
  const context = compileContext([toProxy, fromProxy], M.HEADERS);
  const cases = [
    ['41010001823b6578616d706c652e636f6d8b74656d7065726174757265d40f636f6170', '00055b2bc30b6b836329731b7b68'],
    ['41010004753b6578616d706c652e636f6d8b74656d7065726174757265', '0112db2bc30b6b836329731b7b68'],
  ];
  for (const [request, wanted] of cases) {
    assert.equal(M.text(M.compressed(context, DI_UP, Buffer.from(request, 'hex'))), wanted);
    assert.equal(M.text(M.restored(context, DI_UP, Buffer.from(wanted, 'hex'))), request);
  }
});

const ALPHA = '20010db800000001';
const BETA = '20010db800000002';
const GAMMA = '20010db800000003';
const LOCAL = 'fe80000000000000';

/** IPv6 and UDP rule of appendix A; `prefixes` and `rest` are what the three rules differ in. */
function appendixA(id: number, hops: ReturnType<typeof M.sent>[], rest: ReturnType<typeof M.sent>[]) {
  return M.rule(id, 8, [
    M.assumed(W.FID_IPV6_VERSION, 4, 6),
    M.notSent(F.FID_IPV6_TRAFFIC_CLASS, 8, 0),
    M.notSent(W.FID_IPV6_FLOW_LABEL, 20, 0),
    M.computed(W.FID_IPV6_PAYLOAD_LENGTH, 16),
    M.notSent(W.FID_IPV6_NEXT_HEADER, 8, 17),
    ...hops,
    ...rest,
    M.computed(W.FID_UDP_LENGTH, 16),
    M.computed(W.FID_UDP_CHECKSUM, 16),
  ]);
}

const hops = [M.assumed(W.FID_IPV6_HOP_LIMIT, 8, 255)];
const rules = [
  appendixA(0, hops, [
    M.notSent(F.FID_IPV6_DEV_PREFIX, 64, '0x' + LOCAL),
    M.iid(F.FID_IPV6_DEV_IID, CDA_DEV_IID),
    M.notSent(F.FID_IPV6_APP_PREFIX, 64, '0x' + LOCAL),
    M.notSent(F.FID_IPV6_APP_IID, 64, 1),
    M.notSent(F.FID_UDP_DEV_PORT, 16, 123),
    M.notSent(F.FID_UDP_APP_PORT, 16, 124),
  ]),
  appendixA(1, hops, [
    M.mapped(F.FID_IPV6_DEV_PREFIX, 64, ['0x' + ALPHA, '0x' + LOCAL]),
    M.iid(F.FID_IPV6_DEV_IID, CDA_DEV_IID),
    M.mapped(F.FID_IPV6_APP_PREFIX, 64, ['0x' + BETA, '0x' + ALPHA, '0x' + LOCAL]),
    M.notSent(F.FID_IPV6_APP_IID, 64, 0x1000),
    M.notSent(F.FID_UDP_DEV_PORT, 16, 5683),
    M.notSent(F.FID_UDP_APP_PORT, 16, 5683),
  ]),
  appendixA(
    2,
    [M.assumed(W.FID_IPV6_HOP_LIMIT, 8, 255, UP), M.sent(W.FID_IPV6_HOP_LIMIT, 8, DW)],
    [
      M.notSent(F.FID_IPV6_DEV_PREFIX, 64, '0x' + ALPHA),
      M.iid(F.FID_IPV6_DEV_IID, CDA_DEV_IID),
      M.notSent(F.FID_IPV6_APP_PREFIX, 64, '0x' + GAMMA),
      M.notSent(F.FID_IPV6_APP_IID, 64, 0x1000),
      M.lsb(F.FID_UDP_DEV_PORT, 16, 8720, 12),
      M.lsb(F.FID_UDP_APP_PORT, 16, 8720, 12),
    ],
  ),
];

const DEVICE = Buffer.from('0212345678abcdef', 'hex');
// EUI-64 with the universal/local bit turned.
const DEVICE_IID = '0012:3456:78ab:cdef';

function address(prefix: string, iid: string): string {
  return prefix.replace(/(....)(?=.)/g, '$1:') + ':' + iid;
}

test('RFC 8724 appendix A: rules 0, 1, 2, both directions', () => {
  const context = compileContext(rules, M.HEADERS);
  const payload = Buffer.from('a5c3', 'hex');
  const dev = (prefix: string) => address(prefix, DEVICE_IID);
  const cases: { up: boolean; ip: [string, string]; ports: [number, number]; hops: number; wanted: string }[] = [
    // Rule 0: no residue.
    { up: true, ip: [dev(LOCAL), 'fe80::1'], ports: [123, 124], hops: 255, wanted: '00a5c3' },
    { up: false, ip: ['fe80::1', dev(LOCAL)], ports: [124, 123], hops: 255, wanted: '00a5c3' },
    // Rule 1: prefixes 1 (link-local) and 2 (link-local), bits 1 10, then the payload: 110 10100101 11000011 00000.
    { up: true, ip: [dev(LOCAL), 'fe80::1000'], ports: [5683, 5683], hops: 255, wanted: '01d4b860' },
    // Prefixes 0 (alpha) and 1 (alpha), bits 0 01, in the order of the rule also where App is the source.
    { up: false, ip: [address(ALPHA, '0:0:0:1000'), dev(ALPHA)], ports: [5683, 5683], hops: 255, wanted: '0134b860' },
    // Rule 2: ports 8720 + 3 (dev) and 8720 + 9 (app): 0011 1001; down the hop limit comes first.
    { up: true, ip: [dev(ALPHA), address(GAMMA, '0:0:0:1000')], ports: [8723, 8729], hops: 255, wanted: '0239a5c3' },
    { up: false, ip: [address(GAMMA, '0:0:0:1000'), dev(ALPHA)], ports: [8729, 8723], hops: 61, wanted: '023d39a5c3' },
  ];
  for (const { up, ip, ports, hops, wanted } of cases) {
    const bytes = packet({ src: ip[0], dst: ip[1], hops }, udp(ports[0], ports[1], payload));
    const direction = up ? DI_UP : DI_DW;
    assert.equal(M.text(M.compressed(context, direction, bytes, DEVICE)), wanted);
    assert.equal(M.text(M.restored(context, direction, Buffer.from(wanted, 'hex'), DEVICE)), bytes.toString('hex'));
  }
});

test('RFC 8724 appendix A: a checksum or length that would not come back fits no rule', () => {
  const context = compileContext(rules, M.HEADERS);
  const good = packet(
    { src: address(LOCAL, DEVICE_IID), dst: 'fe80::1', hops: 255 },
    udp(123, 124, Buffer.from('a5c3', 'hex')),
  );
  for (let bit = 0; bit < 32; bit++) {
    const bad = Buffer.from(good);
    bad[44 + (bit >>> 3)] ^= 0x80 >>> (bit & 7);
    assert.equal(M.compressed(context, DI_UP, bad, DEVICE), -6, 'bit ' + bit);
  }
  const other = Buffer.from(DEVICE);
  other[7] ^= 1;
  assert.equal(M.compressed(context, DI_UP, good, other), -6);
  assert.equal(M.compressed(context, DI_UP, good), -6);
});
