// A gateway killed under traffic whose store comes back with one record missing or of other content: the sensor's readings get
// through again soon, whatever it is, and nothing throws.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from '../../targets/node/gateway/gateway.ts';
import { createMedium, type Medium } from '../../targets/node/lab/medium.ts';
import { ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn, echoFlow, memoryStore } from './support.ts';

type Records = Map<string, Uint8Array>;

const KINDS = ['ike', 'now', 'sa', 'num', 'key'];

async function gatewayOn(medium: Medium, records: Records, seed: number) {
  const radio = medium.radio();
  const lines: string[] = [];
  const { gateway } = await startGateway({
    ...airOn(medium, seed, radio),
    ...echoFlow(),
    log: (level, name, text) => void lines.push(`${level} ${name}: ${typeof text === 'string' ? text : text()}`),
    ike: ikeOf(''),
    store: memoryStore(records),
  });
  return { gateway, radio, lines };
}

async function run(medium: Medium, ms: number): Promise<void> {
  for (const end = medium.now + ms; medium.now < end; ) {
    medium.run(Math.min(end, medium.now + 20));
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The seconds from a restart, before which `damage` happened to the records, to the next answered reading. */
async function outage(damage: (records: Records) => void): Promise<number> {
  const medium = createMedium({ seed: 3 });
  const records: Records = new Map();
  const first = await gatewayOn(medium, records, 99);
  const sensor = ikeSensorOn(medium, 1, { retry: 2000 });
  sensor.host.uplink.connect(null, medium.now);
  await run(medium, 3000);
  sensor.send('first');
  await run(medium, 1000);
  assert.deepEqual(sensor.heard, ['first!']);
  const left: Records = new Map(records);
  first.radio.onFrame = () => {};
  first.radio.transmit = () => {};
  damage(left);
  await run(medium, 500);
  const second = await gatewayOn(medium, left, 100);
  let seconds = 0;
  for (; seconds < 60 && sensor.heard.length === 1; seconds++) {
    if (sensor.sa() !== null) sensor.send(`reading ${seconds}`);
    await run(medium, 1000);
  }
  const problems = second.lines.filter((line) => /^error|internal/.test(line));
  assert.deepEqual(problems, []);
  await second.gateway.close();
  await first.gateway.close();
  return seconds;
}

test('with whole records: at once', async () => {
  assert.ok((await outage(() => {})) <= 2);
});

for (const kind of KINDS) {
  for (const [how, change] of [
    ['missing', (records: Records, key: string) => void records.delete(key)],
    ['cut short', (records: Records, key: string) => void records.set(key, records.get(key)!.slice(0, 9))],
  ] as const) {
    test(`${kind}/...: ${how}`, async () => {
      let count = 0;
      const seconds = await outage((records) => {
        for (const key of [...records.keys()]) {
          if (!key.startsWith(`${kind}/`)) continue;
          count++;
          change(records, key);
        }
      });
      assert.ok(count > 0);
      assert.ok(seconds <= 10, `${seconds} s`);
    });
  }
}
