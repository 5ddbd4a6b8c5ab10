// The constants of ESP and of the inner packets of one profile.

export interface EspProfile {
  /** Low bits of SPI and sequence number on the wire, and octets of both. */
  spiLsb: number;
  snLsb: number;
  /** 2^spiLsb. */
  spiCount: number;
  headerSize: number;
  /** 2^snLsb; how many numbers below the next one are accepted (`recoverSn`). */
  snModulus: number;
  snBack: number;
  esn: boolean;
  /** Packets of the replay window: 0, 32 or 64. */
  window: number;
  /** Octets of the IV on the wire: 0 where it is implicit [RFC 8750]. */
  ivSize: number;
  icvSize: number;
  /** AES-GCM, instead of AES-CCM. */
  gcm: boolean;
  /** Octets of the salt: 3 or 4. */
  saltSize: number;
  /** NULL encryption with HMAC-SHA2-256-128, instead of AES-CCM. */
  nullHmac: boolean;
  /** Octets of one direction in KEYMAT: key and salt. */
  keymatSize: number;
  /** Octets of which the clear text is a multiple; padding and Next Header are sent; its value, 0: the packet's. */
  alignment: number;
  padded: boolean;
  sendsNext: boolean;
  nextHeader: number;
  /** Search for a lost sequence number: multiples of 2^snLsb tried, and thousandths of trials saved up; 0: none. */
  searchWraps: number;
  searchBudget: number;
  /** Trials gained a second. */
  searchRate: number;
  /** Lifetimes of an SA: packets, milliseconds; 0: none. Soft ones ask for a rekey, hard ones end it. */
  softPackets: number;
  hardPackets: number;
  softTime: number;
  hardTime: number;
  /** Octets of payload of the longest packet out. */
  maxPayload: number;
  /** Pairs of ports and addresses that packets go between, 1 or more. */
  flows: number;
  /** What stands before the payload of a flow: residue, or the whole inner header. Octets out and in; 0: nothing. */
  outSize: number;
  inSize: number;
  /** Templates of all flows, one after the other. */
  atOut: number;
  atIn: number;
  /** Which bits of an inbound template are compared. */
  atMask: number;
  /** Echo requests are answered: what stands before ICMPv6 in packets out and in, and which bits of it are compared. */
  echo: boolean;
  echoOutSize: number;
  echoInSize: number;
  atEchoOut: number;
  atEchoIn: number;
  atEchoMask: number;
  /** The inner header is carried whole: its lengths and checksum are computed. */
  whole: boolean;
  /** In the inner header: octets of IP (0 in transport mode), and 4 or 6. */
  ipSize: number;
  ipVersion: number;
  /** The transport header: 17 or 136, and its octets; 0: none. */
  transport: number;
  /** Sum of the pseudo-header's constant words is computed from addresses at these offsets: own, peer; and their octets. */
  atOwn: number;
  atPeer: number;
  addressSize: number;
  /** DROP_ECN where the outer header says congestion and the inner one cannot: first bit of the inner ECN; -1: not checked. */
  ecnBit: number;
  /** An index of DSCP in a received residue: its first bit, its bits (0: there is none), and how many values there are. */
  dscpBit: number;
  dscpBits: number;
  dscpCount: number;
  /** SAs are keyed by hand: sequence numbers are reserved ahead, this many at a time, out and in; 0: by IKE. */
  reserve: number;
  reserveIn: number;
  /** SAs keyed by hand: SPIs (4 octets), and KEYMAT with the last number that may have been used (8). */
  atSpiOut: number;
  atSpiIn: number;
  atKeyOut: number;
  atKeyIn: number;
}
