// What the servers of NATS ask for: a token, an nkey, TLS with a certificate. What is wrong is named, and no secret is.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { nkeys } from '@nats-io/transport-node';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { openNats } from '../../targets/node/host/cluster/nats.ts';
import type { NatsConfig } from '../../targets/node/host/cluster/nats-config.ts';
import { errorText } from '../../targets/node/host/errors.ts';
import { type Log, silent } from '../../targets/node/host/log.ts';
import { dietesp } from '../cli/run.ts';
import { packageMissing } from '../support/packages.ts';
import { openPki, type Pki } from '../support/pki.ts';
import { type Nats, openNatsServers, until } from './kit.ts';

const skip = packageMissing('nats-server');
const LIMIT = { skip, timeout: 60000 };
const FILES: Omit<NatsConfig, 'servers'> = {
  bucket: 'dietesp',
  replicas: 1,
  credentialsFile: '',
  nkeyFile: '',
  tokenFile: '',
  user: '',
  passwordFile: '',
  caFile: '',
  certificateFile: '',
  certificateKeyFile: '',
};

const GATEWAY =
  'udp: [{address: 127.0.0.1}]\nstateKey: k\nconnection: {localId: fqdn:g, auth: {psk: p}}\ncluster: {name: a';

let folder = '';
let pki: Pki;

before(() => {
  if (skip !== false) return;
  folder = mkdtempSync(join(tmpdir(), 'dietesp-nats-'));
  pki = openPki();
});

after(() => {
  if (skip !== false) return;
  pki.close();
  rmSync(folder, { recursive: true, force: true });
});

