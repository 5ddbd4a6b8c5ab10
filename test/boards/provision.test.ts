// Provisioning: from a sensor's file to a blob, and from the blob to a board's configuration, on every engine.

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { Encoder } from 'cbor-x';
import fc from 'fast-check';
import {
  BLOB_CBOR,
  BLOB_FIELD,
  BLOB_LENGTH,
  BLOB_MAGIC,
  BLOB_MAX,
  BLOB_NONE,
  BLOB_VERSION,
  readBlob,
} from '../../targets/board/blob.ts';
import { FIELDS } from '../../targets/board/blob-keys.ts';
import { CBOR_ARRAY, CBOR_TEXT, CBOR_UNSIGNED } from '../../targets/board/cbor.ts';
import { boardPolicy } from '../../targets/board/policy.ts';
import { policyFor } from '../../targets/node/host/config/ike-policy.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { encodeKeys, frameBlob, readProvision } from '../../targets/node/lab/boards/provision.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { dietesp, isOneLine, scratch } from '../cli/run.ts';
import { everywhere } from '../engines/everywhere.ts';
import { readText, wrongCut, wrongFlip } from './blob.entry.ts';

const { file, path } = scratch();

const FILE = `radio: { panId: 0xabcd, shortAddress: 2, extendedAddress: 0200000000000002, ackWait: 100 }
address: "fd00::ff:fe00:2"
contexts: ["fd00::/64"]
gateway: { address: "fd00::ff:fe00:0", link: "0000" }
server: { address: "2001:db8:2::1", port: 5684, sourcePort: 5685, path: "a/b" }
interval: 1.5
count: 100
board: { channel: 15, ackTimeout: 3, maxRetransmit: 5, retry: 4, retryMax: 400 }
connection:
  localId: keyid:"s2"
  remoteId: fqdn:gateway.example
  auth: { psk: "never print this" }
  requestAddress: ipv6
  ike: { nonceSize: 16, dpd: 60 }
  child: { compression: { required: true, proposals: [{ esp_spi_lsb: 8, esp_sn_lsb: 8..16 }] }, rekeyPackets: 1000 }
`;
/** FILE's blob, written down: a change of the format is a change here. */
const GOLDEN =
  '44455350010000ffb8240119abcd02020348020000000000000204420000050f0650fd00000000000000000000fffe0000020750fd000000' +
  '00000000000000fffe000000085240fd00000000000000000000000000000000095020010db80002000000000000000000010a1916340b19' +
  '16350c63612f620e010f0b104273321102124f676174657761792e6578616d706c6513506e65766572207072696e742074686973161905dc' +
  '17186418181a000186a018191907d0181a06181b19ea60181c1a05265c00181d00181e1a00dbba00181f1903e818201a000151801821190f' +
  'a018221a00061a8018231901af1824101825190bb818260518278187808080808208088208108049b720e2';

const golden = Uint8Array.from(Buffer.from(GOLDEN, 'hex'));

/** The keys of the smallest blob. */
function smallest(): Map<number, unknown> {
  return new Map<number, unknown>([
    [1, 0xabcd],
    [3, Buffer.alloc(8, 3)],
    [4, Buffer.alloc(2)],
    [6, Buffer.alloc(16, 6)],
    [7, Buffer.alloc(16, 7)],
    [9, Buffer.alloc(16, 9)],
    [12, 'r'],
    [16, Buffer.from('id')],
    [19, Buffer.from('k')],
  ]);
}

/** Also what no blob holds, such as fractions: by an encoder that knows all of CBOR. */
const encodeAny = (keys: Map<number, unknown>): Uint8Array => {
  const encoder = new Encoder({ useRecords: false, mapsAsObjects: false, tagUint8Array: false });
  return Uint8Array.from(encoder.encode(keys));
};

const blobWith = (changes: [number, unknown][]): Uint8Array => {
  const keys = smallest();
  for (const [key, value] of changes)
    if (value === undefined) keys.delete(key);
    else keys.set(key, value);
  return frameBlob(encodeAny(keys));
};
const codeOf = (blob: Uint8Array): number => readBlob(blob, blob.length).code;

