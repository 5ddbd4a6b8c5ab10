// `explain` and `rules`: their output agrees with the golden vectors.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSaFile, readSas } from '../../targets/node/host/config/sa.ts';
import { parseConfig } from '../../targets/node/host/document.ts';
import { xrayOf } from '../../targets/node/host/explain/xray.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { pcapHeader, pcapRecord } from '../../targets/node/host/radio/pcap.ts';
import { createTaker, explainPacket } from '../../targets/node/tools/explain/explain.ts';
import { xrayPage } from '../../targets/node/tools/explain/html.ts';
import { toHtml } from '../../targets/web/xray/tree.ts';
import { dietesp, EXAMPLES, isOneLine, ROOT, scratch } from './run.ts';

const files = scratch();

interface Vector {
  id: string;
  sa: Record<string, unknown>;
  inner: string;
  residue: [string, number | string, number][];
  residue_bits: string;
  pad_bits: number;
  wire: string;
  iv: string;
  decompressed?: string;
  esp_len: number;
  std_esp_len: number;
}

const { vectors } = JSON.parse(readFileSync(join(ROOT, 'test', 'vectors', 'diet-esp.json'), 'utf8')) as {
  vectors: Vector[];
};

const own = JSON.parse(readFileSync(join(ROOT, 'test', 'vectors', 'own.json'), 'utf8')) as { vectors: Vector[] };

for (const vector of [...vectors, ...own.vectors]) {
  test(`the explanation of ${vector.id} adds up to the vector`, () => {
    const loaded = readSas(parseConfig('vector.json', JSON.stringify(vector.sa)));
    const octets = Uint8Array.from(Buffer.from(vector.inner, 'hex'));
    const explanation = explainPacket(loaded, octets, createFastProvider());
    assert.equal(explanation.residueBits, vector.residue_bits);
    assert.equal(explanation.padBits, vector.pad_bits);
    assert.deepEqual(
      explanation.fields.filter((field) => field.bits > 0).map((field) => [BigInt(`0b${field.sent}`), field.bits]),
      vector.residue.map(([, value, bits]) => [BigInt(value), bits]),
    );
    assert.equal(explanation.totals.espOctets, vector.esp_len);
    assert.equal(explanation.totals.plainEspOctets, vector.std_esp_len);
    if (vector.iv === '') assert.equal(explanation.wire, vector.wire);
    // The parts are the packet: nothing missing, nothing twice.
    const sum = explanation.parts.reduce((total, part) => total + part.octets, 0);
    assert.equal(sum, explanation.totals.wireOctets);
    // The ESP packet itself leads to the same explanation.
    const wire = Uint8Array.from(Buffer.from(vector.wire, 'hex'));
    const again = explainPacket(loaded, wire, createFastProvider());
    assert.equal(again.inner, vector.decompressed ?? vector.inner);
    assert.equal(again.wire, vector.wire);
    // Each packet of its X-ray is whole, too, and only what is in the SA has a field.
    const { sa, inner, wire: sent } = createTaker(loaded, createFastProvider()).take(wire);
    const { strips, fields, totals } = xrayOf(sa, inner, sent);
    const outer = wire.length - vector.esp_len;
    assert.deepEqual(
      strips.map(({ id, octets }) => [id, octets]),
      [
        ['clear', inner.length],
        ['esp', outer + vector.std_esp_len],
        ['diet', wire.length],
        ...(wire[0] >>> 4 === 6 ? [['air', totals.air]] : []),
      ],
    );
    const residue = fields.filter(({ stage, sentBits }) => stage === 'IIPC' && sentBits > 0);
    assert.deepEqual(
      residue.map(({ sentBits }) => sentBits),
      vector.residue.map(([, , bits]) => bits),
    );
    for (const { pieces } of strips) assert.ok(pieces.every(({ field, bits }) => field < fields.length && bits > 0));
  });
}

