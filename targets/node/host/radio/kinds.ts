// The kinds of radios that a file can name: for each its field, the check of its settings, how it is opened, and how it is
// called in texts. A further kind is one more entry here, and its field in the schema.

import { ACK_WAIT } from '../../../../core/link/mac.ts';
import { integerIn, refuseAt } from '../check.ts';
import type { FieldPath } from '../errors.ts';
import type { UartLine } from './line-keeper.ts';
import { createLinuxRadio } from './linux/radio.ts';
import type { Radio } from './radio.ts';
import type { CheckedRadio, LinuxSettings, RadioConfig, SpinelSettings } from './settings.ts';
import { commandLine, portLine, tcpLine } from './spinel/line.ts';
import { createSpinelRadio } from './spinel/radio.ts';
import { createUartRadio } from './uart.ts';
import { createZep, ZEP_PORT, type ZepConfig } from './zep.ts';

/** What is needed to open a radio beside its settings. */
export interface OpenOptions {
  /** Octets of a socket's buffers. */
  buffer?: number;
  /** Hears of what is not as it should be. */
  warn: (text: string) => void;
  /** Hears of versions, resets and losses. */
  log: (level: 'info' | 'warn' | 'debug', text: string) => void;
  /** Receives every frame and acknowledges none, where the radio can. */
  isPromiscuous?: boolean;
}

/** The fields of a radio's configuration that open one. */
export type KindName = 'zep' | 'spinel' | 'uart' | 'linux';

interface Kind {
  /** Throws a FieldError. */
  check(radio: RadioConfig, path: FieldPath): void;
  /** It is ready when its `ready` says so. */
  open(radio: CheckedRadio, options: OpenOptions): Radio;
  /** Milliseconds to wait for an acknowledgement. */
  ackWait: number;
  /** `ZEP port 17754` */
  text(radio: RadioConfig): string;
}

const CHANNEL = 26;
const BAUD = 115200;
const BAUD_MIN = 300;
const BAUD_MAX = 4000000;
const POWER_MIN = -40;
const POWER_MAX = 30;
/** Words of a command. */
const WORDS_MAX = 32;
/** Processes answer later than chips. */
const UDP_ACK_WAIT = 20;
/** A frame and its acknowledgement on a line of 115200 bits a second. */
const UART_ACK_WAIT = 100;
/** An acknowledgement that a peer's radio makes at once, through a driver and the system. */
const LINUX_ACK_WAIT = 50;
const LINUX_CHANNEL_MAX = 26;
/** It says how a frame ended: this is for when it says nothing. */
const SPINEL_ACK_WAIT = 1000;
const NO_SHORT_ADDRESS = 0xffff;

/** Host and port of `HOST:PORT`, `[HOST]:PORT` for IPv6; null: it is none. */
export function hostPort(text: string): { host: string; port: number } | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  return match === null || port < 1 || port > 65535 ? null : { host: match[1] ?? match[2], port };
}

function spinelLine(spinel: SpinelSettings, log: OpenOptions['log']): UartLine {
  const { path, tcp, command } = spinel;
  if (path !== undefined) return portLine(path, spinel.baud ?? BAUD, spinel.flowControl === true);
  if (tcp !== undefined) {
    const { host, port } = hostPort(tcp)!;
    return tcpLine(host, port);
  }
  return commandLine(command!, (text) => log('debug', text.trim()));
}

function checkPath(at: FieldPath, path: unknown): void {
  if (typeof path !== 'string' || path.trim() === '') refuseAt(at, path, 'must be the name of a serial port');
}

