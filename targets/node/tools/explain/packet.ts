// The packet to explain: hexadecimal digits, or one of a capture.

import { existsSync } from 'node:fs';
import { CommandError } from '../../host/errors.ts';
import { packetsOf } from '../convert/capture.ts';
import { findIp } from '../convert/packets.ts';

/** The octets of `input`: digits, or the name of a capture of which packet `number` (from 1) is taken. */
export function packetOf(input: string, number: number): Uint8Array {
  const digits = input.replace(/[\s:]/g, '');
  if (!existsSync(input) && /^(0x)?[0-9a-fA-F]+$/.test(digits)) {
    const text = digits.replace(/^0x/, '');
    if (text.length % 2 !== 0) throw new CommandError(`packet: ${text.length} digits: must be an even number`, 2);
    return Uint8Array.from(Buffer.from(text, 'hex'));
  }
  if (!existsSync(input)) throw new CommandError(`${input}: no such file or directory, and not hexadecimal digits`);
  let count = 0;
  for (const record of packetsOf(input)) {
    count++;
    if (count < number) continue;
    const ip = findIp(record);
    if (ip.problem !== '') throw new CommandError(`${input}: packet ${number}: ${ip.problem}`);
    return record.data.slice(ip.offset, ip.offset + ip.length);
  }
  throw new CommandError(`${input}: packet ${number}: the capture has ${count}`);
}
