// What HTTP answers: the commands of the table, events, metrics, whether the gateway is well, and the page.

import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { errorText } from '../../host/errors.ts';
import { LOG_LEVELS, type LogLevel } from '../../host/log.ts';
import { didYouMean } from '../../host/suggest.ts';
import { runCommand } from '../commands/obey.ts';
import { Refused } from '../commands/refused.ts';
import type { Running } from '../commands/running.ts';
import type { Schema } from '../commands/shapes.ts';
import { COMMANDS, type Command, type Parameters } from '../commands/table.ts';
import type { Guard } from './guard.ts';
import { openApi } from './openapi.ts';
import type { PacketFeed } from './packets.ts';
import type { Asset } from './page.ts';
import type { EventStreams } from './stream.ts';

export type Env = { Bindings: HttpBindings };

/** The text of /metrics, and its media type. */
export interface MetricsText {
  type: string;
  text(): Promise<string>;
}

export interface RouteParts {
  running: Running;
  guard: Guard;
  streams: EventStreams;
  assets: ReadonlyMap<string, Asset>;
  metrics: MetricsText;
  /** Null: packets are not shown. */
  packets: PacketFeed | null;
}

const STATUS: Record<Refused['kind'], ContentfulStatusCode> = { wrong: 400, absent: 404, failed: 409 };

/** A parameter of a query is text: what the schema wants it to be, where it can be that. */
function parameterOf(schema: Schema, value: string): unknown {
  if (schema.type === 'integer') return /^-?\d{1,15}$/.test(value) ? Number(value) : value;
  if (schema.type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value;
  return schema.type === 'array' ? value.split(',') : value;
}

function parametersOf(command: Command, context: Context<Env>): Parameters {
  const given: Parameters = {};
  for (const [name, values] of Object.entries(context.req.queries())) {
    if (values.length > 1) throw new Refused(`${name}: is there twice`, 'wrong');
    given[name] = parameterOf(command.parameters[name] ?? {}, values[0]);
  }
  for (const name of Object.keys(command.parameters)) {
    if (!command.http!.path.includes(`{${name}}`)) continue;
    if (given[name] !== undefined) throw new Refused(`${name}: is in the path`, 'wrong');
    given[name] = context.req.param(name);
  }
  return given;
}

function problem(context: Context<Env>, error: unknown): Response {
  const status = error instanceof Refused ? STATUS[error.kind] : 409;
  return context.json({ problem: errorText(error) }, status);
}

export function createRoutes({ running, guard, streams, assets, metrics, packets }: RouteParts): Hono<Env> {
  const app = new Hono<Env>();
  app.use(guard.place);
  app.get('/healthz', (context) => context.text('ok\n'));
  app.get('/readyz', (context) => {
    const { draining, cluster } = running.gateway.counters();
    const isSilent = cluster?.isHeld === false;
    const why = running.isEnding ? 'ending' : isSilent ? 'no-lease' : draining ? 'draining' : '';
    return why === '' ? context.text('ok\n') : context.text(`${why}\n`, 503);
  });
  const document = JSON.stringify(openApi(running.about.version));
  app.get('/openapi.json', (context) => context.body(document, 200, { 'Content-Type': 'application/json' }));

  app.use('/api/*', guard.token);
  for (const command of COMMANDS) {
    const { http } = command;
    if (http === undefined) continue;
    app.on(http.method.toUpperCase(), http.path.replaceAll(/\{(\w+)\}/g, ':$1'), async (context) => {
      try {
        return context.json(await runCommand(running, command, parametersOf(command, context)));
      } catch (error) {
        return problem(context, error);
      }
    });
  }
  app.get('/api/v1/events', (context) => {
    const { log, packets: wanted } = context.req.query();
    if (log !== undefined && !LOG_LEVELS.includes(log as LogLevel)) {
      const limit = `must be one of ${LOG_LEVELS.join(', ')}${didYouMean(log, LOG_LEVELS)}`;
      return problem(context, new Refused(`log: ${log.slice(0, 20)}: ${limit}`, 'wrong'));
    }
    const { incoming, outgoing } = context.env;
    const last = context.req.header('last-event-id') ?? '';
    const choice = log === undefined ? null : { level: log as LogLevel };
    if (wanted !== undefined && wanted !== 'true' && wanted !== 'false') {
      return problem(context, new Refused(`packets: ${wanted.slice(0, 20)}: must be true or false`, 'wrong'));
    }
    const feed = wanted === 'true' ? packets : null;
    if (streams.open(incoming, outgoing, { log: choice, last, packets: feed })) return RESPONSE_ALREADY_SENT;
    return context.json({ problem: 'too many readers of events' }, 503);
  });
  app.get('/api/v1/packets/:id', (context) => {
    if (packets === null) return problem(context, new Refused('packets are not shown: see http.packets', 'failed'));
    const id = context.req.param('id');
    const xray = /^\d{1,15}$/.test(id) ? packets.xray(Number(id)) : undefined;
    if (xray === undefined) return problem(context, new Refused('this packet is not kept, or not any more', 'absent'));
    return context.json(xray);
  });
  app.get('/metrics', guard.token, async (context) =>
    context.body(await metrics.text(), 200, { 'Content-Type': metrics.type }),
  );

  app.get('*', (context) => {
    const asset = assets.get(context.req.path);
    if (asset === undefined) return context.notFound();
    return context.body(new Uint8Array(asset.octets), 200, { 'Content-Type': asset.type, 'Cache-Control': 'no-cache' });
  });
  app.notFound((context) => context.json({ problem: 'there is no such path, or not with this method' }, 404));
  app.onError((error, context) => {
    running.logs.log('error', 'gateway', () => `http: ${error.stack ?? errorText(error)}`);
    return context.json({ problem: 'internal error' }, 500);
  });
  return app;
}
