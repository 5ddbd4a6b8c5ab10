// A gateway with a store that is killed in the middle of a rekey, at every step, in virtual time: both sides end with one IKE SA and
// one Child SA, which work, and with nothing beside them. The store is a map; a step is a batch written to it, before or after
// what waits for the batch.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probe, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { startGateway } from '../../targets/node/gateway/gateway.ts';
import type { StateStore } from '../../targets/node/host/state/store.ts';
import { createMedium, type Medium } from '../../targets/node/lab/medium.ts';
import { ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn, echoFlow } from './support.ts';

const MOST_STEPS = 20;

type Records = Map<string, Uint8Array>;

/** `allows`: whether a batch becomes durable, and whether its effects happen. */
function mapStore(records: Records, allows: () => 'yes' | 'unsaid' | 'no'): StateStore & { now: Records } {
  const now: Records = new Map(records);
  return {
    now,
    records,
    problems: [],
    write(changes) {
      const verdict = allows();
      if (verdict !== 'no') {
        for (const [key, value] of changes) {
          if (value === null) now.delete(key);
          else now.set(key, value.slice());
        }
      }
      return verdict === 'yes' ? Promise.resolve() : new Promise(() => {});
    },
    destroy: () => Promise.reject(new Error('not here')),
    close: () => Promise.resolve(),
  };
}

async function gatewayOn(medium: Medium, store: StateStore, seed: number, connection: string) {
  const radio = medium.radio();
  const { gateway, ike } = await startGateway({
    ...airOn(medium, seed, radio),
    ...echoFlow(),
    ike: ikeOf(connection),
    store,
  });
  return { gateway, ike, radio };
}

/** Virtual time goes on, and the store with it. */
async function run(medium: Medium, ms: number, step = 20): Promise<void> {
  for (const end = medium.now + ms; medium.now < end; ) {
    medium.run(Math.min(end, medium.now + step));
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Case {
  by: 'device' | 'gateway';
  what: 'rekey-ike' | 'rekey-child';
  /** More of the connection of both. */
  connection: string;
}

/** Kills at batch `step` of a rekey. False: there was no such batch. */
async function killAt({ by, what, connection }: Case, step: number, unsaid: boolean): Promise<boolean> {
  const name = `${what} by the ${by}, batch ${step} ${unsaid ? 'durable, its messages unsent' : 'lost'}`;
  const medium = createMedium({ seed: 3 });
  let batches = -1;
  const store = mapStore(new Map(), () => {
    if (batches < 0) return 'yes';
    batches++;
    if (batches <= step) return 'yes';
    return batches === step + 1 && unsaid ? 'unsaid' : 'no';
  });
  const first = await gatewayOn(medium, store, 99, connection);
  const sensor = ikeSensorOn(medium, 1, { top: connection, retry: 2000 });
  const { uplink } = sensor.host;
  uplink.connect(null, medium.now);
  await run(medium, 3000);
  sensor.send('first');
  await run(medium, 1000);
  assert.deepEqual(sensor.heard, ['first!'], name);
  batches = 0;
  const sa = uplink.current()!;
  if (by === 'gateway') assert.equal(first.gateway.askIke(first.gateway.ikeSas()[0].id, what), '');
  else if (what === 'rekey-ike') rekeyIke(uplink.ike, sa, medium.now);
  else rekeyChild(uplink.ike, sa, sa.children[0], medium.now);
  first.radio.onFrame = ((inner) => (frame: Uint8Array, offset: number, length: number) => {
    if (batches <= step) inner!(frame, offset, length);
  })(first.radio.onFrame);
  await run(medium, 3000, 1);
  if (batches <= step) {
    await first.gateway.close();
    return false;
  }
  first.radio.onFrame = () => {};
  first.radio.transmit = () => {};
  const told = sensor.told.length;
  await run(medium, 500);
  const later = mapStore(store.now, () => 'yes');
  const second = await gatewayOn(medium, later, 100, connection);
  const restored = medium.now;
  // Numbers that were reserved count as used: at most one repetition.
  for (let i = 0; i < 2; i++) {
    await run(medium, 500);
    sensor.send('second');
  }
  await run(medium, 800);
  assert.equal(sensor.heard.at(-1), 'second!', name);
  assert.ok(medium.now - restored <= 2000);
  // IKE of both sides, and what is left when all is over.
  await run(medium, 200000, 200);
  const one = second.gateway.ikeSas();
  assert.equal(one.length, 1, `${name}: ${one.length} IKE SAs at the gateway`);
  const here = uplink.current()!;
  assert.equal(
    `${one[0].spiI} ${one[0].spiR}`,
    Buffer.from(here.spis)
      .toString('hex')
      .replace(/^(.{16})/, '$1 '),
    name,
  );
  const before = here.heardAt;
  probe(uplink.ike, here, medium.now);
  await run(medium, 2000);
  assert.ok(here.heardAt > before, `${name}: the gateway answers`);
  for (const request of ['rekey-child', 'rekey-ike', 'rekey-child'] as const) {
    assert.equal(second.gateway.askIke(second.gateway.ikeSas()[0].id, request), '');
    await run(medium, 12000, 100);
  }
  sensor.send('third');
  await run(medium, 1000);
  assert.equal(sensor.heard.at(-1), 'third!', name);
  assert.deepEqual(
    sensor.told.slice(told).filter((text) => /^(up|down|child failed)/.test(text)),
    [],
    name,
  );
  await run(medium, 200000, 200);
  assert.equal(uplink.ike.sas.length, 1, `${name}: IKE SAs of the device`);
  assert.equal(sensor.host.sas.outgoing.length, 1, `${name}: Child SAs of the device`);
  assert.equal(second.gateway.metrics().sas.length, 2, `${name}: Child SAs of the gateway`);
  const kinds = [...later.now.keys()].map((key) => key.split('/')[0]).filter((kind) => kind !== 'key');
  assert.deepEqual(kinds.sort(), ['ike', 'now', 'num', 'sa'], `${name}: records`);
  await second.gateway.close();
  return true;
}

for (const [form, connection] of [
  ['optimized', ''],
  ['regular, with PFS', '  optimizedRekey: false\n  child: { ke: [x25519] }\n'],
]) {
  for (const by of ['gateway', 'device'] as const) {
    for (const what of ['rekey-ike', 'rekey-child'] as const) {
      test(`${what}, ${form}, begun by the ${by}: killed at every step`, async () => {
        let steps = 0;
        for (; steps < MOST_STEPS; steps++) {
          const isThere = await killAt({ by, what, connection }, steps, false);
          if (!isThere) break;
          await killAt({ by, what, connection }, steps, true);
        }
        assert.ok(steps >= 2 && steps < MOST_STEPS, `${steps} steps`);
      });
    }
  }
}
