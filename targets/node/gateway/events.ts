// What the gateway tells those that listen.

/** Where an inner packet came from. */
export interface PacketInfo {
  /** Name of the SA. */
  sa: string;
  /** Outer address of the peer. */
  peer: string;
}

export interface GatewayEvents {
  /** A copy of an inner IP packet that no flow takes. */
  packet: [packet: Uint8Array, info: PacketInfo];
  /** A peer's link-layer address was learned, or has changed: outer address, radio. */
  peer: [address: string, radio: string];
  /** A peer does not acknowledge any more; it was heard again. */
  lost: [address: string];
  back: [address: string];
  /** An IKE SA is up: identity and name of the connection; it ended, with the reason. */
  up: [identity: string, name: string];
  down: [identity: string, reason: string];
}
