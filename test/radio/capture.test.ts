import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { ipPacketOf } from '../../targets/node/host/radio/link-type.ts';
import { createPcapWriter, readCapture } from '../../targets/node/host/radio/pcap.ts';
import { CaptureError } from '../../targets/node/host/radio/source.ts';
import { targets } from '../fuzz/link-targets.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const CAPTURES = process.env.CAPTURES_DIR ?? join(import.meta.dirname, '../../../shared/captures');

function pcapOf(linkType: number, packets: [number, Uint8Array][]): Uint8Array {
  const pieces: Uint8Array[] = [];
  const writer = createPcapWriter((octets) => pieces.push(octets.slice()), linkType);
  for (const [time, packet] of packets) writer.write(time, packet);
  writer.close();
  return new Uint8Array(Buffer.concat(pieces));
}

/** A pcapng block in either byte order. */
function block(little: boolean, type: number, body: Uint8Array): Uint8Array {
  const length = 12 + body.length + (-body.length & 3);
  const out = new Uint8Array(length);
  const view = new DataView(out.buffer);
  view.setUint32(0, type, little);
  view.setUint32(4, length, little);
  out.set(body, 8);
  view.setUint32(length - 4, length, little);
  return out;
}

function words(little: boolean, ...values: [number, 2 | 4][]): Uint8Array {
  const out = new Uint8Array(values.reduce((sum, [, size]) => sum + size, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const [value, size] of values) {
    if (size === 2) view.setUint16(at, value, little);
    else view.setUint32(at, value, little);
    at += size;
  }
  return out;
}

const cat = (...pieces: Uint8Array[]) => new Uint8Array(Buffer.concat(pieces));

function section(little: boolean, tsresol: number): Uint8Array {
  return cat(
    block(little, 0x0a0d0d0a, words(little, [0x1a2b3c4d, 4], [1, 2], [0, 2], [0xffffffff, 4], [0xffffffff, 4])),
    block(
      little,
      1,
      cat(
        words(little, [1, 2], [0, 2], [6, 4], [9, 2], [1, 2]),
        new Uint8Array([tsresol, 0, 0, 0]),
        words(little, [0, 4]),
      ),
    ),
    block(little, 0x0bad, hex('0102030405060708')),
    block(little, 6, cat(words(little, [0, 4], [0, 4], [3_000_500, 4], [5, 4], [9, 4]), hex('0102030405'))),
    block(little, 3, cat(words(little, [100, 4]), hex('a1a2a3a4a5a6'))),
  );
}

test('pcap: what is written is read; a golden header', () => {
  const file = pcapOf(195, [
    [1500.25, hex('0200 6a e479')],
    [1_700_000_000_123, hex('')],
  ]);
  assert.equal(
    toHex(file),
    'd4c3b2a1' +
      '02000400' +
      '0000000000000000' +
      'ffff0000' +
      'c3000000' +
      '01000000' +
      '1aa20700' +
      '05000000' +
      '05000000' +
      '02006ae479' +
      '00f15365' +
      '78e00100' +
      '0000000000000000',
  );
  const records = [...readCapture(file)];
  assert.deepEqual(
    records.map((r) => [r.linkType, Math.round(r.time * 1e6) / 1e6, toHex(r.data), r.originalLength, r.offset]),
    [
      [195, 1.50025, '02006ae479', 5, 24],
      [195, 1_700_000_000.123, '', 0, 45],
    ],
  );
  const without = [...readCapture(pcapOf(230, [[0, hex('02006ae479')]]))];
  assert.equal(toHex(without[0].data), '02006a', 'link type 230 has no FCS');
});

test('pcap: other byte order, nanoseconds, FCS bits beside the link type', () => {
  const file = hex('a1b23c4d 0002 0004 00000000 00000000 0000ffff 24000065' + '00000002 1dcd6500 00000001 00000009 60');
  const [record] = [...readCapture(file)];
  assert.deepEqual(
    [record.linkType, record.time, toHex(record.data), record.originalLength, record.fcs],
    [101, 2.5, '60', 9, 4],
  );
});

test('a file on disk, longer than the reader’s buffer, is read with the same records', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-'));
  try {
    const path = join(folder, 'a.pcap');
    const writer = createPcapWriter(path, 101);
    const packets = Array.from({ length: 300 }, (_, i) => new Uint8Array(i * 5).fill(i));
    packets.forEach((packet, i) => {
      writer.write(i, packet);
    });
    writer.close();
    const records = [...readCapture(path)];
    assert.deepEqual(
      records.map((r) => toHex(r.data)),
      packets.map(toHex),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('pcapng: both byte orders in one file, time resolution, simple packets, unknown blocks', () => {
  // 10^-6 s, then 2^-10 s.
  const file = cat(section(true, 6), section(false, 0x8a));
  const records = [...readCapture(file)].map((r) => [r.linkType, r.time, toHex(r.data), r.originalLength]);
  assert.deepEqual(records, [
    [1, 3.0005, '0102030405', 9],
    [1, 0, 'a1a2a3a4a5a6', 100],
    [1, 3_000_500 / 1024, '0102030405', 9],
    [1, 0, 'a1a2a3a4a5a6', 100],
  ]);
});

test('malformed files: the error names the place', () => {
  const fails = (file: Uint8Array, message: RegExp, offset: number) =>
    assert.throws(
      () => [...readCapture(file)],
      (error) => {
        assert.ok(error instanceof CaptureError, String(error));
        assert.match(error.message, message);
        assert.equal(error.offset, offset);
        return true;
      },
    );
  fails(hex('0102'), /4 octets wanted, the file ends after 2/, 0);
  fails(hex('01020304'), /not a pcap/, 0);
  const pcap = pcapOf(101, [[0, hex('600102')]]);
  fails(pcap.subarray(0, 30), /record header/, 24);
  fails(pcap.subarray(0, 42), /3 octets wanted, the file ends after 2/, 40);
  const huge = pcap.slice();
  huge[35] = 0x7f;
  fails(huge, /record of \d+ octets/, 24);
  const png = section(true, 6);
  fails(cat(png, hex('06000000 0d000000')), /block length 13/, png.length + 4);
  fails(cat(png, hex('0600')), /ends in a block/, png.length);
  const bad = png.slice();
  bad[bad.length - 2] ^= 1;
  fails(bad, /two lengths/, png.length - 4);
  fails(cat(png, block(true, 6, words(true, [7, 4], [0, 4], [0, 4], [0, 4], [0, 4]))), /interface 7/, png.length);
  fails(cat(png, block(true, 6, words(true, [0, 4], [0, 4], [0, 4], [5, 4], [5, 4]))), /leaves its block/, png.length);
  // Cut anywhere: an error with a place inside, or fewer records.
  for (const file of [pcap, png]) {
    for (let n = 0; n < file.length; n++) {
      try {
        assert.ok([...readCapture(file.subarray(0, n))].length < 3);
      } catch (error) {
        assert.ok(error instanceof CaptureError && error.offset <= n, `${n}: ${error}`);
      }
    }
  }
});

test('the IP packet in each link type', () => {
  const ip6 = hex('60000000 0001 3b 40' + '00'.repeat(32) + 'aa');
  const ip4 = hex('45000015 00000000 40110000 7f000001 7f000001' + 'bb');
  const macs = '000000000001 000000000002';
  const place = (linkType: number, data: Uint8Array) => {
    const found = ipPacketOf(linkType, { data });
    return found.version === 0 ? found.reason : `${found.version} ${found.offset} ${found.length}`;
  };
  assert.equal(place(101, ip6), '6 0 41');
  assert.equal(place(101, ip4), '4 0 21');
  assert.equal(place(1, cat(hex(macs + '86dd'), ip6, hex('0000'))), '6 14 41', 'padding is left out');
  assert.equal(place(1, cat(hex(macs + '8100 0005 0800'), ip4)), '4 18 21');
  assert.equal(place(1, cat(hex(macs + '88a8 0005 8100 0006 86dd'), ip6)), '6 22 41');
  assert.equal(place(113, cat(hex('0000 0001 0006 000000000001 0000 86dd'), ip6)), '6 16 41');
  assert.equal(place(276, cat(hex('86dd 0000 00000001 0001 00 06 0000000000010000'), ip6)), '6 20 41');
  assert.equal(place(1, hex(macs + '0806')), 'EtherType 0x0806');
  assert.equal(place(1, hex('0102')), 'malformed');
  assert.equal(place(101, hex('50')), 'IP version 5');
  assert.equal(place(101, ip6.subarray(0, 39)), 'malformed');
  assert.equal(place(101, ip6.subarray(0, 40)), 'IP length above the packet');
  assert.equal(place(195, ip6), 'an IEEE 802.15.4 frame');
  assert.equal(place(999, ip6), 'link type 999 is not read');
});

const leshan = join(CAPTURES, 'leshan-thermostat-readings.pcapng');
test('a real capture: 10,000 frames of IPv6 over Ethernet', {
  skip: existsSync(leshan) ? false : 'CAPTURES_DIR not found',
}, () => {
  let packets = 0;
  let octets = 0;
  for (const record of readCapture(leshan)) {
    const place = ipPacketOf(record.linkType, record);
    assert.equal(place.version, 6);
    packets++;
    octets += place.length;
  }
  assert.equal(packets, 10000);
  assert.equal(octets, 836270 - 14 * packets);
});

for (const target of targets) {
  test(`fuzz target ${target.name}: random octets and mutated samples`, () => {
    const samples = [
      pcapOf(1, [[0, hex('0102')]]),
      section(true, 6),
      section(false, 9),
      hex('4558 0201 1a 0000 01 ff' + '00'.repeat(22) + '05 02006ae479'),
    ];
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200, size: 'max' }),
        fc.nat(samples.length),
        fc.nat(1 << 20),
        fc.nat(255),
        (bytes, sample, at, value) => {
          target.run(bytes);
          if (sample === samples.length) return;
          const mutated = samples[sample].slice();
          mutated[at % mutated.length] = value;
          target.run(mutated);
        },
      ),
      { numRuns: 300 },
    );
  });
}
