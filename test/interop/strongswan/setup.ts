// The details of a case: addresses, identities, secrets and keys of each side, and charon's configuration.

import { createHash } from 'node:crypto';
import { type Issued, type KeyKind, openPki, type Pki } from '../../support/pki.ts';
import { BASE, type Case, type Terms } from './cases.ts';
import { ed25519, type KeyPair, type PeerConfig, type Section } from './config.ts';
import type { Family, Namespace, Site } from './namespaces.ts';

/** Name of the connection and of its child in every charon. */
export const CONNECTION = 'peer';
export const CHILD = 'net';
export const PPK_ID = 'ppk.test';
/** What charon gives when an inner address is asked for. */
export const POOL = '10.2.200.0/24';

/** What one side is to be told. */
export interface Setup {
  case: Case;
  terms: Terms;
  isOurs: boolean;
  isInitiator: boolean;
  site: Site;
  /** Where this side runs, and the other one. */
  space: Namespace;
  peer: Namespace;
  localAddress: string;
  remoteAddress: string;
  /** FQDNs. */
  localId: string;
  remoteId: string;
  /** With PSK. */
  psk?: Uint8Array;
  /** With certificates: own one, and the root that the peer's has to end at. */
  certificate?: { own: Issued; root: Issued };
  /** With Ed25519: own pair, and of the peer's the public half is to be used. */
  key?: KeyPair;
  peerKey?: KeyPair;
  ppk?: { id: string; secret: Uint8Array; isRequired: boolean };
  /** Prefixes, or addresses alone, of both families; behind them `[PROTOCOL/PORTS]`. */
  localSelectors: string[];
  remoteSelectors: string[];
}

/** 32 octets that are always the same for a name. */
function octets(name: string): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(name).digest());
}

/** Echoes both ways, and a network with one port of TCP. */
function lists(net: string, other: string, icmp: number): string[] {
  return [`${net}[17/7]`, `${net}[17/1024-65535]`, `${net}[${icmp}]`, `${other}[6/80]`];
}

function selectors(space: Namespace, which: Terms['local']): string[] {
  if (which === 'lists') {
    const four = lists(space.net[4], '10.99.0.0/16', 1);
    return [...four, ...lists(space.net[6], 'fd99::/16', 58)];
  }
  if (which === 'host') return [space.inner[4], space.inner[6]];
  if (which === undefined) return [space.net[4], space.net[6]];
  return ['10.' + which + '.0.0/16', 'fd0' + which + '::/16'];
}

let pki: Pki | undefined;
const issued = new Map<string, Issued>();

/** Made once for all cases: a root for each of two worlds, an authority below it, and what that issued. */
function certified(name: string, kind: KeyKind, world: number): { own: Issued; root: Issued } {
  if (pki === undefined) {
    pki = openPki();
    process.on('exit', () => pki?.close());
  }
  const made = (key: string, make: (pki: Pki) => Issued): Issued => {
    const one = issued.get(key) ?? make(pki!);
    issued.set(key, one);
    return one;
  };
  const root = (of: number): Issued => made(`root ${of}`, (open) => open.issue(`root${of}`, { isCa: true }));
  const middle = made(`middle ${world}`, (open) => open.issue(`middle${world}`, { isCa: true, by: root(world) }));
  const file = `${name}-${kind}-${world}`;
  const own = made(file, (open) => open.issue(file, { kind, by: middle, names: `DNS:${name}` }));
  return { own, root: root(0) };
}

/** Both sides of a case. */
export function setups(entry: Case, site: Site): { ours: Setup; charon: Setup } {
  const oursIsDevice = entry.initiator === 'ours';
  const oursId = oursIsDevice ? 'device.test' : 'gateway.test';
  const charonId = oursIsDevice ? 'gateway.test' : 'device.test';
  const side = (isOurs: boolean): Setup => {
    const terms: Terms = { ...BASE, ...entry.terms, ...(isOurs ? entry.ours : entry.charon) };
    const [space, peer] = isOurs === oursIsDevice ? [site.device, site.gateway] : [site.gateway, site.device];
    const family: Family = entry.family;
    const usual = isOurs ? oursId : charonId;
    const isPsk = terms.auth === 'psk';
    return {
      case: entry,
      terms,
      isOurs,
      isInitiator: isOurs === oursIsDevice,
      site,
      space,
      peer,
      localAddress: space.outer[family],
      remoteAddress: peer.outer[family],
      localId: terms.id ?? usual,
      remoteId: terms.peerId ?? (isOurs ? charonId : oursId),
      ...(terms.auth.startsWith('certificate ')
        ? {
            certificate: certified(
              terms.id ?? usual,
              terms.auth.slice('certificate '.length) as KeyKind,
              isOurs ? 0 : terms.secret,
            ),
          }
        : isPsk
          ? { psk: octets('psk ' + terms.secret) }
          : { key: ed25519(octets(usual + terms.secret)), peerKey: ed25519(octets((isOurs ? charonId : oursId) + 0)) }),
      ...(terms.ppk === 'none'
        ? {}
        : { ppk: { id: PPK_ID, secret: octets('ppk ' + terms.ppkSecret), isRequired: terms.ppk === 'required' } }),
      localSelectors: selectors(space, terms.local),
      remoteSelectors: selectors(peer, terms.remote),
    };
  };
  return { ours: side(true), charon: side(false) };
}

/** swanctl.conf for a side. */
export function charonConfig(setup: Setup): PeerConfig {
  const { terms, ppk, psk, isInitiator } = setup;
  const asks = terms.virtualIp && isInitiator;
  const gives = terms.virtualIp && !isInitiator;
  const more: Section = {
    fragmentation: terms.fragment > 0,
    ...(ppk === undefined ? {} : { ppk_required: ppk.isRequired }),
    ...(ppk !== undefined && isInitiator ? { ppk_id: ppk.id } : {}),
    ...(asks ? { vips: '0.0.0.0' } : {}),
    ...(gives ? { pools: 'pool' } : {}),
    ...(setup.isOurs ? {} : setup.case.connection),
  };
  return {
    connections: [
      {
        name: CONNECTION,
        localAddress: setup.localAddress,
        remoteAddress: isInitiator ? setup.remoteAddress : '%any',
        ike: terms.ike,
        local: { id: setup.localId, key: setup.key, certificate: setup.certificate?.own },
        remote: { id: setup.remoteId, key: setup.peerKey, root: setup.certificate?.root },
        children: [
          {
            name: CHILD,
            esp: terms.esp,
            local: asks ? ['dynamic'] : setup.localSelectors,
            remote: gives ? ['dynamic'] : setup.remoteSelectors,
            ...(setup.case.perResource > 0 ? { more: { per_cpu_sas: true } } : {}),
          },
        ],
        more,
      },
    ],
    psks: psk === undefined ? [] : [{ ids: [setup.localId, setup.remoteId], secret: psk }],
    ppks: ppk === undefined ? [] : [{ ids: [ppk.id], secret: ppk.secret }],
    pools: gives ? { pool: POOL } : {},
  };
}

/** Keys of the daemon's own section. */
export function charonSettings(setup: Setup): Section {
  const { terms } = setup;
  return {
    ...(terms.fragment > 0 ? { fragment_size: terms.fragment } : {}),
    ...(terms.cookie ? { cookie_threshold: 1 } : {}),
    ...(setup.isOurs ? {} : setup.case.settings),
  };
}
