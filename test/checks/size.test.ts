// Size budgets of device bundles: the table is in targets/size.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measure, printSizes, ROWS, rowMissing } from '../../targets/size.ts';

for (const row of ROWS) {
  test('size of ' + row.name + ' is within ' + row.budget + ' octets', { skip: rowMissing(row) }, async () => {
    const size = await measure(row);
    assert.ok(size.bytes !== undefined && size.mangledBytes !== undefined);
    // An empty bundle would fit any budget.
    assert.ok(size.modules.length > 0 && size.bytes > 200, printSizes([size]));
    assert.ok(size.bytes <= row.budget, printSizes([size]));
    assert.ok(size.mangledBytes <= size.bytes, printSizes([size]));
  });
}

test('what is not imported is not in the bundle', async () => {
  const exports = { 'core/base/refuse.ts': ['checkRange'] };
  const size = await measure({ name: 'one function', exports, budget: 200 });
  assert.deepEqual(
    size.modules.map((module) => module.file),
    ['core/base/refuse.ts'],
  );
  assert.ok(size.bytes !== undefined && size.bytes < 200, printSizes([size]));
});

test('a module that is imported for one constant brings nothing else', async () => {
  const exports = {
    'core/base/drop.ts': ['DROP_SHORT'],
    'core/base/bytes.ts': ['u16'],
    'core/crypto/provider.ts': ['ALG_AES_CCM'],
  };
  const size = await measure({ name: 'constants', exports, budget: 200 });
  assert.ok(size.bytes !== undefined && size.bytes < 200, printSizes([size]));
});

test('a device carries only the parts it names', async () => {
  const modules = async (extra: Record<string, string[]>) => {
    const exports = { 'test/support/device-entry.ts': ['createSensor'], ...extra };
    const size = await measure({ name: 'device', exports, budget: 0 });
    return size.modules.map((module) => module.file);
  };
  const optional = ['sctp', 'tcp', 'udplite', 'ipv4', 'icmpv6', 'sixlowpan-udp', 'coap'].map(
    (n) => `core/wire/${n}.ts`,
  );
  optional.push(
    'core/esp/sa-hash.ts',
    'core/esp/check.ts',
    'core/esp/arena.ts',
    'core/esp/spi.ts',
    'core/base/drop-name.ts',
  );
  const device = await modules({});
  assert.ok(device.includes('core/wire/ipv6.ts') && device.includes('core/esp/window.ts'));
  assert.deepEqual(
    device.filter((file) => optional.includes(file)),
    [],
  );
  const more = await modules({ 'core/wire/sctp.ts': ['sctp'], 'core/wire/ipv4.ts': ['ipv4'] });
  assert.ok(more.includes('core/wire/sctp.ts') && more.includes('core/wire/ipv4.ts'));
});
