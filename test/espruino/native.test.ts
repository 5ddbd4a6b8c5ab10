// X25519 in C and as the Thumb-2 octets of Espruino's nativeCall: RFC 7748 and Project Wycheproof, in C on this machine's
// processor, and with the shipped octets on an emulated one. Instructions are counted on an emulated Cortex-M4.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { x25519 } from '../../core/crypto/x25519.ts';
import { buildNative, nativeCompiler, nativeMissing } from '../../targets/build/espruino-native.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { COMPILER, X25519_THUMB } from '../../targets/espruino/native/blob.ts';
import { hex, toHex, wycheproof } from '../crypto/providers.ts';
import { packageMissing } from '../support/packages.ts';

interface Vector {
  name: string;
  rounds: number;
  scalar: string;
  point: string;
  expected: string;
}

const NINE = `09${'00'.repeat(31)}`;
const LIMIT_MS = 120000;

function vector(name: string, rounds: number, scalar: string, point: string, expected: string): Vector {
  return { name, rounds, scalar, point, expected };
}

// [RFC 7748 §5.2]
const VECTORS: readonly Vector[] = [
  vector(
    'first',
    1,
    'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
    'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
    'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
  ),
  vector(
    'second, bit 255 of the point set',
    1,
    '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
    'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
    '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
  ),
  vector('one round', 1, NINE, NINE, '422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079'),
  vector('1,000 rounds', 1000, NINE, NINE, '684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51'),
];

// Values at the borders of the field, and 40 of no particular kind: what the portable TypeScript gives.
function made(): Vector[] {
  const borders = ['00', '01', 'ec', 'ed', 'ee', 'ff'].flatMap((low) =>
    ['7f', 'ff'].map((high) => low + 'ff'.repeat(30) + high),
  );
  const points = ['00'.repeat(32), `01${'00'.repeat(31)}`, 'ff'.repeat(32), ...borders];
  for (let i = 0; i < 40; i++) points.push(createHash('sha256').update(`point ${i}`).digest('hex'));
  return points.map((point, i) => {
    const scalar = createHash('sha256').update(`scalar ${i}`).digest('hex');
    const out = new Uint8Array(32);
    x25519(out, 0, hex(scalar), 0, hex(point), 0);
    return vector(`made ${i}`, 1, scalar, point, toHex(out));
  });
}

function wycheproofVectors(): Vector[] {
  const data = wycheproof('x25519_test.json');
  const tests = (data?.testGroups ?? []).flatMap((group) => group['tests'] as Record<string, string>[]);
  return tests.map((c) => vector(`tcId ${c['tcId']}`, 1, c['private'], c['public'], c['shared']));
}

function records(vectors: readonly Vector[]): Buffer {
  return Buffer.concat(
    vectors.flatMap(({ rounds, scalar, point }) => [
      Buffer.from(Uint32Array.of(rounds).buffer),
      hex(scalar),
      hex(point),
    ]),
  );
}

function check(vectors: readonly Vector[], output: Buffer): void {
  assert.equal(output.length, 32 * vectors.length);
  vectors.forEach((v, i) => {
    assert.equal(output.toString('hex', 32 * i, 32 * i + 32), v.expected, v.name);
  });
}

function folder(): string {
  const path = join(sourceRoot(), 'build', 'espruino', 'native');
  mkdirSync(path, { recursive: true });
  return path;
}

function source(name: string): string {
  return join(import.meta.dirname, name);
}

function run(command: string, args: readonly string[], input?: Buffer): Buffer {
  return execFileSync(command, [...args], {
    ...(input === undefined ? { stdio: ['ignore', 'pipe', 'pipe'] } : { input }),
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  }) as Buffer;
}

const blob = Buffer.from(X25519_THUMB, 'base64');
const suites: { name: string; vectors: Vector[]; skip: string | false }[] = [
  { name: 'RFC 7748', vectors: [...VECTORS], skip: false },
  { name: 'made vectors', vectors: made(), skip: false },
  {
    name: 'Wycheproof',
    vectors: wycheproofVectors(),
    skip: wycheproofVectors().length === 0 ? 'WYCHEPROOF_DIR not found' : false,
  },
];

const common = join(sourceRoot(), 'boards', 'common');
let host: string | undefined;

