// A gateway of three dies: what it costs another one to find its SAs among those of all. The store is a server of NATS.
//   npm run bench -- cluster-survey [--peers 100000]

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bus } from '../../targets/node/gateway/bus.ts';
import { createCluster } from '../../targets/node/gateway/cluster.ts';
import { createGroups, type GroupStore } from '../../targets/node/host/cluster/groups.ts';
import { openNats } from '../../targets/node/host/cluster/nats.ts';
import { silent } from '../../targets/node/host/log.ts';
import { encodePlain } from '../../targets/node/host/state/plain.ts';
import type { ClusterState } from '../../targets/node/host/state/shared.ts';
import { openNatsServers } from '../cluster/kit.ts';
import type { Figure } from './ike.ts';

const SESSIONS = ['1', '2', '3'].map((digit) => digit.repeat(16));
/** Groups that are written at a time. */
const AT_ONCE = 500;
/** Packets that wait for their SA when the survey begins. */
const WAITING = 100;

function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
}

/** Milliseconds, and octets of heap and RSS, at most, while `work` runs. */
async function watched(work: () => Promise<void>): Promise<{ stop: number; heap: number; rss: number; time: number }> {
  global.gc?.();
  const before = process.memoryUsage();
  const most = { stop: 0, heap: 0, rss: 0 };
  let isOver = false;
  let last = performance.now();
  const begin = last;
  let looked = last;
  (function turn(): void {
    const now = performance.now();
    most.stop = Math.max(most.stop, now - last);
    last = now;
    if (now - looked > 20) {
      looked = now;
      const { heapUsed, external, rss } = process.memoryUsage();
      most.heap = Math.max(most.heap, heapUsed + external - before.heapUsed - before.external);
      most.rss = Math.max(most.rss, rss - before.rss);
    }
    if (!isOver) setImmediate(turn);
  })();
  await work();
  isOver = true;
  return { ...most, time: performance.now() - begin };
}

export async function benchClusterSurvey(): Promise<Figure[]> {
  const peers = option('peers', 100000);
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-nats-'));
  const nats = await openNatsServers(folder);
  const files = { credentialsFile: '', nkeyFile: '', tokenFile: '', user: '', passwordFile: '' };
  const tls = { caFile: '', certificateFile: '', certificateKeyFile: '' };
  const config = { servers: nats.urls, bucket: 'dietesp', replicas: 1, ...files, ...tls };
  const bucket = await openNats(config, 'g', 30000, silent, () => {});
  const live = new Set(SESSIONS);
  const groupsOf = (session: string): GroupStore =>
    createGroups({
      bucket,
      session: { id: () => session, isHeld: () => true, isLive: (one) => live.has(one), refresh: async () => {} },
      secret: new Uint8Array(32),
      records: new Map(),
      log: silent,
      close: async () => {},
    });
  const hex = (index: number): string => index.toString(16).padStart(16, '0');
  try {
    const writers = SESSIONS.slice(0, 2).map(groupsOf);
    for (let from = 0; from < peers; from += AT_ONCE) {
      await Promise.all(
        writers.map((writer, place) => {
          const records = new Map<string, Uint8Array>();
          for (let index = from; index < Math.min(peers, from + AT_ONCE); index++) {
            if ((index % 3 === 0 ? 0 : 1) !== place) continue;
            const id = hex(index);
            const inner = [`esp/${index.toString(16)}`, `at/0a${id.slice(10)}`, `to/20010db8${id.padStart(24, '0')}`];
            writer.shared.belongs(`num/${id}`, id, inner);
            writer.shared.belongs(`ike/${id}`, id, [`ike/${id}`]);
            records.set(`num/${id}`, encodePlain({ out: 1, in: 1 }));
            records.set(`ike/${id}`, new Uint8Array(16));
          }
          return writer.write(records);
        }),
      );
    }
    writers.length = 0;

    let now = 0;
    let taken = 0;
    let first = 0;
    let begin = 0;
    const reader = groupsOf(SESSIONS[2]).shared;
    const shared = Object.assign(reader, {
      lease: 1e9,
      index: () => 2,
      live: () => [1, 2],
      view: () => ({}),
      after: () => () => {},
      now: () => now,
      died() {},
      rejoined() {},
    }) as unknown as ClusterState;
    const bus = { log: silent, guard: (_: unknown, run: () => unknown) => run(), wake() {} } as unknown as Bus;
    const cluster = createCluster(bus, shared, { take() {}, others() {}, release() {} });
    const join_ = await watched(async () => {
      while (!cluster.isHeld()) await new Promise((resolve) => setImmediate(resolve));
    });
    let last = 0;
    for (let i = 0; i < WAITING; i++) {
      const index = 3 * Math.floor((i * peers) / 3 / WAITING);
      cluster.unknown([`esp/${index.toString(16)}`], () => {
        last = performance.now() - begin;
        if (taken++ === 0) first = last;
      });
    }
    live.delete(SESSIONS[0]);
    const death = await watched(async () => {
      begin = performance.now();
      shared.died(SESSIONS[0]);
      while (taken < WAITING) await new Promise((resolve) => setImmediate(resolve));
    });
    now = 1;
    cluster.close();
    const rows = (what: string, { stop, heap, rss, time }: typeof death): Figure[] => [
      { name: `${what}: time`, value: time, unit: 'ms' },
      { name: '  longest stop of the event loop', value: stop, unit: 'ms' },
      { name: '  heap and buffers, at most', value: heap / 1e6, unit: 'MB' },
      { name: '  RSS', value: rss / 1e6, unit: 'MB' },
    ];
    return [
      { name: 'peers of all gateways; a third are those of one that dies', value: peers, unit: 'peers' },
      ...rows('a gateway joins: it reads what addresses the others have', join_),
      ...rows(`a gateway dies: until ${WAITING} packets are served whose SAs were spread over all records`, death),
      { name: '  until the first of them', value: first, unit: 'ms' },
      { name: '  until the last', value: last, unit: 'ms' },
    ];
  } finally {
    await bucket.close();
    await nats.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
