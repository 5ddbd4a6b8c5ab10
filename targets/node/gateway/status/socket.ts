// The status socket: commands as JSON lines over a Unix domain socket that only its owner (and root) can open. Many may talk at
// a time; one that does not read loses events, and its next command waits.

import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { CommandError, errorText } from '../../host/errors.ts';
import { converse } from '../commands/conversation.ts';
import type { Running } from '../commands/running.ts';

/** Who may talk at a time; octets of events that may wait for one of them. */
const CLIENTS = 64;
const WAITING_MAX = 1 << 18;
/** Octets of a socket's name, at most: `sun_path` of Linux with its end, and of BSD and macOS. */
const NAME_MAX = process.platform === 'linux' ? 107 : 103;
const MODE = 0o600;
/** Milliseconds in which somebody who serves a socket takes a connection. */
const PATIENCE = 1000;

export interface StatusSocket {
  path: string;
  close(): void;
}

/** True when a process serves this socket. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    // What takes no connection for so long is served, but busy.
    socket.setTimeout(PATIENCE, () => end(true));
    socket.on('connect', () => end(true));
    // EAGAIN: its queue is full.
    socket.on('error', ({ code }: NodeJS.ErrnoException) => end(code === 'EAGAIN'));
  });
}

/** Takes the socket of a process that is no more away. Throws where it is served, or is something else. */
async function clear(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new Error('is there, and no socket');
  if (await isServed(path)) throw new Error('another gateway serves it');
  unlinkSync(path);
}

function serve(running: Running, socket: Socket): void {
  let lost = 0;
  const put = (line: object): void => void socket.write(`${JSON.stringify(line)}\n`);
  socket.on('error', () => {});
  void converse(
    running,
    socket,
    {
      answer(line) {
        put(line);
        if (!socket.writableNeedDrain) return undefined;
        return new Promise((resolve) => {
          const go = (): void => {
            socket.off('drain', go);
            socket.off('close', go);
            resolve();
          };
          socket.on('drain', go);
          socket.on('close', go);
        });
      },
      event(line) {
        if (socket.writableLength > WAITING_MAX) {
          lost++;
          return;
        }
        if (lost > 0) put({ event: 'lost-lines', lines: lost, reason: 'nobody reads' });
        lost = 0;
        put(line);
      },
    },
    false,
  )
    .catch(() => {})
    .finally(() => socket.end());
}

/** Serves the socket `path`. Rejects with a CommandError that names it. */
export async function openStatusSocket(running: Running, path: string): Promise<StatusSocket> {
  if (Buffer.byteLength(path) > NAME_MAX) {
    throw new CommandError(`control.socket: ${path}: must have at most ${NAME_MAX} octets`);
  }
  const clients = new Set<Socket>();
  const server = createServer((socket) => {
    if (clients.size >= CLIENTS) {
      socket.end(`${JSON.stringify({ cmd: '', ok: false, problem: `${CLIENTS} others are connected` })}\n`);
      return;
    }
    clients.add(socket);
    socket.on('close', () => void clients.delete(socket));
    serve(running, socket);
  });
  try {
    await clear(path);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      // It is bound in this call: nobody else may open it for a moment either.
      const mask = process.umask(0o777 & ~MODE);
      try {
        server.listen(path, resolve);
      } finally {
        process.umask(mask);
      }
    });
    chmodSync(path, MODE);
  } catch (error) {
    server.close();
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'EADDRINUSE' ? 'another gateway serves it' : errorText(error);
    throw new CommandError(`control.socket: ${path}: ${why}`);
  }
  server.on('error', () => {});
  return {
    path,
    close() {
      server.close();
      for (const socket of clients) socket.destroy();
    },
  };
}
