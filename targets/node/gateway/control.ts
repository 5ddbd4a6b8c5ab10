// `dietesp gateway --control`: commands as JSON lines on stdin, an answer for each as a JSON line on stdout, in order.
// Events come between them. docs/control.md has every command, answer and event.

import type { Readable } from 'node:stream';
import { converse } from './commands/conversation.ts';
import type { Running } from './commands/running.ts';

/** Obeys commands until `quit` or the end of the input; `print` takes events and answers. */
export function controlGateway(running: Running, input: Readable, print: (line: object) => void): Promise<void> {
  print({ event: 'started' });
  return converse(running, input, { answer: print, event: print }, true);
}
