// Matching operators, actions, field lengths, positions, directions, RuleIDs: which rules compile, which are refused with
// which message, and what is sent.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileContext } from '../../core/schc/context.ts';
import * as F from '../../core/schc/fid.ts';
import * as S from '../../core/schc/model.ts';
import * as C from '../../core/wire/coap.ts';
import * as W from '../../core/wire/fid.ts';
import { SLOT_NONE } from '../../core/wire/header.ts';
import { packet, raw } from '../naive/packets.ts';
import { both, coap, HEAD, MID } from './coap-rule.ts';
import * as M from './make.ts';

const { DI_DW, DI_UP, FL_TOKEN_LENGTH, FL_VARIABLE } = S;
const QUERY = C.FID_COAP_OPTION + 15;
const PATH = C.FID_COAP_OPTION + 11;
const MO = ['equal', 'ignore', 'MSB', 'match-mapping'];
const CDA = ['not-sent', 'value-sent', 'mapping-sent', 'LSB', 'compute', 'DevIID', 'AppIID'];

test('every matching operator with every action, on a fixed, a variable, a computable field and the IIDs', () => {
  const ipv6 = [
    M.notSent(W.FID_IPV6_VERSION, 4, 6),
    M.sent(F.FID_IPV6_TRAFFIC_CLASS, 8),
    M.sent(W.FID_IPV6_FLOW_LABEL, 20),
    M.sent(W.FID_IPV6_PAYLOAD_LENGTH, 16),
    M.sent(W.FID_IPV6_NEXT_HEADER, 8),
    M.sent(W.FID_IPV6_HOP_LIMIT, 8),
    M.sent(F.FID_IPV6_DEV_PREFIX, 64),
    M.sent(F.FID_IPV6_DEV_IID, 64),
    M.sent(F.FID_IPV6_APP_PREFIX, 64),
    M.sent(F.FID_IPV6_APP_IID, 64),
  ];
  // The IID of 1234 is 0000:00ff:fe00:1234.
  const short = Buffer.from('1234', 'hex');
  const plain = packet(
    { src: '2001:db8::ff:fe00:1234', dst: '2001:db8::ff:fe00:1234', hops: 8 },
    raw(59, Buffer.from([0x1a])),
  );
  const message = coap([[11, Buffer.from('ab')]]);
  const kinds: { name: string; fid: number; fl: number; tv: Uint8Array; msb: number; ip: boolean; last?: number }[] = [
    { name: 'fixed', fid: W.FID_IPV6_HOP_LIMIT, fl: 8, tv: M.octets(8), msb: 5, ip: true },
    {
      name: 'computable',
      fid: W.FID_IPV6_PAYLOAD_LENGTH,
      fl: 16,
      tv: M.octets(1),
      msb: 12,
      ip: true,
      last: S.CDA_COMPUTE,
    },
    {
      name: 'DevIID',
      fid: F.FID_IPV6_DEV_IID,
      fl: 64,
      tv: M.octets('0x000000fffe001234'),
      msb: 60,
      ip: true,
      last: S.CDA_DEV_IID,
    },
    {
      name: 'AppIID',
      fid: F.FID_IPV6_APP_IID,
      fl: 64,
      tv: M.octets('0x000000fffe001234'),
      msb: 60,
      ip: true,
      last: S.CDA_APP_IID,
    },
    { name: 'variable', fid: PATH, fl: FL_VARIABLE, tv: M.octets('ab'), msb: 8, ip: false },
  ];
  let accepted = 0;
  for (const kind of kinds) {
    for (let mo = 0; mo < 4; mo++) {
      for (let cda = 0; cda < 7; cda++) {
        const name = [kind.name, MO[mo], CDA[cda]].join(' ');
        const tv =
          mo === S.MO_MATCH_MAPPING ? [new Uint8Array([1, 2]).subarray(0, kind.fl === 8 ? 1 : 2), kind.tv] : [kind.tv];
        const field = { fid: kind.fid, fl: kind.fl, fp: 1, di: S.DI_BI, tv, mo, msb: kind.msb, cda, slot: SLOT_NONE };
        const fields = kind.ip ? ipv6.map((f) => (f.fid === kind.fid ? field : f)) : [...HEAD, MID, field];
        // [RFC 8724 §7.4]: mapping-sent goes with match-mapping, LSB with MSB; not-sent where the operator leaves nothing open.
        const possible =
          cda === S.CDA_VALUE_SENT ||
          (cda === S.CDA_NOT_SENT && (mo === S.MO_EQUAL || mo === S.MO_IGNORE)) ||
          (cda === S.CDA_MAPPING_SENT && mo === S.MO_MATCH_MAPPING) ||
          (cda === S.CDA_LSB && mo === S.MO_MSB) ||
          cda === kind.last;
        if (!possible) {
          assert.throws(
            () => compileContext([M.rule(1, 8, fields)], M.HEADERS),
            /^Error: rule 1\/8 entry \d+ fid \d+ .*: must be /,
            name,
          );
          continue;
        }
        accepted++;
        const context = compileContext([M.rule(1, 8, fields)], M.HEADERS);
        const bytes = kind.ip ? plain : message;
        const schc = M.compressed(context, DI_UP, bytes, short, short);
        assert.notEqual(typeof schc, 'number', name + ' ' + schc);
        assert.equal(M.text(M.restored(context, DI_UP, schc as Uint8Array, short, short)), M.hex(bytes), name);
        const rest = kind.ip ? 4 + 8 + 20 + 16 + 8 + 8 + 256 - 4 - kind.fl + 8 : 4 + 16;
        const size = kind.fl === 0 ? 4 : 0;
        const whole = kind.fl === 0 ? 16 : kind.fl;
        const wanted =
          cda === S.CDA_VALUE_SENT
            ? size + whole
            : cda === S.CDA_LSB
              ? size + whole - kind.msb
              : cda === S.CDA_MAPPING_SENT
                ? 1
                : 0;
        assert.equal(context.bitLength, 8 + rest + wanted, name);
      }
    }
  }
  assert.equal(accepted, 5 * 8 + 3 * 4);
});

