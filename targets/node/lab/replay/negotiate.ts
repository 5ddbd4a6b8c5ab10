// Sets up the SAs of an answer with the IKE of sensors and gateways, in virtual time, over a link that loses nothing: what is
// sent for it, when the first and the last of its SAs stand, and the SAs.

import type { SaConfig } from '../../../../core/esp/sa.ts';
import { privateNumbers } from '../../../../core/ike/codec/private-numbers.ts';
import { createIke, receiveIke } from '../../../../core/ike/exchange/endpoint.ts';
import { createChild } from '../../../../core/ike/exchange/requests.ts';
import { ikeTimeout } from '../../../../core/ike/exchange/schedule.ts';
import { pollIke } from '../../../../core/ike/exchange/timers.ts';
import { connect } from '../../../../core/ike/setup/initiator.ts';
import { createResponder } from '../../../../core/ike/setup/responder.ts';
import type { ChildSa } from '../../../../core/ike/state/child.ts';
import type { Ike, IkeUpper } from '../../../../core/ike/state/ike.ts';
import { outcomeName } from '../../../../core/ike/state/outcome-name.ts';
import type { Path } from '../../../../core/ike/state/path.ts';
import { type IkePolicy, NAT_OFF } from '../../../../core/ike/state/policy.ts';
import { readGateway } from '../../gateway/file.ts';
import { createChildKeeper } from '../../host/child-keeper.ts';
import { acceptingEesp, offeringEesp } from '../../host/config/eesp.ts';
import { type Connection, policyFor } from '../../host/config/ike-policy.ts';
import { amongExtensions, hostEesp } from '../../host/eesp.ts';
import { attachNode, fullIke } from '../../host/full-ike.ts';
import { createFastProvider } from '../../host/provider/fast.ts';
import { readSensor } from '../../sensor/file.ts';
import { type Answer, childFields, countersOf } from './answers.ts';
import { GATEWAY, SENSOR } from './packets.ts';

/** Milliseconds of the link in one direction. */
const ONE_WAY = 10;
/** Milliseconds until what does not stand will not: time-outs of IKE are longer. */
const PATIENCE = 60000;
const MAX_MESSAGE = 16384;
const EVENTS_MAX = 100000;

/** A pair of directions of one Child SA; keys are copies. */
export interface AgreedPair {
  /** Of the sensor: what it protects with. */
  outgoing: SaConfig;
  /** Of the gateway: what it opens with. */
  incoming: SaConfig;
  /** The sensor's Child SA. */
  child: ChildSa;
}

/** What a set-up took, and what came of it. */
export interface Agreed {
  pairs: AgreedPair[];
  /** Octets and number of all IKE messages, both directions. */
  octets: number;
  messages: number;
  /** Milliseconds until packets can go, and until all SAs stand, at 20 ms for a round trip. */
  first: number;
  last: number;
}

const AUTH = 'auth: { psk: "a key that both sides of the bench have" }';

function connections(answer: Answer, counters: number, esp: string): [own: Connection, theirs: Connection] {
  const child = `child: ${childFields(answer, counters, esp)}, ike: { initialContact: false }, maxChildren: 128, ${AUTH}`;
  const sensor = readSensor(
    'sensor.yaml',
    `{ udp: { address: "fd00::1" }, gateway: { address: "fd00::2" }, connection: ` +
      `{ localId: "fqdn:sensor.example", remoteId: "fqdn:gateway.example", ${child} } }`,
  );
  const gateway = readGateway(
    'gateway.yaml',
    `{ udp: [{ address: "fd00::2" }], connection: { localId: "fqdn:gateway.example", ${child} } }`,
  );
  return [sensor.connection, gateway.config.ike.connections[0]];
}

function copyOf(config: SaConfig): SaConfig {
  return { ...config, key: config.key.slice(), salt: config.salt.slice(), authKey: config.authKey.slice() };
}

interface Side {
  ike: Ike;
  pairs: Map<ChildSa, [outgoing: SaConfig, incoming: SaConfig]>;
}

function createSide(change: Partial<IkeUpper>, responder: Parameters<typeof createResponder>[0] | null): Side {
  const pairs: Side['pairs'] = new Map();
  let spi = 0x1000;
  const upper: IkeUpper = {
    transmit() {},
    proved() {},
    // Below 2^31: EESP is told from ESP by the first bit.
    allocateSpi: () => ++spi,
    install(_sa, child, outgoing, incoming) {
      pairs.set(child, [copyOf(outgoing), copyOf(incoming)]);
      return true;
    },
    retire() {},
    remove() {},
    established() {},
    replaced() {},
    ended() {},
    childFailed() {},
    refused() {},
    keys() {},
    address: () => null,
    ...change,
  };
  const ike = createIke({
    provider: createFastProvider(true),
    ...fullIke(),
    upper,
    numbers: privateNumbers(),
    responder: responder === null ? null : createResponder(responder),
    maxMessage: MAX_MESSAGE,
    keylog: false,
    linger: 0,
  });
  attachNode(ike, MAX_MESSAGE);
  const eesp = hostEesp(ike.numbers, { install: (...args) => ike.upper.install(...args) });
  ike.extensions = amongExtensions(ike.extensions, eesp);
  ike.protocols.push(eesp.protocol);
  return { ike, pairs };
}

