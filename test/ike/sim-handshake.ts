// One seeded handshake on a bad network. When all is quiet again, both sides must have the same SAs, or both have none and
// say why.

import assert from 'node:assert/strict';
import { fullExtensions } from '../../core/device/full-extensions.ts';
import { defaultCompression, openProposal } from '../../core/ike/child/compression.ts';
import { ehc } from '../../core/ike/child/ehc.ts';
import { AUTH_DIGITAL_SIGNATURE, CP_INTERNAL_IP6_ADDRESS } from '../../core/ike/codec/numbers.ts';
import { createIntermediate } from '../../core/ike/ext/ppk-intermediate.ts';
import { createTickets } from '../../core/ike/ext/ticket.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { createResponder } from '../../core/ike/setup/responder.ts';
import { createRounds } from '../../core/ike/setup/rounds.ts';
import { outcomeName } from '../../core/ike/state/outcome-name.ts';
import { type IkePolicy, NAT_AUTO, NAT_FORCE, NAT_OFF } from '../../core/ike/state/policy.ts';
import { type IkeSa, type Session, STATE_ENDED, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { address, type Node, path, policy } from './pair.ts';
import { createNet, ed25519, type Faults, type Net } from './sim-world.ts';

/** Faults end. */
const QUIET = 40000;
/** The last repetition, the last probe and its repetitions are over. */
const END = 220000;
const ISSUER = createFastProvider();

const deviceKey = ed25519();
const gatewayKey = ed25519();
const otherKey = ed25519();

export interface Plan {
  device: IkePolicy;
  gateway: IkePolicy;
  faults: Faults;
  cookieThreshold: number;
  resume: boolean;
  /** Why it cannot come about, or ''. */
  broken: string;
  features: string;
}

/** What a seed stands for. */
export function planOf(seed: number): Plan {
  const random = createRandom(seed * 40503 + 11);
  const chance = (n: number): boolean => random.below(n) === 0;
  const device = policy('device', 'gateway', 1, 2);
  const gateway = policy('gateway', 'device', 2, 1);
  const both = [device, gateway];
  const features: string[] = [];
  let broken = '';
  for (const one of both) {
    one.retransmitTime = 1000;
    one.retransmitTries = 5;
    one.dpdTime = 20000;
    one.transcript = !chance(3);
    one.optimizedRekey = !chance(4);
  }
  if (chance(4)) {
    features.push('ed25519');
    // Each side its own way in some.
    for (const [one, other, own, peer] of [
      [device, gateway, deviceKey, gatewayKey],
      [gateway, device, gatewayKey, deviceKey],
    ] as const) {
      if (chance(4)) continue;
      one.localAuth = AUTH_DIGITAL_SIGNATURE;
      one.privateKey = own.privateKey;
      other.remoteAuth = AUTH_DIGITAL_SIGNATURE;
      other.publicKey = own.publicKey;
      void peer;
    }
  }
  if (chance(4)) {
    const intermediate = chance(2);
    features.push(intermediate ? 'ppk-int' : 'ppk');
    const id = Uint8Array.of(2, 1, 2, 3);
    const key = new Uint8Array(32).fill(9);
    const mandatory = chance(2);
    device.ppk = { id, key, mandatory, intermediate };
    gateway.ppk = { id, key, mandatory: chance(2), intermediate: intermediate && !chance(3) };
    if (chance(4)) {
      // The gateway has another one, or none.
      if (chance(2)) gateway.ppk = null;
      else gateway.ppk = { ...gateway.ppk, id: Uint8Array.of(2, 9, 9), key: new Uint8Array(32).fill(1) };
      if (mandatory || gateway.ppk?.mandatory) broken = 'ppk';
      features.push('ppk-differs');
    }
  }
  if (chance(3)) {
    features.push('fragments');
    device.fragmentSize = [0, 150, 200, 576][random.below(4)];
    gateway.fragmentSize = [0, 150, 200, 576][random.below(4)];
  }
  switch (random.below(4)) {
    case 0:
      device.child.notify = gateway.child.notify = ehc;
      features.push('ehc');
      break;
    case 1:
      both[random.below(2)].child.notify = null;
      features.push('plain');
      break;
    case 2:
      device.child.compression = { proposals: [openProposal()], required: false, dscpList: [] };
      break;
    default:
      device.child.compression = { ...defaultCompression(), required: true };
  }
  if (chance(6)) {
    features.push('address');
    device.requestAddress = CP_INTERNAL_IP6_ADDRESS;
    device.child.local = [{ ...device.child.local[0], start: address(0), end: address(255) }];
  }
  if (chance(4)) {
    features.push('nat');
    device.nat = ([NAT_OFF, NAT_AUTO, NAT_FORCE] as const)[random.below(3)];
    gateway.nat = ([NAT_AUTO, NAT_FORCE] as const)[random.below(2)];
  }
  if (chance(8)) {
    features.push('invalid-ke');
    device.ike = [{ ...device.ike[0], ke: [19, 31] }];
    if (chance(3)) gateway.ike = [{ ...gateway.ike[0], ke: [19] }];
  }
  if (chance(10)) {
    const what = ['credentials', 'proposals', 'selectors', 'identity', 'unknown'][random.below(5)];
    broken = what;
    if (what === 'credentials') {
      device.psk = Uint8Array.of(1, 2, 3);
      if (device.localAuth === AUTH_DIGITAL_SIGNATURE) device.privateKey = otherKey.privateKey;
      if (device.remoteAuth === AUTH_DIGITAL_SIGNATURE) device.publicKey = otherKey.publicKey;
    }
    if (what === 'proposals') device.ike = [{ ...device.ike[0], ciphers: [20] }];
    if (what === 'selectors') device.child.remote = [{ ...device.child.remote[0], start: address(9), end: address(9) }];
    if (what === 'identity') device.remoteId = { type: 2, data: Uint8Array.of(65) };
    if (what === 'identity' && chance(2)) device.nameRemote = false;
    if (what === 'unknown') device.localId = { type: 2, data: Uint8Array.of(66) };
  }
  const calm = chance(5);
  const faults: Faults = {
    loss: calm ? 0 : random.below(9) * 0.05,
    reorder: chance(3) ? 0 : 0.3,
    duplicate: chance(3) ? 0 : 0.2,
    corrupt: calm || chance(2) ? 0 : 0.15,
    truncate: calm || chance(2) ? 0 : 0.1,
    attack: chance(2) ? 0 : 0.1 + random.below(6) * 0.1,
    until: QUIET,
    latency: 10 + random.below(150),
  };
  const cookieThreshold = chance(3) ? 0 : 100;
  if (cookieThreshold === 0) features.push('cookie');
  const resume = broken === '' && chance(8);
  if (resume) {
    features.push('resume');
    for (const one of both) one.ticketLifetime = 3600;
  }
  return { device, gateway, faults, cookieThreshold, resume, broken, features: features.join('+') };
}

export interface Verdict {
  features: string;
  /** '' for established, else the name of the outcome. */
  outcome: string;
  sent: number;
  attempts: number;
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}

/** What of a pair's SA both sides must have alike. */
function sameSa(label: string, outgoing: Node, incoming: Node): void {
  const [out] = [...outgoing.pairs.values()];
  const [into] = [...incoming.pairs.values()];
  const picture = (config: typeof out.outgoing): string =>
    [
      hex(config.key),
      hex(config.salt),
      hex(config.authKey),
      config.suite.name,
      JSON.stringify(config.attributes),
    ].join();
  assert.equal(picture(out.outgoing), picture(into.incoming), label);
}

/** No SA in between, none that the endpoint forgot to forget; returns those that work. */
export function settled(node: Node, label: string): IkeSa[] {
  const { ike } = node;
  assert.deepEqual(
    ike.sas.filter((sa) => sa.state !== STATE_ESTABLISHED).map((sa) => sa.state),
    [],
    `${label}: ${node.name} has an SA in between`,
  );
  assert.equal(Object.keys(ike.bySpi).length, ike.sas.length, `${label}: ${node.name} SPIs`);
  const children = ike.sas.flatMap((sa) => sa.children);
  assert.equal(node.pairs.size, children.length, `${label}: ${node.name} Child SAs at the host`);
  for (const child of children) assert.ok(node.pairs.has(child), `${label}: ${node.name} another Child SA at the host`);
  for (const sa of ike.sas) {
    assert.equal(sa.setup, null, `${label}: ${node.name} set-up is left`);
    assert.equal(sa.task, null, `${label}: ${node.name} a request is left`);
    assert.equal(sa.tasks.length, 0, `${label}: ${node.name} requests wait`);
    assert.equal(sa.rival, null, `${label}: ${node.name} a rival is left`);
    for (const child of sa.children) {
      assert.equal(child.retired, 0, `${label}: ${node.name} a retired Child SA`);
      assert.equal(child.rival, null, `${label}: ${node.name} a rival Child SA`);
    }
  }
  return [...ike.sas];
}

/** Both sides have the same IKE SA with one Child SA, or both none. True: they have. */
export function agree(net: Net, label: string): boolean {
  const own = settled(net.device, label);
  const theirs = settled(net.gateway, label);
  assert.deepEqual(own.map((sa) => hex(sa.spis)).sort(), theirs.map((sa) => hex(sa.spis)).sort(), `${label}: IKE SAs`);
  assert.ok(own.length <= 1, `${label}: ${own.length} IKE SAs`);
  if (own.length === 0) return false;
  assert.equal(own[0].children.length, 1, `${label}: Child SAs of the device`);
  assert.equal(theirs[0].children.length, 1, `${label}: Child SAs of the gateway`);
  assert.equal(hex(own[0].skD), hex(theirs[0].skD), `${label}: SK_d`);
  sameSa(`${label}: to the gateway`, net.device, net.gateway);
  sameSa(`${label}: to the device`, net.gateway, net.device);
  return true;
}

export function netOf(plan: Plan, seed: number, faults: Faults): Net {
  const key = new Uint8Array(16).fill(7);
  const issuer = createTickets(ISSUER, key, (now) => now);
  const known = plan.gateway;
  return createNet(
    seed,
    faults,
    {},
    {
      extensions: [...fullExtensions(), issuer.extension],
      intermediate: createRounds([
        createIntermediate((id) => {
          const ppk = known.ppk;
          return ppk !== null && Buffer.compare(ppk.id, id) === 0 ? ppk.key : null;
        }),
      ]),
      responder: createResponder({
        fallback: known,
        findPolicy: (_type, data) => (Buffer.from(data).toString() === 'device' ? known : null),
        halfOpenMax: 8,
        cookieThreshold: plan.cookieThreshold,
        halfOpenTime: 30000,
        tickets: issuer.tickets,
      }),
    },
  );
}

/** A session of an earlier connection, and the endpoint forgets that one as a device does that slept. */
function earlierSession(net: Net, plan: Plan): Session | null {
  const sa = connect(net.device.ike, plan.device, path(), null, net.now);
  net.run(net.now + 5000);
  const session = sa.session;
  net.device.ike.sas = [];
  net.device.ike.bySpi = {};
  net.device.pairs.clear();
  net.device.events.length = 0;
  net.device.outcomes.length = 0;
  return session;
}

/** What a suite of an extension adds to the handshakes. */
export interface More {
  /** Changes the plan of a seed. */
  plan(plan: Plan, seed: number): void;
  /** Gives the extension to both endpoints. */
  net(net: Net): void;
  /** Goes on with the SAs that are there. */
  after(net: Net, label: string): void;
}

/** Plays the seed; throws where something does not hold. */
export function handshake(seed: number, more?: More): Verdict {
  const plan = planOf(seed);
  more?.plan(plan, seed);
  const faults = { ...plan.faults };
  if (plan.resume) faults.until = 0;
  const net = netOf(plan, seed, faults);
  more?.net(net);
  let label = `seed ${seed} (${plan.features}${plan.broken === '' ? '' : ', broken ' + plan.broken})`;
  let session: Session | null = null;
  if (plan.resume) {
    session = earlierSession(net, plan);
    faults.until = net.now + QUIET;
    if (net.random.below(4) === 0) net.run(net.now + 60000);
  }
  const begin = net.now;
  let attempts = 1;
  let sa = connect(net.device.ike, plan.device, path(), session, begin);
  const again = (): void => {
    if (sa.state !== STATE_ENDED || attempts >= 3) return;
    attempts++;
    sa = connect(net.device.ike, plan.device, path(), null, net.now);
  };
  // A host that tries again, while the old attempt may still be there at the gateway.
  if (net.random.below(2) === 0) for (let i = 1; i < 6; i++) net.at(begin + 8000 * i, again);
  net.run(begin + END);
  // Not in the middle of a probe.
  const isBusy = (node: Node): boolean => node.ike.sas.some((one) => one.task !== null);
  for (let i = 0; i < 10 && (isBusy(net.device) || isBusy(net.gateway)); i++) net.run(net.now + 1000);
  label += ` loss ${faults.loss} attack ${faults.attack}`;
  const works = agree(net, label);
  assert.equal(works, sa.state === STATE_ESTABLISHED, `${label}: the device's SA`);
  assert.ok(sa.state === STATE_ESTABLISHED || sa.state === STATE_ENDED, `${label}: state ${sa.state}`);
  assert.equal(net.device.outcomes.length, works ? attempts - 1 : attempts, `${label}: outcomes reported`);
  for (const outcome of [...net.device.outcomes, ...net.gateway.outcomes]) {
    assert.notEqual(outcome, 0, `${label}: an end without a reason`);
    assert.doesNotMatch(outcomeName(outcome), /^notify-|^-?\d/, `${label}: an outcome without a name`);
  }
  if (plan.broken !== '') {
    assert.ok(!works, `${label}: came about`);
    assert.ok(!net.device.events.includes('install'), `${label}: installed at the device`);
    assert.ok(!net.device.events.includes('established'), `${label}: established at the device`);
    if (plan.broken === 'credentials') {
      assert.ok(!net.gateway.events.includes('established'), `${label}: established at the gateway`);
      assert.ok(!net.gateway.events.includes('install'), `${label}: installed at the gateway`);
    }
  } else if (faults.loss + faults.corrupt + faults.truncate + faults.attack === 0) {
    assert.ok(works, `${label}: nothing was lost, and it failed with ${outcomeName(sa.outcome)}`);
  }
  assert.ok(net.gateway.ike.sas.length <= 8, `${label}: half-open SAs`);
  if (works) more?.after(net, label);
  return { features: plan.features, outcome: works ? '' : outcomeName(sa.outcome), sent: net.sent, attempts };
}

/** Plays the seeds from `first` to `last`, and says what came of them. */
export function handshakes(first: number, last: number, more?: More): { text: string; established: number } {
  const outcomes: Record<string, number> = {};
  const features: Record<string, number> = {};
  let sent = 0;
  for (let seed = first; seed <= last; seed++) {
    const verdict = handshake(seed, more);
    const name = verdict.outcome === '' ? 'established' : verdict.outcome;
    outcomes[name] = (outcomes[name] ?? 0) + 1;
    for (const one of verdict.features.split('+')) features[one] = (features[one] ?? 0) + 1;
    sent += verdict.sent;
  }
  const text = `${sent} messages; ${JSON.stringify(outcomes)}; ${JSON.stringify(features)}`;
  return { text, established: outcomes.established ?? 0 };
}
