// The program of a board of one profile with IKEv2: it runs until it is told to end, or has to.

import { haltWith } from '../board/halt.ts';
import type { Board } from '../board/hooks.ts';
import { appIsOver, appNext, appStart, appStep } from './app.ts';

declare const board: Board;

try {
  if (appStart()) {
    while (!appIsOver) {
      appStep(board.now());
      const at = appNext();
      if (!appIsOver) board.wait(at < 0 ? -1 : Math.max(0, Math.ceil(at - board.now())));
    }
  }
} catch (problem) {
  haltWith(board, problem);
}
