// Packets that go from thread to thread together: their octets in one buffer that changes hands without a copy.

/** Packets, one behind the other. */
export interface Batch {
  /** The octets of all. */
  octets: Uint8Array<ArrayBuffer>;
  /** Length of each in octets, in order. In a result: a drop code (below 0) of one that was dropped, whose octets are not there. */
  lengths: Int32Array<ArrayBuffer>;
}

/** A batch of these packets; their octets are copied. */
export function batchOf(packets: readonly Uint8Array[]): Batch {
  const octets = new Uint8Array(packets.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const packet of packets) {
    octets.set(packet, at);
    at += packet.length;
  }
  return { octets, lengths: Int32Array.from(packets, ({ length }) => length) };
}

/** Its packets; a drop code in place of one that was dropped. */
export function packetsOf({ octets, lengths }: Batch): (Uint8Array | number)[] {
  let at = 0;
  return Array.from(lengths, (length) => {
    if (length < 0) return length;
    at += length;
    return octets.subarray(at - length, at);
  });
}
