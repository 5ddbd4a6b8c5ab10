// The policy of an IKE SA on a stream [RFC 9329 §6.2, §9.1]: TCP repeats what is lost, so a request is sent once in a connection
// and then waited for; and it cuts what is long, so messages are whole. That fragments are understood is told all the same,
// because an SA may leave a stream.

import type { IkePolicy } from '../../../core/ike/state/policy.ts';

/** Milliseconds that a request waits for its answer at most; then the SA ends. */
const PATIENCE = 60000;
/** No record of a stream has room for more. */
const WHOLE = 65535;

const made = new WeakMap<IkePolicy, IkePolicy>();

/** The policy over a stream; one such policy for each. */
export function streamedPolicy(policy: IkePolicy): IkePolicy {
  const known = made.get(policy);
  if (known !== undefined) return known;
  let wait = 0;
  for (let i = 0; i < policy.retransmitTries; i++) wait = 2 * wait + policy.retransmitTime;
  const streamed: IkePolicy = {
    ...policy,
    retransmitTries: 1,
    retransmitTime: Math.min(wait, PATIENCE),
    fragmentSize: policy.fragmentSize === 0 ? 0 : WHOLE,
  };
  made.set(policy, streamed);
  made.set(streamed, streamed);
  return streamed;
}
