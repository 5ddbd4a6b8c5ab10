// AES-128-CCM for short packets on the WebAssembly AES of aes-simd.ts [RFC 3610; RFC 4309]. Each step of the loop
// encrypts one block of the CBC-MAC and one of the key stream: two chains that do not wait for each other. Expanded keys are
// in slots of the module's memory, which grows. The last packet's clear text stays in that memory until the next packet,
// unless its ICV was wrong. Keys are wiped with their slot.
//
// Memory: IN holds B_0, the encoded AAD and the payload, as whole blocks; OUT the result; then scratch and the slots.

import type { Aead } from '../../../../core/crypto/provider.ts';
import { AesEmitter, SLOT_SIZE, shiftRows } from './aes-simd.ts';
import { FunctionCode, I32, V128, wasmModule } from './wasm-emit.ts';

/** Longest AAD, in octets. */
export const SIMD_MAX_AAD = 62;

const IN = 0;
const OUT = 2304;
const SCRATCH = 4864;
const COUNTER = SCRATCH;
const MASKS = SCRATCH + 16; // all ones, then the last block's
const ICV = SCRATCH + 48;
const SLOTS = 8192;
const PAGE = 65536;

// ccm(key, m, n, out): MAC over m + n blocks at IN, key stream of n blocks from A_1 on, then A_0's [RFC 3610 §2.3],
// all from the counter block at COUNTER (A_0). The last n blocks of IN and a block of zeros behind them go, changed by
// the key stream, to `out`, each under one of MASKS (the last one's for block n); the ICV's 16 octets go to ICV. With
// out = their own place the MAC takes the result (open). Without branches in the loop: they would keep the compiler and
// thus the processor from mixing the two ciphers. Steps beyond block n repeat A_0 and store what nobody reads.
function ccmFunction(): FunctionCode {
  const f = new FunctionCode('ccm', 4);
  const [key, m, n, out] = [0, 1, 2, 3];
  const t = f.local(I32);
  const steps = f.local(I32);
  const at = f.local(I32);
  const [mac, stream, a0] = [V128, V128, V128].map((type) => f.local(type));
  const aes = new AesEmitter(f);
  aes.prepare();
  f.get(m).get(n).add().set(steps);
  f.i32(COUNTER).load().set(a0);
  f.loop();
  // at = 16 t: block t of IN for the MAC, block m + t of IN for the key stream.
  f.get(t).i32(4).shiftLeft().tee(at).load(IN).get(mac).xor().set(mac);
  // The counter octet: t + 1 below n, else 0.
  f.get(a0).get(t).i32(1).add().get(t).get(n).less().multiply().replaceOctet(15).set(stream);
  aes.emitRounds([mac, stream], key);
  f.get(out).get(at).add();
  f.get(m).i32(4).shiftLeft().get(at).add().load(IN).get(stream).xor();
  f.get(t).i32(1).add().tee(t).get(n).equal().i32(4).shiftLeft().load(MASKS).and();
  f.store();
  f.get(t).get(steps).less().branchIf(0);
  f.end();
  f.i32(ICV).get(out).get(n).i32(4).shiftLeft().add().load().get(mac).xor().store();
  return f;
}

// subBytes(at) and toTower(at): the 16 octets at `at`, in place, for the key expansion.
function keyFunction(name: string, subBytes: boolean): FunctionCode {
  const f = new FunctionCode(name, 1);
  const s = f.local(V128);
  const aes = new AesEmitter(f);
  f.get(0).load().set(s);
  aes.toTower(s);
  if (subBytes) aes.subBytes(s);
  f.get(0).get(s).store();
  return f;
}

interface Exports {
  memory: { buffer: ArrayBuffer; grow(pages: number): number };
  ccm(key: number, m: number, n: number, out: number): void;
  subBytes(at: number): void;
  toTower(at: number): void;
}

// The part of the WebAssembly JavaScript interface used here: the compiler's libraries for Node lack it.
interface WebAssemblyApi {
  validate(code: Uint8Array): boolean;
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object) => { exports: unknown };
}

