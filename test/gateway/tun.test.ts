// The network interface, as root, in a network namespace of its own.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTun } from '../../targets/node/gateway/tun.ts';
import { ROOT } from '../cli/run.ts';
import { namespaceMissing } from '../support/namespaces.ts';

test('packets out of the interface and into it', { skip: namespaceMissing() }, () => {
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
