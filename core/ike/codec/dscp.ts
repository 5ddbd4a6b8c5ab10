// The DSCP notify: the DSCP values that a peer sends in its outbound SA [draft-mglt-ipsecme-dscp-np]. Its data is one octet
// per value 0..63, any number of them. It is a statement, so nothing is refused for it. The responder answers with its own
// list (the same one, if both agree), with an empty one (no DSCP goes elsewhere), or not at all.

import { type Writer, write8 } from './message.ts';

const VALUES = 64;

/** True when the list has this value. */
export function hasDscp(list: number[], dscp: number): boolean {
  for (let i = 0; i < list.length; i++) if (list[i] === dscp) return true;
  return false;
}

/** Writes the notify's data: the list's values 0..63, ascending and each once. */
export function writeDscp(w: Writer, list: number[]): void {
  for (let dscp = 0; dscp < VALUES; dscp++) if (hasDscp(list, dscp)) write8(w, dscp);
}

/** The values 0..63 in a notify's data, ascending and each once. */
export function readDscp(buffer: Uint8Array, at: number, size: number): number[] {
  const list: number[] = [];
  for (let dscp = 0; dscp < VALUES; dscp++) {
    let i = 0;
    while (i < size && buffer[at + i] !== dscp) i++;
    if (i < size) list.push(dscp);
  }
  return list;
}

/**
 * The list for dscp_cda sa: the one that both sides stated, ascending. If the lists differ it is empty, and sa is not
 * acceptable: a union, with an index width that neither side stated, would be a guess about the peer.
 */
export function agreedDscp(own: number[], peer: number[]): number[] {
  const list: number[] = [];
  for (let dscp = 0; dscp < VALUES; dscp++) {
    const isOwn = hasDscp(own, dscp);
    if (isOwn !== hasDscp(peer, dscp)) return [];
    if (isOwn) list.push(dscp);
  }
  return list;
}
