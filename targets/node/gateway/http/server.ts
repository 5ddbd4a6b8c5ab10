// HTTP of a gateway: few connections, small requests, short patience. Whoever has not shown the token gives way to newcomers, so
// that those who have it get in while others fill all places.

import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { createBounded } from '../../host/bounded.ts';
import { CommandError, errorText } from '../../host/errors.ts';
import type { Running } from '../commands/running.ts';
import type { HttpConfig } from './config.ts';
import { createGuard, type RefusalReason } from './guard.ts';
import { createPacketFeed } from './packets.ts';
import type { Asset } from './page.ts';
import { createRoutes, type Env, type MetricsText } from './routes.ts';
import { createEventStreams } from './stream.ts';
import { digestOf } from './token.ts';

/** Connections at a time. */
const CONNECTIONS = 64;
const HEADER_MAX = 8192;
/** Milliseconds for a request's head, for all of it, between requests, and without any octet moving. */
const HEAD_TIME = 5000;
const REQUEST_TIME = 10000;
const IDLE_TIME = 5000;
const STILL_TIME = 45000;
const LOOK = 1000;

/** Counters of HTTP. */
export interface HttpCounters {
  /** Requests by status. */
  requests: Record<string, number>;
  /** Requests that were refused, by what was wrong. */
  refused: Record<RefusalReason, number>;
  /** Connections: those that came, that are open, and that were closed because there were too many. */
  accepted: number;
  open: number;
  crowded: number;
  /** Readers of events. */
  readers: number;
}

export interface HttpServer {
  /** `http://127.0.0.1:9460`. */
  url: string;
  close(): Promise<void>;
}

export interface HttpParts {
  config: HttpConfig;
  token: string;
  assets: ReadonlyMap<string, Asset>;
  /** Makes /metrics. */
  metrics(counters: () => HttpCounters): MetricsText;
}

function listen(server: Server, { address, port }: HttpConfig): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port }, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

/** Starts HTTP. Rejects with a CommandError that names address and port. */
export async function openHttp(running: Running, { config, token, assets, metrics }: HttpParts): Promise<HttpServer> {
  const open = new Set<Socket>();
  // Those that have not shown the token, the oldest first.
  const unproved = new Set<Socket>();
  const counters: HttpCounters = {
    requests: {},
    refused: { host: 0, origin: 0, token: 0 },
    accepted: 0,
    open: 0,
    crowded: 0,
    readers: 0,
  };
  const bounded = createBounded(running.logs.log, () => performance.now());
  const streams = createEventStreams(running);
  const packets = config.packets ? createPacketFeed(running.gateway.watch) : null;
  const guard = createGuard({
    digest: digestOf(token),
    hosts: config.hosts.map((name) => name.toLowerCase()),
    refused(reason, context) {
      counters.refused[reason]++;
      const from = (context.env as Env['Bindings']).incoming.socket.remoteAddress ?? '';
      bounded.poll(performance.now());
      bounded.log('warn', 'gateway', `http-${reason}`, () => `http: refused ${from}: ${reason}`, {}, from);
    },
    proved: (context) => void unproved.delete((context.env as Env['Bindings']).incoming.socket),
  });
  const app = createRoutes({
    running,
    guard,
    streams,
    assets,
    packets,
    metrics: metrics(() => ({ ...counters, open: open.size, readers: streams.count() })),
  });
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const server = createServer(
    {
      maxHeaderSize: HEADER_MAX,
      headersTimeout: HEAD_TIME,
      requestTimeout: REQUEST_TIME,
      keepAliveTimeout: IDLE_TIME,
      connectionsCheckingInterval: LOOK,
      insecureHTTPParser: false,
    },
    (request, response) => {
      response.on('finish', () => {
        const { statusCode } = response;
        counters.requests[statusCode] = (counters.requests[statusCode] ?? 0) + 1;
      });
      // No request here has a body: what comes all the same is not waited for.
      if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) {
        response.setHeader('Connection', 'close');
      }
      void answer(request, response);
    },
  );
  server.timeout = STILL_TIME;
  server.on('connection', (socket) => {
    counters.accepted++;
    if (open.size >= CONNECTIONS) {
      counters.crowded++;
      const [oldest] = unproved;
      (oldest ?? socket).destroy();
      if (oldest === undefined) return;
      open.delete(oldest);
      unproved.delete(oldest);
    }
    open.add(socket);
    unproved.add(socket);
    socket.on('close', () => {
      open.delete(socket);
      unproved.delete(socket);
    });
  });
  let info: AddressInfo;
  try {
    info = await listen(server, config);
  } catch (error) {
    streams.close();
    throw new CommandError(`http: ${config.address} port ${config.port}: ${errorText(error)}`);
  }
  const host = info.family === 'IPv6' ? `[${info.address}]` : info.address;
  return {
    url: `http://${host}:${info.port}`,
    close() {
      streams.close();
      packets?.close();
      return new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      });
    },
  };
}
