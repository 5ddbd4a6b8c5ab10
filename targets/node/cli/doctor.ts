// `dietesp doctor`: what is missing on this host, and why.

import { Command } from 'commander';
import { loadGatewayFile } from '../gateway/file.ts';
import { CommandError } from '../host/errors.ts';
import { table } from '../host/table.ts';
import { screenOf } from '../host/terminal.ts';
import { examine } from '../tools/doctor/doctor.ts';
import { usualWants, wantsOf } from '../tools/doctor/wants.ts';

interface Options {
  config?: string;
  state?: string;
  json?: boolean;
}

async function doctor({ config, state, json }: Options): Promise<void> {
  if (config === undefined && state !== undefined) throw new CommandError('--state: needs --config', 2);
  const wants = config === undefined ? usualWants() : wantsOf(loadGatewayFile(config), state);
  const findings = await examine(wants);
  const missing = findings.filter(({ verdict }) => verdict === 'missing');
  if (missing.length > 0) process.exitCode = 1;
  if (json === true) {
    process.stdout.write(JSON.stringify({ file: wants.file, good: missing.length === 0, findings }, null, 2) + '\n');
    return;
  }
  const rows = findings.map(({ name, verdict, seen, help }) => [verdict, name, seen, help]);
  process.stdout.write(table(['', 'what', 'seen', 'why, and what to do'], rows, screenOf(process.stdout)));
  const whose = config === undefined ? 'a gateway' : config;
  process.stdout.write(
    missing.length === 0 ? `\nnothing that ${whose} needs is missing\n` : `\n${missing.length} missing\n`,
  );
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'Looks what this host lacks for a gateway: packages, rights, ports, buffers, state. With a file: for the gateway of ' +
        'that file. It changes nothing; ports are opened for a moment.',
    )
    .option('--config <file>', "a gateway's file; default: what gateways usually need")
    .option('--state <dir>', 'as of `dietesp gateway`, with --config')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nVerdicts: ok; warn: works, with a limit; missing: the file needs it; off: not there, and not needed.\n' +
        'Exit code: 0 nothing is missing, 1 otherwise.\n\nExample:\n  $ dietesp doctor --config gateway.yaml',
    )
    .action((options: Options) => doctor(options));
}
