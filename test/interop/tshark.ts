// Runs tshark over packets or frames.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPcapWriter } from '../../targets/node/host/radio/pcap.ts';

export interface TsharkOptions {
  /** Preferences, `name:value`. */
  preferences?: readonly string[];
  /** Tables of its configuration folder: file name to lines. */
  tables?: Record<string, readonly string[]>;
  fields: readonly string[];
}

/** One row per frame: the last (innermost) value of each field in it. */
export function tshark(linkType: number, frames: readonly Uint8Array[], options: TsharkOptions): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-'));
  try {
    const path = join(folder, 'frames.pcap');
    const writer = createPcapWriter(path, linkType);
    frames.forEach((frame, index) => {
      writer.write(index, frame);
    });
    writer.close();
    for (const [name, lines] of Object.entries(options.tables ?? {})) {
      writeFileSync(join(folder, name), lines.join('\n') + '\n');
    }
    const args = ['-n', '-r', path, '-T', 'fields', '-E', 'separator=|', '-E', 'occurrence=l'];
    for (const preference of options.preferences ?? []) args.push('-o', preference);
    for (const field of options.fields) args.push('-e', field);
    const run = spawnSync('tshark', args, {
      env: { ...process.env, WIRESHARK_CONFIG_DIR: folder },
      encoding: 'utf8',
      timeout: 120000,
    });
    if (run.status !== 0) throw new Error('tshark: ' + run.stderr);
    const rows = run.stdout.split('\n').slice(0, -1);
    if (rows.length !== frames.length) throw new Error(rows.length + ' rows for ' + frames.length + ' frames');
    return rows.map((row) => row.split('|'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
