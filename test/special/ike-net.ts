// A device whose IKE is specialised and a gateway of the core, on a bad network in virtual time. When all is quiet again both
// have the same SAs, or both have none and say why.

import assert from 'node:assert/strict';
import { fullExtensions } from '../../core/device/full-extensions.ts';
import { createCrashMaker } from '../../core/ike/ext/crash-maker.ts';
import { createIntermediate } from '../../core/ike/ext/ppk-intermediate.ts';
import { createTickets } from '../../core/ike/ext/ticket.ts';
import { createResponder } from '../../core/ike/setup/responder.ts';
import { createRounds } from '../../core/ike/setup/rounds.ts';
import type { IkePolicy } from '../../core/ike/state/policy.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { policy } from '../ike/pair.ts';
import { settled } from '../ike/sim-handshake.ts';
import { createNet, type Faults, type Net } from '../ike/sim-world.ts';
import { createMaker, type Host, type IkeDevice, type Maker } from './ike-kit.ts';

const ISSUER = createFastProvider();

/** A profile's device and a gateway that fits it. */
export interface Kind {
  name: string;
  maker: Maker;
  device: IkePolicy;
  gateway: () => IkePolicy;
}

/** Both sides' policies by a change of each. */
export type Change = (one: IkePolicy, isDevice: boolean) => void;

export async function kindOf(name: string, change: Change): Promise<Kind> {
  const base = (isDevice: boolean): IkePolicy => {
    const one = isDevice ? policy('device', 'gateway', 1, 2) : policy('gateway', 'device', 2, 1);
    one.retransmitTime = 1000;
    one.retransmitTries = 6;
    one.dpdTime = 20000;
    change(one, isDevice);
    return one;
  };
  const device = base(true);
  return { name, device, gateway: () => base(false), maker: await createMaker(device) };
}

export interface Scene {
  net: Net;
  device: IkeDevice;
  host: Host;
  gateway: IkePolicy;
}

/** A network between a device of `kind` and a gateway with `gateway`. */
export function sceneOf(kind: Kind, seed: number, faults: Faults, gateway: IkePolicy, cookieThreshold = 100): Scene {
  const issuer = createTickets(ISSUER, new Uint8Array(16).fill(7), (now) => now);
  const crash = createCrashMaker({
    provider: ISSUER,
    secret: new Uint8Array(32).fill(0x5e),
    isHeld: () => false,
    allows: () => true,
  });
  let made: { device: IkeDevice; host: Host } | null = null;
  const net = createNet(
    seed,
    faults,
    {},
    {
      extensions: [...fullExtensions(), issuer.extension, crash.extension],
      unprotected: crash.unprotected,
      intermediate: createRounds([
        createIntermediate((id) => {
          const { ppk } = gateway;
          return ppk !== null && Buffer.compare(ppk.id, id) === 0 ? ppk.key : null;
        }),
      ]),
      responder: createResponder({
        fallback: gateway,
        findPolicy: (_type, data) => (Buffer.from(data).toString() === 'device' ? gateway : null),
        halfOpenMax: 8,
        cookieThreshold,
        halfOpenTime: 30000,
        tickets: issuer.tickets,
      }),
    },
    (provider, transmit) => {
      made = kind.maker.make(provider, transmit);
      const { device } = made;
      return {
        receive: (octets, now) => device.receive(octets, 0, octets.length, now),
        poll: (now) => device.poll(now),
        next: () => device.next(),
      };
    },
  );
  return { net, ...made!, gateway };
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** The device has nothing in between: at most one IKE SA, with one Child SA at most. */
export function quiet(scene: Scene, label: string): void {
  const { S } = scene.device;
  assert.equal(S.setup, null, `${label}: the set-up is left`);
  assert.equal(S.draft, null, `${label}: a request is left`);
  assert.equal(S.rival, null, `${label}: a rival is left`);
  if (S.current === null) {
    assert.equal(S.list, null, `${label}: an IKE SA is left`);
    assert.equal(S.children, null, `${label}: a Child SA is left`);
  } else {
    assert.equal(S.list, S.current, `${label}: another IKE SA`);
    assert.equal(S.current.next, null, `${label}: another IKE SA`);
    assert.equal(S.current.state, 5, `${label}: its state`);
    assert.equal(S.current.task, 0, `${label}: a request is on its way`);
  }
  let children = 0;
  for (let one = S.children; one !== null; one = one.next) {
    assert.equal(one.stage, 0, `${label}: a retired Child SA`);
    assert.equal(one.rival, null, `${label}: a rival Child SA`);
    children++;
  }
  assert.equal(scene.host.pairs.length, children, `${label}: pairs at ESP`);
}

/** Both sides have the same SAs, or none. True: they have. */
export function agree(scene: Scene, label: string): boolean {
  quiet(scene, label);
  const { device, host, net } = scene;
  const theirs = settled(net.gateway, label);
  const own = device.S.current;
  assert.equal(theirs.length, own === null ? 0 : 1, `${label}: IKE SAs of the gateway`);
  if (own === null) return false;
  assert.equal(hex(theirs[0].spis), hex(own.ids.slice(0, 16)), `${label}: SPIs`);
  assert.equal(hex(theirs[0].skD), hex(own.d!), `${label}: SK_d`);
  assert.equal(theirs[0].children.length, host.pairs.length, `${label}: Child SAs`);
  assert.ok(host.pairs.length <= 1, `${label}: ${host.pairs.length} Child SAs`);
  if (host.pairs.length === 1) {
    const [pair] = net.gateway.pairs.values();
    const keys = (c: typeof pair.incoming): string => hex(c.key) + hex(c.salt) + hex(c.authKey);
    assert.equal(keys(pair.incoming), hex(host.pairs[0].out), `${label}: keys out`);
    assert.equal(keys(pair.outgoing), hex(host.pairs[0].in), `${label}: keys in`);
    assert.equal(pair.incoming.attributes.espSpi, host.pairs[0].spiOut, `${label}: SPI out`);
    assert.equal(pair.outgoing.attributes.espSpi, host.pairs[0].spiIn, `${label}: SPI in`);
  }
  return true;
}
