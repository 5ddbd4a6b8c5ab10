// A radio that Linux has a driver for: a packet socket on one of its interfaces. `monitor` has every frame on the channel, and
// sends any; `node` has data frames for its own addresses, which the radio acknowledges by itself.
//
//            from the socket                    to the socket      acknowledgements
//   monitor  MHR, payload, FCS, perhaps wrong   without the FCS    both directions by our MAC
//   node     MHR, payload; right FCS            without the FCS    by the driver; its frames end when they are handed over
//
// While the interface is down or gone, the radio is lost; it is looked for again and again. The channel, and the addresses of a
// node, are set with `iwpan`.

import { closeSync } from 'node:fs';
import {
  FCS_SIZE,
  FRAME_ACK,
  FRAME_ACK_REQUEST,
  FRAME_MAX,
  frameFcs,
  putFcs,
} from '../../../../../core/wire/ieee802154.ts';
import { errorText } from '../../errors.ts';
import { loadReadiness, type Readiness } from '../../io/readiness.ts';
import { EAGAIN } from '../../libc.ts';
import type { Radio, RadioDevice, Signal } from '../radio.ts';
import {
  EMSGSIZE,
  ENETDOWN,
  ENOBUFS,
  ENODEV,
  ENXIO,
  type LinuxCalls,
  loadLinuxCalls,
  SOCK_FLAGS,
  SOCK_RAW,
} from './calls.ts';
import { fitKind, interfaceOf, socketProblem, type WpanKind } from './interface.ts';
import { listWpan, type WpanInterface } from './nl802154.ts';

/** Options of `createLinuxRadio`. */
export interface LinuxConfig {
  /** Name of the interface. */
  interface: string;
  /** 0..26; the interface must be on it. Absent: whatever it is on. */
  channel?: number;
  /** What a node has to be set to: its radio takes no other frames. */
  panId: number;
  /** 0xffff: none. */
  shortAddress: number;
  /** EUI-64; null: that of the interface. */
  extendedAddress: Uint8Array | null;
  /** Wants every frame: a node is refused. */
  isPromiscuous?: boolean;
  /** Hears of the interface, and of losses. */
  log?: (level: 'info' | 'warn', text: string) => void;
  /** Milliseconds until the interface is looked for again, the first time; each further wait is twice as long, at most 5 s. Default 250. */
  reopenAfter?: number;
}

/** Counters of a radio that Linux drives. */
export interface LinuxCounters {
  /** Frames handed to the driver. */
  sent: number;
  /** Frames received. */
  received: number;
  /** Frames received with a wrong FCS. */
  badFcs: number;
  /** Frames received that are too short or too long. */
  badLength: number;
  /** Frames that came faster than they were read. */
  overflow: number;
  /** Frames not sent: the driver's queue is full. */
  congested: number;
  /** Frames not sent: the system refused them. */
  sendErrors: number;
  /** Frames not sent: the interface is down or gone. */
  unconnected: number;
  /** Times that the socket was opened, that opening it failed, that the interface was lost, and that it came back. */
  opened: number;
  errors: number;
  lost: number;
  back: number;
}

/** A radio behind a network interface of Linux. */
export interface LinuxRadio extends Radio {
  counters: LinuxCounters;
  /** Resolves when the interface is open, to what it is; rejects when it cannot be used. */
  ready: Promise<string>;
  closed: Promise<void>;
}

const AF_PACKET = 17;
const ETH_P_IEEE802154 = 0x00f6;
const SOCKADDR_LL_SIZE = 20;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
const STATISTICS_SIZE = 8;
const MSG_TRUNC = 0x20;
/** Octets of the socket's buffer: some seconds of air. */
const BUFFER = 1048576;
/** Frames read at a time, so that others get their turn. */
const BURST = 64;
/** MHR and FCS of an acknowledgement. */
const FRAME_MIN = 5;
const REOPEN_AFTER = 250;
const REOPEN_MAX = 5000;
const NO_ADDRESS = 0xffff;

function hex(value: number): string {
  return value.toString(16).padStart(4, '0');
}

