// SUPPORTED_AUTH_METHODS [RFC 9593].

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addNotify } from '../../../core/ike/codec/message.ts';
import {
  AUTH_DIGITAL_SIGNATURE,
  AUTH_SHARED_KEY,
  N_INVALID_SYNTAX,
  N_SUPPORTED_AUTH_METHODS,
} from '../../../core/ike/codec/numbers.ts';
import { take } from '../../../core/ike/codec/octets.ts';
import { rekeyIke } from '../../../core/ike/exchange/requests.ts';
import {
  type Announced,
  announceEd25519,
  announceSharedKey,
  isEd25519,
  keptAnnounced,
  MAX_ANNOUNCED,
  MAX_METHODS,
  readAnnounced,
} from '../../../core/ike/ext/announce.ts';
import type { Extension } from '../../../core/ike/state/ike.ts';
import type { IkePolicy } from '../../../core/ike/state/policy.ts';
import { STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { STEP_AUTH_REQUEST, STEP_INIT_RESPONSE } from '../../../core/ike/state/step.ts';
import { announcedNames } from '../../../targets/node/host/config/ike-names.ts';
import { assertUp, scene } from '../kit.ts';
import { notifyOf } from '../observer.ts';
import { bytes, damaged, dataOf, guarded, hex, notify } from './support.ts';

const TEXT = '000000140000403b' + '0a0e00300506032b6570' + '0202';

function read(octets: Uint8Array): { result: number; list: Announced[]; ed25519: boolean[] } {
  const { buffer, at } = guarded(octets);
  const list: Announced[] = [];
  const result = readAnnounced(buffer, at, octets.length, list);
  const ed25519 = list.map((announced) => isEd25519(buffer, announced));
  return { result, list: list.map((a) => ({ ...a, algorithmAt: a.algorithmAt - at })), ed25519 };
}

test('both blobs of ours, both ways', () => {
  assert.equal(
    notify(N_SUPPORTED_AUTH_METHODS, (w) => {
      announceEd25519(w, 0);
      announceSharedKey(w);
    }),
    TEXT,
  );
  const { result, list, ed25519 } = read(dataOf(N_SUPPORTED_AUTH_METHODS, TEXT));
  assert.equal(result, 0);
  assert.deepEqual(list, [
    { method: 14, certLink: 0, algorithmAt: 3, algorithmSize: 7 },
    { method: 2, certLink: 0, algorithmAt: 13, algorithmSize: 0 },
  ]);
  assert.deepEqual(ed25519, [true, false]);
});

test('blobs of other methods and lengths', () => {
  // ECDSA with CA 2, NULL, a signature with P-256, an Ed25519 algorithm of another method, and none at all.
  const text = '030902' + '020d' + '0f0e01300a06082a8648ce3d040302' + '0a0900300506032b6570' + '030e00';
  const { result, list, ed25519 } = read(bytes(text));
  assert.equal(result, 0);
  assert.deepEqual(
    list.map(({ method, certLink, algorithmSize }) => [method, certLink, algorithmSize]),
    [
      [9, 2, 0],
      [13, 0, 0],
      [14, 1, 12],
      [9, 0, 7],
      [14, 0, 0],
    ],
  );
  assert.ok(!ed25519.includes(true));
  assert.equal(read(bytes('')).result, 0);
});

test('malformed blobs, and the limit', () => {
  for (const [text, count] of [
    ['00', 0],
    ['0102', 0],
    ['02', 0],
    ['020203', 1],
    ['0202ff0203', 1],
    ['02020302', 1],
  ] as const) {
    const { result, list } = read(bytes(text));
    assert.equal(result, N_INVALID_SYNTAX, text);
    assert.equal(list.length, count, text);
  }
  const { result, list } = read(bytes('0202'.repeat(MAX_METHODS + 1)));
  assert.equal(result, 0);
  assert.equal(list.length, MAX_METHODS);
});

test('cuts, one-bit changes and random octets: nothing throws or reads outside', () => {
  const data = dataOf(N_SUPPORTED_AUTH_METHODS, TEXT);
  for (const octets of damaged(data)) read(octets);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
      const { result, list } = read(octets);
      assert.ok(result === 0 || result === N_INVALID_SYNTAX);
      for (const { algorithmAt, algorithmSize } of list) {
        assert.ok(algorithmSize === 0 || algorithmAt + algorithmSize <= octets.length);
      }
    }),
  );
  assert.equal(hex(data).length, 24);
});

