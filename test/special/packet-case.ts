// Runs vectors through modules of targets/special/packet.entry.ts, on any engine (portable subset). packet-kit.ts makes the
// cases, arrays of strings: numbers in decimal, octets in hexadecimal, `-` for what a vector leaves open.

import { copy } from '../../core/base/bytes.ts';
import { hexOf, numberOf, octetsOf } from '../../targets/build/vector-case.ts';

/**
 * What a joined text of packet.entry.ts exports.
 *
 * @noSelf
 */
export interface PacketModule {
  start: (octets: Uint8Array) => boolean;
  addSas: (spiOut: number, spiIn: number, keys: Uint8Array, outAt: number, inAt: number) => void;
  removePair: (spiIn: number) => void;
  resumeSas: (out: number, back: number) => void;
  outbound: (src: Uint8Array, offset: number, length: number, dst: Uint8Array, at: number, now: number) => number;
  inbound: (src: Uint8Array, offset: number, length: number, dst: Uint8Array, at: number, now: number) => number;
  counter: (which: number) => number;
  /** In texts of tests: the explicit IV of what goes out. */
  testIv: Uint8Array;
}

// Places in a case.
export const PC_ID = 0;
export const PC_KIND = 1;
/** Which module. */
export const PC_MODULE = 2;
export const PC_DATA = 3;
export const PC_KEYS = 4;
export const PC_SPI = 5;
/** The number before the packet's. */
export const PC_SN = 6;
export const PC_IV = 7;
export const PC_INNER = 8;
export const PC_WIRE = 9;
export const PC_BACK = 10;
/** Drop codes, separated by commas. */
export const PC_CODES = 11;
export const PC_BEFORE = 12;

const ROOM = 2600;

function expected(c: string[], what: string, result: number): string {
  if ((',' + c[PC_CODES] + ',').indexOf(',' + Math.min(result, 0) + ',') >= 0) return 'ok ' + c[PC_ID];
  return 'fail ' + c[PC_ID] + ' ' + what + ' ' + c[PC_CODES] + ' ' + result;
}

function differing(c: string[], what: string, want: string, actual: string): string {
  if (want === '-' || want === actual) return '';
  return 'fail ' + c[PC_ID] + ' ' + what + ' ' + want + ' ' + actual;
}

/** Runs one case; returns its line. */
export function runPacketCase(c: string[], module: PacketModule): string {
  const spi = numberOf(c[PC_SPI]);
  const sn = numberOf(c[PC_SN]);
  module.removePair(spi);
  if (!module.start(octetsOf(c[PC_DATA]))) return 'fail ' + c[PC_ID] + ' start';
  module.addSas(spi, spi, octetsOf(c[PC_KEYS]), 0, 0);
  module.resumeSas(sn, sn);
  if (c[PC_IV] !== '-') copy(module.testIv, 0, octetsOf(c[PC_IV]), 0, 8);
  const wire = new Uint8Array(ROOM);
  const back = new Uint8Array(ROOM);
  let length = 0;
  if (c[PC_KIND] !== 'reject') {
    const inner = octetsOf(c[PC_INNER]);
    length = module.outbound(inner, 0, inner.length, wire, 0, 0);
    if (c[PC_KIND] === 'refuse') return expected(c, 'outbound', length);
    const bad =
      length < 0
        ? 'fail ' + c[PC_ID] + ' outbound ' + length
        : differing(c, 'wire', c[PC_WIRE], hexOf(wire, 0, length));
    if (bad !== '') return bad;
  } else {
    if (c[PC_BEFORE] !== '-' && c[PC_BEFORE] !== '') {
      const packets = c[PC_BEFORE].split(',');
      for (let i = 0; i < packets.length; i++) {
        const packet = octetsOf(packets[i]);
        const early = module.inbound(packet, 0, packet.length, back, 0, 0);
        if (early < 0) return 'fail ' + c[PC_ID] + ' before[' + i + '] ' + early;
      }
    }
    const given = octetsOf(c[PC_WIRE]);
    copy(wire, 0, given, 0, given.length);
    length = given.length;
  }
  const result = module.inbound(wire, 0, length, back, 0, 0);
  if (c[PC_KIND] === 'reject' && c[PC_CODES] !== '-') return expected(c, 'inbound', result);
  const bad =
    result < 0
      ? 'fail ' + c[PC_ID] + ' inbound ' + result
      : differing(c, 'decompressed', c[PC_BACK], hexOf(back, 0, result));
  return bad === '' ? 'ok ' + c[PC_ID] : bad;
}

/** Runs cases, each with its module; prints a line each, and the closing one. */
export function runPacketCases(
  cases: readonly string[][],
  modules: readonly PacketModule[],
  emit: (line: string) => void,
): void {
  let passed = 0;
  for (let i = 0; i < cases.length; i++) {
    const line = runPacketCase(cases[i], modules[numberOf(cases[i][PC_MODULE])]);
    if (line.charAt(0) === 'o') passed += 1;
    emit(line);
  }
  emit('done ' + passed + ' ' + cases.length);
}
