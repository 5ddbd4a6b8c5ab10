// `dietesp keylog`: the folder of keys for Wireshark. Sensors and gateways write it (--keylog). This command adds the keys of
// SAs keyed by hand, and says how to use the folder.

import { join } from 'node:path';
import { Command } from 'commander';
import { loadSaFile } from '../host/config/sa.ts';
import { CommandError } from '../host/errors.ts';
import { createKeyLog, ESP_TABLE, IKE_TABLE } from '../host/keylog.ts';
import { readOctets } from '../host/read-file.ts';
import { shellWord } from '../host/shell.ts';

/** Octets of a table that is read. */
const TABLE_MAX = 1 << 28;

function linesOf(folder: string, table: string): string[] {
  try {
    return readOctets(join(folder, table), TABLE_MAX).toString().split('\n').slice(0, -1);
  } catch (error) {
    throw CommandError.from(join(folder, table), error);
  }
}

function keylog(folder: string, options: { sas?: string }): void {
  if (options.sas !== undefined) {
    const loaded = loadSaFile(options.sas);
    const log = createKeyLog(folder, (_lines, error) => {
      throw CommandError.from(folder, error);
    });
    for (const { config } of loaded) log.sa(config);
  }
  const [ike, esp] = [IKE_TABLE, ESP_TABLE].map((table) => linesOf(folder, table));
  const isKey = (line: string): boolean => !line.startsWith('#');
  const left = [...ike, ...esp].filter((line) => !isKey(line)).map((line) => line.slice(2));
  process.stdout.write(
    `${folder}: ${ike.filter(isKey).length} IKE SAs, ${esp.filter(isKey).length} ESP SAs\n` +
      left.map((line) => `  ${line}\n`).join('') +
      `\n  $ WIRESHARK_CONFIG_DIR=${shellWord(folder)} tshark -o esp.enable_encryption_decode:TRUE -V -r FILE\n`,
  );
}

export function keylogCommand(): Command {
  return new Command('keylog')
    .description(
      'Shows how to use the folder that `dietesp sensor --keylog` and `dietesp gateway --keylog` write. Wireshark and ' +
        'tshark decrypt IKEv2 (AES-CCM, AES-GCM, AES-CBC) and ordinary ESP with its tables. They decrypt AES-CCM in ESP ' +
        'without a check of the ICV. They cannot decrypt ChaCha20-Poly1305, implicit IVs and compressed ESP headers.',
    )
    .argument('<folder>', 'folder of the key log')
    .option('--sas <file>', 'add the keys of an SA file')
    .addHelpText(
      'after',
      '\nWhoever reads this folder can read all traffic.\n\nExamples:\n  $ dietesp sensor --config sensor.yaml --keylog keys\n  $ dietesp keylog keys',
    )
    .action(keylog);
}
