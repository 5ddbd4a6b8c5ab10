// The embedded store: LevelDB in a directory of its own, records sealed.
//
// LevelDB leaves out a damaged part of its log and goes on behind it: records would be older than what was acknowledged, and
// an old sequence number used again breaks a cipher. So each record carries the number of its batch, and each batch writes
// the sum of these numbers over all records. A sum that is wrong at the start: no record is trusted.

import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { makeFolders } from '../append.ts';
import { decodeCbor, encodeCbor } from '../cbor.ts';
import { CommandError, errorText } from '../errors.ts';
import { readOctets } from '../read-file.ts';
import { SEAL_KEY_SIZE, seal, unseal } from './seal.ts';
import type { StateStore } from './store.ts';

const DATABASE = 'records';
/** The key of a directory that has its own. */
export const KEY_FILE = 'seal.key';
/** The one record that describes the others: format, kind, last batch, sum, count. */
const HEAD = '!';
const FORMAT = 1;
const ANEW = 'where the directory is removed, all begins anew';

type Database = ClassicLevel<string, Uint8Array>;

/** How to open a store. */
export interface StoreOptions {
  /** Its directory: made with mode 0700 where it is missing. */
  directory: string;
  /** Whose records: `gateway`, `sensor`. A store of another kind is refused. */
  kind: string;
  /** 32 octets that seal the records; absent: those of the file seal.key in the directory, made where it is missing. */
  sealKey?: Uint8Array;
  /** False: records survive the end of the process, but not that of the system. Default true: also a power cut. */
  sync?: boolean;
}

function ofStore(directory: string, why: string): CommandError {
  return new CommandError(`${directory}: ${why}`);
}

/** What else may be in a state directory: it may be a file system of its own. */
const OTHERS = [KEY_FILE, `${KEY_FILE}.new`, 'lost+found'];

/** The directory is ours, or new and empty. */
function prepare(directory: string): void {
  if (!existsSync(directory)) {
    if (lstatSync(directory, { throwIfNoEntry: false }) !== undefined) throw ofStore(directory, 'is a link to nothing');
    makeFolders(directory, 0o700);
    return;
  }
  const strange = readdirSync(directory).find((name) => !OTHERS.includes(name) && !name.startsWith(DATABASE));
  if (strange !== undefined) throw ofStore(directory, `is not a state directory: it has ${JSON.stringify(strange)}`);
  const location = join(directory, DATABASE);
  if (existsSync(location) && !statSync(location).isDirectory()) throw ofStore(location, 'must be a directory');
}

/** The key comes into being whole, or not at all. */
function writeKey(directory: string, key: Uint8Array): void {
  const file = join(directory, KEY_FILE);
  const fresh = `${file}.new`;
  writeFileSync(fresh, key, { mode: 0o600, flush: true });
  renameSync(fresh, file);
}

/** The key of the directory, which has records or not. */
function ownKey(directory: string): Uint8Array {
  const file = join(directory, KEY_FILE);
  if (!existsSync(file)) {
    if (existsSync(join(directory, DATABASE))) {
      throw ofStore(file, `is missing: without it the records cannot be read; ${ANEW}`);
    }
    writeKey(directory, randomBytes(SEAL_KEY_SIZE));
  }
  try {
    const key = readOctets(file, SEAL_KEY_SIZE + 1);
    if (key.length === SEAL_KEY_SIZE) return key;
  } catch (error) {
    throw CommandError.from(file, error);
  }
  throw ofStore(file, `must be ${SEAL_KEY_SIZE} octets: without it the records cannot be read; ${ANEW}`);
}

/** What LevelDB says, in our words. */
function levelText(error: unknown): string {
  const cause = (error as { cause?: unknown }).cause ?? error;
  const code = (cause as { code?: string }).code;
  if (code === 'LEVEL_LOCKED') return 'is in use by another process';
  return errorText(cause);
}

function isDamage(error: unknown): boolean {
  const cause = (error as { cause?: { code?: string } }).cause;
  return cause?.code === 'LEVEL_CORRUPTION';
}

async function openDatabase(location: string): Promise<Database> {
  const database: Database = new ClassicLevel(location, { keyEncoding: 'utf8', valueEncoding: 'view' });
  await database.open();
  return database;
}

interface Head {
  kind: string;
  sequence: number;
  sum: number;
  count: number;
}

/** Throws for a format of a newer program; null: it is none. */
function readHead(directory: string, value: Uint8Array): Head | null {
  let items: unknown;
  try {
    items = decodeCbor(value);
  } catch {
    return null;
  }
  if (!Array.isArray(items) || typeof items[0] !== 'number') return null;
  if (items[0] !== FORMAT) {
    throw ofStore(directory, `format ${items[0]}: must be ${FORMAT}; a newer version of dietesp wrote it`);
  }
  const [, kind, sequence, sum, count] = items;
  return { kind, sequence, sum, count } as Head;
}

interface Loaded {
  /** Keys of records that were left out; null: nobody knows which. */
  lacking: Set<string> | null;
  records: Map<string, Uint8Array>;
  /** Number of the batch that wrote each. */
  sequences: Map<string, number>;
  problems: string[];
  sequence: number;
}

const nothing = (why: string): Loaded => ({
  lacking: null,
  records: new Map(),
  sequences: new Map(),
  problems: [why],
  sequence: 0,
});

