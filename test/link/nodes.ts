// Nodes on a virtual medium, for the tests of the link.

import { createReassembly } from '../../core/link/fragment.ts';
import { createLowpan, type Lowpan, type LowpanUpper } from '../../core/link/lowpan.ts';
import { ACK_WAIT, createMac, type Mac, type MacConfig, type MacUpper } from '../../core/link/mac.ts';
import type { NextHeaderCompression } from '../../core/wire/sixlowpan-iphc.ts';
import { type Radio, stack } from '../../targets/node/host/radio/radio.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import type { Medium } from '../../targets/node/lab/medium.ts';

export const PAN = 0xabcd;
export const BROADCAST = new Uint8Array([0xff, 0xff]);

export function extendedOf(index: number): Uint8Array {
  return new Uint8Array([0x02, 0x12, 0x4b, 0, 6, 0, 0, index]);
}

export interface MacNode {
  mac: Mac;
  radio: Radio;
  address: Uint8Array;
  /** `from:payload` of what came in, both in hexadecimal. */
  received: string[];
  sent: [number, number][];
}

/** A MAC on a medium that notes what its upper layer hears. */
export function macNode(medium: Medium, index: number, extended: boolean, config: Partial<MacConfig> = {}): MacNode {
  const radio = medium.radio();
  const received: string[] = [];
  const sent: [number, number][] = [];
  const random = createRandom(1000 + index);
  const upper: MacUpper = {
    received(buffer, offset, length, src) {
      received.push(
        Buffer.from(src.octets.subarray(src.at, src.at + src.size)).toString('hex') +
          ':' +
          Buffer.from(buffer.subarray(offset, offset + length)).toString('hex'),
      );
    },
    sent(handle, result) {
      sent.push([handle, result]);
    },
  };
  const mac = createMac({
    panId: PAN,
    shortAddress: extended ? 0xffff : index,
    extendedAddress: extendedOf(index),
    phy: radio,
    upper,
    random: random.fill,
    queue: 4,
    neighbours: 4,
    ackWait: ACK_WAIT,
    ...config,
  });
  radio.onFrame = (frame, offset, length) => mac.receive(frame, offset, length, medium.now);
  medium.attach(radio, mac);
  return { mac, radio, address: mac.address, received, sent };
}

export interface LowpanNode {
  mac: Mac;
  lowpan: Lowpan;
  address: Uint8Array;
  packets: string[];
  done: [number, number][];
}

export interface LowpanOptions {
  contexts?: Uint8Array;
  nhc?: NextHeaderCompression | null;
  reassemblies?: number;
  maxSize?: number;
  timeout?: number;
  queue?: number;
  extended?: boolean;
  upper?: Partial<LowpanUpper>;
}

/** A MAC and 6LoWPAN on a medium. */
export function lowpanNode(medium: Medium, index: number, options: LowpanOptions = {}): LowpanNode {
  const radio = medium.radio();
  const packets: string[] = [];
  const done: [number, number][] = [];
  const lowpan = createLowpan({
    contexts: options.contexts ?? new Uint8Array(0),
    nhc: options.nhc ?? null,
    reassembly:
      options.reassemblies === 0
        ? null
        : createReassembly(options.reassemblies ?? 2, options.maxSize ?? 1280, options.timeout ?? 60000),
    upper: {
      packet(buffer, offset, length) {
        packets.push(Buffer.from(buffer.subarray(offset, offset + length)).toString('hex'));
      },
      done(tag, result) {
        done.push([tag, result]);
      },
      ...options.upper,
    },
    queue: options.queue ?? 4,
    maxSize: options.maxSize ?? 1280,
    tag: 0x1233 + index * 256,
  });
  const mac = createMac({
    panId: PAN,
    shortAddress: options.extended ? 0xffff : index,
    extendedAddress: extendedOf(index),
    phy: radio,
    upper: lowpan,
    random: createRandom(2000 + index).fill,
    queue: 2,
    neighbours: 8,
    ackWait: ACK_WAIT,
  });
  lowpan.attach(mac);
  radio.onFrame = (frame, offset, length) => mac.receive(frame, offset, length, medium.now);
  medium.attach(radio, stack(mac, lowpan));
  return { mac, lowpan, address: mac.address, packets, done };
}
