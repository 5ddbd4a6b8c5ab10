// Two endpoints for the tests of features: policies with changes, an observer that checks every message with its own
// computation, and an end after which no state may be left.

import assert from 'node:assert/strict';
import type { IkeConfig } from '../../core/ike/exchange/endpoint.ts';
import { closeIke } from '../../core/ike/exchange/requests.ts';
import type { ResponderConfig } from '../../core/ike/setup/half-open.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { outcomeName } from '../../core/ike/state/outcome-name.ts';
import type { Path } from '../../core/ike/state/path.ts';
import type { ChildPolicy, IkePolicy } from '../../core/ike/state/policy.ts';
import { type IkeSa, type Session, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { type Watched, watchedAsymmetric } from './halves.ts';
import { createObserver, type Observer, type SeenMessage } from './observer.ts';
import { createWorld, type Datagram, path, policy, type World } from './pair.ts';

export interface Options {
  device?: Partial<IkePolicy>;
  gateway?: Partial<IkePolicy>;
  deviceChild?: Partial<ChildPolicy>;
  gatewayChild?: Partial<ChildPolicy>;
  responder?: Partial<ResponderConfig>;
  config?: Partial<IkeConfig>;
  filter?: (datagram: Datagram, scene: Scene) => Datagram[];
  methods?: number[];
  /** Where messages are changed on their way, an observer would see a third exchange. */
  unobserved?: boolean;
}

export interface Scene {
  world: World;
  device: IkePolicy;
  gateway: IkePolicy;
  watched: Watched;
  observer: Observer;
  /** False: what is on the wire is not what was sent, and the observer not asked. */
  observed: boolean;
  /** Sets up an IKE SA. */
  connect(session?: Session | null, over?: Path): IkeSa;
  /** Goes on for `time` ms. */
  wait(time: number): void;
  /** Messages since the last call. */
  sent(): SeenMessage[];
  close(): void;
}

export function scene(options: Options = {}): Scene {
  const device = { ...policy('device', 'gateway', 1, 2), ...options.device };
  const gateway = { ...policy('gateway', 'device', 2, 1), ...options.gateway };
  device.child = { ...device.child, ...options.deviceChild };
  gateway.child = { ...gateway.child, ...options.gatewayChild };
  const watched = watchedAsymmetric(options.methods);
  const ppk = device.ppk ?? gateway.ppk;
  const observer = createObserver({
    psk: device.psk,
    ppk,
    publicKeys: gateway.publicKey.length + device.publicKey.length > 0 ? [gateway.publicKey, device.publicKey] : null,
    halves: watched.halves,
    numbers: { optimizedRekey: 50401 },
  });
  let told = 0;
  const world = createWorld(
    gateway,
    (datagram) => {
      if (options.unobserved !== true) observer.read(datagram.from.name, datagram.octets);
      return options.filter === undefined ? [datagram] : options.filter(datagram, self);
    },
    options.responder,
    { asymmetric: watched.asymmetric, ...options.config },
  );
  // SPIs tell whose they are.
  let spi = 0x20000;
  world.gateway.ike.upper.allocateSpi = () => ++spi;
  const self: Scene = {
    world,
    device,
    gateway,
    watched,
    observer,
    observed: options.unobserved !== true,
    connect: (session = null, over = path()) => {
      const sa = connect(world.device.ike, device, over, session, world.now);
      world.settle();
      return sa;
    },
    wait: (time) => world.run(world.now + time),
    sent: () => {
      const list = observer.messages.slice(told);
      told = observer.messages.length;
      return list;
    },
    close: () => {
      for (const sa of [...world.device.ike.sas])
        if (sa.state === STATE_ESTABLISHED) closeIke(world.device.ike, sa, world.now);
      world.settle();
      world.run(world.now + 300000);
      nothingLeft(self);
    },
  };
  return self;
}

/** Both Child SAs of a pair, and their keys as the observer computed them. */
export function checkChildren(s: Scene): void {
  const { device, gateway } = s.world;
  assert.equal(device.pairs.size, gateway.pairs.size);
  for (const node of [device, gateway]) {
    for (const [child, pair] of node.pairs) {
      const seen = s.observer.children.find(
        (one) =>
          (one.spiOfInitiator === child.spiIn && one.spiOfResponder === child.spiOut) ||
          (one.spiOfInitiator === child.spiOut && one.spiOfResponder === child.spiIn),
      );
      assert.ok(seen !== undefined, 'a Child SA on the wire');
      const join = (c: typeof pair.incoming): Buffer => Buffer.concat([c.key, c.salt, c.authKey]);
      const [first, second] =
        seen.spiOfInitiator === child.spiIn ? [pair.outgoing, pair.incoming] : [pair.incoming, pair.outgoing];
      const size = join(first).length;
      assert.ok(size >= 16);
      assert.deepEqual(Buffer.concat([join(first), join(second)]), Buffer.from(seen.keymat(2 * size)));
      assert.equal(pair.outgoing.attributes.espSpi, child.spiOut);
      assert.equal(pair.incoming.attributes.espSpi, child.spiIn);
    }
  }
}

/** An SA is up, both sides have the same Child SA, and the observer agrees. */
export function assertUp(s: Scene, sa: IkeSa): IkeSa {
  const { device, gateway } = s.world;
  assert.equal(sa.state, STATE_ESTABLISHED, 'outcome ' + outcomeName(sa.outcome));
  const other = gateway.ike.sas.find((one) => Buffer.compare(one.spis, sa.spis) === 0);
  assert.ok(other !== undefined && other.state === STATE_ESTABLISHED);
  assert.equal(other.initiator, !sa.initiator);
  assert.deepEqual(device.outcomes, []);
  if (s.observed) checkChildren(s);
  return other;
}

/** Nothing is left of SAs on either side, and the hosts were told. */
export function nothingLeft(s: Scene): void {
  for (const node of [s.world.device, s.world.gateway]) {
    assert.deepEqual(node.ike.sas.length, 0, node.name + ': IKE SAs');
    assert.deepEqual(Object.keys(node.ike.bySpi), [], node.name + ': SPIs');
    assert.equal(node.pairs.size, 0, node.name + ': Child SAs');
  }
}

/** How attempts on both sides ended, by name. */
export const outcomes = (s: Scene): { device: string[]; gateway: string[] } => ({
  device: s.world.device.outcomes.map((outcome) => outcomeName(outcome)),
  gateway: s.world.gateway.outcomes.map((outcome) => outcomeName(outcome)),
});
