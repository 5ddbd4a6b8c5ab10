// Server-sent events: what happens, rates each second, and lines of the log for those who ask for them. Recent events are kept,
// so that whoever comes back misses none [HTML, server-sent events, Last-Event-ID]. A reader that is too slow is cut off: nothing
// is kept for it.

import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LogChoice } from '../../host/log-hub.ts';
import type { Running } from '../commands/running.ts';
import { SECURITY_HEADERS } from './guard.ts';
import type { PacketFeed } from './packets.ts';

/** Readers at a time, octets that may wait for one, events that are kept, and milliseconds between signs of life. */
const READERS = 16;
const WAITING_MAX = 1 << 16;
const KEPT = 256;
const ALIVE = 15000;

/** What a reader wants beside events and rates; `last`: the last `id` that it saw, or ''. */
export interface StreamOptions {
  log: LogChoice | null;
  packets: PacketFeed | null;
  last: string;
}

export interface EventStreams {
  /** Answers with events until either side ends; false: there are too many readers. */
  open(request: IncomingMessage, response: ServerResponse, options: StreamOptions): boolean;
  count(): number;
  close(): void;
}

export function createEventStreams(running: Running): EventStreams {
  // Numbers of another run are none of this one.
  const run = randomBytes(4).toString('hex');
  const kept: { id: number; text: string }[] = [];
  const readers = new Map<ServerResponse, () => void>();
  const listeners = new Set<(text: string) => void>();
  let last = 0;

  const textOf = (event: string, data: object, id = -1): string =>
    `${id >= 0 ? `id: ${run}-${id}\n` : ''}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

  const stop = running.notices.follow(({ event, ...data }) => {
    const id = ++last;
    const text = textOf(event, { time: new Date().toISOString(), ...data }, id);
    kept.push({ id, text });
    if (kept.length > KEPT) kept.shift();
    for (const listen of listeners) listen(text);
  });

  /** What came behind the event `id`; undefined: not all of it is kept, or it is of another run. */
  function behind(id: string): string[] | undefined {
    const [own, number] = id.split('-');
    const after = Number(number);
    if (own !== run || !Number.isInteger(after) || after > last) return undefined;
    if (after < last && (kept.length === 0 || kept[0].id > after + 1)) return undefined;
    return kept.filter((one) => one.id > after).map(({ text }) => text);
  }

  return {
    open(request, response, options) {
      if (readers.size >= READERS) return false;
      response.writeHead(200, {
        ...Object.fromEntries(SECURITY_HEADERS),
        'Content-Type': 'text/event-stream',
        'X-Accel-Buffering': 'no',
      });
      const ends: (() => void)[] = [];
      const end = (): void => {
        for (const each of ends.splice(0)) each();
        readers.delete(response);
      };
      const write = (text: string): void => {
        if (response.writableLength > WAITING_MAX) {
          end();
          response.destroy();
          return;
        }
        response.write(text);
      };
      readers.set(response, end);
      response.on('close', end);
      response.on('error', end);
      request.on('error', end);
      const missed = options.last === '' ? [] : behind(options.last);
      // The reader begins anew with what it shows.
      write(textOf('hello', { run, missed: missed === undefined, packets: options.packets !== null }, last));
      for (const text of missed ?? []) write(text);
      listeners.add(write);
      ends.push(() => void listeners.delete(write));
      ends.push(running.rates.follow((rates) => write(textOf('rates', rates))));
      if (options.log !== null) ends.push(running.logs.follow(options.log, (line) => write(textOf('log', line))));
      if (options.packets !== null) ends.push(options.packets.follow((event, data) => write(textOf(event, data))));
      const alive = setInterval(() => write(':\n\n'), ALIVE);
      alive.unref();
      ends.push(() => clearInterval(alive));
      return true;
    },
    count: () => readers.size,
    close() {
      stop();
      for (const [response, end] of [...readers]) {
        end();
        response.end();
      }
    },
  };
}
