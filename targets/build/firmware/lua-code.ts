// Lua's script as the objects that Lua makes of byte code: functions, constants and strings, laid out as in its own structures,
// so that they stay in flash and take no RAM (boards/common/lua_flash.c, which checks the layout). They come from the output of
// `luac5.4 -s`. `script` begins with the main function's address, the number of chains less one, and the chains of short
// strings, by hash.

/** Signature, version 5.4, format 0, and sizes of instruction, integer and number. */
const HEADER = Buffer.from('1b4c7561540019930d0a1a0a040808', 'hex');
/** An integer and a number follow; they show the byte order. */
const HEADER_END = HEADER.length + 16;

const TAG_INTEGER = 0x03;
const TAG_NUMBER = 0x13;
const TAG_SHORT_STRING = 0x04;
const TAG_LONG_STRING = 0x14;
const TAGS_ALONE = [0x00, 0x01, 0x11];
/** Tags in values and objects: collectable, prototype. */
const COLLECTABLE = 0x40;
const TAG_PROTOTYPE = 0x0a;
/** Black and old: the collector leaves it alone. */
const MARKED = 0x24;
/** POWK and POW, in the low 7 bits of an instruction. */
const POWERS = [26, 38];
/** LUAI_MAXSHORTLEN. */
const SHORT = 40;
/** luai_makeseed of boards/common/lua_port.h. */
const SEED = 0x5eed;

interface LuaFunction {
  parameters: number;
  isVararg: number;
  stack: number;
  code: Buffer;
  constants: { tag: number; octets: Buffer }[];
  /** inStack, index, kind. */
  upvalues: Buffer[];
  functions: LuaFunction[];
}

/** Reads a stripped luac file. Throws if it is not the output of Lua 5.4. */
function readLuac(luac: Buffer): LuaFunction {
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

  const list = <T>(each: () => T): T[] => {
    const found: T[] = [];
    for (let count = size(); count > 0; count--) found.push(each());
    return found;
  };
  const constant = (): LuaFunction['constants'][0] => {
    const tag = octet();
    if (tag === TAG_INTEGER || tag === TAG_NUMBER) return { tag, octets: take(8) };
    if (tag === TAG_SHORT_STRING || tag === TAG_LONG_STRING) return { tag, octets: take(size() - 1) };
    if (!TAGS_ALONE.includes(tag)) throw new Error('luac: constant of an unknown kind ' + tag);
    return { tag, octets: Buffer.alloc(0) };
  };
  const readFunction = (): LuaFunction => {
    none('a source name');
    // First and last line.
    size();
    size();
    const [parameters, isVararg, stack] = [octet(), octet(), octet()];
    const code = take(4 * size());
    const constants = list(constant);
    const upvalues = list(() => take(3));
    const functions = list(readFunction);
    for (const what of ['line information', 'lines', 'local names', 'upvalue names']) none(what);
    return { parameters, isVararg, stack, code, constants, upvalues, functions };
  };
  // The number of upvalues, which the main function has too.
  octet();
  const main = readFunction();
  if (at !== luac.length) throw new Error('luac: goes on behind its end');
  return main;
}

/** luaS_hash of Lua. */
function hashOf(text: Buffer): number {
  let hash = SEED ^ text.length;
  for (let i = text.length - 1; i >= 0; i--) hash ^= (hash << 5) + (hash >>> 2) + text[i];
  return hash >>> 0;
}

/** A script for flash. */
export interface FlashScript {
  octets: Buffer;
  /** Offsets of addresses in `octets`, which are offsets in it too; rising. */
  pointers: number[];
  /** All strings of the script. */
  texts: Set<string>;
  /** It has the operator `^`. */
  hasPower: boolean;
}

