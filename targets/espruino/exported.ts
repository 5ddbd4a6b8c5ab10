// The exports of the modules. targets/build/espruino-names.ts keeps their names.

import type { BlobFields } from '../board/blob-fields.ts';
import type { EspruinoRadio } from './board.ts';

declare const exports: Exports;

/** The module's exports. Each module sets its own. */
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

/** Options of `start`. */
export interface StartOptions {
  radio: EspruinoRadio;
  /** A blob of `dietesp provision`, as octets or as the string that Storage returns; or its fields. */
  provision: Uint8Array | string | BlobFields;
  /** Prints a console line; default: Espruino's console. */
  print?: (line: string) => void;
  /** Writes secure random octets, if the board has no source of its own. False: there are none. */
  random?: (buffer: Uint8Array, offset: number, length: number) => boolean;
  /** Default: E.reboot. */
  restart?: () => void;
  /** Name of a file of the Storage that keeps the session over a restart, e.g. `desp.ses`. Default: it is not kept. */
  record?: string;
}
