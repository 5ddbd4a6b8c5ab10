// Our side as initiator: a specialised device (targets/special) for plain ESP, its IKE and ESP on UDP in the place of its radio
// link. charon's ESP in user space needs UDP encapsulation, which devices on a radio do not ask for. So the device gets two
// NAT detection payloads that fit no address, which make charon encapsulate [RFC 7296 §2.23].

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import { defaultConfig, type SaConfig } from '../../../core/esp/sa.ts';
import { attributesOf } from '../../../core/ike/child/install.ts';
import { PAYLOAD_NOTIFY } from '../../../core/ike/codec/numbers.ts';
import { sourceRoot } from '../../../targets/build/root.ts';
import { espFacts } from '../../../targets/build/specialise/esp-facts.ts';
import type { Constants } from '../../../targets/build/specialise/fold.ts';
import { ikeFacts } from '../../../targets/build/specialise/ike-facts.ts';
import { fixPolicy } from '../../../targets/build/specialise/ike-fix.ts';
import { joinParts } from '../../../targets/build/specialise/join.ts';
import { layOut, type Specialised } from '../../../targets/build/specialise/layout.ts';
import { DEVICE_SEARCH } from '../../../targets/build/specialise/sa-facts.ts';
import { policyFor } from '../../../targets/node/host/config/ike-policy.ts';
import { readSensor } from '../../../targets/node/sensor/file.ts';
import { type Agent, startAgent } from './agent.ts';
import { BASE, CASES, type Case, type Outcome, type Terms } from './cases.ts';
import { ECHO_PORT, type OurSide } from './ours.ts';
import { connectionOf, outcomeOf } from './program.ts';
import type { Setup } from './setup.ts';
import type { DeviceCommand, DeviceStatus } from './special-agent.ts';
import type { EchoResult } from './traffic.ts';

const PROTO_UDP = 17;
const MAX_PAYLOAD = 512;
/** charon's side asks from this port, and answers on ECHO_PORT: a flow of the device for each. */
const ASKING_PORT = ECHO_PORT + 1;
const STOP_LIMIT_MS = 5000;

const SPECIAL = join(sourceRoot(), 'targets', 'special');
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Adds notifies of NAT detection to the end of the first message. */
function withNat(constants: Constants): Constants {
  const tail = Buffer.from(constants.initTail as string, 'hex');
  if (tail.length > 0) tail[constants.initTailLast as number] = PAYLOAD_NOTIFY;
  const notify = (next: number, type: string): Buffer =>
    Buffer.concat([Buffer.from([next, 0, 0, 28, 0, 0]), Buffer.from(type, 'hex'), Buffer.alloc(20, 0xa5)]);
  const added = [notify(PAYLOAD_NOTIFY, '4004'), notify(0, '4005')];
  return {
    ...constants,
    initTail: Buffer.concat([tail, ...added]).toString('hex'),
    initTailType: tail.length > 0 ? constants.initTailType : PAYLOAD_NOTIFY,
    initTailLast: tail.length + added[0].length,
    workSize: (constants.workSize as number) + 56,
  };
}

/** The constants and octets of the device of a side. */
function profileOf(setup: Setup): Specialised {
  const config = {
    connection: connectionOf(setup),
    udp: { address: setup.localAddress, port: 500, natPort: 4500 },
    gateway: { address: setup.remoteAddress },
    innerAddress: setup.space.inner[setup.case.inner],
  };
  const { connection, gateway, numbers, innerAddress } = readSensor('sensor.yaml', JSON.stringify(config));
  const whole = policyFor(connection, innerAddress!, gateway.address, false);
  const local = { ...whole.child.local[0], protocol: PROTO_UDP, startPort: ECHO_PORT, endPort: ECHO_PORT };
  const remote = { ...whole.child.remote[0], protocol: PROTO_UDP, startPort: ECHO_PORT, endPort: ASKING_PORT };
  const policy = { ...whole, nat: 0 as const, child: { ...whole.child, local: [local], remote: [remote] } };
  const fixed = fixPolicy(policy, true);
  const { child } = fixed.policy;
  const side = (isUp: boolean): SaConfig => {
    const agreed = {
      ...{ local, remote, mode: child.mode, compression: fixed.choice, dscpList: [] },
      ...{ esn: child.esp[0].sn[0], spiOut: 256, spiIn: 256 },
    };
    const config = defaultConfig(attributesOf(agreed, isUp, local.start, remote.start), child.suites[0]);
    config.replayWindow = child.replayWindow;
    return config;
  };
  const esp = espFacts({
    out: side(true),
    in: side(false),
    own: local.start,
    peer: remote.start,
    flows: [ECHO_PORT, ASKING_PORT].map((peerPort) => ({ ownPort: ECHO_PORT, peerPort })),
    maxPayload: MAX_PAYLOAD,
    reserve: 0,
    search: DEVICE_SEARCH,
  });
  // No second attempt within a case.
  const ike = ikeFacts({ policy, numbers, retryTime: 60000, retryMax: 300000, ed25519: true, p256: true });
  const native = { engine: 'node', nativeCcm: true, nativeHmac: true, nativeX25519: true };
  const made = layOut([esp, ike], native);
  return { constants: withNat(made.constants), data: made.data };
}

const texts = new Map<string, Promise<string>>();

