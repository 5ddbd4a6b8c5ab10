// Named peers of files: the same as peers of the configuration, every fault with its line, reload, and restart.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { GatewayConfig } from '../../targets/node/gateway/config.ts';
import { createConnections } from '../../targets/node/gateway/connections.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createGateway, type Gateway } from '../../targets/node/gateway/gateway.ts';
import { addressText } from '../../targets/node/host/addresses.ts';
import { parseIdentity } from '../../targets/node/host/config/ike-names.ts';
import type { Connection } from '../../targets/node/host/config/ike-policy.ts';
import { faultsOf } from '../../targets/node/host/errors.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { checkFile } from '../../targets/node/tools/check-file.ts';
import { ikeSensorOn } from './ike-support.ts';
import { airOn, echoFlow, memoryStore } from './support.ts';

const KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
const HEAD = `radios: [{ zep: { port: 0 }, panId: 1 }]
connection: { localId: fqdn:gateway, child: { replayWindow: 128 } }
profiles:
  - { name: keys, auth: { privateKey: ${'9d'.repeat(32)} }, ike: { dpd: 77 } }
  - { name: common, auth: { psk: shared }, child: { remote: ["10.0.0.0/8"] } }
`;

/** A folder with these files, and a gateway's text that reads its peers from `from`. */
function folderOf(t: TestContext, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-named-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  }
  return folder;
}

const load = (folder: string, from: string, head = HEAD) =>
  readGateway(join(folder, 'gateway.yaml'), `${head}peersFrom: ${from}\n`).config.ike;

/** What is wrong, without the folder. */
function faults(folder: string, from: string, head = HEAD): string[] {
  try {
    load(folder, from, head);
    return [];
  } catch (error) {
    return faultsOf(error).map(({ message }) => message.replaceAll(`${folder}/`, ''));
  }
}

const CSV = `remoteId,name,psk,pskHex,publicKey,address,profile
fqdn:pump,,"a ""key"", with more",,,2001:db8:7::1,
keyid:0002,lamp,,0102ff,,"10.1.0.0/16 10.2.0.1-10.2.0.9",common
ipv6:2001:db8::9,,,,${KEY},,keys
"keyid:""text""",,,,,,common
`;
const JSONL = `{"remoteId":"fqdn:pump","psk":"a \\"key\\", with more","address":"2001:db8:7::1"}

{"remoteId":"keyid:0002","name":"lamp","pskHex":"0102ff","address":["10.1.0.0/16","10.2.0.1-10.2.0.9"],"profile":"common"}\r
{"remoteId":"ipv6:2001:db8::9","publicKey":"${KEY}","profile":"keys"}
{"remoteId":"keyid:\\"text\\"","profile":"common"}
`;
const YAML = `- { remoteId: fqdn:pump, psk: 'a "key", with more', address: 2001:db8:7::1 }
- remoteId: keyid:0002
  name: lamp
  pskHex: "0102ff"
  address: [10.1.0.0/16, 10.2.0.1-10.2.0.9]
  profile: common
- { remoteId: "ipv6:2001:db8::9", publicKey: ${KEY}, profile: keys }
- { remoteId: 'keyid:"text"', profile: common }
`;
/** The same among `peers`. */
const PEERS = `peers:
  - { name: fqdn:pump, remoteId: fqdn:pump, auth: { psk: 'a "key", with more' }, child: { remote: ["2001:db8:7::1"] } }
  - { name: lamp, remoteId: keyid:0002, auth: { pskHex: "0102ff" }, child: { remote: [10.1.0.0/16, 10.2.0.1-10.2.0.9] } }
  - { name: "ipv6:2001:db8::9", remoteId: "ipv6:2001:db8::9", auth: { privateKey: ${'9d'.repeat(32)}, publicKey: ${KEY} }, ike: { dpd: 77 } }
  - { name: "keyid:74657874", remoteId: 'keyid:"text"', auth: { psk: shared }, child: { remote: ["10.0.0.0/8"] } }
`;
const IDS = ['fqdn:pump', 'keyid:0002', 'ipv6:2001:db8::9', 'keyid:74657874'];

