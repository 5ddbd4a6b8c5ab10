// The gateway's SAs. Inbound ones are in the endpoint's look-up. Outbound ones are found by the inner packet's destination,
// so that the choice costs the same for one peer and for thousands.

import { refuse } from '../../../core/base/refuse.ts';
import { type Attributes, MODE_TUNNEL } from '../../../core/dietesp/attributes.ts';
import { addAnyInbound, createAnySa, destroyAnySa, removeAnyInbound } from '../../../core/eesp/any.ts';
import { createEespEndpoint, type EespEndpoint } from '../../../core/eesp/endpoint.ts';
import type { Endpoint } from '../../../core/esp/endpoint.ts';
import { type Lane, laneFor } from '../../../core/esp/lanes.ts';
import type { Sa } from '../../../core/esp/sa.ts';
import type { Selector } from '../../../core/ike/codec/selectors.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { IPV4_DST, IPV4_SIZE } from '../../../core/wire/ipv4.ts';
import { IPV6_DST, IPV6_SIZE } from '../../../core/wire/ipv6.ts';
import { octetsKey } from '../host/datagram.ts';
import { errorText } from '../host/errors.ts';
import { layLane, rankOf } from '../host/lanes.ts';
import { createOctetMap } from '../host/octet-map.ts';
import { limitSa, peersOf } from '../host/selectors.ts';
import { createSorted } from '../host/sorted.ts';
import type { Kept } from '../host/state/reserve.ts';
import type { Direction, GatewaySa } from './config.ts';
import { createSpans, type Span, spanOf } from './spans.ts';

export interface Association extends Lane {
  /** Grows with each: their order in lists, and the name of one there. */
  serial: number;
  name: string;
  direction: Direction;
  /** Outer address of the peer that an outbound SA sends to; empty: that of the packet. */
  remote: Uint8Array;
  /** Who negotiated it; null: configured. */
  owner: Owner | null;
  /** Its sequence numbers in the store; null: they are kept nowhere. */
  kept: Kept | null;
  /** Inner packets of a configured SA, by the side that they are of; null: those of the owner's Child SA. */
  inner: { local: Selector; remote: Selector } | null;
}

/** A Child SA and the IKE SA that it belongs to, which a rekey changes. */
export interface Owner {
  ike: IkeSa;
  child: ChildSa;
  /** When a rekey was asked for last; -1: not yet. */
  askedAt: number;
}

export interface Associations {
  /** The EESP side of the endpoint. */
  eesp: EespEndpoint;
  /** Adds an SA after the existing ones, or before them. Throws like createSa and addInbound. */
  add(entry: GatewaySa, direction: Direction, atFront: boolean, owner?: Owner): Association;
  /** Packets take this one no more; it stays. */
  retire(association: Association): void;
  /** Ends one SA. */
  end(association: Association): void;
  /** Ends the SAs of a name; false when there is none. */
  remove(name: string): boolean;
  of(sa: Sa): Association | undefined;
  /**
   * Looks at the SAs that a peer's inner address of this range may take, until `look` says true, and tells whether it did:
   * outbound ones, and inbound ones of the configuration.
   */
  some(start: Uint8Array, end: Uint8Array, look: (association: Association) => boolean): boolean;
  /** The outbound SA for packet[0..length) at `now`, or undefined. */
  choose(packet: Uint8Array, length: number, now: number): Association | undefined;
  nameOf(sa: Sa): string;
  /** The outbound SAs to one inner address, in their order. */
  to(address: Uint8Array): readonly Association[];
  /** Called where these have changed. */
  onChange: ((address: Uint8Array) => void) | null;
  /** The oldest first. */
  all(): Iterable<Association>;
  /** Those behind this number; undefined: all. The oldest first. Nothing may change meanwhile. */
  after(serial: number | undefined): Iterable<Association>;
  count(): number;
  /** Ends all, for good: nothing more comes in or goes out. */
  clear(): void;
}

interface Listed extends Association {
  /** Where outgoing packets find it: its key in `exact`, WIDE, or NOT_LISTED. */
  key: string;
  /** The peer's inner addresses. */
  span: Span<Association> | null;
  /** Its place among those with the same key. */
  rank: number;
}

