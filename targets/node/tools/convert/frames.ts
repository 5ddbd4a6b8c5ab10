// IPv6 packets <-> IEEE 802.15.4 frames without a radio: the core's 6LoWPAN on a link that passes every frame straight to its
// user, in order, unacknowledged. For captures and budgets.

import { addressOf } from '../../../../core/base/address.ts';
import { DROP_NOT_FOR_US } from '../../../../core/base/drop.ts';
import { createReassembly } from '../../../../core/link/fragment.ts';
import { createLowpan, type Lowpan } from '../../../../core/link/lowpan.ts';
import type { Link } from '../../../../core/link/mac.ts';
import {
  checkFrame,
  copyReversed,
  emitHeader,
  FCS_SIZE,
  FRAME_ACK,
  FRAME_ACK_REQUEST,
  FRAME_DATA,
  FRAME_MAX,
  FRAME_VERSION_2006,
  frameDst,
  frameDstLength,
  frameHeaderLength,
  frameSrc,
  frameSrcLength,
  putFcs,
} from '../../../../core/wire/ieee802154.ts';
import { createContexts, DATAGRAM_MAX, setContext } from '../../../../core/wire/sixlowpan.ts';
import { createUdpCompression } from '../../../../core/wire/sixlowpan-udp.ts';
import { addressOctets, addressText } from '../../host/addresses.ts';
import { CommandError } from '../../host/errors.ts';
import type { FcsForm } from '../../host/radio/captured-frame.ts';
import { readContext } from '../../host/radio/contexts.ts';

const CONTEXTS = 16;
/** Datagrams in reassembly at a time, and how long: RFC 4944's limit. */
const REASSEMBLIES = 64;
const REASSEMBLY_MS = 60000;

/** What both ends of the link know. */
export interface LinkPlan {
  panId: number;
  contexts: Uint8Array;
  /** Link-layer address (2 or 8 octets) of an IPv6 address. */
  linkAddress(ip: Uint8Array, offset: number): Uint8Array;
}

export interface LinkOptions {
  pan: string;
  context?: string[];
  mac?: string[];
  /** What captured frames have in the place of the FCS. */
  fcs?: FcsForm;
}

/** All but the last 16 bits, which the short address gives: IPHC then elides the whole address. */
const PREFIX_BITS = 112;

/** A link-layer address: 4 or 16 hexadecimal digits. */
function macOctets(text: string): Uint8Array | undefined {
  return /^([0-9a-fA-F]{4}|[0-9a-fA-F]{16})$/.test(text) ? Uint8Array.from(Buffer.from(text, 'hex')) : undefined;
}

/**
 * Contexts and addresses from the options; by default the contexts are the /112 prefixes of `addresses` (the outer ones)
 * in their order, and a short address is the last 16 bits of the IP address.
 */
export function linkPlan(options: LinkOptions, addresses: Uint8Array[]): LinkPlan {
  const panId = Number.parseInt(options.pan, 16);
  if (!/^[0-9a-fA-F]{1,4}$/.test(options.pan) || panId === 0xffff) {
    throw new CommandError(`--pan: ${options.pan}: must be 0..fffe (hexadecimal)`, 2);
  }
  const contexts = createContexts(CONTEXTS);
  for (const text of options.context ?? []) {
    const match = /^(\d{1,2})=(.+)$/.exec(text);
    if (match === null || Number(match[1]) >= CONTEXTS || !readContext(contexts, Number(match[1]), match[2])) {
      throw new CommandError(`--context: ${text}: must be ID=PREFIX/LENGTH with ID 0..15 and LENGTH 0..128`, 2);
    }
  }
  if (options.context === undefined) {
    const prefixes = new Set<string>();
    for (const address of addresses) {
      if (address.length !== 16 || prefixes.size === CONTEXTS) continue;
      const prefix = Buffer.from(address.subarray(0, PREFIX_BITS / 8)).toString('hex');
      if (prefixes.has(prefix)) continue;
      setContext(contexts, prefixes.size, address, 0, PREFIX_BITS);
      prefixes.add(prefix);
    }
  }
  const known = new Map<string, Uint8Array>();
  for (const text of options.mac ?? []) {
    const [ip, mac, ...more] = text.split('=');
    const address = addressOctets(ip);
    const octets = macOctets(mac ?? '');
    if (address?.length !== 16 || octets === undefined || more.length > 0) {
      throw new CommandError(`--mac: ${text}: must be IPV6=MAC with 4 or 16 hexadecimal digits`, 2);
    }
    known.set(addressText(address), octets);
  }
  return {
    panId,
    contexts,
    linkAddress(ip, offset) {
      if (known.size > 0) {
        const found = known.get(addressText(ip, offset, 16));
        if (found !== undefined) return found;
      }
      return Uint8Array.of(ip[offset + 14], ip[offset + 15]);
    },
  };
}

