// What carries IKE, and what carries ESP, of an IKE SA, by name.

import type { Path } from '../../../core/ike/state/path.ts';
import { espPathOf, type IkeSa } from '../../../core/ike/state/sa.ts';

/** UDP; a TCP connection; IP itself. IKE never goes in IP itself. */
export type Carrier = 'udp' | 'tcp' | 'ip';

export interface SaCarriers {
  /** What carries IKE. */
  ikeOver: Carrier;
  /** What carries ESP. */
  espOver: Carrier;
}

export function carriersOf(sa: IkeSa, isStream: (path: Path) => boolean): SaCarriers {
  const esp = espPathOf(sa);
  return {
    ikeOver: isStream(sa.path) ? 'tcp' : 'udp',
    espOver: isStream(esp) ? 'tcp' : esp.encapsulated ? 'udp' : 'ip',
  };
}
