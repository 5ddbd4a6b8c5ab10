// Commands as JSON lines on stdin, each answered in order with a JSON line: `--control` of the command line.

import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { errorText } from './errors.ts';

export type ControlCommand = Record<string, unknown> & { cmd: string };
export type ControlAnswer = { ok: boolean; problem?: string } & Record<string, unknown>;

export function failed(problem: string): ControlAnswer {
  return { ok: false, problem };
}

/** Obeys commands until `quit` or the end of the input; `answer` takes each line's answer. */
export async function obeyLines(
  input: Readable,
  obey: (command: ControlCommand) => Promise<ControlAnswer>,
  answer: (line: object) => void,
): Promise<void> {
  for await (const line of createInterface({ input })) {
    if (line.trim() === '') continue;
    let command: ControlCommand = { cmd: '' };
    let result: ControlAnswer;
    try {
      command = JSON.parse(line) as ControlCommand;
      result = await obey(command);
    } catch (error) {
      result = failed(errorText(error));
    }
    answer({ ...(command.id === undefined ? {} : { id: command.id }), cmd: command.cmd, ...result });
    if (command.cmd === 'quit') return;
  }
}
