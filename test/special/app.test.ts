// The application of a specialised board beside the general one's: the same lines for the same script, against the gateway.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { specialBlob } from '../../targets/build/specialise/blob-of.ts';
import { readSpecial, specialProvision } from '../../targets/node/lab/boards/special.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import {
  blobOf,
  boardOn,
  coapServer,
  type FileOptions,
  fileOf,
  gatewayOn,
  type MockBoard,
} from '../boards/app-support.ts';
import { ikeOf } from '../gateway/ike-support.ts';
import { specialFile, specialOn } from './app-kit.ts';

/** Lines without what varies. */
function plain(lines: readonly string[]): string[] {
  return lines.map((line) =>
    line
      .replace(/spi=[0-9a-f]{8}/, 'spi=X')
      .replace(/octets=\d+/, 'octets=N')
      .replace(/ms=\d+/, 'ms=N')
      .replace(/retry=\d+/, 'retry=N')
      .replace(/ticks-handshake=\d+ ticks-packet=\d+/, 'ticks'),
  );
}

const START = ['dietesp 0.2.0 node native=0', 'provision ok id=0001 short=0001'];
const CONNECTED = ['ike connecting', 'child installed spi=X', 'ike established messages=4 octets=N ms=N resumed=0'];

async function world(seed: number, options: FileOptions & { loss?: number; general?: boolean; peer?: string } = {}) {
  const medium = createMedium({ seed, loss: options.loss ?? 0 });
  const server = coapServer(medium);
  const gateway = await gatewayOn(medium, server, options.peer === undefined ? {} : { ike: ikeOf(options.peer) });
  const file = { top: 'interval: 1\ncount: 3', ...options };
  const node: MockBoard =
    options.general === true
      ? boardOn(medium, blobOf(1, file), seed + 1)
      : await specialOn(medium, fileOf(1, file), seed + 1);
  const run = (ms: number) => medium.run(medium.now + ms);
  return { medium, server, gateway, node, run };
}

test('handshake with Diet-ESP, readings, done: the lines of the console', async () => {
  const { node, gateway, server, run } = await world(1);
  run(10000);
  assert.deepEqual(plain(node.take()), [
    ...START,
    ...CONNECTED,
    'reading 1 acknowledged ms=N',
    'reading 2 acknowledged ms=N',
    'reading 3 acknowledged ms=N',
    'done 3 0',
  ]);
  assert.deepEqual(server.got, ['r/t {"n":1}', 'r/t {"n":2}', 'r/t {"n":3}']);
  assert.deepEqual(gateway.told, ['up keyid:0001']);
  assert.deepEqual(gateway.metrics().drops, {});
  node.type('stats');
  node.type('send 2');
  run(1000);
  assert.match(
    node.lines.join('\n'),
    /^stats heap=500 memory=1000 ticks-handshake=\d+ ticks-packet=\d+ sent=3 received=3 drops=0 console-bad=0 saves=0\nreading 4 acknowledged ms=\d+\nreading 5 acknowledged ms=\d+$/,
  );
  assert.equal(server.got.length, 5, 'at once, one after the other; done is said once');
  await gateway.close();
});

test('readings of profiles whose inner address comes from the gateway, and of those with other suites', async () => {
  const cases = {
    'plain ESP': 'compression: { notify: none }',
    'keys of 256 bits first': 'esp: [aes-ccm-8-iiv-256, aes-ccm-8-iiv]',
    'nothing compressed':
      'compression: { proposals: [{ flow_label_cda: not_compressed, dscp_cda: not_compressed, ecn_cda: not_compressed }] }',
  };
  for (const [name, child] of Object.entries(cases)) {
    for (const general of [true, false]) {
      const text = `  child: { ${child} }`;
      const { gateway, server, run } = await world(5, { connection: text, peer: text + '\n', general });
      run(10000);
      assert.equal(server.got.length, 3, `${name}, ${general ? 'general' : 'specialised'}`);
      await gateway.close();
    }
  }
});

test('a file that no such board could live by is refused, with its line', () => {
  const cases: [FileOptions, RegExp][] = [
    [
      { connection: '  child: { mode: transport }' },
      /^sensor\.yaml:12: .*mode: .*transport.*: must be tunnel: the server/,
    ],
    [{ connection: '  ike: { retransmit: 31536000 }' }, /^sensor\.yaml:12: .*retransmit: .*: must be at most 268435 s/],
    [
      { connection: `  ppk: { id: a, key: "${'ab'.repeat(1500)}" }` },
      /^sensor\.yaml:1: provision: \d+ octets: must be 1024 at most: shorten/,
    ],
    [
      { connection: '  child: { esp: [aes-ccm-8-iiv-256] }' },
      /^sensor\.yaml:12: .*esp: .*: must have a suite with keys of 128/,
    ],
  ];
  for (const [options, message] of cases) {
    assert.throws(
      () => specialFile(fileOf(1, options)),
      (error: Error) => message.test(error.message) || assert.fail(error.message),
    );
  }
});

