// The provider interface: every cryptographic operation of the core goes through it, so that a target can replace the
// portable code by native or faster code. Buffers are the callers'; a provider keeps no reference to them after the
// call and allocates nothing per packet where the engine allows it.

/** AES-CCM with an 11-octet nonce and an ICV of 8 or 16 octets [RFC 4309]. */
export const ALG_AES_CCM = 1;
/** AES-GCM with a 12-octet nonce and an ICV of 16 octets [RFC 4106]. */
export const ALG_AES_GCM = 2;
/** ChaCha20-Poly1305 [RFC 7634]. */
export const ALG_CHACHA20_POLY1305 = 3;
/** AES-CBC without padding; the caller brings whole blocks [RFC 3602]. */
export const ALG_AES_CBC = 4;
/** HMAC-SHA2-256; truncated by the caller [RFC 4868]. */
export const ALG_HMAC_SHA256 = 5;
/** AES-CMAC; truncated by the caller [RFC 4493, RFC 4494]. */
export const ALG_AES_CMAC = 6;

/** An expanded key. Opaque to the core; made by `Provider.key` and ended by `Provider.wipe`. */
export interface Key {
  /** The algorithm, ALG_*: a key serves no other. */
  alg: number;
}

/** An AEAD's input beside key and text; lengths are in octets. Callers make one and use it for every packet. */
export interface Aead {
  /** The first `nonceLength` octets are the nonce. */
  nonce: Uint8Array;
  /** Octets of the nonce: 12 for AES-GCM and ChaCha20-Poly1305, 11 for AES-CCM in ESP [RFC 4309 §4]. */
  nonceLength: number;
  /** The first `aadLength` octets are the additional authenticated data. */
  aad: Uint8Array;
  /** Octets of the additional authenticated data, 0 or more. */
  aadLength: number;
  /** Octets of the ICV: 8 or 16, as the suite says. */
  icvLength: number;
}

/** A target's cryptography. `offset` and `length` are in octets. */
export interface Provider {
  /** True when `alg` (ALG_*) with a key of `keyLength` octets is available. Asked when an SA is set up, never later. */
  has(alg: number, keyLength: number): boolean;
  /** Expands a key. Throws when `has` is false for it. It copies the octets; the caller may wipe its own. */
  key(alg: number, octets: Uint8Array): Key;
  /** Overwrites all secret state of a key as far as the engine can; the key is unusable afterwards. */
  wipe(key: Key): void;
  /** AEAD, in place: encrypts buffer[offset..offset+length) and writes the ICV right after it. */
  seal(key: Key, aead: Aead, buffer: Uint8Array, offset: number, length: number): void;
  /**
   * AEAD, in place: verifies the ICV that follows buffer[offset..offset+length), and decrypts. False: the ICV is wrong, and
   * the buffer is unchanged, so no unverified clear text stays and another nonce can be tried.
   */
  open(key: Key, aead: Aead, buffer: Uint8Array, offset: number, length: number): boolean;
  /** AES-CBC in place over whole 16-octet blocks; `iv` is 16 octets at ivOffset of the same buffer. */
  cbc(key: Key, encrypt: boolean, buffer: Uint8Array, ivOffset: number, offset: number, length: number): void;
  /** HMAC-SHA2-256 or AES-CMAC over buffer[offset..offset+length); writes 32 or 16 octets to out[outOffset..). */
  mac(key: Key, buffer: Uint8Array, offset: number, length: number, out: Uint8Array, outOffset: number): void;
  /** Writes cryptographically secure random octets. Throws when there is no source. */
  random(buffer: Uint8Array, offset: number, length: number): void;
}
