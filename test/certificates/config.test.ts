// Certificates in files of a gateway and of a sensor: what is taken, and errors that name file, field and limit, and no secret.

import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Note, setNote } from '../../core/ike/state/child.ts';
import type { Path } from '../../core/ike/state/path.ts';
import type { Setup } from '../../core/ike/state/setup.ts';
import { createComparison } from '../../targets/node/gateway/comparison.ts';
import { createConnections } from '../../targets/node/gateway/connections.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { refusalOf } from '../../targets/node/host/certificates/signatures.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { packageMissing } from '../support/packages.ts';
import { openPki, type Pki } from '../support/pki.ts';

const skip = packageMissing('openssl');

let opened: Pki | undefined;
const pki = (): Pki => (opened ??= openPki());
after(() => opened?.close());

function sensorWith(auth: object, remoteId: string | undefined = 'fqdn:gateway.test') {
  const connection = { localId: 'fqdn:device.test', ...(remoteId === '' ? {} : { remoteId }), auth };
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
  // Of the same name and serial number, and signed by another key.
  const twin = openPki();
  const alien = twin.crl('alien', twin.issue('root', { isCa: true }), []);
  const alienCrl = join(pki().folder, 'alien.crl');
  writeFileSync(alienCrl, readFileSync(alien));
  twin.close();
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

  assert.throws(() => sensorWith(auth, ''), /remoteId.*is required with ca: any other device/s);
  assert.equal(sensorWith(auth, '*').remoteId, null);
  const further = { certificate: other.chain, privateKey: other.key };
  assert.notEqual(print(auth), print({ ...auth, furtherKeys: [further] }));
  assert.equal(sensorWith({ ...auth, furtherKeys: [further, { privateKey: root.key }] }).localAuth, 14);
  const cases: [object, RegExp][] = [
    [
      { ...auth, furtherKeys: [further, { ...further, privateKey: device.key }] },
      /furtherKeys\[1\]\.privateKey.*is not the key/,
    ],
    [{ ...auth, furtherKeys: [{ certificate: other.chain }] }, /auth\.furtherKeys\[0\].*privateKey/],
    [{ ca: [root.certificate], furtherKeys: [further] }, /auth\.privateKey.*is required with furtherKeys/],
    [{ ...auth, furtherKeys: Array(9).fill(further) }, /auth\.furtherKeys.*8/],
    [{ ...auth, privateKey: other.key }, /auth\.privateKey.*is not the key of the first certificate/],
    [{ ...auth, privateKey: undefined }, /auth\.privateKey.*is required with certificate/],
    [{ ...auth, privateKey: small.key, certificate: undefined }, /RSA with 1024 bits: at least 2048/],
    [{ ...auth, certificate: junk }, /auth\.certificate.*junk\.pem: has no CERTIFICATE/],
    [{ ...auth, certificate: torn }, /auth\.certificate.*torn\.pem: CERTIFICATE 1: /],
    [{ ...auth, certificate: join(pki().folder, 'none.pem') }, /auth\.certificate.*none\.pem/],
    [{ ...auth, ca: [device.certificate] }, /auth\.ca\[0\].*CN=device is no CA certificate/],
    [{ ...auth, ca: undefined }, /auth\.ca.*is required without psk/],
    [{ ...auth, crl: [junk] }, /auth\.crl\[0\].*has no X509 CRL/],
    [{ ...auth, crl: [alienCrl] }, /auth\.crl\[0\].*alien\.crl: is not signed by CN=root/],
    [{ ...auth, crlRequired: true }, /auth\.crlRequired.*needs crl/],
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

test('a reload reads the revocation lists again', { skip }, async () => {
  const root = pki().issue('reload-root', { isCa: true });
  const own = pki().issue('reload-gateway', { by: root, names: 'DNS:gateway.test' });
  const peer = pki().issue('reload-device', { by: root, names: 'DNS:device.test' });
  const read = () => {
    const auth = { certificate: own.chain, privateKey: own.key, ca: [root.certificate], crl: ['list.crl'] };
    const connection = { localId: 'fqdn:gateway.test', auth };
    const file = { addresses: ['fd00::1'], udp: [{ address: '::1' }], connection };
    return readGateway(join(pki().folder, 'gateway.yaml'), JSON.stringify(file)).config.ike;
  };
  writeFileSync(join(pki().folder, 'list.crl'), readFileSync(pki().crl('none-revoked', root, [])));
  const before = read();
  const connections = createConnections(before, 0);
  const path = { port: 0, local: new Uint8Array(4), remote: new Uint8Array(4) } as Path;
  const reasonNow = (): string => {
    const signatures = connections.policyOn(connections.find(2, Buffer.from('device.test'))!, path, false).signatures!;
    const setup = { notes: [] as Note[] } as unknown as Setup;
    const body = Buffer.concat([Buffer.of(4), peer.der]);
    setNote(setup.notes, 'certificates', Buffer.concat([Buffer.of(body.length >> 8, body.length & 255), body]));
    signatures.check(
      setup,
      Buffer.from('02000000' + Buffer.from('device.test').toString('hex'), 'hex'),
      Buffer.of(1),
      Buffer.of(0),
    );
    return refusalOf({ signatures });
  };
  assert.equal(reasonNow(), 'its signature is wrong');
  const mark = (): string => Buffer.from(connections.list[0].policy.signatures!.mark!).toString('hex');
  const marked = mark();
  connections.follow(read());
  assert.equal(mark(), marked);
  writeFileSync(join(pki().folder, 'list.crl'), readFileSync(pki().crl('one-revoked', root, [peer])));
  const old = connections.list[0];
  connections.follow(read());
  // Tickets from before are void.
  assert.notEqual(mark(), marked);
  assert.match(reasonNow(), /CN=reload-device: is revoked/);
  // An IKE SA that is up goes on.
  assert.equal(createComparison()(old, connections.list[0]), 'same');
});
