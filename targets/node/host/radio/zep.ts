// ZEP v2: 802.15.4 frames over UDP, the virtual radio link of RIOT's native nodes. Wireshark shows it live. It learns peers
// from their frames, and never sends a frame back to its sender.
//
//  "EX" 2 type(1) channel(1) device(2) mode(1) LQI(1) NTP time(8) sequence(4) reserved(10) length(1) | frame with FCS
//
// UDP has no channel to sense: `clear` is always true. Give the MAC an ackWait of about 20 ms.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Radio } from './radio.ts';

/** UDP port of ZEP by convention; Wireshark listens for it. */
export const ZEP_PORT = 17754;
const HEADER_SIZE = 32;
const VERSION = 2;
const TYPE_DATA = 1;
const TYPE_ACK = 2;
const ACK_SIZE = 8;
/** The last two octets of the frame are its FCS. */
const MODE_CRC = 1;
/** From 1900 (NTP) to 1970. */
const NTP_EPOCH = 2208988800;

/** Why a datagram is not taken, or 0. */
export const ZEP_OK = 0;
export const ZEP_MALFORMED = 1;
export const ZEP_OTHER_CHANNEL = 2;
/** An acknowledgement packet: nothing to do. */
export const ZEP_ACK = 3;

/** Checks a datagram. After ZEP_OK the frame is at octet 32 and `zepFrameLength` octets long, within the datagram. */
export function checkZep(datagram: Uint8Array, channel: number): number {
  if (datagram.length < ACK_SIZE || datagram[0] !== 0x45 || datagram[1] !== 0x58 || datagram[2] !== VERSION) {
    return ZEP_MALFORMED;
  }
  if (datagram[3] === TYPE_ACK) return ZEP_ACK;
  if (datagram[3] !== TYPE_DATA || datagram.length <= HEADER_SIZE) return ZEP_MALFORMED;
  if (datagram[7] !== MODE_CRC || HEADER_SIZE + zepFrameLength(datagram) > datagram.length) return ZEP_MALFORMED;
  return datagram[4] === channel ? ZEP_OK : ZEP_OTHER_CHANNEL;
}

/** Octets of the frame in a datagram, FCS included. */
export function zepFrameLength(datagram: Uint8Array): number {
  return datagram[31] & 0x7f;
}

/** A datagram for one frame; `time` in milliseconds since 1970. */
export function zepDatagram(
  frame: Uint8Array,
  channel: number,
  device: number,
  sequence: number,
  time: number,
): Uint8Array {
  const datagram = new Uint8Array(HEADER_SIZE + frame.length);
  const view = new DataView(datagram.buffer);
  datagram.set([0x45, 0x58, VERSION, TYPE_DATA, channel]);
  view.setUint16(5, device);
  datagram[7] = MODE_CRC;
  datagram[8] = 255;
  view.setUint32(9, (Math.floor(time / 1000) + NTP_EPOCH) % 2 ** 32);
  view.setUint32(13, Math.floor(((time % 1000) / 1000) * 2 ** 32));
  view.setUint32(17, sequence % 2 ** 32);
  datagram[31] = frame.length;
  datagram.set(frame, HEADER_SIZE);
  return datagram;
}

/** Options of `createZep`. */
export interface ZepConfig {
  /** Own UDP port; 0 lets the system choose. */
  port?: number;
  /** Own address; the loopback by default. */
  address?: string;
  /** Peers known from the start, `port` ZEP_PORT by default. */
  peers?: { address: string; port?: number }[];
  /** 11..26, default 26. */
  channel?: number;
  /** 0..65535, goes out with each frame. */
  device?: number;
  /** Passes frames of one peer on to the others: a hub. */
  relay?: boolean;
  /** Peers remembered at most; the one silent for longest goes first. Default 64. */
  maxPeers?: number;
  /** Milliseconds since 1970. */
  clock?: () => number;
}

/** IEEE 802.15.4 frames in UDP, by the ZigBee Encapsulation Protocol, version 2. */
export interface ZepRadio extends Radio {
  /** Resolves when the socket is bound, to the port; rejects when it cannot be. */
  ready: Promise<number>;
  /** Frames and datagrams by what became of them. */
  counters: {
    /** Frames sent, each to all peers. */
    sent: number;
    /** Frames received. */
    received: number;
    /** Datagrams that are no ZEP data of version 2. */
    malformed: number;
    /** Frames of another channel. */
    otherChannel: number;
    /** Frames not sent, as no peer is known. */
    noPeer: number;
    /** Datagrams that the system refused to send. */
    sendErrors: number;
    /** Errors of the socket. */
    socketErrors: number;
  };
  /** `address port` of each peer known. */
  peers(): string[];
  /** Resolves when the socket is closed. */
  closed: Promise<void>;
}