const RANGE = join(EXAMPLES, 'range.yaml');
const A3 = vectors.find((vector) => vector.id === 'A3')!;

test('explain prints rule entries, bits, clauses and totals', async () => {
  const { code, stdout } = await dietesp('explain', '--sa', RANGE, A3.inner);
  assert.equal(code, 0);
  assert.match(stdout, /IPv6 +Source Address +2001:db8:1::1b +2001:db8:1::10\/124 +MSB\(124\) +LSB +1011 +4 +§6\.1/);
  assert.match(stdout, /UDP +Destination Port +5684 +5680\/13 +MSB\(13\) +LSB +100 +3 /);
  assert.match(stdout, /^residue 35 bits \+ 5 padding bits$/m);
  assert.match(stdout, /-> ESP 28 octets, ordinary ESP 80 \(52 saved\)/);
  assert.ok(stdout.endsWith(`${A3.wire}\n`));
});

test('explain --json, from a capture', async () => {
  const capture = Buffer.concat([
    pcapHeader(101),
    pcapRecord(0, Uint8Array.of(0x60)),
    pcapRecord(0, Uint8Array.from(Buffer.from(A3.inner, 'hex'))),
  ]);
  const file = files.file('a3.pcap', capture);
  const { code, stdout } = await dietesp('explain', '--sa', RANGE, file, '--packet', '2', '--json');
  assert.equal(code, 0);
  assert.equal((JSON.parse(stdout) as { wire: string }).wire, A3.wire);
  const wrong: [string, number, RegExp][] = [
    ['1', 1, /a3\.pcap: packet 1: malformed$/m],
    ['3', 2, /--packet: 3: .*a3\.pcap has 2$/m],
    ['0', 2, /--packet: 0: must be 1\.\.2147483647$/m],
  ];
  for (const [number, expected, message] of wrong) {
    const outcome = await dietesp('explain', '--sa', RANGE, file, '--packet', number);
    assert.equal(outcome.code, expected);
    assert.ok(isOneLine(outcome.stderr), outcome.stderr);
    assert.match(outcome.stderr, message);
  }
});

test('explain says why no SA takes a packet', async () => {
  const other = A3.inner.replace('9c401634', '9c411634');
  const cases: [string, number, RegExp][] = [
    [other, 1, /no SA takes this packet: sensors to server: (selector|checksum)/],
    ['60', 1, /not an IP packet/],
    ['601', 2, /packet: 3 digits: must be an even number/],
    ['none.pcap', 1, /none\.pcap: no such file or directory/],
  ];
  for (const [input, expected, message] of cases) {
    const { code, stderr } = await dietesp('explain', '--sa', RANGE, input);
    assert.equal(code, expected, stderr);
    assert.ok(isOneLine(stderr), stderr);
    assert.match(stderr, message);
  }
});

test('rules as tables, JSON and CBOR', async () => {
  const tables = await dietesp('rules', '--sa', RANGE);
  assert.equal(tables.code, 0);
  assert.match(tables.stdout, /^IPv6 +Version +4 +1 +Bi +6 +equal +not-sent +0 /m);
  assert.match(
    tables.stdout,
    /^ESP +SPI +32 +1 +Bi +0x112233a\d\/28 +MSB\(28\) +LSB +4 |^ESP +SPI +32 +1 +Bi +0x112233a7\/28/m,
  );
  const json = JSON.parse((await dietesp('rules', '--sa', RANGE, '--json')).stdout) as {
    sa: string;
    rules: { name: string; fields: { bits: number | null; cda: string }[] }[];
  }[];
  assert.deepEqual(
    json[0].rules.map((rule) => rule.name),
    ['IIPC', 'CTEC', 'EEC'],
  );
  const bits = json[0].rules[0].fields.reduce((sum, field) => sum + (field.bits ?? 0), 0);
  assert.equal(bits, A3.residue_bits.length);
  const cbor = await dietesp('rules', '--sa', RANGE, '--cbor');
  assert.equal(cbor.code, 0);
  assert.notEqual(cbor.stdout, '');
  assert.equal((await dietesp('rules', '--sa', RANGE, '--cbor', '--json')).code, 2);
});