test('what is kept: whole blobs from the front', () => {
  const kept = (text: string): string => hex(keptAnnounced(bytes(text)));
  assert.equal(kept(''), '');
  assert.equal(kept('02020a0e00300506032b6570'), '02020a0e00300506032b6570');
  for (const [text, whole] of [
    ['020200', '0202'],
    ['02020102', '0202'],
    ['020205', '0202'],
    ['05020202', ''],
  ] as const) {
    assert.equal(kept(text), whole);
  }
  assert.equal(keptAnnounced(bytes('0202'.repeat(MAX_ANNOUNCED))).length, MAX_ANNOUNCED);
  assert.equal(keptAnnounced(bytes('030900'.repeat(60))).length, MAX_ANNOUNCED - (MAX_ANNOUNCED % 3));
});

test('both sides announce: the responder in the answer to IKE_SA_INIT, the initiator in IKE_AUTH', () => {
  const s = scene({ device: { announce: [AUTH_SHARED_KEY] }, gateway: { announce: [14, AUTH_SHARED_KEY] } });
  const sa = s.connect();
  const other = assertUp(s, sa);
  const has = s.sent().map((m) => notifyOf(m, N_SUPPORTED_AUTH_METHODS)?.toString('hex') ?? '');
  assert.deepEqual(has, ['', '0a0e00300506032b65700202', '0202', '']);
  assert.deepEqual(announcedNames(sa.announced), ['Ed25519', 'PSK']);
  assert.deepEqual(announcedNames(other.announced), ['PSK']);
  rekeyIke(s.world.device.ike, sa, s.world.now);
  s.wait(5000);
  assert.equal(sa.successor?.announced, sa.announced, 'a rekey keeps it');
  s.close();
});

test('nothing is said where the policy does not ask for it', () => {
  const s = scene();
  const sa = s.connect();
  const other = assertUp(s, sa);
  for (const m of s.sent()) assert.equal(notifyOf(m, N_SUPPORTED_AUTH_METHODS), null);
  assert.equal(sa.announced.length + other.announced.length, 0);
  s.close();
});

test('it is advice: any data, and methods that do not fit, refuse nothing', () => {
  for (const [text, names] of [
    ['', []],
    ['00', []],
    ['ffffff', []],
    ['020d', ['method 13']],
    ['030e00', ['another signature']],
    ['0202' + '01', ['PSK']],
    ['0202'.repeat(100), new Array<string>(MAX_METHODS).fill('PSK')],
  ] as const) {
    for (const step of [STEP_INIT_RESPONSE, STEP_AUTH_REQUEST]) {
      const s = scene({ unobserved: true });
      const node = step === STEP_INIT_RESPONSE ? s.world.gateway : s.world.device;
      const data = bytes(text);
      const says: Extension = {
        add: (_ike, _sa, at, _draft, w) => {
          if (at === step) addNotify(w, 0, N_SUPPORTED_AUTH_METHODS, take(data, 0, 0), data);
        },
        read: () => 0,
      };
      node.ike.extensions.push(says);
      const sa = s.connect();
      const other = assertUp(s, sa);
      assert.deepEqual(announcedNames((step === STEP_INIT_RESPONSE ? sa : other).announced), names);
      s.close();
    }
  }
});

test('a resumed session announces nothing: no credential is used', () => {
  const both: Partial<IkePolicy> = { announce: [AUTH_DIGITAL_SIGNATURE], ticketLifetime: 3600 };
  const s = scene({ device: both, gateway: both });
  const first = s.connect();
  s.sent();
  const sa = s.connect(first.session);
  assert.equal(sa.state, STATE_ESTABLISHED);
  const messages = s.sent();
  assert.deepEqual(
    messages.slice(0, 2).map((m) => m.exchange),
    [38, 38],
  );
  for (const m of messages) assert.equal(notifyOf(m, N_SUPPORTED_AUTH_METHODS), null);
});
