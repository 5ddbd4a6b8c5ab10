// A second charon in place of our side: shows that the cases and the harness are right before they test ours.

import type { Case, Outcome } from './cases.ts';
import { type Charon, until } from './charon.ts';
import { loggedKeys } from './keys.ts';
import type { OurSide } from './ours.ts';
import { charonFor, isTelling, type Lab, leaveHalfOpen, trafficOf } from './runner.ts';
import { CHILD, CONNECTION, type Setup } from './setup.ts';
import type { Traffic } from './traffic.ts';

/** Why a charon cannot stand in for ours. */
export function charonLacks(entry: Case): string | false {
  if (entry.steps.includes('ours probes') || entry.steps.includes('charon dies'))
    return 'charon does not probe when told to';
  if (entry.subspaces > 0) return 'charon offers no subspaces';
  return entry.compression !== 'none' ? 'charon offers no header compression' : false;
}

export function charonAsOurs(lab: Lab): OurSide {
  let charon: Charon | undefined;
  let traffic: Traffic;
  let setup: Setup;
  const it = (): Charon => charon!;
  const has = (pattern: RegExp): boolean => pattern.test(it().log());
  // Waits for one more such line than before.
  const more = async (pattern: RegExp, act: () => Promise<unknown>): Promise<void> => {
    const count = (): number => [...it().log().matchAll(new RegExp(pattern, 'g'))].length;
    const before = count();
    await act();
    await until(String(pattern), () => (count() > before ? true : undefined));
  };
  return {
    pings: true,
    families: () => [4, 6],
    async start(given) {
      setup = given;
      charon = await charonFor(setup);
      traffic = trafficOf(lab, setup);
      if (setup.terms.cookie) await leaveHalfOpen(lab, charon, setup);
      if (setup.isInitiator) await charon.initiate(CHILD);
    },
    outcome: () =>
      until('an outcome', (): Outcome | undefined => {
        if (has(/outbound CHILD_SA|CHILD_SA \S+ established/)) return 'established';
        if (has(/N\(AUTH_FAILED\)/)) return 'authentication failed';
        if (has(/PPK required but/)) return 'PPK missing';
        const child = has(/IKE_AUTH (request|response)/);
        if (has(/N\(NO_PROP\)/)) return child ? 'child: no proposal chosen' : 'no proposal chosen';
        return has(/N\(TS_UNACCEPT\)/) ? 'child: selectors unacceptable' : undefined;
      }),
    reason: () => undefined,
    async childSpis() {
      const children = (await it().sas()).flatMap((sa) => sa.children);
      return children
        .filter((child) => child.state === 'INSTALLED')
        .map(({ spiIn, spiOut }) => ({ in: spiIn, out: spiOut }));
    },
    ikeCount: async () => (await it().sas()).length,
    echo: async (to, port, size, count) => {
      const family = to.includes(':') ? 6 : 4;
      const vips = (await it().sas())[0]?.values['local-vips'];
      const from = Array.isArray(vips) ? vips[0] : setup.space.inner[family];
      return traffic.udpEcho(from, to, port, size, count);
    },
    ping: (to, count) => traffic.ping(setup.space.inner[to.includes(':') ? 6 : 4], to, 56, count),
    sendUdp: (to, port, size) =>
      traffic.send(setup.space.inner[to.includes(':') ? 6 : 4], 0, to, port, new Uint8Array(size)),
    rekeyChild: () => more(/outbound CHILD_SA \S+ established/, () => it().rekey({ child: CHILD })),
    rekeyIke: () => more(/IKE_SA \S+ rekeyed between/, () => it().rekey({ ike: CONNECTION })),
    probe: () => Promise.reject(new Error('charon does not probe when told to')),
    async deleteChild() {
      await it().terminate({ child: CHILD });
    },
    async deleteIke() {
      await it().terminate({ ike: CONNECTION });
    },
    keys: async () => loggedKeys(it().log()),
    log: () => it().log().split('\n').filter(isTelling).slice(-40).join('\n'),
    async kill() {
      await charon?.stop('SIGKILL');
    },
    async close() {
      await charon?.stop();
    },
  };
}