test('CSV, JSON lines, YAML and folders: the same connections as from `peers`', (t) => {
  const files = { 'a.csv': CSV, 'b.jsonl': JSONL, 'c.yaml': YAML, 'd/1.csv': `﻿${CSV.replaceAll('\n', '\r\n')}` };
  const folder = folderOf(t, { ...files, 'd/.hidden': 'x', 'd/1.csv~': 'x', 'e/1.yaml': YAML });
  const right = readGateway('g.yaml', HEAD + PEERS).config.ike.connections;
  const plain = ({ name, policy, local, remote }: Connection) => ({ name, policy, local, remote });
  for (const from of ['a.csv', 'b.jsonl', 'c.yaml', 'd', 'e']) {
    const ike = load(folder, from);
    assert.equal(ike.named!.size, 4, from);
    assert.equal(ike.connections.length, 0, 'nobody else');
    const connections = createConnections(ike, 1);
    const path = { local: new Uint8Array(16), remote: new Uint8Array(16), port: 1 } as Parameters<
      typeof connections.policyOn
    >[1];
    const others = createConnections({ connections: right }, 1);
    IDS.forEach((id, index) => {
      const { type, data } = parseIdentity(id)!;
      const found = connections.find(type, data)!;
      assert.deepEqual(plain(found), plain(right[index]), `${from} ${id}`);
      assert.deepEqual(connections.policyOn(found, path, true), others.policyOn(right[index], path, true));
      assert.equal(connections.digestOf(type, data), others.digestOf(type, data), 'a stored SA finds it');
    });
    assert.equal(connections.find(2, Uint8Array.of(1)), undefined);
  }
});

test('named peers come before the one that takes any identity', (t) => {
  const folder = folderOf(t, { 'a.csv': 'remoteId,psk\nkeyid:01,x\n' });
  const ike = load(folder, 'a.csv', `${HEAD}peers: [{ name: rest, auth: { psk: y } }]\n`);
  const { find } = createConnections(ike, 1);
  assert.equal(find(11, Uint8Array.of(1))!.name, 'keyid:01');
  assert.equal(find(11, Uint8Array.of(2))!.name, 'rest');
});

