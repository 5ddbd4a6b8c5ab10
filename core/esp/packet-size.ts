// How large the outer packet of an inner one gets, and the other way round: what the MTU of a path leaves to inner packets
// [RFC 4301 §8.2]. Diet-ESP: the worst case of the SA's rules, because a packet's fields decide what is left of them.

import type { SaForm } from './sa.ts';

/** Octets of UDP around ESP [RFC 3948 §2.1]. */
export const UDP_ENCAPSULATION = 8;

/** Octets by which RuleID and residue differ at most from the headers that they stand for: negative where they are shorter. */
function growth(form: SaForm): number {
  const shape = form.shape;
  if (!shape.compressed) return 0;
  const bits = (form.ruleId >= 0 ? 8 : 0) + (shape.tunnel ? shape.networkProgram.residueBits : 0);
  const header = shape.tunnel ? shape.network.size : 0;
  // The packet may have no transport header that the rules cover: it is a fragment, or of another protocol.
  let most = Math.floor((bits + 7) / 8) - header;
  for (let i = 0; i < shape.transports.length; i++) {
    const all = bits + shape.transportPrograms[i].residueBits;
    most = Math.max(most, Math.floor((all + 7) / 8) - header - shape.transports[i].size);
  }
  return most;
}

/** Octets of trailer that every packet has. */
function trailerSize(form: SaForm): number {
  return (form.trailer.padded ? 1 : 0) + (form.trailer.sendsNext ? 1 : 0);
}

/** Octets around the clear text; in transport mode the packet's own IP header of `header` octets is outside. */
function around(form: SaForm, header: number, encapsulation: number): number {
  return header + encapsulation + form.headerSize + form.suite.ivLength + form.suite.icvLength;
}

function outerWith(form: SaForm, inner: number, header: number, encapsulation: number): number {
  const own = form.shape.tunnel ? 0 : header;
  const clear = inner - own + growth(form) + trailerSize(form);
  const a = form.trailer.alignment;
  return around(form, header, encapsulation) + Math.floor((clear + a - 1) / a) * a;
}

function innerWith(form: SaForm, outer: number, header: number, encapsulation: number): number {
  const own = form.shape.tunnel ? 0 : header;
  const a = form.trailer.alignment;
  const clear = Math.floor((outer - around(form, header, encapsulation)) / a) * a;
  return clear - trailerSize(form) - growth(form) + own;
}

/** Longest header of the IP version that may be outside in transport mode, and its steps: options of IPv4. */
const HEADER_MAX = 60;
const HEADER_STEP = 4;

function lastHeader(form: SaForm): number {
  return form.shape.tunnel || form.outer.version === 6 ? form.outer.size : HEADER_MAX;
}

/**
 * Octets of the largest outer packet that an inner packet of `inner` octets becomes; `encapsulation`: octets between the outer IP
 * header and ESP, UDP_ENCAPSULATION or 0. Exact without Diet-ESP.
 */
export function outerSizeOf(form: SaForm, inner: number, encapsulation: number): number {
  let most = 0;
  for (let header = form.outer.size; header <= lastHeader(form); header += HEADER_STEP) {
    most = Math.max(most, outerWith(form, inner, header, encapsulation));
  }
  return most;
}

/**
 * Octets of the largest inner packet whose outer packet never has more than `outer`; below 1 where none fits. A larger one may fit
 * where Diet-ESP takes more away than at worst.
 */
export function maxInner(form: SaForm, outer: number, encapsulation: number): number {
  let least = 65535;
  for (let header = form.outer.size; header <= lastHeader(form); header += HEADER_STEP) {
    least = Math.min(least, innerWith(form, outer, header, encapsulation));
  }
  return least;
}
