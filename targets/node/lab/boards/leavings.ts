// Cleans up what must not outlive this process, however it ends: emulators, and temporary files with keys. Whoever makes such
// a thing registers its removal. A signal that nobody else handles takes effect after that. (SIGKILL leaves the files,
// which only their owner can read.)

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const acts = new Set<() => void>();

function clear(): void {
  for (const act of [...acts]) {
    acts.delete(act);
    try {
      act();
    } catch {
      // The others are to go as well.
    }
  }
}

function onSignal(signal: NodeJS.Signals): void {
  // A program with a handler of its own ends in its own way.
  if (process.listenerCount(signal) > 1) return;
  clear();
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}

process.on('exit', clear);

/** `act` runs when this process ends; it must be synchronous. Returns what takes it back. */
export function atEnd(act: () => void): () => void {
  if (acts.size === 0) for (const signal of SIGNALS) process.on(signal, onSignal);
  acts.add(act);
  return () => {
    acts.delete(act);
    if (acts.size === 0) for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}
