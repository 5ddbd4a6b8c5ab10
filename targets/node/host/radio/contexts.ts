// 6LoWPAN contexts as text: `fd00::/64`, or `fd00::/64 C=0` for one that decompresses only [RFC 6775 §4.2].

import { CONTEXT_PASSIVE, CONTEXT_STRIDE, setContext, setDecompressOnly } from '../../../../core/wire/sixlowpan.ts';
import { addressOctets, addressText } from '../addresses.ts';

/** What a context's text must be. */
export const CONTEXT_FORM = 'PREFIX/LENGTH with LENGTH 0..128, and C=0 behind it where it is for decompression only';

/** Sets context `id` of a table (createContexts) as a text says. False: the text is none. */
export function readContext(contexts: Uint8Array, id: number, text: string): boolean {
  const match = /^([^/\s]+)\/(\d{1,3})(?: +C=([01]))?$/.exec(text);
  const prefix = match === null ? undefined : addressOctets(match[1]);
  if (match === null || prefix?.length !== 16 || Number(match[2]) > 128) return false;
  setContext(contexts, id, prefix, 0, Number(match[2]));
  if (match[3] === '0') setDecompressOnly(contexts, id);
  return true;
}

/** The texts of a table's contexts. */
export function contextTexts(contexts: Uint8Array): string[] {
  const list: string[] = [];
  for (let at = 0; at < contexts.length; at += CONTEXT_STRIDE) {
    const only = contexts[at + CONTEXT_PASSIVE] === 1 ? ' C=0' : '';
    list.push(`${addressText(contexts, at + 1, 16)}/${contexts[at]}${only}`);
  }
  return list;
}
