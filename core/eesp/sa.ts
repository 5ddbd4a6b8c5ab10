// One unidirectional SA of EESP: an SA of ESP (selectors, addresses, lifetimes over all Sub SAs) with its Sub SAs, each of
// which has a key, a counter and a window of its own [draft-ietf-ipsecme-eesp-03 §2.9].

import { copy, fill } from '../base/bytes.ts';
import { refuse } from '../base/refuse.ts';
import type { Key, Provider } from '../crypto/provider.ts';
import { IIPC_NOT_COMPRESSED, MODE_TUNNEL } from '../dietesp/attributes.ts';
import type { Parts } from '../esp/parts.ts';
import { createSa, destroySa, type Sa, type SaConfig, type SaForm } from '../esp/sa.ts';
import { EESP_BASE, EESP_INFO_SIZE, EESP_MAX_ID, EESP_SN_SIZE } from './format.ts';
import type { Sskdf } from './sskdf.ts';

/** What EESP adds to the configuration of an SA. */
export interface EespOptions {
  /** Derives keys of Sub SAs: `SaConfig.key` is the root key then, and `salt` is empty. Null: one key, Session ID 0 alone. */
  sskdf: Sskdf | null;
  /** Octets of the encryption key of a Sub SA; without an SSKDF those of `SaConfig.key`. */
  keyLength: number;
  /** A 64-bit sequence number is in each packet; false: none is, which needs a suite with explicit IVs and no window. */
  hasSn: boolean;
  /** The largest Session ID: that the peer accepts (outbound), or that this side accepts (inbound), 0 to EESP_MAX_ID. */
  maxId: number;
  /** Outbound: the Session ID of packets, at most `maxId`. */
  session: number;
  /** Outbound: the Session ID is the packet's class of service, as `classSubspace` has it; absent: `session`. */
  perClass?: boolean;
}

/** The input of `createEespSa`: attributes of plain ESP with 64-bit sequence numbers, and an AEAD. */
export interface EespConfig extends SaConfig {
  /** Sub SAs, and what is on the wire. */
  eesp: EespOptions;
}

/** A Sub SA: what packets change of it is plain data. */
export interface SubSa {
  /** Its Session ID. */
  id: number;
  /** Expanded encryption key. */
  key: Key;
  /** Salt and replay window, at the places that `form` says from `base` on. */
  octets: Uint8Array;
  /** Where its octets begin; below 0, because the other octets of an SA are not there. */
  base: number;
  /** That of the SA. */
  form: SaForm;
  /** Last number used, or highest authenticated: high half, 32 bits. */
  snHi: number;
  /** Low half, 32 bits. */
  snLo: number;
  /** As in `Sa`. */
  recent: number;
}

/** An SA of EESP. What it has of `Sa`: selectors, lifetimes and counters over all Sub SAs, and the highest number of any. */
export interface EespSa extends Sa {
  /** Null: no Sub SAs beside the one with Session ID 0. */
  sskdf: Sskdf | null;
  /** Expanded root key; null without an SSKDF. */
  root: Key | null;
  /** As in `EespOptions`. */
  keyLength: number;
  /** Sequence numbers are on the wire. */
  hasSn: boolean;
  /** As in `EespOptions`. */
  maxId: number;
  /** Outbound: Session ID of packets; `sendWith` changes it. */
  session: number;
  /** Outbound: each packet's class of service changes it. */
  perClass: boolean;
  /** Octets of padding in the header, so that the payload is aligned. */
  optionsSize: number;
  /** Octets in front of the ciphertext. */
  headerSize: number;
  /** Sub SAs in use, each made with its first packet; at most maxId + 1. */
  subs: SubSa[];
  /** The Sub SA of the last packet. */
  last: SubSa;
  /** Inbound: a Sub SA whose first packet did not verify; the next one with its Session ID tries it again. */
  trial: SubSa | null;
  /** The number that Sub SAs begin after, in 32-bit halves: what a restart or another process may have used. */
  floorHi: number;
  /** Low half, 32 bits. */
  floorLo: number;
}

const NONE = /* @__PURE__ */ new Uint8Array(0);

