// No message about a file has a value of a secret field, of what is below it or around it, whatever is wrong with the file.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { readSas } from '../../targets/node/host/config/sa.ts';
import { parseConfig } from '../../targets/node/host/document.ts';
import { pathName } from '../../targets/node/host/errors.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';

type Node = string | number | boolean | null | Node[] | { [name: string]: Node };

/** What no message may have: as text and in hexadecimal. */
const MARKER = 'Marker7Secret';
const HEX = 'feedfacecafebabe'.repeat(4);
const SHORT_HEX = 'feedfacecafebabe'.repeat(2);

const AUTH: Node = { psk: MARKER };
const CONNECTION: Node = {
  localId: 'fqdn:gateway',
  auth: AUTH,
  ppk: { id: 'p', key: HEX, mandatory: true },
  child: { rekey: 100, local: ['any'] },
};
const GATEWAY: Node = {
  udp: [{ address: '127.0.0.1', port: 0, natPort: 0 }],
  connection: CONNECTION,
  peers: [
    { name: 'a', remoteId: 'fqdn:a', auth: { pskHex: HEX } },
    { name: 'b', remoteId: 'fqdn:b', auth: { privateKey: HEX, publicKey: 'd75a980182b10ab7' } },
  ],
  ticketKey: SHORT_HEX,
  metrics: 1,
};
const SENSOR: Node = {
  udp: { address: '127.0.0.1' },
  gateway: { address: '127.0.0.1' },
  connection: CONNECTION,
  server: { address: '10.8.0.1' },
};
const SAS: Node = {
  sas: [
    {
      name: 'x',
      esp_spi: '1000',
      esp_encr: 'AES_CCM_8',
      tunnel_ip: ['fd00::1', 'fd00::2'],
      key: SHORT_HEX,
      salt: 'feedfa',
      akey: HEX,
      lifetime: { soft_packets: 3 },
    },
  ],
};
const SECRETS = ['psk', 'pskHex', 'privateKey', 'key', 'ticketKey', 'salt', 'akey'];
/** Objects that hold them. */
const HOLDERS = ['auth', 'ppk', 'connection'];

const READERS: [string, Node, (text: string) => unknown][] = [
  ['gateway', GATEWAY, (text) => readGateway('g.yaml', text)],
  ['sensor', SENSOR, (text) => readSensor('s.yaml', text)],
  ['sas', SAS, (text) => readSas(parseConfig('a.yaml', text))],
];

/** All places in a document: the parent and the key. */
function placesOf(node: Node, list: [Node[] | { [name: string]: Node }, string][] = []) {
  if (typeof node !== 'object' || node === null) return list;
  for (const key of Object.keys(node)) {
    list.push([node as { [name: string]: Node }, key]);
    placesOf((node as { [name: string]: Node })[key], list);
  }
  return list;
}

function assertHidden(text: string, message: string, stack: string): void {
  for (const said of [message, stack]) {
    for (const secret of [MARKER, 'feedfa']) {
      assert.ok(!said.toLowerCase().includes(secret.toLowerCase()), `${said}\n--- in\n${text}`);
    }
  }
}

function read(reader: (text: string) => unknown, text: string): boolean {
  try {
    reader(text);
    return true;
  } catch (error) {
    const { message, stack, ...rest } = error as Error;
    assertHidden(text, message, JSON.stringify([rest, (stack ?? '').split('\n').length]));
    return false;
  }
}

