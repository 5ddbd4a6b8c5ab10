// Lets the extensions of an endpoint add to a message of ours, and read one of the peer's.

import type { Writer } from '../codec/message.ts';
import type { Message } from '../codec/payloads.ts';
import type { Draft } from '../state/child.ts';
import type { Ike } from '../state/ike.ts';
import type { Verdict } from '../state/outcome.ts';
import type { IkeSa } from '../state/sa.ts';
import type { Step } from '../state/step.ts';

/** Lets the extensions add to the message in `w`. */
export function extend(ike: Ike, sa: IkeSa, step: Step, draft: Draft | null, w: Writer): void {
  for (let i = 0; i < ike.extensions.length; i++) ike.extensions[i].add(ike, sa, step, draft, w);
}

/** Lets the extensions read a message. Returns 0, or the error of the first that refuses it. */
export function readExtensions(ike: Ike, sa: IkeSa, step: Step, draft: Draft | null, m: Message): Verdict {
  for (let i = 0; i < ike.extensions.length; i++) {
    const code = ike.extensions[i].read(ike, sa, step, draft, m);
    if (code !== 0) return code;
  }
  return 0;
}
