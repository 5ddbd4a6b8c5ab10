// `dietesp schema`: the JSON Schema of SA files, or its documentation.

import { Command } from 'commander';
import { SA_SCHEMA } from '../config/schema.ts';
import { schemaMarkdown } from '../config/schemadoc.ts';

export function schemaCommand(): Command {
  return new Command('schema')
    .description('Prints the schema of SA files: JSON Schema (draft 7), or a Markdown table of the fields.')
    .option('--json', 'JSON Schema (default)')
    .option('--markdown', 'a Markdown table')
    .action((options: { markdown?: boolean }) => {
      process.stdout.write(options.markdown === true ? schemaMarkdown() : JSON.stringify(SA_SCHEMA, null, 2) + '\n');
    });
}
