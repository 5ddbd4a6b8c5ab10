// A day in the life of specialised devices, in virtual time: a reading a minute to the general gateway with 5 % loss, rekeys of
// both sides by the clock, a gateway that restarts, half an hour without a link. Every reading is answered or counted, no number
// is used twice under a key, the device's memory does not grow, no timer is stuck.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transform } from 'esbuild';
import type { Provider } from '../../core/crypto/provider.ts';
import type { Board } from '../../targets/board/hooks.ts';
import { specialBlob } from '../../targets/build/specialise/blob-of.ts';
import { joinDevice } from '../../targets/build/specialise/image.ts';
import type { Specialised } from '../../targets/build/specialise/layout.ts';
import { readSpecial } from '../../targets/node/lab/boards/special.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { coapServer, fileOf, gatewayOn, mockBoard } from '../boards/app-support.ts';
import { ikeOf } from '../gateway/ike-support.ts';
import { seeded } from '../gateway/support.ts';
import { APP_ENTRY, type SpecialApp, startOn } from './app-kit.ts';
import { boardOf } from './ike-board.ts';

const MINUTE = 60000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const RESTART = 6.3 * HOUR;
const OUTAGE = 12.4 * HOUR;
const OUTAGE_END = OUTAGE + HOUR / 2;
/** From the end of a trouble until readings get through again. */
const RECOVERY = 6 * MINUTE;
/** What the last message's length may add to the state. */
const LAST_MESSAGE = 64;

interface Observed extends SpecialApp {
  /** Values of all variables of the text. */
  state(): unknown[];
}

/** What makes devices whose variables can be looked at. */
async function makerOf({ constants }: Specialised): Promise<(board: Board) => Observed> {
  const text = await joinDevice(constants, { entry: APP_ENTRY });
  const names = [...text.matchAll(/^(?:export )?(?:let|const) (\w+)/gm)].map(([, name]) => name);
  assert.ok(names.length > 80, `${names.length} variables`);
  const seen = `${text}\nexport function state(): unknown[] { return [${names.join()}]; }\n`;
  const { code } = await transform(seen, { loader: 'ts', format: 'cjs', target: 'es2020' });
  return (board) => {
    const module = { exports: {} };
    new Function('board', 'module', 'exports', code)(board, module, module.exports);
    return module.exports as Observed;
  };
}

/** What is reachable: objects, and octets, elements and characters in them. */
function sizeOf(roots: unknown[]): number {
  const met = new Set<object>();
  const left: unknown[] = [...roots];
  let size = 0;
  while (left.length > 0) {
    const one = left.pop();
    if (typeof one === 'string') size += one.length;
    if (typeof one !== 'object' || one === null || met.has(one)) continue;
    met.add(one);
    size++;
    if (ArrayBuffer.isView(one)) size += one.byteLength;
    else left.push(...Object.values(one));
  }
  return size;
}

/** Notes every nonce under its key; a second one is an error. */
function nonces(): { note(key: string, nonce: Uint8Array): void; count(): number } {
  const used = new Set<string>();
  return {
    note(key, nonce) {
      const name = `${key} ${Buffer.from(nonce).toString('hex')}`;
      assert.ok(!used.has(name), 'a nonce was used twice');
      used.add(name);
    },
    count: () => used.size,
  };
}

/** The provider, whose nonces are noted. */
function watched(provider: Provider, note: (key: string, nonce: Uint8Array) => void): Provider {
  const names = new WeakMap<object, string>();
  return {
    ...provider,
    key: (alg, octets) => {
      const key = provider.key(alg, octets);
      names.set(key as object, Buffer.from(octets).toString('hex'));
      return key;
    },
    seal: (key, form, buffer, offset, length) => {
      note(names.get(key as object)!, form.nonce.slice(0, form.nonceLength));
      return provider.seal(key, form, buffer, offset, length);
    },
  };
}

test('all that is reachable is counted, once', () => {
  const shared = { text: 'abc' };
  assert.equal(sizeOf([shared, [shared, new Uint8Array(8)], new Float64Array(2), 7, null]), 4 + 1 + 2 + 8 + 16);
});

test('a nonce that comes again under its key is found', () => {
  const { note, count } = nonces();
  note('a', Uint8Array.of(1));
  note('b', Uint8Array.of(1));
  assert.throws(() => note('a', Uint8Array.of(1)), /twice/);
  assert.equal(count(), 2);
});

const TIMES = '  ike: { retransmit: 1, tries: 6, rekey: 15000 }';
const PLAIN = 'esp: [aes-ccm-8], ke: [x25519], compression: { notify: none }';
const PROFILES: readonly [name: string, device: string, gateway: string][] = [
  [
    'Diet-ESP, optimized rekeys, resumption',
    '  child: { rekey: 3700, compression: { required: true } }',
    '  child: { rekey: 5300 }',
  ],
  [
    'plain ESP, rekeys with key exchange, no resumption',
    `  optimizedRekey: false\n  resumption: 0\n  child: { rekey: 3700, ${PLAIN} }`,
    `  optimizedRekey: false\n  child: { rekey: 5300, ${PLAIN} }`,
  ],
];

