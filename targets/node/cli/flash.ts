// `dietesp flash`: puts firmware or a script on a board.

import { Command } from 'commander';
import { flashBoard } from '../lab/boards/flash.ts';
import { boardAndEngine } from '../lab/boards/start.ts';

interface Options {
  board: string;
  engine?: string;
  radio?: string;
  port?: string;
  image?: string;
  provision?: string;
  general?: boolean;
  dryRun?: boolean;
}

async function flash({ dryRun, general, board, engine, radio, ...rest }: Options): Promise<void> {
  const plan = {
    ...rest,
    ...boardAndEngine(board, engine, radio),
    dryRun: dryRun === true,
    isGeneral: general === true,
  };
  await flashBoard(plan, (line) => void process.stdout.write(`${line}\n`));
}

export function flashCommand(): Command {
  return new Command('flash')
    .description(
      'Puts firmware or a script on a board: on Espruino boards through their serial port, on others with the programmer ' +
        'that their board.json names. An image that is too large is refused before an octet is sent.',
    )
    .requiredOption('--board <name>', 'a folder of boards/, see `dietesp build --list`')
    .option('--engine <name>', 'default: the first of the board')
    .option('--radio <kind>', "another radio of the board's file: mrf24j40")
    .option('--port <port>', 'Espruino: the serial port, or tcp://HOST:PORT')
    .option('--image <file>', 'ELF, HEX or plain octets, or a script; default: built now')
    .option('--provision <file>', 'a sensor file: the device is made for it, and its keys go to the board')
    .option('--general', 'the device that a blob configures, instead of the one of the profile')
    .option('--dry-run', 'print the commands, and send nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  $ dietesp flash --board netduinoplus2 --provision sensor.yaml\n' +
        '  $ dietesp flash --board netduinoplus2 --general --dry-run',
    )
    .action(flash);
}
