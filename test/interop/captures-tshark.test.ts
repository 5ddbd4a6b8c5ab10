// Captures that other programs write: editcap makes every kind of file of one, mergecap puts interfaces of several link types
// into one. tshark counts the packets, we read as many.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ipPacketOf } from '../../targets/node/host/radio/link-type.ts';
import { createPcapWriter, readCapture } from '../../targets/node/host/radio/pcap.ts';
import { scratch } from '../cli/run.ts';
import { packageMissing } from '../support/packages.ts';

const files = scratch();
const skip = packageMissing('tshark');
const COUNT = 20;

function packetOf(i: number): Uint8Array {
  const packet = Buffer.alloc(40 + 8 + i, i);
  packet.writeUInt32BE(0x60000000);
  packet.writeUInt16BE(8 + i, 4);
  packet.writeUInt16BE(0x1140, 6);
  packet.writeUInt16BE(8 + i, 44);
  return packet;
}

function capture(name: string, linkType: number, head: string): string {
  const path = files.path(name);
  const writer = createPcapWriter(path, linkType);
  for (let i = 0; i < COUNT; i++) {
    writer.write(1700000000000 + i * 250.25, Buffer.concat([Buffer.from(head, 'hex'), packetOf(i)]));
  }
  writer.close();
  return path;
}

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' });

/** Link type, time, octets of each packet, as tshark and as we read them. */
function compare(path: string): number {
  const records = [...readCapture(path)];
  const read = run(
    'tshark',
    '-r',
    path,
    '-T',
    'fields',
    '-e',
    'frame.time_epoch',
    '-e',
    'frame.cap_len',
    '-e',
    'frame.len',
  )
    .trim()
    .split('\n');
  assert.deepEqual(
    records.map(({ time, data, originalLength }) => `${time.toFixed(5)}\t${data.length}\t${originalLength}`),
    read.map((line) => line.replace(/^(\d+\.\d{5})\d*/, '$1')),
    path,
  );
  return records.length;
}

test('what editcap writes', { skip }, () => {
  const input = capture('ethernet.pcap', 1, '00000000000100000000000286dd');
  for (const [kind, more] of [
    ['pcap', []],
    ['nsecpcap', []],
    ['modpcap', []],
    ['pcapng', []],
    ['pcapng', ['-s', '50']],
    [
      'pcapng',
      [
        '--inject-secrets',
        `tls,${files.file('secrets.txt', `CLIENT_RANDOM ${'00'.repeat(32)} ${'11'.repeat(48)}\n`.repeat(12000))}`,
      ],
    ],
    ['pcapng', ['--capture-comment', 'x'.repeat(60000)]],
    ['pcapng', ['-a', '3:a comment']],
  ] as [string, string[]][]) {
    const output = files.path(`out-${kind}`);
    run('editcap', '-F', kind, ...more, input, output);
    assert.equal(compare(output), COUNT, `${kind} ${more}`);
    const isCut = more[0] === '-s';
    for (const [i, record] of [...readCapture(output)].entries()) {
      const { length, reason } = ipPacketOf(record.linkType, record);
      assert.deepEqual([length, reason], isCut ? [0, 'truncated'] : [48 + i, '']);
    }
  }
});

test('what mergecap writes: interfaces of several link types; sections one behind the other', { skip }, () => {
  const inputs = [
    capture('a.pcap', 1, '00000000000100000000000286dd'),
    capture('b.pcap', 101, ''),
    capture('c.pcap', 0, '1e000000'),
    capture('d.pcap', 113, '000000010006000000000001000086dd'),
    capture('e.pcap', 276, '86dd000000000001000100060000000000010000'),
  ];
  const merged = files.path('merged.pcapng');
  run('mergecap', '-w', merged, ...inputs);
  assert.equal(compare(merged), COUNT * inputs.length);
  for (const record of readCapture(merged)) assert.equal(ipPacketOf(record.linkType, record).version, 6);
  const twice = files.file('twice.pcapng', Buffer.concat([readFileSync(merged), readFileSync(merged)]));
  assert.equal(compare(twice), 2 * COUNT * inputs.length);
});
