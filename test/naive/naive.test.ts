// The naive implementation against the vectors of diet-esp.json, which another program made, in both directions.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { reorderRange } from './decompress.ts';
import { protect, recoverSn, unprotect } from './naive.ts';
import type { VectorFields, VectorFile } from './types.ts';

const file = JSON.parse(readFileSync(new URL('../vectors/diet-esp.json', import.meta.url), 'utf8')) as VectorFile;

for (const vector of file.vectors) {
  test(`naive protect ${vector.id}: ${vector.title}`, () => {
    const { id: _id, title: _title, depends_on: _depends, note: _note, sa: _sa, inner: _inner, ...expected } = vector;
    const iv = vector.iv === '' ? undefined : Buffer.from(vector.iv, 'hex');
    assert.deepEqual(protect(vector.sa, Buffer.from(vector.inner, 'hex'), iv), expected satisfies VectorFields);
  });
  test(`naive unprotect ${vector.id}`, () => {
    const back = unprotect(vector.sa, Buffer.from(vector.wire, 'hex')).toString('hex');
    assert.equal(back, vector.lossless ? vector.inner : vector.decompressed);
  });
}

test('naive SN recovery', () => {
  for (const row of file.sn_recovery) {
    const sn = recoverSn(BigInt('0x' + row.T), BigInt('0x' + row.received), row.esp_sn_lsb, row.window, row.esn);
    assert.equal(sn === null ? null : sn.toString(16), row.sn, JSON.stringify(row));
    assert.equal(Number(reorderRange(row.esp_sn_lsb, row.window)), row.R, JSON.stringify(row));
  }
});
