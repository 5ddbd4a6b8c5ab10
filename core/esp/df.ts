// DF and Identification of a tunnel's outer IPv4 header [RFC 4301 §8.1], where DF is not always set. A build contains those that
// it imports.

import { IPV4_FRAGMENT, IPV4_NOT_ATOMIC } from '../wire/ipv4.ts';

/**
 * What becomes of DF in the outer IPv4 header.
 *
 * @noSelf
 */
export interface DfPolicy {
  /** Its name in configurations. */
  name: string;
  /**
   * `emitIpv4`'s identification for the inner packet at src[offset..): 0 sets DF. `sn` is the sequence number's low half,
   * whose low 16 bits tell packets apart where DF is clear [RFC 6864 §4.2].
   */
  identification: (sn: number, src: Uint8Array, offset: number) => number;
}

/** DF is always clear. */
export const dfClear: DfPolicy = {
  name: 'clear',
  identification: (sn: number, _src: Uint8Array, _offset: number): number => IPV4_NOT_ATOMIC + (sn & 0xffff),
};

/** DF as in the inner packet if that is IPv4, else set. */
export const dfCopy: DfPolicy = {
  name: 'copy',
  identification: (sn: number, src: Uint8Array, offset: number): number => {
    const isClear = src[offset] >>> 4 === 4 && (src[offset + IPV4_FRAGMENT] & 0x40) === 0;
    return isClear ? IPV4_NOT_ATOMIC + (sn & 0xffff) : 0;
  },
};
