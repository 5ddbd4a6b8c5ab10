// What a board without a sensor posts: `{"n":1}`, `{"n":2}`, ...

/** `{"n":`; digits and `}` follow. */
const READING = /* @__PURE__ */ [0x7b, 0x22, 0x6e, 0x22, 0x3a];
const READING_END = 0x7d;
/** Digits of a whole number below 2^53. */
export const READING_MAX = 22;

/** Writes a reading of a board without a sensor: its number. */
export function putReading(reading: number, buffer: Uint8Array, start: number): number {
  let at = start;
  for (let i = 0; i < READING.length; i++) buffer[at++] = READING[i];
  let digits = 1;
  for (let rest = Math.floor(reading / 10); rest > 0; rest = Math.floor(rest / 10)) digits++;
  let left = reading;
  for (let i = digits - 1; i >= 0; i--) {
    buffer[at + i] = 48 + (left % 10);
    left = Math.floor(left / 10);
  }
  buffer[at + digits] = READING_END;
  return at + digits + 1;
}
