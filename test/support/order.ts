// The order in which a whole run takes the test files.

/** Files that take minutes: one that starts late keeps a whole run waiting while the other cores have nothing to do. */
export const LONGEST = [
  'test/special/vectors.test.ts',
  'test/state/soak.test.ts',
  'test/package/package.test.ts',
  'test/web/page.test.ts',
  'test/boards/radio.test.ts',
];

function placeOf(file: string): number {
  if (file.startsWith('test/checks/')) return -1;
  const place = LONGEST.indexOf(file);
  return place < 0 ? LONGEST.length : place;
}

/** Checks of the project first, then the longest, then the rest by name. */
export function inOrder(files: readonly string[]): string[] {
  return [...files].sort((a, b) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1));
}