test('Ed25519 is for modules whose program has it; its blob is that of the profile', () => {
  const key = generateKeyPairSync('ed25519');
  const open = Buffer.from(key.publicKey.export({ format: 'jwk' }).x!, 'base64url').toString('hex');
  const text = fileOf(1, { auth: `{ privateKey: "${'12'.repeat(32)}", publicKey: "${open}" }` });
  assert.throws(() => specialFile(text), /sensor\.yaml:11: connection\.auth: .*--native ed25519/);
  const native = { ccm: true, hmac: true, x25519: true, ed25519: true };
  const { constants } = readSpecial('sensor.yaml', text, native, 'node');
  const blob = Buffer.from(specialProvision('sensor.yaml', text));
  assert.equal(blob.toString('hex', 8, 16), constants.profileHash);
});

test('the same script gives the same lines as on the general board', async () => {
  const script: [at: number, line: string][] = [
    [3000, 'rekey'],
    [11000, 'rekey-ike'],
    [16000, 'nonsense'],
    [17000, 'send 2'],
    [20000, 'connect'],
    [26000, 'delete'],
    [32000, 'connect'],
    [38000, 'send'],
    [38001, 'exit'],
  ];
  const run = async (general: boolean): Promise<string[]> => {
    const { node, gateway, medium } = await world(7, { top: 'interval: 1\ncount: 0', general });
    for (const [at, line] of script) medium.at(at, () => node.type(line));
    medium.run(40000);
    await gateway.close();
    return plain(node.take());
  };
  const special = await run(false);
  // The readings of each second may stand before or behind what another clock brings.
  const other = (lines: string[]): string[] => lines.filter((line) => !line.startsWith('reading'));
  const general = await run(true);
  assert.deepEqual(other(special), other(general));
  assert.ok(
    other(special).includes('ike rekeyed') &&
      other(special).includes('ike established messages=4 octets=N ms=N resumed=1'),
  );
  const readings = (lines: string[]): string[] => lines.filter((line) => line.startsWith('reading'));
  assert.deepEqual(readings(special), readings(general));
  assert.ok(readings(special).length > 25);
});

test('new authentications: the lines of the general board, and no reading is lost', async () => {
  const run = async (general: boolean): Promise<string[]> => {
    const connection = '  ike: { reauth: 20 }';
    const { node, gateway, server, medium } = await world(9, { top: 'interval: 0.5\ncount: 120', connection, general });
    medium.run(70000);
    // One comes twice where the channel was busy when it was acknowledged.
    const most = 120 + (gateway.metrics().radios[0].macDrops.channel ?? 0);
    assert.ok(new Set(server.got).size === 120 && server.got.length <= most, `${server.got.length} of ${most}`);
    assert.deepEqual(gateway.metrics().drops, {});
    await gateway.close();
    return plain(node.take());
  };
  const [special, general] = [await run(false), await run(true)];
  // The specialised device takes late packets for a while before it removes an SA.
  const pick = (lines: string[]): string[] => lines.filter((line) => /^(ike|child installed|done)/.test(line));
  const removed = (lines: string[]): number => lines.filter((line) => line === 'child removed').length;
  assert.equal(special.filter((line) => line === 'ike ended outcome=-9 retry=-1').length, 3);
  assert.deepEqual(pick(special).slice(0, 9), pick(general).slice(0, 9));
  assert.ok(special.includes('done 120 0') && removed(special) >= 2 && removed(general) >= 2);
});

test('with loss every reading is acknowledged, and taken once or more', async () => {
  for (const seed of [11, 12, 13]) {
    const { node, gateway, server, run } = await world(seed, { loss: 0.2, top: 'interval: 0.5\ncount: 20' });
    run(120000);
    assert.ok(node.lines.includes('done 20 0'), node.lines.join('\n'));
    assert.equal(new Set(server.got).size, 20);
    await gateway.close();
  }
});

