// A command by its name: its parameters are checked against the table, and then it runs.

import { limitOf } from '../../host/config/validate.ts';
import { errorText } from '../../host/errors.ts';
import { type ControlAnswer, type ControlCommand, failed } from '../../host/lines.ts';
import { didYouMean } from '../../host/suggest.ts';
import { Refused } from './refused.ts';
import type { Running } from './running.ts';
import { COMMANDS, type Command, type Conversation, type Parameters } from './table.ts';

const BY_NAME = new Map(COMMANDS.map((command) => [command.name, command]));

/** Longer values are not repeated in messages. */
const SHOWN = 60;

function shownValue(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
}

/** Why a value is refused, or ''. */
function problemOf(schema: Command['parameters'][string], value: unknown): string {
  const limit = limitOf(schema, value);
  if (limit !== '' || !Array.isArray(value)) return limit;
  for (const item of value) {
    const inner = limitOf(schema.items as object, item);
    if (inner !== '') return inner;
  }
  return '';
}

/** Throws Refused where a parameter is none of the command's, is missing, or has a wrong value. */
export function checkParameters({ name, parameters, required = [] }: Command, given: Parameters): void {
  const known = Object.keys(parameters);
  for (const [parameter, value] of Object.entries(given)) {
    if (!Object.hasOwn(parameters, parameter)) {
      const limit = known.length === 0 ? `${name} has none` : `must be one of ${known.join(', ')}`;
      const shown = parameter.slice(0, SHOWN);
      throw new Refused(`${shown}: unknown parameter; ${limit}${didYouMean(shown, known)}`, 'wrong');
    }
    const problem = problemOf(parameters[parameter], value);
    if (problem !== '') throw new Refused(`${parameter}: ${shownValue(value)}: ${problem}`, 'wrong');
  }
  for (const parameter of required) {
    if (given[parameter] === undefined) throw new Refused(`${parameter}: is required`, 'wrong');
  }
}

/** Runs a command whose parameters come from outside. Throws Refused, or what the command throws. */
export async function runCommand(
  running: Running,
  command: Command,
  given: Parameters,
  conversation: Conversation | null = null,
): Promise<object> {
  checkParameters(command, given);
  return command.run(running, given, conversation);
}

/** The answer to a line. Never throws. */
export async function obey(
  running: Running,
  { cmd, id: _, ...given }: ControlCommand,
  conversation: Conversation | null,
): Promise<ControlAnswer> {
  const command = BY_NAME.get(cmd);
  if (command === undefined)
    return failed(`${cmd.slice(0, SHOWN)}: no such command${didYouMean(cmd, [...BY_NAME.keys()])}`);
  try {
    return { ok: true, ...(await runCommand(running, command, given, conversation)) };
  } catch (error) {
    return failed(errorText(error));
  }
}
