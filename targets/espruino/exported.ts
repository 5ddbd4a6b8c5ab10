// What the modules give to `require`; names in it are kept by targets/build/espruino-names.ts.

import type { BlobFields } from '../board/write-blob.ts';
import type { EspruinoRadio } from './board.ts';

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
