// The SA file of a key log: what an SA is, as a file says it; and captures of SAs that came and went, opened with it.

import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { dropName } from '../../core/base/drop-name.ts';
import { createEndpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { outbound } from '../../core/esp/outbound.ts';
import { createSa } from '../../core/esp/sa.ts';
import { loadSaFile, readSas } from '../../targets/node/host/config/sa.ts';
import { saValues } from '../../targets/node/host/config/sa-values.ts';
import { writeDatagram } from '../../targets/node/host/datagram.ts';
import { parseConfig } from '../../targets/node/host/document.ts';
import { createKeyLog, SA_TABLE } from '../../targets/node/host/keylog.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { captureOpener } from '../../targets/node/tools/convert/opener.ts';
import { explainPacket } from '../../targets/node/tools/explain/explain.ts';
import { ROOT } from './run.ts';

const root = mkdtempSync(join(tmpdir(), 'dietesp-sas-'));
after(() => rmSync(root, { recursive: true, force: true }));

const provider = createFastProvider();
const vectorsOf = (name: string) =>
  (JSON.parse(readFileSync(join(ROOT, 'test', 'vectors', name), 'utf8')) as { vectors: { sa: object }[] }).vectors;
const configs = [...vectorsOf('diet-esp.json'), ...vectorsOf('own.json')].map(
  ({ sa }) => readSas(parseConfig('vector.json', JSON.stringify(sa)))[0],
);

test('every SA of the vectors comes back from its line, by either way of reading', () => {
  const folder = join(root, 'vectors');
  const log = createKeyLog(folder);
  for (const { config, name } of configs) log.sa(config, name);
  const file = join(folder, SA_TABLE);
  const text = readFileSync(file, 'utf8');
  for (const again of [loadSaFile(file), readSas(parseConfig(file, text))]) {
    assert.equal(again.length, configs.length);
    again.forEach(({ config, attributes, name }, i) => {
      assert.deepEqual(attributes, configs[i].attributes, name);
      for (const field of ['key', 'salt', 'authKey', 'snHi', 'snLo'] as const)
        assert.deepEqual(config[field], configs[i].config[field], `${name} ${field}`);
      assert.equal(config.suite, configs[i].config.suite);
    });
  }
  // A line that is being written is left out; any other that is broken is told with its place, and no key.
  appendFileSync(file, '- {"name":"half');
  assert.equal(loadSaFile(file).length, configs.length);
  appendFileSync(file, '\n- {"name":"next","esp_spi":"1000"} # now\n');
  assert.throws(() => loadSaFile(file), new RegExp(`sas\\.yaml:${text.split('\n').length}:`));
});

test('what a file cannot say has a line without keys', () => {
  const { config } = configs[0];
  assert.equal(typeof saValues({ ...config, suite: { ...config.suite, name: 'X' } }), 'string');
  assert.equal(typeof saValues(config), 'object');
});

/** A file of SAs that have the same bits of the SPI on the wire, one behind the other, and one packet of each. */
function successors(spiLsb: number, snLsb: number) {
  const values = (n: number) => ({
    name: `sa ${n}`,
    tunnel_ip: ['fe80::1', 'fe80::2'],
    esp_spi: `${n + 1}0${n === 2 ? '2' : '1'}`,
    esp_spi_lsb: spiLsb,
    esp_sn_lsb: snLsb,
    esp_encr: 'AES_CCM_8_IIV',
    key: `${n}`.padStart(2, '0').repeat(16),
    salt: '000000',
    ts_ip_src: ['2001:db8::1', '2001:db8::1'],
    ts_ip_dst: ['2001:db8::2', '2001:db8::2'],
  });
  const file = join(root, `successors-${spiLsb}.json`);
  writeFileSync(file, JSON.stringify({ sas: [0, 1, 2, 3].map(values) }));
  const loaded = loadSaFile(file);
  const [{ attributes: a }] = loaded;
  const buffer = new Uint8Array(256);
  const ends = { source: a.tsIpSrcStart, sourcePort: 7, destination: a.tsIpDstStart, destinationPort: 8 };
  const inner = buffer.slice(0, writeDatagram(buffer, { ...ends, payload: Buffer.from('a reading') }));
  const endpoint = createEndpoint(FULL_PARTS, provider);
  return {
    loaded,
    inner,
    seal: (n: number, last: number) => {
      const out = new Uint8Array(512);
      const sa = createSa(FULL_PARTS, provider, { ...loaded[n].config, snLo: last });
      const size = outbound(endpoint, sa, inner, 0, inner.length, out, 0, 0);
      assert.ok(size > 0, dropName(size));
      return out.slice(0, size);
    },
  };
}

for (const [spiLsb, snLsb] of [
  [0, 8],
  [8, 8],
] as const) {
  test(`SAs with the same ${spiLsb} bits of the SPI are told apart by the ICV`, () => {
    const { loaded, inner, seal } = successors(spiLsb, snLsb);
    const opener = captureOpener(provider, loaded, []);
    const out = new Uint8Array(512);
    for (const [n, last] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [3, 7],
      [2, 0],
      [1, 1],
    ] as const) {
      const size = opener.open(seal(n, last), seal(n, last).length, out);
      assert.deepEqual(out.slice(0, size), inner);
      assert.equal(opener.entry()?.name, `sa ${n}`);
      assert.equal(opener.number(), BigInt(last + 1));
    }
    const again = seal(1, 1);
    assert.equal(dropName(opener.open(again, again.length, out)), 'replay');
    const wrong = seal(1, 2);
    wrong[wrong.length - 1] ^= 1;
    assert.equal(dropName(opener.open(wrong, wrong.length, out)), 'icv');
    assert.equal(opener.entry(), null);
  });
}

test('an SA whose packets begin in the middle of its life, between other addresses', () => {
  const { loaded, inner, seal } = successors(8, 8);
  const late = seal(1, 100000);
  late[8 + 15] = 9;
  late[24 + 15] = 9;
  const { sa, inner: restored } = explainPacket(loaded, late, provider);
  assert.equal(sa, 'sa 1');
  assert.equal(restored, Buffer.from(inner).toString('hex'));
});