/** Throws where the kernel's settings are not those of the configuration, with what to type. */
export function fitSettings(wpan: WpanInterface, config: LinuxConfig): void {
  const { name, phy } = wpan;
  if (config.channel !== undefined && phy.channel !== null && phy.channel !== config.channel) {
    throw new Error(
      `${name} is on channel ${phy.channel}, and not ${config.channel}: iwpan phy ${phy.name} set channel ${phy.page ?? 0} ${config.channel}`,
    );
  }
  if (wpan.kind === 'monitor') return;
  const set = (what: string, command: string, value: string): string =>
    `${name}: ${what}, and its radio takes no other frames: ip link set ${name} down; ${command} ${value}; ip link set ${name} up`;
  if (wpan.panId !== config.panId) {
    throw new Error(
      set(`its PAN identifier is ${hex(wpan.panId)}`, `iwpan dev ${name} set pan_id`, `0x${hex(config.panId)}`),
    );
  }
  const { shortAddress, extendedAddress } = config;
  if (shortAddress !== NO_ADDRESS && wpan.shortAddress !== shortAddress) {
    const text = `its short address is ${hex(wpan.shortAddress)}`;
    throw new Error(set(text, `iwpan dev ${name} set short_addr`, `0x${hex(shortAddress)}`));
  }
  if (extendedAddress !== null && Buffer.compare(extendedAddress, wpan.extendedAddress) !== 0) {
    const octets = [...extendedAddress].map((octet) => octet.toString(16).padStart(2, '0')).join(':');
    throw new Error(set('its EUI-64 is another', `ip link set ${name} address`, octets));
  }
}

interface Opened {
  fd: number;
  kind: WpanKind;
  text: string;
  channel: number | null;
  /** EUI-64; null: it has none. */
  address: Uint8Array | null;
}

