// Two IKE endpoints in one process on an engine, with portable cryptography: AES-CCM-8, a pre-shared key, X25519. Random
// octets come from a counter, so that every engine sends the same octets. A case: [id, steps, digest of each step's
// messages and keys ...]; steps are letters:
//   h handshake, c rekey of the Child SA, i of the IKE SA, r resumption, d Delete

import { copy } from '../../core/base/bytes.ts';
import type { Asymmetric } from '../../core/crypto/asymmetric.ts';
import { aesCcm } from '../../core/crypto/ccm.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { createPortableKe } from '../../core/crypto/portable-asymmetric.ts';
import { ALG_HMAC_SHA256 } from '../../core/crypto/provider.ts';
import { sensorPolicy } from '../../core/device/policy.ts';
import type { SaConfig } from '../../core/esp/sa.ts';
import { aesCcm8, aesCcm8Iiv } from '../../core/esp/suites.ts';
import { defaultCompression } from '../../core/ike/child/compression.ts';
import { privateNumbers } from '../../core/ike/codec/private-numbers.ts';
import { createIke, receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { closeIke, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import { headerCompression } from '../../core/ike/ext/header-compression.ts';
import { optimizedRekeys } from '../../core/ike/ext/optimized-rekey.ts';
import { resumption, ticketRequest } from '../../core/ike/ext/resume.ts';
import { createTickets } from '../../core/ike/ext/ticket.ts';
import { vendorId } from '../../core/ike/ext/vendor.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { createResponder } from '../../core/ike/setup/responder.ts';
import type { Extension, Ike, IkeUpper, Responder } from '../../core/ike/state/ike.ts';
import type { Path } from '../../core/ike/state/path.ts';
import type { IkePolicy } from '../../core/ike/state/policy.ts';
import type { IkeSa, Session } from '../../core/ike/state/sa.ts';
import { begin, createReport, decimal, end, expect, finish, hex, octets } from './report.ts';

interface Sent {
  toGateway: boolean;
  octets: Uint8Array;
}

/** What happened: messages not yet delivered, and everything as one string of octets for the digest. */
interface Scene {
  queue: Sent[];
  trace: Uint8Array;
  size: number;
  counter: number;
  /** What the hosts were told, a letter for each. */
  told: string;
  latest: IkeSa | null;
}

const scene: Scene = { queue: [], trace: new Uint8Array(6000), size: 0, counter: 0, told: '', latest: null };

/** Hears every message, where a test asks for it. */
/** @noSelf */
interface Tap {
  listen: ((octets: Uint8Array) => void) | null;
}

export const tap: Tap = { listen: null };

function random(buffer: Uint8Array, offset: number, length: number): void {
  for (let i = 0; i < length; i++) {
    scene.counter = (scene.counter * 5 + 12345) % 65521;
    buffer[offset + i] = (scene.counter >>> 4) & 0xff;
  }
}

const provider = createPortable([aesCcm, hmacSha256], random);

function note(from: Uint8Array, at: number, length: number): void {
  copy(scene.trace, scene.size, from, at, length);
  scene.size += length;
}

function noteKeys(config: SaConfig): void {
  note(config.key, 0, config.key.length);
  note(config.salt, 0, config.salt.length);
}

function createUpper(isDevice: boolean): IkeUpper {
  let spi = isDevice ? 4096 : 8192;
  return {
    proved: () => {},
    transmit: (_path, _replyTo, buffer, offset, length) => {
      const sent: Sent = { toGateway: isDevice, octets: new Uint8Array(length) };
      copy(sent.octets, 0, buffer, offset, length);
      note(buffer, offset, length);
      if (tap.listen !== null) tap.listen(sent.octets);
      scene.queue.push(sent);
    },
    allocateSpi: () => {
      spi++;
      return spi;
    },
    install: (_sa, child, outgoing, incoming) => {
      noteKeys(outgoing);
      noteKeys(incoming);
      scene.told += child.compression === null ? 'i' : 'I';
      return true;
    },
    retire: () => {
      scene.told += 't';
    },
    remove: () => {
      scene.told += 'm';
    },
    established: (sa) => {
      scene.told += 'E';
      if (isDevice) scene.latest = sa;
    },
    replaced: (_old, sa) => {
      scene.told += 'R';
      if (isDevice) scene.latest = sa;
    },
    ended: (_sa, outcome) => {
      scene.told += '(' + decimal(outcome < 0 ? -outcome : outcome) + ')';
    },
    childFailed: () => {
      scene.told += 'F';
    },
    refused: () => {},
    keys: () => {},
    address: () => null,
  };
}

const DEVICE = 'fd000000000000000000000000000001';
const GATEWAY = 'fd000000000000000000000000000002';

function policyOf(own: string, peer: string): IkePolicy {
  const policy = sensorPolicy(octets(own), octets('00112233445566778899'), octets(own), octets(peer));
  policy.localId.type = 5;
  policy.remoteId = { type: 5, data: octets(peer) };
  policy.child.esp[0].ciphers = [29, 14];
  policy.child.esp[0].keyBits = [128, 128];
  policy.child.suites = [aesCcm8Iiv, aesCcm8];
  policy.child.narrow = true;
  policy.child.compression = defaultCompression();
  policy.ticketLifetime = 3600;
  return policy;
}

function endpoint(isDevice: boolean, extensions: Extension[], responder: Responder | null, ke: Asymmetric): Ike {
  return createIke({
    provider: provider,
    asymmetric: ke,
    upper: createUpper(isDevice),
    extensions: extensions,
    numbers: privateNumbers(),
    responder: responder,
    intermediate: null,
    resumption: isDevice ? resumption : null,
    reassembly: null,
    maxMessage: 1280,
    keylog: false,
    linger: 1000,
  });
}

function pathOf(isDevice: boolean): Path {
  return {
    local: octets(isDevice ? DEVICE : GATEWAY),
    localPort: 500,
    remote: octets(isDevice ? GATEWAY : DEVICE),
    remotePort: 500,
    encapsulated: false,
    port: 0,
    link: new Uint8Array(0),
  };
}

function createGateway(ke: Asymmetric): Ike {
  const issuer = createTickets(provider, octets('000102030405060708090a0b0c0d0e0f'), (now) => now);
  const known = policyOf(GATEWAY, DEVICE);
  const responder = createResponder({
    fallback: known,
    findPolicy: () => known,
    halfOpenMax: 4,
    cookieThreshold: 4,
    halfOpenTime: 30000,
    tickets: issuer.tickets,
  });
  return endpoint(false, [vendorId, optimizedRekeys, headerCompression, issuer.extension], responder, ke);
}

function reset(): void {
  scene.counter = 1;
  scene.latest = null;
  scene.queue = [];
}

/** Delivers until nothing is on its way. */
function settle(device: Ike, gateway: Ike, now: number): void {
  const fromDevice = pathOf(false);
  const fromGateway = pathOf(true);
  for (let rounds = 0; rounds < 40; rounds++) {
    pollIke(device, now);
    pollIke(gateway, now);
    const list = scene.queue;
    scene.queue = [];
    if (list.length === 0) return;
    for (let i = 0; i < list.length; i++) {
      const sent = list[i];
      if (sent.toGateway) receiveIke(gateway, fromDevice, sent.octets, 0, sent.octets.length, now);
      else receiveIke(device, fromGateway, sent.octets, 0, sent.octets.length, now);
    }
  }
}

/** Plays the steps: for each what the hosts were told, its octets' number, and their digest. */
export function play(steps: string, ke: Asymmetric | null): string[] {
  reset();
  const key = provider.key(ALG_HMAC_SHA256, octets('00'));
  const asymmetric = ke === null ? createPortableKe(random) : ke;
  const gateway = createGateway(asymmetric);
  const device = endpoint(true, [vendorId, optimizedRekeys, headerCompression, ticketRequest], null, asymmetric);
  const own = policyOf(DEVICE, GATEWAY);
  const results: string[] = [];
  let session: Session | null = null;
  let now = 0;
  for (let i = 0; i < steps.length; i++) {
    const step = steps.charAt(i);
    scene.size = 0;
    scene.told = '';
    const sa = scene.latest;
    if (step === 'h') connect(device, own, pathOf(true), null, now);
    if (step === 'r') connect(device, own, pathOf(true), session, now);
    if (sa !== null && step === 'c') rekeyChild(device, sa, sa.children[0], now);
    if (sa !== null && step === 'i') rekeyIke(device, sa, now);
    if (sa !== null && step === 'd') closeIke(device, sa, now);
    settle(device, gateway, now);
    // What lingers goes.
    now += 200000;
    settle(device, gateway, now);
    if (scene.latest !== null && scene.latest.session !== null) session = scene.latest.session;
    const digest = new Uint8Array(32);
    provider.mac(key, scene.trace, 0, scene.size, digest, 0);
    results.push(scene.told + ' ' + decimal(scene.size) + ' ' + decimal(gateway.sas.length) + ' ' + hex(digest, 0, 8));
  }
  return results;
}

export function run(cases: string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    const results = play(cases[i][1], null);
    for (let j = 0; j < results.length; j++) expect(report, cases[i][1].charAt(j), cases[i][2 + j], results[j]);
    end(report);
  }
  finish(report);
}
