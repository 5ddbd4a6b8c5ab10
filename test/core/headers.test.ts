// The headers: each check keeps its promise, and checksums equal those of published examples.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { foldSum, sumWords } from '../../core/base/checksum.ts';
import { checkEcho, echoIdentifier, echoSequence, emitEcho } from '../../core/wire/icmpv6.ts';
import { checkIpv4, emitIpv4, ipv4, putIpv4Checksum } from '../../core/wire/ipv4.ts';
import { checkIpv6, emitIpv6, ipv6 } from '../../core/wire/ipv6.ts';
import { crc32c, sctp } from '../../core/wire/sctp.ts';
import { tcp } from '../../core/wire/tcp.ts';
import { emitUdp, udp } from '../../core/wire/udp.ts';
import { udplite } from '../../core/wire/udplite.ts';
import { watched } from '../fuzz/core-targets.ts';
import * as naive from '../naive/bits.ts';
import { FOUR, SIX } from '../naive/make-sa.ts';
import { echo, packet, type Segment, sctp as sctpOf, tcp as tcpOf, udpLite, udp as udpOf } from '../naive/packets.ts';
import { hex, octetsOf } from './support.ts';

const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

test('Internet checksum: RFC 1071 section 3, and octets of any length against the naive sum', () => {
  const example = octetsOf('0001f203f4f5f6f7');
  assert.equal(foldSum(sumWords(example, 0, 8, 0)), ~0xddf2 & 0xffff);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(5), (octets, at) => {
      const offset = Math.min(at, octets.length);
      const rest = octets.subarray(offset);
      assert.equal(foldSum(sumWords(octets, offset, rest.length, 0)), naive.internetChecksum(Buffer.from(rest)));
    }),
  );
  // The largest sum there can be.
  const ones = new Uint8Array(65535).fill(255);
  assert.equal(foldSum(sumWords(ones, 0, ones.length, 0xffff * 30)), naive.internetChecksum(Buffer.from(ones)));
});

test('CRC-32C: RFC 3720 appendix B.4 and the check value', () => {
  const rows: [Uint8Array, string][] = [
    [new Uint8Array(32), '8a9136aa'],
    [new Uint8Array(32).fill(255), '62a8ab43'],
    [Uint8Array.from({ length: 32 }, (_, i) => i), '46dd794e'],
    [Uint8Array.from({ length: 32 }, (_, i) => 31 - i), '113fdb5c'],
    [ascii('123456789'), 'e3069283'],
    [new Uint8Array(0), '00000000'],
  ];
  for (const [octets, crc] of rows) {
    assert.equal(crc32c(octets, 0, octets.length, octets.length).toString(16).padStart(8, '0'), crc);
  }
  const holed = ascii('1234XXXX6789');
  assert.equal(crc32c(holed, 0, 12, 4), crc32c(ascii('1234\0\0\0\x006789'), 0, 12, 99), 'four octets taken as zero');
});

test('IPv4 header checksum: a published example', () => {
  const header = octetsOf('45000073000040004011b861c0a80001c0a800c7');
  assert.equal(checkIpv4(Uint8Array.from([...header, ...new Uint8Array(95)]), 0, 0x73), 0);
  const without = header.slice();
  without.fill(0, 10, 12);
  putIpv4Checksum(without, 0);
  assert.equal(hex(without), hex(header));
});

test('emit gives what check takes', () => {
  const buffer = new Uint8Array(100);
  emitIpv6(buffer, 4, 0xb9, 0xfffff, 20, 17, 255);
  assert.equal(hex(buffer.subarray(4, 12)), '6b9fffff001411ff');
  assert.equal(checkIpv6(buffer, 4, 60), 0);
  emitIpv6(buffer, 4, 0, 0x12345, 20, 17, 1);
  assert.equal(hex(buffer.subarray(4, 12)), '6001234500141101', 'nothing of the header before is left');
  buffer.set([10, 0, 0, 1, 10, 0, 0, 2], 16);
  emitIpv4(buffer, 4, 0xb9, 0xbeef, 50, 17, 3);
  assert.equal(checkIpv4(buffer, 4, 50), 0);
  emitUdp(buffer, 24, 54, 4, 7, 8);
  assert.equal(udp.verify(buffer, 24, 54, 4), 0);
  emitUdp(buffer, 24, 55, 4, 7, 8);
  assert.equal(udp.verify(buffer, 24, 55, 4), 0);
});

