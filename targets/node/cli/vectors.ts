// `dietesp vectors`: runs test vectors on Node with one of its providers, or on another engine with the portable one.

import { Command, Option } from 'commander';
import type { Engine } from '../../build/engines.ts';
import { CommandError } from '../host/errors.ts';
import { createProgress } from '../host/progress.ts';
import { PROVIDERS } from '../host/provider/by-name.ts';
import { OTHER_ENGINES, runVectors } from '../tools/vectors.ts';

interface Options {
  engine?: Engine;
  provider: string;
  timeout: string;
  verbose?: boolean;
  json?: boolean;
}

async function vectors(files: string[], options: Options): Promise<void> {
  const { engine, provider } = options;
  const timeout = Number(options.timeout);
  if (!(timeout > 0 && timeout <= 3600)) {
    throw new CommandError(`--timeout: ${options.timeout}: must be 1..3600 seconds`, 2);
  }
  const progress = createProgress(process.stderr);
  const runner = engine === undefined ? { provider } : { engine, timeout: timeout * 1000 };
  const { passed, failures, skips } = await runVectors(files, runner, progress.update).finally(progress.end);
  if (failures.length > 0) process.exitCode = 1;
  if (options.json === true) {
    const data = {
      runner: engine ?? `node, provider ${provider}`,
      passed,
      failed: failures.length,
      skipped: skips.length,
      failures,
      skips,
    };
    process.stdout.write(JSON.stringify(data, null, 2) + '\n');
    return;
  }
  for (const f of failures) {
    process.stdout.write(`${f.id}: ${f.field}: expected ${f.expected}, actual ${f.actual}\n`);
  }
  if (options.verbose === true) for (const s of skips) process.stdout.write(`${s.id}: skipped: ${s.reason}\n`);
  const skipped = skips.length === 0 ? '' : `, ${skips.length} skipped`;
  process.stdout.write(`${passed} passed, ${failures.length} failed${skipped}\n`);
}

export function vectorsCommand(): Command {
  return new Command('vectors')
    .description(
      'Runs vector files in both directions and compares every intermediate value that they give. ' +
        'One line per failure; exit code 1 when there is one.',
    )
    .argument('<files...>', 'vector files (JSON): of Diet-ESP, or of AES-CCM')
    .addOption(
      new Option('--engine <name>', 'run on another engine, portable provider')
        .choices(OTHER_ENGINES)
        .conflicts('provider'),
    )
    .addOption(new Option('--provider <name>', 'cryptographic provider on Node').choices(PROVIDERS).default('fast'))
    .option('--timeout <seconds>', 'time limit of one run on an engine', '120')
    .option('--verbose', 'name the skipped vectors')
    .option('--json', 'print the results as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ dietesp vectors test/vectors/diet-esp.json test/vectors/own.json --engine lua\n' +
        '  $ dietesp vectors test/vectors/aes-ccm-rfc4309.json',
    )
    .action((files: string[], options: Options) => vectors(files, options));
}
