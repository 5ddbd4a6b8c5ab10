// Certificates in files of a gateway and of a sensor: what is taken, and errors that name file, field and limit, and no secret.

import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { packageMissing } from '../support/packages.ts';
import { openPki, type Pki } from '../support/pki.ts';

const skip = packageMissing('openssl');

let opened: Pki | undefined;
const pki = (): Pki => (opened ??= openPki());
after(() => opened?.close());

function sensorWith(auth: object) {
  const connection = { localId: 'fqdn:device.test', remoteId: 'fqdn:gateway.test', auth };
  const udp = {
    udp: {},
    address: 'fd00::2',
    gateway: { address: '192.0.2.1' },
    server: { address: 'fd00:1::1' },
    connection,
  };
  return readSensor(join(pki().folder, 'sensor.yaml'), JSON.stringify(udp)).connection.policy;
}

test('what is wrong with certificates in a file', { skip }, () => {
  const root = pki().issue('root', { isCa: true });
  const device = pki().issue('device', { by: root, names: 'DNS:device.test' });
  const other = pki().issue('other', { by: root, kind: 'rsa' });
  const small = pki().issue('small', { by: root, kind: 'rsa1024' });
  const junk = join(pki().folder, 'junk.pem');
  writeFileSync(junk, 'nothing');
  const torn = join(pki().folder, 'torn.pem');
  const body = Buffer.from('30820100', 'hex').toString('base64');
  writeFileSync(torn, `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`);
  const crl = pki().crl('list', root, []);
  const auth = { certificate: device.chain, privateKey: device.key, ca: [root.certificate] };

  const policy = sensorWith({ ...auth, crl: [crl], crlRequired: true });
  assert.deepEqual([policy.localAuth, policy.remoteAuth, policy.signatures !== undefined], [14, 14, true]);
  // Of one side alone, with a pre-shared key for the other.
  assert.deepEqual(
    [
      sensorWith({ psk: 'x', ca: [root.certificate] }),
      sensorWith({ psk: 'x', certificate: device.chain, privateKey: device.key }),
    ].map(({ localAuth, remoteAuth }) => [localAuth, remoteAuth]),
    [
      [2, 14],
      [14, 2],
    ],
  );
  // A raw key of another kind than this side's: `signatures` has both.
  const open = createPublicKey(readFileSync(other.key)).export({ type: 'spki', format: 'pem' }).toString();
  const mixed = sensorWith({ privateKey: readFileSync(root.key, 'latin1'), publicKey: open });
  assert.deepEqual([mixed.localAuth, mixed.remoteAuth, mixed.publicKey.length], [14, 14, 0]);
  // Equal credentials count as equal, others do not.
  const print = (given: object): string => JSON.stringify(sensorWith(given).signatures);
  assert.equal(print(auth), print(auth));
  assert.notEqual(print(auth), print({ certificate: other.chain, privateKey: other.key, ca: [root.certificate] }));

  const cases: [object, RegExp][] = [
    [{ ...auth, privateKey: other.key }, /auth\.privateKey.*is not the key of the first certificate/],
    [{ ...auth, privateKey: undefined }, /auth\.privateKey.*is required with certificate/],
    [{ ...auth, privateKey: small.key, certificate: undefined }, /RSA with 1024 bits: at least 2048/],
    [{ ...auth, certificate: junk }, /auth\.certificate.*junk\.pem: has no CERTIFICATE/],
    [{ ...auth, certificate: torn }, /auth\.certificate.*torn\.pem: CERTIFICATE 1: /],
    [{ ...auth, certificate: join(pki().folder, 'none.pem') }, /auth\.certificate.*none\.pem/],
    [{ ...auth, ca: [device.certificate] }, /auth\.ca\[0\].*CN=device is no CA certificate/],
    [{ ...auth, ca: undefined }, /auth\.ca.*is required without psk/],
    [{ ...auth, crl: [junk] }, /auth\.crl\[0\].*has no X509 CRL/],
    [{ ca: [root.certificate] }, /auth\.privateKey.*is required without psk/],
    [{ ...auth, publicKey: readFileSync(device.key, 'latin1') }, /auth\.publicKey.*ca is given too|auth\.publicKey/],
  ];
  const secret = readFileSync(device.key, 'latin1').split('\n')[1];
  for (const [given, expected] of cases) {
    assert.throws(
      () => sensorWith(given),
      (error: Error) => {
        assert.match(error.message.replace(/\n/g, ' '), expected);
        assert.ok(!error.message.includes(secret));
        return true;
      },
      JSON.stringify(given),
    );
  }
});
