// own.json against other software: scapy for packets and ordinary ESP, the Python cryptography package for seal and ICV.
// PYTHON names the interpreter. Without scapy the tests are skipped by name.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { VectorFile } from './types.ts';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const candidates = process.env['PYTHON'] ? [process.env['PYTHON']] : ['python3', '/usr/bin/python3'];
const python = candidates.find(
  (name) =>
    spawnSync(name, ['-c', 'import scapy.layers.ipsec, cryptography.hazmat.primitives.ciphers.aead']).status === 0,
);
const skip = python === undefined ? 'scapy not found' : false;

interface Report {
  inner: Record<string, number>;
  crypto: number;
  ordinary: string[];
  errors: string[];
}

function check(file: string): Report {
  const run = spawnSync(python!, [path('scapy_check.py'), file], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  return JSON.parse(run.stdout) as Report;
}

test('scapy agrees on the inner packets, the seals and the ordinary ESP of own.json', { skip }, () => {
  const vectors = (JSON.parse(readFileSync(path('../vectors/own.json'), 'utf8')) as VectorFile).vectors;
  const report = check(path('../vectors/own.json'));
  assert.deepEqual(report.errors, []);
  assert.equal(report.crypto, vectors.length);
  assert.equal(
    Object.values(report.inner).reduce((a, b) => a + b, 0),
    vectors.length,
  );
  const suites = ['AES_CCM_8', 'AES_CCM_16', 'AES_GCM_16', 'CHACHA20_POLY1305', 'NULL_HMAC_SHA2_256_128'];
  const expected = [...suites, 'AES_CBC_HMAC_SHA2_256_128'].flatMap((suite) => [suite, suite]).sort();
  assert.deepEqual(report.ordinary.sort(), expected);
});

test('scapy finds a wrong checksum and a wrong ICV', { skip }, () => {
  const file = JSON.parse(readFileSync(path('../vectors/own.json'), 'utf8')) as VectorFile;
  const first = file.vectors[0]!;
  const wrongSum = { ...first, inner: first.inner.slice(0, -2) + (first.inner.endsWith('00') ? '01' : '00') };
  const wrongIcv = { ...first, esp: first.esp.slice(0, -2) + (first.esp.endsWith('00') ? '01' : '00') };
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-'));
  try {
    const name = join(folder, 'wrong.json');
    writeFileSync(name, JSON.stringify({ ...file, vectors: [wrongSum, wrongIcv] }));
    assert.equal(check(name).errors.length, 2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
