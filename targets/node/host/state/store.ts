// State that survives a process: records by key. Batches are atomic and ordered, and durable when acknowledged.

import type { ClusterState } from './shared.ts';

/** What a program keeps: records by key, sealed octets. */
export interface StateStore {
  /** The records, as they were when the store was opened. */
  records: ReadonlyMap<string, Uint8Array>;
  /** What is wrong with it: records that were left out, one text each. Nothing: an empty list. */
  problems: readonly string[];
  /** True when a record with this key was there, or may have been, and was left out. Absent: none was. */
  mayLack?(key: string): boolean;
  /** Writes all changes, or none; null deletes. Resolves when a power cut does not undo them. One call at a time. */
  write(changes: ReadonlyMap<string, Uint8Array | null>): Promise<void>;
  /** Removes every record for good: none of them may come back. Rejects when that cannot be done. */
  destroy(): Promise<void>;
  /** What gateways that share the records need; absent: nobody shares them. */
  shared?: ClusterState;
  /** Closes it; acknowledged changes stay. */
  close(): Promise<void>;
}
