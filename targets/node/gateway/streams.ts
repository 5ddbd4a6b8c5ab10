// IKE SAs on TCP at the gateway: which connection an SA sends on, what may not go back to UDP, and where its ESP is
// [RFC 9329, draft-ietf-ipsecme-ikev2-reliable-transport].

import {
  createSeparateTransports,
  isSeparate,
  moveEsp,
  resendOver,
  type SeparateTransports,
} from '../../../core/ike/ext/separate-transports.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import type { Ike } from '../../../core/ike/state/ike.ts';
import { type Path, samePath } from '../../../core/ike/state/path.ts';
import { childPathOf, type IkeSa, movePath, STATE_ENDED } from '../../../core/ike/state/sa.ts';
import { isStray } from '../host/stray.ts';
import { streamedPolicy } from '../host/stream-policy.ts';
import { TCP_PORTS, type TcpPorts } from './tcp.ts';
import type { UdpPort } from './udp.ts';

/** The peer's port of ESP in UDP, before its first packet says another. */
const NAT_PORT = 4500;

export const isStream = (path: Pick<Path, 'port'>): boolean => path.port >= TCP_PORTS;

/** What the gateway's IKE has of TCP. */
export interface Streams {
  /** For the endpoint of peers on sockets. */
  transports: SeparateTransports;
  /**
   * True for a message over UDP of an IKE SA that is on TCP: it must not go back [draft-ietf-ipsecme-ikev2-reliable-transport];
   * and for one over TCP of an IKE SA that is on UDP.
   */
  isStray(ike: Ike, path: Path, buffer: Uint8Array, offset: number, length: number): boolean;
  /** An authenticated message of an established SA came over `path`. */
  proved(ike: Ike, sa: IkeSa, path: Path, now: number): void;
  /** `sa` takes the place of `old`: so far its peer proved itself where that of `old` did, or where the message says that did it. */
  replaced(ike: Ike, old: IkeSa, sa: IkeSa): void;
  /** An IKE SA ended, or another took its place. */
  ended(sa: IkeSa): void;
}

/** The same place, by the same carrier. */
export function isHere(a: Path, b: Path): boolean {
  return a.encapsulated === b.encapsulated && samePath(a, b);
}

/**
 * The newest packet of `child` came over `path`: true when those to the peer go there from now on. ESP leaves TCP, and comes
 * back, where both sides have separate transports; it comes to TCP only with its IKE. There this side also follows a peer when it
 * is itself behind a NAT: nothing else tells the port of ESP. `hasIp`: this side takes IP protocol 50.
 */
export function followEsp(sa: IkeSa, child: ChildSa, path: Path, hasIp: boolean): boolean {
  const old = childPathOf(sa, child);
  if (isStream(path)) {
    if (!isStream(sa.path)) return false;
    sa.path = path;
    moveEsp(sa, null);
    return true;
  }
  if (!isSeparate(sa)) {
    if (isStream(old)) return false;
    if (old.encapsulated === path.encapsulated) return movePath(sa, child, path);
  }
  if (!path.encapsulated && !hasIp) return false;
  moveEsp(sa, path);
  return true;
}

/** `radios`: paths with a port from here on are sockets. */
export function createStreams(tcp: TcpPorts, udp: UdpPort[], radios: number): Streams {
  const last = new WeakMap<IkeSa, Path>();
  const udpAt = (local: Uint8Array): number => udp.findIndex((one) => Buffer.compare(one.local, local) === 0);

  return {
    transports: createSeparateTransports({
      isStream,
      streamed: streamedPolicy,
      begins: () => null,
      open: (sa) => sa.path,
      accepts: ({ path }) => (isStream(path) ? udpAt(path.local) >= 0 : tcp.listensAt(path.local) && path.encapsulated),
      espPath({ path: { local, remote, link } }) {
        const index = udpAt(local);
        const localPort = udp[index].natPort;
        return { local, localPort, remote, remotePort: NAT_PORT, encapsulated: true, port: radios + index, link };
      },
    }),
    isStray: (ike, path, buffer, offset, length) => isStray(ike, isStream, path, buffer, offset, length),
    proved(ike, sa, path, now) {
      if (!isStream(path)) return;
      tcp.prove(path, sa);
      const before = last.get(sa);
      last.set(sa, path);
      if (before === path) return;
      // What is asked here and was not answered there is asked again here [RFC 9329 §6.3].
      if (before !== undefined) resendOver(ike, sa, path, now);
      else sa.path = path;
      // So is the Delete of those that rekeys replaced: their peer may not know of it, and asks nothing in them.
      for (let one = sa.former; one !== null && one !== sa; one = one.former) {
        if (one.state === STATE_ENDED || one.request.length === 0) continue;
        last.set(one, path);
        resendOver(ike, one, path, now);
      }
    },
    replaced(ike, old, sa) {
      const here = ike.replyTo;
      const isNew = here !== null && isStream(here);
      const path = isNew ? here : last.get(old);
      if (path === undefined) return;
      for (const one of [old, sa]) {
        last.set(one, path);
        if (isNew) one.path = path;
      }
    },
    ended: (sa) => tcp.release(sa),
  };
}