const REOPEN_AFTER = 1000;

/** A radio over UDP. */
export function createZep(config: ZepConfig = {}): ZepRadio {
  const channel = config.channel ?? 26;
  if (!(channel >= 11 && channel <= 26)) throw new Error(`zep.channel ${channel}: must be 11..26`);
  const address = config.address ?? '127.0.0.1';
  const clock = config.clock ?? Date.now;
  const maxPeers = config.maxPeers ?? 64;
  const fixed = new Set<string>();
  // Insertion order is order of last hearing.
  const peers = new Map<string, { address: string; port: number }>();
  const counters = {
    sent: 0,
    received: 0,
    malformed: 0,
    otherChannel: 0,
    noPeer: 0,
    sendErrors: 0,
    socketErrors: 0,
  };
  let socket: Socket | null = null;
  let port = config.port ?? ZEP_PORT;
  let sequence = 0;
  let isClosed = false;
  let reopening: NodeJS.Timeout | null = null;
  let onReady: (port: number) => void = () => {};
  let onFailed: (error: Error) => void = () => {};
  let onClosed: () => void = () => {};

  for (const peer of config.peers ?? []) {
    const known = { address: peer.address, port: peer.port ?? ZEP_PORT };
    const key = `${known.address} ${known.port}`;
    fixed.add(key);
    peers.set(key, known);
  }

  function learn(from: RemoteInfo): void {
    const key = `${from.address} ${from.port}`;
    const known = peers.get(key) ?? { address: from.address, port: from.port };
    peers.delete(key);
    if (peers.size >= maxPeers) {
      for (const old of peers.keys()) {
        if (fixed.has(old)) continue;
        peers.delete(old);
        break;
      }
    }
    if (peers.size < maxPeers) peers.set(key, known);
  }

  function sendTo(datagram: Uint8Array, except: string): void {
    for (const [key, peer] of peers) {
      if (key === except) continue;
      try {
        socket?.send(datagram, peer.port, peer.address, (error) => {
          if (error !== null) counters.sendErrors++;
        });
      } catch {
        counters.sendErrors++;
      }
    }
  }

  function receive(datagram: Uint8Array, from: RemoteInfo): void {
    const result = checkZep(datagram, channel);
    if (result === ZEP_MALFORMED) counters.malformed++;
    else if (result === ZEP_OTHER_CHANNEL) counters.otherChannel++;
    if (result !== ZEP_OK || (from.port === port && from.address === address)) return;
    counters.received++;
    learn(from);
    if (config.relay === true) sendTo(datagram, `${from.address} ${from.port}`);
    radio.onFrame?.(datagram, HEADER_SIZE, zepFrameLength(datagram));
  }

  function open(): void {
    reopening = null;
    const opened = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    socket = opened;
    let bound = false;
    opened.on('message', receive);
    opened.on('listening', () => {
      bound = true;
      port = opened.address().port;
      onReady(port);
    });
    opened.on('error', (error) => {
      // Also a refused datagram (ICMP) can come here. The socket is replaced when it is of no more use.
      counters.socketErrors++;
      if (!bound) onFailed(error);
      if (socket !== opened) return;
      socket = null;
      opened.close();
      if (!isClosed) reopening = setTimeout(open, REOPEN_AFTER);
    });
    opened.bind(port, address);
  }

  const radio: ZepRadio = {
    onFrame: null,
    ready: new Promise((resolve, reject) => {
      onReady = resolve;
      onFailed = reject;
    }),
    closed: new Promise((resolve) => {
      onClosed = resolve;
    }),
    instant: true,
    counters,
    clear: () => true,
    transmit: (buffer, offset, length) => {
      if (isClosed) return;
      if (peers.size === 0) counters.noPeer++;
      else counters.sent++;
      const datagram = zepDatagram(
        buffer.subarray(offset, offset + length),
        channel,
        config.device ?? 0,
        sequence++,
        clock(),
      );
      sendTo(datagram, '');
    },
    peers: () => [...peers.keys()],
    close: () => {
      if (isClosed) return;
      isClosed = true;
      radio.onFrame = null;
      if (reopening !== null) clearTimeout(reopening);
      if (socket === null) onClosed();
      else socket.close(onClosed);
      socket = null;
    },
  };
  // A failure to bind is for who waits for `ready`; nobody has to.
  radio.ready.catch(() => {});
  open();
  return radio;
}

/** A radio over UDP once its socket is bound. Rejects with the system's error; nothing is open then. */
export async function openZep(config: ZepConfig): Promise<ZepRadio> {
  const radio = createZep(config);
  try {
    await radio.ready;
    return radio;
  } catch (error) {
    // It would try again for ever.
    radio.close();
    await radio.closed;
    throw error;
  }
}
