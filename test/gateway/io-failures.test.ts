// What the system refuses: nothing is lost that could be sent, what is lost is counted, and nothing spins or ends.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../cli/run.ts';
import { namespaceMissing } from '../support/namespaces.ts';

test('refused by the system: UDP sockets and a network interface', { skip: namespaceMissing() }, () => {
  const child = join(ROOT, 'test', 'gateway', 'io-failures-child.ts');
  const script = `ip link set lo up && exec ${process.execPath} --import tsx ${child}`;
  const { stdout, stderr, status } = spawnSync('unshare', ['-n', 'sh', '-c', script], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 60000,
  });
  assert.equal(status, 0, stderr);
  const { kind, udp, tun, reads, rounds } = JSON.parse(stdout);
  const isRun = (kind as string).includes('GSO');
  const one = { came: 19, inOrder: true, unsent: 1 };
  const whole = { came: 20, inOrder: true, unsent: 0 };
  assert.deepEqual(udp, {
    none: whole,
    large: whole,
    full: whole,
    fullTwice: whole,
    noBuffers: isRun ? { came: 4, inOrder: true, unsent: 16 } : one,
    runTooLong: isRun ? whole : one,
    noChecksums: isRun ? whole : one,
    forbidden: one,
    noRoute: 5,
    again: whole,
    failed: 1,
    taken: 2,
  });
  assert.deepEqual(tun, {
    none: { came: 20, lost: 0 },
    full: { came: 0, lost: 20 },
    down: { came: 0, lost: 20 },
    up: { came: 20, lost: 0 },
    deleted: { came: 0, lost: 20 },
    gone: 1,
  });
  // Each round reads the other end's wake-ups at most.
  assert.ok(reads <= rounds, `${reads} reads in ${rounds} rounds`);
});
