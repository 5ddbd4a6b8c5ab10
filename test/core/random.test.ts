// The core against the naive implementation, on random SAs and packets: both send the same octets, restore the same packet,
// and refuse for the same reason.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { inbound } from '../../core/esp/inbound.ts';
import { outbound } from '../../core/esp/outbound.ts';
import { watched } from '../fuzz/core-targets.ts';
import { ipv4Checksum } from '../naive/bits.ts';
import { defaultIv } from '../naive/crypt.ts';
import { FOUR, makeSa, SIX } from '../naive/make-sa.ts';
import { protect, unprotect } from '../naive/naive.ts';
import { packet, patched, raw, udp } from '../naive/packets.ts';
import { expectedBack, Random, type RandomCase, randomCase } from '../naive/random.ts';
import { refusals } from '../naive/refusals.ts';
import { Dropped } from '../naive/types.ts';
import { endpointOf, hex, receive, saOf, send, stateOf } from './support.ts';

// A partial coverage is a matter of length for one, of a missing rule for the other.
const SAME: Record<string, string[]> = { length: ['length', 'no-rule'] };

function check({ sa, inner }: RandomCase): string {
  let wire = '';
  let reason = '';
  try {
    wire = protect(sa, inner).wire;
  } catch (error) {
    if (!(error instanceof Dropped)) throw error;
    reason = error.drop;
  }
  const sender = saOf(sa);
  const endpoint = endpointOf();
  endpoint.fixedIv = Uint8Array.from(defaultIv(sa));
  const before = stateOf(sender);
  const made = send(endpoint, sender, inner);
  if (reason !== '') {
    assert.ok((SAME[reason] ?? [reason]).includes(String(made)), `${reason} against ${made}`);
    assert.equal(stateOf(sender), before, 'a refused packet moves nothing');
    return reason;
  }
  assert.equal(typeof made === 'string' ? made : hex(made), wire);
  const receiver = saOf(sa);
  const back = receive(endpointOf(receiver), made as Uint8Array);
  const expected = hex(expectedBack(sa, inner));
  assert.equal(typeof back === 'string' ? back : hex(back), expected);
  assert.equal(hex(unprotect(sa, Buffer.from(made as Uint8Array))), expected);
  assert.equal(receiver.snHi * 2 ** 32 + receiver.snLo, Number(BigInt('0x' + sa.esp_sn)));
  return '';
}

test('property: core and naive implementation make the same octets and refuse the same packets', () => {
  const reasons = new Map<string, number>();
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (seed) => {
      const reason = check(randomCase(seed));
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }),
    { numRuns: 4000, seed: 7, includeErrorInReport: true },
  );
  assert.ok(reasons.get('')! > 3000);
  for (const reason of ['length', 'checksum', 'selector', 'version', 'no-rule']) assert.ok(reasons.has(reason), reason);
});

test('property: a packet with any one octet changed is refused by both or by neither', () => {
  let refused = 0;
  let same = 0;
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (seed, at, bits) => {
        const { sa, inner: whole } = randomCase(seed);
        const inner = Buffer.from(whole);
        // Headers are more often hit than payload.
        const place = at % (at & 1 ? inner.length : Math.min(inner.length, 60));
        inner[place] ^= bits;
        const size = (inner[0]! & 15) * 4;
        if (inner[0]! >> 4 === 4 && size >= 20 && inner.length >= size) {
          inner.writeUInt16BE(ipv4Checksum(inner.subarray(0, size)), 10);
        }
        let naive = '';
        let reason = '';
        try {
          naive = protect(sa, inner).wire;
        } catch (error) {
          if (!(error instanceof Dropped)) throw error;
          reason = error.drop;
        }
        const endpoint = endpointOf();
        endpoint.fixedIv = Uint8Array.from(defaultIv(sa));
        const core = send(endpoint, saOf(sa), inner);
        assert.equal(typeof core === 'string' ? '' : hex(core), naive, `octet ${place}: ${reason} against ${core}`);
        if (reason !== '') refused++;
        // Where several conditions fail at once, which of them is named is the order of the checks.
        if (reason === core) same++;
      },
    ),
    { numRuns: 4000, seed: 8, includeErrorInReport: true },
  );
  assert.ok(
    refused > 1000 && refused < 3900 && same > refused * 0.9,
    `${refused} refused, ${same} for the same reason`,
  );
});

