// The file of a device with SAs keyed by hand: what is made of it, and what is refused, each with file, field, value, limit.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type TransformOptions, transformSync } from 'esbuild';
import { BOARD_MEMBERS, SPAN_MEMBERS } from '../../targets/board/hooks.ts';
import { builtinMembers } from '../../targets/build/builtins.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { joinDevice } from '../../targets/build/specialise/image.ts';
import { readDevice } from '../../targets/node/lab/boards/device-file.ts';

const EXAMPLES = join(sourceRoot(), 'targets', 'node', 'examples');
const PORTABLE = { ccm: false, hmac: false, x25519: false };
const folder = mkdtempSync(join(tmpdir(), 'dietesp-device-'));
after(() => rmSync(folder, { recursive: true }));

const DEVICE = readFileSync(join(EXAMPLES, 'device.yaml'), 'utf8');
const SAS = readFileSync(join(EXAMPLES, 'sensor.yaml'), 'utf8');

function read(device: string, sas: string = SAS) {
  const file = join(folder, 'device.yaml');
  writeFileSync(file, device);
  writeFileSync(join(folder, 'sensor.yaml'), sas);
  return readDevice(file, device, PORTABLE, 'node');
}

test('the example is a device whose text has none of its keys', async () => {
  const { constants, data } = read(DEVICE);
  assert.equal(constants.maxPayload, 64);
  assert.equal(constants.fragmentsOut, false);
  assert.equal(data.length, constants.dataSize);
  const text = await joinDevice(constants, { entry: 'manual.entry.ts', events: 'manual-events.ts' });
  const key = '000102030405060708090a0b0c0d0e0f';
  assert.ok(Buffer.from(data).toString('hex').includes(key));
  for (const secret of [key, '101112131415161718191a1b1c1d1e1f', 'a0a1a2', 'b0b1b2']) assert.ok(!text.includes(secret));
});

const REFUSALS: [name: string, device: string, sas: string, message: RegExp][] = [
  ['no SAs', DEVICE.replace(/^sas:.*$/m, ''), SAS, /device\.yaml:.*sas/],
  ['an unknown field', DEVICE + 'speed: 3\n', SAS, /device\.yaml:8: speed/],
  [
    'no link-layer address',
    DEVICE.replace(', shortAddress: 2', ''),
    SAS,
    /extendedAddress: .*is required without a shortAddress/,
  ],
  [
    'another address',
    DEVICE.replace('fe00:2"', 'fe00:3"'),
    SAS,
    /sas: .*one SA from `address` and one to it; it has 0 and 2/,
  ],
  ['too long for a frame', DEVICE.replace('64', '104'), SAS, /maxPayload: 104: must be 103 at most in one frame/],
  ['a suite that boards lack', DEVICE, SAS.replaceAll('AES_CCM_8_IIV', 'CHACHA20_POLY1305_IIV'), /sensor\.yaml:/],
  [
    'a window that is too wide',
    DEVICE,
    SAS.replaceAll('replay_window: 32', 'replay_window: 128'),
    /replay_window: 128: must be 0, 32 or 64/,
  ],
  ['ranges of ports without flows', DEVICE, SAS.replaceAll('[5683, 5683]', '[5683, 5690]'), /flows: .*is required/],
  ['a flow that no SA takes', DEVICE + 'flows: [{ port: 1, peerPort: 5683 }]\n', SAS, /drop code -5/],
];

for (const [name, device, sas, message] of REFUSALS) {
  test('refused: ' + name, () => {
    assert.throws(() => read(device, sas), message);
  });
}

test('a range of ports with flows has a template for each', () => {
  const flows = 'flows: [{ port: 5684, peerPort: 5683 }, { port: 5685, peerPort: 5683 }]\n';
  const { constants } = read(DEVICE + flows, SAS.replaceAll('[5683, 5683]', '[5683, 5690]'));
  assert.equal(constants.flows, 2);
  assert.ok((constants.outSize as number) > 0);
});

/** Octets of the minified device, names of properties short. */
async function octetsOf(isNative: boolean, hasSpans: boolean): Promise<number> {
  const file = join(folder, 'device.yaml');
  writeFileSync(file, DEVICE);
  writeFileSync(join(folder, 'sensor.yaml'), SAS);
  const native = { ccm: isNative, hmac: isNative, x25519: isNative };
  const { constants } = readDevice(file, DEVICE, native, 'jerryscript');
  const text = await joinDevice(constants, { entry: 'manual.entry.ts', events: 'manual-events.ts', hasSpans });
  const names = [...BOARD_MEMBERS, ...SPAN_MEMBERS, 'received', 'done', 'reserve', 'board', 'upper'];
  const made = transformSync(text, {
    ...{ loader: 'ts', format: 'esm', target: 'es2015', minify: true, charset: 'ascii', legalComments: 'none' },
    mangleProps: /./,
    reserveProps: new RegExp(`^(?:${[...builtinMembers(), ...names].join('|')})$`),
  } as TransformOptions);
  return made.code.length;
}

test('octets of the data plane: portable, with AES-CCM of the board, with its spans of octets too', async (t) => {
  // Goals: 6,000 portable, 4,000 native. The budgets keep the present sizes.
  const budgets: [boolean, boolean, number][] = [
    [false, false, 6820],
    [true, false, 4550],
    [true, true, 4290],
  ];
  for (const [isNative, hasSpans, budget] of budgets) {
    const octets = await octetsOf(isNative, hasSpans);
    t.diagnostic(`${octets} octets`);
    assert.ok(octets <= budget && octets > budget - 500, `${octets} octets, ${budget} at most`);
  }
});
