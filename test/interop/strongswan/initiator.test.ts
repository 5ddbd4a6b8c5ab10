// Our IKEv2 and ESP as initiator (`dietesp sensor`) against strongSwan: every case of the table.

import { after, test } from 'node:test';
import { CASES, skippedOf } from './cases.ts';
import { strongswanMissing } from './namespaces.ts';
import { type Lab, openLab, runCase } from './runner.ts';
import { SENSOR } from './sensor.ts';

const skip = strongswanMissing();

let opened: Promise<Lab> | undefined;
after(async () => (await opened)?.close());

for (const entry of CASES) {
  if (entry.initiator !== 'ours') continue;
  test(entry.name, { skip: skip || SENSOR.lacks(entry) || skippedOf(entry, CASES) }, async () => {
    opened ??= openLab();
    await runCase(entry, await opened, SENSOR.create());
  });
}
