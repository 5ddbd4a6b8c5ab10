#!/usr/bin/env node
// The command line `dietesp`. Exit codes: 0 done, 1 failed, 2 wrong use; errors are one line on stderr.

import { Command, CommanderError } from 'commander';
import { CommandError, errorText, faultsOf } from '../host/errors.ts';
import { endOutlets, hasOutlet } from '../host/outlet.ts';
import { VERSION } from '../host/package-root.ts';
import { printError, printFaults, screenOf, styled, takesColour, widthOf } from '../host/terminal.ts';
import { COMMANDS } from './commands.ts';
import { refuseEmpty } from './options.ts';

/** Milliseconds that a reader has for the last lines. */
const LAST_WORDS = 500;

async function program(args: string[]): Promise<Command> {
  const root = new Command('dietesp')
    .description('Diet-ESP: IPsec small enough for a sensor')
    .version(VERSION)
    .exitOverride()
    .configureHelp({ styleTitle: (title) => styled(screenOf(process.stdout), 'bold', title) })
    .configureOutput({
      getOutHelpWidth: () => widthOf(process.stdout),
      getErrHelpWidth: () => widthOf(process.stderr),
      getOutHasColors: () => takesColour(process.stdout),
      getErrHasColors: () => takesColour(process.stderr),
      outputError: (text, write) => write(text.replace(/^error:/, styled(screenOf(process.stderr), 'red', 'error:'))),
    })
    .showSuggestionAfterError()
    .hook('preAction', (_root, command) => refuseEmpty(command));
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

// `dietesp ... | head` is not an error. Programs that run for long have an outlet there, and go on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (hasOutlet(process.stdout)) return;
  if (error.code === 'EPIPE') process.exit(0);
  printError(`standard output: ${errorText(error)}`);
  process.exit(1);
});
process.stderr.on('error', () => {});

process.exitCode = await main(process.argv.slice(2));
// What nobody reads keeps no process.
if (!(await endOutlets(LAST_WORDS))) process.exit();
