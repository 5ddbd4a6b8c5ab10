// Captures of other programs: link types, IP lengths that are wrong, every block of pcapng. No packet goes without a count.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ipPacketOf } from '../../targets/node/host/radio/link-type.ts';
import { readCapture } from '../../targets/node/host/radio/pcap.ts';
import { blockName } from '../../targets/node/host/radio/pcapng.ts';
import { CaptureError, type CaptureRecord } from '../../targets/node/host/radio/source.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
const MACS = '000000000001 000000000002';
/** 41 and 21 octets. */
const IP6 = '60000000 0001 11 40' + '00'.repeat(32) + 'aa';
const IP4 = '45000015 00000000 40110000 7f000001 7f000001' + 'bb';

function place(linkType: number, octets: string, more: Partial<CaptureRecord> = {}): string {
  const found = ipPacketOf(linkType, { data: hex(octets), ...more });
  return found.version === 0 ? found.reason : `${found.version} ${found.offset} ${found.length}`;
}

test('the IP packet in each link type', () => {
  for (const [linkType, octets, expected] of [
    [12, IP6, '6 0 41'],
    [14, IP4, '4 0 21'],
    [228, IP4, '4 0 21'],
    [229, IP6, '6 0 41'],
    [0, '02000000' + IP4, '4 4 21'],
    [0, '00000002' + IP4, '4 4 21'],
    [0, '18000000' + IP6, '6 4 41'],
    [0, '0000001c' + IP6, '6 4 41'],
    [0, '1e000000' + IP6, '6 4 41'],
    [108, '0000000a' + IP6, '6 4 41'],
    [0, '07000000' + IP4, 'address family 7'],
    [0, '0200', 'malformed'],
    [113, '0000 0001 0006 000000000001 0000 8100 0005 86dd' + IP6, '6 20 41'],
    [276, '8100 0000 00000001 0001 00 06 0000000000010000 0005 0800' + IP4, '4 24 21'],
    [113, '0000 0324 0006 000000000001 0000 00f6' + IP6, 'protocol 0x00f6'],
    [1, MACS + '0020 aaaa03000000 0800' + IP4, '4 22 21'],
    [1, MACS + '0026 424203 000000', 'an IEEE 802.3 frame'],
    [1, MACS + '8100', 'malformed'],
    [1, MACS + '8100 0005', 'malformed'],
    [1, MACS + '8864 1100', 'EtherType 0x8864'],
    [195, IP6, 'an IEEE 802.15.4 frame'],
    [215, IP6, 'an IEEE 802.15.4 frame'],
    [283, IP6, 'an IEEE 802.15.4 frame'],
    [127, IP6, 'link type 127 (IEEE802_11_RADIOTAP) is not read'],
    [65000, IP6, 'link type 65000 is not read'],
  ] as [number, string, string][]) {
    assert.equal(place(linkType, octets), expected, `${linkType} ${octets}`);
  }
});

test('an IP length that is 0 or contradicts the capture: refused, never cut', () => {
  const ethernet6 = `${MACS}86dd`;
  const ethernet4 = `${MACS}0800`;
  const jumbo = '60000000 0000 00 40' + '00'.repeat(32) + '3b00 c204 00010000';
  for (const [linkType, octets, expected] of [
    [101, jumbo, 'IP length 0'],
    [1, ethernet6 + '60000000 0000 06 40' + '00'.repeat(52), 'IP length 0'],
    [101, '45000000' + IP4.replaceAll(' ', '').slice(8), 'IP length 0'],
    [101, '45000013' + IP4.replaceAll(' ', '').slice(8), 'IP length below the header'],
    // No next header, nothing behind: a packet of 40 octets.
    [101, '60000000 0000 3b 40' + '00'.repeat(32), '6 0 40'],
    [101, '60000000 0000 3b 40' + '00'.repeat(33), 'IP length below the packet'],
    [101, '60000000 0002 11 40' + '00'.repeat(32) + 'aa', 'IP length above the packet'],
    [101, IP6 + '00', 'IP length below the packet'],
    [0, '02000000' + IP4 + '00', 'IP length below the packet'],
    // Ethernet: padding to 46 octets, and an FCS.
    [1, ethernet4 + IP4 + '00'.repeat(25), '4 14 21'],
    [1, ethernet4 + IP4 + '00'.repeat(25) + '01020304', '4 14 21'],
    [1, ethernet4 + IP4 + '00'.repeat(30), 'IP length below the packet'],
    [113, '0000 0001 0006 000000000001 0000 0800' + IP4 + '00'.repeat(25), '4 16 21'],
    [1, ethernet6 + '60000000 0064 11 40' + '00'.repeat(132) + '01020304', '6 14 140'],
    [1, ethernet6 + '60000000 0064 11 40' + '00'.repeat(132) + '0102', 'IP length below the packet'],
  ] as [number, string, string][]) {
    assert.equal(place(linkType, octets), expected, `${linkType} ${octets}`);
  }
  // What the capture says of an FCS, and of what it left out.
  assert.equal(place(1, ethernet6 + '60000000 0064 11 40' + '00'.repeat(132) + '0102', { fcs: 2 }), '6 14 140');
  assert.equal(place(101, IP6, { originalLength: 41 }), '6 0 41');
  assert.equal(place(101, IP6, { originalLength: 42 }), 'IP length below the packet');
  assert.equal(place(101, IP6.slice(0, -2), { originalLength: 41 }), 'truncated');
  assert.equal(place(101, IP6.slice(0, 40), { originalLength: 41 }), 'truncated');
  assert.equal(place(101, IP6.slice(0, -2), { originalLength: 40 }), 'IP length above the packet');
  assert.equal(place(101, IP6, { originalLength: 40 }), 'more captured than there was');
});

