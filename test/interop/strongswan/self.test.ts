// The harness itself, with a second charon in our place: PSK, AES-CCM-8 and X25519 with echoes both ways, some cases of the
// table (all with STRONGSWAN_SELF=all), and tshark's decryption with the logged keys. A killed run must leave nothing behind.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sourceRoot } from '../../../targets/build/root.ts';
import { packageMissing } from '../../support/packages.ts';
import { CASES, type Case } from './cases.ts';
import { parsePretty, until } from './charon.ts';
import { charonAsOurs, charonLacks } from './charon-side.ts';
import { ed25519, peerFiles, sectionText } from './config.ts';
import { espTable, ikeTable, loggedKeys } from './keys.ts';
import { strongswanMissing } from './namespaces.ts';
import { assertSameKeys, charonFor, type Lab, openLab, runCase } from './runner.ts';
import { CHILD, setups } from './setup.ts';
import { capture } from './traffic.ts';

const skip = strongswanMissing();

/** Each kind of step and of outcome once. */
const SHOWN = [
  'ours initiates: PSK, AES-CCM-8, X25519',
  'charon initiates: Ed25519, raw keys',
  'ours initiates: IPv6 outside',
  'charon initiates: IKE fragments',
  'ours initiates: PPK required',
  'charon initiates: child rekeyed by ours',
  'ours initiates: IKE SA rekeyed by charon',
  'charon initiates: child deleted by charon',
  'ours initiates: IKE SA deleted by ours',
  'charon initiates: wrong PSK',
  'ours initiates: no common IKE proposal',
  'charon initiates: no common ESP proposal',
  'ours initiates: selectors without overlap',
  'ours initiates: cookie asked for by charon',
  'ours initiates: inner address from charon',
];

let opened: Promise<Lab> | undefined;
const theLab = (): Promise<Lab> => (opened ??= openLab());
after(async () => (await opened)?.close());

function named(name: string): Case {
  const found = CASES.find((entry) => entry.name === name);
  assert.ok(found !== undefined, name);
  return found;
}

test('names of cases are unique', () => {
  assert.equal(new Set(CASES.map((entry) => entry.name)).size, CASES.length);
});

test('configuration as text', () => {
  const text = sectionText({ a: 1, b: true, c: { 'd-1': 'x, y' } });
  assert.equal(text, 'a = 1\nb = yes\nc {\n  d-1 = x, y\n}\n');
  for (const bad of ['a\nb', 'a # b', '}', '"']) assert.throws(() => sectionText({ key: bad }), /key/);
  assert.throws(() => sectionText({ 'a b': 1 }), /a b/);
});

test('raw Ed25519 keys', () => {
  const seed = new Uint8Array(32).fill(9);
  for (const pair of [ed25519(), ed25519(seed)]) {
    const message = Buffer.from('x');
    const signature = sign(null, message, createPrivateKey(pair.privatePem));
    assert.ok(verify(null, message, createPublicKey(pair.publicPem), signature));
    assert.deepEqual(ed25519(pair.seed), pair);
    assert.equal(pair.publicKey.length, 32);
  }
  assert.deepEqual(ed25519(seed).seed, seed);
});

test('files name the keys that they hold', () => {
  const [local, remote] = [ed25519(), ed25519()];
  const files = peerFiles({
    connections: [
      {
        name: 'c',
        localAddress: '192.0.2.1',
        remoteAddress: '%any',
        ike: ['aes128ccm8-prfsha256-x25519'],
        local: { id: 'a.test', key: local },
        remote: { id: 'b.test', key: remote },
        children: [],
      },
    ],
  });
  assert.equal(files['private/c.key'], local.privatePem);
  assert.equal(files['pubkey/c-remote.pub'], remote.publicPem);
  assert.ok(!Object.values(files).includes(remote.privatePem));
  for (const name of ['c-local.pub', 'c-remote.pub']) assert.match(files['swanctl.conf'], new RegExp(name));
});

test("swanctl's messages", () => {
  const text =
    'list-sa event {\n  c {\n    id = C=CH, O=Test\n    empty = \n    ts = [\n      a\n      b\n    ]\n    x {\n    }\n  }\n}\n';
  assert.deepEqual(parsePretty(text), [{ c: { id: 'C=CH, O=Test', empty: '', ts: ['a', 'b'], x: {} } }]);
});

for (const entry of process.env['STRONGSWAN_SELF'] === 'all' ? CASES : SHOWN.map(named)) {
  test('two charons, ' + entry.name, { skip: skip || charonLacks(entry) }, async () => {
    const lab = await theLab();
    await runCase(entry, lab, charonAsOurs(lab));
  });
}

