// `dietesp doctor`: what lacks is told by name, with what it is for; what a file needs counts, and the rest does not.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { captureFindings } from '../../targets/node/tools/doctor/captures.ts';
import type { Finding } from '../../targets/node/tools/doctor/finding.ts';
import { hasCapability, limitFindings, rightFindings } from '../../targets/node/tools/doctor/host.ts';
import { natsFindings } from '../../targets/node/tools/doctor/nats.ts';
import { clockFinding, cryptoFinding, nodeFinding, packageFindings } from '../../targets/node/tools/doctor/program.ts';
import { radioFindings } from '../../targets/node/tools/doctor/radios.ts';
import { stateFinding } from '../../targets/node/tools/doctor/state.ts';
import { usualWants, wantsOf } from '../../targets/node/tools/doctor/wants.ts';
import { openNatsServers } from '../cluster/kit.ts';
import { DIETESP } from '../support/command.ts';
import { packageMissing } from '../support/packages.ts';

const folder = mkdtempSync(join(tmpdir(), 'dietesp-doctor-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function doctor(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [...DIETESP, 'doctor', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (texts.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (texts.err += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...texts };
}

const BASE = {
  connection: { localId: 'fqdn:gateway.example', auth: { psk: 'a key for tests, and nothing else' } },
};

test('a port that somebody has is missing, with the field and how to find who has it; then the exit code is 1', async () => {
  const taken = createSocket('udp4');
  taken.bind(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address();
  const file = join(folder, 'taken.json');
  writeFileSync(file, JSON.stringify({ ...BASE, udp: [{ address: '127.0.0.1', port, natPort: 0 }] }), { mode: 0o600 });
  try {
    const { code, out } = await doctor('--config', file, '--state', join(folder, 'state'), '--json');
    const { good, findings } = JSON.parse(out) as { good: boolean; findings: Finding[] };
    assert.equal(code, 1);
    assert.equal(good, false);
    const missing = findings.filter(({ verdict }) => verdict === 'missing');
    assert.deepEqual(missing, [
      {
        name: `udp 127.0.0.1:${port}`,
        verdict: 'missing',
        seen: 'somebody has it',
        help: `udp[0]; who: ss -lpnu sport = :${port}`,
      },
    ]);
    const table = await doctor('--config', file, '--state', join(folder, 'state'));
    assert.match(table.out, new RegExp(`missing +udp 127\\.0\\.0\\.1:${port} +somebody has it`));
    assert.match(table.out, /\n1 missing\n$/);
  } finally {
    taken.close();
  }
});

test('a file that is wrong is refused as everywhere, and nothing is looked at', async () => {
  const file = join(folder, 'wrong.json');
  writeFileSync(file, JSON.stringify({ ...BASE, udp: [{ address: '127.0.0.1', port: 70000 }] }), { mode: 0o600 });
  const { code, out, err } = await doctor('--config', file);
  assert.equal(code, 1);
  assert.equal(out, '');
  assert.match(err, /wrong\.json:1: udp\[0\]\.port: 70000: must be/);
});

test('an old Node, a cryptography without CCM and a clock that was never set are told', () => {
  assert.deepEqual(nodeFinding('20.18.9').verdict, 'missing');
  assert.deepEqual(nodeFinding('18.20.0').help, 'at least 20.19 is needed');
  for (const version of ['20.19.0', '22.1.0', '100.0.0']) assert.equal(nodeFinding(version).verdict, 'ok');
  const without = cryptoFinding(['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'], ['prime256v1', 'secp384r1']);
  assert.equal(without.verdict, 'warn');
  assert.match(without.seen, /without aes-128-ccm$/);
  assert.equal(clockFinding(new Date(0)).verdict, 'warn');
  assert.equal(clockFinding().verdict, 'ok');
});

test('capabilities are those of capabilities(7)', () => {
  // CAP_NET_BIND_SERVICE 10, CAP_NET_ADMIN 12, CAP_NET_RAW 13.
  const status = 'CapPrm:\t0000000000000000\nCapEff:\t0000000000001400\nCapBnd:\t000001ffffffffff\n';
  assert.deepEqual(
    [10, 11, 12, 13].map((bit) => hasCapability(bit, status)),
    [true, false, true, false],
  );
  assert.equal(hasCapability(12, ''), undefined);
});

test('a state directory that others may enter, one that cannot be made, none, and limits of the system', () => {
  const wants = { ...usualWants(), file: 'gateway.yaml' };
  const open = join(folder, 'open');
  mkdirSync(open, { mode: 0o755 });
  assert.equal(stateFinding({ ...wants, state: open }).verdict, process.platform === 'win32' ? 'ok' : 'warn');
  const file = join(folder, 'file');
  writeFileSync(file, '', { mode: 0o600 });
  const below = stateFinding({ ...wants, state: join(file, 'state') });
  assert.equal(below.verdict, 'missing');
  assert.match(below.help, /--state DIR$/);
  assert.equal(stateFinding({ ...wants, state: '' }).seen, 'off');
  const much = limitFindings({ ...wants, socketBuffer: 2 ** 40, files: 2 ** 40 });
  if (process.platform !== 'linux') return;
  const help = Object.fromEntries(much.map((finding) => [finding.name, finding.help]));
  assert.match(help['net.core.rmem_max'], /sysctl -w net\.core\.rmem_max=1099511627776$/);
  assert.match(help['net.core.wmem_max'], /sysctl -w/);
});

/** What a gateway's file wants; `more` is in it. */
const wantsWith = (more: object) => wantsOf(readGateway('gateway.json', JSON.stringify({ ...BASE, ...more })));
const told = (findings: Finding[]) => findings.map(({ name, verdict, seen, help }) => [verdict, name, seen, help]);

test('radios and captures that are not there are missing, by name and field', {
  skip: process.platform !== 'linux' ? 'Linux not found' : false,
}, async () => {
  const file = join(folder, 'no-terminal');
  writeFileSync(file, '');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const radios = [
    { spinel: { path: '/dev/ttyNONE' } },
    { spinel: { path: '/dev/null' } },
    { uart: { path: file } },
    { spinel: { command: ['no-such-rcp', '1'] } },
    { spinel: { command: [process.execPath] } },
    { spinel: { tcp: `127.0.0.1:${port}` } },
    { linux: { interface: 'nosuch0' } },
    { linux: { interface: 'lo' } },
  ].map((radio, index) => ({ ...radio, panId: index }));
  const wants = wantsWith({ radios, esp: 'auto', pcap: { path: '/dev/full/captures' } });
  const how = '`iwpan dev` lists them, `iwpan phy phy0 interface add monitor0 type monitor` makes one';
  assert.deepEqual(told(await radioFindings(wants)), [
    ['missing', 'serial port /dev/ttyNONE', 'no such file or directory', 'radios[0].spinel.path; `dietesp radio list`'],
    ['ok', 'serial port /dev/null', 'there', ''],
    ['missing', `serial port ${file}`, 'is not a terminal device', 'radios[2].uart.path'],
    ['missing', 'interface nosuch0', 'there is no interface nosuch0', `radios[6].linux.interface; ${how}`],
    ['missing', 'interface lo', 'lo is the loopback, not one of IEEE 802.15.4', `radios[7].linux.interface; ${how}`],
    ['missing', 'command no-such-rcp', 'not on PATH', 'radios[3].spinel.command'],
    ['ok', `command ${process.execPath}`, process.execPath, ''],
    ['ok', `port server 127.0.0.1:${port}`, 'answers', ''],
  ]);
  server.close();
  assert.deepEqual(told(captureFindings(wants)), [['missing', 'captures', '/dev/full: must be a folder', 'pcap.path']]);
  assert.equal(
    captureFindings(wantsWith({ radios, pcap: { path: folder, maxMiB: 65536, files: 1000 } }))[0].verdict,
    'warn',
  );
  assert.equal(captureFindings(wantsWith({ radios, pcap: { path: folder, maxMiB: 1, files: 2 } }))[0].verdict, 'ok');
  // `auto` opens raw sockets as well; radios of Linux need them, too.
  assert.ok(wants.raw);
  const rights = rightFindings({ ...usualWants(), interfaces: wants.interfaces });
  assert.notEqual(rights.find(({ name }) => name === 'CAP_NET_RAW')!.verdict, 'off');
});

test('packages follow the file: none is wanted without it', async () => {
  const verdicts = async (more: object) =>
    Object.fromEntries((await packageFindings(wantsWith(more))).map(({ name, verdict }) => [name, verdict]));
  const cluster = {
    cluster: { servers: ['nats://127.0.0.1'], name: 'a' },
    stateKey: 'key',
    udp: [{ address: '127.0.0.1' }],
  };
  for (const [more, names] of [
    [{ radios: [{ uart: { path: '/dev/ttyACM0' }, panId: 1 }] }, ['serialport']],
    [{ radios: [{ linux: { interface: 'wpan0' }, panId: 1 }] }, ['koffi']],
    [cluster, ['@nats-io/transport-node', '@nats-io/jetstream', '@nats-io/kv']],
  ] as const) {
    const seen = await verdicts(more);
    for (const name of names) assert.notEqual(seen[name], 'off', name);
  }
});

test('servers of a cluster: reached, not reached, and somebody else', {
  skip: packageMissing('nats-server'),
}, async () => {
  const nats = await openNatsServers(folder);
  const other = createServer((socket) => socket.end('SSH-2.0-none\r\n')).listen(0, '127.0.0.1');
  await once(other, 'listening');
  other.unref();
  const strange = `nats://127.0.0.1:${(other.address() as AddressInfo).port}`;
  const wants = (...servers: string[]) =>
    wantsWith({ cluster: { servers, name: 'a' }, stateKey: 'key', udp: [{ address: '127.0.0.1' }] });
  try {
    const [good, bad, stranger] = await natsFindings(wants(nats.urls[0], 'nats://127.0.0.1:1', strange));
    assert.deepEqual([good.verdict, good.name], ['ok', nats.urls[0]]);
    assert.match(good.seen, /^NATS \d+\.\d+/);
    assert.deepEqual(told([bad, stranger]), [
      ['warn', 'nats://127.0.0.1:1', 'connect ECONNREFUSED 127.0.0.1:1', 'cluster.servers[1]'],
      ['warn', strange, 'somebody answers, but not as NATS does', 'cluster.servers[2]'],
    ]);
  } finally {
    await nats.close();
  }
  const [gone, stranger] = await natsFindings(wants(nats.urls[0], strange));
  assert.deepEqual([gone.verdict, stranger.verdict], ['missing', 'missing']);
  other.close();
});
