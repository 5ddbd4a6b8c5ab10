// Inner packets and the MTU of a path: pieces of IPv4, the MSS of TCP, first fragments and what they count for, the filter of the
// packet socket, and paths of peers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPathMtu, PATH_MTU_TIME } from '../../core/esp/path-mtu.ts';
import { mtuNumbers } from '../../core/ike/codec/private-numbers.ts';
import type { IkeSa } from '../../core/ike/state/sa.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { mtuDefaults } from '../../targets/node/host/config/mtu.ts';
import { filterOf, type Instruction } from '../../targets/node/host/mtu/filter.ts';
import { createFragments } from '../../targets/node/host/mtu/fragments.ts';
import { clampMss, maySplit, splitIpv4 } from '../../targets/node/host/mtu/inner.ts';
import { createMtuPaths } from '../../targets/node/host/mtu/paths.ts';
import { endpointOf, saOf, send } from '../core/support.ts';
import { internetChecksum } from '../naive/bits.ts';
import { FOUR, makeSa, OUTER_FOUR, SIX } from '../naive/make-sa.ts';
import { packet, tcp, udp } from '../naive/packets.ts';
import { Random } from '../naive/random.ts';

/** An IPv4 packet with options and any payload. */
function four(options: Buffer, payload: Buffer, word: number): Buffer {
  const header = Buffer.alloc(20 + options.length);
  header[0] = 0x40 | (header.length / 4);
  header.writeUInt16BE(header.length + payload.length, 2);
  header.writeUInt16BE(0x1234, 4);
  header.writeUInt16BE(word, 6);
  header[8] = 64;
  header[9] = 17;
  Buffer.from([10, 1, 0, 1, 10, 2, 0, 1]).copy(header, 12);
  options.copy(header, 20);
  header.writeUInt16BE(internetChecksum(header), 10);
  return Buffer.concat([header, payload]);
}

test('random IPv4 packets in pieces: each fits, its header is right, and together they are the payload', () => {
  const random = new Random(3);
  for (let i = 0; i < 2000; i++) {
    const options = random.chance(2) ? Buffer.alloc(0) : Buffer.from([0x83, 7, 4, 1, 2, 3, 4, 1, 0x44, 4, 5, 0]);
    const payload = random.octets(random.between(1, 1500));
    // A packet may be a fragment already, a last one or not.
    const offset = random.chance(3) ? random.below(400) : 0;
    const hasMore = random.chance(4);
    const whole = four(options, payload, (hasMore ? 0x2000 : 0) | offset);
    const most = random.between(40, 1600);
    const pieces: Buffer[] = [];
    assert.ok(maySplit(whole, whole.length));
    splitIpv4(whole, whole.length, most, (piece) => void pieces.push(Buffer.from(piece)));
    const restored = Buffer.alloc(payload.length);
    let at = 0;
    pieces.forEach((piece, index) => {
      assert.ok(piece.length <= most || most < 28 + options.length);
      const header = (piece[0] & 15) * 4;
      assert.equal(piece.readUInt16BE(2), piece.length);
      assert.equal(internetChecksum(piece.subarray(0, header)), 0);
      const word = piece.readUInt16BE(6);
      const isLast = index === pieces.length - 1;
      assert.equal((word & 0x2000) !== 0, !isLast || hasMore);
      assert.equal((word & 0x1fff) - offset, at / 8);
      // Of the options only the copied one goes on.
      if (options.length > 0) assert.equal(header, index === 0 ? 32 : 28);
      piece.copy(restored, at, header);
      at += piece.length - header;
    });
    if (pieces.length > 0) assert.deepEqual(restored, payload);
  }
  assert.equal(maySplit(four(Buffer.alloc(0), Buffer.alloc(9), 0x4000), 29), false);
});

test('the MSS of a SYN goes down, never up, and the checksum holds', () => {
  const options = (mss: number, isOdd: boolean): Buffer =>
    Buffer.from([...(isOdd ? [1] : []), 2, 4, mss >>> 8, mss & 255, ...(isOdd ? [1, 1, 1] : [])]);
  for (const version of [4, 6] as const) {
    for (const isOdd of [false, true]) {
      for (const flags of [2, 0x12, 0x10]) {
        const at = version === 6 ? 40 : 20;
        const head = version === 6 ? SIX : FOUR;
        const withMss = (mss: number): Buffer => {
          const fields = { seq: 7, ack: 9, flags, window: 1000, options: options(mss, isOdd) };
          return packet(head, tcp(5001, 4500, fields, Buffer.from('x')));
        };
        const built = withMss(1460);
        const isSyn = (flags & 2) !== 0;
        assert.equal(clampMss(built, built.length, 1280), isSyn);
        assert.deepEqual(built, withMss(isSyn ? 1280 - at - 20 : 1460));
        assert.equal(clampMss(built, built.length, 1500), false);
        for (let cut = 0; cut < built.length; cut++) clampMss(Buffer.from(built.subarray(0, cut)), cut, 100);
      }
    }
  }
});

