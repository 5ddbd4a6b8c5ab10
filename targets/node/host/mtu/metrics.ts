// What MTU detection shows and counts at a gateway.

/** What happened, in all. */
export interface MtuCounters {
  /** LMAP notifies sent. */
  lmapSent: number;
  /** PTB notifies sent. */
  ptbSent: number;
  /** LMAP notifies that changed something. */
  lmapTaken: number;
  /** PTB notifies taken. */
  ptbTaken: number;
  /** LMAP notifies above what was sent, or of another IP version. */
  ignored: number;
  /** LMAP and PTB notifies of a wrong form. */
  malformed: number;
  /** Verified packets that came in fragments. */
  fragmented: number;
  /** Packets of which fragments are missing. */
  incomplete: number;
  /** Verified packets above `reassembled`. */
  tooLarge: number;
}

/** Counters of MTU detection at a gateway. */
export interface MtuMetrics extends MtuCounters {
  /** Inner IPv4 packets that went in pieces. */
  split: number;
  /** Inner packets that went although the peer gets them in fragments: IPv6 up to 1280 octets, and those of flows. */
  inFragments: number;
  /** SYNs whose MSS was lowered. */
  clamped: number;
}

/** A path to a peer: octets, 0: not known. */
export interface PathView {
  /** Outer packets up to this size arrive in one piece. */
  unfragmented: number;
  /** Larger ones the peer does not put together. */
  reassembled: number;
  /** TMAP: inner packets up to this size go in one piece; of the SA that was used last. */
  inner: number;
}
