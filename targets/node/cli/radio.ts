// `dietesp radio`: which radios there are, whether one works, what is on the air.

import { closeSync, openSync, writeSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import { CommandError, errorText } from '../host/errors.ts';
import { type OpenOptions, openReadyRadio } from '../host/radio/kinds.ts';
import { pcapngFrame, pcapngHeader } from '../host/radio/pcapng-writer.ts';
import type { Radio } from '../host/radio/radio.ts';
import { printWarning } from '../host/terminal.ts';
import { checkRadioEnd, frameText, type Step, scanEnergy, scanText } from '../tools/radio/check.ts';
import { listAdapters, listText } from '../tools/radio/list.ts';
import { type Place, radioOf } from '../tools/radio/place.ts';
import { INTEGER, integerOf, numberOf, printJson } from './options.ts';

const ACTIONS = ['list', 'test', 'scan', 'sniff'] as const;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const CHANNEL_FIRST = 11;
const CHANNEL_LAST = 26;

interface Options extends Omit<Place, 'baud' | 'channel' | 'pan'> {
  baud?: string;
  channel?: string;
  pan?: string;
  ask: boolean;
  peer?: string;
  time: string;
  write?: string;
  count?: string;
  json?: boolean;
}

const HEX_PAN = /^(0x)?[0-9a-fA-F]{1,4}$/;
const LINK = /^([0-9a-fA-F]{4}|[0-9a-fA-F]{16})$/;

/** Options that belong to one action. */
const ONLY = { peer: 'test', write: 'sniff', count: 'sniff' } as const;

function placeOf({ baud, channel, pan, ...rest }: Options): Place {
  if (pan !== undefined && !HEX_PAN.test(pan)) throw new CommandError(`--pan: ${pan}: must be 4 hexadecimal digits`, 2);
  const numbers = {
    baud: integerOf('baud', baud, 300, 4000000),
    channel: integerOf('channel', channel, CHANNEL_FIRST, CHANNEL_LAST),
    pan: pan === undefined ? undefined : Number.parseInt(pan, 16),
  };
  return { ...rest, ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)) };
}

const quiet: OpenOptions = {
  warn: printWarning,
  log: (level, text) => {
    if (level === 'warn') printWarning(text);
  },
};

async function opened(options: Options, isPromiscuous: boolean, use: (radio: Radio) => Promise<void>): Promise<void> {
  const checked = radioOf(placeOf(options));
  let radio: Radio;
  try {
    radio = await openReadyRadio(checked, { ...quiet, isPromiscuous });
  } catch (error) {
    throw new CommandError(`${checked.name}: ${errorText(error)}`);
  }
  try {
    await use(radio);
  } catch (error) {
    throw error instanceof CommandError ? error : new CommandError(`${checked.name}: ${errorText(error)}`);
  } finally {
    radio.close();
    await radio.closed;
  }
}

async function list(options: Options): Promise<void> {
  const baud = integerOf('baud', options.baud, 300, 4000000) ?? 115200;
  const found = await listAdapters({ baud, asks: options.ask });
  if (options.json === true) printJson(found);
  else process.stdout.write(listText(found));
}

async function test(options: Options): Promise<void> {
  if (options.peer !== undefined && !LINK.test(options.peer)) {
    throw new CommandError(`--peer: ${options.peer}: must be 4 or 16 hexadecimal digits`, 2);
  }
  const peer = options.peer === undefined ? null : new Uint8Array(Buffer.from(options.peer, 'hex'));
  const steps: Step[] = [];
  const isGood = await checkRadioEnd(radioOf(placeOf(options)), peer, quiet, (step) => {
    steps.push(step);
    if (options.json !== true) process.stdout.write(`${step.verdict.padEnd(4)}  ${step.name}: ${step.text}\n`);
  });
  if (options.json === true) printJson({ isGood, steps });
  if (!isGood) process.exitCode = 1;
}

