// Tables of text for the terminal: columns padded to their widest cell, numbers to the right.

export function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const right = head.map(
    (_title, column) => rows.length > 0 && rows.every((row) => /^-?[\d.]*$/.test(row[column] ?? '')),
  );
  const line = (cells: string[]): string =>
    cells
      .map((cell, column) => (right[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line)].join('\n') + '\n';
}

/** A terminal may be narrower than what is readable in it. */
const WIDTH_MIN = 20;
/** What a terminal has that does not say, or says 0: one in a pseudo-terminal that nobody sized. */
const WIDTH_ELSE = 80;

/** Columns of the terminal behind `stream`. */
export function widthOf(stream: { columns?: number }): number {
  const { columns } = stream;
  return columns === undefined || columns <= 0 ? WIDTH_ELSE : Math.max(WIDTH_MIN, columns);
}