/** A pcapng block; `size`: with so many zeros behind its body. */
function block(type: number, body: string, size = 0): Buffer {
  const octets = hex(body);
  const length = 12 + ((octets.length + 3) & ~3) + size;
  const out = Buffer.alloc(length);
  for (const [at, value] of [
    [0, type],
    [4, length],
    [length - 4, length],
  ])
    out.writeUInt32LE(value, at);
  octets.copy(out, 8);
  return out;
}

const SECTION = block(0x0a0d0d0a, '4d3c2b1a 0100 0000 ffffffffffffffff');
const RAW = block(1, '6500 0000 00000000');
const packet = (octets: string): string => {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(hex(octets).length);
  return size.toString('hex').repeat(2) + octets;
};

test('every block: packets are read, the rest is left out and told, whatever its size', () => {
  const others = [4, 5, 9, 10, 0xbad, 0x40000bad, 0x204, 0, 0x80000001];
  const big = 3 << 20;
  const file = Buffer.concat([
    SECTION,
    RAW,
    ...others.map((type) => block(type, '01', big)),
    block(6, `00000000 00000000 40420f00 ${packet('600102')}`),
    // The obsolete one: interface of 16 bits, drops.
    block(2, `0000 0900 00000000 80841e00 ${packet('600103')}`),
    block(3, '03000000 600104'),
    // With options: a comment, epb_flags (inbound, 4 octets of FCS), a count of drops.
    block(
      6,
      `00000000 00000000 40420f00 ${packet('600105')}00 0100 0300 61626300 0200 0400 81000000 0400 0800 01 00 00 00 00 00 00 00 0000 0000`,
    ),
    // A section header with options of 3 MiB, another interface.
    block(0x0a0d0d0a, '4d3c2b1a 0100 0200 ffffffffffffffff', big),
    block(1, '0100 0000 00000000 0d00 0100 04000000 0900 0100 83000000 0e00 0800 6400000000000000 00000000'),
    block(6, `00000000 00000000 10000000 ${packet('aa')}`),
    block(1, '0100 0000 00000000 0d00 0100 20000000'),
    block(6, `01000000 00000000 10000000 ${packet('bb')}`),
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-'));
  try {
    const path = join(folder, 'kinds.pcapng');
    writeFileSync(path, file);
    for (const source of [file, path]) {
      const told: [number, number][] = [];
      const records = [...readCapture(source, (type, length) => void told.push([type, length]))];
      assert.deepEqual(
        records.map(({ linkType, time, data, fcs }) => [linkType, time, Buffer.from(data).toString('hex'), fcs]),
        [
          [101, 1, '600102', -1],
          [101, 2, '600103', -1],
          [101, 0, '600104', -1],
          [101, 1, '600105', 4],
          [1, 102, 'aa', 4],
          [1, 0.000016, 'bb', 4],
        ],
      );
      assert.deepEqual(
        told,
        others.map((type) => [type, 16 + big]),
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  assert.deepEqual([4, 5, 10, 0xbad, 0x40000bad, 0x204].map(blockName), [
    'name resolution',
    'interface statistics',
    'decryption secrets',
    'custom',
    'custom',
    'type 0x204',
  ]);
});

test('packets longer than a MiB are read in part and told as cut, those behind them are read', () => {
  const long = 3 << 20;
  const size = hex('00003000');
  assert.equal(size.readUInt32LE(), long);
  const pcapng = Buffer.concat([
    SECTION,
    RAW,
    block(6, '00000000 00000000 00000000 00003000 00003000', long),
    block(3, '00003000', long),
    block(3, '03000000 600104'),
  ]);
  const pcap = Buffer.concat([
    hex('d4c3b2a1 0200 0400 0000000000000000 ffff0000 65000000'),
    hex('00000000 00000000 00003000 00003000'),
    Buffer.alloc(long),
    hex('00000000 00000000 03000000 03000000 600104'),
  ]);
  for (const file of [pcapng, pcap]) {
    const records = [...readCapture(file)];
    for (const record of records.slice(0, -1)) {
      assert.deepEqual([record.data.length, record.originalLength], [1 << 20, long]);
    }
    assert.equal(Buffer.from(records.at(-1)!.data).toString('hex'), '600104');
    assert.throws(() => [...readCapture(file.subarray(0, 2 << 20))], /wanted, the file ends after/);
  }
});

test('other files and versions: named', () => {
  for (const [octets, message] of [
    ['1f8b0800 00000000', /^compressed with gzip: decompress it first/],
    ['d4c3b2a1 0100 0400 0000000000000000 ffff0000 65000000', /^pcap version 1\.4: must be 2/],
    ['0a0d0d0a 1c000000 4d3c2b1a 0200 0000 ffffffffffffffff 1c000000', /^pcapng version 2: must be 1/],
  ] as const) {
    assert.throws(
      () => [...readCapture(hex(octets))],
      (error) => error instanceof CaptureError && message.test(error.message),
      octets,
    );
  }
  // pcap of patched kernels has eight octets more.
  const modified = hex(
    `34cdb2a1 0200 0400 0000000000000000 ffff0000 65000000 01000000 00000000 03000000 03000000 0100 0000 86dd 00 00 600102`,
  );
  assert.deepEqual(
    [...readCapture(modified)].map(({ data }) => Buffer.from(data).toString('hex')),
    ['600102'],
  );
});