const api = (globalThis as unknown as { WebAssembly?: WebAssemblyApi }).WebAssembly;
let compiled: object | null = null;

/** True when this engine runs WebAssembly with SIMD. The module is assembled and compiled at the first call (1 ms). */
export function simdAvailable(): boolean {
  if (compiled === null && api !== undefined) {
    const code = wasmModule([ccmFunction(), keyFunction('subBytes', true), keyFunction('toTower', false)], 1);
    if (api.validate(code)) compiled = new api.Module(code);
  }
  return compiled !== null;
}

/** One instance: its memory, its keys. Only for engines with `simdAvailable`. */
export class CcmSimd {
  private readonly wasm: Exports;
  private memory: Uint8Array;
  private readonly free: number[] = [];
  private end = SLOTS;
  /** Octets of the last block that the mask in memory keeps. */
  private masked = -1;
  /** Free places of keys that rest; the slot in which one of them is expanded, and its place; 0: none. */
  private readonly places: number[] = [];
  private working = 0;
  private awake = 0;

  constructor() {
    if (!simdAvailable()) throw new Error('WebAssembly SIMD: not in this engine');
    this.wasm = new api!.Instance(compiled!).exports as Exports;
    this.memory = new Uint8Array(this.wasm.memory.buffer);
    this.memory.fill(0xff, MASKS, MASKS + 16);
  }

  /** Octets of the slots that are in use or were. */
  slots(): Uint8Array {
    return this.memory.subarray(SLOTS, this.end);
  }

  /** Expands a 16-octet key [FIPS 197 §5.2] into a slot: its address. */
  expand(octets: Uint8Array): number {
    const slot = this.free.pop() ?? this.grow();
    this.expandInto(slot, octets);
    return slot;
  }

  private expandInto(slot: number, octets: Uint8Array): void {
    const memory = this.memory;
    const key = new Uint8Array(SLOT_SIZE);
    key.set(octets);
    let rcon = 1;
    for (let i = 16; i < SLOT_SIZE; i += 4) {
      for (let j = 0; j < 4; j++) memory[SCRATCH + j] = key[i - 4 + j];
      const rotate = i % 16 === 0 ? 1 : 0;
      if (rotate === 1) {
        this.wasm.subBytes(SCRATCH);
        for (let j = 0; j < 4; j++) memory[SCRATCH + j] ^= 0x63;
        memory[SCRATCH + 1] ^= rcon;
        rcon = rcon < 128 ? rcon << 1 : 0x1b;
      }
      for (let j = 0; j < 4; j++) key[i + j] = key[i - 16 + j] ^ memory[SCRATCH + ((j + rotate) & 3)];
    }
    for (let r = 0; r <= 10; r++) {
      // Rounds 1 to 9 want tower basis and permutation, all but the first the constant of SubBytes too.
      const place = r < 10 ? shiftRows(-r) : shiftRows(0);
      for (let j = 0; j < 16; j++) memory[slot + 16 * r + j] = key[16 * r + place[j]] ^ (r > 0 ? 0x63 : 0);
      if (r > 0 && r < 10) this.wasm.toTower(slot + 16 * r);
    }
    key.fill(0);
    memory.fill(0, SCRATCH, SCRATCH + 16);
  }

  /** Keeps a 16-octet key that is seldom used as it is, in an eleventh of a slot: its place. */
  rest(octets: Uint8Array): number {
    if (this.places.length === 0) {
      const block = this.free.pop() ?? this.grow();
      for (let at = SLOT_SIZE - 16; at >= 0; at -= 16) this.places.push(block + at);
    }
    const place = this.places.pop()!;
    this.memory.set(octets, place);
    return place;
  }

  /** The address of the slot in which the key at a place is expanded, until the next call with another. */
  wake(place: number): number {
    if (this.awake !== place) {
      if (this.working === 0) this.working = this.free.pop() ?? this.grow();
      this.expandInto(this.working, this.memory.subarray(place, place + 16));
      this.awake = place;
    }
    return this.working;
  }

