// Runs a case: a charon of its own, our side, the handshake, traffic both ways, the steps, and the reports of both sides.
// A charon starts in about 50 ms, so no case needs to share one with its settings, SAs and log.

import assert from 'node:assert/strict';
import type { Case, Outcome, Step } from './cases.ts';
import { type Charon, type IkeState, startCharon, until } from './charon.ts';
import type { Section } from './config.ts';
import { type LoggedKeys, loggedKeys } from './keys.ts';
import { openSite, type Site } from './namespaces.ts';
import { ECHO_PORT, type OurSide } from './ours.ts';
import { CHILD, CONNECTION, charonConfig, charonSettings, type Setup, setups } from './setup.ts';
import { openTraffic, type Traffic } from './traffic.ts';

/** What charon says when a message of ours did not come, or was not right. */
const TROUBLE = /retransmit \d|verification failed|could not decrypt|integrity check failed|discarding/;

const SIZES = [1, 32, 500];
const FAMILIES = [4, 6] as const;

/** Namespaces with the agents in them, for many cases one after the other. */
export interface Lab {
  site: Site;
  gateway: Traffic;
  device: Traffic;
  close(): Promise<void>;
}

export async function openLab(root?: string): Promise<Lab> {
  const site = await openSite(root);
  try {
    const [gateway, device] = await Promise.all([openTraffic(site.gateway), openTraffic(site.device)]);
    for (const [traffic, space] of [
      [gateway, site.gateway],
      [device, site.device],
    ] as const) {
      for (const family of FAMILIES) await traffic.serve(space.inner[family], ECHO_PORT);
    }
    return { site, gateway, device, close: () => site.close() };
  } catch (error) {
    await site.close();
    throw error;
  }
}

/** The agent in a side's namespace. */
export function trafficOf(lab: Lab, setup: Setup): Traffic {
  return setup.space === lab.site.gateway ? lab.gateway : lab.device;
}

let number = 0;

/** A charon that has a side's configuration, in that side's namespace. */
export async function charonFor(
  setup: Setup,
  log?: Record<string, number>,
  config = charonConfig(setup),
): Promise<Charon> {
  const name = 'charon-' + number++;
  // Its ESP in IP itself, where the case is about that, and lines about each packet.
  const { rawEsp } = setup.case;
  const plugins: Section = rawEsp ? { 'kernel-libipsec': { raw_esp: true } } : {};
  const charon = await startCharon(setup.site, {
    name,
    space: setup.space,
    settings: charonSettings(setup),
    plugins,
    log: { ...log, ...(rawEsp ? { esp: 2, net: 2, knl: 2 } : {}) },
  });
  try {
    await charon.load(config);
    return charon;
  } catch (error) {
    await charon.stop();
    throw error;
  }
}

/** Throws, with both logs' ends, when the case does not go as it says. */
export async function runCase(entry: Case, lab: Lab, ours: OurSide): Promise<void> {
  const sides = setups(entry, lab.site);
  const charon = await charonFor(sides.charon);
  const run: Run = { entry, lab, ours, charon, setup: sides.charon };
  try {
    if (sides.charon.terms.cookie) await leaveHalfOpen(lab, charon, sides.charon);
    await ours.start(sides.ours);
    if (!sides.ours.isInitiator) await charon.initiate(CHILD);
    assert.equal(await ours.outcome(), entry.outcome, 'outcome at ours');
    await agree(run, entry.outcome);
    if (entry.outcome === 'established') {
      await passTraffic(run);
      await sameKeys(run);
      for (const step of entry.steps) await perform(step, run);
    } else if (entry.reason !== undefined && ours.reason() !== undefined) {
      assert.equal(ours.reason(), entry.reason[entry.initiator === 'ours' ? 0 : 1], 'reason at ours');
    }
    await leaveNothing(run);
    for (const pattern of entry.log) assert.match(charon.log(), pattern);
  } catch (error) {
    const tail = charon.log().split('\n').filter(isTelling).slice(-40).join('\n');
    if (error instanceof Error) error.message += '\n--- charon\n' + tail + '\n--- ours\n' + ours.log();
    throw error;
  } finally {
    await ours.close();
    await charon.stop();
  }
}

