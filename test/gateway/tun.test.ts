// The network interface, as root, in a network namespace of its own.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTun } from '../../targets/node/gateway/tun.ts';
import { ROOT } from '../cli/run.ts';

function missing(): string | false {
  if (process.platform !== 'linux') return 'Linux not found';
  if (process.getuid?.() !== 0) return 'root rights not found';
  if (!existsSync('/dev/net/tun')) return '/dev/net/tun not found';
  if (!existsSync(join(ROOT, 'node_modules', 'koffi'))) return 'the package koffi not found';
  if (spawnSync('ip', ['-V']).status !== 0) return 'the command ip not found';
  return spawnSync('unshare', ['-n', 'true']).status === 0 ? false : 'network namespaces not found';
}

test('packets out of the interface and into it', { skip: missing() }, () => {
  const child = join(ROOT, 'test', 'gateway', 'tun-child.ts');
  const script = `ip link set lo up && exec ${process.execPath} --import tsx ${child}`;
  const { stdout, stderr, status } = spawnSync('unshare', ['-n', 'sh', '-c', script], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 30000,
  });
  assert.equal(status, 0, stderr);
  const { problem, ...result } = JSON.parse(stdout) as Record<string, unknown>;
  assert.deepEqual(result, {
    seen: ['2001:db8:7::5 5683 hello', '10.9.0.5 5683 hello'],
    answers: ['hello!', 'hello!'],
    taken: false,
    left: false,
  });
  assert.match(String(problem), /^tun: test0: cannot be made \(errno 16\)/, 'busy');
});

test('without an interface the error names it', {
  skip: process.platform === 'linux' ? false : 'Linux not found',
}, async () => {
  await assert.rejects(openTun({ name: 'a/b', addresses: [], routes: [], mtu: 1280 }), /^Error: tun: /);
});
