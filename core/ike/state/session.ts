// What resumes an IKE SA [RFC 5723].

import type { KeMethod } from '../../crypto/asymmetric.ts';

/** A device keeps this to resume a session [RFC 5723]: plain data, for storage that survives sleep. */
export interface Session {
  /** The ticket, opaque octets of the gateway. */
  ticket: Uint8Array;
  /** SK_d of the session, 32 octets, a secret. */
  skD: Uint8Array;
  /** Transform identifier of the cipher of IKE messages. */
  encr: number;
  /** Its Key Length, in bits; 0: no attribute. */
  keyBits: number;
  /** Key exchange method of the session. */
  ke: KeMethod | 0;
  /** Milliseconds on the endpoint's clock at which the ticket ends. */
  expires: number;
}
