// Captures of IP packets to frames and back, through the process.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { emitIpv6 } from '../../core/wire/ipv6.ts';
import { emitUdp } from '../../core/wire/udp.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { pcapHeader, pcapRecord, readCapture } from '../../targets/node/host/radio/pcap.ts';
import type { CaptureRecord } from '../../targets/node/host/radio/source.ts';
import { findIp } from '../../targets/node/tools/convert/packets.ts';
import { dietesp, EXAMPLES, isOneLine, ROOT, scratch } from './run.ts';

const files = scratch();
const SA = join(EXAMPLES, 'tunnel.yaml');

interface Summary {
  packetsIn: number;
  packetsOut: number;
  framesIn: number;
  framesOut: number;
  clearOctets: number;
  airOctets: number;
  clearAirOctets: number;
  plainAirOctets: number;
  drops: Record<string, number>;
}

/** A packet for the SA of tunnel.yaml. */
function packetOf(payload: number, port = 4500): Uint8Array {
  const packet = new Uint8Array(48 + payload).fill(0x5a, 48);
  packet.set(addressOctets('2001:db8::1234')!, 8);
  packet.set(addressOctets('2001:db8::5678')!, 24);
  emitIpv6(packet, 0, 0, 0, 8 + payload, 17, 64);
  emitUdp(packet, 40, packet.length, 0, 5001, port);
  return packet;
}

function captureOf(linkType: number, packets: Uint8Array[]): Uint8Array {
  const records = packets.map((packet, index) => pcapRecord(1700000000000 + index * 1000.001, packet));
  return Buffer.concat([pcapHeader(linkType), ...records]);
}

function withHead(head: string, packet: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(head, 'hex'), packet]);
}

function recordsOf(file: string): CaptureRecord[] {
  return [...readCapture(file)];
}

async function summaryOf(command: string, sa: string, input: string, output: string): Promise<Summary> {
  const { code, stdout, stderr } = await dietesp(command, '--sa', sa, input, output, '--json');
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  return JSON.parse(stdout) as Summary;
}

const HEADS: [number, string][] = [
  [101, ''],
  [12, ''],
  [14, ''],
  [0, '1e000000'],
  [108, '0000000a'],
  [1, '00'.repeat(12) + '86dd'],
  [1, '00'.repeat(12) + '8100000186dd'],
  [113, '00'.repeat(14) + '86dd'],
  [276, '86dd' + '00'.repeat(18)],
];

for (const [linkType, head] of HEADS) {
  test(`link type ${linkType}${head.includes('8100') ? ' with a VLAN tag' : ''}: there and back`, async () => {
    const packets = [packetOf(4), packetOf(0), packetOf(90), packetOf(1150)];
    const input = files.file(
      `in-${linkType}.pcap`,
      captureOf(
        linkType,
        packets.map((packet) => withHead(head, packet)),
      ),
    );
    const frames = files.path(`frames-${linkType}.pcap`);
    const output = files.path(`out-${linkType}.pcap`);
    const down = await summaryOf('compress', SA, input, frames);
    assert.equal(down.packetsIn, 4);
    assert.equal(down.packetsOut, 4);
    assert.deepEqual(down.drops, {});
    const onAir = recordsOf(frames);
    assert.equal(onAir.length, down.framesOut);
    assert.ok(down.framesOut > 4);
    for (const frame of onAir) {
      assert.equal(frame.linkType, 195);
      assert.ok(frame.data.length <= 127);
    }
    // Preamble, delimiter and length octet are on air, too.
    assert.equal(
      down.airOctets,
      onAir.reduce((sum, frame) => sum + frame.data.length + 6, 0),
    );
    assert.ok(down.airOctets < down.clearAirOctets + 4 * 8);
    assert.ok(down.clearAirOctets < down.plainAirOctets);
    const up = await summaryOf('decompress', SA, frames, output);
    assert.equal(up.framesIn, down.framesOut);
    assert.equal(up.packetsOut, 4);
    const restored = recordsOf(output);
    assert.deepEqual(
      restored.map((record) => record.linkType),
      [101, 101, 101, 101],
    );
    restored.forEach((record, index) => {
      assert.deepEqual(new Uint8Array(record.data), packets[index]);
      assert.equal(Math.round(record.time * 1e6), Math.round((1700000000 + index * 1.000001) * 1e6));
    });
  });
}

