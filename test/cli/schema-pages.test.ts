// The pages of the configuration files agree with the programs' checks: they equal the output of `npm run docs:config`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { GATEWAY_SCHEMA, SENSOR_SCHEMA } from '../../targets/node/host/config/ike-files.ts';
import { SA_OBJECT } from '../../targets/node/host/config/schema.ts';
import { schemaMarkdown } from '../../targets/node/host/config/schema-doc.ts';
import { type Shape, validate } from '../../targets/node/host/config/validate.ts';
import { parseConfig } from '../../targets/node/host/document.ts';
import { configPages } from '../../targets/node/tools/config-pages.ts';
import { dietesp, ROOT } from './run.ts';

for (const [name, text] of Object.entries(configPages())) {
  test(`docs/${name} is up to date (npm run docs:config)`, () => {
    assert.equal(readFileSync(join(ROOT, 'docs', name), 'utf8'), text);
  });
}

test('what must be there, defaults, units and limits are in the table', async () => {
  const { stdout, code } = await dietesp('schema', 'sensor', '--markdown');
  assert.equal(code, 0);
  assert.equal(stdout, schemaMarkdown(SENSOR_SCHEMA));
  for (const row of [
    '| `radio.panId` | integer 0..65534 | yes |  |',
    '| `gateway.link` | text | with `radio` |  |',
    '| `connection` | object | yes |  |',
    '| `connection.ike.dpd` | number 0..31536000 s |  | `300` |',
    '| `server.port` | integer 1..65535 |  | `5683` |',
    '| `radio` | object | one of `radio` and `udp` |  |',
  ]) {
    assert.ok(stdout.includes(row), row);
  }
});

/** Values near what the schema takes, and others. */
function valuesOf(shape: Shape): fc.Arbitrary<unknown> {
  const fields = Object.entries(shape.properties ?? {});
  const names = [...fields.map(([name]) => name), 'zebra'];
  const leaf = fc.oneof(
    fc.constantFrom(
      ...([...(shape.enum ?? []), shape.minimum ?? 0, shape.maximum ?? 1, 'fqdn:a', '00', true, null] as unknown[]),
    ),
    fc.integer({ min: -2, max: 70000 }),
    fc.double({ noNaN: true }),
  );
  if (shape.type === 'object') {
    const picked = fc.subarray(names, { maxLength: Math.min(4, names.length) });
    return fc.oneof(
      {
        weight: 4,
        arbitrary: picked.chain((list) =>
          fc.record(Object.fromEntries(list.map((name) => [name, valuesOf(shape.properties?.[name] ?? {})]))),
        ),
      },
      { weight: 1, arbitrary: leaf },
    );
  }
  if (shape.type === 'array') {
    return fc.oneof({ weight: 3, arbitrary: fc.array(valuesOf((shape.items ?? {}) as Shape), { maxLength: 3 }) }, leaf);
  }
  return leaf;
}

/** JSON Schema takes no number where a text is wanted; files may write `0001` there. */
function hasNumberAsText(error: { keyword: string; params: Record<string, unknown>; data?: unknown }): boolean {
  return error.keyword === 'type' && error.params['type'] === 'string' && typeof error.data === 'number';
}

for (const [name, schema] of Object.entries({ gateway: GATEWAY_SCHEMA, sensor: SENSOR_SCHEMA, sa: SA_OBJECT })) {
  test(`${name}: the check refuses what JSON Schema refuses, and nothing else`, () => {
    const judge = new Ajv({ strict: false, allErrors: true, verbose: true }).compile(schema);
    fc.assert(
      fc.property(valuesOf(schema as Shape), (value) => {
        const text = JSON.stringify(value);
        const document = parseConfig('a.json', text);
        const good = judge(JSON.parse(text));
        if (judge.errors?.some(hasNumberAsText)) return;
        validate(document, schema as Shape, document.data, []);
        if (good) document.finish();
        else assert.throws(() => document.finish(), /^FieldErrors?: /, text);
      }),
      { numRuns: 1500 },
    );
  });
}
