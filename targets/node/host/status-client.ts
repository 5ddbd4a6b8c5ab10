// The other side of a status socket: finds the gateway that runs, asks, and follows events.

import { statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { CommandError, errorText } from './errors.ts';
import type { ControlAnswer } from './lines.ts';
import { findSockets, runtimeFolder } from './status-place.ts';

/** Octets of an answer, at most: what is longer comes from something else. */
const ANSWER_MAX = 1 << 28;

export interface StatusClient {
  /** Path of the socket. */
  path: string;
  /** The answer to a command. Rejects with a CommandError: the gateway's `problem`, or that it ended. */
  ask(cmd: string, parameters?: Record<string, unknown>): Promise<ControlAnswer>;
  /** Takes events from now on. */
  onEvent(take: (event: Record<string, unknown>) => void): void;
  /** Resolves when the gateway has ended the conversation. */
  ended: Promise<void>;
  close(): void;
}

function opened(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** Why nobody can be reached at `path`. */
function problemOf(path: string, error: unknown): CommandError {
  const { code } = error as NodeJS.ErrnoException;
  const isOther = statSync(path, { throwIfNoEntry: false })?.isSocket() === false;
  if (code === 'ENOTSOCK' || isOther) return new CommandError(`${path}: is no socket`);
  if (code === 'ECONNREFUSED') return new CommandError(`${path}: no gateway runs there any more`);
  if (code === 'ENOENT') return new CommandError(`${path}: no gateway serves it`);
  if (code === 'EACCES')
    return new CommandError(`${path}: permission denied; it is for the user of the gateway, and root`);
  return CommandError.from(path, error);
}

/** The connection to the one gateway that runs. */
async function only(): Promise<[string, Socket]> {
  const { found, closed } = findSockets();
  const running: [string, Socket][] = [];
  const denied = [...closed];
  for (const path of found) {
    try {
      running.push([path, await opened(path)]);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') denied.push(path);
    }
  }
  if (running.length === 1) return running[0];
  for (const [, socket] of running) socket.destroy();
  if (running.length > 1) {
    const names = running.map(([path]) => path).join(', ');
    throw new CommandError(`${running.length} gateways run; name one with --socket: ${names}`);
  }
  if (denied.length > 0) {
    throw new CommandError(`${denied.join(', ')}: permission denied; ask as the user of the gateway, or as root`);
  }
  throw new CommandError(
    `no gateway runs here: nobody serves a socket in ${runtimeFolder()}; --socket names another one`,
  );
}

/** Connects with the gateway of a socket; undefined: with the one that runs. Rejects with a CommandError. */
export async function connectStatus(socketPath: string | undefined): Promise<StatusClient> {
  const [path, socket] =
    socketPath === undefined
      ? await only()
      : [
          socketPath,
          await opened(socketPath).catch((error: unknown) => {
            throw problemOf(socketPath, error);
          }),
        ];
  const waiting: { resolve(answer: ControlAnswer): void; reject(error: Error): void }[] = [];
  let take: (event: Record<string, unknown>) => void = () => {};
  let parts: string[] = [];
  let size = 0;
  let finish: () => void;
  const ended = new Promise<void>((resolve) => {
    finish = resolve;
  });

  function line(text: string): void {
    const value = JSON.parse(text) as Record<string, unknown>;
    if (typeof value.event === 'string' && value.cmd === undefined) {
      take(value);
      return;
    }
    const next = waiting.shift();
    const answer = value as ControlAnswer;
    if (answer.ok) next?.resolve(answer);
    else next?.reject(new CommandError(String(answer.problem)));
  }

  function fail(problem: string): void {
    for (const { reject } of waiting.splice(0)) reject(new CommandError(`${path}: ${problem}`));
    socket.destroy();
    finish();
  }

  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    let rest = chunk;
    try {
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
        line(parts.join('') + rest.slice(0, end));
        parts = [];
        size = 0;
        rest = rest.slice(end + 1);
      }
    } catch {
      fail('answers with something else than JSON lines');
      return;
    }
    parts.push(rest);
    size += rest.length;
    if (size > ANSWER_MAX) fail('its answer has no end');
  });
  socket.on('error', (error) => fail(errorText(error)));
  socket.on('close', () => fail('the gateway ended'));
  return {
    path,
    ended,
    ask(cmd, parameters = {}) {
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        socket.write(`${JSON.stringify({ cmd, ...parameters })}\n`);
      });
    },
    onEvent(next) {
      take = next;
    },
    close: () => void socket.destroy(),
  };
}
