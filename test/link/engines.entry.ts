// Two nodes exchanging packets in virtual time, in the portable subset: bundled for each engine, every engine must
// print the same line. `print` is the engine's.

import { addressOf } from '../../core/base/address.ts';
import { createReassembly } from '../../core/link/fragment.ts';
import { createLowpan, type Lowpan, type LowpanUpper } from '../../core/link/lowpan.ts';
import { createMac, type Mac, type Phy } from '../../core/link/mac.ts';
import { emitIpv6 } from '../../core/wire/ipv6.ts';
import { createContexts } from '../../core/wire/sixlowpan.ts';
import { createUdpCompression } from '../../core/wire/sixlowpan-udp.ts';

declare const print: (this: void, text: string) => void;

interface Node {
  mac: Mac;
  lowpan: Lowpan;
}

const air = new Uint8Array(128);
let airLength = 0;
let airFrom = 0;
let packets = 0;
let done = 0;
let failed = 0;
let sum = 0;

const upper: LowpanUpper = {
  packet: (buffer, offset, length) => {
    packets++;
    for (let i = 0; i < length; i++) sum = (sum * 31 + buffer[offset + i]) % 1000003;
  },
  done: (_tag, result) => {
    done++;
    if (result !== 0) failed++;
  },
};

function createNode(index: number): Node {
  let seed = index;
  const address = new Uint8Array(8);
  address[7] = index;
  const lowpan = createLowpan({
    contexts: createContexts(2),
    nhc: createUdpCompression(false),
    reassembly: createReassembly(2, 1280, 60000),
    upper: upper,
    queue: 2,
    maxSize: 1280,
    tag: 5,
  });
  const phy: Phy = {
    clear: () => true,
    transmit: (buffer, offset, length) => {
      for (let i = 0; i < length; i++) air[i] = buffer[offset + i];
      airLength = length;
      airFrom = index;
    },
  };
  const mac = createMac({
    panId: 1,
    shortAddress: 0xffff,
    extendedAddress: address,
    phy: phy,
    upper: lowpan,
    random: (buffer, offset, length) => {
      for (let i = 0; i < length; i++) {
        seed = (seed * 75 + 74) % 65537;
        buffer[offset + i] = seed & 0xff;
      }
    },
    queue: 2,
    neighbours: 2,
    ackWait: 0.864,
  });
  lowpan.attach(mac);
  return { mac: mac, lowpan: lowpan };
}

const a = createNode(1);
const b = createNode(2);
let now = 0;

function run(): void {
  for (;;) {
    if (airLength > 0) {
      const length = airLength;
      airLength = 0;
      now += (length + 6) * 0.032;
      (airFrom === 1 ? b : a).mac.receive(air, 0, length, now);
    } else {
      const one = a.mac.nextTimeout();
      const two = b.mac.nextTimeout();
      const next = one < 0 || (two >= 0 && two < one) ? two : one;
      if (next < 0) return;
      if (next > now) now = next;
      a.mac.poll(now);
      if (airLength === 0) b.mac.poll(now);
    }
  }
}

const packet = new Uint8Array(1280);
for (let size = 40; size < 1280; size += 43) {
  emitIpv6(packet, 0, size & 0xff, size, size - 40, 50, 64);
  for (let i = 8; i < size; i++) packet[i] = (i * 7) & 0xff;
  packet[8] = 0xfe;
  packet[9] = 0x80;
  packet[24] = 0x20;
  a.lowpan.send(packet, 0, size, addressOf(b.mac.address), now);
  run();
}
print(packets + ' ' + done + ' ' + failed + ' ' + sum + ' ' + Math.floor(now * 1000 + 0.5));
