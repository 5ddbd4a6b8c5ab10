// Packets of the vectors, and what the dissector shows of packets in tshark.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { readSas } from '../../targets/node/host/config/sa.ts';
import { parseConfig } from '../../targets/node/host/document.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createPcapWriter, LINKTYPE_RAW } from '../../targets/node/host/radio/pcap.ts';
import { explainPacket } from '../../targets/node/tools/explain/explain.ts';

export const root = mkdtempSync(join(tmpdir(), 'dietesp-shark-'));
after(() => rmSync(root, { recursive: true, force: true }));

export interface Vector {
  id: string;
  sa: Record<string, unknown>;
  inner: string;
  /** Where it is not `inner`. */
  decompressed?: string;
  wire: string;
}
const vectors = ['diet-esp.json', 'own.json'].flatMap((name) => {
  const text = readFileSync(join(sourceRoot(), 'test', 'vectors', name), 'utf8');
  return (JSON.parse(text) as { vectors: Vector[] }).vectors;
});
export const loadedOf = ({ sa }: Vector) => readSas(parseConfig('vector.json', JSON.stringify(sa)));
export const octetsOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
export const isChacha = ({ sa }: Vector): boolean => String(sa.esp_encr).startsWith('CHACHA');
// A sixth of them, and some with ChaCha20, each with a key of its own: the vectors share one, and many their SPI. Lua takes some
// milliseconds for an ICV.
export const known = vectors
  .filter((vector, i) => (isChacha(vector) ? i % 18 === 0 : i % 6 === 0))
  .map((vector, i): Vector => {
    const own = (key: unknown): string => (i + 16).toString(16) + String(key ?? '').slice(2);
    const sa: Record<string, unknown> = {
      ...vector.sa,
      key: own(vector.sa.key),
      ...(vector.sa.akey ? { akey: own(vector.sa.akey) } : {}),
    };
    const made = { ...vector, sa };
    const { wire } = explainPacket(loadedOf(made), octetsOf(vector.inner), createFastProvider());
    return { ...made, wire };
  });

const FIELDS = [
  'dietesp.sa',
  'dietesp.spi',
  'dietesp.field',
  'dietesp.field.value',
  'dietesp.field.sent',
  'dietesp.restored',
];
export const FORMAT_FIELDS = ['dietesp.format', 'dietesp.eesp.session', 'dietesp.subspace', 'dietesp.sn'];
/** Of packets in TCP. */
export const STREAM_FIELDS = ['dietesp_tcp.prefix', 'dietesp_tcp.length', 'isakmp.exchangetype', 'udp.srcport'];
const EXPERT = ['_ws.expert.message', 'dietesp.failed'];

/** The fields of each packet: all values, in their order. */
export function tsharkRows(
  script: string,
  folder: string,
  packets: readonly Uint8Array[],
  more: readonly string[] = [],
): string[][][] {
  const file = join(root, 'packets.pcap');
  const writer = createPcapWriter(file, LINKTYPE_RAW);
  for (const [i, packet] of packets.entries()) writer.write(i, packet);
  writer.close();
  const args = [
    '-n',
    '-X',
    `lua_script:${script}`,
    '-r',
    file,
    '-T',
    'fields',
    '-E',
    'separator=|',
    '-E',
    'aggregator=~',
  ];
  for (const field of [...FIELDS, ...EXPERT, ...more]) args.push('-e', field);
  const run = spawnSync('tshark', args, {
    env: { ...process.env, WIRESHARK_CONFIG_DIR: folder },
    encoding: 'utf8',
    timeout: 120000,
  });
  assert.equal(run.status, 0, run.stderr);
  assert.doesNotMatch(run.stderr, /lua/i);
  const rows = run.stdout.split('\n').slice(0, -1);
  assert.equal(rows.length, packets.length);
  return rows.map((row) => row.split('|').map((column) => column.split('~')));
}
