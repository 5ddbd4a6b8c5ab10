// What the modules give to `require`, and the names that must stay as they are where the rest is mangled.

import type { EspruinoRadio } from './board.ts';
import type { BlobFields } from './writeblob.ts';

declare const exports: Exports;

/** The module's object: each module sets what it has. */
export interface Exports {
  start?: unknown;
  device?: unknown;
  mrf24j40?: unknown;
  pipe?: unknown;
  blob?: unknown;
  native?: unknown;
}

export function moduleExports(): Exports {
  return exports;
}

/** What `start` takes. */
export interface StartOptions {
  radio: EspruinoRadio;
  /** A blob as `dietesp provision` writes it: octets, or a string of them as Storage reads it; or its fields. */
  provision: Uint8Array | string | BlobFields;
  /** Console lines; default: Espruino's console. */
  print?: (line: string) => void;
  /** A source of secure random octets, where the board has none of its own; false: none. */
  random?: (buffer: Uint8Array, offset: number, length: number) => boolean;
  /** Default: E.reboot. */
  restart?: () => void;
}

/** Names that cross the border between the module and its user. */
export const MODULE_MEMBERS: string[] = /* @__PURE__ */ [
  'ackWait',
  'address',
  'badLength',
  'blob',
  'channel',
  'channelBusy',
  'clear',
  'command',
  'counters',
  'cs',
  'cut',
  'delay',
  'device',
  'down',
  'extendedAddress',
  'gateway',
  'interrupt',
  'irq',
  'isOver',
  'key',
  'lost',
  'lqi',
  'maxSize',
  'missed',
  'mrf24j40',
  'native',
  'nextTimeout',
  'notAcknowledged',
  'now',
  'onFrame',
  'panId',
  'path',
  'peer',
  'peerPort',
  'pipe',
  'poll',
  'port',
  'print',
  'provision',
  'radio',
  'random',
  'received',
  'refused',
  'reserve',
  'reserved',
  'reset',
  'restart',
  'rssi',
  'salt',
  'send',
  'sent',
  'setAddress',
  'setChannel',
  'shortAddress',
  'silent',
  'skipped',
  'sleep',
  'snBits',
  'spi',
  'spiBits',
  'start',
  'stop',
  'stuck',
  'transmit',
  'tunnel',
  'tunnelPeer',
  'up',
  'wake',
];