test('a restart: the session is kept, and resumed', async () => {
  const medium = createMedium({ seed: 31 });
  const server = coapServer(medium);
  const gateway = await gatewayOn(medium, server);
  let flash: Uint8Array = new Uint8Array(0);
  const hooks = {
    save: (buffer: Uint8Array, offset: number, length: number) => {
      flash = buffer.slice(offset, offset + length);
      return true;
    },
    load: (buffer: Uint8Array) => {
      buffer.set(flash);
      return flash.length;
    },
  };
  const file = fileOf(1, { top: 'interval: 1\ncount: 3' });
  const first = await specialOn(medium, file, 32, hooks);
  medium.run(5000);
  assert.ok(flash.length > 100);
  first.type('restart');
  medium.run(medium.now + 100);
  assert.deepEqual(first.ends, [-1]);
  first.radio.close();
  const kept = flash;
  const second = await specialOn(medium, file, 77, hooks);
  medium.run(medium.now + 10000);
  assert.ok(second.lines.includes('done 3 0'), second.lines.join('\n'));
  assert.ok(
    plain(second.lines).includes('ike established messages=4 octets=N ms=N resumed=1'),
    second.lines.join('\n'),
  );
  assert.notDeepEqual(flash, kept, 'a ticket is used once');
  assert.deepEqual(gateway.told, ['up keyid:0001', 'down keyid:0001 replaced', 'up keyid:0001']);
  // A Delete makes it void.
  second.type('delete');
  medium.run(medium.now + 2000);
  assert.equal(flash.length, 0);
  // What another configuration left is erased.
  flash = kept;
  second.radio.close();
  const other = fileOf(1, { top: 'interval: 1\ncount: 3', auth: '{ psk: another }' });
  const third = await specialOn(medium, other, 78, hooks);
  assert.equal(flash.length, 0);
  medium.run(medium.now + 3000);
  assert.ok(
    third.lines.some((line) => /^ike ended outcome=24 retry=\d+$/.test(line)),
    third.lines.join('\n'),
  );
  assert.equal(server.got.length, 6, 'nothing of the third');
  await gateway.close();
});

test('a gateway that restarts: readings fail, the board asks, gives up and connects again', async () => {
  const connection = '  ike: { retransmit: 0.5, tries: 4 }\n  child: { compression: { required: true } }';
  const { medium, node, gateway, server, run } = await world(41, {
    top: 'interval: 5\ncount: 0\nboard: { ackTimeout: 1, maxRetransmit: 3 }',
    connection,
  });
  run(12000);
  assert.equal(gateway.told.length, 1);
  gateway.radio.close();
  await gateway.close();
  const second = await gatewayOn(medium, server);
  node.take();
  run(60000);
  const lines = plain(node.take()).filter((line) => !line.includes('acknowledged'));
  assert.equal(lines[0], 'child removed', lines.join('\n'));
  assert.equal(lines[1], 'ike ended outcome=-1 retry=N');
  assert.deepEqual(lines.filter((line) => line.startsWith('ike est')).length, 1);
  assert.deepEqual(second.told, ['up keyid:0001']);
  const before = server.got.length;
  run(20000);
  assert.ok(server.got.length >= before + 4);
  await second.close();
});

test('no gateway: attempts ever further apart, and the first that can be, connects', async () => {
  const connection = '  ike: { retransmit: 0.2, tries: 3 }\n  child: { compression: { required: true } }';
  const medium = createMedium({ seed: 51 });
  const file = fileOf(1, { top: 'interval: 1\ncount: 2\nboard: { retry: 1, retryMax: 8 }', connection });
  const node = await specialOn(medium, file, 52);
  medium.run(60000);
  const retries = node.lines
    .filter((line) => line.startsWith('ike ended outcome=-1 retry='))
    .map((line) => Number(line.split('=')[2]));
  assert.ok(retries.length >= 6, node.lines.join('\n'));
  // Doubled up to the most, with up to a quarter more by chance.
  for (const [i, base] of [1000, 2000, 4000, 8000, 8000].entries()) {
    assert.ok(retries[i] >= base && retries[i] < base * 1.25 + 1, `${i}: ${retries[i]}`);
  }
  const server = coapServer(medium);
  const gateway = await gatewayOn(medium, server);
  medium.run(medium.now + 20000);
  assert.ok(node.lines.includes('done 2 0'), node.lines.join('\n'));
  await gateway.close();
});