test('IPv4 with a wrong header checksum is refused also where nothing is compressed', () => {
  const sa = makeSa(4, 17, { iipc_enabled: false });
  const inner = packet(FOUR, udp(5001, 4500, Buffer.alloc(3)));
  assert.ok(typeof send(endpointOf(), saOf(sa), inner) !== 'string');
  assert.equal(send(endpointOf(), saOf(sa), patched(inner, 10, [inner[10]! ^ 1])), 'checksum');
});

test('every refusal', () => {
  for (const { title, sa, inner, drop, also } of refusals()) {
    if (drop === 'exhausted') continue;
    const made = send(endpointOf(), saOf(sa), Uint8Array.from(Buffer.from(inner, 'hex')));
    assert.ok([drop, ...(also ?? [])].includes(made as typeof drop), `${title}: ${made}`);
  }
});

test('offsets other than zero, with other octets around', () => {
  const random = new Random(3);
  for (let seed = 0; seed < 200; seed++) {
    const { sa, inner, broken } = randomCase(seed);
    if (broken !== null) continue;
    const [from, to] = [random.below(40), random.below(40)];
    const endpoint = endpointOf();
    endpoint.fixedIv = Uint8Array.from(defaultIv(sa));
    const src = random.octets(from + inner.length + 9);
    inner.copy(src, from);
    const dst = new Uint8Array(to + inner.length + 128).fill(0xa5);
    const length = outbound(endpoint, saOf(sa), src, from, inner.length, dst, to, 0);
    assert.equal(hex(dst.subarray(to, to + length)), protect(sa, inner).wire);
    assert.ok(dst.subarray(0, to).every((octet) => octet === 0xa5));
    assert.equal(hex(src.subarray(from, from + inner.length)), hex(inner), 'src is not changed');
    const receiver = endpointOf(saOf(sa));
    const out = new Uint8Array(from + inner.length + 100).fill(0x5a);
    const size = inbound(receiver, dst, to, length, out, from, 0);
    assert.equal(hex(out.subarray(from, from + size)), hex(expectedBack(sa, inner)));
    assert.ok(out.subarray(0, from).every((octet) => octet === 0x5a));
  }
});

test('transport mode, ts_proto 0: a packet without next header would be a dummy packet, and is refused', () => {
  const sa = makeSa(4, 0, { ipsec_mode: 'transport', ts_port_src: [0, 65535], ts_port_dst: [0, 65535] });
  const inner = packet(FOUR, raw(59, Buffer.alloc(4)));
  const sender = saOf(sa);
  assert.equal(send(endpointOf(), sender, inner), 'dummy');
  assert.deepEqual([sender.packets, sender.dropRefused], [0, 1]);
  // Where the protocol is the SA's, nothing stands for it.
  const known = makeSa(4, 59, { ipsec_mode: 'transport' });
  const wire = send(endpointOf(), saOf(known), inner) as Uint8Array;
  assert.equal(hex(receive(endpointOf(saOf(known)), wire) as Uint8Array), hex(inner));
});

test('a range of ports without a common prefix is a range: what is outside is refused, both ways', () => {
  const sa = makeSa(6, 17, { ts_port_src: [1000, 60000], ts_port_dst: [0, 65535] });
  const any = makeSa(6, 17, { ts_port_src: [0, 65535], ts_port_dst: [0, 65535] });
  for (const [port, isTaken] of [
    [999, false],
    [1000, true],
    [60000, true],
    [60001, false],
  ] as const) {
    const inner = Uint8Array.from(packet(SIX, udp(port, 4500, Buffer.alloc(3))));
    const made = send(endpointOf(), saOf(sa), inner);
    assert.equal(
      typeof made === 'string' ? made : hex(made),
      isTaken ? protect(sa, Buffer.from(inner)).wire : 'selector',
    );
    if (!isTaken) assert.throws(() => protect(sa, Buffer.from(inner)), Dropped);
    // A sender that does not keep to it: the residue of both is the same.
    const wire = send(endpointOf(), saOf(any), inner) as Uint8Array;
    const back = receive(endpointOf(saOf(sa)), wire);
    assert.equal(typeof back === 'string' ? back : hex(back), isTaken ? hex(inner) : 'selector');
  }
});

test('a segment of two octets at the end of its buffer: nothing behind it is read', () => {
  const sa = makeSa(6, 17);
  const inner = packet(SIX, raw(17, Buffer.from('138911940008', 'hex')));
  const src = watched(Uint8Array.from(inner), 0, inner.length, 'src');
  assert.equal(outbound(endpointOf(), saOf(sa), src, 0, inner.length, new Uint8Array(200), 0, 0), -1);
});
