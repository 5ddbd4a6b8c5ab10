// 6LoWPAN contexts in files: every reader takes the same texts, C flag included [RFC 6775 §4.2].

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkContexts } from '../../targets/node/host/radio/config.ts';
import { contextTexts } from '../../targets/node/host/radio/contexts.ts';
import { linkPlan } from '../../targets/node/tools/convert/frames.ts';

test('texts and the table that they make', () => {
  const texts = ['fd00::/64', '2001:db8::/52 C=0', 'fd00:1::7/128 C=0', '::/0'];
  const table = checkContexts(texts);
  assert.deepEqual(contextTexts(table), texts);
  assert.deepEqual(checkContexts(['fd00::/64 C=1', '2001:db8::/52   C=0', ...texts.slice(2)]), table);
  const plan = linkPlan({ pan: 'abcd', context: texts.map((text, id) => `${id}=${text}`) }, []);
  assert.deepEqual(plan.contexts.subarray(0, table.length), table);
});

test('what is no context is refused with the form', () => {
  for (const text of [
    'fd00::',
    'fd00::/129',
    'fd00::/64 C=2',
    'fd00::/64 c=0',
    'fd00::/64C=0',
    'fd00::/64 C=0 x',
    '10.0.0.0/8',
  ]) {
    assert.throws(
      () => checkContexts(['fd00::/64', text]),
      (error: Error) =>
        error.message ===
        `contexts[1]: ${text}: must be PREFIX/LENGTH with LENGTH 0..128, and C=0 behind it where it is for decompression only`,
      text,
    );
    assert.throws(
      () => linkPlan({ pan: 'abcd', context: [`3=${text}`] }, []),
      /--context: 3=.*: must be ID=PREFIX/,
      text,
    );
  }
  assert.throws(() => linkPlan({ pan: 'abcd', context: ['16=fd00::/64'] }, []), /must be ID=PREFIX/);
});
