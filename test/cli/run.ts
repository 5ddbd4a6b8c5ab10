// Runs the command line as a process, as a user does.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DIETESP } from '../support/command.ts';

/** The project's root. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const EXAMPLES = join(ROOT, 'targets', 'node', 'examples');

/** Gateways of tests keep their state here, not where those of the user do. */
if (process.env.STATE_DIRECTORY === undefined) {
  // In memory where there is such a place: other tests keep the disk busy for seconds.
  const state = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'dietesp-state-'));
  process.env.STATE_DIRECTORY = state;
  after(() => rmSync(state, { recursive: true, force: true }));
}

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `dietesp ...args` in the project's root. */
export function dietesp(...args: string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...DIETESP, ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const outcome: Outcome = { code: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      outcome.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      outcome.stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...outcome, code }));
  });
}

/** A folder of its own, removed after the file's tests. */
export function scratch(): { path(name: string): string; file(name: string, text: string | Uint8Array): string } {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-cli-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return {
    path: (name) => join(folder, name),
    file(name, text) {
      const path = join(folder, name);
      // Keys may be in it.
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    },
  };
}

/** True for one line of error without a stack trace. */
export function isOneLine(stderr: string): boolean {
  return /^error: [^\n]+\n$/.test(stderr) && !stderr.includes('    at ');
}
