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
} from '../../../../core/ike/ext/certificates.ts';
import { HASHES, isSignature, signatureOf } from './algorithms.ts';
import { pathProblem, type Trust } from './chain.ts';
import { type Cert, keyHashOf, readCertificate } from './x509.ts';

const ID_IPV4 = 1;
const ID_FQDN = 2;
const ID_RFC822 = 3;
const ID_IPV6 = 5;
const ID_DER_DN = 9;

/** What a side has, and takes. */
export interface CertificateConfig {
  /** Private key of this side; null: it proves itself otherwise. */
  key: KeyObject | null;
  /** Certificates of this side, that of `key` first, then its issuers; empty: a raw key. */
  chain: readonly Cert[];
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
  const has = (kind: string, value: string): boolean =>
    cert.details().altNames.some((one) => one.kind === kind && one.value === value);
  if (id[0] === ID_FQDN) return has('dns', data.toString('latin1').toLowerCase());
  if (id[0] === ID_RFC822) return has('email', data.toString('latin1').toLowerCase());
  if (id[0] === ID_IPV4 || id[0] === ID_IPV6)
    return data.length === (id[0] === ID_IPV4 ? 4 : 16) && has('ip', data.toString('hex'));
  return id[0] === ID_DER_DN && cert.details().subject === data.toString('hex');
}

const spki = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });

/** Changes when the credentials do. */
function fingerprint({ key, chain, peerKey, trust }: CertificateConfig): string {
  const hash = createHash('sha256');
  const keys = [key === null ? null : createPublicKey(key as never), peerKey];
  for (const one of keys) hash.update(one === null ? 'none' : spki(one));
  for (const { der } of [...chain, ...trust.anchors, ...trust.intermediates]) hash.update(der);
  return hash.digest('hex');
}

export function createSignatures(config: CertificateConfig): NodeSignatures {
  const { key, chain, peerKey, trust } = config;
  const anchorHashes = Buffer.concat(trust.anchors.map(keyHashOf));
  const requests: Encoded[] =
    peerKey !== null
      ? [{ encoding: CERT_RAW_KEY, octets: new Uint8Array(0) }]
      : trust.anchors.length === 0
        ? []
        : [{ encoding: CERT_X509, octets: Uint8Array.from(anchorHashes) }];

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
    requests,
    reason: '',
    toJSON: () => fingerprint(config),
    certificates(asked) {
      if (chain.length > 0) return chain.map(({ der }) => ({ encoding: CERT_X509, octets: Uint8Array.from(der) }));
      // A peer that has the key configured needs no copy of it.
      const isAsked = asked.some(({ encoding }) => encoding === CERT_RAW_KEY);
      if (key === null || !isAsked) return [];
      return [{ encoding: CERT_RAW_KEY, octets: Uint8Array.from(spki(createPublicKey(key as never))) }];
    },
    make: (setup, octets) => (key === null ? new Uint8Array(0) : signatureOf(key, peerHashes(setup), octets)),
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
  const requests = new Map(
    list.flatMap((one) => one.requests).map((one) => [Buffer.from(one.octets).toString('hex') + one.encoding, one]),
  );
  return {
    hashes: HASHES,
    requests: [...requests.values()],
    certificates: () => [],
    make: () => new Uint8Array(0),
    check: () => false,
  };
}

/** Why these credentials refused a peer last; '': they did not, or are of another kind. */
export function refusalOf({ signatures }: Pick<Credentials, 'signatures'>): string {
  return (signatures as NodeSignatures | undefined)?.reason ?? '';
}
