// `dietesp bench`: what this machine measures, with the code of the package.

import { writeFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import { CommandError } from '../host/errors.ts';
import { createProgress } from '../host/progress.ts';
import { table } from '../host/table.ts';
import { screenOf } from '../host/terminal.ts';
import { benchAntiReplay, type Report } from '../lab/replay/bench.ts';
import { acceptedOf, lossOf, percent, replayPicture } from '../tools/replay-picture.ts';
import { INTEGER, numberOf, printJson, SEED_MAX, within } from './options.ts';

/** Algorithms that EESP and subspaces have, too. */
const ALGORITHMS = ['aes-ccm-8-iiv', 'aes-gcm-16-iiv', 'chacha20-poly1305-iiv', 'aes-gcm-16'];
const WORKERS_MAX = 64;

interface Options {
  seed: string;
  esp: string;
  workers: string;
  quick?: boolean;
  svg?: string;
  out?: string;
  json?: boolean;
}

function write(option: string, file: string, content: string): void {
  within(`--${option}: ${file}`, () => writeFileSync(file, content));
}

const times = (value: number): string => value.toFixed(value < 10 ? 2 : 0);
const faster = (one: number, all: number): string => (one > 0 && all > 0 ? times(all / one) : '');

function costs({ answers, measured }: Report): string {
  const rows = answers.map(({ name, setUp, combined, packet }, index) => [
    name,
    String(setUp.counters),
    String(setUp.octets),
    String(setUp.messages),
    String(setUp.last),
    String(combined.octets),
    String(combined.last),
    String(packet),
    ...(measured === null ? [] : [measured.handshake[index].toFixed(0), (measured.memory[index] / 1000).toFixed(1)]),
  ]);
  const head = ['answer', 'counters', 'IKE octets', 'messages', 'ms', 'octets for 64', 'ms for 64', 'packet'];
  return (
    'What it costs: counters of 8 that are wanted; octets and messages of IKE; ms until all SAs stand, at 20 ms for a\n' +
    'round trip; the same where 64 are wanted; octets of a packet with 20 octets of payload.' +
    (measured === null ? '' : ' CPU ms of both handshakes;\nkB of heap that the gateway has of the peer.') +
    '\n\n' +
    table(measured === null ? head : [...head, 'CPU ms', 'kB'], rows, screenOf(process.stdout))
  );
}

function losses({ answers, scenes, seed }: Report): string {
  const rows = answers.map((answer) => [
    answer.name,
    ...scenes.map((_, index) => percent(lossOf(answer, index))),
    percent(acceptedOf(answer)),
    String(answer.scenes.reduce((sum, { repeatedNonces }) => sum + repeatedNonces, 0)),
  ]);
  return (
    `Good packets that the replay check drops, %, where they come from or go through these (seed ${seed}); packets of an\n` +
    'attacker that were accepted, %, of all sent again; nonces that came twice under a key.\n\n' +
    table(['answer', ...scenes, 'replays', 'nonces'], rows, screenOf(process.stdout))
  );
}

function speeds({ answers, scenes, measured }: Report): string {
  const cores = scenes.filter((name) => name.endsWith(' cores')).length;
  const rows = answers.map(({ name, scenes: all }, index) => {
    const simulated = all.slice(0, cores).map(({ speedup }) => times(speedup));
    if (measured === null) return [name, ...simulated];
    const { busy, send, receive, accepted, replayed, lost } = measured.threads[index];
    return [
      name,
      ...simulated,
      String(busy),
      faster(send.oneOwn, send.allOwn),
      faster(receive.oneOwn, receive.allOwn),
      faster(send.one, send.all),
      faster(receive.one, receive.all),
      String(Math.round(Math.max(send.all, send.allOwn))),
      `${accepted} of ${replayed}`,
      String(lost),
    ];
  });
  const head = ['answer', ...scenes.slice(0, cores)];
  const more = ['busy', 'sending', 'receiving', 'clock: sending', 'receiving', 'packets/s', 'replays', 'lost'];
  const text =
    measured === null
      ? ''
      : ` Then ${measured.workers} workers of this machine: those with work, by their\nprocessor time and by the clock ` +
        `(threads that only compute: ${times(measured.machine)} times), packets of 1,248 octets.`;
  return (
    `How many times as fast as one core, where cores share no lock: in the simulation.${text}\n\n` +
    table(measured === null ? head : [...head, ...more], rows, screenOf(process.stdout))
  );
}

async function antiReplay(options: Options): Promise<void> {
  const seed = numberOf('seed', options.seed, INTEGER, 0, SEED_MAX);
  const workers = numberOf('workers', options.workers, INTEGER, 0, WORKERS_MAX);
  if (workers === 1)
    throw new CommandError('--workers: 1: must be 0, or 2 and more: one is what they are compared with', 2);
  // What cannot be written is known before the work.
  for (const name of ['svg', 'out'] as const) {
    const file = options[name];
    if (file !== undefined) write(name, file, '');
  }
  const progress = createProgress(process.stderr);
  let report: Report;
  try {
    report = await benchAntiReplay({
      seed,
      esp: options.esp,
      workers,
      quick: options.quick === true,
      progress: (what, done, of) => progress.update(done, of, what),
    });
  } finally {
    progress.end();
  }
  if (options.svg !== undefined) write('svg', options.svg, replayPicture(report));
  if (options.out !== undefined) write('out', options.out, JSON.stringify(report, null, 2) + '\n');
  if (options.json === true) printJson(report);
  else process.stdout.write([costs, losses, speeds].map((part) => part(report)).join('\n'));
}

export function benchCommand(): Command {
  return new Command('bench')
    .description(
      'anti-replay: the answers to cores, classes, paths and senders that share the replay window of one SA, side by side. ' +
        'Their SAs are set up by IKE, their packets and windows are real; what cores there are not is simulated.',
    )
    .addArgument(new Argument('<what>', 'what is measured').choices(['anti-replay']))
    .addOption(new Option('--seed <n>', 'the simulation follows from it').default('1'))
    .addOption(new Option('--esp <name>', 'ESP algorithm').choices(ALGORITHMS).default(ALGORITHMS[0]))
    .addOption(
      new Option(
        '--workers <n>',
        'threads that are compared with one; 0: the simulation alone, the same in every run',
      ).default('2'),
    )
    .option('--quick', 'fewer packets, cores and rounds')
    .option('--svg <file>', 'write a picture')
    .option('--out <file>', 'write the figures as JSON')
    .option('--json', 'print the figures as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ dietesp bench anti-replay\n  $ dietesp bench anti-replay --workers 0 --svg anti-replay.svg',
    )
    .action((_what: string, options: Options) => antiReplay(options));
}