function refusal(text: string): string {
  try {
    readProvision('s.yaml', text);
  } catch (error) {
    return (error as Error).message;
  }
  return '(taken)';
}

test('a file gives the blob that is written down, and a board reads what the file says', () => {
  assert.equal(Buffer.from(readProvision('s.yaml', FILE)).toString('hex'), GOLDEN);
  const { code, config } = readBlob(golden, golden.length);
  assert.equal(code, 0);
  assert.deepEqual(
    [config!.panId, config!.shortAddress, config!.channel, config!.ackWait, config!.interval, config!.count],
    [0xabcd, 2, 15, 100000, 1500, 100],
  );
  assert.deepEqual([config!.serverPort, config!.ownPort, Buffer.from(config!.path).toString()], [5684, 5685, 'a/b']);
  assert.deepEqual(
    [config!.coapTimeout, config!.coapRetransmit, config!.retryTime, config!.retryMax],
    [3000, 5, 4000, 400000],
  );
  assert.deepEqual(config!.proposals, [{ allowed: [[], [], [], [], [8, 8], [8, 16], []] }]);
});

test('the policy of a board is that of dietesp sensor, with what a board has', () => {
  for (const more of ['', '  optimizedRekey: false\n  resumption: 0\n  privateAlways: true\n', '  maxChildren: 1\n']) {
    const text = FILE + more;
    const { config } = readBlob(readProvision('s.yaml', text), BLOB_MAX);
    const loaded = readSensor('s.yaml', text, { onBoard: true });
    const wanted = policyFor(loaded.connection, new Uint8Array(0), loaded.gateway.address, false);
    const board = boardPolicy(config!);
    const own: Record<string, unknown> = { ...board };
    const left = ['name', 'ike', 'ciphers', 'child', 'fragmentSize', 'nat', 'maxChildren', 'counterSync'];
    for (const [name, value] of Object.entries(wanted)) {
      if (!left.includes(name)) assert.deepEqual(own[name], value, name);
    }
    const leftOfChild = ['name', 'esp', 'suites', 'replayWindow'];
    for (const [name, value] of Object.entries(wanted.child)) {
      if (!leftOfChild.includes(name)) assert.deepEqual((board.child as never)[name], value, 'child.' + name);
    }
  }
});

test('nothing of a blob that is cut or changed is taken', () => {
  assert.equal(wrongCut(golden.slice()), -1);
  assert.equal(wrongFlip(golden.slice(), 1), -1);
  for (const erased of [0, 255]) assert.equal(codeOf(new Uint8Array(64).fill(erased)), BLOB_NONE);
  assert.equal(codeOf(new Uint8Array(0)), BLOB_NONE);
  assert.equal(codeOf(Uint8Array.from(Buffer.from('DESQ\x01\x00\x00\x01\xa0....'))), BLOB_MAGIC);
  assert.equal(codeOf(Uint8Array.from([...golden.subarray(0, 4), 2, ...golden.subarray(5)])), BLOB_VERSION);
  assert.equal(codeOf(Uint8Array.from([...golden.subarray(0, 6), 0xff, 0xff, ...golden.subarray(8)])), BLOB_LENGTH);
  // What stands behind it in flash does not matter.
  assert.equal(codeOf(Uint8Array.from([...golden, ...new Uint8Array(100).fill(255)])), 0);
});