test('IPv4 packets in an IPv6 tunnel: there and back, and no clear 6LoWPAN to compare with', async () => {
  const all = JSON.parse(readFileSync(join(ROOT, 'test', 'vectors', 'diet-esp.json'), 'utf8')) as {
    vectors: { id: string; sa: object; inner: string; wire: string }[];
  };
  const vector = all.vectors.find(({ id }) => id === 'B1')!;
  const sa = files.file('b1.json', JSON.stringify(vector.sa));
  const inner = Uint8Array.from(Buffer.from(vector.inner, 'hex'));
  const input = files.file('b1.pcap', captureOf(1, [withHead('00'.repeat(12) + '0800', inner)]));
  const down = await summaryOf('compress', sa, input, files.path('b1-frames.pcap'));
  assert.equal(down.packetsOut, 1);
  assert.equal(down.clearAirOctets, 0);
  assert.ok(down.plainAirOctets > down.airOctets);
  await summaryOf('decompress', sa, files.path('b1-frames.pcap'), files.path('b1-out.pcap'));
  assert.deepEqual(new Uint8Array(recordsOf(files.path('b1-out.pcap'))[0].data), inner);
});

test('transport mode: there and back', async () => {
  const packet = new Uint8Array(58).fill(0x41, 48);
  packet.set(addressOctets('fd00::1')!, 8);
  packet.set(addressOctets('fd00::2')!, 24);
  emitIpv6(packet, 0, 0, 0, 18, 17, 64);
  emitUdp(packet, 40, packet.length, 0, 1234, 5678);
  const input = files.file('transport.pcap', captureOf(101, [packet, packet]));
  const sa = join(EXAMPLES, 'transport.json');
  const frames = files.path('transport-frames.pcap');
  const context = ['--context', '0=fd00::/112', '--mac', 'fd00::2=1122334455660002'];
  assert.equal((await dietesp('compress', '--sa', sa, input, frames, ...context)).code, 0);
  // MHR 15, IPHC 3, ESP 4 + 8 + 12 + 8, FCS 2.
  assert.deepEqual(
    recordsOf(frames).map((record) => record.data.length),
    [52, 52],
  );
  const output = files.path('transport-out.pcap');
  assert.equal((await dietesp('decompress', '--sa', sa, frames, output, ...context)).code, 0);
  for (const record of recordsOf(output)) assert.deepEqual(new Uint8Array(record.data), packet);
});

test('what no SA takes is counted by reason', async () => {
  const bad = packetOf(4);
  bad[50] ^= 1;
  const wrongVersion = packetOf(4);
  wrongVersion[0] = 0x50;
  const ethernet = (packet: Uint8Array): Uint8Array => withHead('00'.repeat(12) + '86dd', packet);
  const input = files.file(
    'mixed.pcap',
    captureOf(1, [
      ethernet(packetOf(4)),
      ethernet(packetOf(4, 4501)),
      ethernet(packetOf(4, 4501)),
      ethernet(bad),
      ethernet(wrongVersion),
      withHead('00'.repeat(12) + '0806', new Uint8Array(28)),
      ethernet(packetOf(4)).subarray(0, 40),
    ]),
  );
  const summary = await summaryOf('compress', SA, input, files.path('mixed-frames.pcap'));
  assert.equal(summary.packetsIn, 7);
  assert.equal(summary.packetsOut, 1);
  assert.deepEqual(summary.drops, {
    'no-sa': 2,
    checksum: 1,
    'IP version 5': 1,
    'EtherType 0x0806': 1,
    malformed: 1,
  });
  const { stdout } = await dietesp('compress', '--sa', SA, input, files.path('mixed-frames.pcap'));
  assert.match(stdout, /^7 packets, 1 carried in 1 frames\ndropped: no-sa 2, checksum 1, /);
});

