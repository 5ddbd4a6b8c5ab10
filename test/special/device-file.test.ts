// The file of a device with SAs keyed by hand: what is made of it, and what is refused, each with file, field, value, limit.

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  [
    'a flow that no SA takes',
    DEVICE + 'flows: [{ port: 1, peerPort: 5683 }]\n',
    SAS,
    /device\.yaml:8: flows\[0\]\.port: 1: must be 5683\.\.5683: ts_port_src of the SA `up`$/,
  ],
];

/** The SAs with a change in the first, or the second one. */
const inUp = (from: string, to: string): string => SAS.replace(from, to);
const inDown = (from: string, to: string): string => {
  const at = SAS.indexOf('  - name: down');
  return SAS.slice(0, at) + SAS.slice(at).replace(from, to);
};
const KEY_UP = '    key: 000102030405060708090a0b0c0d0e0f\n';
const KEY_DOWN = '    key: 101112131415161718191a1b1c1d1e1f\n';
const lineIn = (text: string, from: string): number => text.slice(0, text.indexOf(from)).split('\n').length;
/** `sensor.yaml:LINE: field: value: limit` with the line of `field` in the down SA of `sas`. */
const down = (sas: string, field: string, rest: string): RegExp => {
  const start = sas.indexOf('  - name: down');
  const line = lineIn(sas, '  - name: down') + lineIn(sas.slice(start), `    ${field}`) - 1;
  return new RegExp(`sensor\\.yaml:${line}: sas\\[1\\]\\.${rest}`);
};
const both = (from: string, to: string): string => SAS.replaceAll(from, to);
const HMAC = SAS.replaceAll('AES_CCM_8_IIV', 'NULL_HMAC_SHA2_256_128')
  .replaceAll(/^ {4}(key|salt): .*\n/gm, '')
  .replaceAll('    replay_window', '    esp_trailer: Mandatory\n    replay_window');
const LIFE = '    lifetime: { hard_packets: 5 }\n';
const SHORT_LIVED = SAS + LIFE;
const PROTO = inDown('ts_proto: 17', 'ts_proto: 136');
const TUNNEL_OUT = inUp('"fe80::ff:fe00:1"]', '"fe80::99"]');
const TUNNEL_IN = inDown('["fe80::ff:fe00:1"', '["fe80::99"');
const WINDOW = inDown('replay_window: 32', 'replay_window: 128');
const NO_BITS = both('esp_sn_lsb: 8', 'esp_sn_lsb: 0');
const FLOWS = 'flows: [{ port: 5684, peerPort: 5683 }, { port: 5684, peerPort: 5683 }]\n';

