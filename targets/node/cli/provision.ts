// `dietesp provision`: writes the blob from which a board reads its identity, key, peer and policy.

import { Command } from 'commander';
import { BLOB_MAX } from '../../board/blob.ts';
import { readText } from '../host/document.ts';
import { CommandError } from '../host/errors.ts';
import { writeOwn } from '../host/own-file.ts';
import { readOctets } from '../host/read-file.ts';
import { blobText, showBlob } from '../lab/boards/show-blob.ts';
import { provisionOf } from '../lab/boards/special.ts';

interface Options {
  config?: string;
  out?: string;
  show?: string;
  general?: boolean;
  json?: boolean;
}

/** A dump of a whole flash. */
const DUMP_MAX = 1 << 26;

function provision(options: Options): void {
  const { config, out, show } = options;
  if (show !== undefined) {
    if (config !== undefined || out !== undefined) {
      throw new CommandError('--show: goes without --config and --out', 2);
    }
    let octets: Buffer;
    try {
      octets = readOctets(show, DUMP_MAX);
    } catch (error) {
      throw CommandError.from(show, error);
    }
    // A dump of flash may go on behind the blob.
    const view = showBlob(show, octets.subarray(0, BLOB_MAX));
    process.stdout.write(options.json === true ? JSON.stringify(view, null, 2) + '\n' : blobText(view));
    return;
  }
  if (config === undefined || out === undefined) {
    throw new CommandError('provision needs --config FILE and --out BLOB, or --show BLOB', 2);
  }
  const blob = provisionOf(config, readText(config), options.general === true);
  try {
    writeOwn(out, blob);
  } catch (error) {
    throw CommandError.from(out, error);
  }
  process.stdout.write(
    options.json === true
      ? JSON.stringify({ file: out, octets: blob.length }) + '\n'
      : `${out}: ${blob.length} octets\n`,
  );
}

export function provisionCommand(): Command {
  return new Command('provision')
    .description(
      'Writes the blob that turns a board into a certain sensor: addresses, identity, pre-shared key, gateway, server, ' +
        'policy. The file is one for `dietesp sensor`, with `radio` (its `zep` may be absent) and `server`; `board` has the ' +
        'fields that only a board needs. Firmware finds the blob at the address in its board.json.',
    )
    .option('--config <file>', 'YAML or JSON, see `dietesp schema sensor --markdown`')
    .option('--out <blob>', 'file to write; it holds the key, and only its owner may read it')
    .option('--show <blob>', 'print what a blob says, without the keys')
    .option('--general', 'for the general device (`dietesp build --general`): version 1')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExit code: 0 done; 1 the file or the blob is refused.\n\nExamples:\n' +
        '  $ dietesp provision --config sensor.yaml --out board.bin\n  $ dietesp provision --show board.bin',
    )
    .action(provision);
}
