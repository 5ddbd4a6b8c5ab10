// Calls of the C library that Node lacks, through the optional package koffi.

import type Koffi from 'koffi';
import { errorText } from './errors.ts';

/** The package; rejects with what to type where it is not installed. */
export async function loadKoffi(): Promise<typeof Koffi> {
  try {
    return (await import('koffi')).default;
  } catch (error) {
    throw new Error(`the package koffi is needed (npm install koffi): ${errorText(error)}`);
  }
}

/** Waiting for descriptors in a thread of libuv's pool, and for the pipe that ends the wait. */
export interface Waiting {
  /** poll(2): struct pollfd each. */
  poll(fds: Uint8Array, count: number, timeout: number): Promise<number>;
  /** pipe(2). */
  pipe(fds: Int32Array): number;
  errno(): number;
}

export function waitingOf(koffi: typeof Koffi): Waiting {
  const library = koffi.load(null);
  const poll = library.func('int poll(void *fds, unsigned long count, int timeout)');
  return {
    pipe: library.func('int pipe(void *fds)'),
    poll: (fds, count, timeout) =>
      new Promise((resolve, reject) =>
        poll.async(fds, count, timeout, (error: Error | null, result: number) =>
          error === null || error === undefined ? resolve(result) : reject(error),
        ),
      ),
    errno: () => koffi.errno(),
  };
}
