// The constants of IKEv2 of one profile. targets/build/specialise/ike-templates.ts makes them with the core's own writers.
//
// A payload is a string of hexadecimal digits with its generic header, whose next type is 0. A chain is several payloads; its
// `Type` is the type of the first, its `Last` the offset of the last one's generic header. An empty string is none.

export interface IkeProfile {
  /** Octets for building payloads and for inputs of the PRF. */
  workSize: number;
  /** Octets of the longest first answer of a gateway that is taken. */
  answerSize: number;
  nonceSize: number;

  /** Octets of SK_e, of its salt, of the ICV, the last two where all ciphers have the same; blocks of prf+ for SK_d, SK_e and SK_p. */
  ikeKeySize: number;
  ikeSaltSize: number;
  ikeIcvSize: number;
  ikeBlocks: number;
  /** Ciphers on offer; AES-GCM among them: 0 no, 1 alone, 2 beside AES-CCM. */
  ikeCiphers: number;
  ikeGcm: number;
  /**
   * SA for IKE_SA_INIT; for a rekey, with the place of the SPI in it; for the answer to one, with one transform of each type; the
   * transforms: type, ID (2), key bits (2) of each.
   */
  ikeSa: string;
  ikeSaRekey: string;
  ikeSaOne: string;
  ikeWant: string;
  /** KE method of IKE_SA_INIT, and the other one on offer there (0: none); how many there are with those of the Child SA; which. */
  keMethod: number;
  otherKe: number;
  keMethods: number;
  x25519: boolean;
  p256: boolean;

  /** SA of IKE_AUTH, without KE methods; with them for rekeys; the transforms of both. Their SPIs are at offset 12. */
  espSa: string;
  espSaKe: string;
  /** With the first KE method alone; the place of the method in it. */
  espSaOne: string;
  espKeAt: number;
  espWant: string;
  espWantKe: string;
  /** The Child SA has key exchanges of its own: the first method; 0: none. It may also be without (NONE is on offer). */
  childKe: number;
  childKeOptional: boolean;
  /** Bodies of TS payloads up to their addresses: this side's and the gateway's, each one range of one address. */
  tsOwn: string;
  tsPeer: string;
  /** The gateway chooses this side's address: any is asked for. */
  asksAny: boolean;
  transportMode: boolean;

  /** The identity: octets, their place in the device's, IDi up to them. */
  atIdentity: number;
  identitySize: number;
  idi: string;
  /** IDr to send; the body of IDr that the gateway must prove, empty: any. */
  idr: string;
  remoteId: string;
  /** Pre-shared key, or Ed25519: each side's own way. */
  localSigns: boolean;
  remoteSigns: boolean;
  atPsk: number;
  pskSize: number;
  atPrivateKey: number;
  atPublicKey: number;

  /** Chains behind what stands in the code: IKE_SA_INIT, IKE_SESSION_RESUME, IKE_AUTH, requests of Child SAs. */
  initTail: string;
  initTailType: number;
  initTailLast: number;
  resumeTail: string;
  resumeTailType: number;
  resumeTailLast: number;
  authTail: string;
  authTailType: number;
  authTailLast: number;
  childTail: string;
  childTailType: number;
  childTailLast: number;
  /** A key against quantum computers: used; required; in IKE_INTERMEDIATE where the gateway has it; its octets and PPK_ID. */
  ppk: boolean;
  ppkMandatory: boolean;
  ppkIntermediate: boolean;
  atPpk: number;
  ppkSize: number;
  atPpkId: number;
  ppkIdSize: number;
  initialContact: boolean;
  /** The gateway may send fragments [RFC 7383]. */
  fragments: boolean;
  /** Downgrade prevention. */
  transcript: boolean;
  /** The gateway must send our Vendor ID before private numbers count. */
  vendorId: string;
  /** Optimized rekeys: number of the request, of the agreement, of child-pfs-info; 0: none. */
  optimizedType: number;
  optimizedSupportedType: number;
  pfsInfoType: number;
  /** Between peers that are configured for each other, the first Child SA's rekeys are as the policy says. */
  pfsKnown: boolean;
  /** Diet-ESP by HCP_PROPOSAL: the notify's number, 0: none; values of attributes 0 to 6; the answer to an offer of the gateway. */
  hcpType: number;
  hcpValues: string;
  hcpAnswer: string;
  /** By EHC_SUPPORTED instead, whose number is then hcpType: the mask of each parameter from 1 to 4. */
  ehc: boolean;
  ehcMasks: string;
  /** Session resumption [RFC 5723]; the cipher of a session where there is one only. */
  tickets: boolean;
  /** Octets of the longest ticket that is kept. */
  ticketSize: number;
  ikeEncr: number;
  ikeKeyBits: number;
  /** Crash detection [RFC 6290]. */
  crashTokens: boolean;
  /** An inner address is asked for; the one that is configured may be another. */
  requestAddress: number;

  /** Milliseconds; 0: never. */
  retransmitTime: number;
  retransmitTries: number;
  dpdTime: number;
  ikeRekeyTime: number;
  childRekeyTime: number;
  reauthTime: number;
  retryTime: number;
  retryMax: number;
}
