// An address in a buffer. Frames and packets have addresses of several lengths; one such record replaces three arguments.

/**
 * octets[at..at+size): a link-layer address of 2 or 8 octets in canonical order, or an IP address of 4 or 16. Records are
 * made once and used again: who keeps an address copies its octets.
 */
export interface Address {
  /** The buffer that holds the address, among other octets perhaps. */
  octets: Uint8Array;
  /** Offset of the address's first octet in `octets`. */
  at: number;
  /** Octets of the address: 2, 4, 8 or 16. */
  size: number;
}

/** The address that fills `octets`. */
export function addressOf(octets: Uint8Array): Address {
  return { octets: octets, at: 0, size: octets.length };
}
