// The unit file as systemd reads it, and the gateway with exactly the rights that it gives.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { DIETESP } from '../support/command.ts';
import { packageMissing } from '../support/packages.ts';

const UNIT = join(sourceRoot(), 'targets/node/examples/service/dietesp-gateway.service');
const text = readFileSync(UNIT, 'utf8');
const settingOf = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(text)![1];
const NOBODY = 65534;

describe('systemd', { skip: packageMissing('systemd') }, () => {
  const analyze = (...args: string[]): { status: number | null; all: string } => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8', timeout: 60000 });
    return { status, all: stdout + stderr };
  };

  test('finds nothing in the unit but that the command is not installed here', () => {
    const { all } = analyze('verify', UNIT);
    const lines = all.split('\n').filter((line) => line.includes('dietesp-gateway.service'));
    assert.deepEqual(
      [...new Set(lines)],
      ['dietesp-gateway.service: Command dietesp is not executable: No such file or directory'],
    );
  });

  test('rates its exposure as docs/operations.md says', () => {
    const { all } = analyze('security', '--offline=true', '--no-pager', UNIT);
    const level = /Overall exposure level for dietesp-gateway\.service: ([\d.]+)/.exec(all)![1];
    assert.ok(Number(level) <= 2, all);
    const page = readFileSync(join(sourceRoot(), 'docs/operations.md'), 'utf8');
    assert.ok(page.includes(`exposure level ${level}`), `docs/operations.md does not say ${level}`);
  });
});

const isRoot = process.getuid?.() === 0;
const rights = isRoot ? packageMissing('iproute2') : 'needs root rights';

describe('the rights of the unit', { skip: rights }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-service-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const state = join(folder, 'state');
  mkdirSync(state, { mode: 0o700 });
  const file = join(folder, 'gateway.yaml');
  const config = {
    udp: [{ address: '127.0.0.1' }],
    tun: { name: 'dietesp0', addresses: ['2001:db8:1::1/64'], mtu: 1280 },
    connection: { localId: 'fqdn:gateway.example', auth: { psk: 'a key for tests, and nothing else' } },
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o400 });
  for (const path of [state, file]) chownSync(path, NOBODY, NOBODY);

  /** Runs the command in a network namespace of its own as a user with these capabilities alone. */
  function run(capabilities: string[], args: string[], input: string): { out: string; err: string } {
    const all = capabilities.map((name) => `+${name.replace('CAP_', '').toLowerCase()}`);
    const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs'];
    const sets = ['inh-caps', 'bounding-set'].map((name) => `--${name}=${['-all', ...all].join(',')}`);
    const ambient = all.length === 0 ? [] : [`--ambient-caps=${all.join(',')}`];
    const program = ['setpriv', ...user, ...sets, ...ambient, process.execPath, ...DIETESP, ...args];
    const quoted = program.map((word) => `'${word}'`).join(' ');
    const { stdout, stderr } = spawnSync('unshare', ['-n', 'sh', '-c', `ip link set lo up && exec ${quoted}`], {
      encoding: 'utf8',
      input,
      timeout: 60000,
      killSignal: 'SIGKILL',
      env: { ...process.env, HOME: folder },
    });
    return { out: stdout, err: stderr };
  }

  const start = ['gateway', '--config', file, '--state', state, '--control'];
  const given = settingOf('AmbientCapabilities').split(' ');

  test('are two, and no others can be had', () => {
    assert.deepEqual(given, ['CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE']);
    assert.equal(settingOf('CapabilityBoundingSet'), settingOf('AmbientCapabilities'));
  });

  test('are enough for the network interface and the ports of IKE', () => {
    const { out, err } = run(given, start, '{"cmd":"status"}\n{"cmd":"quit"}\n');
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.ok(
      lines.some(({ event }) => event === 'started'),
      err,
    );
    const status = lines.find(({ cmd }) => cmd === 'status');
    assert.equal(status?.metrics.udp[0].isOpen, true, out);
    assert.equal(typeof status.metrics.tun.read, 'number');
  });

  test('without CAP_NET_ADMIN the start says what lacks, and doctor said so before', () => {
    const { err } = run(['CAP_NET_BIND_SERVICE'], start, '');
    assert.match(err, /tun: dietesp0: cannot be made \(errno 1\); root rights are needed/);
    const { out } = run(['CAP_NET_BIND_SERVICE'], ['doctor', '--config', file, '--state', state, '--json'], '');
    const { good, findings } = JSON.parse(out);
    assert.equal(good, false);
    const missing = findings.filter(({ verdict }: { verdict: string }) => verdict === 'missing');
    assert.deepEqual(
      missing.map(({ name }: { name: string }) => name),
      ['CAP_NET_ADMIN'],
    );
  });
});
