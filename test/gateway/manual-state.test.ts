// SAs of the file and their store: keys come again with the file after a restart, so numbers must not. A record that is lost, a
// store that is given up, and the end of the numbers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { createKeeper } from '../../targets/node/gateway/state/keeper.ts';
import type { Log } from '../../targets/node/host/log.ts';
import type { Journal, RecordValue } from '../../targets/node/host/state/journal.ts';
import { decodePlain } from '../../targets/node/host/state/plain.ts';
import { askNext, createReserve, lastOf, narrow, use } from '../../targets/node/host/state/reserve.ts';
import type { StateStore } from '../../targets/node/host/state/store.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { airOn, fakeSockets, memoryStore, PORT, pairOf, SERVER, saOf, sensorOn } from './support.ts';

type Records = Map<string, Uint8Array>;

const MANUAL = 'num/file/';
const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

async function gatewayOn(store: StateStore, sas = pairOf(1)) {
  const medium = createMedium({ seed: 1 });
  const lines: string[] = [];
  const log: Log = (level, _name, text) => void lines.push(`${level}: ${typeof text === 'string' ? text : text()}`);
  const { sockets, openSocket } = fakeSockets((socket, text) => socket.upper.message(Buffer.from(text + '!')));
  const gateway = await createGateway({
    ...airOn(medium, 2),
    sas,
    flows: [{ destination: SERVER, port: PORT, to: '127.0.0.1:9' }],
    openSocket,
    log,
    store,
  });
  const sensor = sensorOn(medium, 1, { sas });
  return { medium, gateway, sensor, sockets, lines };
}

/** What a crash leaves of a gateway that carried five readings. */
async function crashed(): Promise<Records> {
  const records: Records = new Map();
  const { medium, gateway, sensor } = await gatewayOn(memoryStore(records));
  for (let i = 0; i < 5; i++) {
    sensor.send('reading');
    medium.run(medium.now + 200);
    await turns();
  }
  const left = new Map(records);
  assert.equal([...left.keys()].filter((key) => key.startsWith(MANUAL)).length, 2);
  await gateway.close();
  return left;
}

for (const isKeyKnown of [true, false]) {
  test(`a damaged record of a manual SA${isKeyKnown ? '' : ', nobody knows which'}: it stays out, now and later`, async () => {
    const records = await crashed();
    const numbers = new Map([...records].filter(([key]) => key.startsWith(MANUAL)));
    for (const key of numbers.keys()) records.delete(key);
    const store = memoryStore(records);
    store.mayLack = (key) => !isKeyKnown || numbers.has(key);
    for (let run = 0; run < 2; run++) {
      // The next run knows it from the store alone.
      const { medium, gateway, sensor, sockets, lines } = await gatewayOn(run === 0 ? store : memoryStore(records));
      assert.deepEqual(gateway.metrics().sas, []);
      const told = lines.filter((line) => line.includes('sequence numbers is lost'));
      assert.equal(told.length, 2, lines.join('\n'));
      assert.match(told[0], /^error: sas\[0\]\.state: /);
      sensor.send('reading');
      medium.run(medium.now + 200);
      await turns();
      assert.equal(sockets.length, 0);
      await gateway.close();
    }
    // Other keys begin anew; a store that lacks other records says nothing about these.
    const rekeyed = await gatewayOn(memoryStore(records), pairOf(1, { salt: 'abcdef' }));
    assert.equal(rekeyed.gateway.metrics().sas.length, 2);
    await rekeyed.gateway.close();
    const others = memoryStore(new Map(numbers));
    others.mayLack = (key) => key.startsWith('ike/');
    const whole = await gatewayOn(others);
    assert.equal(whole.gateway.metrics().sas.length, 2);
    await whole.gateway.close();
  });
}

test('a record of numbers with other content is a lost one', async () => {
  const records = await crashed();
  for (const key of records.keys())
    if (key.startsWith(MANUAL)) records.set(key, Uint8Array.of(0xa1, 0x63, 0x6f, 0x75, 0x74, 0xf6));
  const { gateway } = await gatewayOn(memoryStore(records));
  assert.deepEqual(gateway.metrics().sas, []);
  await gateway.close();
});

