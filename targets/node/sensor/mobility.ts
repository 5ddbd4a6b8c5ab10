// A sensor on UDP that moves, with its IKE SA [RFC 4555], and that goes to another gateway where its own one says so [RFC 5685].
//
//   own address: where the system routes by another one, new sockets, and an update
//   gateway's address: a request goes unanswered, then its other addresses are tried in turn
//   other gateway: allowed ones alone, five in five minutes; back to the first where none of them answers

import { lookup } from 'node:dns/promises';
import type { UplinkConfig } from '../../../core/device/uplink.ts';
import { MODE_TUNNEL } from '../../../core/dietesp/attributes.ts';
import { same } from '../../../core/ike/codec/octets.ts';
import { leaveIke } from '../../../core/ike/exchange/requests.ts';
import { createMobile, isMobile, otherAddresses, updateAddresses } from '../../../core/ike/ext/mobike.ts';
import {
  createRedirectFollower,
  earlyRedirect,
  GATEWAY_FQDN,
  type GatewayName,
  redirectOf,
} from '../../../core/ike/ext/redirect.ts';
import { restart } from '../../../core/ike/setup/initiator.ts';
import type { Extension, Ike } from '../../../core/ike/state/ike.ts';
import { childPolicies, type IkePolicy } from '../../../core/ike/state/policy.ts';
import { type IkeSa, STATE_ESTABLISHED, STATE_HALF_OPEN } from '../../../core/ike/state/sa.ts';
import { STEP_INIT_REQUEST } from '../../../core/ike/state/step.ts';
import { addressOctets, addressText } from '../host/addresses.ts';
import type { UdpLink, UdpSockets } from './udp-link.ts';

/** Milliseconds between looks at the own address. */
const LOOK_EVERY = 2000;
/** How often a request goes out before another address is tried; rounds over all addresses. */
const STALLED = 3;
const ROUNDS = 2;
/** Most redirects in so many milliseconds [RFC 5685 §5]. */
const REDIRECTS_MAX = 5;
const REDIRECTS_TIME = 300000;

/** What a sensor may do. */
export interface MobilityOptions {
  mobike: boolean;
  /** Other addresses of the gateway. */
  others: Uint8Array[];
  /** Gateways to which it may be sent; null: it follows nobody. */
  redirect: GatewayName[] | null;
  /** Sockets at the own address that leads to `remote` now; null: it is the one that there is. */
  look: ((local: Uint8Array, remote: Uint8Array) => Promise<UdpSockets | null>) | null;
}

export interface MobilityConfig extends MobilityOptions {
  link: UdpLink;
  policy: IkePolicy;
  now(): number;
  wake(): void;
  current(): IkeSa | null;
  /** Connects anew, to where the link leads. */
  connect(): void;
  /** Hears what happens. */
  report(event: MobilityEvent): void;
}

/** What is told of moves: another own address or one of the gateway; a refused update; another gateway, or one not allowed. */
export interface MobilityEvent {
  event: 'moved' | 'move-refused' | 'redirected' | 'redirect-refused';
  local: string;
  remote: string;
}

export interface SensorMobility {
  /** An uplink's configuration with the extensions around its own. */
  extend(config: UplinkConfig): UplinkConfig;
  /** Gives it the endpoint. Call it first. */
  attach(ike: Ike): void;
  /** True: the message sends an attempt elsewhere, and is done. */
  takes(buffer: Uint8Array, offset: number, length: number): boolean;
  established(): void;
  /** True: the end of `sa` is the way to another gateway, and nobody need know. */
  ended(sa: IkeSa): boolean;
  replaced(sa: IkeSa): void;
  poll(now: number): void;
  nextTimeout(): number;
  counters(): Record<string, number>;
  close(): void;
}

