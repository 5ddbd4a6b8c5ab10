#!/usr/bin/env node
// The command line `dietesp`. A command's module is imported when that command is asked for, so that `--help` and
// `--version` start fast. Exit codes: 0 done, 1 failed, 2 wrong use; errors are one line on stderr.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { CommandError, errorText, faultsOf } from '../host/errors.ts';
import { printError, printFaults, screenOf, styled, takesColour, widthOf } from '../host/terminal.ts';

interface Entry {
  name: string;
  summary: string;
  load(): Promise<Command>;
}

const COMMANDS: Entry[] = [
  {
    name: 'demo',
    summary: 'a sensor and a gateway over an emulated radio link',
    load: async () => (await import('./demo.ts')).demoCommand(),
  },
  {
    name: 'build',
    summary: 'what a board runs: firmware or a script, and its sizes',
    load: async () => (await import('./build.ts')).buildCommand(),
  },
  {
    name: 'flash',
    summary: 'put it on the board',
    load: async () => (await import('./flash.ts')).flashCommand(),
  },
  {
    name: 'bridge',
    summary: 'boards whose radio is a UART, on the air of a gateway',
    load: async () => (await import('./bridge.ts')).bridgeCommand(),
  },
  {
    name: 'run',
    summary: 'a board in an emulator, with a gateway to talk to',
    load: async () => (await import('./run.ts')).runCommand(),
  },
  {
    name: 'sensor',
    summary: 'a sensor that connects with IKEv2, over a radio or UDP',
    load: async () => (await import('./sensor.ts')).sensorCommand(),
  },
  {
    name: 'provision',
    summary: 'identity, key and peer of a board, as the blob that its firmware reads',
    load: async () => (await import('./provision.ts')).provisionCommand(),
  },
  {
    name: 'init',
    summary: 'a folder with the files of a gateway and its sensors, which work at once',
    load: async () => (await import('./init.ts')).initCommand(),
  },
  {
    name: 'keygen',
    summary: 'a pre-shared key, or an Ed25519 pair',
    load: async () => (await import('./keygen.ts')).keygenCommand(),
  },
  {
    name: 'keylog',
    summary: 'keys with which Wireshark decrypts',
    load: async () => (await import('./keylog.ts')).keylogCommand(),
  },
  {
    name: 'gateway',
    summary: 'a gateway for peers on radios and UDP, with IKEv2',
    load: async () => (await import('./gateway.ts')).gatewayCommand(),
  },
  {
    name: 'check',
    summary: 'the files of gateways, sensors and SAs, all errors at once',
    load: async () => (await import('./check.ts')).checkCommand(),
  },
  {
    name: 'compress',
    summary: 'IP packets of a capture to Diet-ESP frames on IEEE 802.15.4',
    load: async () => (await import('./compress.ts')).compressCommand(),
  },
  {
    name: 'decompress',
    summary: 'Diet-ESP frames of a capture back to IP packets',
    load: async () => (await import('./compress.ts')).decompressCommand(),
  },
  {
    name: 'explain',
    summary: 'a packet field by field: rule, what is sent, bits, clause',
    load: async () => (await import('./explain.ts')).explainCommand(),
  },
  {
    name: 'rules',
    summary: 'the three rules derived from an SA',
    load: async () => (await import('./rules.ts')).rulesCommand(),
  },
  {
    name: 'budget',
    summary: 'octets, frames and air time of a payload per protocol stack',
    load: async () => (await import('./budget.ts')).budgetCommand(),
  },
  {
    name: 'vectors',
    summary: 'run test vectors, on Node or on another engine',
    load: async () => (await import('./vectors.ts')).vectorsCommand(),
  },
  {
    name: 'schema',
    summary: 'the schema of SA files',
    load: async () => (await import('./schema.ts')).schemaCommand(),
  },
];

/** The nearest package.json above this file: the project's, both in the source tree and in dist. */
function version(): string {
  for (const up of ['../../../package.json', '../../../../package.json']) {
    try {
      const found = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as Record<string, unknown>;
      if (found.name === 'dietesp') return String(found.version);
    } catch {
      // not here: one level further up
    }
  }
  return 'unknown';
}

async function program(args: string[]): Promise<Command> {
  const root = new Command('dietesp')
    .description('Diet-ESP: IPsec small enough for a sensor')
    .version(version())
    .exitOverride()
    .configureHelp({ styleTitle: (title) => styled(screenOf(process.stdout), 'bold', title) })
    .configureOutput({
      getOutHelpWidth: () => widthOf(process.stdout),
      getErrHelpWidth: () => widthOf(process.stderr),
      getOutHasColors: () => takesColour(process.stdout),
      getErrHasColors: () => takesColour(process.stderr),
      outputError: (text, write) => write(text.replace(/^error:/, styled(screenOf(process.stderr), 'red', 'error:'))),
    })
    .showSuggestionAfterError();
  const words = args.filter((arg) => !arg.startsWith('-')).slice(0, 2);
  for (const entry of COMMANDS) {
    if (words[0] === entry.name || (words[0] === 'help' && words[1] === entry.name)) {
      const command = (await entry.load()).copyInheritedSettings(root);
      root.addCommand(command.summary() === '' ? command.summary(entry.summary) : command);
    } else {
      root.command(entry.name).summary(entry.summary).description(entry.summary);
    }
  }
  return root;
}

async function main(args: string[]): Promise<number> {
  try {
    await (await program(args)).parseAsync(args, { from: 'user' });
    return process.exitCode === undefined ? 0 : Number(process.exitCode);
  } catch (error) {
    // Commander has printed its own message; 0 is --help and --version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const faults = faultsOf(error);
    // One line for each fault: compilers' form, which editors follow.
    if (faults.length > 1) printFaults(faults.map(({ message }) => message));
    else printError(errorText(error));
    return error instanceof CommandError ? error.code : 1;
  }
}

// `dietesp ... | head` is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await main(process.argv.slice(2));
