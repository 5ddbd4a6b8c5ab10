// Signals that ask for the same work: a storm of them must not keep a program from anything else.

/**
 * Many requests for one piece of work: those that come before it begins are one, those that come meanwhile one more. `isOver`:
 * none is done any more, so that a signal that ends the program waits for no more than one.
 */
export function gathered(work: () => Promise<unknown>, isOver: () => boolean): () => void {
  let isWanted = false;
  let isBusy = false;
  async function loop(): Promise<void> {
    while (isWanted && !isOver()) {
      isWanted = false;
      await work().catch(() => {});
      // Signals that came meanwhile.
      await new Promise((resolve) => setImmediate(resolve));
    }
    isBusy = false;
  }
  return () => {
    isWanted = true;
    if (isBusy) return;
    isBusy = true;
    setImmediate(() => void loop());
  };
}
