// Reads the records of the gateway's SAs (keeper.ts writes them).

import { CHILD_DELETED } from '../../../../core/ike/state/child.ts';
import type { Path } from '../../../../core/ike/state/path.ts';
import type { ChildRecord, IkeProgress, IkeRecord, RestoredChild } from '../../../../core/ike/state/record.ts';
import type { ChildStage } from '../../../../core/ike/state/stage.ts';
import { decodePlain } from '../../host/state/plain.ts';
import { halvesOf } from '../../host/state/reserve.ts';

/** Milliseconds until what was due during the outage is done: not at the very start. */
export const SOON = 1000;

export interface StoredIke {
  /** Of what the configuration said about its peer (`Keeper.digestOf`). */
  digest: string;
  ike: IkeRecord;
  progress: IkeProgress;
  children: RestoredChild[];
  /** Numbers from the peer that count as used, and may not have been: the most of its Child SAs. */
  gap: number;
  /** False: a record of a Child SA in use is missing or damaged. */
  isWhole: boolean;
  /** SPI of the IKE SA that replaced it, in hexadecimal; empty: none did. */
  next: string;
}

type Decoded = Record<string, unknown>;

/** Time left now of what was left at `at`. A clock that was set back or far forward changes nothing, or makes it due. */
function since(time: number, at: number): number {
  return time < 0 ? -1 : Math.max(SOON, Math.min(time, time - (Date.now() - at)));
}

/** A path with the name of its radio or socket. */
export type StoredPath = Omit<Path, 'port'> & { port: string };
/** The path of this gateway that is meant, or null: its radio or socket is not there. */
export type FindPath = (path: StoredPath) => Path | null;

function pathOf(value: unknown, find: FindPath): Path | null {
  return typeof value !== 'object' || value === null ? null : find(value as StoredPath);
}

type StoredNumbers = RestoredChild['numbers'] & { gap: number };

function numbersOf(records: ReadonlyMap<string, Uint8Array>, key: string): StoredNumbers | null {
  const record = records.get(key);
  const numbers = record === undefined ? null : decodePlain(record);
  if (numbers === null || typeof numbers.out !== 'number' || typeof numbers.in !== 'number') return null;
  const [out, into] = [halvesOf(numbers.out), halvesOf(numbers.in)];
  // Older records do not say which number was seen last.
  const gap = typeof numbers.seen === 'number' ? Math.max(0, numbers.in - numbers.seen) : 0;
  return { outHi: out.hi, outLo: out.lo, inHi: into.hi, inLo: into.lo, gap };
}

function childOf(
  records: ReadonlyMap<string, Uint8Array>,
  { id, stage }: { id: string; stage: ChildStage },
  find: FindPath,
): (RestoredChild & { numbers: StoredNumbers }) | null {
  const octets = records.get(`sa/${id}`);
  const record = octets === undefined ? null : decodePlain(octets);
  const numbers = numbersOf(records, `num/${id}`);
  // Without its numbers a Child SA would use some of them twice.
  if (record === null || numbers === null) return null;
  const { at, ...rest } = record as Decoded & { at: number; rekeyIn: number };
  const path = pathOf(rest.path, find);
  return { record: { ...rest, path, rekeyIn: since(rest.rekeyIn, at) } as unknown as ChildRecord, stage, numbers };
}

/** The IKE SA with this SPI of ours (hexadecimal), or null: a record is missing or damaged, or its radio or socket is gone. */
export function recordOf(records: ReadonlyMap<string, Uint8Array>, spi: string, find: FindPath): StoredIke | null {
  const [lasting, current] = [records.get(`ike/${spi}`), records.get(`now/${spi}`)];
  if (lasting === undefined || current === undefined) return null;
  const [ike, now] = [decodePlain(lasting), decodePlain(current)];
  if (ike === null || now === null) return null;
  const { digest, ...record } = ike as Decoded & { digest: string };
  const { children, next, at, ...progress } = now as Decoded & {
    children: { id: string; stage: ChildStage }[];
    next?: string;
    at: number;
    rekeyIn: number;
    reauthIn: number;
  };
  const path = pathOf(progress.path, find);
  if (path === null) return null;
  const found = children.map((one) => childOf(records, one, find));
  const there = found.filter((one) => one !== null);
  return {
    digest,
    ike: record as unknown as IkeRecord,
    progress: {
      // Older records have neither.
      ...{ exchange: null, replaced: false },
      ...(progress as unknown as IkeProgress),
      path,
      espPath: pathOf(progress.espPath, find),
      rekeyIn: since(progress.rekeyIn, at),
      reauthIn: since(progress.reauthIn, at),
    },
    children: there,
    gap: Math.max(0, ...there.map(({ numbers }) => numbers.gap)),
    isWhole: found.every((one, index) => one !== null || children[index].stage === CHILD_DELETED),
    next: next ?? '',
  };
}
