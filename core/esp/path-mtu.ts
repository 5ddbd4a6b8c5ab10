// What an ingress knows of the path to its peer: LMAP, the largest outer packet that arrives in one piece, and EMTU_R, the
// largest that the peer reassembles [draft-liu-ipsecme-ikev2-mtu-dect §4]. From that follow TMAP and TMTU, the same for inner
// packets (packet-size.ts). What the peer says of fragments is not proved by ESP: anybody on the path can fragment. So it only
// counts within what was sent, never below a floor, and for a limited time.

/** Floors of LMAP by the outer IP version: what every host takes in one piece [RFC 791 §3.1, RFC 8200 §5]. */
export const FLOOR_FOUR = 576;
export const FLOOR_SIX = 1280;
/** Milliseconds after which what the peer said is no more: the path may be a better one by now. */
export const PATH_MTU_TIME = 600000;

/** What came of an LMAP or PTB of the peer. */
export const TOLD_TAKEN = 0 as const;
/** Not below what holds already; where it is the same, it lasts longer from now on. */
export const TOLD_KNOWN = 1 as const;
/** Larger than anything that was sent. */
export const TOLD_ABOVE = 2 as const;
/** Of another IP version than the path's. */
export const TOLD_FAMILY = 3 as const;
/** What `takeLmap` says. */
export type Told = typeof TOLD_TAKEN | typeof TOLD_KNOWN | typeof TOLD_ABOVE | typeof TOLD_FAMILY;

/** A path to a peer: plain data. Sizes are octets of outer packets with their IP header. */
export interface PathMtu {
  /** 4 or 6: the version of the outer packets. */
  version: number;
  /** MTU of the own interface towards the peer; 0: not known. */
  link: number;
  /** LMAP is never taken for less. */
  floor: number;
  /** Milliseconds that what the peer says lasts. */
  time: number;
  /** Largest outer packet sent so far. */
  sent: number;
  /** LMAP, with the floor; 0: none came. */
  lmap: number;
  /** When it came. */
  lmapAt: number;
  /** LMTU and EMTU_R of the peer; 0: none came. */
  lmtu: number;
  /** See lmtu. */
  emtuR: number;
  /** When they came. */
  ptbAt: number;
}

/** A path of which nothing is known but its own link (0: not even that). */
export function createPathMtu(version: number, link: number, floor: number, time: number): PathMtu {
  return {
    version: version,
    link: link,
    floor: floor,
    time: time,
    sent: 0,
    lmap: 0,
    lmapAt: 0,
    lmtu: 0,
    emtuR: 0,
    ptbAt: 0,
  };
}

/** The peer or this side is at another address: nothing is known of the path. */
export function resetPathMtu(p: PathMtu, version: number, link: number, floor: number): void {
  p.version = version;
  p.link = link;
  p.floor = floor;
  p.sent = 0;
  p.lmap = 0;
  p.lmtu = 0;
  p.emtuR = 0;
}

/** Forgets what is too old at `now`. */
function age(p: PathMtu, now: number): void {
  if (p.lmap > 0 && now - p.lmapAt >= p.time) p.lmap = 0;
  if (p.lmtu > 0 && now - p.ptbAt >= p.time) {
    p.lmtu = 0;
    p.emtuR = 0;
  }
}

/** The smaller of two limits; 0 is none. */
function lower(a: number, b: number): number {
  if (a === 0) return b;
  return b === 0 ? a : Math.min(a, b);
}

/** Outer packets up to this size arrive in one piece, as far as is known at `now` (ms); 0: nothing is known. */
export function unfragmentedMax(p: PathMtu, now: number): number {
  age(p, now);
  return lower(p.link, lower(p.lmap, lower(p.lmtu, p.emtuR)));
}

/** Larger outer packets the peer does not take at all; 0: nothing is known. */
export function reassembledMax(p: PathMtu, now: number): number {
  age(p, now);
  return p.emtuR;
}

/** LMAP came: `version` and `length` as in the notify, FragLen [draft §2]. */
export function takeLmap(p: PathMtu, version: number, length: number, now: number): Told {
  if (version !== p.version) return TOLD_FAMILY;
  const said = version === 6 ? length + 40 : length;
  if (said > p.sent) return TOLD_ABOVE;
  const lmap = Math.max(said, p.floor);
  const holds = unfragmentedMax(p, now);
  if (holds > 0 && lmap >= holds) {
    if (lmap === p.lmap) p.lmapAt = now;
    return TOLD_KNOWN;
  }
  p.lmap = lmap;
  p.lmapAt = now;
  return TOLD_TAKEN;
}

/** PTB came: LMTU and EMTU_R of the peer. They are its own values, and may go up again. */
export function takePtb(p: PathMtu, lmtu: number, emtuR: number, now: number): void {
  p.lmtu = Math.max(lmtu, p.floor);
  p.emtuR = Math.max(emtuR, p.floor);
  p.ptbAt = now;
}
