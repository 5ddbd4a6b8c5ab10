// The hooks that a board gives to its script: the global object `board`, made in C (boards/common) or, on Espruino, in
// JavaScript. Octets are a Uint8Array; in Lua firmware, userdata with the same use. Functions take no self.
//
// A bundle whose property names are mangled keeps BOARD_MEMBERS: pass it as `mangle`.

/** What is native, as bits of `Board.native`. */
export const NATIVE_CCM = 1;
export const NATIVE_HMAC = 2;
export const NATIVE_X25519 = 4;
export const NATIVE_ED25519 = 8;
/** SPAN_MEMBERS. Every firmware image has them and calls them directly: see spans.ts. */
export const NATIVE_SPANS = 16;

/**
 * The board checks every (buffer, offset, length): one that leaves its buffer throws an error that names the argument.
 *
 * @noSelf
 */
export interface Board {
  /** Milliseconds since the start: a whole number that never decreases. */
  now(): number;
  /** Clock ticks of the processor since the start; 0: there is no counter. */
  ticks(): number;
  /** Secure random octets; false: there is no source, or it has ended. */
  random(buffer: Uint8Array, offset: number, length: number): boolean;
  /**
   * Tells a radio that filters and acknowledges by itself its channel, 11..26, and its addresses, as MacConfig has them. Once,
   * before the first frame. A radio pipe needs neither.
   */
  tune(channel: number, panId: number, shortAddress: number, extendedAddress: Uint8Array): void;
  /** Sends an IEEE 802.15.4 frame, MHR to FCS, of 5 to 127 octets. */
  transmit(buffer: Uint8Array, offset: number, length: number): void;
  /** Copies the next received frame to buffer[0..). Returns its length, or -1: there is none. */
  receive(buffer: Uint8Array): number;
  /** Returns after `ms`, or as soon as a frame or a console line arrives; -1: no limit. */
  wait(ms: number): void;
  /** Prints a line on the console. */
  print(text: string): void;
  /** Copies the next console line, without its line end, cut at buffer.length. Returns its octets, or -1: there is none. */
  command(buffer: Uint8Array): number;
  /** Copies the provisioning area, up to buffer.length. Returns the octets copied; 0: there is none. */
  provision(buffer: Uint8Array): number;
  /**
   * Keeps a record of 0 to 512 octets over a restart and a power cut, in the place of the last one; 0: none. A power cut in the
   * middle leaves the old record, the new one, or octets that a checksum refuses. False: there is no place, or it failed.
   */
  save(buffer: Uint8Array, offset: number, length: number): boolean;
  /** Copies the record that was saved last, up to buffer.length. Returns the octets copied; 0: there is none. */
  load(buffer: Uint8Array): number;
  /** Ends the program. An emulator exits with `code`. A real board falls silent; from code 20 on it restarts after a while. */
  exit(code: number): void;
  /** System reset. */
  restart(): void;
  /** Peak of RAM in octets: static data, the engine's heap, the stack. -1: unknown. */
  memory(): number;
  /** Peak of the engine's heap in octets. -1: unknown. */
  heap(): number;
  /** NATIVE_* */
  native: number;
  /** AES-CCM in place, like Provider.seal (1) and Provider.open (0). False: the ICV is wrong. */
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
  /** AES-GCM in place, as `ccm`. A board may lack it: specialised modules ask for it only where their profile says so. */
  gcm?: Board['ccm'];
  /** HMAC-SHA2-256; writes 32 octets to out[outOffset..). */
  hmac(key: Uint8Array, buffer: Uint8Array, offset: number, length: number, out: Uint8Array, outOffset: number): void;
  /** X25519 [RFC 7748 §5], 32 octets each. The board clamps the scalar. */
  x25519(
    out: Uint8Array,
    outOffset: number,
    scalar: Uint8Array,
    scalarOffset: number,
    point: Uint8Array,
    pointOffset: number,
  ): void;
  /**
   * ECDH over P-256 [RFC 5903]. `point` null: writes the public value x | y of the 32-octet scalar, 64 octets; else the x
   * coordinate of scalar times point, 32 octets. False, and nothing is written: the scalar is 0 or not below the group's order, or the
   * point is not on the curve. A board may lack it: specialised modules ask for it only where their profile says so.
   */
  p256?(
    out: Uint8Array,
    outOffset: number,
    scalar: Uint8Array,
    scalarOffset: number,
    point: Uint8Array | null,
    pointOffset: number,
  ): boolean;
  /** Ed25519 with the 32-octet private key; writes 64 octets to out[outOffset..). */
  sign(
    privateKey: Uint8Array,
    buffer: Uint8Array,
    offset: number,
    length: number,
    out: Uint8Array,
    outOffset: number,
  ): void;
  /** Ed25519. True: signature[signatureOffset..) is right. */
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
  'tune',
  'transmit',
  'receive',
  'wait',
  'print',
  'command',
  'provision',
  'save',
  'load',
  'exit',
  'restart',
  'memory',
  'heap',
  'native',
  'ccm',
  'gcm',
  'hmac',
  'x25519',
  'p256',
  'sign',
  'verify',
];

/** The members that spans.ts calls. They leave the bundle too, but only in firmware images. */
export const SPAN_MEMBERS = /* @__PURE__ */ ['copy', 'fill', 'equal', 'difference', 'sum', 'fcs'];

declare const board: Board;

/** The engine's global `board`. */
export function engineBoard(): Board {
  return board;
}
