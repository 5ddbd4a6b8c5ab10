// Socket filters (classic BPF) for a packet socket: they take first fragments of IPv4 and IPv6 packets to one address, and of UDP
// to one port of it. Everything else stays in the kernel: whoever sends no fragments costs nothing.

/** Octets of a packet that the filter lets through, from its IP header on. */
export const CAPTURED = 128;

/** What first fragments are of: UDP to a port, or ESP in IP. */
export interface FilterTarget {
  /** Own address, 4 or 16 octets. */
  local: Uint8Array;
  /** IP protocol of the packet: 17 or 50. */
  protocol: 17 | 50;
  /** Own UDP port; 0 with ESP. */
  port: number;
}

/** An instruction: code, jump if true, jump if false, operand. */
export type Instruction = [number, number, number, number];

/** As the system takes them: struct sock_filter. */
export function bytesOf(filter: Instruction[]): Buffer {
  const octets = Buffer.alloc(8 * filter.length);
  filter.forEach(([code, yes, no, operand], index) => {
    octets.writeUInt16LE(code, 8 * index);
    octets.writeUInt8(yes, 8 * index + 2);
    octets.writeUInt8(no, 8 * index + 3);
    octets.writeUInt32LE(operand, 8 * index + 4);
  });
  return octets;
}

const LD_B = 0x30;
const LD_H = 0x28;
const LD_W = 0x20;
const LDX_HEADER = 0xb1;
const LD_H_INDEXED = 0x48;
const JEQ = 0x15;
const JSET = 0x45;
const RET = 0x06;

/** A load, and what it must be (or, with JSET, have none of, or some of, these bits). */
interface Test {
  load: Instruction;
  kind: 'is' | 'none' | 'some';
  value: number;
}

const load = (code: number, at: number): Instruction => [code, 0, 0, at];

function wordsOf(octets: Uint8Array): number[] {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  return Array.from({ length: octets.length / 4 }, (_, index) => view.getUint32(4 * index));
}

function testsFour({ local, protocol, port }: FilterTarget): Test[] {
  return [
    // More fragments, and none before.
    { load: load(LD_H, 6), kind: 'none', value: 0x1fff },
    { load: load(LD_H, 6), kind: 'some', value: 0x2000 },
    { load: load(LD_B, 9), kind: 'is', value: protocol },
    { load: load(LD_W, 16), kind: 'is', value: wordsOf(local)[0] },
    ...(port === 0 ? [] : [{ load: load(LD_H_INDEXED, 2), kind: 'is' as const, value: port }]),
  ];
}

/** The fragment header directly behind the IP header: where hosts put it [RFC 8200 §4.1]. */
function testsSix({ local, protocol, port }: FilterTarget): Test[] {
  return [
    { load: load(LD_B, 6), kind: 'is', value: 44 },
    { load: load(LD_B, 40), kind: 'is', value: protocol },
    { load: load(LD_H, 42), kind: 'none', value: 0xfff8 },
    { load: load(LD_H, 42), kind: 'some', value: 1 },
    ...wordsOf(local).map((value, index): Test => ({ load: load(LD_W, 24 + 4 * index), kind: 'is', value })),
    ...(port === 0 ? [] : [{ load: load(LD_H, 50), kind: 'is' as const, value: port }]),
  ];
}

/** The filter's program, for a socket that gives packets from their IP header on (AF_PACKET, SOCK_DGRAM). */
export function filterOf(target: FilterTarget): Instruction[] {
  const isSix = target.local.length === 16;
  const tests = isSix ? testsSix(target) : testsFour(target);
  const head: Instruction[] = isSix ? [] : [load(LDX_HEADER, 0)];
  const last = head.length + 2 * tests.length + 1;
  const body = tests.flatMap(({ load: first, kind, value }, index): Instruction[] => {
    const toDrop = last - (head.length + 2 * index + 2);
    const jump = kind === 'is' ? JEQ : JSET;
    return [first, kind === 'none' ? [jump, toDrop, 0, value] : [jump, 0, toDrop, value]];
  });
  return [...head, ...body, [RET, 0, 0, CAPTURED], [RET, 0, 0, 0]];
}
