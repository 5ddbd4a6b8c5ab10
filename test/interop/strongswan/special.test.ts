// A specialised device's IKEv2 and ESP as initiator against strongSwan: the cases of the table that a profile for plain ESP has.
// Each case builds a device of its own: one in six, and the rekeys of both sides at once; all with DIETESP_LONG=1.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { strongswanMissing } from './namespaces.ts';
import { type Lab, openLab, runCase } from './runner.ts';
import { createSpecial, SPECIAL_CASES } from './special.ts';

const skip = strongswanMissing();

let opened: Promise<Lab> | undefined;
after(async () => (await opened)?.close());

test('the table has cases of each kind for it', () => {
  const steps = new Set(SPECIAL_CASES.flatMap((entry) => entry.steps));
  const outcomes = new Set(SPECIAL_CASES.map(({ outcome }) => outcome));
  assert.ok(
    SPECIAL_CASES.length === 46 && steps.size > 12 && outcomes.size === 7,
    `${SPECIAL_CASES.length} ${steps.size}`,
  );
});

const IS_LONG = process.env['DIETESP_LONG'] === '1';

for (const [i, entry] of SPECIAL_CASES.entries()) {
  if (!IS_LONG && i % 6 !== 0 && !entry.steps.some((step) => step.startsWith('both'))) continue;
  test(entry.name, { skip }, async () => {
    opened ??= openLab();
    await runCase(entry, await opened, createSpecial());
  });
}