function onPath({ policy }: { policy: IkePolicy }): IkePolicy {
  return { ...policy, nat: NAT_OFF };
}

/** A gateway that takes any number of peers with the same answer. */
export interface Meeting {
  /** What one more peer sets up: `counters` of them, or as many as the answer has. */
  join(counters: number): Agreed;
  /** The gateway's endpoint, which has an IKE SA of each peer. */
  gateway: Ike;
}

/** Makes the gateway for an answer with ESP algorithm `esp`. */
export function createMeeting(answer: Answer, wanted: number, esp: string): Meeting {
  const counters = countersOf(answer, wanted);
  const [own, theirs] = connections(answer, counters, esp);
  const offer = offeringEesp(onPath({ policy: policyFor(own, SENSOR, GATEWAY, true) }), own.eesp);
  const accept = acceptingEesp(onPath({ policy: policyFor(theirs, GATEWAY, SENSOR, true) }), theirs.eesp);
  const events: { at: number; run: () => void }[] = [];
  let failures: string[] = [];
  let now = 0;
  let identities = 0;
  let octets = 0;
  let messages = 0;
  const carry =
    (to: () => Ike) => (path: Path, _replyTo: Path | null, buffer: Uint8Array, at: number, size: number) => {
      const copied = buffer.slice(at, at + size);
      octets += size;
      messages++;
      const back: Path = {
        ...path,
        local: path.remote,
        localPort: path.remotePort,
        remote: path.local,
        remotePort: path.localPort,
      };
      events.push({ at: now + ONE_WAY, run: () => void receiveIke(to(), back, copied, 0, size, now) });
    };
  let sensor: Side;
  const gateway = createSide(
    {
      transmit: carry(() => sensor.ike),
      ended: (_sa, outcome) => void failures.push(`the gateway ends an IKE SA: ${outcomeName(outcome)}`),
    },
    {
      fallback: accept,
      findPolicy: () => accept,
      halfOpenMax: 1000,
      cookieThreshold: 1000,
      halfOpenTime: 30000,
      tickets: null,
    },
  );

  return {
    gateway: gateway.ike,
    join(more) {
      failures = [];
      const marks: number[] = [];
      octets = 0;
      messages = 0;
      events.length = 0;
      const begun = now;
      const keeper = createChildKeeper({
        ask: (sa, policy, time) => createChild(sensor.ike, sa, policy, time),
        missing: (_sa, name) => void failures.push(`Child SA ${name} is missing`),
        declined: (_sa, what) => void failures.push(`the peer declines ${what}`),
      });
      sensor = createSide(
        {
          transmit: carry(() => gateway.ike),
          established: (sa, _resumed, time) => keeper.look(sa, time),
          ended: (_sa, outcome) => void failures.push(outcomeName(outcome)),
          childFailed: (_sa, outcome) => void failures.push(outcomeName(outcome)),
        },
        null,
      );
      const { install } = sensor.ike.upper;
      sensor.ike.upper.install = (sa, child, ...rest) => {
        marks.push(now - begun);
        keeper.changed(sa);
        return install(sa, child, ...rest);
      };
      // One Child SA for each counter, and with classes the default one; parts of an SA need no more.
      const sas = answer.by === 'class' ? more + 1 : answer.by === 'ike' || answer.by === 'child' ? more : 1;
      for (let i = 0; i < (answer.by === 'ike' ? more : 1); i++) {
        const path: Path = {
          local: SENSOR,
          localPort: 500,
          remote: GATEWAY,
          remotePort: 500,
          encapsulated: false,
          port: 0,
          link: new Uint8Array(0),
        };
        // A gateway keeps a few IKE SAs of one identity: each has one of its own.
        identities++;
        const data = Uint8Array.from(Buffer.from(`s${String(identities).padStart(5, '0')}.example`));
        connect(sensor.ike, { ...offer, localId: { ...offer.localId, data } }, path, null, now);
      }
      for (let step = 0; marks.length < sas || events.length > 0; step++) {
        keeper.poll(now);
        for (const { ike } of [sensor, gateway]) pollIke(ike, now);
        if (step > EVENTS_MAX || now > begun + PATIENCE) failures.push('no end');
        if (failures.length > 0) throw new Error(`anti-replay bench: ${answer.name}: ${failures.join(', ')}`);
        events.sort((a, b) => a.at - b.at);
        const due = events.shift();
        if (due !== undefined) {
          now = Math.max(now, due.at);
          due.run();
          continue;
        }
        const times = [ikeTimeout(sensor.ike), ikeTimeout(gateway.ike), keeper.nextTimeout()].filter(
          (time) => time > now,
        );
        if (times.length > 0 && marks.length < sas) now = Math.min(...times);
      }
      const pairs = [...sensor.pairs].map(([child, [outgoing]]): AgreedPair => {
        const twin = [...gateway.pairs].find(([one]) => one.spiIn === child.spiOut);
        return { outgoing, incoming: twin![1][1], child };
      });
      gateway.pairs.clear();
      return { pairs, octets, messages, first: marks[0], last: marks[marks.length - 1] };
    },
  };
}

/** Sets up an answer with so many counters, or as many as it has. */
export function negotiate(answer: Answer, wanted: number, esp: string): Agreed {
  return createMeeting(answer, wanted, esp).join(countersOf(answer, wanted));
}
