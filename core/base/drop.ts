// Drop codes: a function returns one instead of a length when it drops a packet. They are negative, so a result below zero
// means "dropped". Counters have the index -code. Names for people are in drop-name.ts, to keep texts out of boards.

/** A header or packet is shorter than its fixed part, or than a length it carries. */
export const DROP_SHORT = -1;
/** A length field differs from the actual octets [RFC 8724 §10.10]. */
export const DROP_LENGTH = -2;
/** The IP version, or another fixed field, is not the one expected here. */
export const DROP_VERSION = -3;
/** The packet to compress has a wrong checksum (CKSUM-VERIFY). */
export const DROP_CHECKSUM = -4;
/** The packet is outside the SA's traffic selectors [RFC 4301 §5.2]. */
export const DROP_SELECTOR = -5;
/** A field cannot be restored by the SA's rules: DSCP not in the list, flow label not zero, coverage. */
export const DROP_NO_RULE = -6;
/** A residue ended early, or an index is out of range. */
export const DROP_RESIDUE = -7;
/** The result does not fit its buffer, or would exceed 65,535 octets. */
export const DROP_TOO_LONG = -8;
/** No SA for this packet [RFC 4301 §5.2]. */
export const DROP_NO_SA = -9;
/** The ICV did not verify [RFC 4303 §3.4.4]. */
export const DROP_ICV = -10;
/** The sequence number was seen before, or lies left of the window [RFC 4303 §3.4.3]. */
export const DROP_REPLAY = -11;
/** The sequence number is impossible: zero, or past the counter's end. */
export const DROP_SEQUENCE = -12;
/** The counter is used up; the SA must be replaced [RFC 4303 §3.3.3]. */
export const DROP_EXHAUSTED = -13;
/** A hard lifetime in packets, octets or time is over [RFC 4301 §4.4.2.1]. */
export const DROP_LIFETIME = -14;
/** Pad Length, padding or Next Header of the ESP trailer is wrong. */
export const DROP_TRAILER = -15;
/** A dummy packet (Next Header 59) [RFC 4303 §2.6]. */
export const DROP_DUMMY = -16;
/** The frame check sequence is wrong. */
export const DROP_FCS = -17;
/** The frame is for another node, PAN or of a type not carried here. */
export const DROP_NOT_FOR_US = -18;
/** A frame already received (same source and sequence number). */
export const DROP_DUPLICATE = -19;
/** A queue is full. */
export const DROP_QUEUE = -20;
/** No acknowledgement after all retries. */
export const DROP_NO_ACK = -21;
/** The channel stayed busy through all back-offs. */
export const DROP_CHANNEL = -22;
/** 6LoWPAN: an unknown dispatch, mode or context. */
export const DROP_DISPATCH = -23;
/** 6LoWPAN: fragments overlap, exceed the datagram, or timed out. */
export const DROP_FRAGMENT = -24;
/** 6LoWPAN: no room for one more reassembly. */
export const DROP_REASSEMBLY = -25;
/** A header or protocol that this build lacks. */
export const DROP_UNSUPPORTED = -26;
/** A packet that does not take part in ECN was marked for congestion on its way [RFC 6040 §4.2]. */
export const DROP_ECN = -27;
/** The Subspace ID is not below the number of subspaces that was agreed [draft-ponchon-ipsecme-anti-replay-subspaces-03]. */
export const DROP_SUBSPACE = -28;
/** EESP: a Session ID above the largest that this side accepts [draft-ietf-ipsecme-eesp §2.9]. */
export const DROP_SESSION = -29;
/** EESP: the Crypt Offset option, which nobody allowed [draft-ietf-ipsecme-eesp-ikev2 §4]. */
export const DROP_CRYPT_OFFSET = -30;
/** EESP: a header option that is malformed, or that nobody agreed on. AH: a malformed option or route. */
export const DROP_OPTION = -31;
/** One more than the largest counter index. */
export const DROP_COUNT = 32;
