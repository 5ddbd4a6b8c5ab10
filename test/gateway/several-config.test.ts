// Files with several Child SAs: what is refused and where; and no packet goes out in clear, whatever its DSCP.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FieldError, FieldErrors } from '../../targets/node/host/errors.ts';
import { ikeOf } from './ike-support.ts';

function problemsOf(more: string): string[] {
  try {
    ikeOf(more);
  } catch (error) {
    if (error instanceof FieldErrors) return error.errors.map(({ message }) => message);
    if (error instanceof FieldError) return [error.message];
    throw error;
  }
  return [];
}

const CLASSES = 'dscpClasses: [{ name: voice, dscp: [46] }, { name: bulk, dscp: [10, 12] }]';

test('what cannot be is refused, with its place', () => {
  const cases: [string, RegExp][] = [
    ['  child: { dscpClasses: [{ name: a, dscp: [64] }] }\n', /dscp.*64: must be 0\.\.63/],
    ['  child: { dscpClasses: [{ name: a, dscp: [] }] }\n', /must have 1 or more/],
    ['  child: { dscpClasses: [{ name: a, dscp: [1] }, { name: a, dscp: [2] }] }\n', /name: a: is there twice/],
    ['  child: { dscpClasses: [{ name: a, dscp: [1] }, { name: b, dscp: [1] }] }\n', /is in class a already/],
    ['  child: { dscpClasses: [{ name: "a b", dscp: [1] }] }\n', /must be 1 to 32 letters/],
    [`  child: { ${CLASSES}, dscp: [5] }\n`, /dscp.*must not be there/],
    [`  child: { ${CLASSES}, perResource: 4 }\n`, /perResource: 4: must be 0 with dscpClasses/],
    [`  child: { ${CLASSES}, tsDscp: true, mode: transport }\n`, /tsDscp.*must be false in transport mode/],
    [
      `  child: { ${CLASSES}, tsDscp: true, compression: { notify: ehc } }\n`,
      /tsDscp.*must be false with .*notify ehc/,
    ],
    ['  child: { tsDscp: true }\n', /tsDscp.*needs dscpClasses/],
    ['  child: { perResource: 65 }\n', /must be 0\.\.64/],
    [`  child: { ${CLASSES} }\n  maxChildren: 2\n`, /maxChildren: 2: must be 3 or more/],
    [`  child: { ${CLASSES}, compression: { proposals: [{ esp_spi_lsb: 0 }] } }\n`, /esp_spi_lsb must be 8 or more/],
    ['  children: [{ name: a }, { name: a }]\n', /name: a: is there twice/],
    // There is no rule that lets packets pass.
    ['  children: [{ name: a, action: bypass }]\n', /unknown field/],
    ['  child: { dscpClasses: [{ name: a, dscp: [1], action: bypass }] }\n', /unknown field/],
  ];
  for (const [text, wanted] of cases) {
    const problems = problemsOf(text);
    assert.ok(
      problems.some((problem) => wanted.test(problem)),
      `${text}: ${problems.join(' | ')}`,
    );
  }
});

test('policies: names, places, limits, who asks', () => {
  const [{ policy }] = ikeOf(`  child: { ${CLASSES}, tsDscp: true }\n  openChildren: true\n`).connections;
  assert.deepEqual(policy.child.dscp, []);
  assert.equal(policy.child.tsDscp, undefined, 'the default one is for every value');
  assert.deepEqual(
    policy.children!.map(({ name, dscp, tsDscp, passive }) => [name, dscp, tsDscp, passive]),
    [
      ['peer1/voice', [46], true, undefined],
      ['peer1/bulk', [10, 12], true, undefined],
    ],
  );
  assert.equal(policy.maxChildren, 10);
  const [four] = ikeOf('  child: { perResource: 4 }\n').connections;
  assert.deepEqual([four.policy.child.resource, four.policy.children!.length], [1, 7]);
  assert.ok(four.policy.children!.every(({ passive }) => passive === true));
  const [open] = ikeOf('  child: { perResource: 4 }\n  openChildren: true\n').connections;
  assert.equal(open.policy.children!.filter(({ passive }) => passive !== true).length, 3);
  const [plain] = ikeOf('').connections;
  assert.deepEqual([plain.policy.children, plain.policy.maxChildren, plain.more], [undefined, 8, []]);
});
