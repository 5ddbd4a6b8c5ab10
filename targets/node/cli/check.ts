// `dietesp check`, and `--check` of gateway and sensor: checks files and starts nothing.

import { Command, Option } from 'commander';
import { FILE_KINDS, type FileKind } from '../host/config/kind.ts';
import { CommandError, FieldError, pathName } from '../host/errors.ts';
import { printFaults, printWarning } from '../host/terminal.ts';
import { type CheckedFile, checkFile } from '../tools/check-file.ts';

/** Says what is no error, but should be known. */
export function warn(warnings: readonly string[]): void {
  for (const text of warnings) printWarning(text);
}

/** Prints a summary of each good file, and all that is wrong with the others; the exit code is 1 then. */
export function checkFiles(files: string[], kind: FileKind | undefined, isJson: boolean): void {
  const checked = files.map((file): CheckedFile => {
    try {
      return checkFile(file, kind);
    } catch (error) {
      // One that cannot be read does not hide what is wrong with the others.
      if (files.length === 1 || !(error instanceof CommandError)) throw error;
      const limit = error.message.replace(`${file}: `, '');
      const fault = { file, line: 0, path: [], value: '', limit };
      return { file, kind: kind ?? 'gateway', summary: '', errors: [fault], warnings: [] };
    }
  });
  if (checked.some(({ errors }) => errors.length > 0)) process.exitCode = 1;
  if (isJson) {
    const view = checked.map(({ file, kind: own, errors, warnings }) => ({
      file,
      kind: own,
      good: errors.length === 0,
      errors: errors.map((error) => ({ ...error, path: pathName(error.path) })),
      warnings,
    }));
    process.stdout.write(JSON.stringify(view.length === 1 ? view[0] : view, null, 2) + '\n');
    return;
  }
  for (const { summary, errors, warnings } of checked) {
    process.stdout.write(summary);
    printFaults(errors.map((fault) => new FieldError(fault).message));
    warn(warnings);
  }
}

export function checkCommand(): Command {
  return new Command('check')
    .description(
      'Checks files of gateways, sensors and SAs. Prints all errors, each as `FILE:LINE: field: value: what it must be`, ' +
        "or a summary of the file's content.",
    )
    .argument('<files...>', 'YAML or JSON')
    .addOption(new Option('--kind <kind>', 'kind of the files; default: by their fields').choices(FILE_KINDS))
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExit code: 0 all good, 1 otherwise.\n\nExample:\n  $ dietesp check gateway.yaml sensor-*.yaml',
    )
    .action((files: string[], options: { kind?: FileKind; json?: boolean }) => {
      checkFiles(files, options.kind, options.json === true);
    });
}
