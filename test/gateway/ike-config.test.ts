// Files of gateways and sensors: their meaning, and every error with file, line, field, value and limit.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { AUTH_DIGITAL_SIGNATURE, AUTH_SHARED_KEY, ID_FQDN, ID_KEY_ID } from '../../core/ike/codec/numbers.ts';
import { NAT_FORCE } from '../../core/ike/state/policy.ts';
import { type LoadedGateway, loadGatewayFile, readGateway } from '../../targets/node/gateway/file.ts';
import { GATEWAY_SCHEMA, SENSOR_SCHEMA } from '../../targets/node/host/config/ike-files.ts';
import { identityText, parseIdentity } from '../../targets/node/host/config/ike-names.ts';
import { policyFor } from '../../targets/node/host/config/ike-policy.ts';
import { schemaMarkdown } from '../../targets/node/host/config/schema-doc.ts';
import { type LoadedSensor, loadSensorFile, readSensor } from '../../targets/node/sensor/file.ts';
import { EXAMPLES, scratch } from '../cli/run.ts';

const files = scratch();

const GATEWAY = `radios: [{ zep: { port: 0 }, panId: 0xabcd, shortAddress: 0 }]
addresses: ["fd00::1"]
connection:
  localId: fqdn:gateway.example
  auth: { psk: secret }
`;
const SENSOR = `radio: { zep: { port: 0 }, panId: 0xabcd, shortAddress: 1 }
address: fd00::2
gateway: { address: "fd00::1", link: 0000 }
connection:
  localId: fqdn:sensor1.example
  auth: { psk: secret }
`;

const gatewayOf = (more: string, base = GATEWAY): LoadedGateway => readGateway('g.yaml', base + more);
const sensorOf = (more: string, base = SENSOR): LoadedSensor => readSensor('s.yaml', base + more);

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return '(accepted)';
}

test('the smallest files: everything else has a default', () => {
  const { config, metrics, keylog } = gatewayOf('');
  assert.equal(metrics, 0);
  assert.equal(keylog, null);
  assert.equal(config.idle, 300000);
  const [{ policy, remote, name }] = config.ike.connections;
  assert.equal(name, 'peer1');
  assert.equal(policy.remoteId, null);
  assert.deepEqual([policy.localAuth, policy.remoteAuth], [AUTH_SHARED_KEY, AUTH_SHARED_KEY]);
  assert.equal(Buffer.from(policy.psk).toString(), 'secret');
  assert.deepEqual(policy.localId, { type: ID_FQDN, data: Uint8Array.from(Buffer.from('gateway.example')) });
  assert.deepEqual(policy.ike[0].ke, [31, 19]);
  assert.deepEqual(policy.child.suites.map((suite) => suite.name).slice(0, 2), ['AES_CCM_8_IIV', 'AES_GCM_16_IIV']);
  assert.equal(policy.child.notify?.name, 'hcp');
  assert.equal(policy.transcript, true);
  assert.deepEqual(policy.announce, []);
  assert.equal(remote[0].isDynamic, true);
  const sensor = sensorOf('');
  assert.deepEqual(sensor.gateway.link, Uint8Array.of(0, 0), 'digits, not a number');
  assert.equal(sensor.gateway.port, 500);
  assert.equal(sensor.interval, 10000);
  assert.equal(sensor.server, null);
});

test('key exchanges: several in one entry are additional ones, in proposals of their own', () => {
  const offers = (ke: string): unknown[] =>
    gatewayOf(`  ike: { ke: [${ke}] }\n`).config.ike.connections[0].policy.ike.map((one) => [
      one.ke,
      one.extra?.list.map(({ type, id }) => [type, id]),
    ]);
  assert.deepEqual(offers('x25519-mlkem768, x25519, p256, X25519-p256-mlkem1024'), [
    [[31], [[6, 36]]],
    [[31, 19], []],
    [
      [31],
      [
        [6, 19],
        [7, 37],
      ],
    ],
  ]);
  // Without any of them nothing differs from before.
  assert.deepEqual(offers('x25519, p256'), [[[31, 19], undefined]]);
  assert.deepEqual(offers('mlkem512'), [[[35], undefined]], '800 octets go through a radio');
  const { child } = gatewayOf('  child: { ke: [x25519-mlkem768] }\n').config.ike.connections[0].policy;
  assert.deepEqual(child.esp[0].extra?.list, [{ type: 6, id: 36, attributes: new Uint8Array(0) }]);
});

