// The gateway's look-up at scale, by counting steps instead of time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sa } from '../../core/esp/sa.ts';
import { createHash } from '../../core/esp/sa-hash.ts';
import { scopeOf } from '../../core/esp/sa-table.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';

test('20,000 SAs: adding, removing and conflicts cost the same as with few', () => {
  const scopes = [scopeOf(addressOctets('fd00::1')!, addressOctets('fd00::2')!, 0)];
  for (let i = 0; i < 99; i++) scopes.push(scopeOf(addressOctets('fd00::1')!, addressOctets(`fd00::1:${i}`)!, i % 2));
  let reads = 0;
  const made = (index: number): Sa => {
    const scope = scopes[index % scopes.length];
    const form = { ...scope.form, spiLsb: scope.form.scope === 1 ? 32 : index % 3 === 0 ? 24 : 32 };
    const spi = 0x10000 + ((index * 2654435761) % 2 ** 31);
    const sa = { octets: scope.octets, base: scope.base, form };
    // Every step along a chain reads the SPI.
    Object.defineProperty(sa, 'spi', {
      get: () => {
        reads++;
        return spi;
      },
    });
    return sa as unknown as Sa;
  };
  const table = createHash();
  const cost = (work: () => void): number => {
    const before = reads;
    work();
    return reads - before;
  };
  const sas: Sa[] = [];
  let most = 0;
  for (let i = 0; i < 20000; i++) {
    const sa = made(i);
    const isFree = table.conflict(sa, sa.spi, sa.form.spiLsb) === null;
    most = Math.max(
      most,
      cost(() => table.conflict(sa, sa.spi, sa.form.spiLsb)),
    );
    if (!isFree) continue;
    table.insert(sa);
    sas.push(sa);
  }
  assert.ok(sas.length > 19000, `${sas.length} are free of conflict`);
  assert.ok(most <= 60, `${most} reads for a conflict`);
  most = 0;
  for (const sa of sas.slice(0, 15000))
    most = Math.max(
      most,
      cost(() => table.remove(sa)),
    );
  assert.ok(most <= 60, `${most} reads for a removal`);
  assert.deepEqual(new Set(table.all()), new Set(sas.slice(15000)));
  for (const sa of sas.slice(15000)) assert.equal(table.conflict(sa, sa.spi, sa.form.spiLsb), sa);
  for (const sa of sas.slice(15000)) table.remove(sa);
  assert.deepEqual(table.all(), []);
});