/** The device's text, as a script; each made once. */
function scriptOf({ constants }: Specialised): Promise<string> {
  const key = JSON.stringify(constants);
  const make = async (): Promise<string> => {
    const text = await joinParts({
      entry: here('special.entry.ts'),
      profile: constants,
      replace: {
        [join(SPECIAL, 'link.ts')]: here('special-link.ts'),
        [join(SPECIAL, 'events.ts')]: here('special-events.ts'),
      },
    });
    return (await transform(text, { loader: 'ts', format: 'iife', globalName: 'made', target: 'es2020' })).code;
  };
  const found = texts.get(key) ?? make();
  texts.set(key, found);
  return found;
}

let number = 0;

export function createSpecial(): OurSide {
  let agent: Agent<DeviceCommand> | undefined;
  let last: DeviceStatus | undefined;
  const ask = <T>(command: DeviceCommand): Promise<T> => agent!.ask(command, 20000);
  const status = async (): Promise<DeviceStatus> => (last = await ask<DeviceStatus>({ op: 'status' }));
  const ended = (): boolean => agent === undefined || agent.child.exitCode !== null || agent.child.signalCode !== null;
  const stop = async (signal: NodeJS.Signals | null): Promise<void> => {
    if (ended()) return;
    const gone = new Promise<void>((done) => agent!.child.once('exit', () => done()));
    const limit = setTimeout(() => agent!.child.kill('SIGKILL'), STOP_LIMIT_MS);
    if (signal !== null) agent!.child.kill(signal);
    else agent!.close();
    await gone;
    clearTimeout(limit);
  };
  const unable = (): Promise<never> => Promise.reject(new Error('a specialised device has no such thing'));
  return {
    pings: false,
    askedFrom: ASKING_PORT,
    families: (entry) => [entry.inner],
    async start(setup) {
      const profile = profileOf(setup);
      const file = join(setup.site.folder, `special-${++number}.js`);
      writeFileSync(file, await scriptOf(profile));
      const octets = Buffer.from(profile.data).toString('hex');
      agent = startAgent(setup.space, 'special-agent.ts', [file, octets, setup.localAddress, setup.remoteAddress]);
    },
    async outcome() {
      for (;;) {
        const { established, children, outcome, authenticated } = await status();
        if (outcome !== 'none') return outcomeOf(outcome, authenticated) as Outcome;
        if (established && children.length > 0) return 'established';
        await new Promise((done) => setTimeout(done, 20));
      }
    },
    reason: () => (last?.outcome === 'none' ? undefined : last?.outcome),
    childSpis: async () => (await status()).children,
    ikeCount: async () => (await status()).ike,
    echo: (_to, _port, size, count) => ask<EchoResult>({ op: 'echo', size, count }),
    ping: unable,
    sendUdp: async (_to, _port, size) => void (await ask({ op: 'send', size })),
    rekeyChild: async () => void (await ask({ op: 'rekey-child' })),
    rekeyIke: async () => void (await ask({ op: 'rekey-ike' })),
    probe: async () => (await ask<{ answered: boolean }>({ op: 'probe' })).answered,
    deleteChild: unable,
    deleteIke: async () => void (await ask({ op: 'delete' })),
    log: () => (last?.events ?? []).join('\n') + '\n' + (agent?.complaint() ?? ''),
    kill: () => stop('SIGKILL'),
    async close() {
      if (!ended()) await ask({ op: 'delete' });
      await stop(null);
    },
  };
}

const IKE = /^aes128(ccm8|ccm16|gcm16)-prfsha256(-x25519|-ecp256)+$/;

/** Why a specialised device for plain ESP is not what a case is about; false: it is. */
function lacks(entry: Case): string | false {
  const { auth, ike, esp, virtualIp, local, remote }: Terms = { ...BASE, ...entry.terms, ...entry.ours };
  if (entry.initiator !== 'ours') return 'it initiates';
  if (auth.startsWith('certificate ')) return 'it has no certificates';
  if (ike.length > 1 || esp.length > 1) return 'it offers one proposal';
  if (!IKE.test(ike[0])) return 'IKE has AES-128 with CCM or GCM, and HMAC-SHA2-256';
  if (virtualIp) return 'addresses that it asks for are IPv6';
  if (local === 'lists' || remote === 'lists') return 'it has one selector on each side';
  if (entry.subspaces > 0) return 'a board has no subspaces';
  if (entry.compression !== 'none' && entry.outcome === 'established') return 'a profile with compression requires it';
  if (entry.steps.includes('ours deletes child')) return 'it deletes both SAs at once';
  return entry.name.endsWith(': IKE fragments') ? 'it sends no fragments of IKE' : false;
}

const like = (name: string, more: Partial<Case>): Case => {
  const found = CASES.find((entry) => entry.name === 'ours initiates: ' + name);
  if (found === undefined) throw new Error('no case ' + name);
  return { ...found, ...more };
};

const OWN: readonly Case[] = [
  like('IKE fragments', {
    name: 'ours initiates: fragments of IKE from charon',
    log: [/splitting IKE message/],
  }),
  ...['aes128ccm16', 'aes128gcm16', 'null-sha256'].map((esp) =>
    like('PSK, AES-CCM-8, X25519', { name: `ours initiates: ESP with ${esp}`, terms: { ...BASE, esp: [esp] } }),
  ),
];

/** The cases of the table that are a specialised device's, between one address at each end; and some of its own. */
export const SPECIAL_CASES: readonly Case[] = [...CASES.filter((entry) => lacks(entry) === false), ...OWN].map(
  (entry) => ({ ...entry, ours: { local: 'host', remote: 'host', ...entry.ours } }),
);
