// The path of messages.

import { equal } from '../../base/spans.ts';

/** The path of messages: where they go and come from. Addresses are 4 or 16 octets. */
export interface Path {
  /** Own address. */
  local: Uint8Array;
  /** Own UDP port. */
  localPort: number;
  /** The peer's address. */
  remote: Uint8Array;
  /** The peer's UDP port. */
  remotePort: number;
  /** ESP goes in UDP, and IKE behind the non-ESP marker [RFC 3948]. */
  encapsulated: boolean;
  /** The host's own: which socket, which radio. */
  port: number;
  /** Link-layer address of a peer on a radio, else empty. */
  link: Uint8Array;
}

/** True when both lead to the same place. */
export function samePath(a: Path, b: Path): boolean {
  return (
    a.remotePort === b.remotePort &&
    a.localPort === b.localPort &&
    a.port === b.port &&
    a.remote.length === b.remote.length &&
    equal(a.remote, 0, b.remote, 0, a.remote.length) &&
    a.local.length === b.local.length &&
    equal(a.local, 0, b.local, 0, a.local.length)
  );
}