/** Ours ends, and with it what is left of the case at charon. */
async function leaveNothing({ entry, ours, charon, setup }: Run): Promise<void> {
  if (entry.steps.includes('charon dies')) {
    assert.equal(await ours.ikeCount(), 0);
    return;
  }
  await ours.close();
  await until('nothing to be left at charon', async () => {
    const sas = await charon.sas();
    // But half-open SAs: the one that makes charon ask for cookies.
    const isHalfOpen = setup.terms.cookie || entry.outcome === 'PPK missing';
    return sas.every(({ state }) => isHalfOpen && state === 'CONNECTING') ? true : undefined;
  });
  if (entry.outcome !== 'established' || entry.steps.includes('ours dies')) return;
  const log = charon.log().split('\n');
  const wrong = log.filter((line) => TROUBLE.test(line));
  assert.deepEqual(
    wrong,
    [],
    log
      .filter((line) => TROUBLE.test(line) || /\[(NET|ENC)\]/.test(line))
      .slice(-40)
      .join('\n'),
  );
}

interface Run {
  entry: Case;
  lab: Lab;
  ours: OurSide;
  charon: Charon;
  /** charon's. */
  setup: Setup;
}

/** Lines of the log that are no dumps and no details of the configuration. */
export function isTelling(line: string): boolean {
  return /^\d+\[(IKE|ENC|NET|CFG|CHD|KNL|ESP)\] (?! |.* => \d+ bytes @)/.test(line) && !/vici/.test(line);
}

/** charon says the same of the handshake. */
async function agree({ charon, ours }: Run, outcome: Outcome): Promise<void> {
  await until('charon to find: ' + outcome, async () => {
    const sas = await charon.sas();
    const up = sas.filter((sa) => sa.state === 'ESTABLISHED');
    const children = up.flatMap(installed);
    if (outcome === 'established') return up.length === 1 && children.length === 1 ? true : undefined;
    if (outcome.startsWith('child: ')) return children.length === 0 ? true : undefined;
    return up.length === 0 ? true : undefined;
  });
  assert.equal((await ours.childSpis()).length, outcome === 'established' ? 1 : 0, 'Child SAs at ours');
  const shown: Record<Outcome, RegExp> = {
    established: /CHILD_SA \S+ established/,
    'authentication failed': /N\(AUTH_FAILED\)/,
    'no proposal chosen': /N\(NO_PROP\)/,
    'child: no proposal chosen': /N\(NO_PROP\)/,
    'child: selectors unacceptable': /N\(TS_UNACCEPT\)/,
    'PPK missing': /generating IKE_SA_INIT response/,
    'compression refused': /received DELETE for IKE_SA/,
  };
  assert.match(charon.log(), shown[outcome]);
}

function installed(sa: IkeState): { in: string; out: string }[] {
  const used = sa.children.filter((child) => child.state === 'INSTALLED');
  return used.map((child) => ({ in: child.spiIn, out: child.spiOut }));
}

async function charonSpis(charon: Charon): Promise<{ in: string; out: string }[]> {
  return (await charon.sas()).flatMap(installed);
}

/** Echoes in both directions and families, of several sizes, none lost; both sides have the same Child SA. */
async function passTraffic({ lab, ours, charon, setup }: Run): Promise<void> {
  const traffic = trafficOf(lab, setup);
  const { space, peer } = setup;
  const families = setup.terms.virtualIp ? [] : ours.families(setup.case);
  for (const family of families) {
    const [here, there] = [space.inner[family], peer.inner[family]];
    for (const size of SIZES) {
      const fromOurs = await ours.echo(here, ECHO_PORT, size, 2);
      assert.deepEqual([fromOurs.sent, fromOurs.received], [2, 2], `echoes from ours, IPv${family}, ${size} octets`);
      const fromCharon = await traffic.udpEcho(here, there, ECHO_PORT, size, 2, ours.askedFrom);
      assert.deepEqual([fromCharon.sent, fromCharon.received], [2, 2], `to ours, IPv${family}, ${size} octets`);
    }
    if (!ours.pings) continue;
    const pings = await ours.ping(here, 2);
    assert.deepEqual([pings.sent, pings.received], [2, 2], `ICMP echoes from ours, IPv${family}`);
    const ping = await traffic.ping(here, there, 56, 2);
    assert.deepEqual([ping.sent, ping.received], [2, 2], `ICMP echoes to ours, IPv${family}`);
  }
  if (setup.terms.virtualIp && setup.isInitiator) {
    const vips = (await charon.sas())[0].values['local-vips'];
    const vip = Array.isArray(vips) ? vips[0] : '';
    assert.match(vip, /^10\.2\.200\./);
    const there = peer.inner[4];
    assert.equal((await traffic.udpEcho(vip, there, ECHO_PORT, 32, 2)).received, 2, 'echoes from the address');
    assert.equal((await traffic.ping(vip, there, 56, 2)).received, 2, 'ICMP echoes from the address');
    assert.equal((await ours.ping(vip, 2)).received, 2, 'ICMP echoes to the address');
  } else if (setup.terms.virtualIp) {
    const echoes = await ours.echo(space.inner[4], ECHO_PORT, 32, 2);
    assert.equal(echoes.received, 2, 'echoes from the inner address that charon gave');
  }
  // It went through charon: the packets were counted there.
  const children = (await charon.sas()).flatMap((sa) => sa.children);
  assert.ok(
    children.some((child) => child.packetsIn > 0 && child.packetsOut > 0),
    'charon counted no packets',
  );
}

