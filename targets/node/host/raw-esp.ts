// ESP over IP protocol 50.

/** Sockets for ESP in IP itself. */
export interface RawPorts {
  /** Sends an ESP packet without an IP header. False: the system does not take it. */
  send(octets: Uint8Array, local: Uint8Array, remote: Uint8Array): boolean;
  close(): Promise<void>;
}