function hostProgram(): string {
  if (host !== undefined) return host;
  host = join(folder(), 'hostrun');
  const warnings = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Werror'];
  const files = [source('hostrun.c'), join(common, 'x25519.c')];
  run('gcc', ['-std=c99', '-O2', ...warnings, '-Wno-sign-conversion', '-I', common, ...files, '-o', host]);
  return host;
}

let emulated: string | undefined;

function thumbProgram(): string {
  if (emulated !== undefined) return emulated;
  emulated = join(folder(), 'blobrun');
  const options = ['-std=c99', '-Wall', '-Wextra', '-Werror', '-mcpu=cortex-m4', '-mthumb', '-Os', '-ffreestanding'];
  const link = ['-fno-tree-loop-distribute-patterns', '-nostdlib', '-static', '-Wl,-Ttext=0x10000'];
  run('arm-none-eabi-gcc', [...options, ...link, source('blobrun.c'), '-o', emulated]);
  return emulated;
}

const blobMissing = nativeMissing() || packageMissing('qemu-user');

for (const { name, vectors, skip } of suites) {
  test(`x25519.c: ${name}`, { skip: skip || packageMissing('gcc') }, () => {
    check(vectors, run(hostProgram(), [], records(vectors)));
  });

  // Emulated user mode takes no M profile; the octets are the same for the Thumb-2 of others.
  for (const where of [0, 2, 1234, 4094]) {
    test(`blob at ${where}: ${name}`, { skip: skip || blobMissing }, () => {
      const head = Buffer.from(Uint32Array.of(where, blob.length).buffer);
      check(vectors, run('qemu-arm', [thumbProgram()], Buffer.concat([head, blob, records(vectors)])));
    });
  }
}

test('the blob is what the compiler makes of the source', { skip: nativeMissing() }, (context) => {
  const made = buildNative();
  assert.ok(made.length < 1536, `${made.length} octets`);
  const version = nativeCompiler();
  if (version === COMPILER) assert.equal(Buffer.from(made).toString('base64'), X25519_THUMB);
  else context.skip(`compared with ${COMPILER} only, this is ${version}`);
});

// On a Cortex-M4: right, below the budget, and as many instructions for any scalar and point.
const countMissing = nativeMissing() || packageMissing('qemu-system-arm');
test('instructions of the blob on a Cortex-M4', { skip: countMissing }, (context) => {
  const vectors = [...VECTORS.filter((v) => v.rounds === 1), ...made().slice(0, 12)];
  const files = { blob: join(folder(), 'blob.bin'), records: join(folder(), 'count.bin') };
  const elf = join(folder(), 'count.elf');
  writeFileSync(files.blob, blob);
  writeFileSync(files.records, Buffer.concat(vectors.flatMap((v) => [v.scalar, v.point, v.expected].map(hex))));
  run('arm-none-eabi-gcc', [
    ...['-std=c99', '-Wall', '-Wextra', '-Werror', '-mcpu=cortex-m4', '-mthumb', '-Os', '-ffreestanding'],
    ...['-nostdlib', '-static', '-Wl,-Ttext=0x1000,--section-start=.vectors=0,--defsym=stack_top=0x20010000'],
    ...['-Wl,--entry=0x1000', `-DBLOB="${files.blob}"`, `-DRECORDS="${files.records}"`],
    ...[source('blobcount.c'), '-o', elf],
  ]);
  const output = run('qemu-system-arm', [
    ...['-M', 'mps2-an386', '-icount', 'shift=0', '-display', 'none', '-monitor', 'none', '-serial', 'none'],
    ...['-chardev', 'stdio,id=out', '-semihosting-config', 'enable=on,target=native,chardev=out', '-kernel', elf],
  ]);
  const lines = output.toString().trim().split('\n');
  assert.equal(lines.length, vectors.length);
  const counts = lines.map((line, i) => {
    assert.match(line, /^ok [0-9a-f]{8}$/, vectors[i].name);
    return 40 * Number.parseInt(line.slice(3), 16);
  });
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  // A tick is 40 instructions.
  assert.ok(most - least <= 80, `${least} to ${most} instructions`);
  assert.ok(most < 1600000, `${most} instructions`);
  context.diagnostic(`${most} instructions, within a tick of 40`);
});
