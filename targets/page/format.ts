// Numbers and times for people.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const THOUSAND = 1000;
const UNITS = ['', 'k', 'M', 'G', 'T'];

/** 1234567 as `1.23 M`. */
export function shortNumber(value: number): string {
  let [rest, unit] = [value, 0];
  while (Math.abs(rest) >= 10 * THOUSAND ** (unit === 0 ? 1 : 0.999) && unit < UNITS.length - 1) {
    rest /= THOUSAND;
    unit++;
  }
  const digits = unit === 0 ? (Number.isInteger(rest) ? 0 : 1) : rest < 10 ? 2 : rest < 100 ? 1 : 0;
  return `${rest.toFixed(digits)}${UNITS[unit] === '' ? '' : ` ${UNITS[unit]}`}`;
}

/** Seconds as `3 d 4 h`, `12 min`, `5 s`. */
export function duration(seconds: number): string {
  if (seconds >= DAY) return `${Math.floor(seconds / DAY)} d ${Math.floor((seconds % DAY) / HOUR)} h`;
  if (seconds >= HOUR) return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`;
  if (seconds >= MINUTE) return `${Math.floor(seconds / MINUTE)} min ${Math.floor(seconds % MINUTE)} s`;
  return `${Math.floor(seconds)} s`;
}

/** The time of day of an ISO text. */
export function clock(iso: string): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? iso : time.toLocaleTimeString([], { hour12: false });
}
