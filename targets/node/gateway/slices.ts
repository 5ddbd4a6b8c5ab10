// Work on very many things that leaves the event loop free in between.

/** Milliseconds of work at a time. */
const SLICE = 10;

/** Calls `work` for each entry, in order. */
export async function inSlices<Entry>(entries: readonly Entry[], work: (entry: Entry) => void): Promise<void> {
  let until = performance.now() + SLICE;
  for (const entry of entries) {
    work(entry);
    if (performance.now() < until) continue;
    await new Promise((resolve) => setImmediate(resolve));
    until = performance.now() + SLICE;
  }
}
