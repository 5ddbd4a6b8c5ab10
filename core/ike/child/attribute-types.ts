// Attributes of HCP_PROPOSAL [draft-ietf-ipsecme-ikev2-diet-esp-extension-04].

/** Attribute types. The draft has none for esp_trailer; 6 is ours. */
export const DSCP = 0;
export const ECN = 1;
export const FLOW = 2;
export const ALIGNMENT = 3;
export const SPI_LSB = 4;
export const SN_LSB = 5;
export const TRAILER = 6;
export const ATTRIBUTES = 7;

/** Most proposals in a notify. More are refused, because a peer could keep the responder busy with them. */
export const MAX_PROPOSALS = 16;
export const MAX_ATTRIBUTES = 64;