test('ML-KEM first: over UDP, and where a gateway has UDP too', () => {
  const udp = SENSOR.replace(/^radio.*\naddress.*\n/, 'udp: { address: 127.0.0.1 }\n').replace(
    '"fd00::1", link: 0000',
    '127.0.0.1',
  );
  const ike = '  ike: { ke: [mlkem768] }\n';
  assert.deepEqual(sensorOf(ike, udp).connection.policy.ike[0].ke, [36]);
  assert.match(
    messageOf(() => sensorOf(ike)),
    /^s\.yaml:7: connection\.ike\.ke: .*mlkem768 must not come first over a radio/,
  );
  assert.deepEqual(gatewayOf(`${ike}udp: [{ address: 127.0.0.1 }]\n`).config.ike.connections[0].policy.ike[0].ke, [36]);
});

test('peers have the connection as default, field by field', () => {
  const { config } = gatewayOf(`  ike: { proposals: [aes-gcm-16-256, aes-cbc-sha256], dpd: 10, announceAuth: true }
  child: { esn: both }
peers:
  - { remoteId: 'keyid:0102', ike: { dpd: 20, nat: force }, optimizedRekey: false }
  - { name: b, remoteId: 'fqdn:b', auth: { pskHex: 00ff }, child: { mode: transport, ke: [p256] }, resumption: 0 }
`);
  const [a, b] = config.ike.connections;
  assert.deepEqual(
    a.policy.ike.map(({ ciphers, keyBits, integ }) => [ciphers, keyBits, integ]),
    [
      [[20], [256], []],
      [[12], [128], [12]],
    ],
  );
  assert.deepEqual(a.policy.announce, [AUTH_SHARED_KEY]);
  assert.equal(a.policy.dpdTime, 20000);
  assert.equal(a.policy.nat, NAT_FORCE);
  assert.equal(a.policy.optimizedRekey, false);
  assert.deepEqual(a.policy.remoteId, { type: ID_KEY_ID, data: Uint8Array.of(1, 2) });
  assert.deepEqual(a.policy.child.esp[0].sn, [1, 0]);
  assert.equal(b.policy.dpdTime, 10000);
  assert.deepEqual(b.policy.psk, Uint8Array.of(0, 255));
  assert.equal(b.policy.child.mode, 1);
  assert.deepEqual(b.policy.child.esp[0].ke, [19]);
  assert.deepEqual(b.policy.child.esp[0].sn, [1, 0]);
  assert.equal(b.policy.ticketLifetime, 0);
  assert.equal(b.name, 'b');
});

test('Ed25519 keys: hexadecimal, PEM, a file', () => {
  const pair = generateKeyPairSync('ed25519');
  const raw = Buffer.from(pair.publicKey.export({ format: 'jwk' }).x!, 'base64url');
  const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const name = files.file('public.pem', pair.publicKey.export({ type: 'spki', format: 'pem' }).toString());
  const text = `addresses: ["fd00::1"]
udp: [{ address: "::1" }]
connection:
  localId: fqdn:g
  auth:
    privateKey: |
${pem.trimEnd().replaceAll(/^/gm, '      ')}
    publicKey: ${name}
`;
  const { policy } = readGateway('g.yaml', text).config.ike.connections[0];
  assert.equal(policy.localAuth, AUTH_DIGITAL_SIGNATURE);
  assert.equal(policy.remoteAuth, AUTH_DIGITAL_SIGNATURE);
  assert.deepEqual(Buffer.from(policy.publicKey), raw);
  assert.equal(policy.privateKey.length, 32);
  const again = text.replace(name, raw.toString('hex'));
  assert.deepEqual(readGateway('g.yaml', again).config.ike.connections[0].policy.publicKey, policy.publicKey);
  const swapped = text.replace(name, files.file('private.pem', pem));
  // The public key is in a private one as well.
  assert.deepEqual(readGateway('g.yaml', swapped).config.ike.connections[0].policy.publicKey, policy.publicKey);
  const ec = (namedCurve: string): string => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve });
    return text.replace(
      name,
      files.file(`${namedCurve}.pem`, publicKey.export({ type: 'spki', format: 'pem' }).toString()),
    );
  };
  assert.match(
    messageOf(() => readGateway('g.yaml', ec('P-521'))),
    /publicKey: .*curve secp521r1 is not supported: P-256 or P-384/,
  );
});

