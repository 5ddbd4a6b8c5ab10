// IKE SAs and Child SAs as far as a gateway's records of them go: the fields that are recorded, with sizes of a sensor with a
// pre-shared key, X25519 and AES.

import type { SaConfig } from '../../core/esp/sa.ts';
import { CHILD_LIVE, type ChildSa } from '../../core/ike/state/child.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import type { Association } from '../../targets/node/gateway/associations.ts';
import type { Pair } from '../../targets/node/gateway/state/keeper.ts';

/** Octets of the answer of IKE_AUTH, which is kept to be repeated. */
const AUTH_SIZE = 250;

function ipv4(index: number): Uint8Array {
  return Uint8Array.of(10, index >>> 16, index >>> 8, index);
}

function inner(index: number): Uint8Array {
  const address = new Uint8Array(16);
  address.set([0x20, 1, 0x0d, 0xb8, 0, 1]);
  new DataView(address.buffer).setUint32(12, index + 1);
  return address;
}

export const NONE = new Uint8Array(0);
const KEY = new Uint8Array(16);
const SERVER_RANGE = { protocol: 17, startPort: 5683, endPort: 5683, start: inner(-2), end: inner(-2) };
/** Of an IKE SA: both directions. */
export const IKE_KEYS = new Uint8Array(2 * 36);
const LOCAL = ipv4(0);
// What nobody changes is there once.
const AUTH = new Uint8Array(AUTH_SIZE);
const SK_D = new Uint8Array(32);

export const CHILD_KEYS = { key: KEY, salt: KEY.subarray(0, 3), authKey: NONE } as unknown as SaConfig;

/** An IKE SA of peer `index` as responder, set up now. */
export function modelIke(index: number, spis: Uint8Array, now: number, nextId = 0, expectedId = 2): IkeSa {
  const remote = ipv4(index);
  const path = { local: LOCAL, localPort: 4500, remote, remotePort: 4500, encapsulated: true };
  return {
    spis,
    initiator: false,
    cipher: { encr: 20, keyBits: 128, integ: 0 },
    ke: 31,
    skD: SK_D,
    peerIdType: 11,
    peerId: remote,
    fragmentation: true,
    vendor: true,
    optimizedRekey: true,
    peerBehindNat: false,
    behindNat: false,
    address: inner(index),
    announced: NONE,
    transforms: [],
    nextId,
    expectedId,
    skOut: { counter: expectedId },
    request: NONE,
    requestExchange: 0,
    task: null,
    state: STATE_ESTABLISHED,
    response: AUTH,
    rekeyAt: now + 86400000,
    reauthAt: -1,
    path: { ...path, port: 0, link: NONE },
    espPath: null,
    notes: [],
    children: [],
    successor: null,
  } as unknown as IkeSa;
}

/** A Child SA of it whose last numbers are `out` and `into`. */
export function modelChild(ike: IkeSa, spiIn: number, out: number, into: number, now: number): [ChildSa, Pair] {
  const { address } = ike;
  const remote = { protocol: 17, startPort: 5683, endPort: 5683, start: address, end: address };
  const child = {
    policy: { name: 'sensors' },
    spiIn,
    spiOut: spiIn,
    suite: { encr: 16, integ: 0 },
    keyBits: 128,
    esn: 0,
    mode: 1,
    local: SERVER_RANGE,
    remote,
    compression: null,
    dscpList: [],
    protocol: 3,
    transforms: [],
    path: null,
    notes: [],
    ke: 0,
    keKnown: true,
    retired: CHILD_LIVE,
    rekeyAt: now + 14400000,
  } as unknown as ChildSa;
  const form = { counter: { esn: 0 }, snLsb: 8 };
  const one = (direction: 'out' | 'in', snLo: number): Association =>
    ({
      direction,
      owner: { ike, child, askedAt: -1 },
      kept: null,
      sa: { snHi: 0, snLo, form },
    }) as unknown as Association;
  const pair: Pair = [one('out', out), one('in', into)];
  return [child, pair];
}
