// IIPC of one profile [draft-ietf-ipsecme-diet-esp §6.1]. targets/build/specialise/iipc-text.ts writes the functions for the
// attributes of the SAs; these stand in their place.

/**
 * Compresses the IP packet p[ip..end) to out[at..): RuleID, residue, payload, as `iipcCompress` of core/dietesp. Returns the
 * octets written, or a drop code.
 */
export function packetCompress(_p: Uint8Array, _ip: number, _end: number, _out: Uint8Array, _at: number): number {
  return 0;
}

/**
 * Restores the packet of input[at..at + length) to out[ip..), as `iipcRestore`. `slots` are values of the outer header; in
 * transport mode the IP header is at out[ip..) already. Returns the packet's length, or a drop code.
 */
export function packetRestore(
  _input: Uint8Array,
  _at: number,
  _length: number,
  _slots: Int32Array,
  _out: Uint8Array,
  _ip: number,
): number {
  return 0;
}