test('sizes of variable-length residues around their encodings', () => {
  // [RFC 8724 §7.4.2]: 4 bits to 14, 12 bits to 254, 28 bits from 255 on.
  for (const [length, size] of [
    [1, '1'],
    [14, 'e'],
    [15, 'f0f'],
    [254, 'ffe'],
    [255, 'fff00ff'],
    [268, 'fff010c'],
    [269, 'fff010d'],
    [40000, 'fff9c40'],
  ] as [number, string][]) {
    const value = Buffer.alloc(length, 0x61);
    const fields = [...HEAD, MID, M.sent(QUERY, FL_VARIABLE)];
    // RuleID 01, TKL 0, MID 0007, size, value.
    const wanted = '010' + '0007' + size + value.toString('hex');
    assert.equal(both(fields, coap([[15, value]])), wanted.length % 2 === 0 ? wanted : wanted + '0');
  }
  // LSB: the size is that of the part sent.
  assert.equal(
    both([...HEAD, MID, M.lsb(QUERY, FL_VARIABLE, 'a', 8)], coap([[15, Buffer.alloc(15, 0x61)]])),
    '0100007e' + '61'.repeat(14),
  );
  assert.equal(
    both([...HEAD, MID, M.lsb(QUERY, FL_VARIABLE, 'a', 8)], coap([[15, Buffer.alloc(1, 0x61)]])),
    '01000070',
  );
});

test('a size that is not in its shortest form, and one that has no octets behind it', () => {
  const context = compileContext([M.rule(1, 8, [...HEAD, MID, M.sent(QUERY, FL_VARIABLE)])], M.HEADERS);
  for (const schc of ['0100007f0161', '0100007fff0010' + '61'.repeat(16), '0100007261', '0100007f', '0100007fff']) {
    assert.equal(M.restored(context, DI_UP, Buffer.from(schc, 'hex')), -7, schc);
  }
});

