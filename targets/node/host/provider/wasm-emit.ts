// A small assembler for WebAssembly modules [WebAssembly Core Specification 2.0, chapter 5]: just what aes-simd.ts
// needs. Every module here imports nothing, has one memory (exported as `memory`) and exports all its functions.

/** Value types of parameters and locals. */
export const I32 = 0x7f;
export const V128 = 0x7b;

const EMPTY_BLOCK = 0x40;

/** Unsigned LEB128 [§5.2.2]. */
function unsigned(value: number): number[] {
  const octets = [];
  let rest = value;
  while (rest > 127) {
    octets.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  octets.push(rest);
  return octets;
}

// Signed LEB128 of a number that is not negative: an octet more where the sign bit would be set.
function positive(value: number): number[] {
  const octets = unsigned(value);
  const last = octets.length - 1;
  if (octets[last] >= 64) {
    octets[last] += 128;
    octets.push(0);
  }
  return octets;
}

function vector(items: number[][]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function section(id: number, content: number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

/** A function under construction: parameters are i32; `local` adds locals; the other methods append instructions. */
export class FunctionCode {
  readonly name: string;
  readonly parameters: number;
  private readonly locals: number[] = [];
  private readonly code: number[] = [];

  constructor(name: string, parameters: number) {
    this.name = name;
    this.parameters = parameters;
  }

  /** A new local of the given type: its index. */
  local(type: number): number {
    this.locals.push(type);
    return this.parameters + this.locals.length - 1;
  }

  get(local: number): this {
    return this.raw(0x20, ...unsigned(local));
  }
  set(local: number): this {
    return this.raw(0x21, ...unsigned(local));
  }
  tee(local: number): this {
    return this.raw(0x22, ...unsigned(local));
  }
  i32(value: number): this {
    return this.raw(0x41, ...positive(value));
  }
  add(): this {
    return this.raw(0x6a);
  }
  multiply(): this {
    return this.raw(0x6c);
  }
  shiftLeft(): this {
    return this.raw(0x74);
  }
  equal(): this {
    return this.raw(0x46);
  }
  less(): this {
    return this.raw(0x49);
  }
  loop(): this {
    return this.raw(0x03, EMPTY_BLOCK);
  }
  end(): this {
    return this.raw(0x0b);
  }
  branchIf(depth: number): this {
    return this.raw(0x0d, depth);
  }

  /** v128.load or v128.store at the address on the stack plus `offset`. */
  load(offset = 0): this {
    return this.simd(0x00, 0, ...unsigned(offset));
  }
  store(offset = 0): this {
    return this.simd(0x0b, 0, ...unsigned(offset));
  }
  vector(octets: number[]): this {
    return this.simd(0x0c, ...octets);
  }
  /** i8x16.swizzle: octets of the first operand chosen by the second; 0 where an index is 16 or more. */
  swizzle(): this {
    return this.simd(0x0e);
  }
  and(): this {
    return this.simd(0x4e);
  }
  andNot(): this {
    return this.simd(0x4f);
  }
  xor(): this {
    return this.simd(0x51);
  }
  /** i8x16.replace_lane. */
  replaceOctet(lane: number): this {
    return this.simd(0x17, lane);
  }
  shiftRight32(): this {
    return this.simd(0xad);
  }

  private simd(opcode: number, ...immediate: number[]): this {
    return this.raw(0xfd, ...unsigned(opcode), ...immediate);
  }
  private raw(...octets: number[]): this {
    this.code.push(...octets);
    return this;
  }

  /** The entry of the code section [§5.5.13]. */
  body(): number[] {
    const locals = vector(this.locals.map((type) => [1, type]));
    const content = [...locals, ...this.code, 0x0b];
    return [...unsigned(content.length), ...content];
  }
}

/** A module of `functions`, with a memory of `pages` pages of 64 KiB at first. */
export function wasmModule(functions: FunctionCode[], pages: number): Uint8Array<ArrayBuffer> {
  const name = (text: string): number[] => [...unsigned(text.length), ...Buffer.from(text)];
  const types = functions.map((f) => [0x60, ...vector(new Array<number[]>(f.parameters).fill([I32])), 0]);
  const exported = functions.map((f, i) => [...name(f.name), 0, ...unsigned(i)]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(3, vector(functions.map((_, i) => unsigned(i)))),
    ...section(5, [1, 0, ...unsigned(pages)]),
    ...section(7, vector([...exported, [...name('memory'), 2, 0]])),
    ...section(10, vector(functions.map((f) => f.body()))),
  ]);
}