test('ICMPv6 echo: emitted as the naive packets have it', () => {
  const expected = packet(SIX, echo(6, 0x1234, 7, Buffer.from('ping!')));
  const made = Uint8Array.from(expected);
  made.fill(0, 40, 48);
  emitEcho(made, 40, made.length, 0, 128, 0x1234, 7);
  assert.equal(hex(made), hex(expected));
  assert.equal(checkEcho(made, 40, made.length, 0), 0);
  assert.deepEqual([echoIdentifier(made, 40), echoSequence(made, 40)], [0x1234, 7]);
  made[44] ^= 1;
  assert.equal(checkEcho(made, 40, made.length, 0), -4);
});

const payload = Buffer.from('0102030405', 'hex');
const SEGMENTS: [string, typeof udp, Segment][] = [
  ['UDP', udp, udpOf(1000, 2000, payload)],
  ['UDP-Lite', udplite, udpLite(1000, 2000, payload)],
  ['TCP', tcp, tcpOf(1000, 2000, { seq: 1, ack: 2, flags: 16, window: 3, options: Buffer.alloc(4, 1) }, payload)],
  ['SCTP', sctp, sctpOf(1000, 2000, 0xdeadbeef, payload)],
];

for (const [name, header, segment] of SEGMENTS) {
  for (const version of [4, 6] as const) {
    const network = version === 4 ? ipv4 : ipv6;
    const whole = Uint8Array.from(packet(version === 4 ? FOUR : SIX, segment));
    const at = network.size;

    test(`${name} over IPv${version}: checked, cut, flipped, restored`, () => {
      assert.equal(network.verify(whole, 0, whole.length, 0), 0);
      assert.equal(header.verify(whole, at, whole.length, 0), 0);
      for (let size = 0; size < whole.length; size++) {
        const cut = watched(whole.slice(0, size), 0, size, 'packet');
        const code = network.verify(cut, 0, size, 0);
        assert.ok(code === -1 || code === -2, `${size}: ${code}`);
        // Cut with the IP header's length right: the transport check must find it.
        if (size >= at) assert.ok(header.verify(cut, at, size, 0) < 0, `${size}`);
      }
      for (let bit = at * 8; bit < whole.length * 8; bit++) {
        const flipped = whole.slice();
        flipped[bit >> 3] ^= 0x80 >> (bit & 7);
        // A flip of a UDP-Lite coverage of 5 or of a UDP length is found as such.
        assert.ok(header.verify(flipped, at, flipped.length, 0) < 0, `bit ${bit}`);
      }
      const wiped = whole.slice();
      if (name.startsWith('UDP')) wiped.fill(0, at + 4, at + 8);
      if (name === 'TCP') wiped.fill(0, at + 16, at + 18);
      if (name === 'SCTP') wiped.fill(0, at + 8, at + 12);
      header.putLengths(wiped, at, wiped.length);
      header.putChecksums(wiped, at, wiped.length, 0);
      assert.equal(hex(wiped), hex(whole));
    });
  }
}

test('fields are in order and cover each header', () => {
  for (const header of [ipv4, ipv6, udp, udplite, tcp, sctp]) {
    let bits = 0;
    for (let i = 1; i < header.fields.length; i += 3) bits += header.fields[i];
    assert.equal(bits, header.size * 8, String(header.proto));
    assert.equal(header.fields.length % 3, 0);
  }
});

test('read, emit and putEcn agree on the traffic class', () => {
  const slots = new Int32Array(5);
  for (const network of [ipv4, ipv6]) {
    for (let traffic = 0; traffic < 256; traffic += 5) {
      const ip = {
        ...(network.version === 4 ? FOUR : SIX),
        dscp: traffic >> 2,
        ecn: traffic & 3,
        label: 0xabcd,
        hops: 9,
      };
      const whole = Uint8Array.from(packet(ip, udpOf(1, 2, payload)));
      network.read(whole, 0, slots);
      assert.deepEqual([...slots.slice(0, 4)], [traffic >> 2, traffic & 3, 0xabcd, 9]);
      const made = whole.slice();
      network.emit(made, 0, made.length, 17, slots, 0xabcd);
      assert.equal(hex(made), hex(whole));
      network.putEcn(made, 0, 3 - (traffic & 3));
      network.putChecksums(made, 0, made.length, 0);
      network.read(made, 0, slots);
      assert.deepEqual([...slots.slice(0, 4)], [traffic >> 2, 3 - (traffic & 3), 0xabcd, 9]);
      assert.equal(network.verify(made, 0, made.length, 0), 0);
    }
  }
});

test('fragments are told apart', () => {
  for (const [flags, offset, kind] of [
    [0, 0, 0],
    [2, 0, 0],
    [1, 0, 1],
    [0, 1, 2],
    [1, 0x1fff, 2],
  ]) {
    const whole = packet({ ...FOUR, flags, fragmentOffset: offset }, udpOf(1, 2, payload));
    assert.equal(ipv4.fragment(whole, 0), kind);
  }
});
