// Files that a command must not overwrite or accept: its input under another name, key files, an SA given twice.

import assert from 'node:assert/strict';
import { linkSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dietesp, EXAMPLES, isOneLine, scratch } from './run.ts';

const SA = join(EXAMPLES, 'leshan.yaml');
const files = scratch();
/** A pcap without packets. */
const EMPTY = Uint8Array.from(Buffer.from('d4c3b2a1020004000000000000000000ffff000065000000', 'hex'));

test('the output is neither the input under another name nor the SA file', async () => {
  const input = files.file('in.pcap', Buffer.concat([EMPTY, Buffer.alloc(16)]));
  const other = files.path('other.pcap');
  linkSync(input, other);
  const sa = files.file('sa.yaml', readFileSync(SA));
  for (const command of ['compress', 'decompress']) {
    for (const output of [input, other, sa]) {
      const { code, stderr } = await dietesp(command, '--sa', sa, input, output);
      assert.equal(code, 2, stderr);
      assert.ok(isOneLine(stderr) && stderr.includes('is the file to read'), stderr);
    }
  }
  assert.equal(readFileSync(input).length, EMPTY.length + 16);
  assert.deepEqual(readFileSync(sa), readFileSync(SA));
});

test('compress refuses two SAs with one SPI to one destination: with one key nonces would repeat', async () => {
  const text = readFileSync(SA, 'utf8');
  const first = text.slice(text.indexOf('  - name'), text.lastIndexOf('  - name'));
  const sa = files.file('twice.yaml', text + first.replace('37024, 37024', '37025, 37025'));
  const { code, stderr } = await dietesp('compress', '--sa', sa, files.file('e.pcap', EMPTY), files.path('o.pcap'));
  assert.equal(code, 1, stderr);
  assert.ok(isOneLine(stderr), stderr);
  assert.match(stderr, /twice\.yaml:\d+: sas\[2\]\.esp_spi: 103: an SA to this destination has it already/);
});
