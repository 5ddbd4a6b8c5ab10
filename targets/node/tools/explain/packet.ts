// The packets to explain: hexadecimal digits, or those of a capture.

import { existsSync } from 'node:fs';
import { CommandError } from '../../host/errors.ts';
import { packetsOf } from '../convert/capture.ts';
import { findIp } from '../convert/packets.ts';

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

/** The packets of digits (one) or of a capture. */
export function* numberedPackets(input: string): Generator<NumberedPacket> {
  const digits = digitsOf(input);
  if (digits !== null) {
    yield { number: 1, octets: digits, problem: '' };
    return;
  }
  let number = 0;
  for (const record of packetsOf(input)) {
    number++;
    const { offset, length, problem } = findIp(record);
    yield { number, octets: problem === '' ? record.data.slice(offset, offset + length) : null, problem };
  }
}

/** The octets of `input`: digits, or the name of a capture of which packet `number` (from 1) is taken. */
export function packetOf(input: string, number: number): Uint8Array {
  const digits = digitsOf(input);
  if (digits !== null) return digits;
  let count = 0;
  for (const packet of numberedPackets(input)) {
    count++;
    if (count < number) continue;
    if (packet.octets === null) throw new CommandError(`${input}: packet ${number}: ${packet.problem}`);
    return packet.octets;
  }
  throw new CommandError(`${input}: packet ${number}: the capture has ${count}`);
}