async function load(database: Database, options: StoreOptions, secret: Uint8Array): Promise<Loaded> {
  const { directory, kind } = options;
  const records = new Map<string, Uint8Array>();
  const sequences = new Map<string, number>();
  const problems: string[] = [];
  const lacking = new Set<string>();
  const damaged = (key: string): void => {
    lacking.add(key);
    problems.push(`record ${JSON.stringify(key)} is damaged`);
  };
  let head: Head | null = null;
  let isNew = true;
  let sum = 0;
  for await (const [key, record] of database.iterator()) {
    isNew = false;
    const opened = unseal(secret, key, record);
    if (key === HEAD) {
      if (opened === null || opened.value === null) {
        throw ofStore(directory, `its records are sealed with another key, or its first one is damaged; ${ANEW}`);
      }
      head = readHead(directory, opened.value);
      if (head !== null && head.kind !== kind) {
        throw ofStore(directory, `is the state of a ${head.kind}: must be that of a ${kind}`);
      }
      continue;
    }
    if (opened === null) {
      damaged(key);
      continue;
    }
    sum += opened.sequence;
    sequences.set(key, opened.sequence);
    if (opened.value === null) damaged(key);
    else records.set(key, opened.value);
  }
  if (isNew) return { lacking, records, sequences, problems, sequence: 0 };
  if (head === null) return nothing('its first record is missing: no record is trusted');
  if (head.sum !== sum || head.count !== sequences.size) {
    return nothing('some of its last changes are lost: no record is trusted');
  }
  return { lacking, records, sequences, problems, sequence: head.sequence };
}

/**
 * Opens or makes the store of a directory. Rejects with a CommandError that names the directory: in use, of another kind, of
 * a newer format, not a state directory, not readable or writable. A damaged record is left out and told in `problems`; where
 * no record can be trusted, all are left out.
 */
export async function openLevelStore(options: StoreOptions): Promise<StateStore> {
  const { directory, kind } = options;
  const location = join(directory, DATABASE);
  let database: Database;
  let secret: Uint8Array;
  let loaded: Loaded;
  try {
    prepare(directory);
    secret = options.sealKey ?? ownKey(directory);
    try {
      database = await openDatabase(location);
    } catch (error) {
      if (!isDamage(error)) throw error;
      // What LevelDB's repair finds may be old.
      rmSync(location, { recursive: true });
      database = await openDatabase(location);
      await database.close();
      database = await openDatabase(location);
      loaded = nothing(`${levelText(error)}: no record is trusted`);
    }
    chmodSync(location, 0o700);
  } catch (error) {
    throw error instanceof CommandError ? error : ofStore(directory, levelText(error));
  }
  try {
    loaded ??= await load(database, options, secret);
  } catch (error) {
    await database.close();
    throw error instanceof CommandError ? error : ofStore(directory, levelText(error));
  }
  const { records, problems, lacking } = loaded;
  let { sequences, sequence } = loaded;
  let sum = 0;
  for (const one of sequences.values()) sum += one;
  const own = options.sealKey === undefined ? join(directory, KEY_FILE) : null;
  let inode = statSync(location).ino;
  let isDestroyed = false;

  /** Somebody removed the directory, or put another in its place: what LevelDB still writes is nowhere. */
  function isGone(): boolean {
    if (statSync(location, { throwIfNoEntry: false })?.ino !== inode) return true;
    return own !== null && !existsSync(own);
  }

  /** Begins anew what `destroy` removed. */
  async function openAnew(): Promise<void> {
    prepare(directory);
    if (own !== null && !existsSync(own)) writeKey(directory, secret);
    database = await openDatabase(location);
    chmodSync(location, 0o700);
    inode = statSync(location).ino;
    isDestroyed = false;
  }

  async function write(changes: ReadonlyMap<string, Uint8Array | null>): Promise<void> {
    try {
      if (isDestroyed) await openAnew();
    } catch (error) {
      throw error instanceof CommandError ? error : ofStore(directory, levelText(error));
    }
    if (isGone()) throw ofStore(directory, 'was removed while it is in use');
    const next = sequence + 1;
    const after = { sum, count: sequences.size };
    const batch: ({ type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string })[] = [];
    for (const [key, value] of changes) {
      const before = sequences.get(key);
      if (before !== undefined) {
        after.sum -= before;
        after.count--;
      }
      if (value === null) {
        batch.push({ type: 'del', key });
        continue;
      }
      after.sum += next;
      after.count++;
      batch.push({ type: 'put', key, value: seal(secret, key, next, value) });
    }
    const head = encodeCbor([FORMAT, kind, next, after.sum, after.count]);
    batch.push({ type: 'put', key: HEAD, value: seal(secret, HEAD, next, head) });
    try {
      await database.batch(batch, { sync: options.sync ?? true });
    } catch (error) {
      throw ofStore(directory, levelText(error));
    }
    sequence = next;
    sum = after.sum;
    for (const [key, value] of changes) {
      if (value === null) sequences.delete(key);
      else sequences.set(key, next);
    }
  }

  // Records that were left out must not come back, and a new store shows at once whether it can be written.
  const left = new Map<string, Uint8Array | null>();
  if (problems.length > 0 && records.size === 0) await database.clear();
  else for (const key of sequences.keys()) if (!records.has(key)) left.set(key, null);
  try {
    await write(left);
  } catch (error) {
    await database.close();
    throw error;
  }

  return {
    records,
    problems,
    mayLack: (key) => lacking === null || lacking.has(key),
    write,
    async destroy() {
      await database.close();
      rmSync(location, { recursive: true, force: true });
      isDestroyed = true;
      sequences = new Map();
      sequence = 0;
      sum = 0;
    },
    close: () => database.close(),
  };
}
