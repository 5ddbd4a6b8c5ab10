// Named peers of files: what loading 100,000 takes. Each case is a process of its own.
//   npm run bench -- peers

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Figure } from './ike.ts';

const COUNT = 100000;
const FILES = 1000;

const HEADER = 'remoteId,psk,address\n';
const addressOf = (n: number): string => `2001:db8:1::${(n >>> 16).toString(16)}:${(n & 65535).toString(16)}`;
const csv = (n: number): string =>
  `keyid:${n.toString(16).padStart(8, '0')},a key of 24 octets ${n + 1000000},${addressOf(n)}\n`;
const json = (n: number): string => {
  const [remoteId, psk, address] = csv(n).trim().split(',');
  return JSON.stringify({ remoteId, psk, address }) + '\n';
};
const lines = (from: number, count: number, line: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => line(from + n)).join('');

interface Loaded {
  ms: number;
  /** Milliseconds of a core. */
  cpu: number;
  rss: number;
  heap: number;
  peers: number;
}

/** Loads a gateway's file in a process of its own. */
function load(config: string): Loaded {
  const child = fileURLToPath(new URL('peers-load.ts', import.meta.url));
  const args = ['--expose-gc', '--import', 'tsx', child, config];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Loaded;
}

export function benchPeers(): Figure[] {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-peers-'));
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 });
  const config = (name: string, from: string): string => {
    const head = 'radios: [{ panId: 1, zep: { port: 0 } }]\nconnection: { localId: fqdn:gateway }\n';
    write(
      name,
      `${head}${from === '' ? 'peers: [{ remoteId: "keyid:00", auth: { psk: x } }]\n' : `peersFrom: ${from}\n`}`,
    );
    return join(folder, name);
  };
  try {
    write('peers.csv', HEADER + lines(0, COUNT, csv));
    write('peers.jsonl', lines(0, COUNT, json));
    mkdirSync(join(folder, 'many'));
    for (let i = 0; i < FILES; i++) {
      write(`many/${String(i).padStart(4, '0')}.csv`, HEADER + lines((i * COUNT) / FILES, COUNT / FILES, csv));
    }
    const nobody = load(config('none.yaml', ''));
    const cases: [string, string][] = [
      ['CSV', 'peers.csv'],
      ['JSON lines', 'peers.jsonl'],
      [`a folder of ${FILES} CSV files`, 'many'],
    ];
    return cases.flatMap(([what, from]) => {
      const { ms, cpu, rss, heap, peers } = load(config(`${from.split('.').join('-')}.yaml`, from));
      return [
        {
          name: `${peers} named peers, ${what}: loaded and indexed in`,
          value: ms / 1000,
          unit: 's',
          beside: `goal 5; ${(cpu / 1000).toFixed(2)} s of a core`,
        },
        {
          name: `${peers} named peers, ${what}: RSS more than with one peer`,
          value: (rss - nobody.rss) / 1048576,
          unit: 'MiB',
          beside: `heap ${((heap - nobody.heap) / 1048576).toFixed(1)}`,
        },
      ];
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
