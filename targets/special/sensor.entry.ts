// The application of a sensor with IKEv2 for a program of one's own: what board.entry.ts does for a board, step by step.

import { appIsOver } from './app.ts';

export { appNext as nextTimeout, appStart as start, appStep as step } from './app.ts';

/** It has ended: `step` does nothing more. */
export function isOver(): boolean {
  return appIsOver;
}
