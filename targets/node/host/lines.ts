// Commands as JSON lines on stdin, each answered in order with a JSON line: `--control` of the command line.

import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { errorText } from './errors.ts';

export type ControlCommand = Record<string, unknown> & { cmd: string };
export type ControlAnswer = { ok: boolean; problem?: string } & Record<string, unknown>;

export function failed(problem: string): ControlAnswer {
  return { ok: false, problem };
}

/** The command of a line. Throws where it is none: whatever the line is, the next one is obeyed. */
function commandOf(line: string): ControlCommand {
  const value: unknown = JSON.parse(line);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('must be an object');
  const { id, cmd } = value as Partial<ControlCommand>;
  if (typeof cmd !== 'string') throw new Error('cmd: must be text');
  // It is repeated in the answer.
  if (typeof id === 'object' && id !== null) throw new Error('id: must be text or a number');
  return value as ControlCommand;
}

/** Octets of a line, about. What is longer is no command, and is not kept until its end comes. */
const LINE_MAX = 65536;

/** The lines of `input`; null for one that is too long. */
async function* linesOf(input: Readable): AsyncGenerator<string | null> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let isLong = false;
  for await (const chunk of input) {
    rest += typeof chunk === 'string' ? chunk : decoder.write(chunk as Buffer);
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      yield isLong || end > LINE_MAX ? null : rest.slice(0, end);
      rest = rest.slice(end + 1);
      isLong = false;
    }
    if (rest.length > LINE_MAX) {
      isLong = true;
      rest = '';
    }
  }
  if (isLong || rest !== '') yield isLong ? null : rest;
}

/** Obeys commands until `quit` or the end of the input; `answer` takes each line's answer, and the next line waits for it. */
export async function obeyLines(
  input: Readable,
  obey: (command: ControlCommand) => Promise<ControlAnswer>,
  answer: (line: object) => void | Promise<void>,
): Promise<void> {
  for await (const line of linesOf(input)) {
    if (line?.trim() === '') continue;
    let command: ControlCommand = { cmd: '' };
    let result: ControlAnswer;
    try {
      if (line === null) throw new Error(`a line is longer than ${LINE_MAX} octets`);
      command = commandOf(line);
      result = await obey(command);
    } catch (error) {
      result = failed(errorText(error));
    }
    await answer({ ...(command.id === undefined ? {} : { id: command.id }), cmd: command.cmd, ...result });
    if (command.cmd === 'quit') return;
  }
}
