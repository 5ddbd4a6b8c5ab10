// IP addresses as text. Nothing of Node is needed: Wireshark's dissector shows addresses with it, too.

/** Text of 4 or 16 octets; IPv6 in the form of RFC 5952. */
export function addressText(octets: Uint8Array, offset = 0, length: number = octets.length - offset): string {
  if (length === 4) {
    return `${octets[offset]}.${octets[offset + 1]}.${octets[offset + 2]}.${octets[offset + 3]}`;
  }
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((octets[offset + i] << 8) | octets[offset + i + 1]);
  let best = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > bestLength) {
      best = start;
      bestLength = end - start;
    }
  }
  const part = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return best < 0 ? part(0, 8) : `${part(0, best)}::${part(best + bestLength, 8)}`;
}