/** Puts an entry into its order, before or behind those of its rank. */
function ordered(there: readonly Listed[], one: Listed, atFront: boolean): Listed[] {
  const at = there.findIndex(({ rank }) => (atFront ? rank >= one.rank : rank > one.rank));
  const place = at < 0 ? there.length : at;
  return [...there.slice(0, place), one, ...there.slice(place)];
}

const NOT_LISTED = '';
const WIDE = '*';
const NO_SAS: readonly Listed[] = [];

const NOWHERE = new Uint8Array(0);
const NOBODYS = { start: NOWHERE, end: NOWHERE };

/** The inner packets of an SA, by the side that they are of. */
export function innerOf(a: Attributes, direction: Direction): { local: Selector; remote: Selector } {
  const protocol = a.tsProto;
  const source: Selector = {
    protocol,
    startPort: a.tsPortSrcStart,
    endPort: a.tsPortSrcEnd,
    start: a.tsIpSrcStart,
    end: a.tsIpSrcEnd,
  };
  const destination: Selector = {
    protocol,
    startPort: a.tsPortDstStart,
    endPort: a.tsPortDstEnd,
    start: a.tsIpDstStart,
    end: a.tsIpDstEnd,
  };
  return direction === 'out' ? { local: source, remote: destination } : { local: destination, remote: source };
}

/** A copy where the caller may change what is in the configuration. */
function remoteOf(entry: GatewaySa, isCopied: boolean): Uint8Array {
  const { ipsecMode, tunnelDst, tsIpDstStart, tsIpDstEnd } = entry.config.attributes;
  const isRange = ipsecMode !== MODE_TUNNEL && Buffer.compare(tsIpDstStart, tsIpDstEnd) !== 0;
  const remote = ipsecMode === MODE_TUNNEL ? tunnelDst : isRange ? NOWHERE : tsIpDstStart;
  return isCopied ? remote.slice() : remote;
}

/** Adds the SAs of a configuration; `keep` is told what is wrong with one and why, which is left out or ends the adding. */
export function addConfigured(
  sas: Associations,
  entries: readonly GatewaySa[],
  directions: readonly Direction[],
  keep: (error: Error, cause: unknown) => void,
): void {
  entries.forEach((entry, index) => {
    try {
      sas.add(entry, directions[index], false);
    } catch (error) {
      keep(entry.locate?.(error) ?? new Error(`sas[${index}].${errorText(error)}`), error);
    }
  });
}

