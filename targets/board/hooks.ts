// What a board gives to its script: the global object `board`, made in C (boards/common) or, on Espruino, in JavaScript.
// Octets are Uint8Array, on Lua tables from 0 with a field `length`; functions take no self.
//
// A bundle whose property names are mangled keeps BOARD_MEMBERS: pass it as `mangle`.

/** What is native, as bits of `Board.native`. */
export const NATIVE_CCM = 1;
export const NATIVE_HMAC = 2;
export const NATIVE_X25519 = 4;
export const NATIVE_ED25519 = 8;
/** SPAN_MEMBERS. Every firmware image has them, and is built to call them: see spans.ts. */
export const NATIVE_SPANS = 16;

/** Every (buffer, offset, length) is checked by the board: one that leaves its buffer throws, naming the argument. */
/** @noSelf */
export interface Board {
  /** Milliseconds since the start: a whole number that never goes back. */
  now(): number;
  /** Clock ticks of the processor since the start; 0 where there is no such counter. */
  ticks(): number;
  /** Secure random octets; false: there is no source, or it has ended. */
  random(buffer: Uint8Array, offset: number, length: number): boolean;
  /** Sends an IEEE 802.15.4 frame, MHR to FCS, of 5 to 127 octets. */
  transmit(buffer: Uint8Array, offset: number, length: number): void;
  /** The next frame received, to buffer[0..); its length, or -1. */
  receive(buffer: Uint8Array): number;
  /** Returns after `ms`, or as soon as there is a frame or a line of the console; -1: no limit. */
  wait(ms: number): void;
  /** One line on the console. */
  print(text: string): void;
  /** The next line from the console without its end, cut at buffer.length; its octets, or -1. */
  command(buffer: Uint8Array): number;
  /** Copies the provisioning area, up to buffer.length; the octets copied, 0 where there is none. */
  provision(buffer: Uint8Array): number;
  /** The end: in an emulator its exit code; a real board is silent, and begins anew after a while where `code` is 20 or more. */
  exit(code: number): void;
  /** System reset. */
  restart(): void;
  /** Peak of RAM in octets: static data, the engine's heap, the stack; -1: not known. */
  memory(): number;
  /** Peak of the engine's heap in octets; -1: not known. */
  heap(): number;
  /** NATIVE_* */
  native: number;
  /** AES-CCM in place: 1 seals, 0 opens, as Provider.seal and Provider.open. False: the ICV is wrong. */
  ccm(
    encrypt: number,
    key: Uint8Array,
    nonce: Uint8Array,
    nonceLength: number,
    aad: Uint8Array,
    aadLength: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    icvLength: number,
  ): boolean;
  /** HMAC-SHA2-256: 32 octets to out[outOffset..). */
  hmac(key: Uint8Array, buffer: Uint8Array, offset: number, length: number, out: Uint8Array, outOffset: number): void;
  /** X25519 [RFC 7748 §5], the scalar clamped by the board: 32 octets each. */
  x25519(
    out: Uint8Array,
    outOffset: number,
    scalar: Uint8Array,
    scalarOffset: number,
    point: Uint8Array,
    pointOffset: number,
  ): void;
  /** Ed25519: 64 octets to out[outOffset..), with the 32-octet private key. */
  sign(
    privateKey: Uint8Array,
    buffer: Uint8Array,
    offset: number,
    length: number,
    out: Uint8Array,
    outOffset: number,
  ): void;
  /** Ed25519: true when signature[signatureOffset..) is right. */
  verify(
    publicKey: Uint8Array,
    buffer: Uint8Array,
    offset: number,
    length: number,
    signature: Uint8Array,
    signatureOffset: number,
  ): boolean;
}

/** The members of Board: names that leave the bundle. */
export const BOARD_MEMBERS: (keyof Board)[] = /* @__PURE__ */ [
  'now',
  'ticks',
  'random',
  'transmit',
  'receive',
  'wait',
  'print',
  'command',
  'provision',
  'exit',
  'restart',
  'memory',
  'heap',
  'native',
  'ccm',
  'hmac',
  'x25519',
  'sign',
  'verify',
];

/** The members that spans.ts calls. They leave the bundle too, of firmware images alone. */
export const SPAN_MEMBERS = /* @__PURE__ */ ['copy', 'fill', 'equal', 'difference', 'sum', 'fcs'];

declare const board: Board;

/** The engine's global `board`. */
export function engineBoard(): Board {
  return board;
}
