// An entry's report to the runner, in the portable subset: one line per case, `ok ID` or `fail ID field expected actual` for
// the first field that differs, and `done PASSED TOTAL` at the end.

export interface Report {
  emit: (line: string) => void;
  id: string;
  good: boolean;
  passed: number;
  total: number;
}

export function createReport(emit: (line: string) => void): Report {
  return { emit: emit, id: '', good: true, passed: 0, total: 0 };
}

/** Begins a case. */
export function begin(report: Report, id: string): void {
  report.id = id;
  report.good = true;
}

/** Compares one field of the case. */
export function expect(report: Report, field: string, expected: string, actual: string): void {
  if (!report.good || expected === actual) return;
  report.good = false;
  report.emit('fail ' + report.id + ' ' + field + ' ' + (expected === '' ? '-' : expected) + ' ' + actual);
}

export function expectNumber(report: Report, field: string, expected: number, actual: number): void {
  if (expected !== actual) expect(report, field, decimal(expected), decimal(actual));
}

export function expectTrue(report: Report, field: string, actual: boolean): void {
  if (!actual) expect(report, field, 'true', 'false');
}

/** Ends a case. */
export function end(report: Report): void {
  report.total++;
  if (!report.good) return;
  report.passed++;
  report.emit('ok ' + report.id);
}

/** The closing line. */
export function finish(report: Report): void {
  report.emit('done ' + decimal(report.passed) + ' ' + decimal(report.total));
}

/** A whole number in decimal digits: on Lua the quotient 6 / 2 prints as 3.0 unless floored. */
export function decimal(value: number): string {
  return '' + Math.floor(value);
}

const DIGITS = '0123456789abcdef';

/** The octets of a hexadecimal string. */
export function octets(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor(text.length / 2));
  hexTo(bytes, 0, text);
  return bytes;
}

/** Writes a hexadecimal string's octets at `offset` and returns their number. */
export function hexTo(bytes: Uint8Array, offset: number, text: string): number {
  const length = Math.floor(text.length / 2);
  for (let i = 0; i < length; i++) {
    bytes[offset + i] = DIGITS.indexOf(text.charAt(2 * i)) * 16 + DIGITS.indexOf(text.charAt(2 * i + 1));
  }
  return length;
}

/** Hexadecimal digits of a range. */
export function hex(bytes: Uint8Array, offset: number, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) {
    const octet = bytes[offset + i];
    text = text + DIGITS.charAt(octet >>> 4) + DIGITS.charAt(octet & 15);
  }
  return text;
}