test('every fault is told with file, line, field and limit, and never a key', (t) => {
  const first = 'remoteId,psk,address,profile\n';
  const cases: [string, string, string[]][] = [
    [
      'a.csv',
      `${first}nobody,secret1,,\nkeyid:01,,,\nkeyid:02,x,10.0.0.300,\nkeyid:03,x,,none\n`,
      [
        'a.csv:2: remoteId: nobody: must be fqdn:NAME, keyid:HEX, keyid:"TEXT", ipv6:ADDRESS or ipv4:ADDRESS',
        'a.csv:3: psk: (missing): is required',
        'a.csv:4: address: 10.0.0.300: must be an address, PREFIX/LENGTH or FIRST-LAST',
        'a.csv:5: profile: none: is none of `profiles`',
      ],
    ],
    [
      'b.csv',
      `${first}keyid:01,x,,,\nkeyid:02,"x,,\n,x,,\n`,
      [
        'b.csv:2: 5 fields: must be 4 fields, as in the first line',
        'b.csv:3: a quote must begin and end a field, and be doubled in it',
        'b.csv:4: remoteId: (missing): is required',
      ],
    ],
    [
      'c.csv',
      `${first}keyid:01,x,10.0.0.1,\nkeyid:01,x,,\nkeyid:02,x,10.0.0.0/24,\nkeyid:03,x,10.0.1.0,\n`,
      [
        'c.csv:3: remoteId: keyid:01: is there already: c.csv:2',
        'c.csv:4: address: 10.0.0.0/24: has an address of another: c.csv:2',
      ],
    ],
    [
      'd.csv',
      `${first}keyid:01,x,10.0.0.1,\nkeyid:02,x,10.0.0.0/24,\nkeyid:03,x,10.0.1.0,\n`,
      ['d.csv:3: address: 10.0.0.0/24: has an address of another: d.csv:2'],
    ],
    [
      'e.jsonl',
      `{"remoteId":"keyid:01","psk":"se\n[1]\n{"remoteId":"keyid:01","psk":"a","psk":"b"}\n{"remoteId":"keyid:01","psk":5}\n{"remoteId":"keyid:02","pskk":"secret2"}\n{"remoteId":"keyid:04","psk":"secret3","pskHex":"00"}\n`,
      [
        'e.jsonl:1: must be an object of JSON',
        'e.jsonl:2: must be an object of JSON',
        'e.jsonl:3: a name is there twice',
        'e.jsonl:4: psk: (hidden): must be text',
        'e.jsonl:5: pskk: unknown field; did you mean `psk`?; must be one of remoteId, name, psk, pskHex, publicKey, address, profile',
        'e.jsonl:6: pskHex: (2 characters): psk is given too',
      ],
    ],
    ['f.csv', `${first}keyid:01,${'x'.repeat(4096)},,\n`, ['f.csv:2: 4107 characters: must be 4096 at most in a line']],
    ['g.txt', 'x', ['g.txt: its name must end in one of .csv, .jsonl, .ndjson, .yaml, .yml']],
    ['h.yaml', '- { remoteId: keyid:01, psk: x }\n- text\n', ['h.yaml:2: must be an object']],
    ['i.yaml', 'remoteId: keyid:01\n', ['i.yaml:1: file: must be a list of peers']],
    [
      'j.jsonl',
      `{"remoteId":"keyid:01","publicKey":"${'00'.repeat(32)}","profile":"keys"}\n`,
      [`j.jsonl:1: publicKey: ${'00'.repeat(28)}0...: must not be of small order: anybody could sign`],
    ],
  ];
  const names = 'remoteId, name, psk, pskHex, publicKey, address, profile';
  const noHeader = `the first line: must be the names of the columns, parted by commas: remoteId, and others of ${names}`;
  const control = 'has a control character; lines end with LF or CR LF';
  cases.push(
    // Without a header a key stands where the names are.
    ['k.csv', 'fqdn:a,secretone\nfqdn:b,secrettwo\n', [`k.csv:1: ${noHeader}`]],
    ['l.csv', 'fqdn:a,secretone\n', [`l.csv:1: ${noHeader}`]],
    ['m.csv', 'remoteId;psk\nkeyid:01;x\n', [`m.csv:1: ${noHeader}`]],
    ['n.csv', '# peers\nremoteId,psk\nkeyid:01,x\n', [`n.csv:1: ${noHeader}`]],
    [
      'o.csv',
      'remoteid,psk,__proto__,psk\nkeyid:01,x,y,z\nkeyid:02,x,y,z\n',
      [
        `o.csv:1: remoteid: unknown field; did you mean \`remoteId\`?; must be one of ${names}`,
        `o.csv:1: __proto__: unknown field; must be one of ${names}`,
        'o.csv:1: psk: is there twice',
        'o.csv:1: remoteId: (missing): is a column of each file',
      ],
    ],
    ['p.csv', '', ['p.csv: is empty']],
    ['t.jsonl', '\n', ['t.jsonl: is empty']],
    ['u.yaml', '', ['u.yaml:1: is empty']],
    ['q.csv', 'remoteId,psk\rkeyid:01,x\r', [`q.csv:1: ${control}`]],
    ['r.csv', 'remoteId,psk\nkeyid:01,sec\0ret\n', [`r.csv:2: ${control}`]],
    [
      's.csv',
      'remoteId, psk,\nkeyid:01, secret,\nkeyid:02,"x ",\n"keyid:03",secret ,\nkeyid:04,x,y\n',
      [
        's.csv:2: a blank at the begin or end of a field must be in quotes',
        's.csv:4: a blank at the begin or end of a field must be in quotes',
        's.csv:5: field 3: has no name in the first line',
      ],
    ],
  );
  const folder = folderOf(t, Object.fromEntries(cases));
  for (const [name, , right] of cases) assert.deepEqual(faults(folder, name), right);
  writeFileSync(join(folder, 'latin.csv'), Buffer.from(`${first}keyid:01,\xe4,,\n`, 'latin1'));
  assert.deepEqual(faults(folder, 'latin.csv'), ['latin.csv:2: must be UTF-8']);
  assert.deepEqual(faults(folder, 'absent'), ['gateway.yaml:6: peersFrom: absent: no such file or directory']);
});