/** Takes a frame, MHR to FCS; valid during the call. */
export type FrameSink = (frame: Uint8Array, length: number) => void;

/** Sends packets as frames. */
export interface FrameSender {
  /** Hands the frames of an IPv6 packet to `sink`; returns how many, or a drop code. */
  send(packet: Uint8Array, offset: number, length: number, now: number, sink: FrameSink): number;
}

export function createFrameSender(plan: LinkPlan): FrameSender {
  const frame = new Uint8Array(FRAME_MAX + 1);
  let sequence = 0;
  let handle = 0;
  let sink: FrameSink = () => {};
  let failed = 0;
  const link: Link = {
    address: Uint8Array.of(0, 0),
    room: (dstSize) => FRAME_MAX - FCS_SIZE - 5 - dstSize - link.address.length,
    send(dst, buffer, offset, length) {
      const control = FRAME_DATA | FRAME_VERSION_2006 | FRAME_ACK_REQUEST;
      const { panId } = plan;
      sequence = (sequence + 1) & 0xff;
      const header = emitHeader(frame, 0, control, sequence, panId, dst, addressOf(link.address));
      frame.set(buffer.subarray(offset, offset + length), header);
      sink(frame, putFcs(frame, 0, header + length));
      return ++handle;
    },
  };
  const lowpan = createLowpan({
    contexts: plan.contexts,
    nhc: createUdpCompression(false),
    reassembly: null,
    upper: {
      packet() {},
      done(_tag, result) {
        failed = result;
      },
    },
    queue: 1,
    maxSize: DATAGRAM_MAX,
    tag: 0,
  });
  lowpan.attach(link);
  return {
    send(packet, offset, length, now, to) {
      if (length < 40) return lowpan.send(packet, offset, length, addressOf(link.address), now);
      sink = to;
      failed = 1;
      link.address = plan.linkAddress(packet, offset + 8);
      const dst = plan.linkAddress(packet, offset + 24);
      const first = handle + 1;
      const tag = lowpan.send(packet, offset, length, addressOf(dst), now);
      if (tag < 0) return tag;
      // `failed` becomes 0 or a drop code when the last fragment is out.
      while (failed > 0) lowpan.sent(handle, 0, now);
      return failed < 0 ? failed : handle - first + 1;
    },
  };
}

/** Takes an IPv6 packet; valid during the call. */
export type PacketSink = (buffer: Uint8Array, offset: number, length: number) => void;

/** Receives every data frame, whoever it is for. */
export interface FrameReceiver {
  /** Takes a frame, MHR to FCS; 0, 1 (an acknowledgement, nothing to do) or a drop code. */
  receive(frame: Uint8Array, offset: number, length: number, now: number, sink: PacketSink): number;
  lowpan: Lowpan;
}

export function createFrameReceiver(plan: LinkPlan): FrameReceiver {
  let sink: PacketSink = () => {};
  const lowpan = createLowpan({
    contexts: plan.contexts,
    nhc: createUdpCompression(false),
    reassembly: createReassembly(REASSEMBLIES, DATAGRAM_MAX, REASSEMBLY_MS),
    upper: {
      packet: (buffer, offset, length) => sink(buffer, offset, length),
      done() {},
    },
    queue: 1,
    maxSize: DATAGRAM_MAX,
    tag: 0,
  });
  const src = addressOf(new Uint8Array(8));
  const dst = addressOf(new Uint8Array(8));
  return {
    lowpan,
    receive(frame, offset, length, now, to) {
      const result = checkFrame(frame, offset, length);
      if (result < 0) return result;
      if ((frame[offset] & 7) === FRAME_ACK) return 1;
      sink = to;
      src.size = frameSrcLength(frame, offset);
      dst.size = frameDstLength(frame, offset);
      // [RFC 4944 §3] Both addresses must be there.
      if (src.size * dst.size === 0) return DROP_NOT_FOR_US;
      const header = frameHeaderLength(frame, offset);
      copyReversed(src.octets, 0, frame, frameSrc(frame, offset), src.size);
      copyReversed(dst.octets, 0, frame, frameDst(frame, offset) + 2, dst.size);
      lowpan.poll(now);
      const payload = length - header - FCS_SIZE;
      lowpan.received(frame, offset + header, payload, src, dst, now);
      return 0;
    },
  };
}
