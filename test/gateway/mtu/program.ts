// What the programs in the namespaces share: commands come as lines, and each gets an answer.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

export type Command = Record<string, unknown>;

/** Answers each line of standard input; ends with it. */
export async function serve(answer: (command: Command) => Promise<Command>, close: () => Promise<void>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const said = await answer(JSON.parse(line) as Command).catch((error: Error) => ({
      problem: error.stack ?? error.message,
    }));
    process.stdout.write(`${JSON.stringify(said)}\n`);
  }
  await close();
}

/** A counter of the kernel: fragments of both IP versions that came, or were made. */
export function kernelCount(name: 'ReasmReqds' | 'FragCreates'): number {
  const [names, values] = readFileSync('/proc/net/snmp', 'latin1')
    .split('\n')
    .filter((line) => line.startsWith('Ip:'))
    .map((line) => line.split(' '));
  const six = new RegExp(`^Ip6${name}\\s+(\\d+)$`, 'm').exec(readFileSync('/proc/net/snmp6', 'latin1'));
  return Number(values[names.indexOf(name)]) + Number(six?.[1] ?? 0);
}

/** Milliseconds that the processors of this machine were busy, by whatever. */
export function busyMs(): number {
  const [, ...ticks] = readFileSync('/proc/stat', 'latin1').split('\n')[0].split(/ +/).map(Number);
  const [user, nice, system, , , irq, softirq] = ticks;
  return 10 * (user + nice + system + irq + softirq);
}
