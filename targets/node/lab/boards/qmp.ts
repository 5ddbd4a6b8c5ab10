// QMP, the control channel of QEMU: JSON lines on a socket. Only what boards need.

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

export interface Qmp {
  /** Resolves when QEMU has come and takes commands. */
  ready: Promise<void>;
  /** Runs a command; rejects with QEMU's error, or when the channel is gone or does not answer within `limit` ms. */
  run(command: string, limit: number): Promise<unknown>;
  close(): Promise<void>;
}

interface Reply {
  QMP?: unknown;
  return?: unknown;
  error?: { desc?: string };
  id?: number;
}

/** Listens at a unix socket for QEMU's `-qmp unix:PATH`. Rejects when it cannot listen. */
export async function listenQmp(path: string): Promise<Qmp> {
  const pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let socket: Socket | null = null;
  let id = 0;
  let rest = '';
  let onReady: () => void = () => {};
  const ready = new Promise<void>((resolve) => {
    onReady = resolve;
  });

  function send(command: string, limit: number): Promise<unknown> {
    const line = socket;
    if (line === null || !line.writable) return Promise.reject(new Error(`QMP ${command}: QEMU is not there`));
    const number = ++id;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        pending.delete(number);
        reject(new Error(`QMP ${command}: no answer within ${limit} ms`));
      }, limit);
      const end = (act: () => void): void => {
        clearTimeout(timer);
        pending.delete(number);
        act();
      };
      pending.set(number, {
        resolve: (value) => end(() => resolve(value)),
        reject: (error) => end(() => reject(new Error(`QMP ${command}: ${error.message}`))),
      });
      line.write(JSON.stringify({ execute: command, id: number }) + '\n');
    });
  }

  function take(reply: Reply): void {
    if (reply.QMP !== undefined) {
      send('qmp_capabilities', 60000).then(onReady, () => {});
      return;
    }
    const one = pending.get(reply.id ?? 0);
    if (reply.error !== undefined) one?.reject(new Error(reply.error.desc ?? 'an error'));
    else if (reply.return !== undefined) one?.resolve(reply.return);
  }

  const server = createServer((opened) => {
    socket = opened;
    opened.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (line.trim() === '') continue;
        try {
          take(JSON.parse(line) as Reply);
        } catch {
          // Not of QEMU: whoever waits finds out by its limit.
        }
      }
    });
    opened.on('error', () => {});
    opened.on('close', () => {
      for (const one of [...pending.values()]) one.reject(new Error('QEMU is gone'));
    });
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    ready,
    run: send,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        socket?.destroy();
      }),
  };
}
