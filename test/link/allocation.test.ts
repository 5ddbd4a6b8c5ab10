// After set-up the link allocates nothing per packet: thousands of packets leave the heap's size as it was.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createReassembly } from '../../core/link/fragment.ts';
import { createLowpan } from '../../core/link/lowpan.ts';
import { createMac, type Phy } from '../../core/link/mac.ts';
import { emitIpv6 } from '../../core/wire/ipv6.ts';
import { createContexts } from '../../core/wire/sixlowpan.ts';

test('packets, fragments and acknowledgements cost no heap', () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const air = new Uint8Array(128);
  let airLength = 0;
  let packets = 0;
  const makeNode = (index: number) => {
    const extendedAddress = new Uint8Array(8);
    extendedAddress[7] = index;
    const phy: Phy = {
      clear: () => true,
      transmit: (buffer, offset, length) => {
        for (let i = 0; i < length; i++) air[i] = buffer[offset + i];
        airLength = length;
      },
    };
    const lowpan = createLowpan({
      contexts: createContexts(1),
      nhc: null,
      reassembly: createReassembly(1, 1280, 60000),
      upper: { packet: () => packets++, done: () => {} },
      queue: 1,
      maxSize: 1280,
      tag: 0,
    });
    const random = (buffer: Uint8Array, offset: number) => {
      buffer[offset] = 1;
    };
    const mac = createMac({
      panId: 1,
      shortAddress: index,
      extendedAddress,
      phy,
      upper: lowpan,
      random,
      queue: 1,
      neighbours: 1,
      ackWait: 0.864,
    });
    lowpan.attach(mac);
    return { mac, lowpan };
  };
  const a = makeNode(1);
  const b = makeNode(2);
  const packet = new Uint8Array(500);
  emitIpv6(packet, 0, 1, 1, 460, 50, 63);
  let now = 0;
  const run = (count: number) => {
    for (let i = 0; i < count; i++) {
      now += 1;
      assert.ok(a.lowpan.send(packet, 0, 500, b.mac.address, 0, 2, now) > 0);
      for (;;) {
        const one = a.mac.nextTimeout();
        const two = b.mac.nextTimeout();
        const next = one < 0 || (two >= 0 && two < one) ? two : one;
        if (next < 0) break;
        now = next;
        (one === next ? a : b).mac.poll(now);
        if (airLength > 0) {
          const length = airLength;
          airLength = 0;
          (one === next ? b : a).mac.receive(air, 0, length, now + 0.5);
        }
      }
    }
  };
  run(3000);
  // Typed arrays made from here on are counted.
  let arrays = 0;
  const kept = globalThis.Uint8Array;
  globalThis.Uint8Array = new Proxy(kept, {
    construct(target, args) {
      arrays++;
      return new target(...(args as [number]));
    },
  });
  try {
    run(10);
  } finally {
    globalThis.Uint8Array = kept;
  }
  assert.equal(arrays, 0);
  gc();
  const before = process.memoryUsage().heapUsed;
  run(200);
  // Not collected in between: what a packet costs. V8 boxes fractional times, some 16 octets each; an object or a
  // closure per frame would cost several times that.
  const each = (process.memoryUsage().heapUsed - before) / 200;
  run(3000);
  gc();
  assert.equal(packets, 6210);
  // 10 frames a packet, acknowledgements included: 641 octets on Node 20, all of it boxed times.
  assert.ok(each < 1000, `${each} octets a packet`);
  assert.ok(process.memoryUsage().heapUsed - before < 300_000, 'nothing is kept');
});