/** Each of `frames` (with FCS) as another link type has it. */
const FRAME_KINDS: [string, number, string[], (frame: Uint8Array) => Uint8Array][] = [
  ['215', 215, [], (frame) => withHead('00000000a7' + frame.length.toString(16).padStart(2, '0'), frame)],
  ['230', 230, [], (frame) => frame.subarray(0, -2)],
  ['283 with an FCS', 283, [], (frame) => withHead('00000c00 0000 0100 01000000'.replaceAll(' ', ''), frame)],
  ['283 with fields, without FCS', 283, [], (frame) => withHead('00000c000100040012345678', frame.subarray(0, -2))],
  [
    '283 with an FCS of 32 bits',
    283,
    [],
    (frame) => withHead('00000c000000010002000000', with32(frame.subarray(0, -2))),
  ],
  ['195 with an FCS of 32 bits', 195, [], (frame) => with32(frame.subarray(0, -2))],
  ['195 that says so', 0x240000c3, [], (frame) => with32(frame.subarray(0, -2))],
  ['195 that says it has none', 0x040000c3, [], (frame) => frame.subarray(0, -2)],
  ['195 of a radio of TI', 195, ['--fcs', 'ti'], (frame) => Buffer.from([...frame.subarray(0, -2), 0xc8, 0xea])],
  ['195 with anything', 195, ['--fcs', 'ignore'], (frame) => Buffer.from([...frame.subarray(0, -2), 1, 2])],
];

/** With the CRC-32 that zlib computes. */
function with32(frame: Uint8Array): Uint8Array {
  const octets = Buffer.alloc(frame.length + 4);
  octets.set(frame);
  octets.writeUInt32LE(zlibCrc(frame), frame.length);
  return octets;
}

/** gzip's trailer has it. */
function zlibCrc(octets: Uint8Array): number {
  return gzipSync(octets).readUInt32LE(gzipSync(octets).length - 8);
}

test('frames of every link type are decompressed', async () => {
  const packets = [packetOf(4), packetOf(40), packetOf(200)];
  const frames = files.path('kinds-frames.pcap');
  await summaryOf('compress', SA, files.file('kinds.pcap', captureOf(101, packets)), frames);
  const onAir = recordsOf(frames).map((record) => Uint8Array.from(record.data));
  for (const [what, linkType, more, change] of FRAME_KINDS) {
    const input = files.file('kind.pcap', captureOf(linkType, onAir.map(change)));
    const output = files.path('kind-out.pcap');
    const { code, stdout, stderr } = await dietesp('decompress', '--sa', SA, input, output, '--json', ...more);
    assert.equal(code, 0, `${what}: ${stderr}`);
    assert.deepEqual((JSON.parse(stdout) as Summary).drops, {}, what);
    assert.deepEqual(
      recordsOf(output).map(({ data }) => Buffer.from(data).toString('hex')),
      packets.map((packet) => Buffer.from(packet).toString('hex')),
      what,
    );
  }
});