test('an absent variable-length field is size 0, an empty one does not pass as absent', () => {
  const fields = [...HEAD, MID, M.sent(QUERY, FL_VARIABLE), M.sent(QUERY, FL_VARIABLE, { fp: 2 })];
  assert.equal(both(fields, coap([])), '0100007000');
  assert.equal(both(fields, coap([[15, Buffer.from('a')]])), '010000716100');
  assert.equal(both(fields, coap([[15, Buffer.alloc(0)]])), '-6');
  // Empty is possible where the rule says so.
  assert.equal(both([...HEAD, MID, M.notSent(QUERY, FL_VARIABLE, '')], coap([[15, Buffer.alloc(0)]])), '01000070');
  assert.equal(both([...HEAD, MID, M.notSent(QUERY, FL_VARIABLE, '')], coap([])), '-6');
  // A token: by its size, and by TKL.
  for (const fl of [FL_VARIABLE, FL_TOKEN_LENGTH]) {
    const token = [...HEAD, MID, M.sent(C.FID_COAP_TOKEN, fl)];
    assert.equal(both(token, coap([])), fl === FL_VARIABLE ? '01000070' : '01000070');
    assert.equal(both(token, coap([], 'a1b2c3')), fl === FL_VARIABLE ? '01300073a1b2c3' : '0130007a1b2c30');
  }
});

test('a token whose length is not TKL is dropped', () => {
  const context = compileContext([M.rule(1, 8, [...HEAD, MID, M.sent(C.FID_COAP_TOKEN, FL_VARIABLE)])], M.HEADERS);
  assert.equal(M.restored(context, DI_UP, Buffer.from('01200073a1b2c3', 'hex')), -7);
  const none = compileContext([M.rule(1, 8, [...HEAD, MID])], M.HEADERS);
  assert.equal(M.restored(none, DI_UP, Buffer.from('0120007a1b2c30', 'hex')), -7);
});

test('field positions: in order, each occurrence once', () => {
  const a = Buffer.from('a');
  const b = Buffer.from('b');
  const exact = [...HEAD, MID, M.notSent(PATH, FL_VARIABLE, 'a'), M.notSent(PATH, FL_VARIABLE, 'b', { fp: 2 })];
  const any = [
    ...HEAD,
    MID,
    M.notSent(PATH, FL_VARIABLE, 'a', { fp: 0 }),
    M.notSent(PATH, FL_VARIABLE, 'b', { fp: 0 }),
  ];
  for (const fields of [exact, any]) {
    assert.equal(
      both(
        fields,
        coap([
          [11, a],
          [11, b],
        ]),
      ),
      '01000070',
    );
    // /b/a would come back as /a/b.
    for (const other of [
      [
        [11, b],
        [11, a],
      ],
      [[11, a]],
      [
        [11, a],
        [11, b],
        [11, a],
      ],
      [
        [11, a],
        [11, a],
      ],
    ] as [number, Buffer][][]) {
      assert.equal(both(fields, coap(other)), '-6');
    }
  }
  for (const fp of [2, 3, 255]) {
    assert.throws(
      () => compileContext([M.rule(1, 8, [...HEAD, MID, M.sent(PATH, FL_VARIABLE, { fp })])], M.HEADERS),
      /fp \d+: must be 0 or 1/,
    );
  }
  const wrong = [...HEAD, MID, M.sent(QUERY, FL_VARIABLE), M.sent(PATH, FL_VARIABLE)];
  assert.throws(() => compileContext([M.rule(1, 8, wrong)], M.HEADERS), /option 11: must not follow 15/);
});

test('direction: an entry counts only where it applies', () => {
  const fields = [
    ...HEAD,
    M.notSent(C.FID_COAP_MID, 16, 7, { di: DI_UP }),
    M.sent(C.FID_COAP_MID, 16, { di: DI_DW }),
    M.notSent(PATH, FL_VARIABLE, 'a', { di: DI_UP }),
  ];
  assert.equal(both(fields, coap([[11, Buffer.from('a')]])), '0100');
  assert.equal(both(fields, coap([])), '-6');
  assert.equal(both(fields, coap([]), DI_DW), '01000070');
  assert.equal(both(fields, coap([[11, Buffer.from('a')]]), DI_DW), '-6');
  const upOnly = compileContext([M.rule(1, 8, [...HEAD, M.sent(C.FID_COAP_MID, 16, { di: DI_UP })])], M.HEADERS);
  assert.equal(M.compressed(upOnly, DI_DW, coap([])), -6);
  assert.equal(M.restored(upOnly, DI_DW, Buffer.from('01000070', 'hex')), -6);
});

