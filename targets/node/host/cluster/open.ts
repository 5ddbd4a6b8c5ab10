// Joins a cluster of gateways: connects to its store, takes a place, and gives the store of this gateway.

import { hkdfSync } from 'node:crypto';
import type { Log } from '../log.ts';
import type { ClusterState, ClusterView } from '../state/shared.ts';
import type { StateStore } from '../state/store.ts';
import type { Bucket } from './bucket.ts';
import { createGroups } from './groups.ts';
import { createLetters } from './letters.ts';
import { type Gone, openNats } from './nats.ts';
import type { NatsConfig } from './nats-config.ts';
import { createSession, type Session } from './session.ts';
import { realTimers, type Timers } from './timers.ts';

/** What a file says of its cluster. */
export interface ClusterConfig extends NatsConfig {
  /** Of this gateway, and of no other. */
  name: string;
  /** Milliseconds. */
  lease: number;
}

/** Secrets that all gateways of a cluster have, so that each takes the tickets of the others. */
function secretsOf(secret: Uint8Array, bucket: string): Map<string, Uint8Array> {
  const sizes: [string, number][] = [
    ['ticket', 16],
    ['crash', 32],
  ];
  return new Map(
    sizes.map(([name, size]) => [
      `key/${name}`,
      new Uint8Array(hkdfSync('sha256', secret, Buffer.from(bucket), `dietesp cluster ${name}`, size)),
    ]),
  );
}

export interface JoinConfig {
  bucket: Bucket;
  name: string;
  /** Of the store, for what is derived from the key. */
  scope: string;
  lease: number;
  secret: Uint8Array;
  timers: Timers;
  log: Log;
}

/** Milliseconds between attempts to join again. */
const REJOIN = 1000;

/** Takes a place in the cluster whose store is `bucket`, which belongs to the result. */
export async function joinCluster(config: JoinConfig): Promise<StateStore> {
  const { bucket, name, lease, secret, timers, log } = config;
  let isClosed = false;

  function others(): ClusterView['others'] {
    const all = session.members().filter((member) => member.index !== session.index());
    return all.map((member) => ({ name: member.name, index: member.index, isLive: !member.isGone }));
  }

  async function rejoin(): Promise<void> {
    if (isClosed) return;
    try {
      await session.join();
      letters.begin();
      log('info', 'state', () => `joined the cluster again, at place ${session.index()}`);
      state.rejoined();
    } catch {
      timers.after(REJOIN, () => void rejoin());
    }
  }

  const session: Session = createSession({
    bucket,
    name,
    lease,
    secret,
    timers,
    log,
    ended() {
      groups.forget();
      void rejoin();
    },
    died: (one) => state.died(one),
  });
  const letters = createLetters({ messages: bucket.messages, session, secret, scope: config.scope });
  const groups = createGroups({
    bucket,
    session,
    secret,
    records: secretsOf(secret, config.scope),
    log,
    async close() {
      isClosed = true;
      letters.close();
      try {
        await session.leave();
      } catch {
        // The others find out when the lease is over.
      }
      await bucket.close();
    },
  });
  const state: ClusterState = Object.assign(groups.shared, {
    lease,
    index: session.index,
    live: () => [session.index(), ...others().flatMap(({ index, isLive }) => (isLive ? [index] : []))],
    session: session.id,
    sessions: () =>
      session.members().flatMap(({ index, session: id, isGone }) => (isGone || index === session.index() ? [] : [id])),
    letters,
    view: () => ({
      name,
      index: session.index(),
      isHeld: session.isHeld(),
      groups: groups.shared.count(),
      ...groups.shared.counters,
      ...session.counters,
      others: others(),
    }),
    after: timers.after,
    now: timers.now,
    died() {},
    rejoined() {},
  });
  try {
    await session.join();
    letters.begin();
  } catch (error) {
    await bucket.close();
    throw error;
  }
  return { ...groups, shared: state };
}

/** Connects and joins. `secret`: the key that seals the records, the same at all gateways. */
export async function openCluster(
  config: ClusterConfig,
  secret: Uint8Array,
  log: Log,
  gone: Gone,
): Promise<StateStore> {
  const { name, lease } = config;
  // A renewal that takes longer than the lease is worth gives none.
  const bucket = await openNats(config, name, Math.max(200, lease / 4), log, gone, Math.max(200, (lease * 5) / 6));
  return joinCluster({ bucket, name, scope: config.bucket, lease, secret, timers: realTimers, log });
}