async function scan(options: Options): Promise<void> {
  const time = numberOf('time', options.time, INTEGER, 1, 65535);
  const only = integerOf('channel', options.channel, CHANNEL_FIRST, CHANNEL_LAST);
  const all = Array.from({ length: CHANNEL_LAST - CHANNEL_FIRST + 1 }, (_, index) => CHANNEL_FIRST + index);
  await opened(options, true, async (radio) => {
    const result = await scanEnergy(radio, only === undefined ? all : [only], time);
    if (options.json === true) printJson(result);
    else process.stdout.write(scanText(result));
  });
}

async function sniff(options: Options): Promise<void> {
  const count = integerOf('count', options.count, 1, 2 ** 31 - 1) ?? Number.POSITIVE_INFINITY;
  await opened(options, true, async (radio) => {
    let fd = -1;
    if (options.write !== undefined) {
      try {
        fd = options.write === '-' ? 1 : openSync(options.write, 'w');
        writeSync(fd, pcapngHeader());
      } catch (error) {
        throw CommandError.from(options.write, error);
      }
    }
    let frames = 0;
    try {
      await new Promise<void>((resolve, reject) => {
        for (const name of SIGNALS) process.once(name, () => resolve());
        radio.onFrame = (buffer, offset, length) => {
          if (frames >= count) return;
          const frame = buffer.slice(offset, offset + length);
          const time = performance.timeOrigin + performance.now();
          const signal = radio.signal?.() ?? null;
          try {
            if (fd >= 0) writeSync(fd, pcapngFrame(time, frame, signal));
            else if (options.json === true) {
              process.stdout.write(`${JSON.stringify({ time, frame: Buffer.from(frame).toString('hex'), signal })}\n`);
            } else process.stdout.write(frameText(time, frame, signal));
          } catch (error) {
            // Whoever read it, Wireshark say, was closed.
            if ((error as NodeJS.ErrnoException).code === 'EPIPE') resolve();
            else reject(CommandError.from(options.write!, error));
          }
          if (++frames >= count) resolve();
        };
      });
    } finally {
      if (fd > 1) closeSync(fd);
    }
  });
}

const RUN = { list, test, scan, sniff };

async function radio(action: (typeof ACTIONS)[number], options: Options): Promise<void> {
  for (const [name, only] of Object.entries(ONLY)) {
    if (options[name as keyof typeof ONLY] !== undefined && action !== only) {
      throw new CommandError(`--${name}: belongs to ${only}`, 2);
    }
  }
  await RUN[action](options);
}

export function radioCommand(): Command {
  return new Command('radio')
    .description(
      'list: serial ports, and what answers there; interfaces of Linux. test: opens a radio, asks what it is, sends a frame. scan: energy on ' +
        'channels. sniff: frames as they come, as lines or for Wireshark. A radio belongs to one program at a time.',
    )
    .addArgument(new Argument('<action>', 'what to do').choices(ACTIONS))
    .option('--config <file>', 'the radio of a gateway or a sensor')
    .option('--radio <name>', 'which one of that file; default the first')
    .option('--spinel <place>', 'a co-processor: serial port, or HOST:PORT')
    .option('--command <words>', 'a program that speaks Spinel, with its arguments')
    .option('--uart <port>', 'serial port of a board')
    .option('--zep <address:port>', 'own address for frames in UDP')
    .option('--linux <interface>', "a network interface of Linux's IEEE 802.15.4 stack")
    .option('--baud <n>', 'bits a second of a serial port; default 115200')
    .option('--channel <n>', '11..26; default 26, or all for scan')
    .option('--pan <hex>', 'PAN identifier of the frames of test; default fffe')
    .option('--peer <link>', 'test: a frame to this address, 4 or 16 hexadecimal digits, has to be acknowledged')
    .option('--no-ask', 'list: do not open the ports')
    .addOption(new Option('--time <ms>', 'scan: milliseconds for each channel').default('100'))
    .option('--write <file>', 'sniff: pcapng, link type 283; - is standard output')
    .option('--count <n>', 'sniff: end after so many frames')
    .option('--json', 'data for programs')
    .addHelpText(
      'after',
      '\nExamples:\n  $ dietesp radio list\n  $ dietesp radio scan --spinel /dev/ttyACM0\n' +
        '  $ dietesp radio sniff --spinel /dev/ttyACM0 --channel 15 --write - | wireshark -k -i -',
    )
    .action(radio);
}