test('each field at its limits and beyond them', () => {
  assert.equal(codeOf(blobWith([])), 0);
  let tried = 0;
  for (let key = 1; 4 * key < FIELDS.length; key++) {
    const [kind, least, most, initial] = FIELDS.slice(4 * key, 4 * key + 4);
    const make = (size: number): unknown => {
      if (kind === CBOR_UNSIGNED) return size;
      if (kind === CBOR_TEXT) return 'x'.repeat(size);
      return Buffer.alloc(size, 1);
    };
    const isSet = smallest().has(key);
    if (initial === -1) assert.equal(codeOf(blobWith([[key, undefined]])), BLOB_FIELD, `key ${key} missing`);
    // A list of its own: below.
    if (kind === CBOR_ARRAY) continue;
    tried++;
    // Other fields bear on these two; the contexts are whole ones.
    const beside: [number, unknown][] = key === 33 ? [[34, most]] : key === 34 ? [[33, least]] : [];
    for (const size of [least, most]) {
      assert.equal(codeOf(blobWith([...beside, [key, make(size)]])), 0, `key ${key} ${size}`);
    }
    assert.equal(codeOf(blobWith([...beside, [key, make(most + 1)]])), BLOB_FIELD, `key ${key} above ${most}`);
    if (least > 0)
      assert.equal(codeOf(blobWith([...beside, [key, make(least - 1)]])), BLOB_FIELD, `key ${key} below ${least}`);
    for (const wrong of [
      -1,
      1.5,
      true,
      null,
      [1],
      new Map([[1, 1]]),
      kind === CBOR_TEXT ? Buffer.alloc(most) : 'x'.repeat(most % 300),
    ]) {
      assert.equal(codeOf(blobWith([[key, wrong]])), BLOB_FIELD, `key ${key} ${String(wrong)}`);
    }
    assert.ok(isSet || initial !== -1);
  }
  assert.equal(tried, 38);
  const more: [string, [number, unknown][]][] = [
    ['no key', [[19, undefined]]],
    [
      'half a key pair',
      [
        [19, undefined],
        [20, Buffer.alloc(32)],
      ],
    ],
    ['link of 5 octets', [[4, Buffer.alloc(5)]]],
    ['context of 19 octets', [[8, Buffer.alloc(19)]]],
    ['context of 129 bits', [[8, Buffer.alloc(18, 129)]]],
    ['context of 17 octets', [[8, Buffer.alloc(17)]]],
    [
      'attempts that get closer',
      [
        [33, 5000],
        [34, 4000],
      ],
    ],
    ['an unknown key', [[41, 1]]],
    ['an unknown key', [[70000, 'x']]],
    ['key 0', [[0, 1]]],
    ['six attributes', [[39, [[[], [], [], [], [], []]]]]],
    ['half a pair', [[39, [[[1], [], [], [], [], [], []]]]]],
    ['a pair turned round', [[39, [[[2, 1], [], [], [], [], [], []]]]]],
    ['33 bits', [[39, [[[0, 33], [], [], [], [], [], []]]]]],
    ['seven numbers', [[40, [1, 2, 3, 4, 5, 6, 7]]]],
    ['a large number', [[40, [1, 2, 3, 4, 5, 6, 7, 65536]]]],
  ];
  for (const [what, changes] of more) assert.equal(codeOf(blobWith(changes)), BLOB_FIELD, what);
  assert.equal(
    codeOf(
      blobWith([
        [19, undefined],
        [20, Buffer.alloc(32)],
        [21, Buffer.alloc(32)],
      ]),
    ),
    0,
    'Ed25519',
  );
  assert.equal(
    codeOf(
      blobWith([
        [-1, { a: [1, 'x'] }],
        [-70000, 1.5],
      ]),
    ),
    0,
    'negative keys are for others',
  );
});

/** A blob of this CBOR, in hexadecimal. */
const framed = (cbor: string): Uint8Array => frameBlob(Buffer.from(cbor, 'hex'));
/** The smallest blob's CBOR, and its keys without the head. */
const inner = Buffer.from(encodeKeys(smallest())).toString('hex');
const body = inner.slice(2);

test('what is no CBOR map of such keys', () => {
  assert.equal(inner.slice(0, 2), 'a9');
  assert.equal(codeOf(framed('a9' + body)), 0);
  // Longer forms of a head are heads.
  assert.equal(codeOf(framed('bb0000000000000009' + body)), 0);
  const wrong = {
    empty: '',
    array: '8901',
    'octets behind': inner + '00',
    'a pair too few': 'aa' + body,
    'a pair too many': 'a8' + body,
    'indefinite map': 'bf' + body + 'ff',
    'a key twice': 'aa' + body + '0119abcd',
    'a key of text': 'aa' + body + '616101',
    'reserved head': 'aa' + body + '20' + '1c',
    'beyond 2^53': 'aa' + body + '20' + '1b0020000000000000',
    'all bits': 'aa' + body + '1bffffffffffffffff' + '00',
    deep: 'aa' + body + '20' + '81'.repeat(20) + '00',
    'a long string': 'aa' + body + '20' + '5affffffff',
    'a long array': 'aa' + body + '20' + '9affffffff00',
    'a long map': 'aa' + body + '20' + 'bb001fffffffffffff00',
  };
  for (const [what, cbor] of Object.entries(wrong)) assert.equal(codeOf(framed(cbor)), BLOB_CBOR, what);
  for (const right of ['1b001fffffffffffff', 'fb3ff8000000000000', 'c101', 'f6', '838181000102'])
    assert.equal(codeOf(framed('aa' + body + '20' + right)), 0, right);
});

