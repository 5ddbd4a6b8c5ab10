// Digital signatures with certificates, and with raw public keys [RFC 7427, RFC 7670, RFC 4945]: what `Credentials.signatures` is on Node.

import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import type { Credentials, Transcript } from '../../../../core/ike/crypto/auth.ts';
import {
  CERT_RAW_KEY,
  CERT_X509,
  type CertifiedSignatures,
  type Encoded,
  peerCertificates,
  peerHashes,
  peerRequests,
} from '../../../../core/ike/ext/certificates.ts';
import { announcedOf, HASHES, isSignature, signatureOf } from './algorithms.ts';
import { pathProblem, type Trust } from './chain.ts';
import { chosenKey, type OwnKey } from './choice.ts';
import { type Cert, keyHashOf, readCertificate } from './x509.ts';

const ID_IPV4 = 1;
const ID_FQDN = 2;
const ID_RFC822 = 3;
const ID_IPV6 = 5;
const ID_DER_DN = 9;
/** The name of nobody: what all certificates without a subject have. */
const EMPTY_DN = '3000';

/** Most authorities that a CERTREQ lists. More are not told apart: it is in the answer to a stranger's first message, which nothing can fragment. */
const LISTED_MAX = 16;

/** What a side has, and takes. */
export interface CertificateConfig {
  /** Keys of this side, the preferred first; empty: it proves itself otherwise. */
  owns: readonly OwnKey[];
  /** Public key of the peer; null: a certificate under `trust`. */
  peerKey: KeyObject | null;
  trust: Trust;
  /** Milliseconds since 1970. */
  wall(): number;
}

/** `CertifiedSignatures` that remember why they refused a peer last. */
export interface NodeSignatures extends CertifiedSignatures {
  /** Stands for keys and certificates where configurations are compared. */
  toJSON(): string;
  /** '': none was refused. For this side's log alone: a peer learns nothing but AUTHENTICATION_FAILED. */
  reason: string;
}

/** True when the certificate is that of the identity in `id`, the body of an ID payload [RFC 4945 §3.1]. */
export function isNamed(cert: Cert, id: Uint8Array): boolean {
  const data = Buffer.from(id.subarray(4));
  // A text as the certificate has it, or in lower case: each further way to write it would be one more peer.
  const has = (kind: string, value: string): boolean =>
    cert.details().altNames.some((one) => one.kind === kind && (one.value === value || one.lower === value));
  if (id[0] === ID_FQDN) return has('dns', data.toString('latin1'));
  if (id[0] === ID_RFC822) return has('email', data.toString('latin1'));
  if (id[0] === ID_IPV4 || id[0] === ID_IPV6)
    return data.length === (id[0] === ID_IPV4 ? 4 : 16) && has('ip', data.toString('hex'));
  const { subject } = cert.details();
  return id[0] === ID_DER_DN && subject !== EMPTY_DN && subject === data.toString('hex');
}

const spki = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });

/** Changes when the credentials do. */
function fingerprint({ owns, peerKey, trust }: CertificateConfig): string {
  const hash = createHash('sha256');
  for (const { key, chain } of owns) {
    hash.update(spki(createPublicKey(key as never)));
    for (const { der } of chain) hash.update(der);
  }
  hash.update(peerKey === null ? 'none' : spki(peerKey));
  for (const { der } of [...trust.anchors, ...trust.intermediates]) hash.update(der);
  return hash.digest('hex');
}

/** CERTREQ for these hashes of authorities' keys; with none of them: for any certificate. */
function requestFor(hashes: readonly Uint8Array[]): Encoded {
  const octets = hashes.length <= LISTED_MAX ? Uint8Array.from(Buffer.concat(hashes)) : new Uint8Array(0);
  return { encoding: CERT_X509, octets };
}

/** Changes when these credentials do, or what revokes certificates. */
function markOf(config: CertificateConfig): Uint8Array {
  const { crls, isCrlRequired } = config.trust;
  const hash = createHash('sha256').update(fingerprint(config)).update(String(isCrlRequired));
  for (const { signed } of crls) hash.update(createHash('sha256').update(signed).digest());
  return Uint8Array.from(hash.digest());
}

