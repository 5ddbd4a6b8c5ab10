// Rules as CBOR, JSON and tables on Node: the example of the data model octet for octet, all rules of the other tests and of
// Diet-ESP both ways, and refusals.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Encoder, Tag } from 'cbor-x';
import fc from 'fast-check';
import { ctecRule, eecRule, iipcRule } from '../../core/dietesp/rules.ts';
import * as F from '../../core/schc/fid.ts';
import * as S from '../../core/schc/model.ts';
import * as C from '../../core/wire/coap.ts';
import * as W from '../../core/wire/fid.ts';
import { ipv6 } from '../../core/wire/ipv6.ts';
import { udp } from '../../core/wire/udp.ts';
import { readSchcCbor, SchcFormatError, schcCbor } from '../../targets/node/host/rules/cbor.ts';
import { readSchcJson, schcJson } from '../../targets/node/host/rules/json.ts';
import { fieldId, fieldName } from '../../targets/node/host/rules/names.ts';
import { schcTable, validateRules } from '../../targets/node/tools/rules/print.ts';
import * as M from './make.ts';
import { fidsOf, fittingRule, scenario } from './random.ts';

// RuleID 1/8: IPv6 version 6 not sent; UDP Dev port, prefix 0x1630, MSB(12), LSB [RFC 9363, RFC 9254]; 85 octets.
const EXAMPLE =
  'a1190a0ea11781a4020101080319' +
  '0b7c1782a706190b320704080105190b3b0d81a20100024106' +
  '09190b5c01190b53' +
  'a806190b230710080105190b3b0d81a201000242163009190b5f0a81a2010002410c01190b51';
const example = M.rule(1, 8, [M.notSent(W.FID_IPV6_VERSION, 4, 6), M.lsb(F.FID_UDP_DEV_PORT, 16, 0x1630, 12)]);

/** Without what does not matter: the length of MSB where the operator is another. */
function plain(rules: S.Rule[]): object {
  return rules.map((rule) => ({
    ...rule,
    fields: rule.fields.map((f) => ({
      ...f,
      msb: f.mo === S.MO_MSB ? f.msb : 0,
      tv: f.tv.map((v) => (f.fl > 0 ? BigInt('0x0' + M.hex(v)) : M.hex(v))),
    })),
  }));
}

function everyForm(rules: S.Rule[]): void {
  assert.deepEqual(plain(readSchcCbor(schcCbor(rules))), plain(rules));
  assert.deepEqual(plain(readSchcJson(JSON.stringify(schcJson(rules)))), plain(rules));
  const text = schcTable(rules);
  for (const rule of rules) for (const field of rule.fields) assert.ok(text.includes(fieldName(field.fid)!));
}

test('the example of the data model, octet for octet', () => {
  assert.equal(EXAMPLE.length / 2, 85);
  assert.equal(M.hex(schcCbor([example])), EXAMPLE);
  assert.deepEqual(plain(readSchcCbor(Buffer.from(EXAMPLE, 'hex'))), plain([example]));
  everyForm([example]);
});

test('variable lengths, lists, positions, no compression, in every form', () => {
  everyForm([
    M.rule(2, 8, [
      M.sent(C.FID_COAP_TOKEN, S.FL_TOKEN_LENGTH),
      M.mapped(C.FID_COAP_OPTION + 11, S.FL_VARIABLE, ['', 'rd', '\u00e9'], { fp: 2, di: S.DI_DW }),
      M.lsb(C.FID_COAP_OPTION + 4711, S.FL_VARIABLE, 'ab', 16, { fp: 0, di: S.DI_UP }),
      M.computed(W.FID_UDP_CHECKSUM, 16),
      M.iid(F.FID_IPV6_DEV_IID, S.CDA_DEV_IID),
      M.mapped(F.FID_IPV6_DEV_PREFIX, 64, [0, '0x20010db800000000']),
    ]),
    M.rule(0xffffffff, 32, []),
  ]);
  assert.match(schcTable([M.rule(7, 3, [])]), /RuleID 7\/3: no compression/);
});

test('random rules in every form', () => {
  fc.assert(
    fc.property(scenario, ({ stack: s, split, up, draws }) => {
      let n = 0;
      const draw = (most: number) => draws[n++ % draws.length] % (most + 1);
      const rule = fittingRule(s.bytes, fidsOf(s, split), up ? S.DI_UP : S.DI_DW, draw);
      everyForm([rule]);
      assert.deepEqual(validateRules([rule]), []);
    }),
    { numRuns: 100, includeErrorInReport: true },
  );
});

test('the rules of Diet-ESP in every form', () => {
  const address = (last: number) => Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
  const attributes = {
    ipsecMode: 1,
    tsIpVersion: 6,
    tsProto: 17,
    tsIpSrcStart: address(0),
    tsIpSrcEnd: address(15),
    tsIpDstStart: address(16),
    tsIpDstEnd: address(16),
    tsPortSrcStart: 5683,
    tsPortSrcEnd: 5683,
    tsPortDstStart: 0,
    tsPortDstEnd: 65535,
    dscpCda: 1,
    dscpList: [0, 46],
    ecnCda: 1,
    flowLabelCda: 1,
    alignment: 32,
    espTrailer: 0,
    espSpi: 0x12345678,
    espSpiLsb: 8,
    espSnLsb: 16,
    iipcRuleId: -1,
  } as unknown as Parameters<typeof iipcRule>[0];
  const rules = [iipcRule(attributes, [ipv6, udp]), ctecRule(attributes, 1), eecRule(attributes)];
  assert.ok(rules[0].fields.length > 10);
  everyForm(rules);
  assert.match(schcTable(rules), /RuleID not sent/);
});

