// A specialised board, stepped by a test.

import { appIsOver, appNext, appStart, appStep } from '../../targets/special/app.ts';

export function start(): boolean {
  return appStart();
}

export function step(now: number): void {
  appStep(now);
}

export function next(): number {
  return appNext();
}

export function isOver(): boolean {
  return appIsOver;
}
