// Our IKEv2 and ESP as responder (`dietesp gateway`) against strongSwan: every case of the table.

import { after, test } from 'node:test';
import { CASES, skippedOf } from './cases.ts';
import { GATEWAY, tunMissing } from './gateway.ts';
import { strongswanMissing } from './namespaces.ts';
import { type Lab, openLab, runCase } from './runner.ts';

const skip = strongswanMissing() || tunMissing();

let opened: Promise<Lab> | undefined;
after(async () => (await opened)?.close());

for (const entry of CASES) {
  if (entry.initiator !== 'charon') continue;
  test(entry.name, { skip: skip || GATEWAY.lacks(entry) || skippedOf(entry, CASES) }, async () => {
    opened ??= openLab();
    const lab = await opened;
    await runCase(entry, lab, GATEWAY.create(lab));
  });
}