export function createAssociations(endpoint: Endpoint): Associations {
  const entries = new Map<Sa, Listed>();
  const bySerial = createSorted<number, Listed>(({ serial }) => serial);
  // By inner destination where that is one address, and all others. The lists of one address are made anew when they change:
  // one that grows has room for many more, and most have one SA.
  const exact = createOctetMap<readonly Listed[]>();
  let wide: Listed[] = [];
  const spans = createSpans<Association>();
  const spis = new Set<string>();
  const eesp = createEespEndpoint(endpoint);
  let isCleared = false;
  let serial = 0;

  function list(entry: GatewaySa, listed: Listed, atFront: boolean): string {
    const { tsIpDstStart, tsIpDstEnd } = entry.config.attributes;
    if (Buffer.compare(tsIpDstStart, tsIpDstEnd) !== 0) {
      wide = ordered(wide, listed, atFront);
      return WIDE;
    }
    const key = octetsKey(tsIpDstStart);
    const there = exact.get(tsIpDstStart, 0, tsIpDstStart.length) ?? NO_SAS;
    exact.set(key, ordered(there, listed, atFront));
    sas.onChange?.(tsIpDstStart);
    return key;
  }

  /** SPI and peer of an outbound SA, '' where every packet may have another peer. */
  function spiKey(spi: number, remote: Uint8Array): string {
    return remote.length === 0 ? '' : `${spi} ${octetsKey(remote)}`;
  }

  function unlist(listed: Listed): void {
    const { sa, direction, remote, owner, key } = listed;
    if (listed.span !== null) spans.remove(listed.span);
    listed.span = null;
    // Those of an owner are told apart by their path; the peer chose the SPI.
    if (direction === 'out' && owner === null) spis.delete(spiKey(sa.spi, remote));
    listed.key = NOT_LISTED;
    if (key === WIDE) wide = wide.filter((one) => one !== listed);
    else if (key !== NOT_LISTED) {
      const address = Buffer.from(key, 'latin1');
      const there = exact.get(address, 0, key.length)!;
      const at = there.indexOf(listed);
      const left = there.slice(0, at).concat(there.slice(at + 1));
      if (left.length > 0) exact.set(key, left);
      else exact.delete(key);
      sas.onChange?.(address);
    }
  }

  function end(association: Association): void {
    const { sa, direction } = association;
    const listed = entries.get(sa);
    if (listed === undefined) return;
    unlist(listed);
    entries.delete(sa);
    bySerial.remove(listed.serial);
    if (direction === 'in') removeAnyInbound(eesp, sa);
    destroyAnySa(eesp, sa);
  }

  const sas: Associations = {
    eesp,
    add(entry, direction, atFront, owner) {
      // An IKE SA may come up while a listener closes the gateway.
      if (isCleared) throw new Error('the gateway is closed');
      const remote = direction === 'out' ? remoteOf(entry, owner === undefined) : NOWHERE;
      const spi = entry.config.attributes.espSpi;
      const key = direction === 'out' && owner === undefined ? spiKey(spi, remote) : '';
      // The peer could not tell them apart, and the same SA twice would use its nonces twice.
      if (spis.has(key)) refuse('esp_spi', spi, 'an SA to this peer has it already');
      const sa = createAnySa(eesp, entry.config);
      if (owner !== undefined) limitSa(sa, owner.child, direction);
      if (key !== '') spis.add(key);
      if (direction === 'in') {
        try {
          addAnyInbound(eesp, sa);
        } catch (error) {
          destroyAnySa(eesp, sa);
          throw error;
        }
      }
      const inner = owner === undefined ? innerOf(entry.config.attributes, direction) : null;
      const listed: Listed = {
        // All in one literal: what is spread, or comes later, takes room of its own.
        sa,
        low: 0,
        high: 0,
        values: 0,
        strict: false,
        resource: 0,
        serial: ++serial,
        name: entry.name,
        direction,
        remote,
        owner: owner ?? null,
        kept: null,
        inner,
        key: NOT_LISTED,
        span: null,
        rank: rankOf(owner?.child),
      };
      if (owner !== undefined) layLane(listed, owner.child);
      if (direction === 'out') listed.key = list(entry, listed, atFront);
      const peers = direction === 'out' && owner !== undefined ? peersOf(owner.child) : undefined;
      const { start, end } = inner?.remote ?? peers ?? NOBODYS;
      if (start.length > 0) {
        listed.span = spanOf<Association>(start, end, listed);
        spans.add(listed.span);
      }
      entries.set(sa, listed);
      bySerial.add(listed);
      return listed;
    },
    retire(association) {
      const listed = entries.get(association.sa);
      if (listed !== undefined) unlist(listed);
    },
    end,
    remove(name) {
      const ending = [...entries.values()].filter((entry) => entry.name === name && entry.owner === null);
      for (const entry of ending) end(entry);
      return ending.length > 0;
    },
    of: (sa) => entries.get(sa),
    some: spans.some,
    choose(packet, length, now) {
      const six = length > 0 && packet[0] >>> 4 === 6;
      if (length < (six ? IPV6_SIZE : IPV4_SIZE)) return undefined;
      const list = exact.get(packet, six ? IPV6_DST : IPV4_DST, six ? 16 : 4);
      const lane =
        (list === undefined ? null : laneFor(list, packet, 0, length, now)) ?? laneFor(wide, packet, 0, length, now);
      // What is listed are associations.
      return lane === null ? undefined : (lane as Listed);
    },
    nameOf: (sa) => entries.get(sa)?.name ?? '',
    to: (address) => exact.get(address, 0, address.length) ?? NO_SAS,
    onChange: null,
    all: () => entries.values(),
    after: bySerial.after,
    count: () => entries.size,
    clear() {
      isCleared = true;
      // The endpoint ends as well: its look-up is not taken apart, which for thousands of SAs would take seconds.
      for (const { sa } of entries.values()) destroyAnySa(eesp, sa);
      entries.clear();
      bySerial.clear();
      exact.clear();
      spis.clear();
      wide = [];
    },
  };
  return sas;
}