test('any octets give a code, and only what encodes to themselves is taken', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (cbor) => {
      const code = codeOf(frameBlob(cbor));
      assert.ok(code === BLOB_CBOR || code === BLOB_FIELD);
    }),
    { numRuns: 5000, seed: 1 },
  );
  const value = fc.oneof(
    fc.integer({ min: -100000, max: 300000000 }),
    fc.uint8Array({ maxLength: 40 }).map((octets) => Buffer.from(octets)),
    fc.string({ maxLength: 20 }),
    fc.array(fc.integer({ min: 0, max: 70000 }), { maxLength: 10 }),
  );
  let taken = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: -3, max: 45 }), value), { maxLength: 4 }), (changes) => {
      const code = codeOf(blobWith(changes));
      if (code === 0) taken++;
      assert.ok(code === 0 || code === BLOB_FIELD, `${code}`);
    }),
    { numRuns: 5000, seed: 2 },
  );
  assert.ok(taken > 50, `${taken}`);
});

test('what a board cannot do is refused by line, field, value and limit', () => {
  const cases: [string, string, RegExp][] = [
    [
      'radio: { panId: 0xabcd, shortAddress: 2, extendedAddress: 0200000000000002, ackWait: 100 }',
      'udp: {}',
      /^s\.yaml:1: radio: \(missing\): is required for a board$/,
    ],
    [
      'server: { address: "2001:db8:2::1", port: 5684, sourcePort: 5685, path: "a/b" }\n',
      '',
      /: server: \(missing\): is required for a board$/,
    ],
    ['path: "a/b"', `path: "${'p'.repeat(65)}"`, /^s\.yaml:5: server\.path: p+\.\.\.: must be 1\.\.64 octets/],
    ['interval: 1.5', 'interval: 300000', /^s\.yaml:6: interval: 300000: must be at most 268435 s on a board$/],
    ['count: 100', 'count: 300000000', /^s\.yaml:7: count: 300000000: must be at most 268435455 on a board$/],
    ['channel: 15', 'channel: 27', /^s\.yaml:8: board\.channel: 27: must be 11\.\.26$/],
    ['retryMax: 400', 'retryMax: 3', /^s\.yaml:8: board\.retryMax: 3: must not be less than retry$/],
    [
      'requestAddress: ipv6',
      'requestAddress: ipv4',
      /: connection\.requestAddress: ipv4: must be none or ipv6 on a board$/,
    ],
    [
      'nonceSize: 16',
      'proposals: [aes-gcm-16]',
      /: connection\.ike\.proposals: .*: must have aes-ccm-8, which a board speaks$/,
    ],
    ['nonceSize: 16', 'ke: [p256]', /: connection\.ike\.ke: .*: must have x25519/],
    ['nonceSize: 16', 'announceAuth: true', /: connection\.ike\.announceAuth: true: a board does not announce it$/],
    ['rekeyPackets: 1000', 'esp: [aes-gcm-16]', /: connection\.child\.esp: .*: must have aes-ccm-8-iiv/],
    ['required: true,', 'coap: { paths: [a] },', /: connection\.child\.compression\.coap: .*: a board has no rules/],
    ['rekeyPackets: 1000', 'mode: transport', /: connection\.child\.mode: transport: must be tunnel on a board$/],
    ['rekeyPackets: 1000', 'esn: on', /: connection\.child\.esn: on: must be off or both/],
    ['rekeyPackets: 1000', 'remote: any', /: connection\.child\.remote: /],
    ['rekeyPackets: 1000', 'remote: ["2001:db8:2::/64"]', /: connection\.child\.remote: .*: must be absent/],
    [
      'psk: "never print this"',
      `psk: "${'k'.repeat(65)}"`,
      /: connection\.auth: \(an object\): the key must be 64 octets at most on a board$/,
    ],
    ['keyid:"s2"', 'fqdn:' + 'n'.repeat(65), /: connection\.localId: .*: must be 64 octets at most/],
    ['  requestAddress', '  ppk: { id: x, key: 00 }\n  requestAddress', /: connection\.ppk: .*: a board has no PPK$/],
  ];
  for (const [from, to, wanted] of cases) {
    assert.ok(FILE.includes(from), from);
    const said = refusal(FILE.replace(from, to));
    assert.match(said, wanted, said);
    assert.doesNotMatch(said, /never print|kkkk/);
  }
});

