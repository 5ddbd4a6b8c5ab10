// Our IKEv2 against strongSwan 6.0 of Debian 13, and 6.1 of the next Debian: what strongSwan 5.9 does not have, with ours as
// initiator and as responder.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { newerDebianOr } from '../../support/newer-debian.ts';
import { CASES, type Case, skippedOf } from './cases.ts';
import { RELEASE_6, RELEASE_6_1 } from './cases-6.ts';
import { until } from './charon.ts';
import { GATEWAY, tunMissing } from './gateway.ts';
import { strongswanMissing } from './namespaces.ts';
import { ECHO_PORT } from './ours.ts';
import { charonFor, type Lab, openLab, runCase, trafficOf } from './runner.ts';
import { SENSOR } from './sensor.ts';
import { setups } from './setup.ts';

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
  // `per_cpu_sas` came after 6.0.1. Its ESP in user space has no CPUs, so it asks for no further SA, but answers requests for them.
  const isLeft = process.env.DIETESP_LONG === '1' ? false : 'with DIETESP_LONG=1';
  if (version !== '6.1') continue;
  test('strongSwan 6.1: ours asks for a Child SA for each of three workers [RFC 9611]', {
    skip: skip || isLeft,
  }, async () => {
    if (lab === undefined) {
      lab = openLab(root);
      opened.push(lab);
    }
    const open = await lab;
    const sides = setups({ ...CASES[0], perResource: 3 }, open.site);
    const charon = await charonFor(sides.charon);
    const ours = SENSOR.create();
    try {
      await ours.start(sides.ours);
      assert.equal(await ours.outcome(), 'established');
      await until('three Child SAs at both sides', async () => {
        const theirs = (await charon.sas()).flatMap(({ children }) => children);
        const own = (await ours.childSpis()).map((one) => `${one.in} ${one.out}`).sort();
        const isSame =
          theirs
            .map(({ spiIn, spiOut }) => `${spiOut} ${spiIn}`)
            .sort()
            .join() === own.join();
        return own.length === 3 && isSame ? true : undefined;
      });
      const { space, peer } = sides.charon;
      assert.equal((await ours.echo(space.inner[6], ECHO_PORT, 32, 4)).received, 4);
      const traffic = trafficOf(open, sides.charon);
      assert.equal((await traffic.udpEcho(space.inner[6], peer.inner[6], ECHO_PORT, 32, 4)).received, 4);
      await ours.rekeyChild();
      assert.equal((await ours.echo(space.inner[6], ECHO_PORT, 32, 4)).received, 4);
      assert.match(charon.log(), /as one of several \(our ID 1, peer's ID 02\)/);
    } finally {
      await ours.close();
      await charon.stop();
    }
  });
}
