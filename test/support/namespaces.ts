// What tests need that make interfaces in network namespaces of their own.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sourceRoot } from '../../targets/build/root.ts';

/** For `skip`: what is missing for a TUN interface in a network namespace, and for the calls of koffi; false: nothing. */
export function namespaceMissing(programs: readonly string[] = ['ip']): string | false {
  if (process.platform !== 'linux') return 'Linux not found';
  if (process.getuid?.() !== 0) return 'root rights not found';
  if (!existsSync('/dev/net/tun')) return '/dev/net/tun not found';
  if (!existsSync(join(sourceRoot(), 'node_modules', 'koffi'))) return 'the package koffi not found';
  const absent = programs.find((program) => spawnSync(program, ['--help']).error !== undefined);
  if (absent !== undefined) return `the command ${absent} not found`;
  return spawnSync('unshare', ['-n', 'true']).status === 0 ? false : 'network namespaces not found';
}
