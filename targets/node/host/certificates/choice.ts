// Which of its keys a side proves itself with: by what the peer announced that it verifies [RFC 9593], by the authorities that it
// asked for in CERTREQ, and by its hashes. All of it is advice: there is always a choice where a key can sign at all.

import type { KeyObject } from 'node:crypto';
import { AUTH_DIGITAL_SIGNATURE } from '../../../../core/ike/codec/numbers.ts';
import type { Transcript } from '../../../../core/ike/crypto/auth.ts';
import { type Announced, readAnnounced } from '../../../../core/ike/ext/announce.ts';
import { CERT_X509, peerAnnounced, peerHashes, peerRequests } from '../../../../core/ike/ext/certificates.ts';
import { identifiersOf } from './algorithms.ts';
import { type Cert, isIssuedBy, keyHashOf } from './x509.ts';

const HASH_SIZE = 20;

/** A private key and its certificates: that of the key first, then its issuers; empty: a raw key. */
export interface OwnKey {
  key: KeyObject;
  chain: readonly Cert[];
  /** Hashes of the keys of authorities above it, as CERTREQ has them, in hexadecimal. */
  authorities: readonly string[];
}

/** `known`: CA certificates that this side has otherwise: a chain ends below its root. */
export function createOwnKey(key: KeyObject, chain: readonly Cert[], known: readonly Cert[]): OwnKey {
  const above = chain.length === 0 ? [] : known.filter((one) => isIssuedBy(chain[chain.length - 1], one));
  const authorities = [...chain.slice(1), ...above].map((one) => keyHashOf(one).toString('hex'));
  return { key, chain, authorities };
}

export interface Choice {
  own: OwnKey;
  /** AlgorithmIdentifier that the peer prefers with it; null: it says none. */
  identifier: Uint8Array | null;
}

/** Hashes of authorities' keys in the peer's CERTREQ payloads, in their order, as hexadecimal text. */
function askedAuthorities(setup: Transcript): string[] {
  const hashes: string[] = [];
  for (const { encoding, octets } of peerRequests(setup)) {
    if (encoding !== CERT_X509) continue;
    for (let at = 0; at + HASH_SIZE <= octets.length; at += HASH_SIZE) {
      hashes.push(Buffer.from(octets.subarray(at, at + HASH_SIZE)).toString('hex'));
    }
  }
  return hashes;
}

/** The peer's digital signatures [RFC 7427] in its order of preference; other methods are never ours with these keys. */
function announcedSignatures(octets: Uint8Array): Announced[] {
  const all: Announced[] = [];
  readAnnounced(octets, 0, octets.length, all);
  return all.filter(({ method }) => method === AUTH_DIGITAL_SIGNATURE);
}

/**
 * The key for a set-up: the first that goes with the first announced signature that any goes with; else the first under an authority
 * that was asked for; else the first that can sign with the peer's hashes; else the first of all.
 */
export function chosenKey(owns: readonly OwnKey[], setup: Transcript): Choice {
  const hashes = peerHashes(setup);
  const able = owns.filter(({ key }) => identifiersOf(key, hashes).length > 0);
  const asked = askedAuthorities(setup);
  const isUnder = (own: OwnKey, wanted: readonly string[]): boolean =>
    own.authorities.some((hash) => wanted.includes(hash));
  const octets = peerAnnounced(setup);
  for (const { certLink, algorithmAt, algorithmSize } of announcedSignatures(octets)) {
    const identifier = octets.subarray(algorithmAt, algorithmAt + algorithmSize);
    const fits = (one: OwnKey): boolean =>
      (certLink === 0 || isUnder(one, asked.slice(certLink - 1, certLink))) &&
      (algorithmSize === 0 || identifiersOf(one.key, hashes).some((known) => known.equals(identifier)));
    const fit = able.filter(fits);
    const own = fit.find((one) => isUnder(one, asked)) ?? fit[0];
    if (own !== undefined) return { own, identifier: algorithmSize === 0 ? null : identifier };
  }
  return { own: able.find((one) => isUnder(one, asked)) ?? able[0] ?? owns[0], identifier: null };
}
