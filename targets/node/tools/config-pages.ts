// Makes the pages of the configuration files, docs/config-*.md, from the schemas that the programs check with, so that they
// always agree. `npm run docs:config` writes them.

import { DEVICE_SCHEMA } from '../host/config/device-schema.ts';
import { GATEWAY_SCHEMA, SENSOR_SCHEMA } from '../host/config/ike-files.ts';
import type { FileKind } from '../host/config/kind.ts';
import { SA_OBJECT } from '../host/config/schema.ts';
import { schemaMarkdown } from '../host/config/schema-doc.ts';
import type { Shape } from '../host/config/validate.ts';

interface Page {
  kind: FileKind;
  title: string;
  head: string;
  shape: Shape;
  example: string;
}

const PAGES: Page[] = [
  {
    kind: 'gateway',
    title: "A gateway's file",
    head: 'What `dietesp gateway --config FILE` reads, and `loadGatewayFile` of `dietesp/node`.',
    shape: GATEWAY_SCHEMA,
    example: 'gateway.yaml',
  },
  {
    kind: 'sensor',
    title: "A sensor's file",
    head: 'What `dietesp sensor --config FILE` and `dietesp provision --config FILE` read, and `loadSensorFile` of `dietesp/node`.',
    shape: SENSOR_SCHEMA,
    example: 'sensor-ike.yaml',
  },
  {
    kind: 'sa',
    title: 'An SA file',
    head:
      'SAs that are keyed by hand: one SA, or under `sas` a list of them. `dietesp explain`, `rules`, `compress` and ' +
      '`decompress` read it with `--sa FILE`, a gateway by its field `sas`, and `loadSaFile` of `dietesp/node`.',
    shape: SA_OBJECT,
    example: 'sensor.yaml',
  },
  {
    kind: 'device',
    title: "A device's file",
    head: 'A device with SAs keyed by hand: what `dietesp build --specialise --config FILE` makes a module of ([how](specialised.md)).',
    shape: DEVICE_SCHEMA,
    example: 'device.yaml',
  },
];

/** The pages by name: `config-gateway.md` and so on. */
export function configPages(): Record<string, string> {
  return Object.fromEntries(
    PAGES.map(({ kind, title, head, shape, example }) => [
      `config-${kind}.md`,
      `# ${title}

${head} YAML 1.2 or JSON, in UTF-8; a number where a text is wanted counts as it is written. \`dietesp check FILE\` tells
everything that is wrong with a file. An example: [${example}](../targets/node/examples/${example}).

"Required" of a field within an object holds where the object is there.

<!-- Made by \`npm run docs:config\` from the schema that the programs check with. -->

${schemaMarkdown(shape)}`,
    ]),
  );
}
