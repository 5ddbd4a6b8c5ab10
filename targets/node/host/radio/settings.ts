// What files and programs say of a radio. config.ts checks it, kinds.ts opens it.

import type { Radio } from './radio.ts';
import type { ZepConfig } from './zep.ts';

/** A radio co-processor that speaks Spinel: one of `path`, `tcp` and `command`. */
export interface SpinelSettings {
  /** Serial port, or terminal device. */
  path?: string;
  /** Bits a second, default 115200. */
  baud?: number;
  /** RTS and CTS; default false. */
  flowControl?: boolean;
  /** `HOST:PORT` */
  tcp?: string;
  /** A program and its arguments. */
  command?: string[];
  /** 11..26, default 26. */
  channel?: number;
  /** dBm, -40..30; default: as the firmware has it. */
  txPower?: number;
}

/** A board whose radio is a UART. */
export interface UartSettings {
  /** Serial port, or terminal device. */
  path: string;
  /** Bits a second, default 115200. */
  baud?: number;
}

/** A network interface of Linux's IEEE 802.15.4 stack. */
export interface LinuxSettings {
  /** Its name. */
  interface: string;
  /** 0..26, which it must be on; default: whatever it is on. */
  channel?: number;
}

/** A radio: one of `radio` (the gateway closes it), `zep`, `spinel`, `uart` and `linux`. */
export interface RadioConfig {
  /** Default radio0, radio1, ... */
  name?: string;
  /** A radio that is open already. */
  radio?: Radio;
  /** A radio to open: IEEE 802.15.4 frames in UDP. */
  zep?: ZepConfig;
  /** A radio co-processor to open, such as a USB dongle. */
  spinel?: SpinelSettings;
  /** A board to open, whose radio is a UART. */
  uart?: UartSettings;
  /** A network interface of Linux to open. */
  linux?: LinuxSettings;
  /** 0..0xfffe. */
  panId: number;
  /** 0..0xfffd; without it frames carry the extended address. */
  shortAddress?: number;
  /** EUI-64, 16 hexadecimal digits; default that of the device, else a random one, locally administered. */
  extendedAddress?: string;
  /** Packets that can wait, 1..255, default 32. */
  queue?: number;
  /** Neighbours whose last frame is remembered, to know a repetition: 1..524288, default 16384. */
  neighbours?: number;
  /**
   * Milliseconds to wait for an acknowledgement; default 0.864, with `zep` and others without air time 20, with
   * `uart` 100, with `linux` 50, with `spinel` 1000.
   */
  ackWait?: number;
  /** Datagrams in reassembly at a time, 1..65535; default 1024 at a gateway, 8 at a sensor. */
  reassemblies?: number;
  /** Milliseconds until an incomplete datagram is given up, default 10000. */
  reassemblyTime?: number;
  /** Longest outer packet in octets, 40..2047. */
  maxSize?: number;
}

/** A radio's configuration after its check. */
export interface CheckedRadio extends RadioConfig {
  name: string;
  /** EUI-64; null: that of the device, or a random one. */
  address: Uint8Array | null;
}
