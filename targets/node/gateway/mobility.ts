// Peers of the gateway that move, by MOBIKE [RFC 4555], or are sent to another gateway [RFC 5685]: both for peers at UDP sockets.

import { MODE_TUNNEL } from '../../../core/dietesp/attributes.ts';
import { createMobile, followMobile, isMobile, type Mobile } from '../../../core/ike/ext/mobike.ts';
import { type GatewayName, redirectAnswer, redirectIke, redirector } from '../../../core/ike/ext/redirect.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import type { Extension, Ike } from '../../../core/ike/state/ike.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { childPolicies } from '../../../core/ike/state/policy.ts';
import { espPathOf, type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { endpointText } from '../host/datagram.ts';
import { isStream } from './streams.ts';
import type { UdpPort } from './udp.ts';

/** Where a gateway sends its peers. */
export interface RedirectConfig {
  /** The other gateway. */
  to: GatewayName;
  /** Whether new peers always go there, or while this gateway is being drained. */
  when: 'draining' | 'always';
}

export interface MobilityConfig {
  /** MOBIKE is agreed on with peers that offer it. */
  mobike: boolean;
  /** Packets of its peers may come at other gateways. */
  isShared: boolean;
  redirect: RedirectConfig | null;
  udp: UdpPort[];
  /** Paths with a port from here on are sockets. */
  radios: number;
  /** The peer of `sa` is elsewhere, at a proved place. */
  moved(sa: IkeSa, line: () => string): void;
}

export interface Mobility {
  /** For the endpoint of peers at sockets. */
  extensions: Extension[];
  follow: typeof followMobile;
  /** ESP of `sa`, the newest, came over `path`: true where the SA may follow it at once. */
  saw(ike: Ike, sa: IkeSa, path: Path, now: number): boolean;
  /** Before IKE's own work. */
  poll(now: number): void;
  replaced(ike: Ike, sa: IkeSa, now: number): void;
  /** A Child SA came or went. */
  installed(child: ChildSa, path: Path): void;
  removed(child: ChildSa): void;
  /** The own address by which the SA is found whose packet has this SPI and came to `local`: that of its beginning. */
  localOf(spi: number, local: Uint8Array): Uint8Array;
  /** True where an SA that may move has this SPI. */
  hasSpi(spi: number): boolean;
  /** The answer to a first request that is to go to another gateway; empty: it is served. */
  sendAway(ike: Ike, path: Path, buffer: Uint8Array, offset: number, length: number): Uint8Array;
  /** Begins, or ends, to drain the gateway: peers that follow are told where to go. The number of those told. */
  drain(isOn: boolean, sas: readonly IkeSa[], ikeOf: (path: Path) => Ike, now: number): number;
  isDraining(): boolean;
}

export function createMobility(config: MobilityConfig): Mobility {
  const { radios, redirect, udp } = config;
  // Inbound SAs are found by the own address to which they were made, also when the peer sends to another one since.
  const locals = new Map<number, Uint8Array>();
  let isDraining = false;
  const isUdp = (path: Path): boolean => path.port >= radios && !isStream(path) && path.encapsulated;

  const mobile: Mobile = createMobile({
    wants: (sa) =>
      config.mobike && isUdp(sa.path) && childPolicies(sa.policy).every(({ mode }) => mode === MODE_TUNNEL),
    accepts: (_sa, path) => isUdp(path),
    others: ({ path }) =>
      udp.filter(({ isOpen, local }) => isOpen && Buffer.compare(local, path.local) !== 0).map(({ local }) => local),
    moved(sa, old) {
      const places = [old, espPathOf(sa)].map(({ remote, remotePort }) => endpointText(remote, remotePort));
      config.moved(sa, () => `${places[0]} is at ${places[1]} now`);
    },
    answered: () => {},
  });

  return {
    extensions: [...(config.mobike ? [mobile.extension] : []), ...(redirect === null ? [] : [redirector])],
    follow: followMobile,
    saw: (ike, sa, path, now) => !isMobile(sa) || mobile.saw(ike, sa, path, now),
    poll: mobile.poll,
    replaced: mobile.replaced,
    installed(child, path) {
      if ((config.mobike || config.isShared) && isUdp(path)) locals.set(child.spiIn, path.local);
    },
    removed: (child) => void locals.delete(child.spiIn),
    localOf: (spi, local) => (locals.size === 0 ? local : (locals.get(spi) ?? local)),
    hasSpi: (spi) => locals.has(spi),
    sendAway(ike, path, buffer, offset, length) {
      if (redirect === null || !(isDraining || redirect.when === 'always')) return new Uint8Array(0);
      if (path.port < radios) return new Uint8Array(0);
      return redirectAnswer(ike, buffer, offset, length, redirect.to);
    },
    drain(isOn, sas, ikeOf, now) {
      if (redirect === null) return 0;
      isDraining = isOn;
      if (!isOn) return 0;
      const up = sas.filter(({ state }) => state === STATE_ESTABLISHED);
      return up.filter((sa) => redirectIke(ikeOf(sa.path), sa, redirect.to, now)).length;
    },
    isDraining: () => isDraining,
  };
}
