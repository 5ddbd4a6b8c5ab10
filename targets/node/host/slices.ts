// Work on very many things that leaves the event loop free in between.

/** Milliseconds of work at a time. */
const SLICE = 10;

/** Tells work when its time is over. */
export interface Slices {
  /** True: it has worked for long enough, and should `rest`. */
  isOver(): boolean;
  /** Lets everything else run, and begins the next slice. */
  rest(): Promise<void>;
}

/** Slices of `time` ms; the first begins now. */
export function createSlices(time = SLICE): Slices {
  let until = performance.now() + time;
  return {
    isOver: () => performance.now() >= until,
    async rest() {
      await new Promise((resolve) => setImmediate(resolve));
      until = performance.now() + time;
    },
  };
}

/** Calls `work` for each entry, in order. */
export async function inSlices<Entry>(entries: Iterable<Entry>, work: (entry: Entry) => void): Promise<void> {
  const slices = createSlices();
  for (const entry of entries) {
    work(entry);
    if (slices.isOver()) await slices.rest();
  }
}