test('rules of a list of SAs, of transport mode and of iipc_enabled false', async () => {
  const pair = JSON.parse(
    (await dietesp('rules', '--sa', join(EXAMPLES, 'leshan.yaml'), '--json')).stdout,
  ) as unknown[];
  assert.equal(pair.length, 2);
  const transport = await dietesp('rules', '--sa', join(EXAMPLES, 'transport.json'));
  assert.equal(transport.code, 0);
  assert.doesNotMatch(transport.stdout, /IPv6/);
  const yaml = readFileSync(RANGE, 'utf8') + 'iipc_enabled: false\n';
  const off = await dietesp('rules', '--sa', files.file('off.yaml', yaml));
  assert.match(off.stdout, /^IIPC .*: not compressed$/m);
});

test('a packet that is neither hexadecimal nor a file is refused as that', async () => {
  const { code, stderr } = await dietesp('explain', '--sa', join(EXAMPLES, 'tunnel.yaml'), '60zz');
  assert.equal(code, 1);
  assert.equal(stderr, 'error: 60zz: no such file or directory, and not hexadecimal digits\n');
});

test('explain --html: every packet in a list, one X-ray shown, nothing loaded and nothing run', async () => {
  const capture = Buffer.concat([
    pcapHeader(101),
    ...[A3.inner, '00', A3.inner].map((digits) => pcapRecord(0, Uint8Array.from(Buffer.from(digits, 'hex')))),
  ]);
  const file = files.file('<b>&.pcap', capture);
  const out = files.file('a3.html', '');
  const { code, stdout } = await dietesp('explain', '--sa', RANGE, file, '--html', out, '--packet', '3');
  assert.equal(code, 0);
  assert.match(stdout, /3 packets, 2 X-rays$/m);
  const html = readFileSync(out, 'utf8');
  assert.match(html, /<h1>X-ray of &lt;b&gt;&amp;\.pcap<\/h1>/);
  assert.match(html, /class="packet is-first" id="packet-3"/);
  assert.match(html, /IP version 0/);
  assert.doesNotMatch(html, /<script|<img|<b>&|(src|href)="(?!#)|url\(/);
  const none = files.path('none.html');
  for (const more of [['--html', none], []]) {
    const few = await dietesp('explain', '--sa', RANGE, file, '--packet', '4', ...more);
    assert.deepEqual([few.code, few.stderr], [2, `error: --packet: 4: ${file} has 3\n`]);
  }
  assert.equal(existsSync(none), false);
  const same = await dietesp('explain', '--sa', RANGE, file, '--html', file);
  assert.equal(same.code, 2);
  assert.ok(isOneLine(same.stderr), same.stderr);
});

test('an X-ray page has a hundred X-rays and a thousand lines, and says what it leaves out', () => {
  const name = '<img src=x onerror=alert(1)>';
  const loaded = loadSaFile(RANGE).map((sa) => ({ ...sa, name }));
  const octets = Uint8Array.from(Buffer.from(A3.inner, 'hex'));
  const packets = Array.from({ length: 1200 }, (_, i) => ({ number: i + 1, octets, problem: '' }));
  const { html, counts } = xrayPage('many', packets, createTaker(loaded, createFastProvider()), 1150);
  assert.deepEqual(counts, { packets: 1200, listed: 1001, xrays: 100, left: 1100 });
  assert.match(html, /id="packet-1150"/);
  assert.match(html, /1100 more could be explained, and are left out/);
  assert.match(html, /199 packets are not listed/);
  assert.ok(!html.includes('<img'));
  assert.equal(toHtml('<&">'), '&lt;&amp;&quot;&gt;');
});
