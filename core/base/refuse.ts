// How the core refuses a configuration: an error whose message is `field: value: limit` and which carries the three as
// members, so that a host can say where in its file the field stands. A plain Error, as not every engine has subclasses.

/** An error of a configuration. */
export interface Refusal extends Error {
  /** The field's name as the core knows it: `esp_spi_lsb`, `lifetime.soft_packets`. */
  field: string;
  /** The value as text; of a secret its length. */
  value: string;
  /** What it must be. */
  limit: string;
}

/** Throws an error that names field, value and limit; see Refusal. */
export function refuse(field: string, value: string | number, limit: string): never {
  const error = new Error(field + ': ' + value + ': ' + limit) as Refusal;
  error.field = field;
  error.value = '' + value;
  error.limit = limit;
  throw error;
}

/** Throws a Refusal unless low <= value <= high. */
export function checkRange(field: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high)) refuse(field, value, 'must be ' + low + '..' + high);
}
