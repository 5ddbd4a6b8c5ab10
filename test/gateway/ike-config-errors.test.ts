// Files that must be refused: keys in places that would be shown, peers that never match, invalid keys.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspectGatewayConfig } from '../../targets/node/gateway/config.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';

const KEY = 'c0ffee11'.repeat(8);

function errorOf(auth: string, more = ''): string {
  const text = `radios: [{ zep: { port: 0 }, panId: 1 }]\n${more}connection:\n  localId: fqdn:gateway\n  ${auth}\n`;
  try {
    readGateway('g.yaml', text);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

const SECRET = /c0ffee|hunter2|MC4CAQ/;
for (const auth of [
  `auth: { privateKey: ${KEY.slice(1)}, publicKey: ${KEY} }`,
  `auth: { privateKey: "${KEY.slice(0, 32)} ${KEY.slice(32)}", publicKey: ${KEY} }`,
  `auth: { privateKey: MC4CAQAwBQYDK2VwBCIEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g, publicKey: ${KEY} }`,
  'auth: hunter2',
  'auth: [hunter2]',
  'auth: { psk: [hunter2] }',
  'auth: { psk: *hunter2 }',
  'auth: { psk: !hunter2 a }',
  'auth: { psk: "a" hunter2 }',
  'auth: { psk: hunter2, psk: hunter2 }',
  'auth: { psk: a }\n  ppk: hunter2',
  'auth: { psk: a }\n  ppk: { id: a, key: hunter2 }',
]) {
  test(`no key in the error of ${auth.replaceAll('\n', '\\n')}`, () => {
    const text = errorOf(auth);
    assert.match(text, /^g\.yaml/);
    assert.doesNotMatch(text, SECRET);
  });
}

test('a file of a key that cannot be read is named', () => {
  assert.equal(
    errorOf(`auth: { privateKey: /no-such-folder/key.pem, publicKey: ${KEY} }`),
    'g.yaml:4: connection.auth.privateKey: /no-such-folder/key.pem: no such file or directory',
  );
});

test('peers that never count: the same identity twice, one behind `*`', () => {
  const peers = (list: string) => errorOf('auth: { psk: a }', `peers: [${list}]\n`);
  const fqdn = '{ remoteId: "fqdn:a" }';
  assert.equal(
    peers(`${fqdn}, { remoteId: "*" }, ${fqdn}`),
    'g.yaml:2: peers[2].remoteId: fqdn:a: is taken by peer1, which stands before',
  );
  assert.match(peers(`{ remoteId: "*" }, ${fqdn}`), /^g\.yaml:2: peers\[1\]\.remoteId: fqdn:a: is taken by peer1/);
  assert.match(peers('{}, { name: other }'), /^g\.yaml:2: peers\[1\]\.remoteId: \*: is taken by peer1/);
  assert.equal(peers(`${fqdn}, { remoteId: "fqdn:b" }, { remoteId: "*" }`), '');
});

test('public keys of small order, for which anybody can sign', () => {
  const last = (first: string, octet: string) => first.padEnd(62, 'f') + octet;
  const points = [
    '00'.repeat(32),
    '01'.padEnd(64, '0'),
    '01'.padEnd(62, '0') + '80',
    last('ec', '7f'),
    last('ec', 'ff'),
  ];
  for (const key of points) {
    assert.match(errorOf(`auth: { psk: a, publicKey: "${key}" }`), /publicKey: .*: must not be of small order/);
  }
  assert.equal(errorOf(`auth: { psk: a, publicKey: ${KEY} }`), '');
});

test('a file of another kind: its first errors, and that there are more', () => {
  const text = Array.from({ length: 3000 }, (_, i) => `a${i}: 1\n`).join('');
  assert.throws(
    () => readGateway('lock.json', text),
    (error: Error) => {
      const lines = error.message.split('\n');
      assert.equal(lines.length, 101);
      assert.match(lines[0], /^lock\.json:1: a0: unknown field/);
      assert.equal(lines[100], 'lock.json: more than 100 errors; the rest is not shown');
      return true;
    },
  );
});

const WORKERS = `workers: 2
udp: [{ address: "127.0.0.1" }]
tun: { addresses: ["2001:db8:1::1/64"], routes: ["2001:db8:7::/64"] }
connection: { localId: fqdn:gateway, auth: { psk: a } }
`;
function workersError(change: (text: string) => string): string {
  try {
    const { config: read } = readGateway('g.yaml', change(WORKERS));
    inspectGatewayConfig(read, (error) => {
      throw error;
    });
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

for (const [what, change, why] of [
  ['nothing wrong', (text: string) => text, ''],
  ['17 workers', (text: string) => text.replace('workers: 2', 'workers: 17'), 'must be 0..16'],
  ['no tun', (text: string) => text.replace(/tun: .*\n/, ''), 'must be 0 without tun'],
  [
    'no udp',
    (text: string) => text.replace(/udp: .*/, 'radios: [{ zep: { port: 0 }, panId: 1 }]'),
    'must be 0 without udp',
  ],
  ['udpIo: node', (text: string) => `${text}udpIo: node\n`, 'must be 0 with udpIo: node'],
  [
    'flows',
    (text: string) => `${text}flows: [{ destination: "2001:db8:2::1", port: 1, to: "127.0.0.1:1" }]\n`,
    'must be 0 with flows',
  ],
  ['pcap', (text: string) => `${text}pcap: { path: /tmp/x }\n`, 'must be 0 with pcap'],
  ['mtu', (text: string) => `${text}mtu: {}\n`, 'must be 0 with mtu'],
  [
    'a cluster',
    (text: string) => `${text}stateKey: seal.key\ncluster: { servers: ["nats://127.0.0.1:4222"], name: g1 }\n`,
    'must be 0 with cluster',
  ],
] as const) {
  test(`workers and ${what}`, () => {
    const text = workersError(change);
    if (why === '') assert.equal(text, '');
    else assert.match(text, new RegExp(`workers.*${why}`));
  });
}
