// MTU detection of a host with IKE: what it knows of the path to each peer, and what it told the peer of fragments
// [draft-liu-ipsecme-ikev2-mtu-dect]. Gateway and sensor have the same; the caller moves the packets.

import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { maxInner, UDP_ENCAPSULATION } from '../../../../core/esp/packet-size.ts';
import {
  createPathMtu,
  type PathMtu,
  reassembledMax,
  resetPathMtu,
  TOLD_ABOVE,
  TOLD_FAMILY,
  TOLD_TAKEN,
  takeLmap,
  takePtb,
  unfragmentedMax,
} from '../../../../core/esp/path-mtu.ts';
import type { Sa } from '../../../../core/esp/sa.ts';
import type { MtuNumbers } from '../../../../core/ike/codec/private-numbers.ts';
import {
  createMtu,
  createTelling,
  hasMtu,
  type Telling,
  tellLmap,
  tellPtb,
  tellsLmap,
  tellsPtb,
} from '../../../../core/ike/ext/mtu.ts';
import type { Note } from '../../../../core/ike/state/child.ts';
import type { Extension, Ike } from '../../../../core/ike/state/ike.ts';
import { type Path, samePath } from '../../../../core/ike/state/path.ts';
import type { IkeSa } from '../../../../core/ike/state/sa.ts';
import { addressText } from '../addresses.ts';
import type { Bounded } from '../bounded.ts';
import { outerSize } from '../udp.ts';
import type { FirstFragment } from './fragments.ts';
import type { MtuCounters, PathView } from './metrics.ts';

/** `mtu` of a configuration file, with its defaults. Times in milliseconds, sizes in octets. */
export interface MtuSettings {
  /** Inner packets follow what the peer tells; false: it is heard, and shown. */
  adapt: boolean;
  /** The peer is told of fragments. */
  detect: boolean;
  /** LMTU; 0: the MTU of the interface. */
  link: number;
  /** EMTU_R. */
  reassembled: number;
  /** DF of IPv4 around ESP: clear, or as the system does. */
  df: 'clear' | 'system';
  /** The MSS of TCP is lowered. */
  mss: boolean;
  /** LMAP for fragments of IPv6 as well, which only the peer itself can have made. */
  six: boolean;
  /** Events before the peer is told. */
  threshold: number;
  /** Between two notifies. */
  every: number;
  /** Until the same is told again. */
  again: number;
  /** Until what the peer told is forgotten. */
  age: number;
  /** Floor of LMAP over IPv4. */
  floor4: number;
  /** Floor of LMAP over IPv6. */
  floor6: number;
}

/** Sizes of inner packets, octets. */
export interface InnerLimits {
  /** TMAP: larger ones come to the peer in fragments; 0: nothing is known. */
  tmap: number;
  /** TMTU: larger ones do not come to it; 0: nothing is known. */
  tmtu: number;
}

export interface MtuPaths {
  settings: MtuSettings;
  counters: MtuCounters;
  /** For the endpoints. */
  extension: Extension;
  /** What inner packets under `esp` may have on `path` to the peer of `sa`; null: not agreed on. Valid until the next call. */
  limits(sa: IkeSa, path: Path, esp: Pick<Sa, 'form' | 'coap'>, now: number): InnerLimits | null;
  /** An outer packet of `size` octets, with IP header and UDP, went out on that path. */
  sent(sa: IkeSa, path: Path, size: number): void;
  /** A packet of the peer was verified; `outer`: its octets with IP header. False: it is above EMTU_R, and to be dropped. */
  verified(ike: Ike, sa: IkeSa, path: Path, first: FirstFragment | null, outer: number): boolean;
  /** The rest of such a packet did not come. */
  incomplete(ike: Ike, sa: IkeSa, path: Path, first: FirstFragment): void;
  /** What is known of the path to a peer; null: nothing was agreed on, or no packet went there. */
  view(sa: IkeSa, now: number): PathView | null;
}

interface State {
  path: Path;
  /** When the MTU of the own link was read. */
  linkAt: number;
  mtu: PathMtu;
  /** TMAP of the last packet's SA; 0: none. */
  inner: number;
  telling: Telling;
}

