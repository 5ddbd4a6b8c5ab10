// Writes test/vectors/own.json: node --import tsx test/naive/make-vectors.ts. Every run makes the same octets. A changed vector
// means changed octets on the wire: give the reason in the commit.
import { writeFileSync } from 'node:fs';
import { headerCases } from './cases-headers.ts';
import { saCases } from './cases-sa.ts';
import { Collector } from './collector.ts';
import { reorderRange } from './decompress.ts';
import { recoverSn } from './naive.ts';
import { refusals } from './refusals.ts';
import { onPath, rejections } from './rejections.ts';
import type { SnRow, VectorFile } from './types.ts';

/** Around the edges of [T+1-R, T+M-R] for every k: both ends, T, T+1, and their neighbours outside. */
function snRows(): SnRow[] {
  const rows = new Map<string, SnRow>();
  const top = 2n ** 32n;
  for (const k of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 32]) {
    const m = 2n ** BigInt(k);
    for (const [turn, [t, esn]] of (
      [
        [0n, false],
        [m + 3n, true],
        [(5n * m) / 2n, false],
        [top - 2n, false],
        [top - 2n, true],
        [top + 3n, true],
      ] as [bigint, boolean][]
    ).entries()) {
      if (!esn && t >= top) continue;
      const window = [64, 32, 128, 64][(turn + k) % 4]!;
      const r = reorderRange(k, window);
      const candidates = [t + 1n - r, t, t + 1n, t + m - r, t - r, t + m - r + 1n];
      for (const candidate of [candidates[turn % 4]!, candidates[(turn + k) % 6]!]) {
        const received = ((candidate % m) + m) % m;
        const sn = recoverSn(t, received, k, window, esn);
        const row: SnRow = {
          T: t.toString(16),
          received: received.toString(16),
          esp_sn_lsb: k,
          window,
          esn,
          R: Number(r),
          sn: sn === null ? null : sn.toString(16),
        };
        rows.set(JSON.stringify(row), row);
      }
    }
  }
  return [...rows.values()];
}

export function makeFile(): VectorFile {
  const collector = new Collector();
  headerCases(collector);
  saCases(collector);
  return {
    meta: {
      generated_for: 'Diet-ESP, drafts -07 to -10, as in core/dietesp/README.md',
      made_by: 'test/naive/make-vectors.ts, the naive implementation, which shares no code with core/',
      conventions: {
        format: 'as diet-esp.json; one entry per line',
        residue: '[field, value, bits] in wire order, no entry for 0 bits; a value above 2^53-1 is the string 0x...',
        iv: 'the explicit IV to send; a runner feeds it',
        aad: 'AEAD additional data, or the HMAC input',
        outer_ipv4:
          'Identification 0 unless flow_label_cda is lower; with 0 DF is set (RFC 6864 4.1), else Flags are 0; Fragment Offset 0',
        std_esp_len: 'same packet with ordinary ESP, same algorithm, alignment 4 octets or the cipher block',
        transport: 'ts_ip_src, ts_ip_dst absent: any address',
        refusals:
          'the compressor refuses inner with drop, or with a name of also where core/dietesp/README.md does not decide',
        rejections:
          'a receiver that has all before esp_sn behind it (T = esp_sn - 1, window 64) accepts the packets of before, then drops wire',
        on_path: 'a packet changed on the path, or padded otherwise, that is accepted and gives decompressed',
      },
      caution: 'keys and nonces are reused between vectors; test use only',
    },
    vectors: collector.vectors,
    refusals: refusals(),
    rejections: rejections(),
    on_path: onPath(),
    sn_recovery: snRows(),
  };
}

/** One line per entry, so that a changed vector is a changed line. */
export function fileText(file: VectorFile): string {
  const parts = Object.entries(file).map(([name, value]) => {
    if (!Array.isArray(value)) return `${JSON.stringify(name)}: ${JSON.stringify(value, null, 1)}`;
    return `${JSON.stringify(name)}: [\n${value.map((entry) => JSON.stringify(entry)).join(',\n')}\n]`;
  });
  return `{\n${parts.join(',\n')}\n}\n`;
}

if (process.argv[1]?.endsWith('make-vectors.ts')) {
  const file = makeFile();
  const text = fileText(file);
  writeFileSync(new URL('../vectors/own.json', import.meta.url), text);
  const counts = Object.entries(file).map(([name, value]) => (Array.isArray(value) ? `${name} ${value.length}` : ''));
  console.log(counts.filter((part) => part !== '').join(', ') + `; ${text.length} octets`);
}
