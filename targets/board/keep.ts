// Keeps a board's session [RFC 5723] over a restart or a power cut, where the board has the hooks `save` and `load`: the next
// run resumes, with new keys and without asymmetric cryptography. A part that a build may leave out.
//
// Flash wears, so a record is written once for a handshake, and once for a Delete, which makes it void. Both need the gateway's
// keys: nobody else can cause a write.

import { equal, fill } from '../../core/base/bytes.ts';
import { decodeSession, encodeSession, RECORD_MAX } from '../../core/device/session-record.ts';
import type { Session } from '../../core/ike/state/sa.ts';
import type { BoardConfig } from './blob.ts';
import type { Board } from './hooks.ts';

const NO_TICKET: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

/** @noSelf */
export interface Keeper {
  /** The session that the last run left, or null. A record of another configuration is erased. */
  begin(now: number): Session | null;
  /** A handshake gave this session, or null: what is kept is spent. */
  keep(session: Session | null, now: number): void;
  /** Records that were written since the start. */
  saves(): number;
}

/** A build without it passes null to createApp. */
export type KeeperOf = (board: Board, config: BoardConfig) => Keeper;

export function createKeeper(board: Board, config: BoardConfig): Keeper {
  // The ticket in flash.
  let ticket: Uint8Array = NO_TICKET;
  let saves = 0;

  function write(record: Uint8Array, length: number): boolean {
    const isWritten = board.save(record, 0, length);
    if (isWritten) saves++;
    fill(record, 0, record.length, 0);
    return isWritten;
  }

  return {
    begin: (now) => {
      const record = new Uint8Array(RECORD_MAX);
      const length = board.load(record);
      const session = config.ticketLifetime === 0 ? null : decodeSession(record, length, config.mark, now);
      fill(record, 0, RECORD_MAX, 0);
      if (session !== null) ticket = session.ticket;
      else if (length > 0) write(record, 0);
      return session;
    },
    keep: (session, now) => {
      if (session !== null && session.ticket.length === ticket.length) {
        if (equal(session.ticket, 0, ticket, 0, ticket.length)) return;
      }
      const record = new Uint8Array(RECORD_MAX);
      const length = session === null ? 0 : encodeSession(session, config.mark, now, record);
      // Nothing is there, and nothing comes.
      if (length === 0 && ticket.length === 0) return;
      if (write(record, length)) ticket = length === 0 ? NO_TICKET : session!.ticket;
    },
    saves: () => saves,
  };
}
