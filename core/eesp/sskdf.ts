// The key derivation of Sub SAs, SSKDF [draft-ietf-ipsecme-eesp-03 §2.9, draft-ietf-ipsecme-eesp-ikev2-02 §3.1]:
// HKDF-Expand with the root key as PRK, and the Session ID as info [RFC 5869 §2.3].

import { copy, put16 } from '../base/bytes.ts';
import { fill } from '../base/spans.ts';
import { ALG_HMAC_SHA256, type Key, type Provider } from '../crypto/provider.ts';
import { SSKDF_HKDF_SHA2_256 } from './format.ts';

/**
 * A key derivation function of Sub SAs.
 *
 * @noSelf
 */
export interface Sskdf {
  /** Transform ID. */
  id: number;
  /** As IANA would name it. */
  name: string;
  /** Octets of the root key. */
  rootSize: number;
  /** ALG_* of the root key. */
  alg: number;
  /** Octets of key and salt for a Session ID: `length` octets to `out`. */
  expand: (provider: Provider, root: Key, session: number, out: Uint8Array, length: number) => void;
}

const HASH = 32;
/** T(n-1) | info | n. */
const block = /* @__PURE__ */ new Uint8Array(HASH + 3);
const digest = /* @__PURE__ */ new Uint8Array(HASH);

/** SSKDF_HKDF_SHA2_256. */
export const hkdfSha256: Sskdf = {
  id: SSKDF_HKDF_SHA2_256,
  name: 'HKDF_SHA2_256',
  rootSize: HASH,
  alg: ALG_HMAC_SHA256,
  expand: (provider: Provider, root: Key, session: number, out: Uint8Array, length: number): void => {
    let filled = 0;
    let previous = 0;
    for (let n = 1; filled < length; n++) {
      put16(block, previous, session);
      block[previous + 2] = n;
      provider.mac(root, block, 0, previous + 3, digest, 0);
      copy(block, 0, digest, 0, HASH);
      copy(out, filled, digest, 0, Math.min(HASH, length - filled));
      filled += HASH;
      previous = HASH;
    }
    fill(block, 0, block.length, 0);
    fill(digest, 0, HASH, 0);
  },
};

/** Every SSKDF here. */
export const ALL_SSKDFS: Sskdf[] = [hkdfSha256];