for (const [name, device, peer] of PROFILES) {
  test(`a day: ${name}`, async (t) => {
    let isDown = false;
    const medium = createMedium({ seed: 20, link: () => ({ loss: isDown ? 1 : 0.05 }) });
    const server = coapServer(medium);
    const own = nonces();
    const theirs = nonces();
    const gateway = (seed: number) =>
      gatewayOn(medium, server, {
        provider: watched(seeded(seed), theirs.note),
        ike: ikeOf(`  ike: { rekey: 17000 }\n${peer}`),
      });
    let current = await gateway(99);
    const file = fileOf(1, {
      top: 'interval: 60\ncount: 0\nboard: { ackTimeout: 2, maxRetransmit: 4 }',
      connection: `${TIMES}\n${device}`,
    });
    const special = readSpecial('sensor.yaml', file, { ccm: true, hmac: true, x25519: true }, 'node');
    const mock = mockBoard(() => medium.now, specialBlob(special), 21);
    const hooks = boardOf(seeded(22)) as unknown as Pick<Board, 'ccm' | 'hmac' | 'x25519'>;
    const { ccm, hmac, x25519 } = hooks;
    Object.assign(mock.board, {
      hmac,
      x25519,
      ccm: ((encrypt, key, nonce, nonceLength, ...more) => {
        if (encrypt === 1) own.note(Buffer.from(key).toString('hex'), nonce.slice(0, nonceLength));
        return ccm(encrypt, key, nonce, nonceLength, ...more);
      }) satisfies Board['ccm'],
    });
    const { app } = startOn(medium, mock, await makerOf(special));
    // When each line was printed: `print` of the mock only collects.
    const lines: { at: number; text: string }[] = [];
    mock.board.print = (text) => void lines.push({ at: medium.now, text });

    const hours: number[] = [];
    for (let minute = 1; minute <= DAY / MINUTE; minute++) {
      const end = minute * MINUTE - MINUTE / 2;
      if (end - MINUTE < RESTART && end >= RESTART) {
        medium.run(RESTART);
        current.radio.close();
        await current.close();
        current = await gateway(100);
      }
      isDown = end >= OUTAGE && end < OUTAGE_END;
      medium.run(end);
      // Something is due, and soon: a reading, or the next attempt.
      const next = app.next();
      assert.ok(next >= medium.now - 1 && next <= medium.now + 6 * MINUTE, `due at ${next}, now ${medium.now}`);
      const hour = Math.floor(end / HOUR);
      hours[hour] = Math.min(hours[hour] ?? Number.POSITIVE_INFINITY, sizeOf(app.state()));
    }
    const found = (pattern: RegExp) => lines.filter(({ text }) => pattern.test(text));
    const readings = found(/^reading \d+ (acknowledged|failed)/);
    const failed = readings.filter(({ text }) => text.endsWith('failed'));
    t.diagnostic(
      `${readings.length} readings, ${failed.length} failed, ${found(/^child installed/).length} Child SAs, ` +
        `${found(/^ike rekeyed/).length} rekeys of the IKE SA, ${found(/^ike established/).length} handshakes, ` +
        `${own.count()} and ${theirs.count()} nonces, state ${hours.join(' ')}`,
    );
    // Each reading has one end, in order, but the one on its way.
    for (const [i, { text }] of readings.entries()) assert.equal(Number(text.split(' ')[1]), i + 1);
    assert.ok(readings.length > (DAY - (OUTAGE_END - OUTAGE)) / MINUTE - 30);
    const isTrouble = (at: number): boolean =>
      (at >= RESTART && at < RESTART + RECOVERY) || (at >= OUTAGE && at < OUTAGE_END + RECOVERY);
    assert.deepEqual(
      failed.filter(({ at }) => !isTrouble(at)),
      [],
    );
    assert.ok(failed.length > 0, 'the troubles were felt');
    const taken = new Set(server.got);
    for (const { text } of readings.filter(({ text }) => text.includes('acknowledged'))) {
      assert.ok(taken.has(`r/t {"n":${text.split(' ')[1]}}`), text);
    }
    assert.ok(found(/^child installed/).length > 23 && found(/^ike rekeyed/).length >= 4);
    assert.ok(found(/^ike established/).length >= 3, 'the start, the restart, the outage');
    assert.deepEqual(found(/^child failed/), []);
    // As small as in the second hour, but for the octets of the last IKE message, which stay.
    for (const size of hours.slice(2)) assert.ok(size <= hours[1] + LAST_MESSAGE, `state: ${hours.join(' ')}`);
    assert.ok(own.count() > 1440 && theirs.count() > 1440);
    await current.close();
  });
}
