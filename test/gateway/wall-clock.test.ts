// A wall clock that is set back or forward by a year: tickets are judged by it, whenever they were made [RFC 5723];
// nothing else is, because timers of IKE are monotonic. A store has the wall's time, and no clock makes its times longer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Session } from '../../core/ike/state/sa.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { recordOf } from '../../targets/node/gateway/state/records.ts';
import { silent } from '../../targets/node/host/log.ts';
import { encodePlain } from '../../targets/node/host/state/plain.ts';
import type { StateStore } from '../../targets/node/host/state/store.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { createSessionKeeper } from '../../targets/node/sensor/session.ts';
import { ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn } from './support.ts';

const YEAR = 31536000000;
const START = 1700000000000;
/** Requests of a resumption, of a whole handshake after a refused ticket. */
const RESUMED = 2;
const REFUSED = 3;

async function world(more = '') {
  const medium = createMedium({ seed: 5 });
  let shift = START;
  const gateway = await createGateway({
    ...airOn(medium),
    wall: () => medium.now + shift,
    ike: ikeOf(`  resumption: 3600\n${more}`),
  });
  const sensor = ikeSensorOn(medium, 1, { dpd: 0 });
  const received = (): number => gateway.metrics().ike!.received;
  /** Connects; the requests that it took. */
  function connect(session: Session | null): number {
    const before = received();
    sensor.host.uplink.connect(session, medium.now);
    medium.run(medium.now + 5000);
    return received() - before;
  }
  connect(null);
  return {
    medium,
    gateway,
    sensor,
    connect,
    received,
    session: () => sensor.sa()!.session,
    set: (by: number) => {
      shift += by;
    },
  };
}

test('a ticket has ended when the clock is a year on, and also after the clock was put right', async () => {
  const w = await world();
  w.set(YEAR);
  assert.equal(w.connect(w.session()), REFUSED);
  // It is of the new time, and good in it.
  assert.equal(w.connect(w.session()), RESUMED);
  w.set(-YEAR);
  assert.equal(w.connect(w.session()), RESUMED, 'by the wall it is not over');
  const early = w.session();
  w.set(YEAR);
  assert.equal(w.connect(early), REFUSED, 'it was made a year ago');
  await w.gateway.close();
});

test('a ticket outlives a clock that was set back by a year, and is good for once', async () => {
  const w = await world();
  const first = w.session();
  w.set(-YEAR);
  assert.equal(w.connect(first), RESUMED);
  assert.equal(w.connect(first), REFUSED);
  await w.gateway.close();
});

/** Messages that came to the gateway by the second, and what ended; the clock is set every 25 s. */
async function course(steps: number[]): Promise<{ received: number[]; told: string[] }> {
  const w = await world('  ike: { dpd: 20, rekey: 100 }\n');
  const told: string[] = [];
  const received: number[] = [];
  w.gateway.on('down', (_identity, reason) => void told.push(reason));
  for (let second = 0; second < 150; second++) {
    if (second % 25 === 0) w.set(steps.shift() ?? 0);
    w.medium.run(w.medium.now + 1000);
    received.push(w.received());
  }
  await w.gateway.close();
  return { received, told };
}

test('timers of IKE do not see it: liveness and rekeys come when they do without it', async () => {
  const usual = await course([]);
  assert.deepEqual(usual.told, []);
  assert.ok(usual.received[149] > usual.received[0] + 5, 'probes and a rekey');
  assert.deepEqual(await course([YEAR, -2 * YEAR, YEAR, YEAR, -YEAR]), usual);
});

test('a restart under another clock: what is left of times is never more than it was', (context) => {
  context.mock.timers.enable({ apis: ['Date'], now: START });
  const path = { port: 'radio a' };
  const stored = { path, espPath: null, children: [], rekeyIn: 1000000, reauthIn: -1, at: START };
  const records = new Map([
    ['ike/01', encodePlain({ digest: '' })],
    ['now/01', encodePlain(stored)],
  ]);
  const left = (): number[] => {
    const { progress } = recordOf(records, '01', (one) => ({ ...one, port: 0 }))!;
    return [progress.rekeyIn, progress.reauthIn];
  };
  context.mock.timers.setTime(START + 10000);
  assert.deepEqual(left(), [990000, -1]);
  context.mock.timers.setTime(START - YEAR);
  assert.deepEqual(left(), [1000000, -1]);
  context.mock.timers.setTime(START + YEAR);
  assert.deepEqual(left(), [1000, -1], 'due soon, not at the very start');
});

test('the session of a sensor, kept over a restart under another clock', async (context) => {
  context.mock.timers.enable({ apis: ['Date'], now: START });
  const records = new Map<string, Uint8Array>();
  const store: StateStore = {
    records,
    problems: [],
    write: async (changes) => {
      for (const [key, value] of changes) if (value !== null) records.set(key, value);
    },
    destroy: async () => {},
    close: async () => {},
  };
  const w = await world();
  const session = { ...w.session()!, expires: 50000 + 3600000 };
  const connection = ikeOf().connections[0];
  let now = 50000;
  const open = () => createSessionKeeper({ ...store, records: new Map(records) }, connection, () => now, silent);
  const keeper = open();
  keeper.keep(session);
  await keeper.close();
  // Another process, whose clock begins anew.
  now = 700;
  const left = (at: number): number => {
    context.mock.timers.setTime(at);
    return open().take()!.expires - now;
  };
  assert.equal(left(START + 60000), 3540000);
  assert.equal(left(START - YEAR), 3600000);
  assert.equal(left(START + YEAR), 0);
  await w.gateway.close();
});
