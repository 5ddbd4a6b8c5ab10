// New keys for an IKE SA, and the host's key log.

import { wipe } from '../codec/octets.ts';
import { deriveKeys } from '../crypto/keys.ts';
import type { Ike } from '../state/ike.ts';
import type { IkeSa } from '../state/sa.ts';
import type { Setup } from '../state/setup.ts';

/** SK_* from SKEYSEED, which is wiped [RFC 7296 §2.14]; SK_p goes to `setup` where it is given. */
export function deriveSk(ike: Ike, sa: IkeSa, nonces: Uint8Array, skeyseed: Uint8Array, setup: Setup | null): void {
  const log = deriveKeys(ike.provider, sa, nonces, skeyseed, setup, ike.keylog);
  if (log.length === 0) return;
  ike.upper.keys(sa, log, log.length, 0);
  wipe(log);
}
