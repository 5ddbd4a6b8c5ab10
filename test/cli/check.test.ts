// `--check`: all errors of a file at once, with suggestions, as text and as data. With files of others, messages must contain
// no keys, and reading must end.

import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { readSas } from '../../targets/node/host/config/sa.ts';
import { parseConfig, readText } from '../../targets/node/host/document.ts';
import { FieldError, FieldErrors, faultsOf } from '../../targets/node/host/errors.ts';
import { editDistance, nearest } from '../../targets/node/host/suggest.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { checkFile } from '../../targets/node/tools/check-file.ts';
import { dietesp, EXAMPLES, scratch } from './run.ts';

const files = scratch();
const KEY = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';

const BROKEN = `radios: [{ zep: { prot: 0 }, panId: 0x1ffff }]
addresses: ["10.0.0.1", "fd00::1", "here"]
connection:
  localID: fqdn:gateway.example
  auth: { pks: hunter2 }
  ike: { proposals: [aes-ccm-9, des], nat: atuo, dpd: -1 }
  child: { local: ["::1/200"], esn: maybe }
peers:
  - { remoteId: fqdn:a, resumption: soon }
  - { remoteId: b }
flows: [{ destination: x, port: 1 }]
`;

test('a gateway: every error of the file, in its order', () => {
  const errors = faultsOf(errorOf(() => readGateway('g.yaml', BROKEN)));
  assert.deepEqual(
    errors.map(({ message }) => message.replace(/must be one of .*(?=; did)/, '...')),
    [
      'g.yaml:1: radios[0].zep.prot: unknown field; did you mean `port`?',
      'g.yaml:1: radios[0].panId: 131071: must be 0..65534',
      'g.yaml:2: addresses[0]: 10.0.0.1: must be an IPv6 address',
      'g.yaml:2: addresses[2]: here: must be an IPv6 address',
      'g.yaml:4: connection.localID: unknown field; did you mean `localId`?',
      'g.yaml:5: connection.auth.pks: unknown field; did you mean `psk`?',
      'g.yaml:6: connection.ike.nat: atuo: ...; did you mean `auto`?',
      'g.yaml:6: connection.ike.dpd: -1: must be 0..31536000',
      'g.yaml:6: connection.ike.proposals[0]: aes-ccm-9: ...; did you mean `aes-ccm-8`?',
      `g.yaml:7: connection.child.esn: maybe: must be one of off, on, both, none`,
      'g.yaml:7: connection.child.local[0]: ::1/200: must be any, any4, any6, dynamic, an address, PREFIX/LENGTH or FIRST-LAST',
      'g.yaml:9: peers[0].resumption: soon: must be a number',
      'g.yaml:10: peers[1].remoteId: b: must be fqdn:NAME, keyid:HEX, keyid:"TEXT", ipv6:ADDRESS or ipv4:ADDRESS',
      'g.yaml:11: flows[0].to: (missing): is required',
      'g.yaml:11: flows[0].destination: x: must be an IP address',
    ],
  );
});

function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

test('a sensor and SAs: the same', () => {
  const sensor = `radio: { zep: {}, panId: 1 }\naddress: fd00::2\ngateway: { adress: "fd00::1" }\nintervall: 3\ncount: many
connection: { localId: x, auth: { psk: a } }\nserver: { port: 70000 }\n`;
  assert.deepEqual(
    faultsOf(errorOf(() => readSensor('s.yaml', sensor))).map(({ line, path }) => [line, ...path]),
    [
      [3, 'gateway', 'adress'],
      [3, 'gateway', 'link'],
      [4, 'intervall'],
      [5, 'count'],
      [6, 'connection', 'localId'],
      [7, 'server', 'address'],
      [7, 'server', 'port'],
    ],
  );
  const sas = `sas:\n  - { esp_spi: xyz, esp_encr: AES_CCM, ipsec_mode: transport }\n  - { esp_spi: "1000", esp_encr: AES_CCM_8, esn: 1 }\n`;
  const error = errorOf(() => readSas(parseConfig('a.yaml', sas)));
  assert.ok(error instanceof FieldErrors);
  assert.deepEqual(
    error.errors.map(({ line, path }) => [line, ...path]),
    [
      [2, 'sas', 0, 'esp_spi'],
      [2, 'sas', 0, 'esp_encr'],
      [3, 'sas', 1, 'esn'],
      [3, 'sas', 1, 'tunnel_ip'],
    ],
  );
});

test('--check prints them and exits 1; --json gives them as data', async () => {
  const file = files.file('broken.yaml', BROKEN);
  const text = await dietesp('gateway', '--config', file, '--check');
  assert.equal(text.code, 1);
  assert.equal(text.stdout, '');
  const lines = text.stderr.trimEnd().split('\n');
  assert.equal(lines.length, 15);
  assert.ok(
    lines.every((line) => line.startsWith(`${file}:`)),
    text.stderr,
  );
  const json = await dietesp('gateway', '--config', file, '--check', '--json');
  assert.equal(json.code, 1);
  const view = JSON.parse(json.stdout) as { good: boolean; errors: Record<string, unknown>[] };
  assert.equal(view.good, false);
  assert.deepEqual(view.errors[1], {
    file,
    line: 1,
    path: 'radios[0].panId',
    value: '131071',
    limit: 'must be 0..65534',
  });
  assert.ok(!text.stderr.includes('hunter2') && !json.stdout.includes('hunter2'));
});

