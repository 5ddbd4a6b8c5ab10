// The end of an SA: counters used up, lifetimes, destruction; and the counters on the way.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DROP_COUNT } from '../../core/base/drop.ts';
import { dropName } from '../../core/base/drop-name.ts';
import { removeInbound } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { createSa, destroySa, isAgeing, isExpired, type Sa, type SaConfig } from '../../core/esp/sa.ts';
import type { FastKey } from '../../targets/node/host/provider/fast.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createPortableProvider } from '../../targets/web/portable.ts';
import { makeSa, SIX } from '../naive/make-sa.ts';
import { packet, tcp, udp } from '../naive/packets.ts';
import type { Sa as NaiveSa, Suite } from '../naive/types.ts';
import { configOf, easySa, endpointOf, hex, packetOf, provider, receive, saltOf, send, stateOf } from './support.ts';

const inner = packet(SIX, udp(5001, 4500, Buffer.from('0102030405', 'hex')));

test('the last number of a 32-bit counter is used, and none after it', () => {
  const sa = makeSa(6, 17, { esp_sn: 'fffffffe' });
  const sender = easySa(6, 17, sa);
  const receiver = easySa(6, 17, sa);
  const [from, to] = [endpointOf(), endpointOf(receiver)];
  for (let i = 0; i < 2; i++) assert.equal(hex(packetOf(receive(to, packetOf(send(from, sender, inner))))), hex(inner));
  assert.deepEqual([sender.snHi, sender.snLo, receiver.snLo], [0, 0xffffffff, 0xffffffff]);
  const state = stateOf(sender);
  for (let i = 0; i < 3; i++) assert.equal(send(from, sender, inner), 'exhausted');
  assert.equal(stateOf(sender), state);
  assert.equal(sender.dropLifetime, 3);
  assert.equal(from.drops[13], 3);
});

test('extended numbers go on over 2^32, and end at 2^64 - 1', () => {
  for (const suite of ['AES_CCM_8_IIV', 'AES_GCM_16', 'AES_CBC_HMAC_SHA2_256_128', 'CHACHA20_POLY1305_IIV']) {
    const change = { esn: true, esp_encr: suite as Suite, esp_sn: 'fffffffe', esp_sn_lsb: 8 };
    const sender = easySa(6, 17, change);
    const receiver = easySa(6, 17, change);
    const [from, to] = [endpointOf(), endpointOf(receiver)];
    for (let i = 0; i < 300; i++) packetOf(receive(to, packetOf(send(from, sender, inner))));
    assert.deepEqual([sender.snHi, sender.snLo], [1, 300 - 3]);
    assert.deepEqual([receiver.snHi, receiver.snLo], [1, 300 - 3]);
    const old = send(from, easySa(6, 17, change), inner);
    assert.ok(['icv', 'replay'].includes(String(receive(to, packetOf(old)))));
  }
  const end = easySa(6, 17, { esn: true, esp_sn: 'ffffffffffffffff' });
  packetOf(send(endpointOf(), end, inner));
  assert.deepEqual([end.snHi, end.snLo], [0xffffffff, 0xffffffff]);
  assert.equal(send(endpointOf(), end, inner), 'exhausted');
});

test('reordering over 2^32 with ESN', () => {
  const change = { esn: true, esp_sn: 'fffffff0', esp_sn_lsb: 8 };
  const sender = easySa(6, 17, change);
  const receiver = endpointOf(easySa(6, 17, change));
  const wires = Array.from({ length: 40 }, () => packetOf(send(endpointOf(), sender, inner)));
  for (const wire of wires.slice().reverse()) packetOf(receive(receiver, wire));
  for (const wire of wires) assert.equal(receive(receiver, wire), 'replay');
});

function aged(change: Partial<SaConfig>): { sender: Sa; receiver: Sa; carry: (now: number) => (string | true)[] } {
  const sender = easySa(6, 17, {}, change);
  const receiver = easySa(6, 17, {}, change);
  const free = easySa(6, 17, {});
  const [from, to] = [endpointOf(), endpointOf(receiver)];
  return {
    sender,
    receiver,
    carry: (now) => {
      const made = send(from, sender, inner, now);
      const back = receive(to, packetOf(send(from, free, inner, now)), now);
      return [typeof made === 'string' ? made : true, typeof back === 'string' ? back : true];
    },
  };
}

test('lifetime in packets: soft is told, hard ends the SA', () => {
  const { sender, receiver, carry } = aged({ softPackets: 3, hardPackets: 5 });
  for (let i = 1; i <= 5; i++) {
    assert.deepEqual([isAgeing(sender, 0), isAgeing(receiver, 0)], [i > 3, i > 3]);
    assert.deepEqual(carry(0), [true, true]);
  }
  assert.deepEqual([isExpired(sender, 0), isExpired(receiver, 0)], [true, true]);
  const states = [stateOf(sender), stateOf(receiver)];
  assert.deepEqual(carry(0), ['lifetime', 'lifetime']);
  assert.deepEqual([stateOf(sender), stateOf(receiver)], states);
  assert.deepEqual([sender.dropLifetime, receiver.dropLifetime], [1, 1]);
});