function checkEespConfig(config: EespConfig): void {
  const a = config.attributes;
  const e = config.eesp;
  const suite = config.suite;
  if (suite.alg === 0 || suite.authKeyLength > 0) refuse('esp_encr', suite.name, 'must be an AEAD with EESP');
  if (a.iipcProfile !== IIPC_NOT_COMPRESSED) refuse('iipc_profile', a.iipcProfile, 'EESP has no compression');
  if (a.espSpiLsb !== 32) refuse('esp_spi_lsb', a.espSpiLsb, 'must be 32 with EESP');
  if (a.esn !== 1) refuse('esn', a.esn, 'must be 1 with EESP');
  if (!(e.maxId >= 0 && e.maxId <= EESP_MAX_ID)) refuse('eesp.max_id', e.maxId, 'must be 0..' + EESP_MAX_ID);
  if (!(e.session >= 0 && e.session <= e.maxId)) refuse('eesp.session', e.session, 'must be 0..' + e.maxId);
  if (!e.hasSn && suite.ivLength === 0) refuse('eesp.sn', 'none', 'an implicit IV is the sequence number');
  if (!e.hasSn && config.replayWindow !== 0) refuse('replay_window', config.replayWindow, 'must be 0 without numbers');
  if (e.sskdf === null) {
    if (e.maxId !== 0) refuse('eesp.max_id', e.maxId, 'must be 0 without an SSKDF');
    return;
  }
  if (config.key.length !== e.sskdf.rootSize) {
    refuse('key', config.key.length + ' octets', 'a root key has ' + e.sskdf.rootSize + ' octets');
  }
  if (config.salt.length !== 0) refuse('salt', config.salt.length + ' octets', 'must be empty: the root key gives it');
}

/** The SA of a configuration in which key and salt are those of Session ID 0. */
function plainConfig(config: EespConfig, key: Uint8Array, salt: Uint8Array): SaConfig {
  return {
    attributes: config.attributes,
    suite: config.suite,
    key: key,
    salt: salt,
    authKey: NONE,
    snHi: config.snHi,
    snLo: config.snLo,
    replayWindow: config.replayWindow,
    softPackets: config.softPackets,
    hardPackets: config.hardPackets,
    softBytes: config.softBytes,
    hardBytes: config.hardBytes,
    softTime: config.softTime,
    hardTime: config.hardTime,
    anyRemote: config.anyRemote,
    df: config.df,
  };
}

/** buffer[at..at+size) in an array of its own. */
function part(buffer: Uint8Array, at: number, size: number): Uint8Array {
  const out = new Uint8Array(size);
  copy(out, 0, buffer, at, size);
  return out;
}

/** Key and salt of a Session ID. */
function derive(provider: Provider, sskdf: Sskdf, root: Key, id: number, size: number): Uint8Array {
  const out = new Uint8Array(size);
  sskdf.expand(provider, root, id, out, size);
  return out;
}

/** Sets up an SA. Throws `Error('field: value: limit')` as createSa does; nothing is left behind then. */
export function createEespSa(parts: Parts, provider: Provider, config: EespConfig): EespSa {
  checkEespConfig(config);
  const e = config.eesp;
  const suite = config.suite;
  const root = e.sskdf === null ? null : provider.key(e.sskdf.alg, config.key);
  let sa: EespSa;
  try {
    if (e.sskdf === null || root === null) {
      sa = createSa(parts, provider, plainConfig(config, config.key, config.salt)) as EespSa;
    } else {
      const octets = derive(provider, e.sskdf, root, 0, e.keyLength + suite.saltLength);
      const key = part(octets, 0, e.keyLength);
      const salt = part(octets, e.keyLength, suite.saltLength);
      try {
        sa = createSa(parts, provider, plainConfig(config, key, salt)) as EespSa;
      } finally {
        fill(octets, 0, octets.length, 0);
        fill(key, 0, key.length, 0);
        fill(salt, 0, salt.length, 0);
      }
    }
  } catch (error) {
    if (root !== null) provider.wipe(root);
    throw error;
  }
  const isTunnel = config.attributes.ipsecMode === MODE_TUNNEL;
  const fixed = EESP_BASE + (e.hasSn ? EESP_SN_SIZE : 0) + suite.ivLength;
  const before = fixed + (isTunnel ? 0 : EESP_INFO_SIZE);
  const unit = sa.form.shape.network.version === 6 ? 8 : 4;
  const first: SubSa = {
    id: 0,
    key: sa.key,
    octets: sa.octets,
    base: sa.base,
    form: sa.form,
    snHi: sa.snHi,
    snLo: sa.snLo,
    recent: sa.recent,
  };
  sa.sskdf = e.sskdf;
  sa.root = root;
  sa.keyLength = e.keyLength;
  sa.hasSn = e.hasSn;
  sa.maxId = e.maxId;
  sa.session = e.session;
  sa.perClass = e.perClass === true;
  sa.optionsSize = (unit - (before % unit)) % unit;
  sa.headerSize = fixed + sa.optionsSize;
  sa.subs = [first];
  sa.last = first;
  sa.trial = null;
  sa.floorHi = config.snHi;
  sa.floorLo = config.snLo;
  return sa;
}

