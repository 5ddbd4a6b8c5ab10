// The packets to explain: hexadecimal digits, or those of a capture.

import { existsSync } from 'node:fs';
import type { LoadedSa } from '../../host/config/sa.ts';
import { CommandError } from '../../host/errors.ts';
import { packetsOf } from '../convert/capture.ts';
import { outerAddresses } from '../convert/files.ts';
import { createPacketFinder } from '../convert/found.ts';
import { linkPlan } from '../convert/frames.ts';

const ANY_PAN = 'abcd';

/** A packet with its number, from 1; null: there is no IP packet, and why. */
export interface NumberedPacket {
  number: number;
  octets: Uint8Array | null;
  problem: string;
}

/** The octets of digits, or null where `input` is the name of a file. */
export function digitsOf(input: string): Uint8Array | null {
  const digits = input.replace(/[\s:]/g, '');
  if (existsSync(input)) return null;
  if (!/^(0x)?[0-9a-fA-F]+$/.test(digits)) {
    throw new CommandError(`${input}: no such file or directory, and not hexadecimal digits`);
  }
  const text = digits.replace(/^0x/, '');
  if (text.length % 2 !== 0) throw new CommandError(`packet: ${text.length} digits: must be an even number`, 2);
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

/**
 * The packets of digits (one) or of a capture. Those of IEEE 802.15.4 have the number of the frame that ends them; the outer
 * addresses of the SAs are the contexts of 6LoWPAN.
 */
export function* numberedPackets(input: string, loaded: LoadedSa[]): Generator<NumberedPacket> {
  const digits = digitsOf(input);
  if (digits !== null) {
    yield { number: 1, octets: digits, problem: '' };
    return;
  }
  const finder = createPacketFinder(linkPlan({ pan: ANY_PAN }, outerAddresses(loaded)), 'crc');
  let number = 0;
  for (const record of packetsOf(input)) {
    number++;
    let octets: Uint8Array | null = null;
    const problem = finder.take(record, (buffer, offset, length) => {
      octets = buffer.slice(offset, offset + length);
    });
    yield { number, octets, problem: octets === null ? problem || 'a frame that ends no packet' : '' };
  }
}

/** A packet, and those in front of it. */
export interface FoundPacket {
  octets: Uint8Array;
  before: Iterable<NumberedPacket>;
}

function* upTo(packets: Iterable<NumberedPacket>, end: number): Generator<NumberedPacket> {
  for (const packet of packets) {
    if (packet.number >= end) return;
    yield packet;
  }
}

/** The octets of `input`: digits, or the name of a capture of which packet `number` (from 1) is taken. */
export function packetOf(input: string, number: number, loaded: LoadedSa[]): FoundPacket {
  const digits = digitsOf(input);
  if (digits !== null && number === 1) return { octets: digits, before: [] };
  let count = 0;
  for (const packet of numberedPackets(input, loaded)) {
    count++;
    if (count < number) continue;
    if (packet.octets === null) throw new CommandError(`${input}: packet ${number}: ${packet.problem}`);
    return { octets: packet.octets, before: upTo(numberedPackets(input, loaded), number) };
  }
  throw new CommandError(`--packet: ${number}: ${input} has ${count}`, 2);
}
