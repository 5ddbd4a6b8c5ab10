// Declares the parts of Espruino's library that this folder uses, so that the subset check accepts them. A bundle with
// mangled names must keep them: add a line for a new one to targets/build/espruino-names.ts.

/** Typed arrays with the members that are right in Espruino. `subarray` is a view; `slice` would not copy. */
export interface Octets {
  length: number;
  [index: number]: number;
  set(from: Octets, at: number): void;
  fill(value: number, from: number, to: number): void;
  subarray(from: number, to: number): Octets;
}

export interface EspruinoAes {
  /** On an error it prints a message and returns undefined; it does not throw. */
  encrypt(message: Octets, key: Octets, options: { mode: string; iv?: Octets }): Octets | undefined;
  decrypt(message: Octets, key: Octets, options: { mode: string; iv?: Octets }): Octets | undefined;
}

export interface EspruinoCryptoModule {
  AES?: EspruinoAes;
  /** Hashes the concatenation of an array's members. */
  SHA256?(message: Octets[]): Octets | undefined;
}

export interface EspruinoFile {
  read(length: number): string | undefined;
  write(text: string): number;
  close(): void;
}

/** A pin, for setWatch and others. */
export interface Pin {
  read(): boolean;
  write(value: boolean | number): void;
}

/** A hardware or software SPI, set up by the caller: mode 0, most significant bit first, 10 MHz at most. */
export interface Spi {
  setup(options: { sck: Pin; miso: Pin; mosi: Pin; baud: number }): void;
  /** Sends the octets with `cs` low. Returns the octets received meanwhile. */
  send(octets: Octets | number[], cs?: Pin): Octets;
}

export interface Serial {
  setup(baud: number, options: { path?: string; bytesize?: number }): void;
  on(event: string, handler: (data: string) => void): void;
  write(octets: Octets): void;
}

export interface Engine {
  nativeCall?(address: number, signature: string, octets: string): (out: number, scalar: number, point: number) => void;
  getAddressOf?(of: Octets, flat: boolean): number;
  hwRand?(): number;
  openFile?(path: string, mode: string): EspruinoFile | undefined;
  reboot?(): void;
}

interface ProcessOfEspruino {
  env: { BOARD?: string; SOFTDEVICE?: number };
  memory(): { usage: number; total: number; blocksize: number };
}

declare const E: Engine;
// biome-ignore lint/suspicious/noShadowRestrictedNames: Espruino's own; it shares this one member with other engines.
declare const Object: { keys(of: unknown): string[] };
declare const process: ProcessOfEspruino;
declare const require: (name: string) => unknown;
declare const atob: (text: string) => string;
declare const getTime: () => number;
declare const print: (text: string) => void;
declare const setTimeout: (run: () => void, ms: number) => number;
declare const clearTimeout: (id: number) => void;
declare const setInterval: (run: () => void, ms: number) => number;
declare const clearInterval: (id: number) => void;
declare const Pin: new (name: string) => Pin;
declare const global: { [name: string]: unknown };
declare const setWatch: (
  run: () => void,
  pin: Pin,
  options: { repeat: boolean; edge: string; debounce: number },
) => number;

export function engine(): Engine {
  return E;
}

export function boardName(): string {
  const name = process.env.BOARD;
  return name === undefined ? '' : name;
}

/** True only on nRF5x. */
export function hasSoftdevice(): boolean {
  return process.env.SOFTDEVICE !== undefined;
}

/** Octets of variables in use. */
export function variables(): number {
  const memory = process.memory();
  return memory.usage * memory.blocksize;
}

/** The built-in module, or null. A `require` in the text would make the uploader look for it elsewhere. */
export function builtinModule(name: string): unknown {
  const load = require;
  try {
    return load(name);
  } catch (_error) {
    return null;
  }
}

export function decodeBase64(text: string): string {
  return atob(text);
}

/** Milliseconds of the clock. Only the user's setTime makes it jump. */
export function clock(): number {
  return getTime() * 1000;
}

export function printLine(text: string): void {
  print(text);
}

export function after(ms: number, run: () => void): number {
  return setTimeout(run, ms);
}

export function forget(id: number): void {
  clearTimeout(id);
}

/** Calls `run` at each falling edge of a pin. */
export function watchFalling(pin: Pin, run: () => void): void {
  setWatch(run, pin, { repeat: true, edge: 'falling', debounce: 0 });
}

/** Names of the members of a foreign object. */
export function namesOf(object: unknown): string[] {
  return Object.keys(object);
}

interface Storage {
  read(name: string): string | undefined;
  write(name: string, text: string): boolean;
  erase(name: string): void;
  readJSON(name: string, quiet: boolean): unknown;
}

/** A file of the board's Storage; '' if there is none. */
export function readStored(name: string): string {
  const storage = builtinModule('Storage') as Storage | null;
  const text = storage === null ? undefined : storage.read(name);
  return text === undefined ? '' : text;
}

/** Writes a file of the Storage whole, or removes it for ''. False: there is no Storage, or it is full. */
export function writeStored(name: string, text: string): boolean {
  const storage = builtinModule('Storage') as Storage | null;
  if (storage === null) return false;
  if (text !== '') return storage.write(name, text);
  storage.erase(name);
  return true;
}

/** Undefined: there is no file, or it is no JSON. */
export function readJson(name: string): unknown {
  const storage = builtinModule('Storage') as Storage | null;
  return storage === null ? undefined : storage.readJSON(name, true);
}

/** `A1`, `B3`, `D17`. */
export function pinOf(name: string): Pin {
  return new Pin(name);
}

export function serialOf(name: string): Serial {
  const serial = global[name] as Serial | undefined;
  if (serial === undefined) throw new Error(name + ': no such serial port');
  return serial;
}

export function spiOf(name: string): Spi {
  const spi = global[name] as Spi | undefined;
  if (spi === undefined) throw new Error(name + ': no such SPI');
  return spi;
}

/** Makes a value available on the console. */
export function publish(name: string, value: unknown): void {
  global[name] = value;
}

/** Runs a function after the current one has ended. */
export function later(run: () => void): void {
  setTimeout(run, 0);
}

const KEEP_ALIVE = 1000;

/** The Linux program ends when no timer is left, so this keeps one until `isOver`. */
export function createKeepAlive(isOver: () => boolean): void {
  const id = setInterval(() => {
    if (isOver()) clearInterval(id);
  }, KEEP_ALIVE);
}