test('check tells the kinds of the examples apart', () => {
  const kinds = {
    'gateway.yaml': 'gateway',
    'gateway-udp.yaml': 'gateway',
    'many-peers.yaml': 'gateway',
    'sensor-ike.yaml': 'sensor',
    'sensor-udp.yaml': 'sensor',
  };
  for (const [name, kind] of Object.entries({ ...kinds, 'sensor.yaml': 'sa', 'tunnel.yaml': 'sa' })) {
    const checked = checkFile(join(EXAMPLES, name));
    assert.equal(checked.kind, kind, name);
    assert.deepEqual(checked.errors, []);
    assert.match(checked.summary, /: good\n/);
  }
  // What only the core can judge.
  const text = readText(join(EXAMPLES, 'tunnel.yaml')).replace('esp_spi_lsb: 0', 'esp_spi_lsb: 7');
  assert.match(JSON.stringify(checkFile(files.file('sum.yaml', text)).errors), /multiple of 8/);
});

for (const auth of ['[hunter2]', '{ psk: { a: hunter2 } }', '{ hunter2: }', '{ privateKey: [hunter2] }', 'hunter2']) {
  for (const [from, make] of [
    ['connection', (text: string) => `connection: { localId: "fqdn:g", auth: ${text} }`],
    ['around', (text: string) => `connection: [{ auth: ${text} }]`],
    ['peers', (text: string) => `connection: { localId: "fqdn:g" }\npeers: [{ auth: ${text} }, [${text}]]`],
  ] as const) {
    test(`no secret in the errors of auth: ${auth} in ${from}`, () => {
      const error = errorOf(() => readGateway('g.yaml', `radios: [{ zep: {}, panId: 1 }]\n${make(auth)}\n`));
      assert.ok(error instanceof FieldErrors || error instanceof FieldError, String(error));
      assert.ok(!error.message.includes('hunter2'), error.message);
      assert.ok(!JSON.stringify(faultsOf(error)).includes('hunter2'));
    });
  }
}

test('keys of SAs are not shown, whatever stands in their place', () => {
  for (const key of ['{ a: c0ffee }', '[c0ffee]', 'c0ffee0', '[[c0ffee]]']) {
    for (const text of [`esp_spi: "1000"\nesp_encr: AES_CCM_8\nkey: ${key}\n`, `sas: { key: ${key} }\n`]) {
      const error = errorOf(() => readSas(parseConfig('a.yaml', text))) as Error;
      assert.doesNotMatch(error.message, /c0ffee/);
    }
  }
});

test('files without end, in themselves, too long, not UTF-8', () => {
  assert.throws(() => readText('/dev/zero'), /\/dev\/zero: is a device, not a file/);
  assert.throws(() => readText(files.file('long', 'a'.repeat(1100000))), /longer than 1048576 octets/);
  const latin1 = files.file('latin1.yaml', Buffer.from('a: 1\npsk: caf\xe9\nb: 2\n', 'latin1'));
  assert.throws(() => readText(latin1), { message: `${latin1}:2: must be UTF-8` });
  const key = (name: string) =>
    errorOf(() =>
      readGateway(
        'g.yaml',
        `radios: [{ zep: {}, panId: 1 }]\nconnection:\n  localId: fqdn:g\n  auth: { privateKey: ${name}, publicKey: ${KEY} }\n`,
      ),
    ) as Error;
  assert.equal(key('/dev/zero').message, 'g.yaml:4: connection.auth.privateKey: /dev/zero: is a device, not a file');
  for (const text of ['a: &x [*x]\n', 'a: &x { b: *x }\n', `a: ${'['.repeat(70)}${']'.repeat(70)}\n`]) {
    assert.throws(() => parseConfig('loop.yaml', text), /^FieldError: loop\.yaml:1: .*nested too deep/);
  }
  assert.throws(() => parseConfig('deep.yaml', '['.repeat(200000)), /^FieldError: deep\.yaml:\d+: /);
});

test('a key file that others may read: a warning, once', async () => {
  const name = files.file('key', KEY);
  const text = `udp: [{ address: "::1", port: 0, natPort: 0 }]
connection: { localId: "fqdn:g", auth: { privateKey: ${name}, publicKey: ${KEY.replace('00', '02')} } }\n`;
  const file = files.file('warn.yaml', text);
  chmodSync(name, 0o644);
  const { code, stderr } = await dietesp('gateway', '--config', file, '--check');
  assert.equal(code, 0, stderr);
  assert.equal(stderr, `warning: ${name}: others may read the key in it (mode 0644); chmod 600 closes it\n`);
  chmodSync(name, 0o600);
  assert.deepEqual(readGateway(file, text).warnings, []);
});