test('frames that cannot be read: the reason, and what may help', async () => {
  const frames = files.path('bad-frames.pcap');
  await summaryOf('compress', SA, files.file('one.pcap', captureOf(101, [packetOf(4)])), frames);
  const frame = Uint8Array.from(recordsOf(frames)[0].data);
  for (const [linkType, octets, more, reason] of [
    [195, [...frame.subarray(0, -2), 0xc8, 0xea], [], 'fcs 1; --fcs tells what stands in the place of the FCS'],
    [195, [...frame.subarray(0, -2), 0xc8, 0x6a], ['--fcs', 'ti'], 'fcs 1'],
    [215, [0, 0, 0, 0, 0xa7, 5, ...frame], [], 'malformed 1'],
    [283, [0, 0, 0xff, 0xff, ...frame], [], 'malformed 1'],
    [283, [0, 0, 12, 0, 0, 0, 1, 0, 9, 0, 0, 0, ...frame], [], 'malformed 1'],
    [283, [0, 0, 8, 0, 0, 0, 200, 0, ...frame], [], 'malformed 1'],
    [283, [], [], 'malformed 1'],
    [191, [...frame], [], 'link type 191 (IEEE802_15_4_LINUX): no IEEE 802.15.4 frame 1'],
    [1, [...frame], [], 'an IEEE 802.3 frame 1'],
  ] as [number, number[], string[], string][]) {
    const input = files.file('bad.pcap', captureOf(linkType, [Uint8Array.from(octets)]));
    const { code, stderr } = await dietesp('decompress', '--sa', SA, input, files.path('bad-out.pcap'), ...more);
    assert.equal(code, 1);
    assert.ok(stderr.includes(reason) && isOneLine(stderr), `${linkType}: ${stderr}`);
  }
});

test('frames that were changed or lost are counted, the rest comes back', async () => {
  const packets = [packetOf(4), packetOf(5), packetOf(6), packetOf(7)];
  const input = files.file('four.pcap', captureOf(101, packets));
  const frames = files.path('four-frames.pcap');
  await summaryOf('compress', SA, input, frames);
  const onAir = recordsOf(frames).map((record) => Uint8Array.from(record.data));
  onAir[1][20] ^= 1;
  const changed = files.file('four-changed.pcap', captureOf(195, [onAir[0], onAir[1], onAir[3], onAir[3]]));
  const summary = await summaryOf('decompress', SA, changed, files.path('four-out.pcap'));
  assert.equal(summary.packetsOut, 2);
  assert.deepEqual(summary.drops, { fcs: 1, replay: 1 });
  // Without FCS the change is found by the ICV.
  const bare = onAir.map((frame) => frame.subarray(0, frame.length - 2));
  const noFcs = files.file('four-nofcs.pcap', captureOf(230, bare));
  const second = await summaryOf('decompress', SA, noFcs, files.path('four-out.pcap'));
  assert.equal(second.packetsOut, 3);
  assert.deepEqual(second.drops, { icv: 1 });
});

test('a lost fragment costs its packet and no other', async () => {
  const packets = [packetOf(4), packetOf(300), packetOf(5)];
  const input = files.file('three.pcap', captureOf(101, packets));
  const frames = files.path('three-frames.pcap');
  await summaryOf('compress', SA, input, frames);
  const onAir = recordsOf(frames).map((record) => Uint8Array.from(record.data));
  assert.ok(onAir.length >= 5);
  onAir.splice(2, 1);
  const lossy = files.file('three-lossy.pcap', captureOf(195, onAir));
  const summary = await summaryOf('decompress', SA, lossy, files.path('three-out.pcap'));
  assert.deepEqual(summary.drops, { fragment: 1 });
  const restored = recordsOf(files.path('three-out.pcap')).map((record) => Uint8Array.from(record.data));
  assert.deepEqual(restored, [packets[0], packets[2]]);
});

test('nothing carried is a failure', async () => {
  const input = files.file('other.pcap', captureOf(101, [packetOf(4, 1)]));
  const { code, stderr } = await dietesp('compress', '--sa', SA, input, files.path('o.pcap'));
  assert.equal(code, 1);
  assert.equal(stderr, `error: ${input}: no packet was carried; dropped: no-sa 1\n`);
});

