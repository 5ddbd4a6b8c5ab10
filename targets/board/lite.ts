// The module `dietlite` of Lua, Duktape and JerryScript: the data plane, SAs keyed by hand.

import { aesCcm } from '../../core/crypto/ccm.ts';
import type { Part } from '../../core/crypto/portable.ts';
import { type Board, NATIVE_CCM } from './hooks.ts';
import { createNativeCcm } from './native.ts';
import { hexOctets, octetsOf, textOf } from './octets.ts';
import { createProgramDevice, type ProgramDevice, type ProgramDeviceOptions } from './program.ts';

/** @noSelf */
export interface LiteModule {
  device(options: ProgramDeviceOptions): ProgramDevice;
  octets(text: string): Uint8Array;
  hex(digits: string): Uint8Array;
  text(octets: Uint8Array): string;
}

function ccmOf(board: Board): Part {
  return (board.native & NATIVE_CCM) !== 0 ? createNativeCcm(board) : aesCcm;
}

export function createLite(): LiteModule {
  return {
    device: (options) => createProgramDevice(options, ccmOf),
    octets: octetsOf,
    hex: hexOctets,
    text: textOf,
  };
}