test('against `peers`, and without a profile', (t) => {
  const folder = folderOf(t, {
    'a.csv': 'remoteId,name,psk,address\nkeyid:01,,x,\nkeyid:02,known,x,\nkeyid:03,,x,10.9.0.1\n',
  });
  const peers =
    'peers: [{ name: known, remoteId: keyid:01, auth: { psk: y } }, { remoteId: keyid:09, auth: { psk: y }, child: { remote: ["10.9.0.0/16"] } }]\n';
  assert.deepEqual(faults(folder, 'a.csv', HEAD + peers), [
    'a.csv:2: remoteId: keyid:01: is there already: peer known',
    'a.csv:3: name: known: is there already among `peers`',
    'a.csv:4: address: 10.9.0.1: has an address of another: peer peer2',
  ]);
  const bare = 'radios: [{ zep: { port: 0 }, panId: 1 }]\n';
  assert.deepEqual(faults(folder, 'a.csv', bare), [
    'gateway.yaml:1: connection: (missing): is required with peersFrom, or profiles',
  ]);
  // It would be the folder of the configuration.
  const more = '""\nsas: ""\nkeylog: ""\nstate: ""\nstateKey: ""';
  const fields = ['peersFrom', 'sas', 'keylog', 'state', 'stateKey'];
  assert.deepEqual(
    faults(folder, more),
    fields.map((name, index) => {
      // It may hold keys itself, when it is something else than text.
      const value = name === 'sas' ? '(hidden): ' : '';
      return `gateway.yaml:${6 + index}: ${name}: ${value}must be the name of a file or folder`;
    }),
  );
});

test('100,000 peers, and not one more; errors are cut at 100', (t) => {
  const lines = (count: number): string => Array.from({ length: count }, (_, n) => `fqdn:s${n},x\n`).join('');
  const folder = folderOf(t, { 'a.csv': `remoteId,psk\n${lines(100000)}`, 'b.csv': `remoteId,psk\n${lines(100001)}` });
  const { named } = load(folder, 'a.csv');
  assert.equal(named!.size, 100000);
  assert.equal(named!.get(2, Buffer.from('s99999'))!.line, 100001);
  assert.deepEqual(faults(folder, 'b.csv'), ['b.csv:100002: must be 100000 peers at most in all files']);
  writeFileSync(join(folder, 'c.csv'), `remoteId,psk\n${'x,y\n'.repeat(1000)}`);
  const many = faults(folder, 'c.csv');
  assert.equal(many.length, 101);
  assert.equal(many.filter((text) => text.includes('more than 100 errors')).length, 1);
});

test('no peer at all is worth a warning', (t) => {
  const folder = folderOf(t, { 'a.csv': 'remoteId,psk\n', 'b.yaml': '[]\n', 'p/.hidden.csv': 'x' });
  for (const name of ['a.csv', 'b.yaml', 'p']) {
    const { warnings } = readGateway(join(folder, 'gateway.yaml'), `${HEAD}peersFrom: ${name}\n`);
    assert.deepEqual(warnings, [`${join(folder, name)}: no peer is in it`]);
  }
});

test('dietesp check reads them, and warns of files that others may read', {
  skip: process.platform === 'win32',
}, (t) => {
  const folder = folderOf(t, { 'p/a.csv': 'remoteId,psk\nkeyid:01,x\n', 'p/b.csv': 'remoteId,psk\nkeyid:02,x\n' });
  writeFileSync(join(folder, 'g.yaml'), `${HEAD}peersFrom: p\n`, { mode: 0o600 });
  chmodSync(join(folder, 'p/b.csv'), 0o644);
  const { errors, warnings, summary } = checkFile(join(folder, 'g.yaml'));
  assert.deepEqual(errors, []);
  assert.match(summary, /^2 peers from .*\/p$/m);
  assert.deepEqual(warnings, [`${folder}/p/b.csv: others may read the key in it (mode 0644); chmod 600 closes it`]);
});