test('selectors, and dynamic ones for a path', () => {
  const { config } = gatewayOf(`  child:
    local: ["2001:db8::/64", { ip: 10.0.0.1-10.0.0.9, proto: udp, ports: [5683, 5684] }]
    remote: [{ ip: dynamic, proto: 17, ports: 5683 }]
`);
  const [connection] = config.ike.connections;
  const [prefix, range] = connection.policy.child.local;
  assert.equal(Buffer.from(prefix.start).toString('hex'), '20010db8000000000000000000000000');
  assert.equal(Buffer.from(prefix.end).toString('hex'), '20010db800000000ffffffffffffffff');
  assert.deepEqual(range, {
    protocol: 17,
    startPort: 5683,
    endPort: 5684,
    start: Uint8Array.of(10, 0, 0, 1),
    end: Uint8Array.of(10, 0, 0, 9),
  });
  const there = new Uint8Array(16).fill(7);
  const { remote } = policyFor(connection, new Uint8Array(0), there, false).child;
  assert.deepEqual(remote, [{ protocol: 17, startPort: 5683, endPort: 5683, start: there, end: there }]);
});

test('compression: what the file says; over UDP all 32 bits of the SPI', () => {
  const { config } = gatewayOf(`  child:
    compression:
      notify: ehc
      required: true
      proposals: [{ dscp_cda: lower, flow_label_cda: [lower, zero], alignment: 8, esp_spi_lsb: 0..16, esp_sn_lsb: 4, esp_trailer: any }]
`);
  const [connection] = config.ike.connections;
  const { child } = connection.policy;
  assert.equal(child.notify?.name, 'ehc');
  assert.equal(child.compression?.required, true);
  assert.deepEqual(child.compression?.proposals[0].allowed, [[1, 1], [], [1, 1, 3, 3], [0, 0], [0, 16], [4, 4], []]);
  const none = new Uint8Array(0);
  const udp = policyFor(connection, none, none, true).child.compression!;
  assert.deepEqual(udp.proposals[0].allowed[4], [32, 32]);
  assert.deepEqual(udp.proposals[0].allowed[5], [8, 32], '32 + 4 bits are no octets');
  assert.deepEqual(child.compression?.proposals[0].allowed[4], [0, 16], 'the policy itself stays');
});

test('identities as text and back', () => {
  for (const text of ['fqdn:a.example', 'keyid:0102', 'ipv6:2001:db8::1', 'ipv4:192.0.2.1']) {
    const id = parseIdentity(text)!;
    assert.equal(identityText(id.type, id.data), text);
  }
  assert.equal(Buffer.from(parseIdentity('keyid:"swan"')!.data).toString(), 'swan');
  for (const text of ['', 'a', 'fqdn:', 'fqdn:a b', 'keyid:0', 'keyid:xy', 'ipv6:1.2.3.4', 'ipv4:::1', 'rfc822:a@b']) {
    assert.equal(parseIdentity(text), undefined, text);
  }
});

test('the sensor: one server gives narrow selectors', () => {
  const { connection, server } = sensorOf('server: { address: "2001:db8:2::1" }\ninnerAddress: "2001:db8:1::5"\n');
  assert.equal(server?.port, 5683);
  const [local] = connection.policy.child.local;
  const [remote] = connection.policy.child.remote;
  assert.deepEqual([local.protocol, local.startPort, local.endPort], [17, 5683, 5683]);
  assert.equal(Buffer.from(local.start).toString('hex'), '20010db8000100000000000000000005');
  assert.deepEqual(remote.start, remote.end);
  assert.equal(connection.policy.child.remote.length, 1);
});

test('examples load', () => {
  for (const name of ['gateway.yaml', 'gateway-udp.yaml']) {
    assert.ok(loadGatewayFile(`${EXAMPLES}/${name}`).config.ike.connections.length > 0);
  }
  assert.equal(loadSensorFile(`${EXAMPLES}/sensor-udp.yaml`).connection.policy.requestAddress, 8);
  assert.equal(loadSensorFile(`${EXAMPLES}/sensor-ike.yaml`).connection.policy.requestAddress, 8);
});

test('every field is in the documentation', () => {
  const text = schemaMarkdown(GATEWAY_SCHEMA) + schemaMarkdown(SENSOR_SCHEMA);
  for (const name of ['connection.ike.nat', 'peers[].name', 'pool', 'tun.mtu', 'child.local[].ports', 'server.path']) {
    assert.ok(text.includes(`${name}\``), name);
  }
});