/** Milliseconds until the MTU of an interface is read again. */
const LINK_TIME = 10000;
const IPV6_SIZE = 40;
/** Of a fragment of IPv6. */
const FRAGMENT_HEADER = 8;

/** The MTU of the interface that has this address; 0: not known. */
export function linkMtu(local: Uint8Array): number {
  const text = addressText(local);
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (!(addresses ?? []).some(({ address }) => address.replace(/%.*$/, '') === text)) continue;
    try {
      return Number(readFileSync(`/sys/class/net/${name}/mtu`, 'latin1')) || 0;
    } catch {
      return 0;
    }
  }
  return 0;
}

/** Octets of an outer packet with `esp` octets of ESP between addresses of this length. */
export function outerOctets(addressLength: number, esp: number, isUdp: boolean): number {
  return outerSize(addressLength) + (isUdp ? UDP_ENCAPSULATION : 0) + esp;
}

/**
 * True where `first` can be of a packet of `outer` octets. Who sees a packet can send a first fragment with the same octets of ESP
 * before it; one that leaves nothing for a second fragment would only use up the next notify.
 */
function isPart(first: FirstFragment, outer: number): boolean {
  return (first.version === 6 ? IPV6_SIZE - FRAGMENT_HEADER : 0) + first.length < outer;
}

export interface MtuParts {
  settings: MtuSettings;
  numbers: MtuNumbers;
  now(): number;
  bounded: Bounded;
  /** Who the peer is, for the log. */
  nameOf(sa: IkeSa): string;
  /** For tests: the MTU of the interface with this address. */
  linkOf?: (local: Uint8Array) => number;
}

