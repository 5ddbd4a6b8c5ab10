// `dietesp bridge`: connects boards whose radio is a UART with a gateway's radio (ZEP).

import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import { CommandError, errorText } from '../host/errors.ts';
import { outletOf } from '../host/outlet.ts';
import { createBridge } from '../host/radio/bridge.ts';
import { createPcapWriter, LINKTYPE_IEEE802_15_4, type PcapWriter } from '../host/radio/pcap.ts';
import { createUartRadio, type UartLine, type UartRadio } from '../host/radio/uart.ts';
import { serialLine, socketLine, terminalLine } from '../host/radio/uart-line.ts';
import { createZep } from '../host/radio/zep.ts';
import { printError } from '../host/terminal.ts';
import { FRACTION, hostPortOf, INTEGER, integerOf, LOSS_MAX, numberOf, printJson, SEED_MAX } from './options.ts';

const BAUD_MIN = 300;
const BAUD_MAX = 4000000;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

interface Options {
  serial: string[];
  tty: string[];
  socket: string[];
  baud: string;
  gateway: string;
  loss: string;
  seed?: string;
  pcap?: string;
  json?: boolean;
}

const collect = (value: string, all: string[]): string[] => [...all, value];

async function bridge(options: Options): Promise<void> {
  const baud = numberOf('baud', options.baud, INTEGER, BAUD_MIN, BAUD_MAX);
  const loss = numberOf('loss', options.loss, FRACTION, 0, LOSS_MAX);
  const seed = integerOf('seed', options.seed, 0, SEED_MAX) ?? randomInt(SEED_MAX);
  const gateway = hostPortOf('gateway', options.gateway);
  const lines: [name: string, line: UartLine][] = [
    ...options.serial.map((path): [string, UartLine] => [path, serialLine(path, baud)]),
    ...options.tty.map((path): [string, UartLine] => [path, terminalLine(path, baud)]),
    ...options.socket.map((path): [string, UartLine] => [path, socketLine(path)]),
  ];
  // A port that goes away is waited for; one that never was is a wrong name.
  for (const [option, paths] of [
    ['serial', options.serial],
    ['tty', options.tty],
  ] as const) {
    const missing = process.platform === 'win32' ? undefined : paths.find((path) => !existsSync(path));
    if (missing !== undefined) throw new CommandError(`--${option}: ${missing}: no such port`);
  }
  if (lines.length === 0) throw new CommandError('--serial, --tty, --socket: (missing): one board or more', 2);
  let capture: PcapWriter | null = null;
  try {
    if (options.pcap !== undefined) capture = createPcapWriter(options.pcap, LINKTYPE_IEEE802_15_4);
  } catch (error) {
    throw CommandError.from(options.pcap!, error);
  }
  const zep = createZep({ port: 0, peers: [gateway] });
  const radios: UartRadio[] = [];
  const air = createBridge({ seed, loss, ...(capture === null ? {} : { capture }) });
  const stopped = new Promise<void>((resolve) => {
    for (const name of SIGNALS) process.once(name, () => resolve());
  });
  try {
    await zep.ready;
    air.join('gateway', zep);
    for (const [name, line] of lines) {
      const radio = createUartRadio({ line });
      radios.push(radio);
      air.join(name, radio);
      void radio.ready.then(
        () => outletOf(process.stderr).write(`${name}: open\n`),
        () => {},
      );
    }
    await stopped;
  } catch (error) {
    throw new CommandError(`ZEP: ${errorText(error)}`);
  } finally {
    const ports = air.ports();
    air.close();
    // Where it could not be opened, it has not joined.
    zep.close();
    await Promise.all([zep.closed, ...radios.map((radio) => radio.closed)]);
    capture?.close();
    if (capture !== null && capture.problem() !== '') printError(`${options.pcap}: ${capture.problem()}`);
    const report = ports.map(({ name, from, to, lost }) => {
      const radio = radios[lines.findIndex(([one]) => one === name)];
      return {
        name,
        from,
        to,
        lost: lost(),
        ...(radio === undefined ? {} : { ...radio.counters, problem: radio.problem() }),
      };
    });
    if (options.json === true) printJson(report);
    else
      for (const { name, from, to } of report)
        outletOf(process.stdout).write(`${name}: ${from} frames from it, ${to} to it\n`);
  }
}

export function bridgeCommand(): Command {
  return new Command('bridge')
    .description(
      'Connects boards whose radio is a UART (0xA7, length, frame) with the ZEP radio of a gateway, until a signal. When a ' +
        'port goes away, it is opened again and again.',
    )
    .addOption(new Option('--serial <path>', 'a serial port; can be repeated').argParser(collect).default([]))
    .addOption(
      new Option('--tty <path>', 'a terminal device, without the package serialport').argParser(collect).default([]),
    )
    .addOption(new Option('--socket <path>', 'a unix socket, of an emulator').argParser(collect).default([]))
    .addOption(new Option('--baud <n>', 'bits a second').default('115200'))
    .addOption(
      new Option('--gateway <host:port>', 'where the radio of the gateway is heard').default('127.0.0.1:17754'),
    )
    .addOption(new Option('--loss <part>', `chance that a node misses a frame, 0..${LOSS_MAX}`).default('0'))
    .option('--seed <n>', 'losses follow from it')
    .option('--pcap <file>', 'write every frame on air, link type 195')
    .option('--json', 'print the counters as JSON at the end')
    .addHelpText(
      'after',
      '\nExample:\n  $ dietesp bridge --serial /dev/ttyUSB0 --gateway 127.0.0.1:17754 --pcap board.pcap',
    )
    .action(bridge);
}
