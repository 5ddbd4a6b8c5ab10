// The OpenAPI document of HTTP, made of the table of commands.

import { LOG_LEVELS } from '../../host/log.ts';
import type { Schema } from '../commands/shapes.ts';
import { answerSchema, COMMANDS, type Command, RATES } from '../commands/table.ts';

const PROBLEM: Schema = {
  type: 'object',
  required: ['problem'],
  properties: { problem: { type: 'string', description: 'What is wrong.' } },
};

/** The errors of every operation, by status. */
const ERRORS: Record<string, string> = {
  400: 'A parameter is unknown, missing or wrong.',
  401: 'There is no token, or a wrong one.',
  403: 'The Host or the Origin is none of this gateway.',
  404: 'It is not there.',
  409: 'The command failed.',
};

const json = (schema: Schema): Schema => ({ 'application/json': { schema } });

function errors(statuses: readonly string[]): Record<string, Schema> {
  return Object.fromEntries(
    statuses.map((status) => [status, { description: ERRORS[status], content: json(PROBLEM) }]),
  );
}

function operationOf(command: Command): Schema {
  const { name, summary, parameters, required = [], http } = command;
  return {
    operationId: name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
    summary,
    parameters: Object.entries(parameters).map(([parameter, { description, ...schema }]) => {
      const isInPath = http!.path.includes(`{${parameter}}`);
      return {
        name: parameter,
        in: isInPath ? 'path' : 'query',
        required: isInPath || required.includes(parameter),
        description,
        schema,
        ...(schema.type === 'array' ? { style: 'form', explode: false } : {}),
      };
    }),
    responses: {
      200: { description: `ok: ${command.okWhen}`, content: json(answerSchema(command)) },
      ...errors(Object.keys(ERRORS)),
    },
  };
}

const EVENTS: Schema = {
  get: {
    operationId: 'events',
    summary: 'Server-sent events: hello, up, down, child-failed, child-missing, lost, back, rates each second, and log',
    parameters: [
      {
        name: 'log',
        in: 'query',
        required: false,
        description: 'Lines of the log at this level; absent: none.',
        schema: { type: 'string', enum: LOG_LEVELS },
      },
      {
        name: 'packets',
        in: 'query',
        required: false,
        description:
          'true: packets too, a few a second, where `http.packets` shows them; `hello` says whether it does.',
        schema: { type: 'boolean' },
      },
      {
        name: 'Last-Event-ID',
        in: 'header',
        required: false,
        description: 'The last `id` that was seen: what came since is told first.',
        schema: { type: 'string' },
      },
    ],
    responses: {
      200: {
        description: 'Events until either side ends. A reader that is too slow is cut off.',
        content: { 'text/event-stream': { schema: { type: 'string', description: '`data` of `rates` is a Rates.' } } },
      },
      ...errors(['400', '401', '403']),
      503: { description: 'There are too many readers.', content: json(PROBLEM) },
    },
  },
};

const PACKET: Schema = {
  get: {
    operationId: 'packet',
    summary: 'What the octets of a packet are, in clear and on the wire, and what became of each field',
    parameters: [
      {
        name: 'id',
        in: 'path',
        required: true,
        description: '`id` of its event: one of the last 256, while somebody reads such events.',
        schema: { type: 'integer', minimum: 1 },
      },
    ],
    responses: {
      200: { description: 'Its X-ray.', content: json({ type: 'object' }) },
      ...errors(['401', '403', '404', '409']),
    },
  },
};

const text = (operationId: string, summary: string, more: Record<string, Schema> = {}): Schema => ({
  get: {
    operationId,
    summary,
    responses: { 200: { description: summary, content: { 'text/plain': { schema: { type: 'string' } } } }, ...more },
  },
});
const open = (operation: Schema): Schema => ({ get: { ...(operation.get as Schema), security: [] } });

/** The document [OpenAPI 3.1]. */
export function openApi(version: string): Schema {
  const paths: Record<string, Schema> = {};
  for (const command of COMMANDS) {
    if (command.http === undefined) continue;
    paths[command.http.path] = { ...paths[command.http.path], [command.http.method]: operationOf(command) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'dietesp gateway',
      version,
      description: 'A running gateway: what it does, and what can be asked of it. Errors have a `problem`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths: {
      ...paths,
      '/api/v1/events': EVENTS,
      '/api/v1/packets/{id}': PACKET,
      '/metrics': text('metrics', 'Counters for Prometheus', errors(['401', '403'])),
      '/healthz': open(text('healthz', 'The process answers')),
      '/readyz': open(
        text('readyz', 'The gateway takes new peers', {
          503: {
            description: 'It drains, ends, or has no lease in its cluster.',
            content: { 'text/plain': { schema: { type: 'string' } } },
          },
        }),
      ),
      '/openapi.json': {
        get: {
          operationId: 'openapi',
          summary: 'This document',
          security: [],
          responses: { 200: { description: 'This document', content: json({ type: 'object' }) } },
        },
      },
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: PROBLEM, Rates: RATES },
    },
  };
}