test('RuleIDs of several widths, no compression, unknown RuleID', () => {
  const path = (value: string) => [...HEAD, M.notSent(C.FID_COAP_MID, 16, 7), M.notSent(PATH, FL_VARIABLE, value)];
  const rules = [
    M.rule(0, 1, path('a')),
    M.rule(5, 3, path('b')),
    M.rule(0xfffffffe, 32, path('c')),
    M.rule(0x80, 8, []),
    M.rule(0x1234 + 0xc000, 16, path('d')),
  ];
  const context = compileContext(rules, M.HEADERS);
  const message = (value: string) => coap([[11, Buffer.from(value)]]);
  // TKL 0000 follows the RuleID.
  for (const [value, wanted] of [
    ['a', '00'],
    ['b', 'a0'],
    ['c', 'fffffffe00'],
    ['d', 'd23400'],
    ['e', '80' + M.hex(message('e'))],
  ]) {
    assert.equal(M.text(M.compressed(context, DI_UP, message(value))), wanted);
    assert.equal(M.text(M.restored(context, DI_UP, Buffer.from(wanted, 'hex'))), M.hex(message(value)));
  }
  assert.equal(M.restored(context, DI_UP, Buffer.from('ffffffff00', 'hex')), -6);
  assert.equal(M.restored(context, DI_UP, Buffer.from('ffffff', 'hex')), -6);
  assert.equal(M.restored(context, DI_UP, Buffer.alloc(0)), -1);
  // Malformed packets are carried too.
  const odd = compileContext([M.rule(5, 3, path('b')), M.rule(1, 3, [])], M.HEADERS);
  assert.equal(M.text(M.compressed(odd, DI_UP, Buffer.from('ff', 'hex'))), '3fe0');
  assert.equal(M.text(M.restored(odd, DI_UP, Buffer.from('3fe0', 'hex'))), 'ff');
  for (const width of [1, 7, 8, 9, 15, 16, 17, 31, 32]) {
    for (const id of [0, 1, 2 ** width - 1]) {
      const one = compileContext([M.rule(id, width, path('a'))], M.HEADERS);
      const schc = M.compressed(one, DI_UP, message('a')) as Uint8Array;
      assert.equal(one.bitLength, width + 4);
      assert.equal(BigInt('0x' + M.hex(schc)) >> BigInt(schc.length * 8 - width), BigInt(id));
      assert.equal(M.text(M.restored(one, DI_UP, schc)), M.hex(message('a')));
    }
  }
});

test('RuleIDs that cannot be told apart, or do not fit', () => {
  const fields = [...HEAD, MID];
  const refused: [S.Rule[], RegExp][] = [
    [[M.rule(1, 8, fields), M.rule(1, 8, fields)], /rule 1\/8 ruleId 1: must not begin as rule 1\/8/],
    [[M.rule(1, 3, fields), M.rule(0x20, 8, fields)], /rule 32\/8 ruleId 32: must not begin as rule 1\/3/],
    [[M.rule(0xffffffff, 32, fields), M.rule(1, 1, fields)], /rule 1\/1 ruleId 1: must not begin as/],
    [[M.rule(256, 8, fields)], /ruleId 256: must be a whole number in 0\.\.255/],
    [[M.rule(0, 0, fields)], /ruleIdLength 0: must be .* 1\.\.32/],
    [[M.rule(0, 33, fields)], /ruleIdLength 33/],
    [[M.rule(0.5, 8, fields)], /ruleId 0\.5/],
    [[M.rule(1, 8, []), M.rule(2, 8, [])], /one rule without fields only/],
  ];
  for (const [rules, message] of refused) assert.throws(() => compileContext(rules, M.HEADERS), message);
  compileContext([M.rule(0, 1, fields), M.rule(2, 2, fields), M.rule(6, 3, fields), M.rule(7, 3, [])], M.HEADERS);
});