/** Lays out a stripped luac file for addresses of `width` octets: 4 with values of 12 octets, 8 with values of 16. */
export function flashLua(luac: Buffer, width: 4 | 8 = 4): FlashScript {
  const main = readLuac(luac);
  const valueSize = 8 + width;
  const parts: Buffer[] = [];
  const pointers: number[] = [];
  const known = new Map<string, number>();
  const texts = new Map<string, { offset: number; object: Buffer; hash: number }>();
  let end = 0;

  const place = (octets: Buffer): number => {
    const offset = end;
    const room = Buffer.alloc(Math.ceil(octets.length / width) * width);
    octets.copy(room);
    parts.push(room);
    end += room.length;
    return offset;
  };
  /** Equal octets lie there once. `targets`: where in them addresses are. */
  const share = (octets: Buffer, targets: readonly number[]): number => {
    if (octets.length === 0) return 0;
    const key = octets.toString('latin1') + targets.join();
    let offset = known.get(key);
    if (offset === undefined) {
      offset = place(octets);
      known.set(key, offset);
      for (const target of targets) pointers.push(offset + target);
    }
    return offset;
  };

  const textOffset = (text: Buffer): number => {
    const key = text.toString('latin1');
    const found = texts.get(key);
    if (found !== undefined) return found.offset;
    const isShort = text.length <= SHORT;
    const hash = hashOf(text);
    const object = Buffer.alloc(Math.ceil((2 * width + 8 + text.length + 1) / width) * width);
    object[width] = isShort ? TAG_SHORT_STRING : TAG_LONG_STRING;
    object[width + 1] = MARKED;
    // The hash of a long one is known.
    object[width + 2] = isShort ? 0 : 1;
    object[width + 3] = isShort ? text.length : 0;
    object.writeUInt32LE(hash, width + 4);
    if (!isShort) object.writeUInt32LE(text.length, width + 8);
    text.copy(object, 2 * width + 8);
    const offset = place(object);
    // The chains are written into it later.
    texts.set(key, { offset, object: parts[parts.length - 1], hash });
    return offset;
  };

  const constantsOffset = (constants: LuaFunction['constants']): number => {
    const octets = Buffer.alloc(constants.length * valueSize);
    const targets: number[] = [];
    constants.forEach(({ tag, octets: value }, i) => {
      const at = i * valueSize;
      octets[at + 8] = tag;
      if (tag === TAG_INTEGER || tag === TAG_NUMBER) value.copy(octets, at);
      else if (tag === TAG_SHORT_STRING || tag === TAG_LONG_STRING) {
        octets.writeUInt32LE(textOffset(value), at);
        octets[at + 8] |= COLLECTABLE;
        targets.push(at);
      }
    });
    return share(octets, targets);
  };

  const upvaluesOffset = (upvalues: Buffer[]): number => {
    const octets = Buffer.alloc(2 * width * upvalues.length);
    upvalues.forEach((upvalue, i) => {
      upvalue.copy(octets, 2 * width * i + width);
    });
    return share(octets, []);
  };

  const functionOffset = (f: LuaFunction): number => {
    const inner = f.functions.map(functionOffset);
    const list = Buffer.alloc(width * inner.length);
    inner.forEach((offset, i) => {
      list.writeUInt32LE(offset, width * i);
    });
    const addresses = [
      constantsOffset(f.constants),
      share(f.code, []),
      share(
        list,
        inner.map((_offset, i) => width * i),
      ),
      upvaluesOffset(f.upvalues),
    ];
    // Sizes: upvalues, constants, instructions, lines, functions, names, lines, first and last line.
    const sizes = [f.upvalues.length, f.constants.length, f.code.length / 4, 0, f.functions.length, 0, 0, 0, 0];
    const start = Math.ceil((width + 5) / 4) * 4;
    const first = Math.ceil((start + 4 * sizes.length) / width) * width;
    const object = Buffer.alloc(first + 9 * width);
    object.set([TAG_PROTOTYPE, MARKED, f.parameters, f.isVararg, f.stack], width);
    sizes.forEach((number, i) => {
      object.writeUInt32LE(number, start + 4 * i);
    });
    addresses.forEach((offset, i) => {
      object.writeUInt32LE(offset, first + width * i);
    });
    const offset = place(object);
    addresses.forEach((address, i) => {
      if (address !== 0) pointers.push(offset + first + width * i);
    });
    return offset;
  };

  // As many chains as strings or more, but never none.
  let chains = 1;
  const count = shortStrings(main);
  while (chains < count) chains *= 2;
  const head = Buffer.alloc(width * (2 + chains));
  place(head);
  parts[0].writeUInt32LE(functionOffset(main), 0);
  parts[0].writeUInt32LE(chains - 1, width);
  pointers.push(0);
  for (const { offset, object, hash } of texts.values()) {
    if (object[width] !== TAG_SHORT_STRING) continue;
    const at = width * (2 + (hash & (chains - 1)));
    const next = parts[0].readUInt32LE(at);
    if (next === 0) pointers.push(at);
    else pointers.push(offset + width + 8);
    object.writeUInt32LE(next, width + 8);
    parts[0].writeUInt32LE(offset, at);
  }
  pointers.sort((a, b) => a - b);
  return { octets: Buffer.concat(parts), pointers, texts: new Set(texts.keys()), hasPower: hasPower(main) };
}

function hasPower({ code, functions }: LuaFunction): boolean {
  for (let at = 0; at < code.length; at += 4) if (POWERS.includes(code[at] & 0x7f)) return true;
  return functions.some(hasPower);
}

/** How many short strings a function and those in it have. */
function shortStrings(main: LuaFunction): number {
  const found = new Set<string>();
  const collect = (f: LuaFunction): void => {
    for (const { tag, octets } of f.constants) if (tag === TAG_SHORT_STRING) found.add(octets.toString('latin1'));
    f.functions.forEach(collect);
  };
  collect(main);
  return found.size;
}
