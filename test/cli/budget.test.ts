// The budget: model rows and counted rows against the published table, which is computed from the formats independently.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelCost } from '../../targets/node/tools/budget/model.ts';
import { dietesp, isOneLine } from './run.ts';

interface Cost {
  frames: number;
  octets: number;
  ms: number;
  msAck: number;
}

interface Row {
  stack: string;
  l3: number;
  short: Cost;
  extended: Cost;
  source: string;
}

/** l3; short addresses: frames, octets, ms, ms with acknowledgement; extended addresses: the same. */
const TEN: [RegExp, number, number[], number[]][] = [
  [/^clear UDP/, 19, [1, 36, 1.15, 1.7], [1, 48, 1.54, 2.08]],
  [/^DTLS 1\.2/, 49, [1, 66, 2.11, 2.66], [1, 78, 2.5, 3.04]],
  [/^DTLS 1\.3/, 31, [1, 48, 1.54, 2.08], [1, 60, 1.92, 2.46]],
  [/^OSCORE request/, 33, [1, 50, 1.6, 2.14], [1, 62, 1.98, 2.53]],
  [/^OSCORE response/, 30, [1, 47, 1.5, 2.05], [1, 59, 1.89, 2.43]],
  [/^ESP transport, CCM-8$/, 47, [1, 64, 2.05, 2.59], [1, 76, 2.43, 2.98]],
  [/^ESP transport, CCM-8 IIV$/, 39, [1, 56, 1.79, 2.34], [1, 68, 2.18, 2.72]],
  [/^ESP transport, GCM-16$/, 55, [1, 72, 2.3, 2.85], [1, 84, 2.69, 3.23]],
  [/^ESP tunnel, CCM-8$/, 87, [1, 104, 3.33, 3.87], [1, 116, 3.71, 4.26]],
  [/^ESP tunnel, CCM-8 IIV$/, 79, [1, 96, 3.07, 3.62], [1, 108, 3.46, 4.0]],
  [/^Diet-ESP, SPI 8 \+ SN 8, trailer kept/, 25, [1, 42, 1.34, 1.89], [1, 54, 1.73, 2.27]],
  [/^Diet-ESP, SPI 8 \+ SN 8, CCM/, 23, [1, 40, 1.28, 1.82], [1, 52, 1.66, 2.21]],
  [/^Diet-ESP, SPI 0 \+ SN 8/, 22, [1, 39, 1.25, 1.79], [1, 51, 1.63, 2.18]],
  [/^Diet-ESP, SPI 0 \+ SN 0/, 21, [1, 38, 1.22, 1.76], [1, 50, 1.6, 2.14]],
  [/^WireGuard/, 105, [1, 122, 3.9, 4.45], [2, 172, 5.5, 6.59]],
];

function numbers(cost: Cost): number[] {
  return [cost.frames, cost.octets, Math.round(cost.ms * 100) / 100, Math.round(cost.msAck * 100) / 100];
}

test('ten octets of payload: every row of the published table', async () => {
  const { code, stdout } = await dietesp('budget', '--payload', '10', '--json');
  assert.equal(code, 0);
  const { rows } = JSON.parse(stdout) as { rows: Row[] };
  assert.equal(rows.length, TEN.length);
  for (const [name, l3, short, extended] of TEN) {
    const row = rows.find((candidate) => name.test(candidate.stack));
    assert.ok(row !== undefined, String(name));
    assert.equal(row.l3, l3, row.stack);
    assert.deepEqual(numbers(row.short), short, row.stack);
    assert.deepEqual(numbers(row.extended), extended, row.stack);
    assert.equal(row.source, /ESP|clear/.test(row.stack) ? 'counted' : 'model', row.stack);
  }
});

test('with CoAP: the rows that fragment', async () => {
  const { stdout } = await dietesp('budget', '--payload', '10', '--coap', '--json');
  const { rows } = JSON.parse(stdout) as { rows: Row[] };
  const wireGuard = rows.find((row) => row.stack === 'WireGuard')!;
  assert.deepEqual([wireGuard.l3, ...numbers(wireGuard.short)], [121, 2, 164, 5.25, 6.34]);
  assert.deepEqual(numbers(wireGuard.extended), [2, 188, 6.02, 7.1]);
  const tunnel = rows.find((row) => row.stack === 'ESP tunnel, CCM-8')!;
  assert.deepEqual([tunnel.l3, ...numbers(tunnel.short)], [95, 1, 112, 3.58, 4.13]);
  assert.deepEqual(numbers(tunnel.extended), [1, 124, 3.97, 4.51]);
});

test('largest payload in one frame', async () => {
  // Short addresses: clear 107, ESP transport CCM-8 79, Diet-ESP floor 105.
  const frames = async (payload: number, name: RegExp): Promise<number> => {
    const { stdout } = await dietesp('budget', '--payload', String(payload), '--json');
    return (JSON.parse(stdout) as { rows: Row[] }).rows.find((row) => name.test(row.stack))!.short.frames;
  };
  assert.equal(await frames(107, /^clear/), 1);
  assert.equal(await frames(108, /^clear/), 2);
  assert.equal(await frames(105, /SN 0/), 1);
  assert.equal(await frames(106, /SN 0/), 2);
});

test('the fragment model agrees with the fragments that are made', async () => {
  for (const payload of [200, 700, 1232]) {
    const { stdout } = await dietesp('budget', '--payload', String(payload), '--json');
    const clear = (JSON.parse(stdout) as { rows: Row[] }).rows.find((row) => /^clear/.test(row.stack))!;
    assert.deepEqual(modelCost(9 + payload, 'short', 9, 48), clear.short);
    assert.deepEqual(modelCost(9 + payload, 'extended', 9, 48), clear.extended);
  }
});

test('the table for people has a row per stack', async () => {
  const { code, stdout } = await dietesp('budget', '--payload', '10');
  assert.equal(code, 0);
  for (const [name] of TEN) assert.match(stdout, new RegExp(name.source.replace(/\$$/, ' '), 'm'));
  assert.match(stdout, / model$/m);
});

test('a payload that is none', async () => {
  for (const payload of ['1233', '-1', 'x', '1.5', '']) {
    const { code, stderr } = await dietesp('budget', `--payload=${payload}`);
    assert.equal(code, 2, payload);
    assert.ok(isOneLine(stderr), stderr);
    assert.match(stderr, /--payload: .*: must be 0\.\.1232$/m);
  }
  assert.equal((await dietesp('budget')).code, 2);
});

test('--coap-rules: a reading and its ACK, in clear, under ESP, and with rules for CoAP', async () => {
  const { code, stdout } = await dietesp('budget', '--payload', '10', '--coap-rules', '--json');
  assert.equal(code, 0);
  const { rows } = JSON.parse(stdout) as {
    rows: { stack: string; reading: { short: { octets: number } }; ack: { short: { octets: number } } }[];
  };
  const octets = rows.map(({ stack, reading, ack }) => [stack, reading.short.octets, ack.short.octets]);
  assert.deepEqual(octets, [
    ['clear UDP (6LoWPAN)', 44, 31],
    ['clear UDP, CoAP by the rules', 40, 30],
    ['Diet-ESP, SPI 8 + SN 8', 48, 35],
    ['Diet-ESP, SPI 0 + SN 8', 47, 34],
    ['Diet-ESP and rules for CoAP, SPI 8 + SN 8', 43, 33],
    ['Diet-ESP and rules for CoAP, SPI 0 + SN 8', 42, 32],
    ['ESP transport, CCM-8 IIV', 64, 52],
    ['ESP tunnel, CCM-8 IIV', 104, 92],
  ]);
});