export function createMtuPaths({ settings, numbers, now, bounded, nameOf, linkOf = linkMtu }: MtuParts): MtuPaths {
  // By the notes of an IKE SA: a rekey hands them on to the next one, and with them what is known.
  const states = new WeakMap<Note[], State>();
  const links = new Map<string, { mtu: number; at: number }>();
  const limits: InnerLimits = { tmap: 0, tmtu: 0 };
  const counters: MtuCounters = {
    lmapSent: 0,
    ptbSent: 0,
    lmapTaken: 0,
    ptbTaken: 0,
    ignored: 0,
    malformed: 0,
    fragmented: 0,
    incomplete: 0,
    tooLarge: 0,
  };

  function linkAt(local: Uint8Array, time: number): number {
    if (settings.link > 0) return settings.link;
    const key = addressText(local);
    const known = links.get(key);
    if (known !== undefined && time - known.at < LINK_TIME) return known.mtu;
    const mtu = linkOf(local);
    links.set(key, { mtu, at: time });
    return mtu;
  }

  function floorOf(path: Path): number {
    return path.remote.length === 16 ? settings.floor6 : settings.floor4;
  }

  function fresh(path: Path, time: number): State {
    const version = path.remote.length === 16 ? 6 : 4;
    const mtu = createPathMtu(version, linkAt(path.local, time), floorOf(path), settings.age);
    return { path, linkAt: time, mtu, inner: 0, telling: createTelling() };
  }

  /** The state of an IKE SA whose packets take `path`; null: not agreed on. */
  function stateOf(sa: IkeSa, path: Path): State | null {
    const known = states.get(sa.notes);
    if (known === undefined) {
      if (!hasMtu(sa)) return null;
      const state = fresh(path, now());
      states.set(sa.notes, state);
      return state;
    }
    if (known.path === path) return known;
    // Another object after a rekey; another address after a move.
    if (!samePath(known.path, path)) {
      const version = path.remote.length === 16 ? 6 : 4;
      resetPathMtu(known.mtu, version, linkAt(path.local, now()), floorOf(path));
      known.telling = createTelling();
    }
    known.path = path;
    return known;
  }

  function note(sa: IkeSa, text: () => string): void {
    bounded.peer('info', 'mtu', 'mtu', () => `${nameOf(sa)}: ${text()}`, {}, sa.policy.name);
  }

  function ptbTo(ike: Ike, sa: IkeSa, state: State, time: number): boolean {
    if (!settings.detect || !tellsPtb(state.telling, settings, time)) return false;
    const lmtu = linkAt(state.path.local, time) || 1500;
    if (!tellPtb(ike, sa, lmtu, settings.reassembled, time)) return false;
    counters.ptbSent++;
    note(sa, () => `PTB sent: LMTU ${lmtu}, EMTU_R ${settings.reassembled}`);
    return true;
  }

  function lmapTo(ike: Ike, sa: IkeSa, first: FirstFragment, time: number): void {
    if (!tellLmap(ike, sa, first.version, first.length, time)) return;
    counters.lmapSent++;
    note(sa, () => `LMAP sent: fragments of ${first.length} octets (IPv${first.version})`);
  }

  const extension = createMtu(numbers, {
    wants: () => true,
    lmap(sa, version, length) {
      const state = states.get(sa.notes);
      // Nothing was sent yet: then nothing can have come in fragments.
      const told = state === undefined ? TOLD_ABOVE : takeLmap(state.mtu, version, length, now());
      if (told === TOLD_ABOVE || told === TOLD_FAMILY) counters.ignored++;
      if (told !== TOLD_TAKEN) return;
      counters.lmapTaken++;
      note(sa, () => `LMAP taken: outer packets up to ${state!.mtu.lmap} octets come in one piece`);
    },
    ptb(sa, lmtu, emtuR) {
      const state = states.get(sa.notes);
      if (state === undefined) {
        counters.ignored++;
        return;
      }
      takePtb(state.mtu, lmtu, emtuR, now());
      counters.ptbTaken++;
      note(sa, () => `PTB taken: LMTU ${lmtu}, EMTU_R ${emtuR}`);
    },
    malformed(sa) {
      counters.malformed++;
      note(sa, () => 'LMAP or PTB of a wrong form ignored');
    },
  });

  return {
    settings,
    counters,
    extension,
    limits(sa, path, { form, coap }, time) {
      const state = stateOf(sa, path);
      if (state === null) return null;
      if (time - state.linkAt >= LINK_TIME) {
        state.linkAt = time;
        state.mtu.link = linkAt(path.local, time);
      }
      const encapsulation = path.encapsulated ? UDP_ENCAPSULATION : 0;
      const most = unfragmentedMax(state.mtu, time);
      const whole = reassembledMax(state.mtu, time);
      // A message that fits no rule for CoAP grows by an octet.
      const more = coap === undefined ? 0 : 1;
      limits.tmtu = whole === 0 ? 0 : maxInner(form, whole, encapsulation) - more;
      limits.tmap = most === 0 || !settings.adapt ? 0 : maxInner(form, most, encapsulation) - more;
      state.inner = Math.max(0, limits.tmap);
      return limits;
    },
    sent(sa, path, size) {
      const state = stateOf(sa, path);
      if (state !== null && size > state.mtu.sent) state.mtu.sent = size;
    },
    verified(ike, sa, path, seen, outer) {
      const time = now();
      const first = seen !== null && isPart(seen, outer) ? seen : null;
      if (first !== null) counters.fragmented++;
      const isTooLarge = outer > settings.reassembled;
      if (isTooLarge) counters.tooLarge++;
      const state = first === null && !isTooLarge ? null : stateOf(sa, path);
      if (state === null || !settings.detect) return !isTooLarge;
      if (isTooLarge && ptbTo(ike, sa, state, time)) {
        if (first !== null) lmapTo(ike, sa, first, time);
        return false;
      }
      const isHeard = first !== null && (first.version === 4 || settings.six);
      if (isHeard && tellsLmap(state.telling, settings, first.length, time)) lmapTo(ike, sa, first, time);
      return !isTooLarge;
    },
    incomplete(ike, sa, path, first) {
      const time = now();
      const state = stateOf(sa, path);
      if (state === null || Buffer.compare(first.source, state.path.remote) !== 0) return;
      counters.incomplete++;
      const least = (first.version === 6 ? IPV6_SIZE : 0) + first.length;
      // What is below the floor the peer would not follow.
      if (least >= floorOf(state.path) && ptbTo(ike, sa, state, time)) lmapTo(ike, sa, first, time);
    },
    view(sa, time) {
      const state = states.get(sa.notes);
      if (state === undefined) return null;
      const { inner, mtu } = state;
      return { unfragmented: unfragmentedMax(mtu, time), reassembled: reassembledMax(mtu, time), inner };
    },
  };
}