test('dietesp provision writes for its owner alone, and shows no key', async () => {
  const config = file('sensor.yaml', FILE);
  const blob = path('board.bin');
  const written = await dietesp('provision', '--config', config, '--out', blob, '--general');
  assert.equal(written.stderr, '');
  assert.equal(written.stdout, `${blob}: ${golden.length} octets\n`);
  assert.deepEqual(Uint8Array.from(readFileSync(blob)), golden);
  assert.equal(statSync(blob).mode & 0o777, 0o600);
  const shown = await dietesp('provision', '--show', blob);
  assert.match(shown.stdout, /^localId +keyid:7332$/m);
  assert.match(shown.stdout, /^pskOctets +16$/m);
  assert.doesNotMatch(shown.stdout, /never print|6e65766572/);
  const broken = await dietesp('provision', '--show', file('broken.bin', golden.slice(0, 100)));
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /^error: .*broken\.bin: refused with code 4: it is truncated\n$/);
  await dietesp('provision', '--config', config, '--out', blob);
  assert.match(
    (await dietesp('provision', '--show', blob)).stdout,
    /^version +2\nprofile +[0-9a-f]{16}\noctets +\d+\n$/,
  );
  const special = readFileSync(blob);
  const cut = await dietesp('provision', '--show', file('cut.bin', special.subarray(0, 60)));
  assert.match(cut.stderr, /^error: .*cut\.bin: refused with code 4: it is truncated\n$/);
  special[30] ^= 1;
  const damaged = await dietesp('provision', '--show', file('damaged.bin', special));
  assert.match(damaged.stderr, /^error: .*damaged\.bin: refused with code 5: its CRC is wrong\n$/);
  const wrong = file('bad.yaml', FILE.replace('channel: 15', 'channel: 7'));
  const bad = await dietesp('provision', '--config', wrong, '--out', blob);
  assert.equal(bad.code, 1);
  assert.ok(isOneLine(bad.stderr), bad.stderr);
  assert.match(bad.stderr, /bad\.yaml:8: board\.channel: 7: must be 11\.\.26/);
  assert.equal((await dietesp('provision', '--config', config)).code, 2);
});

/** Blobs with random changes, with what Node makes of them. */
function randomCases(): string[][] {
  const random = createRandom(20);
  return Array.from({ length: 40 }, (_, index) => {
    const cbor = Buffer.from(encodeKeys(smallest()));
    for (let i = random.below(3); i >= 0; i--) cbor[random.below(cbor.length)] = random.below(256);
    const blob = frameBlob(cbor);
    return ['read', `random-${index}`, Buffer.from(blob).toString('hex'), readText(blob, blob.length)];
  });
}

const minimal = Buffer.from(framed(inner)).toString('hex');
const wide = framed('aa' + body + '1bffffffffffffffff00');
everywhere('blobs', 'test/boards/blob.entry.ts', [
  ['read', 'golden', GOLDEN, readText(golden, golden.length)],
  ['read', 'all-bits', Buffer.from(wide).toString('hex'), readText(wide, wide.length)],
  ...randomCases(),
  ['cut', 'cut', GOLDEN],
  ['flip', 'flip', minimal, '29'],
]);