test('lifetime in octets of inner packets', () => {
  const size = inner.length;
  const { sender, receiver, carry } = aged({ softBytes: 2 * size, hardBytes: 2 * size + 1 });
  assert.deepEqual(carry(0), [true, true]);
  assert.deepEqual([isAgeing(sender, 0), isExpired(sender, 0)], [false, false]);
  assert.deepEqual(carry(0), [true, true]);
  assert.deepEqual([isAgeing(sender, 0), isAgeing(receiver, 0), isExpired(sender, 0)], [true, true, false]);
  assert.deepEqual(carry(0), [true, true], 'the limit is not reached before this packet');
  assert.deepEqual(carry(0), ['lifetime', 'lifetime']);
  assert.deepEqual([sender.bytes, receiver.bytes, sender.packets], [3 * size, 3 * size, 3]);
});

test('lifetime in time, from the first packet', () => {
  const { sender, receiver, carry } = aged({ softTime: 1000, hardTime: 2000 });
  assert.deepEqual([isAgeing(sender, 1e9), isExpired(sender, 1e9)], [false, false], 'no packet yet');
  const first = 5000;
  assert.deepEqual(carry(first), [true, true]);
  assert.deepEqual([isAgeing(sender, first + 999), isAgeing(sender, first + 1000)], [false, true]);
  assert.deepEqual(carry(first + 1999), [true, true]);
  assert.deepEqual(carry(first + 2000), ['lifetime', 'lifetime']);
  assert.ok(isExpired(receiver, first + 2000));
  // A first packet at time 0 counts too.
  const zero = aged({ softTime: 1, hardTime: 2 });
  assert.deepEqual(zero.carry(0), [true, true]);
  assert.deepEqual(zero.carry(2), ['lifetime', 'lifetime']);
});

test('drops are counted by kind, at the SA and at the endpoint', () => {
  const receiver = easySa(6, 17, { esp_trailer: 'Mandatory' });
  const to = endpointOf(receiver);
  const sender = easySa(6, 17, { esp_trailer: 'Mandatory' });
  const from = endpointOf();
  const counted = () => [
    receiver.dropIcv,
    receiver.dropReplay,
    receiver.dropSelector,
    receiver.dropMalformed,
    receiver.dropRefused,
    receiver.dropLifetime,
  ];
  const wire = packetOf(send(from, sender, inner));
  packetOf(receive(to, wire));
  assert.equal(receive(to, wire), 'replay');
  const forged = packetOf(send(from, sender, inner));
  forged[forged.length - 1] ^= 1;
  assert.equal(receive(to, forged), 'icv');
  // The peer's SA is wider: other port, and a flow label that it would not send.
  const wide = easySa(6, 17, { ts_port_src: [5001, 5002], esp_trailer: 'Mandatory', esp_sn: '10' });
  const other = packet(SIX, udp(5002, 4500, Buffer.alloc(4)));
  const strayed = packetOf(send(from, wide, other));
  const said = receive(to, strayed);
  assert.ok(typeof said === 'string' || hex(said) !== hex(other), 'not as what it was sent as');
  assert.deepEqual(counted().slice(0, 3), [1, 1, 0]);
  assert.equal(receive(to, Uint8Array.of(0x60)), 'short');
  const refused = easySa(6, 17, {});
  assert.equal(send(from, refused, other), 'selector');
  assert.equal(send(from, refused, inner.subarray(0, 30)), 'short');
  assert.deepEqual([refused.dropSelector, refused.dropRefused], [1, 1]);
  assert.deepEqual([from.drops[5], from.drops[1]], [1, 1]);
  assert.deepEqual([to.drops[11], to.drops[10], to.drops[1]], [1, 1, 1]);
  assert.equal(to.received, 1 + (typeof said === 'string' ? 0 : 1));
  assert.equal(new Set(Array.from({ length: DROP_COUNT }, (_, code) => dropName(code))).size, DROP_COUNT);
});

