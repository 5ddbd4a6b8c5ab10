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
