// Types of the modules `dietesp` and `dietlite` for Espruino. `dietlite` has `device` and `mrf24j40` only.

/** Espruino's pins and buses, as far as the modules use them. */
interface EspruinoPin {
  read(): boolean;
  write(value: boolean | number): void;
}
interface EspruinoSpi {
  setup(options: object): void;
  send(data: Uint8Array | number[], cs?: EspruinoPin): Uint8Array;
}
interface EspruinoSerial {
  setup(baud: number, options?: object): void;
  on(event: string, handler: (data: string) => void): void;
  write(data: Uint8Array): void;
}

/** A radio for `start` and `device`: one of this module, or your own. */
export interface Radio {
  onFrame: ((frame: Uint8Array, offset: number, length: number) => void) | null;
  /** False: nothing can be sent now. */
  clear(): boolean;
  /** Sends an IEEE 802.15.4 frame, MHR to FCS. */
  transmit(buffer: Uint8Array, offset: number, length: number): void;
  poll(now: number): void;
  /** When to call `poll` next, in milliseconds, or -1. */
  nextTimeout(): number;
}

export interface Mrf24j40Options {
  spi: EspruinoSpi;
  cs: EspruinoPin;
  irq: EspruinoPin;
  reset?: EspruinoPin | null;
  /** 11..26 */
  channel: number;
  panId: number;
  /** 0xffff: none. */
  shortAddress: number;
  /** EUI-64, 8 octets. */
  extendedAddress: Uint8Array;
}

export interface Mrf24j40 extends Radio {
  lqi: number;
  rssi: number;
  counters: {
    sent: number;
    received: number;
    channelBusy: number;
    notAcknowledged: number;
    refused: number;
    badLength: number;
    missed: number;
    stuck: number;
    silent: number;
  };
  reset(): boolean;
  interrupt(): void;
  setChannel(channel: number): void;
  setAddress(panId: number, shortAddress: number, extendedAddress: Uint8Array): void;
  /** False while a frame is being sent. */
  sleep(): boolean;
  wake(): void;
}

export interface SaOptions {
  spi: number;
  /** 16 octets. */
  key: Uint8Array;
  /** 3 octets. */
  salt: Uint8Array;
}

export interface DeviceOptions {
  radio: Radio;
  panId: number;
  shortAddress: number;
  extendedAddress: Uint8Array;
  /** Link-layer address of the gateway, 2 or 8 octets. */
  gateway: Uint8Array;
  /** IPv6 addresses of 16 octets: inner, and of the tunnel. */
  address: Uint8Array;
  peer: Uint8Array;
  tunnel: Uint8Array;
  tunnelPeer: Uint8Array;
  port: number;
  peerPort: number;
  up: SaOptions;
  down: SaOptions;
  spiBits: number;
  snBits: number;
  /** Milliseconds; 250 with the MRF24J40. */
  ackWait: number;
  /** The number that `reserve` stored last; 0 the first time. */
  reserved: number;
  reserve: (upTo: number) => void;
  received: (payload: Uint8Array) => void;
  /** Octets of the largest inner packet, default 256. */
  maxSize?: number;
  random?: (buffer: Uint8Array, offset: number, length: number) => boolean;
}

export interface Device {
  /** A tag > 0, or a negative drop code. `done` gets 0, or a drop code. */
  send(payload: Uint8Array, done: ((result: number) => void) | null): number;
  stop(): void;
}

/** Fields of a provisioning blob: names and units as in targets/board/blob.ts. */
export type BlobFields = Record<string, number | string | Uint8Array | number[][][]>;

export interface StartOptions {
  radio: Radio;
  provision: Uint8Array | string | BlobFields;
  print?: (line: string) => void;
  random?: (buffer: Uint8Array, offset: number, length: number) => boolean;
  restart?: () => void;
  /** Name of a file of the Storage that keeps the session over a restart. Default: it is not kept. */
  record?: string;
}

export interface Sensor {
  /** `rekey`, `rekey-ike`, `delete`, `connect`, `send N`, `stats`, `restart`, `exit`. */
  command(line: string): boolean;
  stop(): void;
  isOver(): boolean;
  lost(): number;
  /** 1 AES-CCM, 2 HMAC-SHA-256, 4 X25519. */
  native: number;
}

export function start(options: StartOptions): Sensor;
export function device(options: DeviceOptions): Device;
export function mrf24j40(options: Mrf24j40Options): Mrf24j40;
export function pipe(serial: EspruinoSerial): Radio & {
  counters: { sent: number; received: number; skipped: number; cut: number };
};
export function blob(fields: BlobFields): Uint8Array;
