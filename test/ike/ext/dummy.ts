// An extension that does nothing useful and uses every part of the seam of core/ike: transforms, rounds before IKE_AUTH
// and after CREATE_CHILD_SA, an error of its own, a Security Protocol, a path for one Child SA.

import { createFollowUps } from '../../../core/ike/child/follow-up.ts';
import { createExtra } from '../../../core/ike/codec/extra-transforms.ts';
import { join, NONE } from '../../../core/ike/codec/octets.ts';
import { addStatus, dataOf, errorNotify } from '../../../core/ike/codec/payloads.ts';
import type { Transform, Transforms } from '../../../core/ike/codec/proposals.ts';
import { prf } from '../../../core/ike/crypto/keys.ts';
import { createRounds, offerRounds } from '../../../core/ike/setup/rounds.ts';
import { type ChildSa, noteOf, setNote } from '../../../core/ike/state/child.ts';
import type { Extension, FollowUp, Ike, Intermediate, SecurityProtocol } from '../../../core/ike/state/ike.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import {
  isChildRequest,
  isChildResponse,
  STEP_CHILD_REQUEST,
  STEP_INIT_REQUEST,
  STEP_INIT_RESPONSE,
} from '../../../core/ike/state/step.ts';

const NAME = 'dummy';
const N_SUPPORTED = 40970;
const N_ROUND = 40971;
const N_FOLLOW = 40972;
/** An error that only this extension knows [RFC 7296 §3.10.1: 8192 and up are private]. */
export const E_FORBIDDEN = errorNotify(8999);
/** Additional Key Exchange 1, with a private method and an attribute [RFC 9370 §2.2.1]. */
export const TRANSFORM: Transform = { type: 6, id: 1025, attributes: Uint8Array.of(0x84, 0x01, 0x00, 0x05) };
export const PROTOCOL_DUMMY = 201;
/** Rounds before IKE_AUTH. */
export const ROUNDS = 2;

/** `proposal` with the transform; `optional`: the peer may leave the type out. */
export function withDummy(proposal: Transforms, optional = false): Transforms {
  const none: Transform = { type: TRANSFORM.type, id: 0, attributes: NONE };
  return { ...proposal, extra: createExtra(optional ? [TRANSFORM, none] : [TRANSFORM]) };
}

const isAgreed = (transforms: Transform[]): boolean => transforms.some(({ type, id }) => type === 6 && id === 1025);

/** What an endpoint's extension saw. */
export interface Dummy {
  extension: Extension;
  /** Names of Child SAs that it refuses. */
  forbidden: string[];
  /** Child SAs of these names go their own way. */
  aside: Map<string, Path>;
  installed: { child: ChildSa; outgoing: string; incoming: string }[];
  rounds: number;
  follows: number;
}

/** Gives the extension to an endpoint. */
export function attachDummy(ike: Ike): Dummy {
  const has = (sa: IkeSa): boolean => sa.setup !== null && noteOf(sa.setup.notes, NAME).length > 0;
  const octets = (): Uint8Array => {
    const out = new Uint8Array(16);
    ike.provider.random(out, 0, 16);
    return out;
  };
  const self: Dummy = {
    forbidden: [],
    aside: new Map(),
    installed: [],
    rounds: 0,
    follows: 0,
    extension: {
      errors: [[E_FORBIDDEN, 'DUMMY_FORBIDDEN']],
      add(_ike, sa, step, draft, w) {
        if (step === STEP_INIT_REQUEST || (step === STEP_INIT_RESPONSE && has(sa))) {
          addStatus(w, N_SUPPORTED, NONE);
          offerRounds(sa, w);
        }
        if (draft !== null && isChildRequest(step)) draft.path = self.aside.get(draft.policy.name) ?? draft.path;
        if (draft !== null && isChildResponse(step)) draft.path = self.aside.get(draft.policy.name) ?? draft.path;
      },
      read(_ike, sa, step, draft, m) {
        if (step === STEP_INIT_REQUEST || step === STEP_INIT_RESPONSE) {
          if (dataOf(m, N_SUPPORTED) !== null) setNote(sa.setup!.notes, NAME, Uint8Array.of(1));
        }
        if (draft !== null) draft.path = self.aside.get(draft.policy.name) ?? draft.path;
        return step === STEP_CHILD_REQUEST && self.forbidden.includes(draft!.policy.name) ? E_FORBIDDEN : 0;
      },
    },
  };
  const done = (sa: IkeSa): number => noteOf(sa.setup!.notes, 'done').length;
  const next = (sa: IkeSa, initiator: Uint8Array, responder: Uint8Array): void => {
    setNote(sa.setup!.notes, 'mixed', join([initiator, responder]));
    setNote(sa.setup!.notes, 'done', new Uint8Array(done(sa) + 1));
    self.rounds++;
  };
  const round: Intermediate = {
    name: NAME,
    request(_ike, sa, w) {
      if (!has(sa) || done(sa) === ROUNDS) return false;
      const own = octets();
      setNote(sa.setup!.notes, 'own', own);
      addStatus(w, N_ROUND, own);
      return true;
    },
    response(_ike, sa) {
      const theirs = dataOf(ike.message, N_ROUND);
      if (theirs === null) return E_FORBIDDEN;
      next(sa, noteOf(sa.setup!.notes, 'own'), theirs);
      return 0;
    },
    takes: (_ike, sa) => has(sa) && done(sa) < ROUNDS && dataOf(ike.message, N_ROUND) !== null,
    answer(_ike, sa, w) {
      const own = octets();
      next(sa, dataOf(ike.message, N_ROUND)!, own);
      addStatus(w, N_ROUND, own);
      return 0;
    },
    seed: (_ike, sa) => prf(ike.provider, sa.skD, noteOf(sa.setup!.notes, 'mixed')),
  };
  const follow: FollowUp = {
    // A rekey of the IKE SA chooses for the IKE SA: its draft has the transforms as well.
    holds: (_ike, _sa, draft) => isAgreed(draft.choice.extra),
    request(_ike, _sa, draft, w) {
      if (draft.kx.more.length > 0) return false;
      const own = octets();
      setNote(draft.notes, 'own', own);
      addStatus(w, N_FOLLOW, own);
      return true;
    },
    response(_ike, _sa, draft) {
      const theirs = dataOf(ike.message, N_FOLLOW);
      if (theirs === null) return E_FORBIDDEN;
      draft.kx.more = join([noteOf(draft.notes, 'own'), theirs]);
      self.follows++;
      return 0;
    },
    answer(_ike, _sa, draft, w) {
      const theirs = dataOf(ike.message, N_FOLLOW);
      if (theirs === null) return E_FORBIDDEN;
      const own = octets();
      draft.kx.more = join([theirs, own]);
      addStatus(w, N_FOLLOW, own);
      self.follows++;
      return 0;
    },
    isDone: (_ike, _sa, draft) => draft.kx.more.length > 0,
  };
  const security: SecurityProtocol = {
    protocol: PROTOCOL_DUMMY,
    spiSize: 2,
    keySize: () => 20,
    install(_sa, child, outgoing, incoming) {
      const hex = (one: Uint8Array): string => Buffer.from(one).toString('hex');
      self.installed.push({ child, outgoing: hex(outgoing), incoming: hex(incoming) });
      return true;
    },
  };
  ike.extensions.push(self.extension);
  ike.intermediate = createRounds([...(ike.intermediate?.list ?? []), round]);
  ike.followUps = createFollowUps([follow]);
  ike.protocols.push(security);
  return self;
}
