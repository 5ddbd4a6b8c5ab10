// Several traffic selectors in one Child SA [RFC 7296 §2.9], for policies that have `ChildPolicy.several`: every selector that both
// sides allow is taken, and not the first pair alone. Diet-ESP derives its rules from one pair, so an SA that agreed on it has one;
// so has an SA towards a peer that answers with one. An SA has one IP version, that of its first pair. It comes behind
// `headerCompression`.

import { ownSelectors, peerSelectors } from '../child/negotiate.ts';
import { findPayload } from '../codec/message.ts';
import { N_ADDITIONAL_TS_POSSIBLE, PAYLOAD_TSI, PAYLOAD_TSR } from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { addStatus, type Message } from '../codec/payloads.ts';
import { joins, narrowSelectors, parseSelectors, type Selector } from '../codec/selectors.ts';
import type { Draft } from '../state/child.ts';
import type { Extension } from '../state/ike.ts';
import type { IkeSa } from '../state/sa.ts';
import { noteSelectors, selectorsOf } from '../state/selector-note.ts';
import { isChildRequest, isChildResponse } from '../state/step.ts';

/** The selectors of a payload; empty where there is none. */
function selectorsIn(m: Message, type: number): Selector[] {
  const i = findPayload(m.payloads, type, 0);
  const list: Selector[] = [];
  if (i >= 0) parseSelectors(m.buffer, m.payloads.at[i], m.payloads.size[i], list);
  return list;
}

/** True where the data path can tell ports: any port, or a range of a protocol that has them. */
function hasPorts(s: Selector): boolean {
  if (s.startPort === 0 && s.endPort === 65535) return true;
  const p = s.protocol;
  return s.startPort <= s.endPort && (p === 6 || p === 17 || p === 132 || p === 136);
}

function joinsOne(one: Selector, others: Selector[]): boolean {
  for (let i = 0; i < others.length; i++) if (joins(one, others[i])) return true;
  return false;
}

/** Those of a list that go together with one of the other side. */
function joined(list: Selector[], others: Selector[]): Selector[] {
  const out: Selector[] = [];
  for (let i = 0; i < list.length; i++) if (joinsOne(list[i], others)) out.push(list[i]);
  return out;
}

/** Those of a list that an SA of this IP version can have. */
function usable(list: Selector[], size: number): Selector[] {
  const out: Selector[] = [];
  for (let i = 0; i < list.length; i++) if (list[i].start.length === size && hasPorts(list[i])) out.push(list[i]);
  return out;
}

/** Makes a draft, whose pair has been found, as wide as both sides allow. */
function widen(draft: Draft, local: Selector[], remote: Selector[]): void {
  const size = draft.local[0].start.length;
  const left = usable(local, size);
  const right = usable(remote, size);
  const own = joined(left, right);
  const peers = joined(right, left);
  if (own.length > 0 && peers.length > 0) {
    draft.local = own;
    draft.remote = peers;
  }
}

/** What a request for this draft and our policy have in common. */
function commonOf(sa: IkeSa, draft: Draft, m: Message): { local: Selector[]; remote: Selector[] } {
  return {
    local: narrowSelectors(selectorsIn(m, PAYLOAD_TSR), ownSelectors(sa, draft.policy)),
    remote: narrowSelectors(selectorsIn(m, PAYLOAD_TSI), peerSelectors(sa, draft.policy)),
  };
}

/** Policies with `several`: all selectors that both sides allow, and ADDITIONAL_TS_POSSIBLE where one SA cannot have them. */
export const severalSelectors: Extension = {
  add: (ike, sa, step, draft, w) => {
    if (draft === null || draft.policy.several !== true) return;
    if (isChildRequest(step) && draft.replaces !== null) {
      // A rekey must not be narrower than what it replaces [RFC 7296 §2.9.2].
      const all = selectorsOf(draft.replaces);
      draft.local = all.local;
      draft.remote = all.remote;
    } else if (isChildResponse(step)) {
      const all = commonOf(sa, draft, ike.message);
      const own = joined(all.local, all.remote).length;
      const peers = joined(all.remote, all.local).length;
      if (own > draft.local.length || peers > draft.remote.length) addStatus(w, N_ADDITIONAL_TS_POSSIBLE, NONE);
    }
  },
  read: (_ike, sa, step, draft, m) => {
    if (draft === null || draft.policy.several !== true) return 0;
    const isRequest = isChildRequest(step);
    if (!isRequest && !isChildResponse(step)) return 0;
    if (draft.compression === null) {
      if (isRequest) {
        const all = commonOf(sa, draft, m);
        widen(draft, all.local, all.remote);
      } else {
        // They lie within what was offered, which has been checked.
        const local = selectorsIn(m, PAYLOAD_TSI);
        const remote = selectorsIn(m, PAYLOAD_TSR);
        widen(draft, narrowSelectors(local, local), narrowSelectors(remote, remote));
      }
    }
    noteSelectors(draft);
    return 0;
  },
};
