// What a terminal takes: colour and a width. Pipes and files get neither, so that what programs read is plain text.

import { outletOf } from './outlet.ts';

/** What is asked of a stream; process.stdout and process.stderr have it. */
export interface Stream {
  isTTY?: boolean;
  columns?: number;
}

/** How text is to look on one stream. */
export interface Screen {
  /** Columns that lines must fit; Infinity: no limit. */
  width: number;
  isColour: boolean;
}

/** Pipes and files: nothing is cut, and nothing coloured. */
export const PLAIN: Screen = { width: Number.POSITIVE_INFINITY, isColour: false };

/** A terminal may be narrower than what is readable in it. */
const WIDTH_MIN = 20;
/** What a terminal has that does not say, or says 0: one in a pseudo-terminal that nobody sized. */
const WIDTH_ELSE = 80;

/** Columns of the terminal behind `stream`. */
export function widthOf(stream: Stream): number {
  const { columns } = stream;
  return columns === undefined || columns <= 0 ? WIDTH_ELSE : Math.max(WIDTH_MIN, columns);
}

/** True where `stream` gets colour: NO_COLOR (any text) forbids it, FORCE_COLOR (but `0`, `false`) wants it in pipes too. */
export function takesColour(stream: Stream, env: NodeJS.ProcessEnv = process.env): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return stream.isTTY === true && TERM !== 'dumb';
}

/** What `stream` is to its reader. */
export function screenOf(stream: Stream, env: NodeJS.ProcessEnv = process.env): Screen {
  return { width: stream.isTTY === true ? widthOf(stream) : PLAIN.width, isColour: takesColour(stream, env) };
}

/** SGR parameters [ECMA-48 §8.3.117]: what starts a look, and what ends it. */
const LOOKS = { bold: [1, 22], red: [31, 39], yellow: [33, 39] } as const;
export type Look = keyof typeof LOOKS;

/** `text` in a look, where the screen has colour. */
export function styled(screen: Screen, look: Look, text: string): string {
  const [on, off] = LOOKS[look];
  return screen.isColour && text !== '' ? `\x1b[${on}m${text}\x1b[${off}m` : text;
}

/** Prints an error on stderr. */
export function printError(text: string): void {
  outletOf(process.stderr).write(`${styled(screenOf(process.stderr), 'red', 'error:')} ${text}\n`);
}

/** Prints faults of files on stderr, one a line and as compilers do: editors follow `FILE:LINE:`. */
export function printFaults(messages: readonly string[]): void {
  const screen = screenOf(process.stderr);
  for (const message of messages) outletOf(process.stderr).write(`${styled(screen, 'red', message)}\n`);
}

/** Prints on stderr what is no error, but should be known. */
export function printWarning(text: string): void {
  outletOf(process.stderr).write(`${styled(screenOf(process.stderr), 'yellow', 'warning:')} ${text}\n`);
}
