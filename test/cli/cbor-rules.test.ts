// Rules in CBOR: the worked example for RFC 9363 with RFC 9254 (one rule, two entries).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rulesCbor, shortest } from '../../targets/node/tools/rules/cbor-diagnostic.ts';

test('a rule with not-sent and MSB entries', () => {
  const cbor = rulesCbor([
    {
      ruleId: 1,
      ruleIdLength: 8,
      fields: [
        { fid: 2866, length: 4, position: 1, direction: 2875, values: [shortest(6)], operator: 2908, action: 2899 },
        {
          fid: 2851,
          length: 16,
          position: 1,
          direction: 2875,
          values: [shortest(0x1630)],
          operator: 2911,
          operatorValue: 12,
          action: 2897,
        },
      ],
    },
  ]);
  assert.equal(
    Buffer.from(cbor).toString('hex'),
    'a1190a0ea11781a4020101080319' +
      '0b7c1782a706190b320704080105190b3b0d81a20100024106' +
      '09190b5c01190b53a806190b230710080105190b3b0d81a201000242163009190b5f0a81a2010002410c01190b51',
  );
});
