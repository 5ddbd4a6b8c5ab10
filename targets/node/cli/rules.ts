// `dietesp rules`: the three rules that both peers derive from an SA.

import { Command } from 'commander';
import { readText } from '../host/document.ts';
import { CommandError } from '../host/errors.ts';
import type { RuleView } from '../host/explain/rules-view.ts';
import { readSidFile } from '../host/rules/sid.ts';
import { table } from '../host/table.ts';
import { screenOf } from '../host/terminal.ts';
import { deriveRules, rulesData, rulesItem, rulesSchc } from '../tools/rules/derive.ts';
import { printJson } from './options.ts';

/** Octets of a .sid file: listings of hundreds of modules are smaller. */
const SID_FILE_MAX = 1 << 24;

interface Options {
  sa: string;
  json?: boolean;
  cbor?: boolean;
  schc?: boolean;
  table?: boolean;
  sid?: string;
}

function ruleTable(rule: RuleView): string {
  const id = rule.ruleIdLength === 0 ? 'RuleID not sent' : `RuleID ${rule.ruleId}/${rule.ruleIdLength}`;
  if (rule.fields.length === 0) return `${rule.name} (${id}): not compressed\n`;
  const rows = rule.fields.map((field) => [
    field.header,
    field.name,
    field.fl === 0 ? 'var' : String(field.fl),
    String(field.fp),
    field.di,
    field.tv.length === 0 ? '-' : field.tv.join(', '),
    field.mo,
    field.cda,
    field.bits === null ? 'var' : String(field.bits),
    field.clause,
  ]);
  const head = ['header', 'field', 'FL', 'FP', 'DI', 'TV', 'MO', 'CDA', 'sent bits', 'clause'];
  return `${rule.name} (${id})\n${table(head, rows, screenOf(process.stdout))}`;
}

async function rules(options: Options): Promise<void> {
  const chosen = [options.json, options.cbor, options.schc, options.table].filter((value) => value === true);
  if (chosen.length > 1) throw new CommandError('--json, --cbor, --schc, --table: only one of them', 2);
  if (options.sid !== undefined && options.cbor !== true) throw new CommandError('--sid: only with --cbor', 2);
  const derived = await deriveRules(options.sa);
  if (options.json === true) printJson(derived.map(rulesData));
  else if (options.schc === true) {
    for (const sa of derived) process.stdout.write(JSON.stringify(rulesSchc(sa)) + '\n');
  } else if (options.cbor === true) {
    const { sid } = options;
    try {
      const sids = sid === undefined ? null : readSidFile(readText(sid, SID_FILE_MAX));
      for (const sa of derived) process.stdout.write(rulesItem(sa, sids));
    } catch (error) {
      throw error instanceof CommandError || sid === undefined ? error : CommandError.from(sid, error);
    }
  } else {
    const parts = derived.map((sa) => `SA ${sa.name}\n\n` + sa.rules.map(ruleTable).join('\n'));
    process.stdout.write(parts.join('\n'));
  }
}

export function rulesCommand(): Command {
  return new Command('rules')
    .description('Prints the rules IIPC, CTEC and EEC that the core derives from the SAs of a file.')
    .requiredOption('--sa <file>', 'SA file')
    .option('--table', 'tables (default)')
    .option('--json', 'JSON: a list of SAs, with names, widths and clauses, for people and their programs')
    .option('--schc', 'JSON that the reader of SCHC rules takes (readSchcJson), one object per SA and line')
    .option('--cbor', 'CBOR after RFC 9363 and RFC 9254, one data item per SA')
    .option('--sid <file>', '.sid file of ietf-schc (RFC 9595) with the numbers for --cbor; default: see docs/cli.md')
    .addHelpText('after', '\nExample:\n  $ dietesp rules --sa tunnel.yaml')
    .action((options: Options) => rules(options));
}
