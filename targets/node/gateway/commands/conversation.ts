// Somebody who gives commands as JSON lines, and follows events between the answers.

import type { Readable } from 'node:stream';
import { obeyLines } from '../../host/lines.ts';
import { obey } from './obey.ts';
import type { Running } from './running.ts';
import type { Conversation } from './table.ts';

export interface Speaker {
  /** Takes an answer; resolves when there is room for another one. */
  answer(line: object): void | Promise<void>;
  /** Takes an event, or loses it where the reader is too slow. */
  event(line: object): void;
}

/** Obeys lines until `quit` or the end of the input. `hasEvents`: events of the gateway are told from the start. */
export async function converse(running: Running, input: Readable, speaker: Speaker, hasEvents: boolean): Promise<void> {
  const ends = new Map<string, () => void>();
  const end = (what: string): void => {
    ends.get(what)?.();
    ends.delete(what);
  };
  const conversation: Conversation = {
    follow(what, isOn) {
      end(what);
      if (!isOn) return;
      const stop =
        what === 'events'
          ? running.notices.follow((notice) => speaker.event(notice))
          : running.rates.follow((rates) => speaker.event({ event: 'rates', ...rates }));
      ends.set(what, stop);
    },
    followLog(choice) {
      end('log');
      if (choice === null) return;
      ends.set(
        'log',
        running.logs.follow(choice, (line) => speaker.event({ event: 'log', ...line })),
      );
    },
  };
  if (hasEvents) conversation.follow('events', true);
  try {
    await obeyLines(
      input,
      (command) => obey(running, command, conversation),
      (line) => speaker.answer(line),
    );
  } finally {
    // Those of the program's own channel go on until its end: the peers' last words.
    if (!hasEvents) for (const what of [...ends.keys()]) end(what);
  }
}