/** A gateway whose peers come from a file. */
async function lab(t: TestContext, text: string) {
  const folder = folderOf(t, { 'p.csv': text });
  const medium = createMedium({ seed: 8 });
  const records = new Map<string, Uint8Array>();
  const head = `radios: [{ zep: { port: 0 }, panId: 1 }]\npool: ["2001:db8:1::/64"]\nconnection: { localId: fqdn:gateway }\n`;
  const ike = (next: string): GatewayConfig['ike'] => {
    writeFileSync(join(folder, 'p.csv'), next);
    return load(folder, 'p.csv', head);
  };
  const make = (kept: Map<string, Uint8Array>, next: string, seed: number): GatewayConfig => ({
    ...airOn(medium, seed),
    ...echoFlow(),
    ike: ike(next),
    store: memoryStore(kept),
  });
  const run = async (time: number): Promise<void> => {
    for (const end = medium.now + time; medium.now < end; ) {
      medium.run(medium.now + 20);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const config = make(records, text, 99);
  let gateway: Gateway = await createGateway(config);
  return {
    run,
    sensor: async (index: number, psk: string) => {
      const sensor = ikeSensorOn(medium, index, { psk });
      sensor.host.uplink.connect(null, medium.now);
      await run(4000);
      return sensor;
    },
    reload: (next: string) => gateway.reload({ ...config, ike: ike(next) }),
    ike,
    async restart(next: string): Promise<void> {
      const left = new Map(records);
      await gateway.close();
      gateway = await createGateway(make(left, next, 98));
    },
    identities: () => gateway.metrics().ike!.sas.map(({ identity }) => identity),
    close: () => gateway.close(),
  };
}

const FILE = 'remoteId,psk,address\nkeyid:0001,one,2001:db8:1::77\nkeyid:0002,two,\nkeyid:0003,three,\n';

test('a peer gets its address; a reload ends those that changed or went, and a wrong file changes nothing', async (t) => {
  const { sensor, reload, ike, identities, run, close } = await lab(t, FILE);
  const [one, two, three] = [await sensor(1, 'one'), await sensor(2, 'two'), await sensor(3, 'three')];
  for (const each of [one, two, three]) assert.deepEqual(each.told, ['child', 'up']);
  assert.equal(addressText(one.address()), '2001:db8:1::77');
  assert.throws(() => ike(`${FILE}keyid:0001,x,\n`), /p\.csv:5: remoteId: keyid:0001: is there already/);
  assert.equal(identities().length, 3);
  const next = FILE.replace('two', 'other').replace('keyid:0003,three,\n', 'keyid:0004,four,\n');
  const done = reload(next);
  await run(1000);
  assert.deepEqual(await done, { added: 1, changed: 1, removed: 1, ended: 2, restart: [] });
  await run(1000);
  assert.deepEqual(identities(), ['keyid:0001']);
  for (const each of [two, three]) assert.match(each.told.at(-1)!, /^down/);
  one.send('still');
  await run(1000);
  assert.deepEqual(one.heard, ['still!']);
  await close();
});

test('stored SAs find their named peer; another key ends them', async (t) => {
  const { sensor, restart, identities, run, close } = await lab(t, FILE);
  const [one, two] = [await sensor(1, 'one'), await sensor(2, 'two')];
  await restart(FILE.replace('two', 'other'));
  await run(1000);
  assert.deepEqual(identities(), ['keyid:0001']);
  assert.match(two.told.at(-1)!, /^down/);
  for (const text of ['first', 'again']) {
    one.send(text);
    await run(1000);
  }
  assert.ok(one.heard.includes('again!'));
  assert.deepEqual(one.told, ['child', 'up']);
  await close();
});
