// Lua byte code for flash: the output of `luac5.4 -s`, laid out so that Lua uses instructions and descriptions of upvalues
// where they lie (boards/common/lua_flash.c). All numbers are 32 bits, little endian, 4-aligned:
//
//   "\x1bDSP", offset of the main function, number of its upvalues, then strings (length, octets), then functions:
//   parameters | vararg << 8 | stack << 16, instructions (number, they), constants (number; tag, then 8 octets of a
//   number or the offset of a string), upvalues (number; 0, stack | index << 8 | kind << 16), functions (number, they)

/** Signature, version 5.4, format 0, and sizes of instruction, integer and number. */
const HEADER = Buffer.from('1b4c7561540019930d0a1a0a040808', 'hex');
/** An integer and a number follow; they show the byte order. */
const HEADER_END = HEADER.length + 16;

const TAG_INTEGER = 0x03;
const TAG_NUMBER = 0x13;
const TAG_SHORT_STRING = 0x04;
const TAG_LONG_STRING = 0x14;
const TAGS_ALONE = [0x00, 0x01, 0x11];

/** Turns a stripped luac file into the octets of `script`. Throws if it is not the output of Lua 5.4. */
export function flashLua(luac: Buffer): Buffer {
  if (luac.length < HEADER_END || !luac.subarray(0, HEADER.length).equals(HEADER)) {
    throw new Error('luac: is no byte code of Lua 5.4 with 64-bit integers and numbers');
  }
  if (luac.readBigInt64LE(HEADER.length) !== 0x5678n || luac.readDoubleLE(HEADER.length + 8) !== 370.5) {
    throw new Error('luac: is not little endian');
  }
  let at = HEADER_END;
  const octet = (): number => {
    if (at >= luac.length) throw new Error('luac: ends early');
    return luac[at++];
  };
  // Seven bits in each octet; the last octet is marked.
  const size = (): number => {
    let value = 0;
    for (;;) {
      const next = octet();
      value = value * 128 + (next & 127);
      if ((next & 128) !== 0) return value;
    }
  };
  const take = (length: number): Buffer => {
    if (at + length > luac.length) throw new Error('luac: ends early');
    at += length;
    return luac.subarray(at - length, at);
  };
  const none = (what: string): void => {
    if (size() !== 0) throw new Error('luac: has ' + what + ': must be stripped');
  };

  const strings = new Map<string, number>();
  const texts: Buffer[] = [];
  let textEnd = 12;
  const textOffset = (text: Buffer): number => {
    const key = text.toString('latin1');
    let offset = strings.get(key);
    if (offset === undefined) {
      offset = textEnd;
      strings.set(key, offset);
      const entry = Buffer.alloc(4 + Math.ceil((text.length + 1) / 4) * 4);
      entry.writeUInt32LE(text.length, 0);
      text.copy(entry, 4);
      texts.push(entry);
      textEnd += entry.length;
    }
    return offset;
  };

  const code: Buffer[] = [];
  const word = (value: number): void => {
    const buffer = Buffer.alloc(4);
    buffer.writeUInt32LE(value);
    code.push(buffer);
  };
  const list = (each: () => void): void => {
    const count = size();
    word(count);
    for (let i = 0; i < count; i++) each();
  };
  const constant = (): void => {
    const tag = octet();
    word(tag);
    if (tag === TAG_INTEGER || tag === TAG_NUMBER) code.push(take(8));
    else if (tag === TAG_SHORT_STRING || tag === TAG_LONG_STRING) word(textOffset(take(size() - 1)));
    else if (!TAGS_ALONE.includes(tag)) throw new Error('luac: constant of an unknown kind ' + tag);
  };
  const readFunction = (): void => {
    none('a source name');
    // First and last line.
    size();
    size();
    const [parameters, isVararg, stack] = [octet(), octet(), octet()];
    word(parameters | (isVararg << 8) | (stack << 16));
    const instructions = size();
    word(instructions);
    code.push(take(4 * instructions));
    list(constant);
    list(() => {
      const [inStack, index, kind] = [octet(), octet(), octet()];
      word(0);
      word(inStack | (index << 8) | (kind << 16));
    });
    list(readFunction);
    for (const what of ['line information', 'lines', 'local names', 'upvalue names']) none(what);
  };
  const upvalues = octet();
  readFunction();
  if (at !== luac.length) throw new Error('luac: goes on behind its end');
  const head = Buffer.from('\x1bDSP        ', 'latin1');
  head.writeUInt32LE(textEnd, 4);
  head.writeUInt32LE(upvalues, 8);
  return Buffer.concat([head, ...texts, ...code]);
}