/** Runs a filter as the kernel does. */
function runs(program: Instruction[], octets: Buffer): number {
  let a = 0;
  let x = 0;
  for (let pc = 0; ; pc++) {
    const [code, yes, no, k] = program[pc];
    const at = code === 0x48 ? x + k : k;
    if (code === 0x06) return k;
    if (code === 0xb1) x = 4 * (octets[k] & 15);
    else if (code === 0x15) pc += a === k ? yes : no;
    else if (code === 0x45) pc += (a & k) !== 0 ? yes : no;
    else {
      const size = code === 0x30 ? 1 : code === 0x20 ? 4 : 2;
      if (at + size > octets.length) return 0;
      a = octets.readUIntBE(at, size);
    }
  }
}

test('the filter takes first fragments to its own port alone', () => {
  const local = Uint8Array.of(10, 2, 0, 1);
  const program = filterOf({ local, protocol: 17, port: 4500 });
  const payload = Buffer.concat([Buffer.from('1194119405000000', 'hex'), Buffer.alloc(60, 7)]);
  for (const options of [Buffer.alloc(0), Buffer.from([1, 1, 1, 1])]) {
    assert.equal(runs(program, four(options, payload, 0x2000)), 128);
    for (const word of [0, 0x4000, 0x2001, 0x0010]) assert.equal(runs(program, four(options, payload, word)), 0);
  }
  const other = four(Buffer.alloc(0), payload, 0x2000);
  other.writeUInt16BE(4501, 22);
  assert.equal(runs(program, other), 0);
  const elsewhere = four(Buffer.alloc(0), payload, 0x2000);
  elsewhere[19] = 2;
  assert.equal(runs(program, elsewhere), 0);
  assert.equal(runs(filterOf({ local, protocol: 50, port: 0 }), other), 0);
  other[9] = 50;
  assert.equal(runs(filterOf({ local, protocol: 50, port: 0 }), other), 128);
  const six = Buffer.concat([
    Buffer.from('6000000000502c40', 'hex'),
    Buffer.alloc(32),
    Buffer.from('1100000100000001', 'hex'),
    payload,
  ]);
  six[39] = 1;
  const localSix = new Uint8Array(16);
  localSix[15] = 1;
  const programSix = filterOf({ local: localSix, protocol: 17, port: 4500 });
  assert.equal(runs(programSix, six), 128);
  for (const [at, value] of [
    [43, 0],
    [43, 9],
    [6, 17],
    [24, 1],
    [51, 0],
  ]) {
    const changed = Buffer.from(six);
    changed[at] = value;
    assert.equal(runs(programSix, changed), 0, `octet ${at}`);
  }
});

test('a first fragment counts for the packet with the same octets of ESP, once, and is late after 3 s', () => {
  const fragments = createFragments(true);
  const esp = Buffer.from(Array.from({ length: 1400 }, (_, index) => index & 255));
  const captured = four(Buffer.alloc(0), Buffer.concat([Buffer.alloc(8), esp]), 0x2000).subarray(0, 128);
  captured.writeUInt16BE(1396, 2);
  const source = Uint8Array.of(10, 1, 0, 1);
  fragments.note(captured, 128, 0);
  const other = Buffer.from(esp);
  other[20] ^= 1;
  assert.equal(fragments.take(source, other), null);
  assert.equal(fragments.take(Uint8Array.of(10, 1, 0, 2), esp), null);
  const found = fragments.take(source, esp);
  assert.deepEqual([found?.version, found?.length, found?.spi], [4, 1396, 0x00010203]);
  assert.equal(fragments.take(source, esp), null);
  fragments.note(captured, 128, 10);
  assert.deepEqual(fragments.late(3009), []);
  assert.equal(fragments.late(3010).length, 1);
  // Whoever floods takes no more memory than this; cut ones are nothing.
  for (let i = 0; i < 5000; i++) {
    captured.writeUInt32BE(i, 28);
    fragments.note(captured, 128, 20);
  }
  assert.equal(fragments.count(), 512);
  for (let size = 0; size < 52; size++) createFragments(true).note(captured, size, 0);
});