export function createSignatures(config: CertificateConfig): NodeSignatures {
  const { owns, peerKey, trust } = config;
  const requests: Encoded[] =
    peerKey !== null
      ? [{ encoding: CERT_RAW_KEY, octets: new Uint8Array(0) }]
      : trust.anchors.length === 0
        ? []
        : [requestFor(trust.anchors.map(keyHashOf))];

  /** The key of the peer; a text: why there is none. */
  function keyOf(setup: Transcript, id: Uint8Array): KeyObject | string {
    const given = peerCertificates(setup);
    if (peerKey !== null) {
      const raw = given.find(({ encoding }) => encoding === CERT_RAW_KEY);
      if (raw !== undefined && !spki(peerKey).equals(raw.octets)) return 'it sent another public key';
      return peerKey;
    }
    const certs: Cert[] = [];
    try {
      for (const { encoding, octets } of given) if (encoding === CERT_X509) certs.push(readCertificate(octets));
      if (certs.length === 0) return 'it sent no certificate';
      const problem = pathProblem(certs, trust, config.wall());
      if (problem !== '') return problem;
      return isNamed(certs[0], id) ? certs[0].key : `${certs[0].name}: the certificate is not for its identity`;
    } catch (error) {
      return `a certificate cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  const signatures: NodeSignatures = {
    hashes: HASHES,
    announced: announcedOf(peerKey),
    requests,
    mark: markOf(config),
    until(setup) {
      const first = peerCertificates(setup).find(({ encoding }) => encoding === CERT_X509);
      if (first === undefined || peerKey !== null) return Number.POSITIVE_INFINITY;
      try {
        return readCertificate(first.octets).details().notAfter;
      } catch {
        // One that proved itself with a pre-shared key may send anything.
        return Number.POSITIVE_INFINITY;
      }
    },
    reason: '',
    toJSON: () => fingerprint(config),
    certificates(setup) {
      if (owns.length === 0) return [];
      const { key, chain } = chosenKey(owns, setup).own;
      if (chain.length > 0) return chain.map(({ der }) => ({ encoding: CERT_X509, octets: Uint8Array.from(der) }));
      // A peer that has the key configured needs no copy of it.
      if (!peerRequests(setup).some(({ encoding }) => encoding === CERT_RAW_KEY)) return [];
      return [{ encoding: CERT_RAW_KEY, octets: Uint8Array.from(spki(createPublicKey(key as never))) }];
    },
    make(setup, octets) {
      let data: Uint8Array = new Uint8Array(0);
      if (owns.length > 0) {
        const { own, identifier } = chosenKey(owns, setup);
        data = signatureOf(own.key, peerHashes(setup), octets, identifier);
      }
      signatures.reason = data.length > 0 ? '' : 'the peer takes no signature of this side: SIGNATURE_HASH_ALGORITHMS';
      return data;
    },
    check(setup, id, octets, data) {
      const found = keyOf(setup, id);
      signatures.reason =
        typeof found === 'string' ? found : isSignature(found, octets, data) ? '' : 'its signature is wrong';
      return signatures.reason === '';
    },
  };
  return signatures;
}

/** For the answer to IKE_SA_INIT, when nobody has said who it is: what any of these verifies. Undefined: there are none. */
export function anyOf(all: readonly (CertifiedSignatures | undefined)[]): CertifiedSignatures | undefined {
  const list = all.filter((one) => one !== undefined);
  if (list.length === 0) return undefined;
  const requests = list.flatMap((one) => one.requests);
  const ofKind = (kind: number): Encoded[] => requests.filter(({ encoding }) => encoding === kind);
  const [raw, x509] = [ofKind(CERT_RAW_KEY), ofKind(CERT_X509)];
  const isAny = x509.some(({ octets }) => octets.length === 0);
  const hashes = x509.flatMap(({ octets }) => Buffer.from(octets).toString('hex').match(/.{40}/g) ?? []);
  const request = requestFor(isAny ? [] : [...new Set(hashes)].map((one) => Buffer.from(one, 'hex')));
  return {
    hashes: HASHES,
    announced: announcedOf(null),
    requests: [...raw.slice(0, 1), ...(x509.length === 0 ? [] : [request])],
    certificates: () => [],
    make: () => new Uint8Array(0),
    check: () => false,
  };
}

/** Another peer is about to be checked: what refused the last one does not count for it. */
export function forgetRefusal({ signatures }: Pick<Credentials, 'signatures'>): void {
  if (signatures !== undefined) (signatures as NodeSignatures).reason = '';
}

/** Why these credentials refused a peer last, or could not be used; '': they did not, or are of another kind. */
export function refusalOf({ signatures }: Pick<Credentials, 'signatures'>): string {
  return (signatures as NodeSignatures | undefined)?.reason ?? '';
}
