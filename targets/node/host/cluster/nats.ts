// The bucket of a cluster on NATS JetStream: a key-value bucket as NATS defines it (ADR-8), history 1. Reads go to the leader,
// never to a replica that may be behind.

import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { KV, KvEntry } from '@nats-io/kv';
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import { CommandError, errorText } from '../errors.ts';
import type { Log } from '../log.ts';
import { createSlices } from '../slices.ts';
import { type Bucket, type Entry, type Messages, NotSent } from './bucket.ts';
import type { NatsConfig } from './nats-config.ts';
import { libraries, proofOf, tlsOf } from './nats-options.ts';
import { createPatience } from './patience.ts';

/** Milliseconds until the first connection is given up; between attempts to connect again. */
const CONNECT_TIME = 5000;
const RECONNECT_WAIT = 250;
/** Milliseconds until the mark of a removed value is removed, when all who watch have seen it. */
const MARK_TIME = 60000;
/** Milliseconds between looks whether the bucket is there still, and how many say that it is not: servers that start may not know yet. */
const LOOK_WAIT = 1000;
const LOOKS = 5;
/** Values that a scan asks for at a time, milliseconds of work on them at a time, and after which the server forgets a reader. */
const BATCH = 256;
const SLICE = 4;
const READER_TIME = 60000;
/** Subjects of messages between gateways begin with it. */
const LETTERS = 'dietesp';
/** Errors of the servers that are told. */
const TOLD_MAX = 16;
/** JetStream's code for another revision than the expected one. */
const WRONG_SEQUENCE = 10071;
/** There is no such stream. */
const NOT_FOUND = 10059;

const isWrongSequence = (error: unknown): boolean => (error as { code?: number }).code === WRONG_SEQUENCE;

/** Hears that the store is not the one any more that it was: what this gateway has is lost. */
export type Gone = (problem: string) => void;

/**
 * Connects, and opens or makes the bucket. `patience`: milliseconds that one call may take, and up to `most` where the servers
 * are slow. Rejects with a CommandError that names the servers and never a secret.
 */