export const KINDS: Record<KindName, Kind> = {
  zep: {
    check({ zep }, path) {
      if (typeof zep !== 'object' || zep === null) refuseAt([...path, 'zep'], zep, 'must be an object');
      const { port, channel, maxPeers } = zep as ZepConfig;
      integerIn([...path, 'zep', 'port'], port ?? 0, 0, 65535);
      integerIn([...path, 'zep', 'channel'], channel ?? CHANNEL, 11, 26);
      integerIn([...path, 'zep', 'maxPeers'], maxPeers ?? 1, 1, 65535);
    },
    open: ({ zep }, { buffer, warn }) => createZep({ ...(buffer === undefined ? {} : { buffer }), warn, ...zep }),
    ackWait: UDP_ACK_WAIT,
    text: ({ zep }) => `ZEP port ${zep?.port ?? ZEP_PORT}`,
  },
  spinel: {
    check({ spinel }, path) {
      const at = [...path, 'spinel'];
      if (typeof spinel !== 'object' || spinel === null) refuseAt(at, spinel, 'must be an object');
      const { tcp, command, baud, channel, txPower } = spinel!;
      const given = (['path', 'tcp', 'command'] as const).filter((name) => spinel![name] !== undefined);
      if (given.length !== 1) {
        refuseAt(at, given.length === 0 ? 'none' : given.join(' and '), 'must have one of `path`, `tcp` and `command`');
      }
      if (given[0] === 'path') checkPath([...at, 'path'], spinel!.path);
      if (tcp !== undefined && hostPort(String(tcp)) === null) refuseAt([...at, 'tcp'], tcp, 'must be HOST:PORT');
      if (command !== undefined) {
        const isGood = Array.isArray(command) && command.length > 0 && command.length <= WORDS_MAX;
        if (!isGood || command.some((word) => typeof word !== 'string') || command[0] === '') {
          refuseAt([...at, 'command'], command, `must be a program and its arguments, ${WORDS_MAX} words at most`);
        }
      }
      integerIn([...at, 'baud'], baud ?? BAUD, BAUD_MIN, BAUD_MAX);
      integerIn([...at, 'channel'], channel ?? CHANNEL, 11, 26);
      integerIn([...at, 'txPower'], txPower ?? 0, POWER_MIN, POWER_MAX);
    },
    open: ({ spinel, panId, shortAddress, address }, { log, isPromiscuous }) =>
      createSpinelRadio({
        line: spinelLine(spinel!, log),
        channel: spinel!.channel ?? CHANNEL,
        panId,
        shortAddress: shortAddress ?? NO_SHORT_ADDRESS,
        extendedAddress: address,
        ...(spinel!.txPower === undefined ? {} : { txPower: spinel!.txPower }),
        isPromiscuous: isPromiscuous === true,
        log,
      }),
    ackWait: SPINEL_ACK_WAIT,
    text({ spinel }) {
      const { path, tcp, command, channel } = spinel ?? {};
      return `Spinel at ${path ?? tcp ?? command?.join(' ')}, channel ${channel ?? CHANNEL}`;
    },
  },
  uart: {
    check({ uart }, path) {
      const at = [...path, 'uart'];
      if (typeof uart !== 'object' || uart === null) refuseAt(at, uart, 'must be an object');
      checkPath([...at, 'path'], uart!.path);
      integerIn([...at, 'baud'], uart!.baud ?? BAUD, BAUD_MIN, BAUD_MAX);
    },
    open: ({ uart }) => createUartRadio({ line: portLine(uart!.path, uart!.baud ?? BAUD, false), mustOpen: true }),
    ackWait: UART_ACK_WAIT,
    text: ({ uart }) => `UART at ${uart?.path}`,
  },
  linux: {
    check({ linux }, path) {
      const at = [...path, 'linux'];
      if (typeof linux !== 'object' || linux === null) refuseAt(at, linux, 'must be an object');
      const { interface: name, channel } = linux as LinuxSettings;
      // What Linux takes for the name of one.
      if (typeof name !== 'string' || !/^(?!\.{1,2}$)[^\s/:]{1,15}$/.test(name)) {
        refuseAt([...at, 'interface'], name, 'must be the name of a network interface, 15 characters at most');
      }
      integerIn([...at, 'channel'], channel ?? 0, 0, LINUX_CHANNEL_MAX);
    },
    open: ({ linux, panId, shortAddress, address }, { log, isPromiscuous }) =>
      createLinuxRadio({
        ...linux!,
        panId,
        shortAddress: shortAddress ?? NO_SHORT_ADDRESS,
        extendedAddress: address,
        isPromiscuous: isPromiscuous === true,
        log,
      }),
    ackWait: LINUX_ACK_WAIT,
    text: ({ linux }) => `interface ${linux?.interface}`,
  },
};

/** The fields of `KINDS`. */
export const KIND_NAMES = Object.keys(KINDS) as KindName[];

/** The kind that this configuration names; undefined: none, or a radio that is open already. */
export function kindOf(radio: Partial<Record<KindName, unknown>>): KindName | undefined {
  return KIND_NAMES.find((name) => radio[name] !== undefined);
}

/** Opens the radio of a checked configuration; its `ready` tells when it can be used. */
export function openRadio(radio: CheckedRadio, options: OpenOptions): Radio {
  return radio.radio ?? KINDS[kindOf(radio)!].open(radio, options);
}

/** Opens a radio and waits until it can be used. Rejects with what is wrong; nothing is open then. */
export async function openReadyRadio(checked: CheckedRadio, options: OpenOptions): Promise<Radio> {
  const radio = openRadio(checked, options);
  try {
    await radio.ready;
    return radio;
  } catch (error) {
    radio.close();
    await radio.closed;
    throw error;
  }
}

/** Milliseconds that this radio's MAC waits for an acknowledgement. */
export function ackWaitOf(radio: RadioConfig): number {
  if (radio.ackWait !== undefined) return radio.ackWait;
  const kind = kindOf(radio);
  if (kind !== undefined) return KINDS[kind].ackWait;
  return radio.radio?.instant === true ? UDP_ACK_WAIT : ACK_WAIT;
}
