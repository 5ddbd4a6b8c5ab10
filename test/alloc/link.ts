// The cost of the link layer per packet: two nodes with MAC and 6LoWPAN, on a wire that delivers frames at once.
//
// In V8 a call with a fractional time costs the caller a box of 16 octets. To leave these out of the count, the times are made
// beforehand, each in its box, and the nodes are polled at every one of them.

import { addressOf } from '../../core/base/address.ts';
import { createReassembly } from '../../core/link/fragment.ts';
import { createLowpan, type Lowpan } from '../../core/link/lowpan.ts';
import { ACK_WAIT, createMac, type Mac, type Phy } from '../../core/link/mac.ts';
import { emitIpv6 } from '../../core/wire/ipv6.ts';
import { createContexts } from '../../core/wire/sixlowpan.ts';
import { createUdpCompression } from '../../core/wire/sixlowpan-udp.ts';

/** Milliseconds between two polls. */
const TICK = 0.16;

interface Air {
  frame: Uint8Array;
  length: number;
}

interface Node {
  mac: Mac;
  lowpan: Lowpan;
}

export interface LinkPair {
  /** Sends `count` packets, each when the one before has arrived and was acknowledged. */
  run(count: number): void;
  /** Packets that arrived. */
  received: number;
}

/** `octets` is the size of the packets; `ticks` how many times are made. */
export function createLinkPair(octets: number, ticks: number): LinkPair {
  const times: (number | null)[] = [null];
  for (let i = 1; i <= ticks; i++) times.push(i * TICK + 0.01);
  let tick = 1;
  let done = 0;

  const createNode = (index: number, air: Air): Node => {
    const extendedAddress = new Uint8Array(8);
    extendedAddress[7] = index;
    const phy: Phy = {
      clear: () => true,
      transmit: (buffer, offset, length) => {
        for (let i = 0; i < length; i++) air.frame[i] = buffer[offset + i];
        air.length = length;
      },
    };
    const lowpan = createLowpan({
      contexts: createContexts(1),
      nhc: createUdpCompression(false),
      reassembly: createReassembly(2, 1280, 60000),
      upper: { packet: () => pair.received++, done: () => done++ },
      queue: 1,
      maxSize: 1280,
      tag: index,
    });
    let seed = index;
    const mac = createMac({
      panId: 1,
      shortAddress: index,
      extendedAddress,
      phy,
      upper: lowpan,
      random: (buffer, offset) => {
        seed = (seed * 75 + 74) % 65537;
        buffer[offset] = seed & 0xff;
      },
      queue: 1,
      neighbours: 1,
      ackWait: ACK_WAIT,
    });
    lowpan.attach(mac);
    return { mac, lowpan };
  };

  const fromA: Air = { frame: new Uint8Array(128), length: 0 };
  const fromB: Air = { frame: new Uint8Array(128), length: 0 };
  const packet = new Uint8Array(octets);
  emitIpv6(packet, 0, 0, 0, octets - 40, 50, 64);
  packet[8] = 0xfd;
  packet[24] = 0xfd;

  const pair: LinkPair = {
    received: 0,
    run(count) {
      for (let i = 0; i < count; i++) {
        const wanted = pair.received + 1;
        if (a.lowpan.send(packet, 0, octets, addressOf(b.mac.address), times[tick] as number) < 0)
          throw new Error('send');
        while (pair.received < wanted || done < wanted) {
          const now = times[++tick] as number;
          a.mac.poll(now);
          b.mac.poll(now);
          deliver(fromA, b, now);
          deliver(fromB, a, now);
        }
      }
    },
  };
  const deliver = (air: Air, to: Node, now: number): void => {
    if (air.length === 0) return;
    const length = air.length;
    air.length = 0;
    to.mac.receive(air.frame, 0, length, now);
  };
  const a = createNode(1, fromA);
  const b = createNode(2, fromB);
  return pair;
}