/** One Child SA on either side, with the same SPIs. */
async function sameSpis({ ours, charon }: Run): Promise<{ in: string; out: string }> {
  return until('one and the same Child SA at both sides', async () => {
    const [theirs, own] = [await charonSpis(charon), await ours.childSpis()];
    if (theirs.length !== 1 || own.length !== 1) return undefined;
    return theirs[0].in === own[0].out && theirs[0].out === own[0].in ? own[0] : undefined;
  });
}

async function sameKeys(run: Run): Promise<void> {
  await sameSpis(run);
  const own = await run.ours.keys?.();
  if (own === undefined) return;
  assertSameKeys(own, loggedKeys(run.charon.log()));
}

/** Keys of the last IKE SA and the last Child SA, as two sides have them. */
export function assertSameKeys(a: LoggedKeys, b: LoggedKeys): void {
  const [ikeA, ikeB, childA, childB] = [a.ike.at(-1), b.ike.at(-1), a.child.at(-1), b.child.at(-1)];
  assert.ok(ikeA !== undefined && childA !== undefined, 'no keys');
  assert.deepEqual(ikeA, ikeB);
  const { spiIn, spiOut, encrIn, encrOut, integIn, integOut } = childA;
  assert.deepEqual(
    { ...childA, spiIn: spiOut, spiOut: spiIn, encrIn: encrOut, encrOut: encrIn, integIn: integOut, integOut: integIn },
    childB,
  );
}

/** Echoes one behind the other, until what is returned is called, which tells how many were lost. */
function keepTalking({ lab, ours, setup }: Run): () => Promise<number> {
  const family = ours.families(setup.case)[0];
  const [here, there] = [setup.space.inner[family], setup.peer.inner[family]];
  const traffic = trafficOf(lab, setup);
  let isOver = false;
  let lost = 0;
  const talk = async (): Promise<void> => {
    while (!isOver) {
      const { sent, received } = await traffic.udpEcho(here, there, ECHO_PORT, 64, 5, ours.askedFrom);
      lost += sent - received;
    }
  };
  const talked = talk();
  return async () => {
    isOver = true;
    await talked;
    return lost;
  };
}

async function perform(step: Step, run: Run): Promise<void> {
  const stop = / rekeys? /.test(step) ? keepTalking(run) : undefined;
  let goesOn = false;
  let lost: number | undefined;
  try {
    goesOn = await act(step, run);
  } finally {
    lost = await stop?.();
  }
  assert.equal(lost ?? 0, 0, 'echoes lost during the rekey');
  if (goesOn) await passTraffic(run);
}