/** True for an SA of EESP. */
export function isEesp(sa: Sa): boolean {
  return (sa as EespSa).subs !== undefined;
}

/** The Sub SA with this Session ID, or null: it has not been made. */
export function findSub(sa: EespSa, id: number): SubSa | null {
  if (sa.last.id === id) return sa.last;
  for (let i = 0; i < sa.subs.length; i++) if (sa.subs[i].id === id) return sa.subs[i];
  return null;
}

/** Makes a Sub SA, with nothing sent or received. Only with an SSKDF; `keepSub` adds it to the SA. */
export function createSub(provider: Provider, sa: EespSa, id: number): SubSa {
  const form = sa.form;
  const suite = form.suite;
  const derived = derive(provider, sa.sskdf!, sa.root!, id, sa.keyLength + suite.saltLength);
  const key = part(derived, 0, sa.keyLength);
  const octets = new Uint8Array(form.size - form.saltAt);
  const isNew = sa.floorHi === 0 && sa.floorLo === 0;
  copy(octets, 0, derived, sa.keyLength, suite.saltLength);
  // After a restart nobody knows which numbers below the highest were seen, so all count as seen.
  if (!isNew) fill(octets, suite.saltLength, octets.length - suite.saltLength, 0xff);
  const sub: SubSa = {
    id: id,
    key: provider.key(suite.alg, key),
    octets: octets,
    base: -form.saltAt,
    form: form,
    snHi: sa.floorHi,
    snLo: sa.floorLo,
    recent: isNew ? 0 : 0xffffffff, // wide
  };
  fill(derived, 0, derived.length, 0);
  fill(key, 0, key.length, 0);
  return sub;
}

/** Adds a Sub SA that `createSub` made. */
export function keepSub(sa: EespSa, sub: SubSa): void {
  sa.subs.push(sub);
  if (sa.trial === sub) sa.trial = null;
}

/** Wipes the keys of a Sub SA. */
export function wipeSub(provider: Provider, sub: SubSa): void {
  provider.wipe(sub.key);
  fill(sub.octets, sub.base + sub.form.saltAt, sub.form.suite.saltLength, 0);
}

/** Outbound: packets have this Session ID from now on. False: the peer does not accept it. */
export function sendWith(sa: EespSa, session: number): boolean {
  if (!(session >= 0 && session <= sa.maxId && Math.floor(session) === session)) return false;
  sa.session = session;
  return true;
}

/** A number was used: keeps the highest of all Sub SAs in the SA, from which a restart goes on. */
export function noteNumber(sa: EespSa, hi: number, lo: number): void {
  if (hi < sa.snHi || (hi === sa.snHi && lo <= sa.snLo)) return;
  sa.snHi = hi;
  sa.snLo = lo;
}

/** Ends an SA with all of its Sub SAs: wipes their keys; it takes no more packets. */
export function destroyEespSa(provider: Provider, sa: EespSa): void {
  if (sa.ended !== 0) return;
  for (let i = 0; i < sa.subs.length; i++) if (sa.subs[i].key !== sa.key) wipeSub(provider, sa.subs[i]);
  if (sa.trial !== null) wipeSub(provider, sa.trial);
  sa.trial = null;
  if (sa.root !== null) provider.wipe(sa.root);
  destroySa(provider, sa);
}