test('entries without a meaning are refused by field, value and limit', () => {
  const refused: [S.FieldDescriptor, RegExp][] = [
    [{ ...MID, fl: 15 }, /fid 60104 fl 15: must be 16/],
    [{ ...MID, fl: 0 }, /fl 0: must be 16/],
    [{ ...MID, fl: -1 }, /fl -1/],
    [{ ...MID, di: 3 }, /entry 4 fid 60104: .*|fid 60104: no entry/],
    [{ ...MID, mo: 4 }, /mo 4: must be/],
    [{ ...MID, cda: 7 }, /cda 7: must be/],
    [{ ...MID, mo: S.MO_EQUAL }, /number of target values 0: must be 1\.\.1/],
    [{ ...MID, cda: S.CDA_NOT_SENT }, /number of target values 0: must be 1\.\.1/],
    [{ ...MID, mo: S.MO_EQUAL, tv: [M.octets(1), M.octets(2)] }, /number of target values 2/],
    [{ ...MID, mo: S.MO_EQUAL, tv: [M.octets(0x10000)] }, /bits of tv\[0\] 17: must be at most fl 16/],
    [{ ...MID, mo: S.MO_EQUAL, tv: [new Uint8Array(0)] }, /octets of tv\[0\] 0: must be at least 1/],
    [M.mapped(C.FID_COAP_MID, 16, [1, '0x0001']), /tv\[1\], same as tv, 0: must be different/],
    [M.mapped(C.FID_COAP_MID, 16, []), /number of target values 0/],
    [M.lsb(C.FID_COAP_MID, 16, 1, 17), /msb 17: must be a whole number in 0\.\.16/],
    [{ ...MID, cda: S.CDA_COMPUTE }, /cda compute/],
    [{ ...MID, fid: 12345 }, /fid 12345: in none of the headers/],
    [{ ...MID, fp: 2 }, /fp 2: must be 0 or 1/],
  ];
  for (const [field, message] of refused) {
    assert.throws(() => compileContext([M.rule(1, 8, [...HEAD, field])], M.HEADERS), message);
  }
  const after: [S.FieldDescriptor, RegExp][] = [
    [M.lsb(PATH, FL_VARIABLE, 'ab', 12), /msb 12: must be a multiple of 8/],
    [M.lsb(PATH, FL_VARIABLE, 'ab', 24), /msb 24: must be a whole number in 0\.\.16/],
    [M.sent(PATH, 12), /fl 12: must be variable or a multiple of 8/],
    [M.sent(PATH, FL_TOKEN_LENGTH), /fl -1: must be token-length only/],
    [M.sent(C.FID_COAP_MID, 16), /fp 1: must be 0 or 2|occurs once/],
    [M.sent(W.FID_UDP_LENGTH, 16), /entry 5 fid 2852|fid 60030: no entry|fid \d+/],
    [M.notSent(C.FID_COAP_TOKEN, FL_TOKEN_LENGTH, '123456789'), /octets of tv\[0\] 9: must be at most 8/],
  ];
  for (const [field, message] of after) {
    assert.throws(() => compileContext([M.rule(1, 8, [...HEAD, MID, field])], M.HEADERS), message);
  }
  assert.throws(() => compileContext([M.rule(1, 8, HEAD)], M.HEADERS), /rule 1\/8 fid 60104: no entry/);
  const early = [M.sent(C.FID_COAP_TOKEN, FL_TOKEN_LENGTH), ...HEAD, MID];
  assert.throws(() => compileContext([M.rule(1, 8, early)], M.HEADERS), /fl -1: needs fid 60102 in front/);
});

test('a checksum over a pseudo-header needs the IP header, a rule may serve one direction', () => {
  const udp = [
    M.sent(W.FID_UDP_SRC_PORT, 16),
    M.sent(W.FID_UDP_DST_PORT, 16),
    M.computed(W.FID_UDP_LENGTH, 16),
    M.computed(W.FID_UDP_CHECKSUM, 16),
  ];
  assert.throws(
    () => compileContext([M.rule(1, 8, udp)], M.HEADERS),
    /rule 1\/8 fid 2850 cda 4: must be other than compute/,
  );
  compileContext([M.rule(1, 8, [...udp.slice(0, 3), M.sent(W.FID_UDP_CHECKSUM, 16)])], M.HEADERS);
  const down = M.rule(1, 8, [M.sent(C.FID_COAP_MID, 16, { di: DI_DW })]);
  assert.throws(() => compileContext([down], M.HEADERS), /rule 1\/8 fid 60100: no entry for this field/);
});
