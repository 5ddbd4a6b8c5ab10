// "Did you mean": the known word nearest to a misspelt one.

/** Single changes (a letter more, less, another, two swapped) that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(row[j - 1] + 1, last[j] + 1, last[j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2] + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length];
}

/** Longer words are no misspelling of ours. */
const WORD_MAX = 64;

/** The nearest of `known` to `word`, or undefined where none is near. Case, `_` and `-` count little. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > WORD_MAX || !/[A-Za-z]/.test(word)) return undefined;
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_]/g, '');
  const own = plain(word);
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(own, plain(candidate));
    // What begins so is meant as well: `addr` for `address`.
    const isStart = own.length >= 3 && plain(candidate).startsWith(own);
    const rank = isStart ? Math.min(distance, 1) : distance;
    if (rank < least) {
      least = rank;
      best = candidate;
    }
  }
  return best;
}

/** `; did you mean \`x\`?`, or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const best = nearest(word, known);
  return best === undefined ? '' : `; did you mean \`${best}\`?`;
}