test('a file that holds a key and that others may read: a warning', async () => {
  const gateway = `udp: [{ address: "::1", port: 0, natPort: 0 }]
connection: { localId: "fqdn:g", auth: { psk: hunter2 } }\n`;
  const sa = readText(join(EXAMPLES, 'tunnel.yaml'));
  for (const [name, text] of [
    ['own.yaml', gateway],
    ['own-sa.yaml', sa],
  ]) {
    const file = files.file(name, text);
    assert.deepEqual(checkFile(file).warnings, []);
    chmodSync(file, 0o640);
    const { code, stderr } = await dietesp('check', file);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, `warning: ${file}: others may read the key in it (mode 0640); chmod 600 closes it\n`);
  }
});

test('an SA: all that the core refuses, and SAs that a receiver cannot tell apart', () => {
  const text = readText(join(EXAMPLES, 'tunnel.yaml'));
  const wrong = text
    .replace('esp_spi_lsb: 0', 'esp_spi_lsb: 7')
    .replace('salt: a0a1a2', 'salt: a0a1a2a3')
    .replace('[5001, 5001]', '[5001, 5000]');
  const { errors } = checkFile(files.file('three.yaml', wrong));
  assert.deepEqual(
    errors.map(({ path }) => path.join('.')),
    ['esp_sn_lsb', 'salt', 'ts_port_src'],
  );
  const one = parseConfig('one.yaml', text).data as Record<string, unknown>;
  const twice = JSON.stringify({
    sas: [
      { ...one, esp_spi_lsb: 8, esp_sn_lsb: 8 },
      { ...one, esp_spi_lsb: 8, esp_sn_lsb: 8 },
    ],
  });
  const same = checkFile(files.file('same.json', twice));
  assert.deepEqual(
    same.errors.map(({ path }) => path),
    [['sas', 1, 'esp_spi']],
  );
  assert.match(same.errors[0].limit, /overlap/);
});

test('a gateway: what its start refuses of the SAs of its file', () => {
  const one = parseConfig('one.yaml', readText(join(EXAMPLES, 'tunnel.yaml'))).data as { tunnel_ip: string[] };
  const both = { ...one, esp_spi_lsb: 8, esp_sn_lsb: 8 };
  const sas = files.file(
    'two.json',
    JSON.stringify({ sas: [both, both, { ...both, replay_window: 64, esp_sn_lsb: 7 }] }),
  );
  const text = (address: string): string => `radios: [{ zep: {}, panId: 1 }]\naddresses: ["${address}"]\nsas: ${sas}\n`;
  const first = checkFile(files.file('start.yaml', text(one.tunnel_ip[1])), 'gateway');
  assert.deepEqual(
    first.errors.map(({ file, path }) => [file, ...path]),
    [[sas, 'sas', 2, 'esp_sn_lsb']],
  );
  files.file('two.json', JSON.stringify({ sas: [both, both] }));
  for (const address of one.tunnel_ip) {
    const { errors } = checkFile(files.file('start.yaml', text(address)), 'gateway');
    assert.deepEqual(
      errors.map(({ file, path }) => [file, ...path]),
      [[sas, 'sas', 1, 'esp_spi']],
      address,
    );
  }
});

test('what was meant', () => {
  assert.equal(editDistance('adress', 'address'), 1);
  assert.equal(editDistance('pks', 'psk'), 1);
  assert.equal(editDistance('', 'abc'), 3);
  assert.equal(nearest('remoteid', ['localId', 'remoteId']), 'remoteId');
  assert.equal(nearest('esp_sn_lbs', ['esp_spi_lsb', 'esp_sn_lsb']), 'esp_sn_lsb');
  assert.equal(nearest('aes_ccm_8_iv', ['aes-ccm-8-iiv', 'aes-gcm-16']), 'aes-ccm-8-iiv');
  for (const word of ['zebra', '24', '', 'x'.repeat(1000)]) assert.equal(nearest(word, ['address', '64']), undefined);
});

test('what is no single YAML document is told in words for a reader of the file', () => {
  const cases: [string, string][] = [
    ['', 'is empty'],
    ['# nothing yet\n', 'is empty'],
    ['['.repeat(20000) + ']'.repeat(20000), 'nested too deep'],
    ['{"a":'.repeat(20000) + '1' + '}'.repeat(20000), 'nested too deep'],
  ];
  for (const [text, problem] of cases) {
    assert.equal((errorOf(() => readGateway('g.yaml', text)) as Error).message, 'g.yaml:1: ' + problem);
  }
  const twice = errorOf(() => readGateway('g.yaml', 'pool: []\n---\npool: []\n')) as Error;
  assert.equal(twice.message, 'g.yaml:2: a second document begins here; a file holds one');
});