test('separate responses, refusals and silence of the server', async () => {
  const { node, gateway, server, run } = await world(71, {
    top: 'interval: 2\ncount: 0\nboard: { ackTimeout: 0.5, maxRetransmit: 2 }',
  });
  server.mode = 'separate';
  run(7000);
  assert.ok(
    node.lines.filter((line) => /^reading \d acknowledged ms=7\d\d$/.test(line)).length >= 3,
    node.lines.join('\n'),
  );
  const readings = server.got.filter((text) => text.startsWith('r/t'));
  assert.equal(new Set(readings).size, readings.length, 'an acknowledged request is not sent again');
  assert.ok(server.got.filter((text) => text === 'ack').length >= 2 * 3 - 1);
  assert.ok(!server.got.includes('reset'));
  server.mode = 'refuse';
  node.take();
  run(3000);
  assert.ok(node.take().some((line) => /^reading \d failed$/.test(line)));
  server.mode = 'silent';
  server.got.length = 0;
  run(8000);
  assert.ok(node.take().some((line) => /^reading \d failed$/.test(line)));
  assert.equal(server.got.filter((text) => text === server.got[0]).length, 3, 'once, and twice again');
  server.mode = 'piggyback';
  run(8000);
  assert.ok(
    node.take().some((line) => line.includes('acknowledged')),
    'the SA is there all the time',
  );
  assert.deepEqual(gateway.told, ['up keyid:0001']);
  await gateway.close();
});

test('a blob that is refused: the code, and silence on air', async () => {
  const file = fileOf(1, { top: 'interval: 1\ncount: 3' });
  const blob = specialBlob(specialFile(file));
  const changed = (change: (octets: Uint8Array) => Uint8Array | undefined): Uint8Array => {
    const copy = blob.slice();
    return change(copy) ?? copy;
  };
  const longer = fileOf(1, { top: 'interval: 1\ncount: 3', auth: '{ psk: a-longer-secret-than-the-other }' });
  const cases: [number, Uint8Array][] = [
    [1, new Uint8Array(0)],
    [1, new Uint8Array(4096).fill(255)],
    [2, changed((octets) => void (octets[0] ^= 1))],
    [3, blobOf(1)],
    [3, changed((octets) => void (octets[4] = 3))],
    [4, changed((octets) => octets.subarray(0, 100))],
    [4, changed((octets) => octets.subarray(0, 5))],
    [5, changed((octets) => void (octets[50] ^= 1))],
    [5, changed((octets) => void (octets[9] ^= 1))],
    [8, specialBlob(specialFile(fileOf(1, { top: 'interval: 2\ncount: 3' })))],
    [8, specialBlob(specialFile(longer))],
  ];
  for (const [code, octets] of cases) {
    const medium = createMedium({ seed: 81 });
    const node = await specialOn(medium, file, 82, {}, octets);
    medium.run(100000);
    assert.deepEqual(node.lines, [START[0], `provision bad ${code}`, `halt ${code} provision`]);
    assert.deepEqual(node.ends, [code]);
    assert.equal(node.sent, 0);
  }
});

test('another device of the profile takes the same text', async () => {
  const medium = createMedium({ seed: 85 });
  const server = coapServer(medium);
  const gateway = await gatewayOn(medium, server);
  const top = 'interval: 1\ncount: 3';
  const two = specialFile(fileOf(2, { top }));
  assert.deepEqual(two.constants, specialFile(fileOf(1, { top })).constants);
  const node = await specialOn(medium, fileOf(2, { top }), 86);
  medium.run(6000);
  assert.ok(
    node.lines.includes('provision ok id=0002 short=0002') && node.lines.includes('done 3 0'),
    node.lines.join('\n'),
  );
  await gateway.close();
});

test('garbage on the console and from the radio is counted, nothing else', async () => {
  const { node, gateway, run } = await world(111);
  run(8000);
  node.take();
  const garbage = [
    ...['', ' ', 'rekeyx', 'reke', 'rekey-', 'send', 'send ', 'send 0', 'send 65536', 'send 1x', 'send -1', 'stats '],
    ...[
      'STATS',
      '\u0000\u00ff',
      'x'.repeat(31),
      'x'.repeat(32),
      'x'.repeat(5000),
      'rekey' + ' '.repeat(40),
      'exit exit',
    ],
  ];
  for (const line of garbage) node.type(line);
  run(1000);
  assert.deepEqual(node.take(), []);
  const { receive } = node.board;
  const lengths = [0, 4, 128, 4000];
  node.board.receive = (buffer) => lengths.pop() ?? receive(buffer);
  for (let i = 0; i < 50; i++) node.frames.push(new Uint8Array(5 + i).fill(i + 1));
  node.type('stats');
  run(1000);
  node.type('stats');
  run(1000);
  assert.match(node.lines[1], new RegExp(` drops=54 console-bad=${garbage.length} saves=0$`));
  node.type('send 1');
  run(1000);
  assert.match(node.lines.at(-1)!, /^reading 4 acknowledged/);
  await gateway.close();
});