/** A journal that a test loses and begins anew. */
function fakeJournal() {
  const puts = new Map<string, RecordValue>();
  let isKept = true;
  const journal: Journal = {
    put: (key, value) => void (isKept && puts.set(key, value)),
    after: (effect) => {
      effect();
      return true;
    },
    isKept: () => isKept,
    flush: async () => {},
    metrics: { batches: 0, records: 0, failures: 0, held: 0, dropped: 0, waiting: 0, time: 0, lost: 0 },
    close: async () => {},
  };
  return { journal, puts, keep: (value: boolean) => void (isKept = value) };
}

test('a store that is begun anew holds no number below those that were used meanwhile', () => {
  const { journal, puts, keep } = fakeJournal();
  const keeper = createKeeper({ journal, records: new Map(), now: () => 0, placeOf: () => '', shared: null });
  const sa = { snHi: 0, snLo: 0, form: { snLsb: 8, counter: { esn: 1 } } };
  const association = { sa, direction: 'out', owner: null, kept: null } as unknown as Parameters<
    typeof keeper.configured
  >[0];
  keeper.configured(association, 'num/file/x');
  const stored = (): number => Number(decodePlain(puts.get('num/file/x')!()!)!.out);
  sa.snLo = 1;
  keeper.waits(association);
  assert.ok(stored() >= 1);
  assert.equal(keeper.refuses(association), false);
  keep(false);
  puts.clear();
  assert.equal(keeper.refuses(association), true);
  sa.snLo = 5000;
  assert.equal(keeper.waits(association), false);
  keep(true);
  keeper.everything();
  assert.ok(stored() >= 5000, `${stored()}`);
  keeper.close();
});

test('while its store is given up a manual SA carries nothing, in either direction', async (t) => {
  let clock = 0;
  t.mock.method(performance, 'now', () => clock);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const store = memoryStore(new Map());
  const write = store.write;
  let fails = false;
  store.write = (changes) => (fails ? Promise.reject(new Error('no space left on the device')) : write(changes));
  const { medium, gateway, sensor, sockets } = await gatewayOn(store);
  const exchange = async (): Promise<number> => {
    sensor.send('reading');
    medium.run(medium.now + 200);
    await turns();
    medium.run(medium.now + 200);
    await turns();
    return sockets.reduce((sum, { sent }) => sum + sent.length, 0);
  };
  assert.equal(await exchange(), 1);
  fails = true;
  await exchange();
  for (let i = 0; i < 40 && gateway.metrics().state?.isKept; i++) {
    clock += 250;
    t.mock.timers.tick(250);
    await turns();
  }
  assert.equal(gateway.metrics().state?.isKept, false);
  const before = await exchange();
  const heard = sensor.heard.length;
  assert.equal(await exchange(), before);
  assert.equal(sensor.heard.length, heard);
  assert.ok(
    (gateway.metrics().drops['state store'] ?? gateway.metrics().drops.store ?? 0) > 0,
    JSON.stringify(gateway.metrics().drops),
  );
  fails = false;
  t.mock.timers.tick(60000);
  await turns();
  assert.equal(await exchange(), before + 1);
  await gateway.close();
});

test('reserved numbers end where those of the SA do: 2^32 - 1 without extended ones', async () => {
  const limit = lastOf(0);
  assert.equal(limit, 0xffffffff);
  const reserve = createReserve(limit - 3, 4096, limit, 0);
  askNext(reserve);
  for (let n = limit - 2; n <= limit; n++) {
    use(reserve, n, 1000 * (n - limit + 3));
    assert.ok(reserve.asked >= n && reserve.asked <= limit, `${n}: ${reserve.asked}`);
  }
  assert.equal(use(reserve, limit, 9000), false);
  assert.equal(narrow(reserve, 99999), false);
  // A gateway whose SA used them all starts again, and sends nothing under it.
  const records: Records = new Map();
  const sas = [saOf(1, true, { esp_sn: 'fffffffe' }), saOf(1, false, { esp_sn: 'fffffffe' })];
  assert.equal(sas[0].config.attributes.esn, 0);
  for (let run = 0; run < 3; run++) {
    const { gateway, medium, sensor } = await gatewayOn(memoryStore(records), sas);
    sensor.send('reading');
    medium.run(medium.now + 200);
    await turns();
    assert.equal(gateway.metrics().sas.length, 2);
    await gateway.close();
  }
  for (const [key, value] of records) {
    if (!key.startsWith(MANUAL)) continue;
    const { out, in: into } = decodePlain(value)!;
    assert.ok(Number(out) <= limit && Number(into) <= limit);
  }
});
