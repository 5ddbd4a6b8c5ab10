// Keeps errors of the host out of IKE: a callback that throws has done nothing, and IKE goes on.

import type { IkeUpper } from '../../../core/ike/state/ike.ts';

/** `upper`, whose errors go to `failed`. An SA that could not be taken is refused, and so is an address. */
export function shieldUpper(upper: IkeUpper, failed: (error: unknown) => void): IkeUpper {
  function tell(error: unknown): void {
    try {
      failed(error);
    } catch {
      // A log that throws as well has nowhere to say so.
    }
  }
  function attempt<Value>(otherwise: Value, run: () => Value): Value {
    try {
      return run();
    } catch (error) {
      tell(error);
      return otherwise;
    }
  }
  return {
    transmit: (path, replyTo, buffer, offset, length, now) =>
      attempt(undefined, () => upper.transmit(path, replyTo, buffer, offset, length, now)),
    proved: (sa, path, now) => attempt(undefined, () => upper.proved(sa, path, now)),
    // To IKE an error means that none is free.
    allocateSpi: (path, offers, now) => upper.allocateSpi(path, offers, now),
    install(sa, child, outgoing, incoming, first, now) {
      try {
        return upper.install(sa, child, outgoing, incoming, first, now);
      } catch (error) {
        tell(error);
        attempt(undefined, () => upper.remove(sa, child, now));
        return false;
      }
    },
    retire: (sa, child, now) => attempt(undefined, () => upper.retire(sa, child, now)),
    remove: (sa, child, now) => attempt(undefined, () => upper.remove(sa, child, now)),
    established: (sa, resumed, now) => attempt(undefined, () => upper.established(sa, resumed, now)),
    replaced: (old, sa, now) => attempt(undefined, () => upper.replaced(old, sa, now)),
    ended: (sa, outcome, now) => attempt(undefined, () => upper.ended(sa, outcome, now)),
    childFailed: (sa, outcome, now) => attempt(undefined, () => upper.childFailed(sa, outcome, now)),
    refused: (sa, reason, now) => attempt(undefined, () => upper.refused(sa, reason, now)),
    keys: (sa, octets, size, now) => attempt(undefined, () => upper.keys(sa, octets, size, now)),
    address: (sa, type, now) => attempt(null, () => upper.address(sa, type, now)),
  };
}