REFUSALS.push(
  ['no keys', DEVICE, SAS.replaceAll(/^ {4}(key|salt): .*\n/gm, ''), /sensor\.yaml:4: sas\[0\]\.key: .*0 octets/],
  ['no key up', DEVICE, inUp(KEY_UP, ''), /sas\[0\]\.key: 0 octets/],
  ['no salt down', DEVICE, inDown('    salt: b0b1b2\n', ''), /sas\[1\]\.salt: 0 octets: must be 3 octets/],
  [
    'a key of 32 octets',
    DEVICE,
    inDown(KEY_DOWN, KEY_DOWN.replace('key: ', `key: ${'22'.repeat(16)}`)),
    /sensor\.yaml:\d+: sas\[1\]\.key: 32 octets: must be 16 octets with AES_CCM_8_IIV in a specialised device$/,
  ],
  ['a salt of 4 octets', DEVICE, inUp('a0a1a2', 'a0a1a2a3'), /sensor\.yaml:11: sas\[0\]\.salt: 4 octets: must be 3/],
  [
    '7 + 7 bits',
    DEVICE,
    both('_lsb: 8', '_lsb: 7'),
    /esp_sn_lsb: 7: esp_spi_lsb \+ esp_sn_lsb must be a multiple of 8/,
  ],
  ['HMAC without its key', DEVICE, HMAC, /sas\[0\]\.akey: 0 octets: must be 32 octets/],
  [
    'one key for both directions',
    DEVICE,
    both('101112131415161718191a1b1c1d1e1f', '000102030405060708090a0b0c0d0e0f').replace('b0b1b2', 'a0a1a2'),
    /sas\[1\]\.key: 16 octets: must not be the key of the other direction$/,
  ],
  [
    'a lifetime down alone',
    DEVICE,
    SHORT_LIVED,
    down(SHORT_LIVED, 'lifetime', 'lifetime\\.hard_packets: 5: must be 0, as in the other direction'),
  ],
  ['UDP up and UDP-Lite down', DEVICE, PROTO, down(PROTO, 'ts_proto', 'ts_proto: 136: must be 17')],
  ['a window down', DEVICE, WINDOW, down(WINDOW, 'replay_window', 'replay_window: 128: must be 0, 32 or 64')],
  [
    'a tunnel to another node',
    DEVICE,
    TUNNEL_OUT,
    /sensor\.yaml:5: sas\[0\]\.tunnel_ip\[1\]: fe80::99: must be `gateway\.address` of the device's file$/,
  ],
  [
    'a tunnel from another node',
    DEVICE,
    TUNNEL_IN,
    down(TUNNEL_IN, 'tunnel_ip', 'tunnel_ip\\[0\\]: fe80::99: must be `gateway\\.address`'),
  ],
  [
    'transport to another node',
    DEVICE,
    SAS.replaceAll(/^ {4}tunnel_ip: .*\n/gm, '    ipsec_mode: transport\n').replaceAll(
      '2001:db8:1::2',
      'fe80::ff:fe00:2',
    ),
    /sas\[0\]\.ts_ip_dst: 2001:db8:2::1: must be `gateway\.address`/,
  ],
  [
    'a multicast inner address',
    DEVICE,
    both('2001:db8:2::1', 'ff02::1'),
    /sas\[0\]\.ts_ip_dst: ff02::1: must be the address of a node/,
  ],
  [
    'another inner address down',
    DEVICE,
    inDown('["2001:db8:2::1", "2001:db8:2::1"]', '["2001:db8:3::1", "2001:db8:3::1"]'),
    /sas\[1\]\.ts_ip_src: 2001:db8:3::1: must have 2001:db8:2::1/,
  ],
  [
    'other ports down',
    DEVICE,
    inDown('ts_port_dst: [5683, 5683]', 'ts_port_dst: [5684, 5684]'),
    /sas\[1\]\.ts_port_dst: 5684\.\.5684: must have 5683/,
  ],
  [
    'the own link-layer address',
    DEVICE.replace('"0001"', '"0002"'),
    SAS,
    /device\.yaml:4: gateway\.link: 0002: must not be the device's own/,
  ],
  [
    'the link-layer address of all',
    DEVICE.replace('"0001"', '"ffff"'),
    SAS,
    /gateway\.link: ffff: must be 0000\.\.fffd/,
  ],
  [
    'no link-layer address of the gateway',
    DEVICE.replace('"0001"', '"fffe"'),
    SAS,
    /gateway\.link: fffe: must be 0000\.\.fffd/,
  ],
  [
    'an EUI-64 of ones',
    DEVICE.replace('"0001"', '"ffffffffffffffff"'),
    SAS,
    /gateway\.link: f{16}: must be the address of a node/,
  ],
  [
    'a multicast gateway',
    DEVICE.replace('fe00:1"', 'fe00:1"').replace('"fe80::ff:fe00:1"', '"ff02::1"'),
    SAS,
    /device\.yaml:4: gateway\.address: ff02::1: must be the address of a node/,
  ],
  [
    'no gateway',
    DEVICE.replace('"fe80::ff:fe00:1"', '"::"'),
    SAS,
    /gateway\.address: ::: must be the address of a node/,
  ],
  [
    'equal flows',
    DEVICE + FLOWS,
    both('[5683, 5683]', '[5683, 5690]'),
    /device\.yaml:8: flows\[1\]\.port: 5684: must not be flows\[0\] again/,
  ],
  [
    'a reservation that the gateway cannot follow',
    DEVICE + 'reserve: 17\n',
    NO_BITS,
    /device\.yaml:8: reserve: 17: must be 16 at most with esp_sn_lsb 0/,
  ],
  ['no PAN', DEVICE.replace('panId: 0xabcd, ', ''), SAS, /device\.yaml:2: radio\.panId: \(missing\)/],
  [
    'a context with a line end',
    DEVICE + 'contexts: ["fd00::/64\\n\\e[31m"]\n',
    SAS,
    /^[^\n]*device\.yaml:8: contexts\[0\]: fd00::\/64\\u\{a\}\\u\{1b\}\[31m: must be [^\n]*$/,
  ],
  [
    'a number that is not exact',
    DEVICE,
    both('esp_sn_lsb: 8', 'esp_sn_lsb: 8\n    esn: true\n    esp_sn: "20000000000001"'),
    /sas\[0\]\.esp_sn: .*must be 1fffffffffffff at most/,
  ],
);

for (const [name, device, sas, message] of REFUSALS) {
  test('refused: ' + name, () => {
    assert.throws(
      () => read(device, sas),
      (error: Error) => {
        for (const key of [KEY_UP, KEY_DOWN]) assert.ok(!error.message.includes(key.trim().slice(5)));
        assert.match(error.message, message);
        return true;
      },
    );
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

test('numbers of the file have 8 octets; fewer bits reserve less', () => {
  const { constants, data } = read(
    DEVICE,
    both('esp_sn_lsb: 8', 'esp_sn_lsb: 8\n    esn: true\n    esp_sn: "100000006"'),
  );
  const at = (constants.atKeyOut as number) + (constants.keymatSize as number);
  assert.equal(Buffer.from(data).readBigUInt64BE(at), 0x100000005n);
  assert.equal(read(DEVICE, NO_BITS).constants.reserve, 16);
});

test('a file of SAs that others may read is a warning', () => {
  read(DEVICE);
  chmodSync(join(folder, 'sensor.yaml'), 0o644);
  assert.match(read(DEVICE).warnings.join(), /sensor\.yaml/);
  chmodSync(join(folder, 'sensor.yaml'), 0o600);
  assert.deepEqual(read(DEVICE).warnings, []);
});
