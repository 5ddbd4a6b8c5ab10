// Who answers the first message of a peer on a radio, where several gateways of a cluster hear it. Each that heard it says so to the
// others and waits a moment. Of those that heard it one answers: the one whose session, together with the message's key, has the
// least hash. The others remember it, and give it the repetitions that they hear. Where a saying is lost two may answer: the peer
// takes the first.

import { createHash } from 'node:crypto';
import type { ClusterState } from '../host/state/shared.ts';

/** Milliseconds in which the others say that they heard it. */
const WAIT = 60;
/** Milliseconds that the outcome is remembered: as long as a half-open IKE SA. */
const REMEMBERED = 30000;
const MAX = 4096;
/** The message is answered by who says this. */
const DECIDED = 1;

export interface ClaimParts {
  isLive(session: string): boolean;
  /** Says to all others that the message with this key was heard here. */
  send(flags: number, key: string): void;
  /** False: too much is asked already. */
  may(): boolean;
  /** Gives the message to the gateway that answers it. */
  forward(octets: Uint8Array, winner: string): void;
  count(): void;
}

export interface Claims {
  /** A first message with this key came: `run` answers it. */
  claim(key: string, octets: Uint8Array, run: () => void): void;
  /** Another gateway has heard it. */
  heard(from: string, flags: number, key: string): void;
  close(): void;
}

interface Claim {
  at: number;
  /** Who answers; '': not decided. */
  winner: string;
  /** The first so far of those that heard it, and its hash. */
  best: string;
  rank: string;
  /** Answers it, where it was heard here. */
  run: (() => void) | null;
}

export function createClaims(shared: ClusterState, parts: ClaimParts): Claims {
  const { now } = shared;
  // In the order of their coming.
  const claims = new Map<string, Claim>();
  let isClosed = false;

  const rankOf = (key: string, session: string): string =>
    createHash('sha256').update(key, 'latin1').update(session).digest('hex');

  function claimOf(key: string): Claim {
    const known = claims.get(key);
    if (known !== undefined && now() - known.at < REMEMBERED) return known;
    claims.delete(key);
    for (const [old, { at }] of claims) {
      if (claims.size < MAX && now() - at < REMEMBERED) break;
      claims.delete(old);
    }
    const claim: Claim = { at: now(), winner: '', best: '', rank: '', run: null };
    claims.set(key, claim);
    return claim;
  }

  function consider(claim: Claim, key: string, session: string): void {
    const rank = rankOf(key, session);
    if (claim.best !== '' && claim.rank <= rank) return;
    claim.best = session;
    claim.rank = rank;
  }

  return {
    claim(key, octets, run) {
      const own = shared.session();
      const claim = claimOf(key);
      if (claim.winner !== '' && claim.winner !== own && !parts.isLive(claim.winner)) claim.winner = '';
      if (claim.winner === own) run();
      else if (claim.winner !== '') parts.forward(octets, claim.winner);
      else if (claim.run !== null) claim.run = run;
      else if (shared.sessions().length === 0 || !parts.may()) {
        claim.winner = own;
        run();
      } else {
        parts.count();
        claim.run = run;
        consider(claim, key, own);
        parts.send(0, key);
        shared.after(WAIT, () => {
          const last = claim.run;
          claim.run = null;
          if (isClosed) return;
          const isOthers = claim.winner !== '' && claim.winner !== shared.session();
          if (claim.winner === '') claim.winner = parts.isLive(claim.best) ? claim.best : shared.session();
          if (claim.winner === shared.session()) last?.();
          // It was answered before, and the peer repeats it: who answers may not hear that.
          else if (isOthers) parts.forward(octets, claim.winner);
        });
      }
    },
    heard(from, flags, key) {
      const claim = claimOf(key);
      if (claim.winner === shared.session() && claim.winner !== '') {
        if (flags !== DECIDED) parts.send(DECIDED, key);
      } else if (flags === DECIDED) claim.winner = from;
      else if (claim.winner === '') consider(claim, key, from);
    },
    close() {
      isClosed = true;
      claims.clear();
    },
  };
}
