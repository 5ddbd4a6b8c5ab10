// Fuzz targets for IKE messages that anybody can write: the first request at a gateway, and an answer at a device that waits
// for one. They must not throw, set anything up, or stop a genuine exchange. Also the configuration payload.

import { addCp, readCp } from '../../core/ike/codec/ident.ts';
import {
  beginChain,
  beginMessage,
  createPayloads,
  createWriter,
  endMessage,
  IKE_LENGTH,
} from '../../core/ike/codec/message.ts';
import {
  type AddressType,
  CP_INTERNAL_IP4_ADDRESS,
  CP_INTERNAL_IP6_ADDRESS,
  CP_REPLY,
  CP_REQUEST,
  N_COOKIE,
  N_INVALID_KE_PAYLOAD,
  N_NO_PROPOSAL_CHOSEN,
  N_TICKET_NACK,
  PAYLOAD_CP,
} from '../../core/ike/codec/numbers.ts';
import { join, take } from '../../core/ike/codec/octets.ts';
import { addStatus } from '../../core/ike/codec/payloads.ts';
import { receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import {
  type IkeSa,
  STATE_AUTH_SENT,
  STATE_ESTABLISHED,
  STATE_HALF_OPEN,
  STATE_INIT_SENT,
  STATE_INTERMEDIATE_SENT,
  STATE_RESUME_SENT,
} from '../../core/ike/state/sa.ts';
import { path } from '../ike/pair.ts';
import type { CoreTarget } from './core-targets.ts';
import { create, ensure, hand, limits, type Play } from './ike-state-world.ts';

const SEED = 11;
const back = () => ({ ...path(), local: path().remote, remote: path().local });

/** Hands over what is on its way until nothing is. */
function settle(play: Play): void {
  for (let left = 60; left > 0 && play.letters.length > 0; left--) hand(play, play.letters.shift()!);
}

/** A device that has sent its first message; in modes with tickets that of a resumption. */
function waiting(mode: number): { play: Play; sa: IkeSa } {
  const { play, begin } = create(mode, SEED);
  let sa = begin(null);
  if ((mode & 1) !== 0) {
    settle(play);
    const { session } = sa;
    const { ike } = play.device;
    ike.sas = [];
    ike.bySpi = {};
    play.device.pairs.clear();
    play.device.events.length = 0;
    sa = begin(session);
    ensure(sa.state === STATE_RESUME_SENT, 'no resumption');
  }
  return { play, sa };
}

/** Mode, then the message; its Length is made right where the mode's octet says so. */
function messageOf(bytes: Uint8Array): Uint8Array {
  const octets = bytes.slice(1, 1200);
  if (octets.length >= 28 && (bytes[0] & 4) === 0) new DataView(octets.buffer).setUint32(IKE_LENGTH, octets.length);
  return octets;
}

const silent = (events: string[]): boolean => !events.some((text) => text === 'install' || text === 'established');

function request(bytes: Uint8Array): void {
  if (bytes.length < 2) return;
  const { play } = create(bytes[0] & ~1, SEED);
  const { gateway } = play;
  const octets = messageOf(bytes);
  const code = receiveIke(gateway.ike, back(), octets, 0, octets.length, 0);
  ensure(code <= 0, `result ${code}`);
  ensure(play.letters.length <= 1, 'more than one answer');
  ensure(silent(gateway.events), 'something was set up');
  ensure(gateway.ike.sas.length <= 1, 'more than one SA');
  for (const sa of gateway.ike.sas) ensure(sa.state === STATE_HALF_OPEN, `state ${sa.state}`);
  limits(gateway);
  pollIke(gateway.ike, 10001);
  pollIke(gateway.ike, 20002);
  ensure(gateway.ike.sas.length === 0, 'a half-open SA stays');
}

function answer(bytes: Uint8Array): void {
  if (bytes.length < 30) return;
  const { play, sa } = waiting(bytes[0]);
  const octets = messageOf(bytes);
  octets.set(sa.spis.subarray(0, Math.min(8, octets.length)));
  const asked = play.letters.splice(0);
  receiveIke(play.device.ike, path(), octets, 0, octets.length, play.now);
  ensure(silent(play.device.events) && play.device.outcomes.length === 0, 'something was set up, or has ended');
  limits(play.device);
  if (sa.state === STATE_AUTH_SENT || sa.state === STATE_INTERMEDIATE_SENT) return;
  // It was no answer: the genuine one comes, and all is as if nothing had been.
  ensure(sa.state === STATE_INIT_SENT || sa.state === STATE_RESUME_SENT, `state ${sa.state}`);
  play.letters.unshift(...asked);
  settle(play);
  ensure(sa.state === STATE_ESTABLISHED, `state ${sa.state} after the genuine answer, outcome ${sa.outcome}`);
}

const p = createPayloads();

function cp(bytes: Uint8Array): void {
  let before = '';
  for (const sentinel of [0, 0x80, 0xff]) {
    const buffer = new Uint8Array(bytes.length + 8).fill(sentinel);
    buffer.set(bytes, 4);
    p.count = 1;
    p.type[0] = PAYLOAD_CP;
    p.at[0] = 4;
    p.size[0] = bytes.length;
    const message = { buffer, payloads: p, at: 0, size: 0, first: PAYLOAD_CP };
    const out: Uint8Array[] = [];
    const types: AddressType[] = [];
    for (const kind of bytes.length < 4 ? [] : ([CP_REQUEST, CP_REPLY] as const)) readCp(message, kind, types, out);
    ensure(types.length === out.length, 'an address for each type');
    for (const [i, type] of types.entries()) {
      const width = type === CP_INTERNAL_IP4_ADDRESS ? 4 : 16;
      ensure(width === 4 || type === CP_INTERNAL_IP6_ADDRESS, `type ${type}`);
      ensure([0, width].includes(out[i].length), 'no address');
    }
    const now = `${types.join()} ${out.map((one) => one.join()).join()}`;
    ensure(sentinel === 0 || now === before, `the result depends on octets outside: ${before} or ${now}`);
    before = now;
  }
}

const w = createWriter(new Uint8Array(400));

/** An unprotected answer with one notify. */
function notify(exchange: number, type: number, data: number[]): Uint8Array {
  beginMessage(w, 0, join([take(new Uint8Array(8), 0, 8), take(new Uint8Array(8), 0, 8)]), exchange, 0x20, 0);
  addStatus(w, type, Uint8Array.from(data));
  return w.buffer.slice(0, endMessage(w));
}

function cpBody(kind: number, type: number, address: number[]): Uint8Array {
  beginChain(w, 0);
  addCp(w, kind as 1, type as AddressType, Uint8Array.from(address));
  return w.buffer.slice(4, w.at);
}

/** Bits of `create`, but for that of a wrong Length. */
const MODES = [0, 1, 2, 3, 8 + 16, 8 + 32, 64, 128];
const seeds = { requests: [] as Uint8Array[], answers: [] as Uint8Array[] };
for (const mode of MODES) {
  const { play } = waiting(mode);
  const [{ octets }] = play.letters;
  seeds.requests.push(Uint8Array.of(mode, ...octets));
  hand(play, play.letters.shift()!);
  seeds.answers.push(Uint8Array.of(mode, ...play.letters[0].octets));
}
for (const mode of [0, 1, 128]) {
  for (const [exchange, type, data] of [
    [34, N_COOKIE, [1, 2, 3, 4]],
    [34, N_COOKIE, []],
    [34, N_INVALID_KE_PAYLOAD, [0, 19]],
    [34, N_INVALID_KE_PAYLOAD, [0, 31]],
    [34, N_NO_PROPOSAL_CHOSEN, []],
    [38, N_TICKET_NACK, []],
    [38, N_COOKIE, new Array<number>(65).fill(1)],
  ] as const) {
    seeds.answers.push(Uint8Array.of(mode, ...notify(exchange, type, [...data])));
  }
}

export const targets: CoreTarget[] = [
  { name: 'ike first request', seeds: seeds.requests, run: request },
  { name: 'ike first answer', seeds: seeds.answers, run: answer },
  {
    name: 'ike configuration payload',
    seeds: [
      cpBody(CP_REQUEST, CP_INTERNAL_IP6_ADDRESS, []),
      cpBody(CP_REPLY, CP_INTERNAL_IP6_ADDRESS, new Array<number>(16).fill(3)),
      cpBody(CP_REPLY, CP_INTERNAL_IP4_ADDRESS, [10, 9, 0, 1]),
    ],
    run: cp,
  },
];
