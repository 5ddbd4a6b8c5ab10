// The constants of the application of one profile.

export interface AppProfile {
  /** The engine's name on the console. */
  engine: string;
  /** What names the profile, in the blob too: 8 octets. */
  profileHash: string;
  /** For radios that filter by themselves. In the device's octets: short address (0xffff: none) and extended one. */
  atShort: number;
  atExtended: number;
  channel: number;
  panId: number;
  /** A reading's CoAP message up to its number: header, token, Uri-Path of every part, marker, `{"n":` [RFC 7252 §3]. */
  coapHead: string;
  /** ACK_TIMEOUT in milliseconds, MAX_RETRANSMIT [RFC 7252 §4.8]. */
  ackTimeout: number;
  maxRetransmit: number;
  /** Readings of the schedule (0: without end), milliseconds between them. */
  count: number;
  interval: number;
  /** The session is kept over a restart. */
  keeps: boolean;
}
