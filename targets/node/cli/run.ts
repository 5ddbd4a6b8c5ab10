// `dietesp run`: a board in an emulator, with a gateway and a CoAP server to talk to.

import { randomInt } from 'node:crypto';
import { Command, Option } from 'commander';
import { CommandError } from '../host/errors.ts';
import { createProgress } from '../host/progress.ts';
import { createPcapWriter, LINKTYPE_IEEE802_15_4, type PcapWriter } from '../host/radio/pcap.ts';
import { printError } from '../host/terminal.ts';
import { freshSecret, type RunResult, runBoard } from '../lab/boards/run.ts';
import { boardAndEngine, runProblem } from '../lab/boards/start.ts';
import { FRACTION, hostPortOf, integerOf, LOSS_MAX, numberOf, printJson, SEED_MAX, SIGNAL_CODES } from './options.ts';

const COUNT_MAX = 100000;
const INTERVAL_MIN = 10;
const INTERVAL_MAX = 3600000;

interface Options {
  board: string;
  engine?: string;
  config?: string;
  count?: string;
  interval?: string;
  gateway?: string;
  loss: string;
  pcap?: string;
  seed?: string;
  general?: boolean;
  json?: boolean;
}

function captureOf(file: string | undefined): PcapWriter | null {
  if (file === undefined) return null;
  try {
    return createPcapWriter(file, LINKTYPE_IEEE802_15_4);
  } catch (error) {
    throw CommandError.from(file, error);
  }
}

/** The last lines: what became of it. */
function summaryOf(result: RunResult, pcap: string): string {
  const { image, handshakes, acknowledged, failed, received, frames, lost, stats } = result;
  const first = handshakes[0];
  const lines = [
    `${result.board} with ${result.engine}: ${image.flash} octets of flash, of them the script ${image.script}` +
      ('memory' in stats && stats.memory >= 0 ? `; RAM at most ${stats.memory}, of it the heap ${stats.heap}` : ''),
    first === undefined
      ? 'no IKE SA came up'
      : `${handshakes.length} handshake${handshakes.length === 1 ? '' : 's'}: ${first.messages} messages and ` +
        `${first.octets} octets of IKEv2 in ${first.ms} ms${first.resumed ? ', resumed' : ''}`,
    `${acknowledged + failed} readings: ${acknowledged} acknowledged, ${failed} failed` +
      (received < 0 ? '' : `; the CoAP server took ${received}`) +
      `; ${frames} frames on air, ${lost} lost`,
  ];
  if (pcap !== '') lines.push(`Frames are in ${pcap} (link type 195).`);
  return lines.join('\n') + '\n';
}

async function run(options: Options): Promise<void> {
  const { board, engine } = boardAndEngine(options.board, options.engine);
  const count = integerOf('count', options.count, 0, COUNT_MAX);
  const interval = integerOf('interval', options.interval, INTERVAL_MIN, INTERVAL_MAX);
  const loss = numberOf('loss', options.loss, FRACTION, 0, LOSS_MAX);
  const seed = integerOf('seed', options.seed, 0, SEED_MAX);
  const gateway = options.gateway === undefined ? null : hostPortOf('gateway', options.gateway);
  if (gateway !== null && options.config === undefined) {
    throw new CommandError('--gateway: needs --config, a file with its keys', 2);
  }
  const problem = runProblem(board);
  if (problem !== '') throw new CommandError(`--board: ${board.name}: ${problem}`, 2);
  const capture = captureOf(options.pcap);
  const print = (text: string): void => {
    if (options.json !== true) process.stdout.write(text);
  };
  const progress = createProgress(process.stderr);
  const building = setInterval(() => progress.update(0, 0, `building ${board.name} with ${engine}`), 100);
  const built = (): void => {
    clearInterval(building);
    progress.end();
  };
  const running = runBoard(
    {
      board,
      engine,
      config: options.config ?? '',
      gateway,
      count,
      interval,
      loss,
      seed: seed ?? randomInt(SEED_MAX),
      secret: seed === undefined ? freshSecret() : `seed ${seed}`,
      capture,
      isGeneral: options.general === true,
    },
    {
      built({ file }) {
        built();
        print(`image     ${file}\n`);
      },
      console: (line) => print(`board     ${line}\n`),
      reading: (path, text) => print(`server    POST /${path}  ${text}\n`),
    },
  );
  let signal = '';
  const onSignal = (name: string): void => {
    // The second one does not wait: what is left over goes with the process.
    if (signal !== '') process.exit(SIGNAL_CODES[name]);
    signal = name;
    running.stop();
  };
  for (const name of Object.keys(SIGNAL_CODES)) process.on(name, onSignal);
  try {
    const result = await running.result;
    if (options.json === true) printJson(result);
    else print('\n' + summaryOf(result, options.pcap ?? ''));
    if (result.problem !== '') printError(`${board.name}: ${result.problem}`);
    const isGood = result.isDone && result.problem === '' && (result.acknowledged > 0 || result.failed === 0);
    process.exitCode = isGood ? 0 : signal === '' || result.problem !== '' ? 1 : count === 0 ? 0 : SIGNAL_CODES[signal];
  } finally {
    built();
    for (const name of Object.keys(SIGNAL_CODES)) process.off(name, onSignal);
    capture?.close();
    if (capture !== null && capture.problem() !== '') printError(`${options.pcap}: ${capture.problem()}`);
  }
}

export function runCommand(): Command {
  return new Command('run')
    .description(
      'Builds the firmware of a board, provisions it with fresh keys, and runs it in an emulator on an emulated radio, ' +
        "with a gateway and a CoAP server in this process. Prints the board's console and the server's readings.",
    )
    .requiredOption('--board <name>', 'a folder of boards/, see `dietesp build --list`')
    .option('--engine <name>', 'lua, duktape, jerryscript or espruino; default: the first of the board')
    .option(
      '--config <file>',
      'keys and policy of a sensor file, see `dietesp schema sensor --markdown`; no gateway here',
    )
    .option('--gateway <host:port>', 'with --config: where the radio of its gateway is heard (ZEP)')
    .option('--count <n>', 'readings, 0: until Ctrl-C; default 6, or as the file says')
    .option('--interval <ms>', 'milliseconds between readings; default 1000, or as the file says')
    .addOption(new Option('--loss <part>', `chance that a node misses a frame, 0..${LOSS_MAX}`).default('0'))
    .option('--pcap <file>', 'write every frame on air, link type 195')
    .option('--seed <n>', 'losses and pre-shared keys follow from it (such keys are no secret)')
    .option('--general', 'the device that a blob configures, instead of the one of this profile')
    .option('--json', 'print one JSON object at the end')
    .addHelpText(
      'after',
      '\nExit code: 0 when the board has sent its readings and one was acknowledged.\n\n' +
        'Examples:\n  $ dietesp run --board qemu-mps2-an386\n' +
        '  $ dietesp run --board qemu-mps2-an385 --engine duktape --loss 0.1 --pcap board.pcap\n' +
        '  $ dietesp run --board qemu-mps2-an386 --config sensor.yaml --gateway 127.0.0.1:17754',
    )
    .action(run);
}