export function createSensorMobility(config: MobilityConfig): SensorMobility {
  const { link, now, policy, redirect } = config;
  const home = link.plain.remote;
  const nominal = { local: link.plain.local, remote: link.plain.remote };
  const isTunnel = childPolicies(policy).every(({ mode }) => mode === MODE_TUNNEL);
  const counts = { moves: 0, movesRefused: 0, redirects: 0, redirectsRefused: 0 };
  let ike: Ike | null = null;
  let lookAt = -1;
  let isLooking = false;
  let isClosed = false;
  let tried = 0;
  // The gateway that sent this sensor away; empty: none.
  let from: Uint8Array = new Uint8Array(0);
  let isAway = false;
  let times: number[] = [];
  let next: { sa: IkeSa; gateway: GatewayName } | null = null;
  let isDue = false;

  const report = (event: MobilityEvent['event'], remote = addressText(link.plain.remote)): void =>
    config.report({ event, local: addressText(link.plain.local), remote });

  /** The IKE SA takes the paths that the link has now. */
  function update(): void {
    const sa = config.current();
    counts.moves++;
    report('moved');
    if (sa !== null && sa.state === STATE_ESTABLISHED) updateAddresses(ike!, sa, link.encapsulated, now());
    config.wake();
  }

  async function look(): Promise<void> {
    isLooking = true;
    try {
      const sockets = await config.look!(link.plain.local, link.plain.remote);
      if (sockets === null) return;
      if (isClosed) {
        sockets.ike.close();
        sockets.nat.close();
        return;
      }
      link.exchange(sockets);
      update();
    } catch {
      // Nothing leads there now.
    } finally {
      isLooking = false;
    }
  }

  /** Where the gateway may be, the addresses of the file first. */
  function places(sa: IkeSa): Uint8Array[] {
    const list = [...(isAway ? [link.plain.remote] : [home, ...config.others]), ...otherAddresses(sa)];
    const size = link.plain.remote.length;
    return list.filter((one, at) => one.length === size && list.findIndex((other) => same(other, one)) === at);
  }

  /** The request of `sa` is not answered here: false where there is no other place to try. */
  function tryOther(sa: IkeSa): boolean {
    const list = places(sa);
    if (list.length < 2 || tried >= ROUNDS * list.length) return false;
    tried++;
    const at = list.findIndex((one) => same(one, link.plain.remote));
    link.moveTo(list[(at + 1) % list.length]);
    update();
    return true;
  }

  function nameOf({ type, identity }: GatewayName): string {
    return type === GATEWAY_FQDN ? Buffer.from(identity).toString('latin1') : addressText(identity);
  }

  /** True where the sensor may be sent there now. */
  function isAllowed(gateway: GatewayName): boolean {
    const name = nameOf(gateway).toLowerCase();
    const time = now();
    times = times.filter((at) => time - at < REDIRECTS_TIME);
    const fits = isTunnel && (redirect ?? []).some((one) => one.type === gateway.type && nameOf(one) === name);
    if (fits && times.length < REDIRECTS_MAX) {
      times.push(time);
      return true;
    }
    counts.redirectsRefused++;
    report('redirect-refused', name);
    return false;
  }

  /** Its address, of this link's family; null: it has none. */
  async function addressOf({ type, identity }: GatewayName): Promise<Uint8Array | null> {
    const size = link.plain.remote.length;
    if (type !== GATEWAY_FQDN) return identity.length === size ? identity : null;
    const found = await lookup(nameOf({ type, identity }), { family: size === 4 ? 4 : 6 }).catch(() => null);
    return found === null ? null : (addressOctets(found.address) ?? null);
  }

  function goTo(address: Uint8Array | null): boolean {
    if (address === null || isClosed) {
      counts.redirectsRefused++;
      return false;
    }
    from = link.plain.remote;
    isAway = true;
    counts.redirects++;
    link.moveTo(address);
    report('redirected');
    return true;
  }

  async function again({ sa, gateway }: { sa: IkeSa; gateway: GatewayName }): Promise<void> {
    const address = await addressOf(gateway);
    if (sa.state >= STATE_HALF_OPEN || config.current() !== sa || !goTo(address)) return;
    restart(ike!, sa, now());
    config.wake();
  }

  async function after(gateway: GatewayName): Promise<void> {
    goTo(await addressOf(gateway));
    isDue = !isClosed;
    config.wake();
  }

  const mobile = createMobile({
    wants: () => config.mobike && isTunnel,
    accepts: () => false,
    others: () => [],
    moved: () => {},
    answered(sa, error) {
      if (error === 0) {
        tried = 0;
        return;
      }
      counts.movesRefused++;
      report('move-refused');
      if (!tryOther(sa)) isDue = true;
    },
  });
  const follower = createRedirectFollower({
    from: () => (redirect === null || !isTunnel ? null : from),
    redirected(endpoint, sa, gateway, time) {
      if (next !== null || !isAllowed(gateway)) return;
      next = { sa, gateway };
      leaveIke(endpoint, sa, time);
    },
  });
  const begin: Extension = {
    add: (_ike, sa, step) => {
      if (step === STEP_INIT_REQUEST) sa.path = link.plain;
    },
    read: () => 0,
  };

  return {
    extend: (base) => ({ ...base, extensions: [begin, ...base.extensions, mobile.extension, follower] }),
    attach(endpoint) {
      ike = endpoint;
      // SAs are found by the addresses of the beginning, whatever they are on the wire: that of ESP in UDP does not matter.
      const { install } = endpoint.upper;
      endpoint.upper.install = (sa, child, outgoing, incoming, first, time) => {
        const { local, remote } = nominal;
        const ends = [
          [outgoing.attributes, local, remote],
          [incoming.attributes, remote, local],
        ] as const;
        for (const [attributes, source, destination] of ends) {
          if (attributes.ipsecMode === MODE_TUNNEL)
            Object.assign(attributes, { tunnelSrc: source, tunnelDst: destination });
        }
        return install(sa, child, outgoing, incoming, first, time);
      };
    },
    takes(buffer, offset, length) {
      const early = redirect === null ? null : earlyRedirect(ike!, buffer, offset, length);
      if (early === null || !isAllowed(early.gateway)) return false;
      void again(early);
      return true;
    },
    established() {
      from = new Uint8Array(0);
      tried = 0;
    },
    ended(sa) {
      const told = redirect === null ? null : redirectOf(sa);
      if (next !== null && next.sa === sa) {
        const { gateway } = next;
        next = null;
        void after(gateway);
        return true;
      }
      if (told !== null && isAllowed(told)) {
        void after(told);
        return true;
      }
      if (config.current() === null && isAway) {
        // Not there either, or no more: the next attempt goes to the first gateway.
        isAway = false;
        from = new Uint8Array(0);
        link.moveTo(home);
      }
      return false;
    },
    replaced(sa) {
      if (next !== null && next.sa !== sa && next.sa.successor === sa) next.sa = sa;
      mobile.replaced(ike!, sa, now());
    },
    poll(time) {
      if (isDue) {
        isDue = false;
        config.connect();
      }
      if (!config.mobike) return;
      if (config.look !== null && !isLooking && time >= lookAt) {
        lookAt = time + LOOK_EVERY;
        void look();
      }
      const sa = config.current();
      if (sa === null || sa.state !== STATE_ESTABLISHED || !isMobile(sa)) return;
      const isStalled = sa.tries > STALLED || (sa.tries === STALLED && time >= sa.deadline);
      if (sa.request.length > 0 && isStalled) tryOther(sa);
    },
    nextTimeout: () => (isDue ? now() : config.mobike && config.look !== null ? lookAt : -1),
    counters: () => ({ ...counts }),
    close() {
      isClosed = true;
    },
  };
}