test('a case fails when the outcome is another', { skip }, async () => {
  const lab = await theLab();
  const wrong: Case = { ...named('charon initiates: wrong PSK'), outcome: 'established' };
  await assert.rejects(runCase(wrong, lab, charonAsOurs(lab)), /outcome at ours/);
  const noCookie: Case = { ...named('ours initiates: cookie asked for by charon'), charon: {} };
  await assert.rejects(runCase(noCookie, lab, charonAsOurs(lab)), /COOKIE/);
});

/** Rows of tshark for a capture, decrypted with tables. */
function decrypted(folder: string, pcap: string, tables: Record<string, string[]>, fields: string[]): string[][] {
  const config = join(folder, 'wireshark');
  mkdirSync(config, { recursive: true });
  for (const [name, lines] of Object.entries(tables)) writeFileSync(join(config, name), lines.join('\n') + '\n');
  const args = ['-n', '-r', pcap, '-T', 'fields', '-E', 'separator=|', '-E', 'occurrence=l'];
  for (const name of ['enable_encryption_decode', 'enable_authentication_check'])
    args.push('-o', 'esp.' + name + ':TRUE');
  for (const field of fields) args.push('-e', field);
  const env = { ...process.env, WIRESHARK_CONFIG_DIR: config };
  const run = spawnSync('tshark', args, { env, encoding: 'utf8', timeout: 60000 });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('|'));
}

for (const [name, icv] of [
  ['ours initiates: PSK, AES-CCM-8, X25519', false],
  ['ours initiates: AES-GCM-16', true],
] as const) {
  test('tshark decrypts with logged keys, ' + name, { skip: skip || packageMissing('tshark') }, async () => {
    const lab = await theLab();
    const sides = setups(named(name), lab.site);
    const pcap = join(lab.site.folder, 'link.pcap');
    const [gateway, device] = [await charonFor(sides.charon), await charonFor(sides.ours)];
    try {
      const taken = await capture(lab.gateway, lab.site.gateway, lab.site.device, pcap);
      assert.equal((await device.initiate(CHILD)).code, 0);
      const port = 40000;
      const echoes = await lab.device.udpEcho(lab.site.device.inner[6], lab.site.gateway.inner[6], 7, 20, 2, port);
      assert.equal(echoes.received, 2);
      await device.terminate({ ike: 'peer' });
      await taken.stop();
      const keys = loggedKeys(gateway.log());
      assertSameKeys(loggedKeys(device.log()), keys);
      const rows = decrypted(
        lab.site.folder,
        pcap,
        { ikev2_decryption_table: ikeTable(keys.ike), esp_sa: espTable(keys.child) },
        ['isakmp.exchangetype', 'isakmp.id.data.fqdn', 'isakmp.ispi', 'udp.srcport', 'udp.dstport', 'esp.icv_good'],
      );
      const ids = rows.filter(([exchange]) => exchange === '35').map((row) => row[1]);
      // The last identification of the request is IDr, which names the gateway as well.
      assert.deepEqual(ids, [sides.charon.localId, sides.charon.localId]);
      assert.deepEqual([...new Set(rows.map((row) => row[2]))].sort(), ['', keys.ike[0].spiI]);
      const packets = rows.filter((row) => row[3] === String(port) || row[4] === String(port));
      assert.deepEqual(
        packets.map((row) => [row[3], row[4], /^(1|True)$/.test(row[5])]),
        [
          [String(port), '7', icv],
          ['7', String(port), icv],
          [String(port), '7', icv],
          ['7', String(port), icv],
        ],
      );
    } finally {
      await device.stop();
      await gateway.stop();
    }
  });
}

test('a run that is killed leaves nothing', { skip }, async () => {
  const lab = fileURLToPath(new URL('./runner.ts', import.meta.url));
  const code =
    `import(${JSON.stringify(lab)}).then(async ({ openLab }) => {` +
    'const { site } = await openLab(); console.log(JSON.stringify(site)); setInterval(() => {}, 1000); });';
  const child = spawn(process.execPath, ['--import', 'tsx', '-e', code], {
    cwd: sourceRoot(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await until(
    'the run to begin',
    () => (said.endsWith('\n') ? true : child.exitCode === null ? undefined : true),
    20000,
  );
  const site = JSON.parse(said) as Lab['site'];
  const spaces = [site.gateway.name, site.device.name];
  const known = (): boolean[] => {
    const list = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout.split(/\s/);
    return spaces.map((name) => list.includes(name));
  };
  assert.deepEqual(known(), [true, true]);
  assert.notEqual(spawnSync('ip', ['netns', 'pids', spaces[0]], { encoding: 'utf8' }).stdout, '');
  child.kill('SIGKILL');
  await until('the namespaces to go', () => (known().includes(true) || existsSync(site.folder) ? undefined : true));
});
