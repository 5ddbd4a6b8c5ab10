// How a running gateway is seen from outside: the status socket, and HTTP where it is wanted.

import { dirname, resolve } from 'node:path';
import { CommandError, errorText } from '../../host/errors.ts';
import { defaultDirectory } from '../../host/state/open.ts';
import { defaultSocket, makeRuntimeFolder } from '../../host/status-place.ts';
import type { Running } from '../commands/running.ts';
import { type HttpConfig, isLoopback } from '../http/config.ts';
import type { HttpServer } from '../http/server.ts';
import { openStatusSocket, type StatusSocket } from './socket.ts';

/** What the file and the command line say. */
export interface StatusConfig {
  /** The configuration file. */
  file: string;
  /** Path of the socket, `off`, or '': the default. Absolute. */
  socket: string;
  /** Null: no HTTP. */
  http: HttpConfig | null;
}

export interface Status {
  close(): Promise<void>;
}

/** Where the token of HTTP is kept that nobody gave. */
function ownTokenFile(file: string): string {
  return `${defaultDirectory(file)}.http-token`;
}

async function openSocket(running: Running, { file, socket }: StatusConfig): Promise<StatusSocket | null> {
  if (socket === 'off') return null;
  const path = socket === '' ? defaultSocket(file) : socket;
  try {
    if (socket === '') makeRuntimeFolder(dirname(path));
    return await openStatusSocket(running, path);
  } catch (error) {
    if (socket !== '') throw error;
    // Nobody asked for it.
    running.logs.log('warn', 'gateway', () => `no status socket: ${errorText(error)}`);
    return null;
  }
}

async function openHttp(running: Running, file: string, config: HttpConfig): Promise<HttpServer> {
  // What these files import is loaded where it is used alone.
  const { openHttp: open } = await import('../http/server.ts');
  const { pageAssets } = await import('../http/page.ts');
  const { tokenFrom } = await import('../http/token.ts');
  const { createMetrics } = await import('../metrics/prometheus.ts');
  const { log } = running.logs;
  const isGiven = config.token !== '' || config.tokenFile !== '';
  if (!isGiven && !isLoopback(config.address)) {
    throw new CommandError(`http: ${config.address}: other hosts reach it: token or tokenFile is required`);
  }
  const tokenFile = config.tokenFile === '' ? ownTokenFile(file) : config.tokenFile;
  const token =
    config.token === '' ? tokenFrom(tokenFile, !isGiven, (text) => log('warn', 'gateway', text)) : config.token;
  const server = await open(running, {
    config,
    token,
    assets: await pageAssets(),
    metrics: (counters) => createMetrics(running, counters, config.peerMetrics),
  });
  log('info', 'gateway', `HTTP: ${server.url}${config.token === '' ? `, token in ${resolve(tokenFile)}` : ''}`);
  if (!isLoopback(config.address)) {
    log('warn', 'gateway', 'http: others on the way read the token: put a proxy with TLS in front');
  }
  return server;
}

/** Opens what is wanted, or nothing. Rejects with a CommandError. */
export async function openStatus(running: Running, config: StatusConfig): Promise<Status> {
  const socket = await openSocket(running, config);
  if (socket !== null) running.logs.log('info', 'gateway', `status socket: ${socket.path}`);
  let http: HttpServer | null = null;
  try {
    if (config.http !== null) {
      running.measure();
      http = await openHttp(running, config.file, config.http);
    }
  } catch (error) {
    socket?.close();
    throw error;
  }
  return {
    async close() {
      socket?.close();
      await http?.close();
    },
  };
}
