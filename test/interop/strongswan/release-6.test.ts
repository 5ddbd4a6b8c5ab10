// Our IKEv2 against strongSwan 6.0 of Debian 13, and 6.1 of the next Debian: what strongSwan 5.9 does not have, with ours as
// initiator and as responder.

import { after, test } from 'node:test';
import { newerDebianOr } from '../../support/newer-debian.ts';
import { type Case, RELEASE_6, RELEASE_6_1, skippedOf } from './cases.ts';
import { GATEWAY, tunMissing } from './gateway.ts';
import { strongswanMissing } from './namespaces.ts';
import { type Lab, openLab, runCase } from './runner.ts';
import { SENSOR } from './sensor.ts';

const PACKAGES = [
  'charon-systemd',
  'strongswan-swanctl',
  'libcharon-extra-plugins',
  'libstrongswan-extra-plugins',
  'libstrongswan-standard-plugins',
];

const RELEASES = [
  { version: '6.0', release: 'trixie', cases: RELEASE_6 },
  { version: '6.1', release: 'forky', cases: RELEASE_6_1 },
] as const;

/** What runs by default: handshakes and rekeys of each kind. The rest where DIETESP_LONG=1. */
const USUAL = /both SAs rekeyed|and PPK|ML-KEM-1024/;
const left = (entry: Case): string | false =>
  process.env.DIETESP_LONG === '1' ||
  (USUAL.test(entry.name) && skippedOf(entry, [...RELEASE_6, ...RELEASE_6_1]) === false)
    ? false
    : 'with DIETESP_LONG=1';

const missing = strongswanMissing() || tunMissing();
const opened: Promise<Lab>[] = [];
after(async () => {
  for (const lab of opened) await (await lab).close();
});

for (const { version, release, cases } of RELEASES) {
  const { root, skip } =
    missing === false ? newerDebianOr(release, 'strongswan', PACKAGES) : { root: '', skip: missing };
  let lab: Promise<Lab> | undefined;
  for (const entry of cases) {
    const program = entry.initiator === 'ours' ? SENSOR : GATEWAY;
    test(`strongSwan ${version}: ${entry.name}`, {
      skip: skip || program.lacks(entry) || left(entry),
    }, async () => {
      if (lab === undefined) {
        lab = openLab(root);
        opened.push(lab);
      }
      await runCase(entry, await lab, program.create(await lab));
    });
  }
}
