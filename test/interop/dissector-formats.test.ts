// Formats of their own, EESP and subspaces, and what is carried in TCP: what the dissector shows in tshark is what the X-ray says, and explain.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createEespSa, type EespOptions, sendWith } from '../../core/eesp/sa.ts';
import { ALL_SUITES } from '../../core/esp/all-suites.ts';
import { createEndpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { outbound } from '../../core/esp/outbound.ts';
import { createSa, type SaConfig } from '../../core/esp/sa.ts';
import { createSubspaceParts, createSubspaceSuite, useSubspace } from '../../core/esp/subspaces.ts';
import { writeDissector } from '../../targets/build/wireshark.ts';
import { loadAnySaFile, loadSaFile } from '../../targets/node/host/config/sa.ts';
import { writeDatagram } from '../../targets/node/host/datagram.ts';
import { otherXray } from '../../targets/node/host/explain/other-formats.ts';
import { createKeyLog, SA_TABLE } from '../../targets/node/host/keylog.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { outerSize } from '../../targets/node/host/udp.ts';
import { createTaker } from '../../targets/node/tools/explain/explain.ts';
import { xrayPage } from '../../targets/node/tools/explain/html.ts';
import { configOf, endpointOf, innerOf, LEFT, provider, RIGHT, send } from '../eesp/kit.ts';
import { packageMissing } from '../support/packages.ts';

import { FORMAT_FIELDS, known, loadedOf, octetsOf, root, STREAM_FIELDS, tsharkRows } from './dissector-kit.ts';

const skip = packageMissing('tshark');

/** SAs of EESP and with subspaces, and two packets of each, which are sent with another Session ID or Subspace ID each. */
function otherFormats() {
  const inner = Uint8Array.from(innerOf(6, 11));
  const all: { name: string; config: SaConfig; packets: Uint8Array[] }[] = [];
  const suites: [string, Partial<EespOptions>][] = [
    ['AES_GCM_16_IIV', {}],
    ['CHACHA20_POLY1305', { hasSn: false }],
  ];
  for (const [i, [suite, eesp]] of suites.entries()) {
    for (const tunnel of [true, false]) {
      const config = configOf({ suite, version: 6, tunnel, eesp });
      config.attributes.espSpi = 0x1000 + 2 * i + (tunnel ? 1 : 0);
      const sa = createEespSa(FULL_PARTS, provider, config);
      const e = endpointOf();
      const packets = [3, 5].map((session) => {
        sendWith(sa, session);
        const esp = send(e, sa, inner);
        assert.ok(typeof esp !== 'string', String(esp));
        const packet = new Uint8Array(outerSize(16) + 8 + esp.length);
        // In UDP: over IP it has no number of its own.
        const [from, to] = tunnel ? [LEFT, RIGHT] : [inner.slice(8, 24), inner.slice(24, 40)];
        const port = { sourcePort: 4500, destinationPort: 4500 };
        const size = writeDatagram(packet, { source: from, destination: to, ...port, payload: esp });
        return packet.slice(0, size);
      });
      all.push({ name: `EESP ${suite} ${tunnel}`, config, packets });
    }
  }
  for (const suite of ['AES_GCM_16_IIV', 'AES_CBC_HMAC_SHA2_256_128']) {
    const { eesp: _, ...config } = configOf({ suite: 'AES_GCM_16_IIV', version: 6, tunnel: true });
    const base = ALL_SUITES.find(({ name }) => name === suite)!;
    const key = new Uint8Array(base.keyLength).fill(9);
    Object.assign(config, { key, salt: new Uint8Array(base.saltLength), authKey: new Uint8Array(base.authKeyLength) });
    config.suite = createSubspaceSuite(base, 4);
    config.attributes = { ...config.attributes, espSpi: 0x2000 + base.ivLength, esn: 0 };
    const parts = createSubspaceParts({ ...FULL_PARTS });
    const sa = createSa(parts, provider, config);
    const endpoint = createEndpoint(parts, provider);
    const packets = [1, 3].map((id) => {
      useSubspace(sa, id);
      const packet = new Uint8Array(300);
      const size = outbound(endpoint, sa, inner, 0, inner.length, packet, 0, 0);
      assert.ok(size > 0, String(size));
      return packet.slice(0, size);
    });
    all.push({ name: config.suite.name, config, packets });
  }
  return all;
}

test('EESP and subspaces: the header, the number and the restored packet are those of the X-ray, also in explain', {
  skip,
}, async () => {
  const script = await writeDissector();
  const folder = join(root, 'keys-formats');
  const log = createKeyLog(folder);
  const sas = otherFormats();
  for (const { name, config } of sas) log.sa(config, name);
  const file = join(folder, SA_TABLE);
  // Those of compression do not have them.
  assert.equal(loadSaFile(file).length, 0);
  const loaded = loadAnySaFile(file);
  assert.equal(loaded.length, sas.length);
  const packets = sas.flatMap((one) => one.packets);
  const rows = tsharkRows(script, folder, packets, FORMAT_FIELDS);
  const taker = createTaker(loaded, createFastProvider());
  const { html, counts } = xrayPage(
    'formats',
    packets.map((octets, i) => ({ number: i + 1, octets, problem: '' })),
    createTaker(loaded, createFastProvider()),
    1,
  );
  assert.equal(counts.xrays, packets.length);
  assert.equal(html.match(/<strong>\d+ octets in clear, \d+ with EESP\.<\/strong>/g)?.length, 8);
  assert.equal(html.match(/with ESP with anti-replay subspaces\./g)?.length, 4);
  rows.forEach((row, i) => {
    const [sa, spi, , , , restored, , failed, format, session, subspace, sn] = row.map((cells) => cells.join(''));
    const { name, config } = sas[Math.floor(i / 2)];
    assert.deepEqual([sa, failed, restored], [name, '', String(51 + 8)], row[6].join());
    const taken = taker.take(packets[i]);
    const { fields } = otherXray(taken.other!, taken.inner, taken.wire);
    const value = (field: string): string => fields.find((one) => one.name === field)?.value ?? '';
    assert.equal(Number(spi), Number(value('SPI')), name);
    const isEesp = 'eesp' in config;
    assert.equal(format, isEesp ? 'EESP' : 'ESP with subspaces');
    assert.deepEqual([session, subspace], [isEesp ? value('Session ID') : '', isEesp ? '' : value('Subspace ID')]);
    assert.equal(value(isEesp ? 'Session ID' : 'Subspace ID'), String([isEesp ? 3 : 1, isEesp ? 5 : 3][i % 2]));
    assert.equal(sn, value('Sequence Number') === '' ? '' : String(BigInt(value('Sequence Number'))), name);
  });
  // A changed octet is opened by nobody.
  const wrong = packets.map((packet) => packet.map((octet, i) => (i === packet.length - 1 ? octet ^ 1 : octet)));
  for (const row of tsharkRows(script, folder, wrong, FORMAT_FIELDS)) {
    assert.deepEqual([row[0].join(''), row[7].join('')], ['', '']);
    assert.match(row[6].join(' '), /SAs of the key log were tried: /);
  }
});

test('IKE and ESP in TCP: records in any segments, several in one, and keepalives', { skip }, async () => {
  const script = await writeDissector();
  const folder = join(root, 'keys-tcp');
  const log = createKeyLog(folder);
  const inIp = known.filter(({ wire }) => wire.startsWith('6')).slice(0, 3);
  for (const vector of inIp) log.sa(loadedOf(vector)[0].config, vector.id);
  const ike = Buffer.alloc(28 + 4);
  ike.writeUInt8(1, 4);
  ike.set([0x20, 34, 0x08], 4 + 17);
  ike.writeUInt32BE(28, 4 + 24);
  const record = (octets: Uint8Array): Buffer => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(octets.length + 2);
    return Buffer.concat([length, octets]);
  };
  const esp = inIp.map(({ wire }) => octetsOf(wire).subarray(40));
  const stream = Buffer.concat([Buffer.from('IKETCP'), record(ike), ...esp.map(record), record(Uint8Array.of(0xff))]);
  const segment = (from: number, to: number): Uint8Array => {
    const outer = Buffer.from(inIp[0].wire.slice(0, 80), 'hex');
    const tcp = Buffer.alloc(20);
    tcp.writeUInt16BE(4500, 0);
    tcp.writeUInt16BE(40000, 2);
    tcp.writeUInt32BE(1000 + from, 4);
    tcp.writeUInt8(0x50, 12);
    tcp.writeUInt8(0x10, 13);
    tcp.writeUInt16BE(65535, 14);
    outer.writeUInt8(6, 6);
    outer.writeUInt16BE(20 + to - from, 4);
    return Buffer.concat([outer, tcp, stream.subarray(from, to)]);
  };
  const half = stream.length >> 1;
  for (const cuts of [[stream.length], [6, half, half + 1, stream.length]]) {
    const segments = cuts.map((to, i) => segment(cuts[i - 1] ?? 0, to));
    const rows = tsharkRows(script, folder, segments, STREAM_FIELDS);
    const column = (at: number): string[] => rows.flatMap((row) => row[at].filter((cell) => cell !== ''));
    assert.deepEqual(column(7), []);
    assert.deepEqual(column(8), ['IKETCP']);
    assert.deepEqual(
      column(9),
      [ike, ...esp, [0]].map(({ length }) => String(length + 2)),
    );
    assert.deepEqual(column(10), ['34']);
    assert.deepEqual(
      column(5),
      inIp.map((vector) => String(octetsOf(vector.decompressed ?? vector.inner).length)),
    );
    const ids = new Set(inIp.map(({ id }) => id));
    assert.ok(
      column(0).every((id) => ids.has(id)),
      column(6).join('; '),
    );
  }
});
