// What must not compile: a constant of one kind in the place of another. tsc checks this file in every test run: a line
// that compiles after all makes its `@ts-expect-error` an error.

import { MODE_TUNNEL } from '../../core/dietesp/attributes.ts';
import {
  AUTH_SHARED_KEY,
  IKE_AUTH,
  N_COOKIE,
  N_NO_PROPOSAL_CHOSEN,
  PROTOCOL_ESP,
} from '../../core/ike/codec/numbers.ts';
import type { Transforms } from '../../core/ike/codec/proposals.ts';
import { request } from '../../core/ike/exchange/queue.ts';
import { sendNotify } from '../../core/ike/exchange/send.ts';
import { endIkeSa } from '../../core/ike/exchange/session.ts';
import { CHILD_DELETED, type ChildSa, retire } from '../../core/ike/state/child.ts';
import type { Ike } from '../../core/ike/state/ike.ts';
import { OUTCOME_TIMEOUT, type Verdict } from '../../core/ike/state/outcome.ts';
import { type IkePolicy, NAT_AUTO } from '../../core/ike/state/policy.ts';
import { type IkeSa, STATE_ENDED, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { STEP_IDENT_RESPONSE, type Step } from '../../core/ike/state/step.ts';
import { ACT_DROP, actionOf, EVENT_AUTH_REQUEST } from '../../core/ike/state/table.ts';
import { TASK_PROBE } from '../../core/ike/state/task.ts';
import { notifyOf } from '../../core/ike/state/verdict.ts';

/** Never called. */
export function wrong(ike: Ike, sa: IkeSa, child: ChildSa, policy: IkePolicy, fromWire: number): void {
  policy.localAuth = AUTH_SHARED_KEY;
  // @ts-expect-error: no authentication method
  policy.localAuth = 77;
  // @ts-expect-error: a number that nobody has looked at
  policy.remoteAuth = fromWire;
  policy.nat = NAT_AUTO;
  // @ts-expect-error: a protocol is no NAT mode
  policy.nat = PROTOCOL_ESP;
  policy.child.mode = MODE_TUNNEL;
  // @ts-expect-error: no mode
  policy.child.mode = 2;
  // @ts-expect-error: no identity type
  policy.localId = { type: 4, data: policy.localId.data };
  // @ts-expect-error: no type of inner address
  policy.requestAddress = 2;
  // @ts-expect-error: a cookie is no authentication method
  policy.announce = [N_COOKIE];
  // @ts-expect-error: no key exchange method
  const ke: Transforms['ke'] = [20];
  // @ts-expect-error: no PRF
  const prf: Transforms['prf'] = [2];

  sa.state = STATE_ESTABLISHED;
  // @ts-expect-error: an outcome is no state
  sa.state = OUTCOME_TIMEOUT;
  // @ts-expect-error: a state is no outcome
  sa.outcome = STATE_ENDED;
  retire(child, CHILD_DELETED);
  // @ts-expect-error: no stage
  retire(child, 3);
  request(ike, sa, TASK_PROBE, null, 0);
  // @ts-expect-error: a step is no task
  request(ike, sa, STEP_IDENT_RESPONSE, null, 0);
  // @ts-expect-error: an event is no step
  const step: Step = EVENT_AUTH_REQUEST as 7 | 12;
  // @ts-expect-error: an exchange is no event
  actionOf(true, STATE_ESTABLISHED, IKE_AUTH);
  // @ts-expect-error: an exchange is no state
  actionOf(true, IKE_AUTH, EVENT_AUTH_REQUEST);

  endIkeSa(ike, sa, N_NO_PROPOSAL_CHOSEN, 0);
  // @ts-expect-error: a status is no end
  endIkeSa(ike, sa, N_COOKIE, 0);
  // @ts-expect-error: an outcome is no notify
  sendNotify(ike, sa, IKE_AUTH, OUTCOME_TIMEOUT, ike.header, 0);
  const verdict: Verdict = OUTCOME_TIMEOUT;
  sendNotify(ike, sa, IKE_AUTH, notifyOf(verdict), ike.header, 0);
  // @ts-expect-error: an action is no exchange
  sendNotify(ike, sa, ACT_DROP, N_NO_PROPOSAL_CHOSEN, ike.header, 0);
  // @ts-expect-error: a number from the wire is no error before errorOf said so
  sa.outcome = fromWire;
  void [ke, prf, step];
}
