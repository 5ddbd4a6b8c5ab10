// IEEE 802.15.4 frames over UDP, by the ZigBee Encapsulation Protocol: the virtual radio link of RIOT's native nodes. Wireshark
// shows it live. It learns peers from their frames, and never sends a frame back to its sender. zep-peers.ts says who gets
// which frame, zep-datagram.ts has the form of the datagrams.
//
// UDP has no channel to sense and no air time. Give the MAC an ackWait of about 20 ms.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { lookupAddress, widenBuffers } from '../socket-buffer.ts';
import type { Radio } from './radio.ts';
import {
  checkZep,
  mendRiotFcs,
  ZEP_HEADER,
  ZEP_HELLO,
  ZEP_MALFORMED,
  ZEP_OK,
  ZEP_OTHER_CHANNEL,
  zepDatagram,
  zepFrameLength,
} from './zep-datagram.ts';
import { createZepPeers, type ZepPeer } from './zep-peers.ts';

/** UDP port of ZEP by convention; Wireshark listens for it. */
export const ZEP_PORT = 17754;
/** Peers remembered by default. */
export const ZEP_PEERS = 1024;

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
  /** Peers remembered at most, 1..65535; the one silent for longest goes first. Default 1024. */
  maxPeers?: number;
  /**
   * Peers are native nodes of RIOT: HELLO datagrams make them known, and frames with the FCS of its versions before May 2026
   * are taken.
   */
  riot?: boolean;
  /** Octets of the socket's buffers; default: what the system gives. */
  buffer?: number;
  /** Is told of a buffer that the system keeps smaller. */
  warn?: (text: string) => void;
  /** Milliseconds since 1970. */
  clock?: () => number;
}

/** IEEE 802.15.4 frames in UDP, by the ZigBee Encapsulation Protocol, version 2. */
export interface ZepRadio extends Radio {
  /** Resolves when the socket is bound, to the port; rejects when it cannot be. */
  ready: Promise<number>;
  /** Frames and datagrams by what became of them. */
  counters: {
    /** Frames sent. */
    sent: number;
    /** Datagrams sent: a frame may go to many peers. */
    datagrams: number;
    /** Frames received. */
    received: number;
    /** Datagrams that are no ZEP data of version 2, and all from port 0. */
    malformed: number;
    /** Frames of another channel. */
    otherChannel: number;
    /** HELLO datagrams of RIOT. */
    hello: number;
    /** Frames with RIOT's FCS, taken. */
    riotFcs: number;
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
  const maxPeers = config.maxPeers ?? ZEP_PEERS;
  if (!(maxPeers >= 1 && maxPeers <= 65535)) throw new Error(`zep.maxPeers ${maxPeers}: must be 1..65535`);
  const peers = createZepPeers(maxPeers);
  // Who sent the frame that the layer above is taking.
  let current: ZepPeer | undefined;
  const counters = {
    sent: 0,
    datagrams: 0,
    received: 0,
    malformed: 0,
    otherChannel: 0,
    hello: 0,
    riotFcs: 0,
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

  for (const peer of config.peers ?? []) peers.hear(peer.address, peer.port ?? ZEP_PORT, true);

  function ended(error: Error | null): void {
    if (error !== null) counters.sendErrors++;
  }

  function sendTo(datagram: Uint8Array, receivers: Iterable<ZepPeer>, except: ZepPeer | undefined): void {
    for (const peer of receivers) {
      if (peer === except) continue;
      counters.datagrams++;
      try {
        socket?.send(datagram, peer.port, peer.address, ended);
      } catch {
        counters.sendErrors++;
      }
    }
  }

  function receive(datagram: Uint8Array, from: RemoteInfo): void {
    const result = checkZep(datagram, channel);
    if (result === ZEP_MALFORMED) counters.malformed++;
    else if (result === ZEP_OTHER_CHANNEL) counters.otherChannel++;
    else if (result === ZEP_HELLO) counters.hello++;
    if (from.port === port && from.address === address) return;
    // Nothing can be sent there.
    if (from.port === 0) {
      if (result !== ZEP_MALFORMED) counters.malformed++;
      return;
    }
    if (result === ZEP_HELLO && config.riot === true) peers.hear(from.address, from.port);
    if (result !== ZEP_OK) return;
    counters.received++;
    const length = zepFrameLength(datagram);
    if (config.riot === true && mendRiotFcs(datagram, ZEP_HEADER, length)) counters.riotFcs++;
    const peer = peers.hear(from.address, from.port);
    if (peer !== undefined) peers.learn(peer, datagram, ZEP_HEADER, length, clock());
    if (config.relay === true) sendTo(datagram, peers.all(), peer);
    current = peer;
    try {
      radio.onFrame?.(datagram, ZEP_HEADER, length);
    } finally {
      current = undefined;
    }
  }

  function open(): void {
    reopening = null;
    const opened = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', lookup: lookupAddress });
    socket = opened;
    let bound = false;
    opened.on('message', receive);
    opened.on('listening', () => {
      bound = true;
      port = opened.address().port;
      if (config.buffer !== undefined) widenBuffers(opened, config.buffer, config.warn ?? (() => {}));
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
      if (peers.size() === 0) counters.noPeer++;
      else counters.sent++;
      const frame = buffer.subarray(offset, offset + length);
      const datagram = zepDatagram(frame, channel, config.device ?? 0, sequence++, clock());
      sendTo(datagram, peers.whereTo(buffer, offset, length, current), undefined);
    },
    peers: () => [...peers.all()].map(({ key }) => key),
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
