// What is made of a sensor's file: sizes of its parts, no secret in any output but the blob, refusals that name the place.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specialBlob } from '../../targets/build/specialise/blob-of.ts';
import { type DeviceEngine, deviceText, engineText, joinDevice } from '../../targets/build/specialise/image.ts';
import { reportOf } from '../../targets/build/specialise/report.ts';
import { readSpecial } from '../../targets/node/lab/boards/special.ts';
import { fileOf } from '../boards/app-support.ts';

const KEY = 'a key that nobody else knows';
/** As README.md has it: PSK, X25519, AES-CCM-8, HCP, optimized rekeys, resumption. */
const FILE = fileOf(1, { top: 'interval: 1\ncount: 3', auth: `{ psk: "${KEY}" }` });

function made(isNative: boolean, file = FILE) {
  return readSpecial('sensor.yaml', file, { ccm: isNative, hmac: isNative, x25519: isNative }, 'jerryscript');
}

test('sizes: with portable cryptography, and native', { timeout: 600000 }, async () => {
  // Goals: 24,000 and 16,000. The budgets keep the present sizes.
  for (const [isNative, budget] of [
    [false, 40300],
    [true, 33700],
  ] as const) {
    const { constants } = made(isNative);
    const options = { hasSpans: isNative };
    const { parts, octets, variable } = await reportOf(constants, options);
    const text = await deviceText(constants, 'jerryscript', options);
    assert.equal(octets, text.length, 'every octet is told');
    assert.ok(octets <= budget, `${octets} octets: ${JSON.stringify(parts)}`);
    assert.ok(octets > budget - 4000, `${octets} octets: a lower budget fits`);
    assert.ok(parts.every((part) => part.octets > 0) && parts.some(({ part }) => part === 'IKEv2'));
    assert.equal(
      variable.reduce((sum, field) => sum + field.octets, 0),
      constants.dataSize,
    );
  }
});

test('ciphers and key exchanges: what the file names, and of the defaults the first', () => {
  const of = (connection: string, p256 = false) => {
    const file = fileOf(1, { top: 'interval: 1\ncount: 3', connection });
    const native = { ccm: false, hmac: false, x25519: false, p256 };
    const { constants, data } = readSpecial('sensor.yaml', file, native, 'node');
    const { ikeCiphers, ikeGcm, keMethods, keMethod, otherKe } = constants;
    const blob = Buffer.from(specialBlob({ constants, data })).toString('hex');
    return { facts: [ikeCiphers, ikeGcm, keMethods, keMethod, otherKe], blob };
  };
  assert.deepEqual(of('').facts, [1, 0, 1, 31, 0]);
  assert.deepEqual(of('', true).facts, [1, 0, 1, 31, 0]);
  assert.deepEqual(of('  ike: { proposals: [aes-ccm-16, chacha20-poly1305, aes-gcm-16] }').facts, [2, 2, 1, 31, 0]);
  assert.deepEqual(of('  ike: { proposals: [aes-gcm-16] }').facts, [1, 1, 1, 31, 0]);
  const both = '  ike: { ke: [p256, x25519] }';
  assert.deepEqual(of(both).facts, [1, 0, 1, 31, 0]);
  assert.deepEqual(of(both, true).facts, [1, 0, 2, 19, 31]);
  // `provision` does not know whether the program has the hook.
  assert.equal(of(both).blob, of(both, true).blob);
  assert.notEqual(of(both).blob, of('').blob);
});

test('no text has a secret', { timeout: 600000 }, async () => {
  const special = made(true);
  const forms = [KEY, Buffer.from(KEY).toString('hex'), Buffer.from(KEY).toString('base64')];
  const joined = await joinDevice(special.constants);
  const texts = [joined, JSON.stringify(special.constants)];
  for (const engine of ['lua', 'duktape', 'jerryscript'] as DeviceEngine[]) {
    texts.push(await engineText(joined, engine));
  }
  for (const text of texts) for (const form of forms) assert.ok(!text.includes(form));
  assert.ok(Buffer.from(specialBlob(special)).includes(KEY));
});

test('what cannot be specialised is refused where it stands, with what to use instead', () => {
  const refusal = (file: string): string => {
    try {
      made(false, file);
    } catch (error) {
      return (error as Error).message;
    }
    return 'taken';
  };
  assert.equal(refusal(FILE), 'taken');
  const cases: [connection: string, wanted: RegExp][] = [
    ['  ike: { proposals: [aes-cbc-256-sha256] }', /^sensor\.yaml:\d+: connection\.ike\.proposals: .* --general\)$/],
    ['  child: { esp: [aes-cbc-hmac] }', /^sensor\.yaml:\d+: connection\.child\.esp/],
  ];
  for (const [connection, wanted] of cases) {
    const said = refusal(fileOf(1, { top: 'interval: 1', connection }));
    assert.match(said, wanted);
    assert.ok(!said.includes(KEY));
  }
  // P-256 is the hook's alone.
  const p256 = fileOf(1, { top: 'interval: 1', connection: '  ike: { ke: [p256] }' });
  assert.match(
    refusal(p256),
    /^sensor\.yaml:\d+: connection\.ike\.ke: .*must have X25519 \(P-256 needs a module .*--native p256/,
  );
  const nothing = FILE.replace('shortAddress: 1, extendedAddress: 0200000000000001', '').replace(', }', ' }');
  assert.match(refusal(nothing), /radio/);
});
