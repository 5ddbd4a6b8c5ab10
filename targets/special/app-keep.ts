// Keeps the session [RFC 5723] over a restart or a power cut, as targets/board/keep.ts does: a record is written once for a
// handshake, and once for a Delete.

import { equal, fill } from '../../core/base/bytes.ts';
import { decodeSession, encodeSession, RECORD_MAX } from '../../core/device/session-record.ts';
import type { Session } from '../../core/ike/state/session.ts';
import type { Board } from '../board/hooks.ts';

declare const board: Board;

/** The session whose ticket is in flash. */
let kept: Session | null = null;
/** Records that were written since the start. */
export let keepSaves = 0;

function keepWrite(record: Uint8Array, length: number): boolean {
  const isWritten = board.save(record, 0, length);
  if (isWritten) keepSaves++;
  fill(record, 0, RECORD_MAX, 0);
  return isWritten;
}

/** The session that the last run left, or null. A record of another configuration is erased. */
export function keepBegin(mark: Uint8Array, now: number): Session | null {
  const record = new Uint8Array(RECORD_MAX);
  const length = board.load(record);
  kept = decodeSession(record, length, mark, now);
  fill(record, 0, RECORD_MAX, 0);
  if (kept === null && length > 0) keepWrite(record, 0);
  return kept;
}

/** A handshake gave this session, or null: what is kept is spent. */
export function keepSession(session: Session | null, mark: Uint8Array, now: number): void {
  if (session !== null && kept !== null && session.ticket.length === kept.ticket.length) {
    if (equal(session.ticket, 0, kept.ticket, 0, kept.ticket.length)) return;
  }
  const record = new Uint8Array(RECORD_MAX);
  const length = session === null ? 0 : encodeSession(session, mark, now, record);
  // Nothing is there, and nothing comes.
  if (length === 0 && kept === null) return;
  if (keepWrite(record, length)) kept = length === 0 ? null : session;
}