const BAD_GATEWAY: [string, RegExp][] = [
  ['radio: 1\n', /^g\.yaml:6: radio: unknown field; did you mean `radios`\?$/],
  ['halfOpenMax: 0\n', /^g\.yaml:6: halfOpenMax: 0: must be 1\.\.65535$/],
  ['attemptsPerSource: 0\n', /^g\.yaml:6: attemptsPerSource: 0: must be 1\.\.1000000$/],
  ['attempts: 0\n', /^g\.yaml:6: attempts: 0: must be 1\.\.1000000$/],
  ['cookieThreshold: -1\n', /^g\.yaml:6: cookieThreshold: -1: must be 0\.\.65535$/],
  ['maxMessage: 1000\n', /^g\.yaml:6: maxMessage: 1000: must be 1280\.\.65535$/],
  ['metrics: soon\n', /^g\.yaml:6: metrics: soon: must be a number$/],
  ['ticketKey: 00\n', /^g\.yaml:6: ticketKey: \(2 characters\): /],
  ['pool: ["2001:db8::/129"]\n', /^g\.yaml:6: pool\[0\]: 2001:db8::\/129: must be PREFIX\/LENGTH or FIRST-LAST$/],
  ['pool: ["10.0.0.9-10.0.0.1"]\n', /^g\.yaml:6: pool\[0\]: 10\.0\.0\.9-10\.0\.0\.1: must be/],
  ['contexts: ["fd00::"]\n', /^g\.yaml:6: contexts\[0\]: fd00::: must be PREFIX\/LENGTH/],
  ['udp: [{ port: 500 }]\n', /^g\.yaml:6: udp\[0\]\.address: \(missing\): is required$/],
  ['udp: [{ address: here }]\n', /^g\.yaml:6: udp\[0\]\.address: here: must be an IP address$/],
  ['udp: [{ address: "::", port: 70000 }]\n', /^g\.yaml:6: udp\[0\]\.port: 70000: must be 0\.\.65535$/],
  ['udp: [{ address: "::", natPort: 500 }]\n', /^g\.yaml:6: udp\[0\]\.natPort: 500: must not be that of IKE$/],
  ['neighbours: [{ address: x, link: 0001 }]\n', /^g\.yaml:6: neighbours\[0\]\.address: x: must be an IPv6 address$/],
  [
    'neighbours: [{ address: "::1", link: 01 }]\n',
    /^g\.yaml:6: neighbours\[0\]\.link: 01: must be 4 or 16 hexadecimal digits$/,
  ],
  ['flows: [{ destination: "::1", port: 1, to: x }]\n', /^g\.yaml:6: flows\[0\]\.to: x: must be HOST:PORT$/],
  ['tun: { name: "a name" }\n', /^g\.yaml:6: tun\.name: a name: must be/],
  ['tun: { mtu: 576 }\n', /^g\.yaml:6: tun\.mtu: 576: must be 1280\.\.4096$/],
  ['tun: { addresses: ["10.0.0.1"] }\n', /^g\.yaml:6: tun\.addresses\[0\]: 10\.0\.0\.1: must be ADDRESS\/LENGTH$/],
  ['log: { level: loud }\n', /^g\.yaml:6: log\.level: loud: must be one of error, warn, info, debug$/],
  ['privateNumbers: { dscp: 53735 }\n', /^g\.yaml:6: privateNumbers\.dscp: 53735: is hcpProposal too$/],
  ['privateNumbers: { dscp: 16384 }\n', /^g\.yaml:6: privateNumbers\.dscp: 16384: must be 40960\.\.65535$/],
  ['sas: no-such-file.yaml\n', /no-such-file\.yaml: no such file/],
  ['  remoteId: sensor\n', /^g\.yaml:6: connection\.remoteId: sensor: must be fqdn:NAME/],
  ['  resumption: -1\n', /^g\.yaml:6: connection\.resumption: -1: must be 0\.\.31536000$/],
  ['  maxChildren: 0\n', /^g\.yaml:6: connection\.maxChildren: 0: must be 1\.\.1000$/],
  ['  optimizedRekey: 1\n', /^g\.yaml:6: connection\.optimizedRekey: 1: must be true or false$/],
  ['  requestAddress: v6\n', /^g\.yaml:6: connection\.requestAddress: v6: must be one of none, ipv6, ipv4$/],
  ['  ppk: { key: 00 }\n', /^g\.yaml:6: connection\.ppk\.id: \(missing\): is required$/],
  [
    '  ppk: { id: a, key: 0x }\n',
    /^g\.yaml:6: connection\.ppk\.key: \(2 characters\): must be hexadecimal digits, two for each octet$/,
  ],
  ['  ike: { proposals: [des] }\n', /^g\.yaml:6: connection\.ike\.proposals\[0\]: des: must be one of aes-gcm-16, /],
  ['  ike: { proposals: [] }\n', /^g\.yaml:6: connection\.ike\.proposals: \[\]: must have 1 or more entries$/],
  [
    '  ike: { ke: [x448] }\n',
    /^g\.yaml:6: connection\.ike\.ke\[0\]: x448: must be x25519, p256, mlkem512, mlkem768, mlkem1024, or several with - between them/,
  ],
  [
    '  ike: { ke: [x25519-mlkem678] }\n',
    /^g\.yaml:6: connection\.ike\.ke\[0\]: x25519-mlkem678: must be x25519.*mlkem768`\?$/,
  ],
  [
    '  ike: { ke: [x25519-mlkem768-x25519] }\n',
    /^g\.yaml:6: connection\.ike\.ke\[0\]: x25519-mlkem768-x25519: must have each method once \[RFC 9370 §2\.2\.2\]$/,
  ],
  [
    '  ike: { ke: [x25519, mlkem768] }\n',
    /^g\.yaml:6: connection\.ike\.ke: \["x25519","mlkem768"\]: mlkem768 must not come first over a radio: IKE_SA_INIT cannot be fragmented and would pass 1,280 octets; /,
  ],
  [
    '  ike: { ke: [x25519-mlkem768], fragmentSize: 0 }\n',
    /^g\.yaml:6: connection\.ike\.ke: .*additional key exchanges over a radio need fragments/,
  ],
  ['  ike: { nat: maybe }\n', /^g\.yaml:6: connection\.ike\.nat: maybe: must be one of auto, off, force$/],
  ['  ike: { fragmentSize: 70000 }\n', /^g\.yaml:6: connection\.ike\.fragmentSize: 70000: must be 0\.\.65535$/],
  ['  ike: { nonceSize: 8 }\n', /^g\.yaml:6: connection\.ike\.nonceSize: 8: must be 16\.\.256$/],
  ['  ike: { tries: 0 }\n', /^g\.yaml:6: connection\.ike\.tries: 0: must be 1\.\.20$/],
  ['  ike: { retransmit: 0 }\n', /^g\.yaml:6: connection\.ike\.retransmit: 0: must be 0\.01\.\./],
  ['  child:\n    esp: [aes-ccm-16-iiv]\n', /^g\.yaml:7: connection\.child\.esp\[0\]: aes-ccm-16-iiv: must be one of /],
  ['  child: { mode: beet }\n', /^g\.yaml:6: connection\.child\.mode: beet: must be one of tunnel, transport$/],
  ['  child: { replayWindow: 33 }\n', /^g\.yaml:6: connection\.child\.replayWindow: 33: must be one of 0, 32/],
  ['  child: { dscp: [64] }\n', /^g\.yaml:6: connection\.child\.dscp\[0\]: 64: must be 0\.\.63$/],
  ['  child: { local: ["::1/200"] }\n', /^g\.yaml:6: connection\.child\.local\[0\]: ::1\/200: must be any, /],
  ['  child: { local: [{ ip: x }] }\n', /^g\.yaml:6: connection\.child\.local\[0\]\.ip: x: must be any, /],
  ['  child: { local: [{ proto: x }] }\n', /^g\.yaml:6: connection\.child\.local\[0\]\.proto: x: must be any, icmp/],
  ['  child: { local: [{ ports: 5 }] }\n', /^g\.yaml:6: connection\.child\.local\[0\]\.ports: 5: needs a protocol/],
  [
    '  child: { local: [{ proto: udp, ports: [2, 1] }] }\n',
    /^g\.yaml:6: connection\.child\.local\[0\]\.ports: \[2,1\]: must be first <= last$/,
  ],
  [
    '  child: { compression: { proposals: [{ alignment: 24 }] } }\n',
    /^g\.yaml:6: connection\.child\.compression\.proposals\[0\]\.alignment: 24: must be any or one of 8, 16, 32, 64$/,
  ],
  [
    '  child: { compression: { proposals: [{ esp_spi_lsb: [8, 33] }] } }\n',
    /^g\.yaml:6: connection\.child\.compression\.proposals\[0\]\.esp_spi_lsb\[1\]: 33: must be 0\.\.32, or a range/,
  ],
  ['peers: [{ remoteId: "*", localId: x }]\n', /^g\.yaml:6: peers\[0\]\.localId: x: must be fqdn/],
  ['peers: [{ name: a, remoteId: "fqdn:a" }, { name: a }]\n', /^g\.yaml:6: peers\[1\]\.name: a: is there twice$/],
];

for (const [more, pattern] of BAD_GATEWAY) {
  test(`refused: ${more.trim()}`, () =>
    assert.match(
      messageOf(() => gatewayOf(more)),
      pattern,
    ));
}

const BAD_BASES: [string, string, RegExp][] = [
  ['panId: 0xabcd', 'panId: 0xffff', /^g\.yaml:1: radios\[0\]\.panId: 65535: must be 0\.\.65534$/],
  ['zep: { port: 0 }, ', '', /^g\.yaml:1: radios\[0\]: no radio: must have one of/],
  ['panId: 0xabcd, ', '', /^g\.yaml:1: radios\[0\]\.panId: \(missing\): is required$/],
  ['"fd00::1"', '"10.0.0.1"', /^g\.yaml:2: addresses\[0\]: 10\.0\.0\.1: must be an IPv6 address$/],
  ['radios', '# radios', /^g\.yaml:2: radios: none: must be one or more$/],
  ['  localId: fqdn:gateway.example\n', '', /^g\.yaml:3: connection\.localId: \(missing\): is required$/],
  ['  auth: { psk: secret }\n', '', /^g\.yaml:3: connection\.auth: \(missing\): is required: psk/],
  [
    '{ psk: secret }',
    '{ psk: secret, pskHex: 00 }',
    /^g\.yaml:5: connection\.auth\.pskHex: \(2 characters\): psk is given/,
  ],
  ['{ psk: secret }', '{ psk: "" }', /^g\.yaml:5: connection\.auth\.psk: \(0 characters\): must be/],
  ['{ psk: secret }', '{ publicKey: 00 }', /^g\.yaml:5: connection\.auth\.publicKey: .*no such file/],
  ['{ psk: secret }', '{ }', /^g\.yaml:5: connection\.auth\.privateKey: \(missing\): is required without psk$/],
];

for (const [from, to, pattern] of BAD_BASES) {
  test(`refused: ${from} -> ${to || '(nothing)'}`, () => {
    assert.ok(GATEWAY.includes(from));
    assert.match(
      messageOf(() => gatewayOf('', GATEWAY.replace(from, to))),
      pattern,
    );
  });
}

const BAD_SENSOR: [string, string, RegExp][] = [
  ['address: fd00::2\n', '', /^s\.yaml:1: address: \(missing\): is required$/],
  ['address: fd00::2', 'address: 10.0.0.1', /^s\.yaml:2: address: 10\.0\.0\.1: must be an IPv6 address$/],
  [', link: 0000', '', /^s\.yaml:3: gateway\.link: \(missing\): is required$/],
  ['link: 0000', 'link: 00', /^s\.yaml:3: gateway\.link: 00: must be 4 or 16 hexadecimal digits$/],
  ['gateway: {', 'gateway: { port: 0x10000,', /^s\.yaml:3: gateway\.port: 65536: must be 0\.\.65535$/],
  ['panId: 0xabcd', 'panId: 0xffff', /^s\.yaml:1: radio\.panId: 65535: must be 0\.\.65534$/],
  ['connection:', 'udp: {}\nconnection:', /^s\.yaml:1: radio: radio and udp: must have one of `radio` and `udp`$/],
  ['connection:', 'interval: 0\nconnection:', /^s\.yaml:4: interval: 0: must be 0\.01\.\./],
  ['connection:', 'count: 1.5\nconnection:', /^s\.yaml:4: count: 1\.5: must be an integer$/],
  ['connection:', 'server: { port: 1 }\nconnection:', /^s\.yaml:4: server\.address: \(missing\): is required$/],
  ['connection:', 'server: { address: x }\nconnection:', /^s\.yaml:4: server\.address: x: must be an IP address$/],
  ['connection:', 'innerAddress: x\nconnection:', /^s\.yaml:4: innerAddress: x: must be an IP address$/],
];

for (const [from, to, pattern] of BAD_SENSOR) {
  test(`refused of a sensor: ${from.trim()} -> ${to.trim() || '(nothing)'}`, () => {
    assert.ok(SENSOR.includes(from));
    assert.match(
      messageOf(() => sensorOf('', SENSOR.replace(from, to))),
      pattern,
    );
  });
}
