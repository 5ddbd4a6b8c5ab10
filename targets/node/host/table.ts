// Tables of text: columns padded to their widest cell, numbers to the right. On a terminal that is narrower than the
// table, text wraps within the widest columns, and where that is not enough each row becomes lines of `name  value`.
// Numbers are never cut, and in pipes nothing is.

import { PLAIN, type Screen, styled } from './terminal.ts';

const GAP = 2;
/** Text columns are not made narrower than this. */
const COLUMN_MIN = 8;

interface Column {
  width: number;
  /** The least width that it takes. */
  least: number;
  isRight: boolean;
}

const longest = (texts: string[]): number => Math.max(0, ...texts.map((text) => text.length));

/** The lines of a text in `width` columns, cut between words where that goes. */
function wrapped(text: string, width: number): string[] {
  if (text.length <= width) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (joined.length <= width) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    let rest = word;
    while (rest.length > width) {
      lines.push(rest.slice(0, width));
      rest = rest.slice(width);
    }
    line = rest;
  }
  return [...lines, line];
}

function columnsOf(head: string[], rows: string[][]): Column[] {
  return head.map((title, index) => {
    const cells = rows.map((row) => row[index] ?? '');
    const isRight = rows.length > 0 && cells.every((cell) => /^-?[\d.]*$/.test(cell));
    const words = longest(title.split(' '));
    const width = Math.max(title.length, longest(cells));
    return { width, least: isRight ? Math.max(words, longest(cells)) : Math.min(width, COLUMN_MIN), isRight };
  });
}

function sumOf(columns: Column[]): number {
  return columns.reduce((sum, { width }) => sum + width, GAP * (columns.length - 1));
}

/** Takes width from the headings of numbers, then from the widest text; false where the table does not fit. */
function fit(columns: Column[], width: number): boolean {
  while (sumOf(columns) > width) {
    const able = columns.filter((column) => column.width > column.least);
    if (able.length === 0) return false;
    // A heading wraps once, a text in every row.
    const numbers = able.filter(({ isRight }) => isRight);
    const giving = numbers.length > 0 ? numbers : able;
    const widest = giving.reduce((best, column) => (column.width > best.width ? column : best));
    widest.width--;
  }
  return true;
}

/** Each row as lines `name  value`. */
function records(head: string[], rows: string[][], screen: Screen): string {
  const indent = Math.min(longest(head), Math.floor(screen.width / 2));
  const lineOf = (title: string, cell: string): string =>
    wrapped(cell, Math.max(1, screen.width - indent - GAP))
      .map((part, index) => {
        const name = (index === 0 ? title : '').slice(0, indent);
        return styled(screen, 'bold', name) + ' '.repeat(indent - name.length + GAP) + part;
      })
      .join('\n');
  return rows
    .map((row) =>
      head.flatMap((title, index) => ((row[index] ?? '') === '' ? [] : [`${lineOf(title, row[index])}\n`])).join(''),
    )
    .join('\n');
}

/** A table that fits `screen`; its headings are bold where there is colour. */
export function table(head: string[], rows: string[][], screen: Screen = PLAIN): string {
  const columns = columnsOf(head, rows);
  if (!fit(columns, screen.width)) return records(head, rows, screen);
  const linesOf = (cells: string[]): string[] => {
    const parts = columns.map(({ width }, index) => wrapped(cells[index] ?? '', width));
    return Array.from({ length: Math.max(...parts.map(({ length }) => length)) }, (_, at) =>
      columns
        .map(({ width, isRight }, index) => {
          const part = parts[index][at] ?? '';
          return isRight ? part.padStart(width) : part.padEnd(width);
        })
        .join(' '.repeat(GAP))
        .trimEnd(),
    );
  };
  const heading = linesOf(head).map((line) => styled(screen, 'bold', line));
  return [...heading, ...rows.flatMap(linesOf)].join('\n') + '\n';
}
