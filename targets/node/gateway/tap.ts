// Packets as they pass, for those who watch: copies in clear and on the wire, of a few packets a second. While nobody watches, a
// packet costs the look at `isOpen`. A capture gets them all.

import type { Attributes } from '../../../core/dietesp/attributes.ts';
import { type EespSa, isEesp } from '../../../core/eesp/sa.ts';
import type { Sa } from '../../../core/esp/sa.ts';
import { attributesOf } from '../../../core/ike/child/install.ts';
import type { Xray } from '../../web/xray/model.ts';
import type { InnerSink } from '../host/capture/settings.ts';
import { identityText } from '../host/config/ike-names.ts';
import { errorText } from '../host/errors.ts';
import { otherXray } from '../host/explain/other-formats.ts';
import { unexplained, xrayOf } from '../host/explain/xray.ts';
import type { Association } from './associations.ts';
import type { GatewaySa } from './config.ts';

/** A packet that passed, or was dropped. */
export interface WatchedPacket {
  /** Milliseconds since 1970. */
  time: number;
  /** `in`: from a peer. */
  direction: 'in' | 'out';
  /** The peer's identity; '': not known, or the SA is keyed by hand. */
  peer: string;
  /** Name of the SA, or ''. */
  sa: string;
  /** The IP packet in clear; empty: it was dropped before. */
  clear: Uint8Array;
  /** The outer IP packet; over UDP and TCP with an outer header as ESP would have it on IP. */
  wire: Uint8Array;
  /** Why it was dropped, or ''. */
  drop: string;
  /** What its octets are. */
  xray(): Xray;
}

/** Packets a second that are copied, and octets of the largest one. */
const PER_SECOND = 25;
const PACKET_MAX = 2048;
const SECOND = 1000;
const NOWHERE = new Uint8Array(0);

export interface Tap {
  /** Somebody watches, or there is a capture. */
  isOpen: boolean;
  /** Called where that has changed. */
  onChange: (() => void) | null;
  /** A copy of an outer packet that came, before it is decrypted in its place; null: nobody watches, or enough were seen in this second. */
  copy(packet: Uint8Array, offset: number, length: number): Uint8Array | null;
  /** What became of it: the inner packet clear[0..size), or why it was dropped. `wire`: what `copy` gave. `sa`: null: nobody's. */
  came(wire: Uint8Array | null, sa: Sa | null, clear: Uint8Array, size: number, drop: string, isOnAir: boolean): void;
  /** The inner packet clear[0..length) went out as wire[0..size). */
  went(
    association: Association,
    clear: Uint8Array,
    length: number,
    wire: Uint8Array,
    size: number,
    isOnAir: boolean,
  ): void;
  /** Calls `take` with packets, and `missed` with how many of a second were not copied. Returns what ends that. */
  watch(take: (packet: WatchedPacket) => void, missed: (count: number) => void): () => void;
}

interface Watcher {
  take(packet: WatchedPacket): void;
  missed(count: number): void;
}

/**
 * `of`: the association of an SA; `configured`: SAs of the configuration; `now`: milliseconds of any clock; `inner`: takes all inner
 * packets.
 */
export function createTap(
  of: (sa: Sa) => Association | undefined,
  configured: readonly GatewaySa[],
  now: () => number,
  inner: InnerSink | null = null,
): Tap {
  const watchers = new Set<Watcher>();
  let second = 0;
  let taken = 0;
  let missed = 0;

  function mayTake(length: number): boolean {
    const time = now();
    if (time - second >= SECOND) {
      if (missed > 0) for (const watcher of watchers) watcher.missed(missed);
      second = time;
      taken = 0;
      missed = 0;
    }
    if (taken < PER_SECOND && length <= PACKET_MAX) {
      taken++;
      return true;
    }
    missed++;
    return false;
  }

  function attributes({ sa, owner, direction, name }: Association): Attributes | undefined {
    if (owner !== null) return attributesOf(owner.child, direction === 'out', NOWHERE, NOWHERE);
    return configured.find((one) => one.name === name && one.config.attributes.espSpi === sa.spi)?.config.attributes;
  }

  /** Explains a packet with what is known of its SA now: later it may be gone. */
  function explainer(association: Association, isOnAir: boolean): (clear: Uint8Array, wire: Uint8Array) => Xray {
    const { sa, name } = association;
    const { suite } = sa.form;
    const known = attributes(association);
    const not = (why: string) => (clear: Uint8Array, wire: Uint8Array) =>
      unexplained(name, suite.name, why, clear, wire);
    if (isEesp(sa) || sa.subspaces !== undefined) {
      const isTunnel = sa.form.shape.tunnel;
      const eesp = isEesp(sa) ? { hasSn: (sa as EespSa).hasSn } : null;
      return (clear, wire) => {
        try {
          return otherXray({ name, suite, isTunnel, eesp }, clear, wire);
        } catch (error) {
          return not(errorText(error))(clear, wire);
        }
      };
    }
    if (known === undefined) return not('its SA is not in the configuration');
    const hasCoap = sa.coap !== undefined;
    return (clear, wire) => {
      try {
        return xrayOf({ name, attributes: known, suite, hasCoap }, clear, wire, isOnAir);
      } catch (error) {
        return not(errorText(error))(clear, wire);
      }
    };
  }

  function tell(
    direction: WatchedPacket['direction'],
    association: Association | undefined,
    clear: Uint8Array,
    wire: Uint8Array,
    drop: string,
    isOnAir: boolean,
  ): void {
    const ike = association?.owner?.ike;
    const explain = association === undefined || drop !== '' ? null : explainer(association, isOnAir);
    const name = association?.name ?? '';
    const packet: WatchedPacket = {
      time: Date.now(),
      direction,
      peer: ike === undefined ? '' : identityText(ike.peerIdType, ike.peerId),
      sa: name,
      clear,
      wire,
      drop,
      xray: () =>
        explain?.(clear, wire) ??
        unexplained(name, '', drop === '' ? 'nobody has its SA' : `dropped: ${drop}`, clear, wire),
    };
    for (const watcher of watchers) watcher.take(packet);
  }

  const tap: Tap = {
    isOpen: inner !== null,
    onChange: null,
    copy: (packet, offset, length) =>
      watchers.size > 0 && mayTake(length) ? packet.slice(offset, offset + length) : null,
    came(wire, sa, clear, size, drop, isOnAir) {
      if (inner !== null && size > 0) inner('in', clear, size);
      if (wire === null) return;
      tell('in', sa === null ? undefined : of(sa), clear.slice(0, size), wire, drop, isOnAir);
    },
    went(association, clear, length, wire, size, isOnAir) {
      inner?.('out', clear, length);
      if (watchers.size > 0 && mayTake(size))
        tell('out', association, clear.slice(0, length), wire.slice(0, size), '', isOnAir);
    },
    watch(take, missedSome) {
      const watcher = { take, missed: missedSome };
      watchers.add(watcher);
      tap.isOpen = true;
      tap.onChange?.();
      return () => {
        watchers.delete(watcher);
        tap.isOpen = watchers.size > 0 || inner !== null;
        tap.onChange?.();
      };
    },
  };
  return tap;
}
