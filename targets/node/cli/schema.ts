// `dietesp schema`: the JSON Schema of SA files, gateway, sensor or device files, or its documentation.

import { Argument, Command } from 'commander';
import { DEVICE_SCHEMA } from '../host/config/device-schema.ts';
import { GATEWAY_SCHEMA, SENSOR_SCHEMA } from '../host/config/ike-files.ts';
import { SA_OBJECT, SA_SCHEMA } from '../host/config/schema.ts';
import { schemaMarkdown } from '../host/config/schema-doc.ts';

const FILES = {
  sa: { schema: SA_SCHEMA, shape: SA_OBJECT },
  gateway: { schema: GATEWAY_SCHEMA, shape: GATEWAY_SCHEMA },
  sensor: { schema: SENSOR_SCHEMA, shape: SENSOR_SCHEMA },
  device: { schema: DEVICE_SCHEMA, shape: DEVICE_SCHEMA },
};

export function schemaCommand(): Command {
  return new Command('schema')
    .description('Prints a schema: JSON Schema (draft 7), or a Markdown table of the fields.')
    .addArgument(new Argument('[file]', 'what kind of file').choices(Object.keys(FILES)).default('sa'))
    .option('--json', 'JSON Schema (default)')
    .option('--markdown', 'a Markdown table')
    .action((file: keyof typeof FILES, options: { markdown?: boolean }) => {
      const { schema, shape } = FILES[file];
      process.stdout.write(options.markdown === true ? schemaMarkdown(shape) : JSON.stringify(schema, null, 2) + '\n');
    });
}
