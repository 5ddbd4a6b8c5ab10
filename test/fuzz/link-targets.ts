// Fuzz targets for the link and its input from outside. Each takes any octets; a throw is a finding, except the documented
// errors of the file readers.

import { addressOf } from '../../core/base/address.ts';
import { createReassembly, KEY_SIZE } from '../../core/link/fragment.ts';
import { createLowpan } from '../../core/link/lowpan.ts';
import { createMac } from '../../core/link/mac.ts';
import {
  checkFrame,
  frameDstLength,
  frameHeaderLength,
  frameSrc,
  frameSrcLength,
  putFcs,
} from '../../core/wire/ieee802154.ts';
import { createContexts, setContext } from '../../core/wire/sixlowpan.ts';
import { decompressIphc } from '../../core/wire/sixlowpan-iphc.ts';
import { createUdpCompression } from '../../core/wire/sixlowpan-udp.ts';
import { ipPacketOf } from '../../targets/node/host/radio/link-type.ts';
import { readCapture } from '../../targets/node/host/radio/pcap.ts';
import { createPipeDecoder, GAP_TIME, pipeOctets } from '../../targets/node/host/radio/pipe.ts';
import { CaptureError } from '../../targets/node/host/radio/source.ts';
import { checkZep, ZEP_OK, zepFrameLength } from '../../targets/node/host/radio/zep-datagram.ts';

export interface FuzzTarget {
  name: string;
  run(bytes: Uint8Array): void;
}

