// Wycheproof's AES-CCM (128-bit keys) and HMAC-SHA256 vectors through the portable cryptography on every engine.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { everywhere } from './everywhere.ts';

const folder = resolve(sourceRoot(), process.env['WYCHEPROOF_DIR'] ?? '../shared/wycheproof');

interface Group {
  keySize: number;
  ivSize: number;
  tagSize: number;
  tests: { tcId: number; result: string; [field: string]: string | number }[];
}

function cases(file: string, make: (group: Group, vector: Group['tests'][0]) => string[] | undefined): string[][] {
  const groups = JSON.parse(readFileSync(join(folder, file), 'utf8')).testGroups as Group[];
  const all: string[][] = [];
  for (const group of groups) {
    for (const vector of group.tests) {
      const made = vector.result === 'valid' ? make(group, vector) : undefined;
      if (made !== undefined) all.push([String(vector.tcId), ...made]);
    }
  }
  return all;
}

const ENTRY = 'test/engines/crypto.entry.ts';

if (!existsSync(folder)) {
  test('Wycheproof vectors on the engines', { skip: 'WYCHEPROOF_DIR not found' }, () => {});
} else {
  const ccm = cases('aes_ccm_test.json', (group, v) => {
    if (group.keySize !== 128 || group.ivSize < 56 || group.ivSize > 104) return undefined;
    return ['ccm', v['key'], v['iv'], v['aad'], v['msg'], String(v['ct']) + v['tag']].map(String);
  });
  const hmac = cases('hmac_sha256_test.json', (group, v) =>
    group.tagSize === 256 ? ['hmac', v['key'], v['msg'], v['tag']].map(String) : undefined,
  );
  everywhere('Wycheproof AES-CCM', ENTRY, ccm);
  everywhere('Wycheproof HMAC-SHA256', ENTRY, hmac);
}