function fileOf(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** `ok` where a value could be written and read, else the error. */
async function outcome(servers: string[], files: Partial<NatsConfig>): Promise<string> {
  try {
    const bucket = await openNats({ ...FILES, ...files, servers }, 'g', 2000, silent, () => {});
    const revision = await bucket.put('n.1', Uint8Array.of(1), (await bucket.get('n.1'))?.revision ?? 0);
    await bucket.close();
    return revision > 0 ? 'ok' : 'fenced';
  } catch (error) {
    return errorText(error);
  }
}

async function withServer(settings: string, run: (nats: Nats) => Promise<void>): Promise<void> {
  const nats = await openNatsServers(mkdtempSync(join(folder, 'server-')), 1, settings);
  try {
    await run(nats);
  } finally {
    await nats.close();
  }
}

test('fields of a file that do not go together are named', () => {
  const problem = (more: string): string => {
    try {
      readGateway('g.yaml', `${GATEWAY}, ${more}}\n`);
      return '';
    } catch (error) {
      return errorText(error);
    }
  };
  assert.match(problem('servers: [nats://a, tls://b]'), /servers\[1\]: .*all with tls:\/\/, or none/);
  const inUrl = problem('servers: [nats://bob:geheim@a]');
  assert.match(inUrl, /servers\[0\]: nats:\/\/\(hidden\)@a: must be nats/);
  assert.match(problem('servers: [nats://a], user: u'), /passwordFile: .*is required with the other of user and/);
  assert.match(problem('servers: [tls://a], certificateKeyFile: k'), /certificateFile: .*is required with the other/);
  assert.match(problem('servers: [nats://a], tokenFile: t, nkeyFile: n'), /tokenFile: .*is not taken beside nkeyFile/);
  assert.equal(problem('servers: [nats://a], user: u, passwordFile: f'), '');
});

test('a scan ends while others write what it reads, and has all that was there', LIMIT, async (context) => {
  await withServer('', async ({ urls }) => {
    const [writer, reader] = await Promise.all(
      ['w', 'r'].map((name) => openNats({ ...FILES, servers: urls }, name, 2000, silent, () => {})),
    );
    await writer.put('n.1', Uint8Array.of(1), 0);
    let isOver = false;
    context.signal.addEventListener('abort', () => {
      isOver = true;
    });
    const busy = Promise.all(
      [0, 2].map(async (place) => {
        for (let revision = 0; !isOver; ) revision = await writer.put(`gw.${place}`, Uint8Array.of(1), revision);
      }),
    );
    await until(
      'both are there',
      async () => (await reader.get('gw.0')) !== null && (await reader.get('gw.2')) !== null,
    );
    for (let i = 0; i < 100; i++) {
      const keys = new Set<string>();
      await reader.scan('gw.', ({ key }) => keys.add(key));
      assert.deepEqual([...keys].sort(), ['gw.0', 'gw.2']);
    }
    isOver = true;
    await busy;
    await Promise.all([writer.close(), reader.close()]);
  });
});

test('a store that is emptied during an outage is not taken for the one before', LIMIT, async () => {
  const own = mkdtempSync(join(folder, 'server-'));
  const nats = await openNatsServers(own);
  let problem = '';
  const bucket = await openNats({ ...FILES, servers: nats.urls }, 'g', 2000, silent, (text) => {
    problem = text;
  });
  await nats.close();
  rmSync(join(own, 'nats0', 'jetstream'), { recursive: true });
  const server = spawn('nats-server', ['-c', join(own, 'nats0', 'nats.conf')], { stdio: 'ignore' });
  await until('it is told', () => problem !== '', 30000);
  assert.match(problem, /^cluster: nats:.*: bucket dietesp is gone: its SAs are lost$/);
  await bucket.close();
  server.kill('SIGKILL');
});

test('servers that never answer: an error, and the process ends', LIMIT, async () => {
  const mute = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const { port } = mute.address() as AddressInfo;
  fileOf('seal.key', 'x'.repeat(32));
  const text = `${GATEWAY}, servers: ['nats://127.0.0.1:${port}']}\n`;
  const config = fileOf('mute.yaml', text.replace('stateKey: k', 'stateKey: seal.key'));
  const { code, stderr } = await dietesp('gateway', '--config', config);
  assert.deepEqual([code, stderr.split('\n')[0]], [1, `error: ${config}: cluster: nats://127.0.0.1:${port}: timeout`]);
  mute.close();
});

test('a token', LIMIT, async () => {
  await withServer('authorization { token: "right-one" }\n', async ({ urls }) => {
    assert.equal(await outcome(urls, { tokenFile: fileOf('token', 'right-one\n') }), 'ok');
    const wrong = await outcome(urls, { tokenFile: fileOf('wrong', 'wrong-one') });
    assert.match(wrong, new RegExp(`^cluster: ${urls[0]}: .*authori[sz]ation`, 'i'));
    assert.doesNotMatch(wrong, /wrong-one|right-one/);
    assert.match(await outcome(urls, {}), /authori[sz]ation/i);
    const absent = join(folder, 'absent');
    assert.match(await outcome(urls, { tokenFile: absent }), new RegExp(absent));
  });
});

test('a user and a password', LIMIT, async () => {
  await withServer('authorization { user: gate, password: "right-one" }\n', async ({ urls }) => {
    assert.equal(await outcome(urls, { user: 'gate', passwordFile: fileOf('password', 'right-one\n') }), 'ok');
    const wrong = await outcome(urls, { user: 'gate', passwordFile: fileOf('wrong', 'wrong-one') });
    assert.match(wrong, /authori[sz]ation/i);
    assert.doesNotMatch(wrong, /wrong-one/);
  });
});

test(
  'a user without the right to send messages between gateways: it is told once, and the store is used',
  LIMIT,
  async () => {
    const rights = '{ publish: { deny: "dietesp.>" }, subscribe: { deny: "dietesp.>" } }';
    const users = `authorization { users: [{ user: gate, password: "right-one", permissions: ${rights} }] }\n`;
    await withServer(users, async ({ urls }) => {
      const lines: string[] = [];
      const log: Log = (level, _namespace, text) => {
        if (level === 'warn') lines.push(typeof text === 'function' ? text() : text);
      };
      const files = { user: 'gate', passwordFile: fileOf('password', 'right-one\n') };
      const bucket = await openNats({ ...FILES, ...files, servers: urls }, 'g', 2000, log, () => {});
      for (let i = 0; i < 3; i++) bucket.messages.send('one', Uint8Array.of(1));
      bucket.messages.listen('two', () => {});
      assert.ok((await bucket.put('n.1', Uint8Array.of(1), 0)) > 0);
      await until('both are told', () => lines.length >= 2);
      await bucket.close();
      assert.deepEqual(
        lines.map((line) => /permissions violation for (\w+) .*dietesp/i.exec(line)?.[1].toLowerCase()).sort(),
        ['publish', 'subscription'],
      );
    });
  },
);

test('an nkey', LIMIT, async () => {
  const [user, stranger] = [nkeys.createUser(), nkeys.createUser()];
  const seedOf = (one: typeof user): string => Buffer.from(one.getSeed()).toString('latin1');
  await withServer(`authorization { users: [{ nkey: ${user.getPublicKey()} }] }\n`, async ({ urls }) => {
    assert.equal(await outcome(urls, { nkeyFile: fileOf('seed', `${seedOf(user)}\n`) }), 'ok');
    assert.match(await outcome(urls, { nkeyFile: fileOf('other', seedOf(stranger)) }), /authori[sz]ation/i);
    const text = await outcome(urls, { nkeyFile: fileOf('noseed', 'SUNOSEED') });
    assert.match(text, new RegExp(join(folder, 'noseed')));
    assert.doesNotMatch(text, /SUNOSEED/);
    const creds = await outcome(urls, { credentialsFile: fileOf('user.creds', 'no credentials') });
    assert.match(creds, new RegExp(join(folder, 'user.creds')));
  });
});

test('TLS, with certificates of both sides', LIMIT, async () => {
  const authority = pki.issue('authority', { isCa: true });
  const server = pki.issue('server', { by: authority, names: 'IP:127.0.0.1' });
  const client = pki.issue('client', { by: authority });
  const other = pki.issue('other', { isCa: true });
  const settings =
    `tls { cert_file: "${server.certificate}", key_file: "${server.key}", ` +
    `ca_file: "${authority.certificate}", verify: true, timeout: 5 }\n`;
  await withServer(settings, async ({ urls }) => {
    const tls = urls.map((url) => url.replace('nats:', 'tls:'));
    const own = { certificateFile: client.certificate, certificateKeyFile: client.key };
    assert.equal(await outcome(tls, { caFile: authority.certificate, ...own }), 'ok');
    assert.match(await outcome(tls, { caFile: other.certificate, ...own }), /^cluster: tls:.*certificate/);
    assert.match(await outcome(tls, own), /^cluster: tls:.*certificate/);
    assert.notEqual(await outcome(tls, { caFile: authority.certificate }), 'ok');
    const absent = join(folder, 'absent.pem');
    assert.match(await outcome(tls, { caFile: absent, ...own }), new RegExp(absent));
  });
  // A certificate for another host.
  const elsewhere = pki.issue('elsewhere', { by: authority, names: 'IP:192.0.2.1,DNS:localhost' });
  const wrong = settings.replaceAll(server.certificate, elsewhere.certificate).replace(server.key, elsewhere.key);
  await withServer(wrong, async ({ urls }) => {
    const tls = urls.map((url) => url.replace('nats:', 'tls:'));
    const own = { certificateFile: client.certificate, certificateKeyFile: client.key };
    assert.match(await outcome(tls, { caFile: authority.certificate, ...own }), /IP: 127\.0\.0\.1/);
  });
  // A server without TLS is not spoken to in clear.
  await withServer('', async ({ urls }) => {
    const tls = urls.map((url) => url.replace('nats:', 'tls:'));
    assert.notEqual(await outcome(tls, { caFile: authority.certificate }), 'ok');
    assert.notEqual(await outcome(tls, {}), 'ok');
  });
});