test('files that are not what they should be', async () => {
  const good = captureOf(101, [packetOf(4), packetOf(5)]);
  const cut = files.file('cut.pcap', good.subarray(0, good.length - 3));
  const text = files.file('text.pcap', 'this is no capture at all, only text');
  const empty = files.file('empty.pcap', '');
  const out = files.path('x.pcap');
  const cases: [string[], number, RegExp][] = [
    [[cut, out], 1, /cut\.pcap: after 1 records: pcap record: /],
    [[text, out], 1, /text\.pcap: not a pcap or pcapng file/],
    [[empty, out], 1, /empty\.pcap: /],
    [[files.path('none.pcap'), out], 1, /none\.pcap: no such file or directory/],
    [[cut, files.path('no/such/folder.pcap')], 1, /folder\.pcap: no such file or directory/],
    [[cut, cut], 2, /cut\.pcap: is the file to read/],
    [[cut, out, '--pan', 'ffff'], 2, /--pan: ffff: must be 0\.\.fffe/],
    [[cut, out, '--context', '17=::/0'], 2, /--context: 17=::\/0: must be/],
  ];
  for (const [args, expected, message] of cases) {
    const { code, stderr } = await dietesp('compress', '--sa', SA, ...args);
    assert.equal(code, expected, stderr);
    assert.ok(isOneLine(stderr), stderr);
    assert.match(stderr, message);
  }
  assert.equal(statSync(cut).size, good.length - 3);
  assert.equal((await dietesp('compress', cut, out)).code, 2);
});

test('an outer header of IPv4 is refused', async () => {
  const yaml = readFileSync(SA, 'utf8').replace(/^tunnel_ip.*$/m, 'tunnel_ip: [10.0.0.1, 10.0.0.2]');
  const sa = files.file('outer4.yaml', yaml);
  const input = files.file('a.pcap', captureOf(101, [packetOf(4)]));
  const { code, stderr } = await dietesp('compress', '--sa', sa, input, files.path('o.pcap'));
  assert.equal(code, 1);
  assert.equal(stderr, `error: ${sa}:5: tunnel_ip: IPv4: must be IPv6 on IEEE 802.15.4\n`);
});

const CAPTURES = process.env['CAPTURES_DIR'] ?? join(ROOT, '..', 'shared', 'captures');
const LESHAN = join(CAPTURES, 'leshan-thermostat-readings.pcapng');
const skip = existsSync(LESHAN) ? false : 'CAPTURES_DIR not found';

test('10,000 packets of a thermostat come back octet by octet', { skip }, async () => {
  const sa = join(EXAMPLES, 'leshan.yaml');
  const frames = files.path('leshan-frames.pcap');
  const output = files.path('leshan-out.pcap');
  const down = await summaryOf('compress', sa, LESHAN, frames);
  assert.equal(down.packetsIn, 10000);
  assert.equal(down.packetsOut, 10000);
  assert.deepEqual(down.drops, {});
  assert.ok(down.airOctets < down.plainAirOctets);
  const up = await summaryOf('decompress', sa, frames, output);
  assert.equal(up.packetsOut, 10000);
  assert.deepEqual(up.drops, {});
  const restored = readCapture(output);
  let count = 0;
  for (const record of readCapture(LESHAN)) {
    const ip = findIp(record);
    const back = restored.next().value as CaptureRecord;
    assert.ok(Buffer.from(back.data).equals(record.data.subarray(ip.offset, ip.offset + ip.length)), `packet ${count}`);
    assert.ok(Math.abs(back.time - record.time) < 1e-6, `time of packet ${count}`);
    count++;
  }
  assert.equal(count, 10000);
  assert.equal(restored.next().done, true);
});

test('for the thermostat, sending the flow label is no worse than "lower"', { skip }, async () => {
  const yaml = readFileSync(join(EXAMPLES, 'leshan.yaml'), 'utf8');
  const lower = files.file('lower.yaml', yaml.replaceAll('flow_label_cda: not_compressed', 'flow_label_cda: lower'));
  const sent = await summaryOf('compress', join(EXAMPLES, 'leshan.yaml'), LESHAN, files.path('l1.pcap'));
  const copied = await summaryOf('compress', lower, LESHAN, files.path('l2.pcap'));
  assert.ok(sent.airOctets <= copied.airOctets, `${sent.airOctets} and ${copied.airOctets}`);
});