test('files with wrong nodes at, below and around secrets', async () => {
  const warnings: string[] = [];
  const listen = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', listen);
  const random = createRandom(9);
  const pick = <Value>(list: readonly Value[]): Value => list[Math.floor(random.next() * list.length)];
  let refused = 0;
  for (const [name, base, reader] of READERS) {
    if (name !== 'sas') assert.ok(read(reader, stringify(base).replace('d75a980182b10ab7', HEX)), name);
    for (let n = 0; n < 700; n++) {
      const root = structuredClone(base);
      for (let m = 1 + Math.floor(random.next() * 3); m > 0; m--) {
        const places = placesOf(root);
        const [parent, key] = pick(places);
        const at = parent as { [name: string]: Node };
        const value = at[key];
        const isSecret = SECRETS.includes(key);
        if (isSecret || HOLDERS.includes(key)) {
          // A secret in a wrong form, or where an object is wanted.
          const secret = isSecret ? value : pick([MARKER, HEX]);
          at[key] = pick<Node>([
            [secret],
            { [String(secret)]: 1 },
            { a: secret },
            [[secret]],
            `${secret} `,
            secret,
            [1, secret],
          ]);
        } else {
          at[key] = pick<Node>([1, 'word', [], {}, null, true, [1, 2], { x: 1 }, -1, 1e99]);
        }
        if (random.next() < 0.3) {
          // Misspelt.
          delete at[key];
          if (!Array.isArray(parent)) at[`${key}${pick(['s', '_', 'X', ''])}`.slice(pick([0, 1]))] = value;
        }
      }
      let text = stringify(root);
      // No YAML any more.
      if (random.next() < 0.3) {
        const at = Math.floor(random.next() * text.length);
        text =
          text.slice(0, at) +
          pick([':', '"', "'", '[', '{', '\t', '*', '&a ', '!x ', '%', '\n', '- ', '? ', '|', '@']) +
          text.slice(at);
      }
      if (!read(reader, text)) refused++;
    }
  }
  assert.ok(refused > 1500, `${refused}`);
  // Warnings come a little later.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', listen);
  assert.deepEqual(warnings, []);
});

test('what strangers write into names and values keeps to its line', () => {
  assert.throws(
    () => readGateway('g.yaml', '"log\\u001b[2J\\nx": 1\n'),
    (error: Error) => !/[\p{Cc}]/u.test(error.message.replaceAll('\n', '')),
  );
  assert.equal(pathName(['a\u001b[2J\n', 1, 'b\u202e']), 'a\\u{1b}[2J\\u{a}[1].b\\u{202e}');
});

test('a wrong key is one error', () => {
  const text = (auth: string) => `udp: [{ address: "::1" }]\nconnection: { localId: "fqdn:g", auth: ${auth} }\n`;
  for (const auth of ['{ pskHex: 0 }', '{ psk: [1] }', '{ pks: 1, x: 2 }', '{ privateKey: 12 }', '[1]', 'word']) {
    assert.throws(
      () => readGateway('g.yaml', text(auth)),
      (error: Error) => !/without psk/.test(error.message),
      auth,
    );
  }
  assert.throws(
    () => readGateway('g.yaml', text('{ pskHex: 0Z }')),
    /^FieldError: g\.yaml:2: connection\.auth\.pskHex: \(2 characters\): must be/,
  );
});

test('the file of another kind is called so', () => {
  const kinds: [string, string, Node, (text: string) => unknown][] = [
    ['sensor', 'dietesp gateway', GATEWAY, READERS[1][2]],
    ['gateway', 'dietesp sensor', SENSOR, READERS[0][2]],
    ['gateway', 'SAs keyed by hand', SAS, READERS[0][2]],
    ['sas', 'dietesp sensor', SENSOR, READERS[2][2]],
  ];
  for (const [, word, base, reader] of kinds) {
    assert.throws(
      () => reader(stringify(base)),
      (error: Error) =>
        error.message.includes(word) && !error.message.includes('\n') && !error.message.includes('unknown'),
      word,
    );
  }
});

test('a zone has no place in an address of a file: that is said', () => {
  const text =
    'radios: [{ panId: 1, zep: {} }]\naddresses: ["fe80::1%eth0"]\nconnection: { localId: "fqdn:g", auth: { psk: x } }\n';
  assert.throws(
    () => readGateway('g.yaml', text),
    /^FieldError: g\.yaml:2: addresses\[0\]: fe80::1%eth0: must be an IPv6 address without a zone \(%eth0\)$/,
  );
});
