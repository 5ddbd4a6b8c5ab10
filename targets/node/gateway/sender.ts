// Where a packet came from: a peer on a radio, or a place.

import type { Path } from '../../../core/ike/state/path.ts';
import { addressText } from '../host/addresses.ts';
import { endpointText } from '../host/datagram.ts';
import type { Peer } from './peers.ts';

/** Where an inner packet comes from. */
export type Origin = 'tun' | 'program' | 'own';

export type Sender = Peer | Path;

export function senderText(from: Sender): string {
  return 'remote' in from ? endpointText(from.remote, from.remotePort) : addressText(from.address);
}