  /** Wipes the key at a place and takes that back. */
  forget(place: number): void {
    this.memory.fill(0, place, place + 16);
    this.places.push(place);
    if (this.awake !== place) return;
    this.awake = 0;
    this.memory.fill(0, this.working, this.working + SLOT_SIZE);
  }

  /** The key of a slot, the first of its round keys, or of a place. A copy. */
  keyOf(at: number): Uint8Array {
    return this.memory.slice(at, at + 16);
  }

  /** Wipes a slot and takes it back. */
  release(slot: number): void {
    this.memory.fill(0, slot, slot + SLOT_SIZE);
    this.free.push(slot);
  }

  private grow(): number {
    const slot = this.end;
    if (slot + SLOT_SIZE > this.memory.length) {
      this.wasm.memory.grow(Math.max(1, Math.floor(this.memory.length / PAGE)));
      this.memory = new Uint8Array(this.wasm.memory.buffer);
    }
    this.end += SLOT_SIZE;
    return slot;
  }

  /**
   * AES-CCM over checked arguments: payload up to 2,048 octets, so that the counter stays below 256, and AAD up to
   * SIMD_MAX_AAD. The result is at OUT (seal) or IN.
   */
  private run(slot: number, aead: Aead, buffer: Uint8Array, offset: number, length: number, seal: boolean): number {
    const { nonce, nonceLength, aad, aadLength, icvLength } = aead;
    const memory = this.memory;
    // [RFC 3610 §2.2, §2.3] B_0 and A_0.
    const last = 14 - nonceLength;
    memory[IN] = (aadLength > 0 ? 64 : 0) + 4 * (icvLength - 2) + last;
    memory[COUNTER] = last;
    for (let i = 0; i < nonceLength; i++) memory[IN + 1 + i] = memory[COUNTER + 1 + i] = nonce[i];
    for (let i = nonceLength + 1; i < 14; i++) memory[IN + i] = memory[COUNTER + i] = 0;
    memory[IN + 14] = length >>> 8;
    memory[IN + 15] = length;
    memory[COUNTER + 14] = memory[COUNTER + 15] = 0;
    let at = IN + 16;
    if (aadLength > 0) {
      memory[at++] = 0;
      memory[at++] = aadLength;
      for (let i = 0; i < aadLength; i++) memory[at++] = aad[i];
      while ((at & 15) !== 0) memory[at++] = 0;
    }
    const payload = at;
    for (let i = 0; i < length; i++) memory[at++] = buffer[offset + i];
    const used = length & 15;
    // Most packets of a run are of one length: their mask is there already.
    if (used !== this.masked) {
      for (let i = 0; i < 16; i++) memory[MASKS + 16 + i] = used === 0 || i < used ? 0xff : 0;
      this.masked = used;
    }
    const stop = ((at + 15) & ~15) + 16;
    while (at < stop) memory[at++] = 0;
    const result = seal ? OUT : payload;
    this.wasm.ccm(slot, payload >>> 4, (length + 15) >>> 4, result);
    return result;
  }

  /** As `Provider.seal`, with the address of the key's slot. */
  seal(slot: number, aead: Aead, buffer: Uint8Array, offset: number, length: number): void {
    const icvLength = aead.icvLength;
    this.run(slot, aead, buffer, offset, length, true);
    const memory = this.memory;
    for (let i = 0; i < length; i++) buffer[offset + i] = memory[OUT + i];
    const end = offset + length;
    for (let i = 0; i < icvLength; i++) buffer[end + i] = memory[ICV + i];
  }

  /** As `Provider.open`. */
  open(slot: number, aead: Aead, buffer: Uint8Array, offset: number, length: number): boolean {
    const icvLength = aead.icvLength;
    const from = this.run(slot, aead, buffer, offset, length, false);
    const memory = this.memory;
    const end = offset + length;
    let difference = 0;
    for (let i = 0; i < icvLength; i++) difference |= memory[ICV + i] ^ buffer[end + i];
    if (difference !== 0) {
      memory.fill(0, from, from + length);
      return false;
    }
    for (let i = 0; i < length; i++) buffer[offset + i] = memory[from + i];
    return true;
  }
}