/** [title, what the sender's SA allows, what the receiver's does, a packet for the first, outside the second]. */
const STRAYS: [string, Parameters<typeof makeSa>[2], Parameters<typeof makeSa>[2], Buffer][] = [
  [
    'source port in the prefix, outside the range',
    { ts_port_src: [5000, 5007] },
    { ts_port_src: [5001, 5006] },
    packet(SIX, udp(5007, 4500, Buffer.alloc(4))),
  ],
  [
    'destination port',
    { ts_port_dst: [4500, 4503] },
    { ts_port_dst: [4500, 4502] },
    packet(SIX, udp(5001, 4503, Buffer.alloc(4))),
  ],
  [
    'source address',
    { ts_ip_src: ['2001:db8::1230', '2001:db8::1237'] },
    { ts_ip_src: ['2001:db8::1231', '2001:db8::1236'] },
    packet({ ...SIX, src: '2001:db8::1237' }, udp(5001, 4500, Buffer.alloc(4))),
  ],
  [
    'destination address',
    { ts_ip_dst: ['2001:db8::5678', '2001:db8::567f'] },
    { ts_ip_dst: ['2001:db8::5678', '2001:db8::567e'] },
    packet({ ...SIX, dst: '2001:db8::567f' }, udp(5001, 4500, Buffer.alloc(4))),
  ],
];

for (const [title, allowed, narrow, text] of STRAYS) {
  for (const mode of ['tunnel', 'transport'] as const) {
    test(`selector check after decompression: ${title}, ${mode}`, () => {
      const base = mode === 'transport' ? { ipsec_mode: mode } : {};
      const sender = easySa(6, 17, { ...base, ...allowed } as object);
      const receiver = easySa(6, 17, { ...base, ...narrow } as object);
      const to = endpointOf(receiver);
      const wire = packetOf(send(endpointOf(), sender, text));
      assert.equal(receive(to, wire), 'selector');
      assert.equal(receiver.dropSelector, 1);
      assert.equal(to.drops[5], 1);
      assert.equal(receiver.packets, 0);
      assert.equal(receiver.snLo, 1, 'it was authentic: the window has moved');
      assert.equal(receive(to, wire), 'replay');
      assert.equal(receive(endpointOf(easySa(6, 17, { ...base, ...allowed } as object)), wire).length, text.length);
    });
  }
}

test('selector check: protocol sent by a peer that allows any', () => {
  const any: Partial<NaiveSa> = { ts_port_src: [0, 65535], ts_port_dst: [0, 65535], iipc_enabled: false };
  const sender = easySa(6, 0, any);
  const segment = packet(SIX, tcp(5001, 4500, { seq: 1, ack: 0, flags: 2, window: 9 }, Buffer.alloc(0)));
  const wire = packetOf(send(endpointOf(), sender, segment));
  const receiver = easySa(6, 17, { iipc_enabled: false });
  assert.equal(receive(endpointOf(receiver), wire), 'selector');
  assert.equal(receiver.dropSelector, 1);
});

test('destroySa wipes the keys, and the SA takes nothing more', () => {
  for (const suite of ['AES_CCM_8', 'AES_GCM_16', 'AES_CBC_HMAC_SHA2_256_128', 'NULL_HMAC_SHA2_256_128'] as Suite[]) {
    for (const keys of [provider, createFastProvider(), createPortableProvider()]) {
      const config = configOf(makeSa(6, 17, { esp_encr: suite }));
      if (config.suite.alg !== 0 && !keys.has(config.suite.alg, 16)) continue;
      const given = [config.key.slice(), config.authKey.slice(), config.salt.slice()];
      const sa = createSa(FULL_PARTS, keys, config);
      const { key, authKey } = sa;
      const octets = Object.values(key).filter((value) => ArrayBuffer.isView(value)) as Uint8Array[];
      if (keys === provider)
        assert.ok(
          octets.some((array) => array.some((octet) => octet !== 0)),
          suite,
        );
      const wire = packetOf(send({ ...endpointOf(), provider: keys }, sa, inner));
      const to = { ...endpointOf(sa), provider: keys };
      destroySa(keys, sa);
      destroySa(keys, sa);
      assert.deepEqual([key.alg, authKey.alg], [0, 0]);
      for (const array of octets)
        assert.ok(
          array.every((octet) => octet === 0),
          'key octets',
        );
      assert.ok(saltOf(sa).every((octet) => octet === 0));
      if ('slot' in key) assert.equal((key as FastKey).slot, 0);
      assert.equal(send(to, sa, inner), 'lifetime');
      assert.equal(receive(to, wire), 'lifetime');
      removeInbound(to, sa);
      assert.equal(receive(to, wire), 'no-sa');
      assert.deepEqual([config.key, config.authKey, config.salt], given, "what was given is the caller's");
    }
  }
});

test('the given octets may be wiped after createSa', () => {
  const config = configOf(makeSa(6, 17));
  const sa = createSa(FULL_PARTS, provider, config);
  for (const array of [config.key, config.salt, config.attributes.tunnelSrc, config.attributes.tsIpSrcStart])
    array.fill(0);
  assert.equal(hex(packetOf(send(endpointOf(), sa, inner))), hex(packetOf(send(endpointOf(), easySa(6, 17), inner))));
});