function ensure(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

const contexts = createContexts(16);
for (let i = 0; i < 16; i += 3) {
  setContext(
    contexts,
    i,
    new Uint8Array([0x20, 1, 0xd, 0xb8, 0, i, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
    0,
    8 * i + 5,
  );
}
const iids = new Uint8Array(16).fill(0x5a);
const udp = createUdpCompression(true);
const iphc = { contexts, iids, nhc: udp };
const space = new Uint8Array(300);
const output = space.subarray(0, 210);

/** Decompresses twice, with other octets round the input and the output: both runs must agree and stay inside. */
function decompress(bytes: Uint8Array, offset: number, size: number): void {
  const length = bytes.length - offset;
  let before = '';
  for (const sentinel of [0x00, 0xff]) {
    const input = new Uint8Array(bytes.length + 40).fill(sentinel);
    input.set(bytes, 20);
    space.fill(0xc3);
    const result = decompressIphc(iphc, input, 20 + offset, length, output, 10, size);
    ensure(result <= 200, 'more than the room');
    for (let i = 0; i < 10; i++) ensure(output[i] === 0xc3, 'written before the output');
    for (let i = 210; i < 300; i++) ensure(space[i] === 0xc3, 'written behind the room');
    const now = `${result} ${Buffer.from(output.subarray(10, 10 + Math.max(0, result))).toString('hex')}`;
    ensure(sentinel === 0 || now === before, 'the result depends on octets outside');
    before = now;
  }
}

function checkedFrame(bytes: Uint8Array): void {
  if (checkFrame(bytes, 0, bytes.length) < 0) return;
  ensure(frameHeaderLength(bytes, 0) + 2 <= bytes.length, 'MHR leaves the frame');
  if (frameDstLength(bytes, 0) > 0) ensure(5 + frameDstLength(bytes, 0) + 2 <= bytes.length, 'destination outside');
  const src = frameSrcLength(bytes, 0);
  if (src > 0) ensure(frameSrc(bytes, 0) + src + 2 <= bytes.length, 'source outside');
}

function capture(bytes: Uint8Array): void {
  try {
    for (const record of readCapture(bytes)) {
      const place = ipPacketOf(record.linkType, record);
      ensure(place.offset + place.length <= record.data.length, 'packet leaves its record');
      ensure((place.version === 0) === (place.reason !== ''), 'a packet or a reason');
    }
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    ensure(error.offset >= 0 && error.offset <= bytes.length, 'offset outside the file');
  }
}

/** The octets cut into payloads: each begins with its length. */
function payloads(bytes: Uint8Array, take: (payload: Uint8Array, index: number) => void): void {
  let index = 0;
  for (let at = 0; at < bytes.length; at += 1 + bytes[at]) {
    take(bytes.slice(at + 1, at + 1 + bytes[at]), index++);
  }
}

/** In one piece and octet by octet: the same frames, every octet accounted for; and after a pause the pipe is there. */
function pipe(bytes: Uint8Array): void {
  const runs = [bytes.length, 1].map((step) => {
    const frames: string[] = [];
    let octets = 0;
    const decoder = createPipeDecoder((frame, offset, length) => {
      ensure(length >= 5 && length <= 127, 'length of a frame');
      frames.push(Buffer.from(frame.subarray(offset, offset + length)).toString('hex'));
      octets += 2 + length;
    });
    for (let at = 0; at < bytes.length; at += step) decoder.push(bytes.subarray(at, at + step), 0);
    const { counters } = decoder;
    ensure(counters.frames === frames.length, 'frames counted');
    const rest = bytes.length - octets - counters.garbage;
    ensure(rest >= 0 && rest < 129, 'octets unaccounted for');
    decoder.push(pipeOctets(iids, 0, 16)!, GAP_TIME + 1);
    ensure(frames.at(-1) === '5a'.repeat(16), 'the frame after a pause');
    ensure(counters.interrupted === (rest > 0 ? 1 : 0), 'frames given up');
    return frames.join();
  });
  ensure(runs[0] === runs[1], 'the frames depend on how the stream is cut');
}

function upper() {
  return { packet() {}, done() {}, received() {}, sent() {} };
}

export const targets: FuzzTarget[] = [
  { name: 'ieee802154', run: checkedFrame },
  {
    name: 'ieee802154 with a right FCS',
    run(bytes) {
      if (bytes.length < 3) return;
      const frame = bytes.slice();
      putFcs(frame, 0, frame.length - 2);
      checkedFrame(frame);
    },
  },
  {
    name: 'mac',
    run(bytes) {
      const mac = createMac({
        panId: 0xabcd,
        shortAddress: 1,
        extendedAddress: new Uint8Array(8),
        phy: { clear: () => true, transmit() {} },
        upper: upper(),
        random: (buffer, offset, length) => buffer.fill(7, offset, offset + length),
        queue: 1,
        neighbours: 2,
        ackWait: 0.864,
      });
      mac.send(addressOf(new Uint8Array([0, 2])), bytes, 0, Math.min(bytes.length, 20), 0);
      payloads(bytes, (frame, index) => {
        if (frame.length > 4 && frame[0] % 2 === 1) putFcs(frame, 0, frame.length - 2);
        mac.receive(frame, 0, frame.length, index);
        mac.poll(index + 0.5);
      });
    },
  },
  { name: 'iphc', run: (bytes) => decompress(bytes, 0, 0) },
  { name: 'iphc in a first fragment', run: (bytes) => decompress(bytes, 0, 1280) },
  {
    name: 'udp nhc',
    run(bytes) {
      const framed = new Uint8Array(bytes.length + 2);
      framed.set([0x7e, 0x33]);
      framed.set(bytes, 2);
      decompress(framed, 0, 0);
    },
  },
  {
    name: 'reassembly',
    run(bytes) {
      const reassembly = createReassembly(2, 400, 1000);
      payloads(bytes, (payload, index) => {
        if (payload.length < 3) return;
        const key = new Uint8Array(KEY_SIZE);
        key[0] = payload[0] & 3;
        key[16] = payload[1] & 1;
        key[17] = payload[1];
        const result = reassembly.add(key, payload[2] * 8, payload, 3, payload.length - 3, index * 100);
        ensure(result <= 0 || result + key[16] * 256 + key[17] <= reassembly.memory.length, 'datagram outside');
        reassembly.poll(index * 100);
      });
    },
  },
  {
    name: 'lowpan',
    run(bytes) {
      const lowpan = createLowpan({
        contexts,
        nhc: udp,
        reassembly: createReassembly(2, 400, 1000),
        upper: upper(),
        queue: 1,
        maxSize: 400,
        tag: 0,
      });
      const address = addressOf(new Uint8Array([0, 1]));
      payloads(bytes, (payload, index) => {
        lowpan.received(payload, 0, payload.length, address, address, index * 50);
        lowpan.poll(index * 50);
      });
    },
  },
  {
    name: 'zep',
    run(bytes) {
      if (checkZep(bytes, 26) === ZEP_OK)
        ensure(32 + zepFrameLength(bytes) <= bytes.length, 'frame leaves the datagram');
    },
  },
  { name: 'uart pipe', run: pipe },
  { name: 'pcap and pcapng', run: capture },
  {
    name: 'link types',
    run(bytes) {
      if (bytes.length === 0) return;
      const linkType = [1, 101, 113, 276, 195, 228, 77][bytes[0] % 7];
      const data = bytes.subarray(1);
      const place = ipPacketOf(linkType, { data });
      ensure(place.offset + place.length <= data.length, 'packet leaves its record');
    },
  },
];
