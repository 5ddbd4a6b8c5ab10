// Key exchange and signatures, which IKE needs beside the Provider. They have an interface of their own, so that a board
// without IKE has neither, and a board with a pre-shared key has no signatures.

/** Key exchange methods [IANA: Transform Type 4]. */
export const KE_P256 = 19 as const;
export const KE_X25519 = 31 as const;
/** Key encapsulation, which stands for a key exchange [FIPS 203, draft-ietf-ipsecme-ikev2-mlkem]. */
export const KE_ML_KEM_512 = 35 as const;
export const KE_ML_KEM_768 = 36 as const;
export const KE_ML_KEM_1024 = 37 as const;
/** Key exchange methods that both sides have. */
export type KeMethod =
  | typeof KE_P256
  | typeof KE_X25519
  | typeof KE_ML_KEM_512
  | typeof KE_ML_KEM_768
  | typeof KE_ML_KEM_1024;

/** What a half is for: to open an exchange, to open one whose answer another process may have to take, to answer one. */
export const KE_OPENS = 0 as const;
export const KE_OPENS_LASTING = 1 as const;
export const KE_ANSWERS = 2 as const;
/** What a half is for. */
export type KeUse = typeof KE_OPENS | typeof KE_OPENS_LASTING | typeof KE_ANSWERS;

/** Where a key encapsulation puts what goes to the peer: its size depends on the side. */
export interface KeOwn {
  /** Data of the KE payload. */
  own: Uint8Array;
}

/** The private half of a key exchange; opaque to the core. Ended by `keFinish` or `keWipe`. */
export interface KePrivate {
  /** KE_*: the method whose `keStart` made it. */
  method: number;
  /** The secret itself, where `keStart` was asked for one that lasts (KE_OPENS_LASTING); wiped with the half. */
  octets?: Uint8Array;
}

/**
 * The asymmetric cryptography of IKE that a target brings: key exchange [RFC 7296 §2.12, RFC 8031, RFC 5903] and
 * signatures [RFC 8420]. Buffers are the caller's.
 *
 * @noSelf
 */
export interface Asymmetric {
  /** True when the key exchange method (KE_*) is available. */
  hasKe(method: number): boolean;
  /**
   * A fresh key pair: writes the public value (X25519: 32 octets [RFC 8031]; P-256: x | y, 64 octets [RFC 5903 §7]) to
   * out[outOffset..) and returns the private half. Throws without a secure random source. `use`: KE_OPENS where it is absent;
   * with KE_OPENS_LASTING `keRestore` may be asked for the half in another process; targets that never are ignore it.
   *
   * A key encapsulation writes nothing to `out`: a half that opens puts the encapsulation key into `place.own` now, one that
   * answers puts the ciphertext there when `keFinish` has the peer's encapsulation key.
   */
  keStart(method: number, out: Uint8Array, outOffset: number, use?: KeUse, place?: KeOwn): KePrivate;
  /** The private half with these `KePrivate.octets`. Absent: halves do not outlive a process. */
  keRestore?(method: number, octets: Uint8Array): KePrivate;
  /**
   * Writes the shared secret (32 octets) to out[outOffset..) and wipes the private half. False: the peer's public value has
   * a wrong length, is not on the curve, gives an all-zero secret [RFC 8031 §4, RFC 6989], or is an encapsulation key that fails
   * its check [FIPS 203 §7.2]. Nothing is written then, and
   * the half stays usable for another answer, as the first may be forged.
   */
  keFinish(
    half: KePrivate,
    peer: Uint8Array,
    offset: number,
    length: number,
    out: Uint8Array,
    outOffset: number,
  ): boolean;
  /** Ends a private half that is not used any more: its secret is overwritten. A second call does nothing. */
  keWipe(half: KePrivate): void;
  /** True when Ed25519 [RFC 8032] is available. */
  hasEd25519(): boolean;
  /** Ed25519 signature (64 octets) over buffer[offset..offset+length) with the 32-octet private key. */
  sign(
    privateKey: Uint8Array,
    buffer: Uint8Array,
    offset: number,
    length: number,
    out: Uint8Array,
    outOffset: number,
  ): void;
  /** True when the 64 octets at signature[signatureOffset..) are the signature of the 32-octet public key. */
  verify(
    publicKey: Uint8Array,
    buffer: Uint8Array,
    offset: number,
    length: number,
    signature: Uint8Array,
    signatureOffset: number,
  ): boolean;
}

/** Octets of a public value; 0 for an unknown method, and for a key encapsulation. */
export function keSize(method: number): number {
  return method === KE_X25519 ? 32 : method === KE_P256 ? 64 : 0;
}
