// Gathers vectors in order and numbers them. It is the only source of arbitrary octets (a seeded generator).
import { createHash } from 'node:crypto';
import { protect } from './naive.ts';
import type { Sa, Vector } from './types.ts';

export class Collector {
  vectors: Vector[] = [];
  private drawn = 0;

  /** n arbitrary octets, the same in every run */
  octets(n: number): Buffer {
    const blocks: Buffer[] = [];
    for (let i = 0; i * 32 < n; i++) {
      blocks.push(
        createHash('sha256')
          .update(`dietesp vectors ${this.drawn++}`)
          .digest(),
      );
    }
    return Buffer.concat(blocks).subarray(0, n);
  }

  /** The SN is the vector's number unless the SA has one other than 1. */
  add(title: string, sa: Sa, inner: Buffer, depends_on: string[], note = ''): void {
    const number = this.vectors.length + 1;
    const numbered: Sa = sa.esp_sn === '1' ? { ...sa, esp_sn: number.toString(16) } : sa;
    const fields = protect(numbered, inner);
    const remark = note !== '' || fields.lossless ? note : 'Not lossless: see decompressed.';
    this.vectors.push({
      id: 'T' + String(number).padStart(3, '0'),
      title,
      depends_on,
      note: remark,
      sa: numbered,
      inner: inner.toString('hex'),
      ...fields,
    });
  }
}