test('names of fields are unique and come back', () => {
  for (const fid of [...Object.values(W), ...Object.values(F), ...Object.values(C)]) {
    if (typeof fid !== 'number' || fid < 2854 || fid === C.FID_COAP_OPTION || fid === C.COAP_OPTION_MAX) continue;
    const name = fieldName(fid);
    assert.ok(name !== undefined, String(fid));
    assert.equal(fieldId(name, 'x'), fid);
  }
  assert.equal(fieldName(C.FID_COAP_OPTION + 11), 'fid-coap-option-uri-path');
  assert.equal(fieldId('fid-coap-option-4711', 'x'), C.FID_COAP_OPTION + 4711);
  assert.equal(fieldName(12345), undefined);
});

test('CBOR that is not a rule set is refused, with the place', () => {
  const encoder = new Encoder({ useRecords: false, mapsAsObjects: false, tagUint8Array: false });
  const entry = (change: [number, unknown][]) => {
    const base: [number, unknown][] = [
      [6, 2866],
      [7, 4],
      [8, 1],
      [5, 2875],
      [
        13,
        [
          new Map<number, unknown>([
            [1, 0],
            [2, Buffer.from([6])],
          ]),
        ],
      ],
      [9, 2908],
      [1, 2899],
    ];
    const map = new Map(base);
    for (const [key, value] of change) map.set(key, value);
    const rule = new Map<number, unknown>([
      [2, 1],
      [1, 8],
      [3, 2940],
      [23, [map]],
    ]);
    return encoder.encode(new Map([[2574, new Map([[23, [rule]]])]]));
  };
  assert.equal(readSchcCbor(entry([]))[0].fields.length, 1);
  const refused: [Uint8Array, RegExp][] = [
    [entry([[6, 2999]]), /rule\[0\] entry\[0\] field-id 2999: unknown SID/],
    [entry([[9, 2999]]), /matching-operator 2999: unknown SID; one of 2908 \(equal\)/],
    [entry([[1, 2999]]), /comp-decomp-action 2999: unknown SID/],
    [entry([[5, 2999]]), /direction-indicator 2999/],
    [entry([[7, new Tag(2999, 45)]]), /field-length 2999/],
    [entry([[7, new Tag(60900, 44)]]), /tag 44: must be 45/],
    [entry([[99, 1]]), /SID 2719: unknown/],
    [
      entry([
        [
          13,
          [
            new Map<number, unknown>([
              [1, 1],
              [2, Buffer.from([6])],
            ]),
          ],
        ],
      ]),
      /index 1: a whole number in 0\.\.0/,
    ],
    [entry([[9, 2911]]), /matching-operator-value 0: must be one value/],
    [Buffer.from('a1190a0fa0', 'hex'), /SID 2575: unknown; one of 2574/],
    [Buffer.from('ff', 'hex'), /not CBOR|must be a map/],
    [Buffer.alloc(0), /not CBOR|must be a map/],
    [Buffer.from(EXAMPLE.replace('0b7c', '0b7d'), 'hex'), /rule-nature 2941: fragmentation is not supported/],
  ];
  for (const [octets, message] of refused) {
    assert.throws(
      () => readSchcCbor(octets),
      (error) => error instanceof SchcFormatError && message.test(error.message),
      String(message),
    );
  }
  for (let length = 0; length < 85; length++) {
    assert.throws(() => readSchcCbor(Buffer.from(EXAMPLE, 'hex').subarray(0, length)), SchcFormatError);
  }
});

test('JSON that is not a rule set is refused, with the place', () => {
  const file = (change: object) =>
    JSON.stringify({
      rules: [
        {
          ruleId: 1,
          ruleIdLength: 8,
          fields: [
            { field: 'fid-ipv6-version', length: 4, target: [6], operator: 'equal', action: 'not-sent', ...change },
          ],
        },
      ],
    });
  assert.deepEqual(plain(readSchcJson(file({}))), plain([M.rule(1, 8, [example.fields[0]])]));
  assert.equal(M.hex(readSchcJson(file({ target: ['temperature'] }))[0].fields[0].tv[0]), '74656d7065726174757265');
  const refused: [string, RegExp][] = [
    ['{', /not JSON/],
    ['[]', /must be an object/],
    ['{"rules":{}}', /rules "object": must be a list/],
    [file({ field: 'fid-x' }), /rules\[0\] fields\[0\] field "fid-x": unknown field/],
    [file({ operator: 'msb' }), /operator "msb": one of equal, ignore, MSB, match-mapping/],
    [file({ action: 'x' }), /action "x": one of/],
    [file({ length: 'long' }), /length "long": one of variable, token-length/],
    [file({ target: ['0x1'] }), /target\[0\] "0x1": whole octets/],
    [file({ target: [-1] }), /target\[0\] -1/],
    [file({ msb: 4 }), /msb 4: only with operator MSB/],
    [file({ positon: 1 }), /member "positon": one of/],
  ];
  for (const [text, message] of refused) {
    assert.throws(
      () => readSchcJson(text),
      (error) => error instanceof SchcFormatError && message.test(error.message),
      String(message),
    );
  }
});

test('validation lists what is wrong, rule by rule', () => {
  const bad = M.rule(3, 8, [M.sent(C.FID_COAP_MID, 15)]);
  const good = M.rule(9, 4, []);
  assert.deepEqual(validateRules([good]), []);
  assert.equal(validateRules([bad, good, { ...bad, ruleId: 300 }]).length, 2);
  assert.match(validateRules([good, M.rule(0x90, 8, [])])[0], /one rule without fields only/);
});