export async function openNats(
  config: NatsConfig,
  name: string,
  patience: number,
  log: Log,
  gone: Gone,
  most = patience,
): Promise<Bucket> {
  const nats = await libraries();
  const { servers, bucket, replicas } = config;
  const options: ConnectionOptions = {
    servers,
    name: `dietesp ${name}`,
    timeout: CONNECT_TIME,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT,
    // Two missed answers are a lost connection.
    pingInterval: Math.max(500, patience),
    maxPingOut: 2,
    // Rights may be given back.
    ignoreAuthErrorAbort: true,
    ...tlsOf(config),
    ...proofOf(config, nats),
  };
  const where = servers.join(', ');
  let connection: NatsConnection;
  try {
    connection = await nats.connect(options);
  } catch (error) {
    throw new CommandError(`cluster: ${where}: ${errorText(error)}`);
  }
  let kv: KV;
  let js: JetStreamClient;
  let manager: JetStreamManager;
  let created: string;
  try {
    js = nats.jetstream(connection, { timeout: CONNECT_TIME });
    const settings = { history: 1, replicas, allow_direct: false, description: 'SAs of dietesp gateways, sealed' };
    kv = await new nats.Kvm(js).create(bucket, settings);
    manager = await nats.jetstreamManager(connection, { timeout: CONNECT_TIME });
    const info = await manager.streams.info(`KV_${bucket}`);
    const stream = info.config;
    created = info.created;
    if (stream.num_replicas !== replicas) {
      log(
        'warn',
        'state',
        () => `bucket ${bucket} has ${stream.num_replicas} replicas, not ${replicas} as cluster.replicas says`,
      );
    }
    if (stream.max_age > 0 || stream.storage !== 'file') {
      throw new Error(`bucket ${bucket} must be in files and have no age limit`);
    }
  } catch (error) {
    await connection.close();
    throw new CommandError(`cluster: ${where}: bucket ${bucket}, ${replicas} replicas: ${errorText(error)}`);
  }
  // What is asked without a connection the library would keep, and send an outage later.
  let isConnected = true;
  const limit = createPatience(patience, most);

  async function timed<Value>(work: (time: number) => Promise<Value>): Promise<Value> {
    if (!isConnected) throw new NotSent('not connected');
    const time = limit.time();
    const begin = performance.now();
    try {
      const value = await work(time);
      limit.took(performance.now() - begin);
      return value;
    } catch (error) {
      const took = performance.now() - begin;
      if (took >= time) limit.missed(took);
      throw error;
    }
  }

  let isLooking = false;
  /** After an outage: the servers may have lost the bucket, or another gateway may have made it anew. */
  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    let problem = '';
    for (let missed = 0; problem === '' && !connection.isClosed(); ) {
      try {
        const info = await manager.streams.info(`KV_${bucket}`);
        if (info.created === created) break;
        problem = 'was made anew';
      } catch (error) {
        missed = (error as { code?: number }).code === NOT_FOUND ? missed + 1 : 0;
        if (missed === LOOKS) problem = 'is gone';
        else await new Promise((resolve) => setTimeout(resolve, LOOK_WAIT));
      }
    }
    isLooking = false;
    if (problem !== '') gone(`cluster: ${where}: bucket ${bucket} ${problem}: its SAs are lost`);
  }

  /** A right that is missing, say: once, as it would come with each message. */
  const told = new Set<string>();
  function tell(error: Error): void {
    const text = errorText(error);
    if (told.has(text) || told.size >= TOLD_MAX) return;
    told.add(text);
    log('warn', 'state', () => `${where}: ${text}`);
  }

  void (async () => {
    for await (const status of connection.status()) {
      const { type } = status;
      if (type === 'error') tell(status.error);
      else if (type === 'disconnect') {
        isConnected = false;
        log('warn', 'state', `the connection to ${where} is lost`);
      } else if (type === 'reconnect') {
        isConnected = true;
        log('info', 'state', "connected to the cluster's store again");
        void look();
      }
    }
  })();

  const messages: Messages = {
    send(to, octets) {
      if (!isConnected) return false;
      try {
        connection.publish(`${LETTERS}.${bucket}.${to}`, octets);
        return true;
      } catch {
        // It ends just now, or the servers take nothing as long.
        return false;
      }
    },
    listen(to, each) {
      const subject = `${LETTERS}.${bucket}.${to}`;
      const found = connection.subscribe(subject, {
        callback(error, message) {
          if (error === null) each(message.data);
          else tell(error);
        },
      });
      return () => found.unsubscribe();
    },
  };

  const subjectOf = (key: string): string => `$KV.${bucket}.${key}`;
  const keyOf = (subject: string): string => subject.slice(subjectOf('').length);
  const marks = new Set<NodeJS.Timeout>();

  function entryOf({ key, value, revision, operation }: KvEntry): Entry {
    return { key, value: operation === 'PUT' ? value : null, revision };
  }

  async function get(key: string): Promise<Entry | null> {
    const found = await timed((time) => {
      const late = new Promise<never>((_, reject) => {
        setTimeout(() => reject(new Error('timeout')), time).unref();
      });
      return Promise.race([kv.get(key), late]);
    });
    return found === null ? null : entryOf(found);
  }

  /** -1: another revision. */
  async function publish(key: string, value: Uint8Array, expected: number, isRemoval: boolean): Promise<number> {
    const headers = nats.headers();
    if (isRemoval) {
      headers.set('KV-Operation', 'PURGE');
      headers.set('Nats-Rollup', 'sub');
    }
    try {
      const expect = { lastSubjectSequence: expected };
      const sent = await timed((timeout) =>
        js.publish(subjectOf(key), value, { timeout, retries: 0, expect, headers }),
      );
      return sent.seq;
    } catch (error) {
      if (isWrongSequence(error)) return -1;
      throw error;
    }
  }

  /** Keys of all values, by the leader. */
  async function keysOf(prefix: string): Promise<string[]> {
    const { state } = await manager.streams.info(`KV_${bucket}`, { subjects_filter: subjectOf(`${prefix}>`) });
    return Object.keys(state.subjects ?? {}).map(keyOf);
  }

  /**
   * Reads the values in the order of their revisions, no more at a time than it can take. What is replaced meanwhile comes later in
   * that order. So it goes on from the newest one to the one that is newest then, while that gives keys that it has not seen. Keys
   * that are still missing were replaced all the time: they are read one by one.
   */
  async function scan(prefix: string, each: (entry: Entry) => void): Promise<void> {
    if (!isConnected) throw new NotSent('not connected');
    const stream = `KV_${bucket}`;
    const filter = subjectOf(`${prefix}>`);
    const newest = async (): Promise<number> =>
      (await manager.streams.getMessage(stream, { last_by_subj: filter }))?.seq ?? 0;
    const slices = createSlices(SLICE);
    // Two missed marks of life, each half of it, end a batch with an error.
    const expires = Math.max(1000, 2 * limit.time());
    const seen = new Set<string>();
    let revision = 0;

    /** Reads until `last`; how many values there are. */
    async function readTo(last: number): Promise<number> {
      const reader = await manager.consumers.add(stream, {
        filter_subject: filter,
        ack_policy: nats.AckPolicy.None,
        deliver_policy: nats.DeliverPolicy.StartSequence,
        opt_start_seq: revision + 1,
        mem_storage: true,
        num_replicas: 1,
        inactive_threshold: nats.nanos(READER_TIME),
      });
      const consumer = js.consumers.getConsumerFromInfo(reader);
      try {
        for (let count = 0; revision < last; ) {
          const before = count;
          for await (const message of await consumer.fetch({ max_messages: BATCH, expires })) {
            // None is sent again: a gap is one that an outage took.
            if (message.info.deliverySequence !== ++count) throw new Error('values were lost on the way');
            revision = message.seq;
            const key = keyOf(message.subject);
            seen.add(key);
            const isMark = message.headers?.has('KV-Operation') === true;
            each({ key, value: isMark ? null : message.data, revision });
            if (slices.isOver()) await slices.rest();
            if (revision >= last) break;
          }
          if (count > before) continue;
          // The mark of a removed value goes without a successor.
          if ((await newest()) <= revision) break;
          throw new Error('timeout');
        }
      } finally {
        consumer.delete().catch(() => {});
      }
      return reader.num_pending;
    }

    let last = await newest();
    if (last === 0) return;
    const total = await readTo(last);
    for (let known = 0; known < seen.size; ) {
      known = seen.size;
      last = await newest();
      if (last > revision) await readTo(last);
    }
    if (seen.size >= total) return;
    for (const key of await keysOf(prefix)) {
      const entry = seen.has(key) ? null : await get(key);
      if (entry !== null) each(entry);
    }
  }

  async function watch(prefix: string, each: (entry: Entry) => void): Promise<void> {
    const found = await kv.watch({ key: `${prefix}>` });
    void (async () => {
      for await (const entry of found) {
        try {
          each(entryOf(entry));
        } catch (error) {
          log('error', 'state', () => errorText(error));
        }
      }
    })();
  }

  return {
    get,
    put: (key, value, expected) => publish(key, value, expected, false),
    async remove(key, expected) {
      const mark = await publish(key, new Uint8Array(0), expected, true);
      if (mark < 0) return false;
      const timer = setTimeout(() => {
        marks.delete(timer);
        manager.streams.deleteMessage(`KV_${bucket}`, mark, false).catch(() => {});
      }, MARK_TIME);
      timer.unref();
      marks.add(timer);
      return true;
    },
    scan,
    watch,
    messages,
    async close() {
      for (const timer of marks) clearTimeout(timer);
      await connection.close();
    },
  };
}
