// Known answers for native cryptography, none with a nonce of zeros: RFC 3610, RFC 4309's shapes from the project's vector
// file and from Node, RFC 4231, RFC 7748. Results of the portable functions for spans. Calls that the hooks must refuse.

import { createCipheriv, createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { copy, equal, fill, frameFcs, lastDifference, sumWords } from '../../core/base/spans.ts';
import { sourceRoot } from '../../targets/build/root.ts';

function octets(label: string, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++) {
    parts.push(
      createHash('sha256')
        .update(label + i)
        .digest(),
    );
  }
  return Buffer.concat(parts).subarray(0, length);
}

/** Key, nonce, AAD, clear text and ICV in octets: shortest and longest of each, and the lengths around a block. */
const SHAPES = [
  [16, 7, 0, 2, 4],
  [16, 13, 1, 1, 16],
  [16, 11, 8, 15, 8],
  [16, 11, 12, 16, 16],
  [16, 11, 13, 17, 10],
  [16, 11, 14, 31, 8],
  [16, 11, 15, 32, 12],
  [16, 12, 30, 33, 14],
  [16, 8, 31, 64, 6],
  [16, 11, 300, 1280, 8],
  [24, 11, 8, 40, 8],
  [32, 11, 8, 40, 8],
];

function ccmByNode([keyLength, nonceLength, aadLength, length, icvLength]: number[]): string[] {
  const id = ['ccm', keyLength, nonceLength, aadLength, length, icvLength].join('-');
  const [key, nonce, aad, clear] = [keyLength, nonceLength, aadLength, length].map((size, i) => octets(id + i, size));
  const cipher = createCipheriv(`aes-${keyLength * 8}-ccm` as 'aes-128-ccm', key, nonce, { authTagLength: icvLength });
  cipher.setAAD(aad, { plaintextLength: length });
  const sealed = Buffer.concat([cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
  return [id, 'ccm', ...[key, nonce, aad, clear, sealed].map((part) => part.toString('hex'))];
}

function ccmFromFile(): string[][] {
  const file = join(sourceRoot(), 'test', 'vectors', 'aes-ccm-rfc4309.json');
  const { keys, vectors } = JSON.parse(readFileSync(file, 'utf8')) as {
    keys: string[];
    vectors: [number, string, string, string, string][];
  };
  // Every 25th: all four shapes, and lengths up to the largest.
  return vectors.flatMap(([key, nonce, aad, clear, sealed], n) =>
    n % 25 === 0 ? [['rfc4309-' + n, 'ccm', keys[key], nonce, aad, clear, sealed]] : [],
  );
}

const HI_THERE = Buffer.from('Hi There').toString('hex');
const LARGER = Buffer.from('Test Using Larger Than Block-Size Key - Hash Key First').toString('hex');

const PUBLISHED: string[][] = [
  // [RFC 3610 §8] packet vectors 1 and 2.
  [
    'rfc3610-1',
    'ccm',
    'c0c1c2c3c4c5c6c7c8c9cacbcccdcecf',
    '00000003020100a0a1a2a3a4a5',
    '0001020304050607',
    '08090a0b0c0d0e0f101112131415161718191a1b1c1d1e',
    '588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0',
  ],
  [
    'rfc3610-2',
    'ccm',
    'c0c1c2c3c4c5c6c7c8c9cacbcccdcecf',
    '00000004030201a0a1a2a3a4a5',
    '0001020304050607',
    '08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
    '72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3ba091d56e10400916',
  ],
  // [RFC 4231 §4.2, §4.3, §4.4, §4.7].
  ['rfc4231-1', 'hmac', '0b'.repeat(20), HI_THERE, 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    'rfc4231-2',
    'hmac',
    '4a656665',
    '7768617420646f2079612077616e7420666f72206e6f7468696e673f',
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    'rfc4231-3',
    'hmac',
    'aa'.repeat(20),
    'dd'.repeat(50),
    '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
  ],
  ['rfc4231-6', 'hmac', 'aa'.repeat(131), LARGER, '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54'],
  // [RFC 7748 §5.2, §6.1].
  [
    'rfc7748-1',
    'x25519',
    'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
    'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
    'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
  ],
  [
    'rfc7748-2',
    'x25519',
    '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
    'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
    '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
  ],
  [
    'rfc7748-alice',
    'x25519',
    '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
    '09' + '00'.repeat(31),
    '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
  ],
];

/** Call, and what its error must say. */
const REFUSED: [string, string][] = [
  ['random-range', 'buffer'],
  ['random-offset', 'offset'],
  ['random-fraction', 'length'],
  ['random-none', 'buffer'],
  ['transmit-range', 'buffer'],
  ['transmit-short', 'length'],
  ['transmit-long', 'length'],
  ['transmit-huge', 'offset'],
  ['tune-channel', 'channel'],
  ['tune-high', 'channel'],
  ['tune-pan', 'panId'],
  ['tune-short', 'shortAddress'],
  ['tune-extended', 'extendedAddress'],
  ['receive-small', 'buffer'],
  ['receive-none', 'buffer'],
  ['wait-text', 'ms'],
  ['command-none', 'buffer'],
  ['provision-none', 'buffer'],
  ['save-range', 'buffer'],
  ['save-offset', 'offset'],
  ['save-long', 'length'],
  ['save-none', 'buffer'],
  ['load-none', 'buffer'],
  ['exit-code', 'code'],
  ['ccm-key', 'key'],
  ['ccm-nonce', 'nonceLength'],
  ['ccm-nonce-range', 'nonce'],
  ['ccm-aad', 'aad'],
  ['ccm-icv', 'icvLength'],
  ['ccm-room', 'buffer'],
  ['ccm-mode', 'encrypt'],
  ['hmac-range', 'buffer'],
  ['hmac-out', 'out'],
  ['hmac-key', 'key'],
  ['x25519-out', 'out'],
  ['x25519-scalar', 'scalar'],
  ['x25519-point', 'point'],
  ['copy-to', 'to:'],
  ['copy-from', 'from:'],
  ['copy-to-offset', 'toOffset'],
  ['copy-from-offset', 'fromOffset'],
  ['copy-length', 'length'],
  ['copy-none', 'from:'],
  ['fill-range', 'buffer'],
  ['fill-value', 'value'],
  ['fill-offset', 'offset'],
  ['equal-a', 'a:'],
  ['equal-b', 'b:'],
  ['difference-a', 'a:'],
  ['difference-b', 'b:'],
  ['difference-mask', 'mask'],
  ['sum-range', 'buffer'],
  ['sum-sum', 'sum'],
  ['fcs-range', 'buffer'],
  ['fcs-none', 'buffer'],
];

/** Octets of the buffers of a case of spans. */
const ROOM = 300;
/** Spans: to, from, length. Empty ones (also behind the end, also less than none), the whole buffer, overlaps both ways. */
const EDGES = [
  [0, 0, 0],
  [ROOM, 0, 0],
  [5, 7, -3],
  [0, 0, ROOM],
  [0, 1, ROOM - 1],
  [1, 0, ROOM - 1],
  [3, 0, 130],
  [64, 0, 65],
  [0, 0, 1],
  [ROOM - 1, 0, 1],
];

/** Known by the portable functions, here on Node. Every third pair of buffers differs in a bit or two alone. */
function spanCases(): string[][] {
  const random = octets('spans', 512);
  const spans = [...EDGES];
  for (let i = 0; i < 30; i++) {
    const length = random.readUInt16BE(8 * i) % (i % 2 === 0 ? ROOM : 20);
    const at = (n: number): number => random.readUInt16BE(8 * i + n) % (ROOM - length + 1);
    spans.push([at(2), at(4), length]);
  }
  return spans.map(([to, from, length], i) => {
    const other = Uint8Array.from(octets('other' + i, ROOM));
    const buffer = Uint8Array.from(octets('buffer' + i, ROOM));
    const mask = Uint8Array.from(octets('mask' + i, ROOM));
    if (i % 3 === 0) {
      for (let k = 0; k < length; k++) buffer[to + k] = other[from + k];
      if (i % 2 === 0 && length > 0) buffer[to + (length >> 1)] ^= 1 << (i % 8);
    }
    const text = (): string => Buffer.from(buffer).toString('hex');
    const fields = ['spans-' + i, 'spans', ...[buffer, other, mask].map((part) => Buffer.from(part).toString('hex'))];
    const numbers = [to, from, length + 256].map((number) => number.toString(16).padStart(4, '0'));
    fields.push(numbers.join(''), String(sumWords(buffer, from, length, 12345)));
    fields.push(String(frameFcs(buffer, from, length)));
    fields.push(String(lastDifference(buffer, to, other, from, mask, length)));
    fields.push(String(equal(buffer, to, other, from, length)));
    copy(buffer, to, other, from, length);
    fields.push(text());
    copy(buffer, to, buffer, from, length);
    fields.push(text());
    fill(buffer, from, length, 0xa5);
    fields.push(text());
    return fields;
  });
}

export function nativeCases(): string[][] {
  return [
    ...PUBLISHED,
    ...SHAPES.map(ccmByNode),
    ...ccmFromFile(),
    ...spanCases(),
    ['record', 'record'],
    ...REFUSED.map(([call, words]) => ['refuse-' + call, 'refuse', call, words]),
  ];
}