test('what the path carries, what comes back after its age, and what nobody agreed on', () => {
  let now = 0;
  const settings = mtuDefaults({ link: 1500 });
  const path = {
    local: Uint8Array.of(10, 1, 0, 1),
    localPort: 4500,
    remote: Uint8Array.of(10, 2, 0, 1),
    remotePort: 4500,
    encapsulated: true,
    port: 0,
    link: new Uint8Array(0),
  };
  const bounded = { peer: () => {} } as never;
  const paths = createMtuPaths({ settings, numbers: mtuNumbers(), now: () => now, bounded, nameOf: () => 'peer' });
  const sa = { notes: [{ name: 'mtu', octets: new Uint8Array(1) }], policy: { name: 'p' }, path } as unknown as IkeSa;
  const { form } = saOf(
    makeSa(4, 17, {
      iipc_enabled: false,
      esp_spi_lsb: 32,
      esp_sn_lsb: 32,
      alignment: 32,
      esp_trailer: 'Mandatory',
      tunnel_ip: OUTER_FOUR,
      esp_encr: 'AES_GCM_16',
    }),
  );
  assert.equal(paths.limits({ ...sa, notes: [] } as unknown as IkeSa, path, { form }, now), null);
  assert.deepEqual({ ...paths.limits(sa, path, { form }, now) }, { tmap: 1438, tmtu: 0 });
  paths.sent(sa, path, 1480);
  const tell = (name: 'lmap' | 'ptb', a: number, b: number): void => {
    const type = name === 'lmap' ? 50421 : 50422;
    const data = Buffer.alloc(name === 'lmap' ? 4 : 8);
    if (name === 'lmap') data.writeUInt32BE(((a << 28) | b) >>> 0);
    else {
      data.writeUInt32BE(a);
      data.writeUInt32BE(b, 4);
    }
    const head = Buffer.alloc(4);
    head.writeUInt16BE(type, 2);
    const buffer = Uint8Array.from(Buffer.concat([Buffer.alloc(4), head, data]));
    const payloads = { count: 1, type: [41], at: [4], size: [4 + data.length] } as never;
    paths.extension.read({} as never, sa, 9, null, { buffer, payloads, at: 0, size: buffer.length, first: 41 });
  };
  tell('lmap', 4, 1396);
  assert.deepEqual({ ...paths.limits(sa, path, { form }, now) }, { tmap: 1334, tmtu: 0 });
  tell('lmap', 6, 1200);
  tell('lmap', 4, 1490);
  assert.equal(paths.counters.ignored, 2);
  tell('ptb', 1300, 1400);
  assert.deepEqual({ ...paths.limits(sa, path, { form }, now) }, { tmap: 1238, tmtu: 1338 });
  now = PATH_MTU_TIME;
  assert.deepEqual({ ...paths.limits(sa, path, { form }, now) }, { tmap: 1438, tmtu: 0 });
  paths.sent(sa, path, 1480);
  tell('lmap', 4, 1396);
  // The same path as another object, after a rekey; then another address.
  assert.equal(paths.limits(sa, { ...path }, { form }, now)?.tmap, 1334);
  assert.equal(paths.limits(sa, { ...path, remote: Uint8Array.of(10, 2, 0, 2) }, { form }, now)?.tmap, 1438);
  assert.equal(createPathMtu(4, 0, 576, 1).lmap, 0);
});

test('`mtu` of a file: on where it stands, and what it cannot be', () => {
  const file = (mtu: string): string =>
    `udp: [{ address: "127.0.0.1" }]\nconnection: { localId: "fqdn:g", auth: { psk: a } }\n${mtu}\n`;
  assert.equal(readGateway('g.yaml', file('')).config.ike.mtu, undefined);
  assert.deepEqual(readGateway('g.yaml', file('mtu: {}')).config.ike.mtu, mtuDefaults());
  const { every, link } = readGateway('g.yaml', file('mtu: { every: 2, link: 1400 }')).config.ike.mtu!;
  assert.deepEqual([every, link], [2000, 1400]);
  for (const [mtu, error] of [
    ['{ reassembled: 5000 }', /^g\.yaml:3: mtu\.reassembled: 5000: must be .*4096/],
    ['{ floor6: 1000 }', /^g\.yaml:3: mtu\.floor6: 1000: must be .*1280/],
    ['{ df: copy }', /^g\.yaml:3: mtu\.df: .*copy.*: must be one of clear, system/],
    ['{ link: 1500, reassembled: 1400 }', /^g\.yaml:3: mtu\.link: 1500: must not be above `reassembled`, 1400/],
    ['{ threshold: 0 }', /^g\.yaml:3: mtu\.threshold: 0: /],
  ] as const) {
    assert.throws(
      () => readGateway('g.yaml', file(`mtu: ${mtu}`)),
      (problem: Error) => {
        assert.match(problem.message, error);
        return true;
      },
    );
  }
});

test('a packet of TMAP octets is what fits', () => {
  const sa = saOf(
    makeSa(4, 17, {
      iipc_enabled: false,
      esp_spi_lsb: 32,
      esp_sn_lsb: 32,
      alignment: 32,
      esp_trailer: 'Mandatory',
      tunnel_ip: OUTER_FOUR,
      esp_encr: 'AES_GCM_16',
    }),
  );
  const wire = send(endpointOf(), sa, packet(FOUR, udp(5001, 4500, Buffer.alloc(1438 - 28))));
  assert.equal(wire.length, 1492);
});