/** True when there is a Child SA afterwards. */
async function act(step: Step, run: Run): Promise<boolean> {
  const { ours, charon } = run;
  const [what, spi] = [step.split(' ').slice(1).join(' '), (await ours.childSpis())[0]?.in];
  const ikeSpi = (await charon.sas())[0]?.spiI;
  const byOurs = !step.startsWith('charon');
  const byCharon = !step.startsWith('ours');
  if (what === 'rekeys child' || what === 'rekey child') {
    await Promise.all([byCharon && charon.rekey({ child: CHILD }), byOurs && ours.rekeyChild()]);
    await until('another Child SA', async () => ((await sameSpis(run)).in === spi ? undefined : true));
  } else if (what === 'rekeys ike' || what === 'rekey ike' || what === 'reauthenticates') {
    if (what === 'reauthenticates') await charon.reauthenticate(CONNECTION);
    else await Promise.all([byCharon && charon.rekey({ ike: CONNECTION }), byOurs && ours.rekeyIke()]);
    await until('another IKE SA at both sides', async () => {
      const sas = await charon.sas();
      return sas.length === 1 && sas[0].spiI !== ikeSpi && (await ours.ikeCount()) === 1 ? true : undefined;
    });
    await sameSpis(run);
  } else if (what === 'probes') {
    if (byOurs) assert.ok(await ours.probe(), 'charon did not answer the probe');
    else
      await until('a probe', () =>
        /sending DPD request[\s\S]*parsed INFORMATIONAL response/.test(charon.log()) ? true : undefined,
      );
  } else if (step === 'charon dies') {
    await charon.stop('SIGKILL');
    assert.equal(await ours.probe(), false, 'an answer of the dead');
    await until('no IKE SA', async () => ((await ours.ikeCount()) === 0 ? true : undefined));
    assert.deepEqual(await ours.childSpis(), []);
    return false;
  } else if (step === 'ours dies') {
    await ours.kill();
    await until('no IKE SA', async () => ((await charon.sas()).length === 0 ? true : undefined));
    return false;
  } else if (what === 'deletes child') {
    if (byOurs) await ours.deleteChild();
    else assert.equal((await charon.terminate({ child: CHILD })).code, 0);
    await until('no Child SA', async () =>
      (await charonSpis(charon)).length + (await ours.childSpis()).length === 0 ? true : undefined,
    );
    return false;
  } else {
    if (byOurs) await ours.deleteIke();
    else assert.equal((await charon.terminate({ ike: CONNECTION })).code, 0);
    await until('no IKE SA', async () =>
      (await charon.sas()).length + (await ours.ikeCount()) === 0 ? true : undefined,
    );
    return false;
  }
  return true;
}

// An IKE_SA_INIT request with AES-CCM-8 or AES-GCM-16, HMAC-SHA-256 and X25519 that nobody goes on with: the half-open
// SA because of which charon asks the next initiator for a cookie.
function initRequest(): Uint8Array {
  const transform = (last: boolean, type: number, id: number, bits: number): string =>
    (last ? '00' : '03') +
    '00' +
    (bits > 0 ? '000c' : '0008') +
    hex(type, 1) +
    '00' +
    hex(id, 2) +
    (bits > 0 ? '800e' + hex(bits, 2) : '');
  const transforms = [transform(false, 1, 14, 128), transform(false, 2, 5, 0), transform(true, 4, 31, 0)].join('');
  const proposal = '0000' + hex(8 + transforms.length / 2, 2) + '01' + '01' + '00' + '03' + transforms;
  const payload = (next: number, body: string): string => hex(next, 1) + '00' + hex(4 + body.length / 2, 2) + body;
  const body = payload(34, proposal) + payload(40, '001f0000' + '09'.padEnd(64, '0')) + payload(0, 'a5'.repeat(32));
  const spi = Array.from({ length: 8 }, (_, i) => hex(0x51 + i, 1)).join('');
  const header = spi + '0'.repeat(16) + hex(33, 1) + '20' + '22' + '08' + '00000000' + hex(28 + body.length / 2, 4);
  return Uint8Array.from(Buffer.from(header + body, 'hex'));
}

function hex(value: number, octets: number): string {
  return value.toString(16).padStart(2 * octets, '0');
}

/** Leaves a half-open IKE SA at a charon. */
export async function leaveHalfOpen(lab: Lab, charon: Charon, setup: Setup): Promise<void> {
  const family = setup.case.family;
  const traffic = setup.space === lab.site.gateway ? lab.device : lab.gateway;
  await traffic.send(setup.peer.outer[family], 5500, setup.space.outer[family], 500, initRequest());
  await until('a half-open SA', async () =>
    (await charon.sas()).length > 0 || /sending packet: .*\[5500\]/.test(charon.log()) ? true : undefined,
  );
}
