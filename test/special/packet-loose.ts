// Packet modules of many profiles, made fast: the parts are bundled once with their constants left open, and only the emitted
// rules are new for each profile.

import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import * as bits from '../../core/base/bits.ts';
import * as bytes from '../../core/base/bytes.ts';
import * as checksum from '../../core/base/checksum.ts';
import * as drops from '../../core/base/drop.ts';
import * as ipv4 from '../../core/wire/ipv4.ts';
import * as ipv6 from '../../core/wire/ipv6.ts';
import * as sctp from '../../core/wire/sctp.ts';
import * as tcp from '../../core/wire/tcp.ts';
import * as udp from '../../core/wire/udp.ts';
import * as udplite from '../../core/wire/udplite.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import type { PacketProfileOf } from '../../targets/build/specialise/packet-facts.ts';
import { board } from './packet-board.ts';
import type { PacketModule } from './packet-case.ts';

const SPECIAL = join(sourceRoot(), 'targets', 'special');
/** What the text of rules may use. */
const SCOPE: Record<string, unknown> = Object.assign(
  {},
  ...[bits, bytes, checksum, drops, ipv4, ipv6, sctp, tcp, udp, udplite].map((module) => ({ ...module })),
);
const NAMES = Object.keys(SCOPE);
const RULES = `
declare const R: { compress: (...a: unknown[]) => number; restore: (...a: unknown[]) => number };
export function packetCompress(...a: unknown[]): number { return R.compress(...a); }
export function packetRestore(...a: unknown[]): number { return R.restore(...a); }
`;
const REPLACED: Record<string, string> = {
  'events.ts': 'packet-events.ts',
  'inner.ts': 'packet-inner.ts',
  'link.ts': 'packet-link.ts',
};

/** A function that makes the module of a profile. */
export async function looseMaker(): Promise<(profile: PacketProfileOf) => PacketModule> {
  const entry = join(SPECIAL, 'packet.entry.ts');
  const made = await build({
    stdin: {
      contents: `export * from ${JSON.stringify(entry)}; export { D } from ${JSON.stringify(join(SPECIAL, 'data.ts'))};`,
      resolveDir: SPECIAL,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    format: 'cjs',
    minify: true,
    plugins: [
      {
        name: 'packets',
        setup: ({ onResolve, onLoad }) => {
          onResolve({ filter: /^\./ }, ({ path, importer }) => {
            const found = resolve(importer === '' ? SPECIAL : dirname(importer), path);
            const other = dirname(found) === SPECIAL ? REPLACED[found.slice(SPECIAL.length + 1)] : undefined;
            return { path: other === undefined ? found : join(SPECIAL, other) };
          });
          // Nothing of packets reaches it.
          onLoad({ filter: /special\/echo\.ts$/ }, () => ({
            contents: 'export function echoAnswer() {}',
            loader: 'ts',
          }));
          onLoad({ filter: /packet-rules\.ts$/ }, () => ({ contents: RULES, loader: 'ts' }));
        },
      },
    ],
  });
  const instance = new Function('P', 'R', 'board', 'module', made.outputFiles[0].text);
  return ({ constants, rules }) => {
    const module = { exports: {} as PacketModule & { D: Uint8Array } };
    const R: Record<string, unknown> = {};
    instance(constants, R, board, module);
    const body = rules
      .replace(/^import [\s\S]*?;$/gm, '')
      .replace(/^declare .*$/gm, '')
      .replace(/: (Uint8Array|Int32Array|number)\b/g, '')
      .replaceAll('export function', 'function');
    const result = `${body}\nreturn { compress: packetCompress, restore: packetRestore };`;
    Object.assign(
      R,
      new Function('P', 'D', ...NAMES, result)(constants, module.exports.D, ...NAMES.map((n) => SCOPE[n])),
    );
    return module.exports;
  };
}