/** Opens a packet socket on the interface; throws with why it cannot be used. */
function openSocket(calls: LinuxCalls, config: LinuxConfig): Opened {
  const { interface: name } = config;
  const fd = calls.socket(AF_PACKET, SOCK_RAW | SOCK_FLAGS, 0);
  if (fd < 0) throw new Error(socketProblem(calls.errno()));
  try {
    const { found, kind } = fitKind(interfaceOf(calls, fd, name), name);
    if (config.isPromiscuous === true && kind === 'node') {
      throw new Error(
        `${name} has frames for itself alone: take a monitor: iwpan phy phy0 interface add monitor0 type monitor`,
      );
    }
    const wpan = listWpan(calls).find(({ index }) => index === found.index);
    if (wpan !== undefined) fitSettings(wpan, config);
    calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, Int32Array.of(BUFFER), 4);
    const address = Buffer.alloc(SOCKADDR_LL_SIZE);
    address.writeUInt16LE(AF_PACKET, 0);
    // With this protocol, our own frames do not come back.
    address.writeUInt16BE(ETH_P_IEEE802154, 2);
    address.writeInt32LE(found.index, 4);
    if (calls.bind(fd, address, address.length) < 0) throw new Error(`${name}: bind failed (errno ${calls.errno()})`);
    const { phy } = wpan ?? {};
    const place = phy === undefined ? '' : `, ${phy.name}, channel ${phy.channel ?? '?'}, page ${phy.page ?? '?'}`;
    const own = kind === 'node' && found.address.some((octet) => octet !== 0) ? found.address : null;
    return { fd, kind, text: `${kind} ${name}${place}`, channel: phy?.channel ?? null, address: own };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A radio on a network interface of Linux. */
export function createLinuxRadio(config: LinuxConfig): LinuxRadio {
  const { interface: name, log = () => {} } = config;
  const counters: LinuxCounters = {
    sent: 0,
    received: 0,
    badFcs: 0,
    badLength: 0,
    overflow: 0,
    congested: 0,
    sendErrors: 0,
    unconnected: 0,
    opened: 0,
    errors: 0,
    lost: 0,
    back: 0,
  };
  const frame = new Uint8Array(FRAME_MAX + FCS_SIZE);
  const statistics = new Int32Array(STATISTICS_SIZE / 4);
  const statisticsSize = Int32Array.of(STATISTICS_SIZE);
  let calls: LinuxCalls | null = null;
  let readiness: Readiness | null = null;
  let opened: Opened | null = null;
  let isClosed = false;
  let wasUp = false;
  let failures = 0;
  let problem = '';
  let signal: Signal | null = null;
  let reopening: NodeJS.Timeout | undefined;
  let onReady: (text: string) => void = () => {};
  let onFailed: (error: Error) => void = () => {};
  let onClosed: () => void = () => {};

  /** The system's count starts anew with each look. */
  function countOverflow(): void {
    if (opened === null || calls === null) return;
    statisticsSize[0] = STATISTICS_SIZE;
    if (calls.getsockopt(opened.fd, SOL_PACKET, PACKET_STATISTICS, statistics, statisticsSize) < 0) return;
    counters.overflow += statistics[1];
  }

  function shut(): void {
    if (opened === null) return;
    countOverflow();
    readiness?.remove(opened.fd);
    closeSync(opened.fd);
    opened = null;
  }

  function again(): void {
    if (isClosed) return;
    const wait = (config.reopenAfter ?? REOPEN_AFTER) * 2 ** Math.min(failures++, 16);
    clearTimeout(reopening);
    reopening = setTimeout(() => void open(), Math.min(wait, REOPEN_MAX));
  }

  function down(reason: string): void {
    if (opened === null) return;
    shut();
    problem = reason;
    counters.lost++;
    log('warn', `lost: ${reason}`);
    radio.onState?.(false, reason);
    again();
  }

  function failed(error: unknown): void {
    counters.errors++;
    problem = errorText(error);
    onFailed(error as Error);
    again();
  }

  async function open(): Promise<void> {
    try {
      calls ??= await loadLinuxCalls();
      readiness ??= await loadReadiness();
      if (isClosed) return;
      opened = openSocket(calls, config);
      readiness.add(opened.fd, { readable: drain });
    } catch (error) {
      shut();
      failed(error);
      return;
    }
    up(opened);
  }

  function up({ text }: Opened): void {
    counters.opened++;
    failures = 0;
    problem = '';
    log('info', text);
    if (wasUp) {
      counters.back++;
      radio.onState?.(true, text);
    }
    wasUp = true;
    onReady(text);
  }

  /** One frame of `size` octets in `frame`, with its FCS if it is a monitor's. */
  function take(size: number, { kind, channel }: Opened): void {
    const length = kind === 'monitor' ? size : size + FCS_SIZE;
    if (length < FRAME_MIN || length > FRAME_MAX) {
      counters.badLength++;
      return;
    }
    if (kind === 'node') putFcs(frame, 0, size);
    else if (frameFcs(frame, 0, length) !== 0) {
      counters.badFcs++;
      return;
    }
    counters.received++;
    signal = { rssi: null, noise: null, lqi: null, channel };
    try {
      radio.onFrame?.(frame, 0, length);
    } finally {
      signal = null;
    }
  }

  /** Takes a burst of frames: how many. */
  function drain(): number {
    let count = 0;
    for (; count < BURST && opened !== null; count++) {
      const size = calls!.recv(opened.fd, frame, frame.length, MSG_TRUNC);
      if (size >= 0) {
        take(size, opened);
        continue;
      }
      const errno = calls!.errno();
      if (errno !== EAGAIN)
        down(errno === ENETDOWN ? `${name} is down, or gone` : `${name}: receiving failed (errno ${errno})`);
      break;
    }
    return count;
  }

  function refused(errno: number): void {
    if (errno === ENETDOWN || errno === ENXIO || errno === ENODEV) {
      counters.unconnected++;
      down(`${name} is down, or gone`);
    } else if (errno === EAGAIN || errno === ENOBUFS) counters.congested++;
    else {
      counters.sendErrors++;
      problem = errno === EMSGSIZE ? 'a frame is too long' : `sending failed (errno ${errno})`;
    }
  }

  const radio: LinuxRadio = {
    onFrame: null,
    onEnd: null,
    onState: null,
    counters,
    ready: new Promise((resolve, reject) => {
      onReady = resolve;
      onFailed = reject;
    }),
    closed: new Promise((resolve) => {
      onClosed = resolve;
    }),
    instant: true,
    clear: () => true,
    signal: () => signal,
    eui64: () => opened?.address ?? null,
    device(): RadioDevice {
      countOverflow();
      const firmware = opened?.text ?? '';
      return { kind: 'linux', isUp: opened !== null, firmware, problem, noise: null, counters: { ...counters } };
    },
    transmit(buffer, offset, length) {
      if (isClosed || length < FRAME_MIN) return;
      if (opened === null || calls === null) {
        counters.unconnected++;
        return;
      }
      const isAck = (buffer[offset] & 7) === FRAME_ACK;
      // The driver has sent its own.
      if (opened.kind === 'node' && isAck) return;
      const size = length - FCS_SIZE;
      if (calls.send(opened.fd, buffer.subarray(offset, offset + size), size, 0) !== size) {
        refused(calls.errno());
        return;
      }
      counters.sent++;
      if (opened.kind === 'monitor' || (buffer[offset] & FRAME_ACK_REQUEST) === 0) return;
      const sequence = buffer[offset + 2];
      // The MAC hears of it when it has sent.
      queueMicrotask(() => radio.onEnd?.(sequence, 0));
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      radio.onFrame = null;
      radio.onEnd = null;
      radio.onState = null;
      clearTimeout(reopening);
      shut();
      onFailed(new Error('the radio was closed'));
      onClosed();
    },
  };
  // A failure is for who waits for it; nobody has to.
  radio.ready.catch(() => {});
  void open();
  return radio;
}
