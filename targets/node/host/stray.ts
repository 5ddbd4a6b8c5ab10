// An IKE SA that is on TCP stays there, and those that rekeys make of it [draft-ietf-ipsecme-ikev2-reliable-transport]. What
// comes for it over UDP is stray. So is what comes over TCP for one that is on UDP: it would never come back, and whoever copies
// one message into a connection of its own would take the SA away from its peer. Only MOBIKE changes the carrier [RFC 9329 §8].

import { IKE_EXCHANGE, IKE_FLAGS, IKE_SIZE, IKE_SPI_I, IKE_SPI_R } from '../../../core/ike/codec/message.ts';
import { FLAG_INITIATOR, IKE_SA_INIT, IKE_SESSION_RESUME } from '../../../core/ike/codec/numbers.ts';
import { spiKey } from '../../../core/ike/exchange/registry.ts';
import { isSeparate } from '../../../core/ike/ext/separate-transports.ts';
import type { Ike } from '../../../core/ike/state/ike.ts';
import type { Path } from '../../../core/ike/state/path.ts';

/**
 * True for a message, which came over `path`, of an IKE SA that has the other carrier. The first one may have come over UDP, and
 * be repeated.
 */
export function isStray(
  ike: Ike,
  isStream: (path: Path) => boolean,
  path: Path,
  buffer: Uint8Array,
  offset: number,
  length: number,
): boolean {
  if (length < IKE_SIZE) return false;
  const exchange = buffer[offset + IKE_EXCHANGE];
  if (exchange === IKE_SA_INIT || exchange === IKE_SESSION_RESUME) return false;
  const fromInitiator = (buffer[offset + IKE_FLAGS] & FLAG_INITIATOR) !== 0;
  const sa = ike.bySpi[spiKey(buffer, offset + (fromInitiator ? IKE_SPI_R : IKE_SPI_I))];
  return sa !== undefined && (isStream(sa.path) || isSeparate(sa)) !== isStream(path);
}
