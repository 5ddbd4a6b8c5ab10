// docs/control.md: the gateway takes every command of the page, and prints every event.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { createRunning } from '../../targets/node/gateway/commands/running.ts';
import { COMMANDS } from '../../targets/node/gateway/commands/table.ts';
import { controlGateway } from '../../targets/node/gateway/control.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { obeyLines } from '../../targets/node/host/lines.ts';
import { createLogHub } from '../../targets/node/host/log-hub.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { ikeOf } from './ike-support.ts';
import { clockOf, GATEWAY, PAN, seeded } from './support.ts';

const page = readFileSync(join(sourceRoot(), 'docs', 'control.md'), 'utf8');

const runningOf = (gateway: object) =>
  createRunning(gateway as never, createLogHub({ sink: () => {} }), { version: '1', file: '' });

/** The JSON objects in the first column of the table below a heading. */
function examplesOf(heading: string): Record<string, unknown>[] {
  const part = page.split(`\n## ${heading}\n`)[1].split('\n## ')[0];
  return [...part.matchAll(/^\| `(\{[^`]*\})`/gm)].map(([, text]) => JSON.parse(text) as Record<string, unknown>);
}

test('the gateway obeys every command of docs/control.md, and no other', async () => {
  const medium = createMedium({ seed: 5 });
  const gateway = await createGateway({
    radios: [{ radio: medium.radio(), panId: PAN, shortAddress: 0 }],
    addresses: [GATEWAY],
    sas: [],
    provider: seeded(7),
    clock: clockOf(medium),
    ike: ikeOf(),
  });
  const examples = examplesOf('Commands of the gateway');
  assert.deepEqual(
    examples.map(({ cmd }) => cmd),
    COMMANDS.map(({ name }) => name),
  );
  const lines = ['{"cmd":"nosuch","id":9}', 'no JSON', ...examples.map((example) => JSON.stringify(example))];
  const printed: Record<string, unknown>[] = [];
  await controlGateway(
    runningOf(gateway),
    Readable.from(lines.map((line) => `${line}\n`)),
    (line) => void printed.push({ ...line }),
  );
  assert.deepEqual(printed[0], { event: 'started' });
  assert.deepEqual(printed[1], { id: 9, cmd: 'nosuch', ok: false, problem: 'nosuch: no such command' });
  assert.equal(printed[2].ok, false);
  const answers = printed.slice(3);
  assert.deepEqual(
    answers.map(({ cmd }) => cmd),
    examples.map(({ cmd }) => cmd),
  );
  const problems = Object.fromEntries(answers.map(({ cmd, ok, problem }) => [cmd, ok === true ? '' : problem]));
  const refused: Record<string, string> = { peer: 'fqdn:sensor1.example is not connected' };
  refused.reload = 'there is no file to read again';
  for (const name of ['rekey', 'rekey-child', 'rekey-ike', 'delete-child', 'probe', 'delete', 'disconnect']) {
    refused[name] = 'no peer is connected';
  }
  assert.deepEqual(problems, Object.fromEntries(COMMANDS.map(({ name }) => [name, refused[name] ?? ''])));
  assert.equal(answers.at(-1)!.ok, true);
  await gateway.close();
});

test('a line that is no command is answered, and the next one obeyed', async () => {
  const deep = '['.repeat(20000) + ']'.repeat(20000);
  const lines = [
    'null',
    '5',
    '[]',
    '{}',
    '{"cmd":{"toString":1}}',
    `{"cmd":"status","id":${deep}}`,
    '{"cmd":"last","id":1}',
  ];
  const printed: Record<string, unknown>[] = [];
  await obeyLines(
    Readable.from(lines.map((line) => `${line}\n`)),
    async () => ({ ok: true }),
    (line) => void printed.push(JSON.parse(JSON.stringify(line))),
  );
  assert.deepEqual(
    printed.map(({ ok, problem }) => problem ?? ok),
    [
      'must be an object',
      'must be an object',
      'must be an object',
      'cmd: must be text',
      'cmd: must be text',
      'id: must be text or a number',
      true,
    ],
  );
  assert.deepEqual(printed.at(-1), { id: 1, cmd: 'last', ok: true });
});

test('events of docs/control.md are those that the gateway prints', async () => {
  const printed: Record<string, unknown>[] = [];
  const listeners = new Map<string, (...values: string[]) => void>();
  const input = Readable.from([]);
  const gateway = { on: (name: string, listener: (...values: string[]) => void) => listeners.set(name, listener) };
  await controlGateway(runningOf(gateway), input, (line) => void printed.push({ ...line }));
  for (const listener of listeners.values()) listener('one', 'two');
  const shape = (event: Record<string, unknown>) => [event.event, Object.keys(event).join()].join(' ');
  assert.deepEqual(printed.map(shape).sort(), examplesOf('Events of the gateway').map(shape).sort());
});
