// `dietesp keylog`: the folder of keys for Wireshark. Sensors and gateways write it (--keylog). This command adds the keys of
// SAs keyed by hand, and says how to use the folder.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { loadSaFile } from '../host/config/sa.ts';
import { CommandError } from '../host/errors.ts';
import { createKeyLog, IKE_TABLE, SA_TABLE } from '../host/keylog.ts';
import { readOctets } from '../host/read-file.ts';
import { shellWord } from '../host/shell.ts';

/** Octets of a table that is read. */
const TABLE_MAX = 1 << 28;

function linesOf(folder: string, table: string): string[] {
  // One that an earlier version wrote has no SA file.
  if (table === SA_TABLE && !existsSync(join(folder, table))) return [];
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
    for (const { config, name } of loaded) log.sa(config, name);
  }
  const [ike, sas] = [IKE_TABLE, SA_TABLE].map((table) => linesOf(folder, table));
  const isKey = (line: string): boolean => !line.startsWith('#');
  const left = ike.filter((line) => !isKey(line)).map((line) => line.slice(2));
  const count = sas.filter((line) => line.startsWith('- ')).length;
  const place = shellWord(folder);
  const file = shellWord(join(folder, SA_TABLE));
  process.stdout.write(
    `${folder}: ${ike.filter(isKey).length} IKE SAs, ${count} ESP SAs\n` +
      left.map((line) => `  ${line}\n`).join('') +
      `\n  $ dietesp wireshark install\n  $ WIRESHARK_CONFIG_DIR=${place} tshark -o esp.enable_encryption_decode:TRUE -V -r FILE\n` +
      `  $ dietesp decompress --sa ${file} FILE OUT\n  $ dietesp explain --sa ${file} FILE --packet NUMBER\n`,
  );
}

export function keylogCommand(): Command {
  return new Command('keylog')
    .description(
      'Shows how to use the folder that `dietesp sensor --keylog` and `dietesp gateway --keylog` write. Wireshark and ' +
        'tshark decrypt IKEv2 (AES-CCM, AES-GCM, AES-CBC) with its tables. The SAs of ESP are in its file sas.yaml, an SA file: ' +
        '`dietesp explain`, `dietesp decompress` and the dissector of `dietesp wireshark install` read it. Wireshark alone ' +
        'decrypts only ordinary ESP, AES-CCM without a check of the ICV, and neither ChaCha20-Poly1305 nor implicit IVs.',
    )
    .argument('<folder>', 'folder of the key log')
    .option('--sas <file>', 'add the keys of an SA file')
    .addHelpText(
      'after',
      '\nWhoever reads this folder can read all traffic.\n\nExamples:\n  $ dietesp sensor --config sensor.yaml --keylog keys\n  $ dietesp keylog keys',
    )
    .action(keylog);
}
