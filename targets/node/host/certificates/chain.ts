// The path from a peer's certificate to one that this side trusts [RFC 5280 §6, RFC 4945 §5]. Name constraints and policy constraints
// are not supported: where they are critical, as they have to be, the path is refused.
//
// The path is made from the trusted end: a stranger's certificate is looked into, and its key used, when one that is trusted has signed
// it. So nobody makes this side compute with keys of his choice.

import { keyProblem } from './algorithms.ts';
import {
  CERT_SIGN,
  type Cert,
  type Crl,
  type Details,
  DIGITAL_SIGNATURE,
  isIssuedBy,
  isSignedBy,
  NON_REPUDIATION,
  namesIssuer,
} from './x509.ts';

/** Most certificates of a path, both ends included. */
export const PATH_MAX = 8;
/** Most signatures of certificates that are checked for one path. */
const CHECKS_MAX = 32;

/** Purposes that fit IKE: any, server, client, IPsec IKE, IKE intermediate [RFC 4945 §5.1.3.12]. */
const PURPOSES = new Set([
  '2.5.29.37.0',
  '1.3.6.1.5.5.7.3.1',
  '1.3.6.1.5.5.7.3.2',
  '1.3.6.1.5.5.7.3.17',
  '1.3.6.1.5.5.8.2.2',
]);

/** Whom this side trusts. */
export interface Trust {
  /** CA certificates: each ends a path. */
  anchors: readonly Cert[];
  /** CA certificates that peers may leave out. */
  intermediates: readonly Cert[];
  crls: readonly Crl[];
  /** Without a CRL in force of its issuer a certificate is refused. */
  isCrlRequired: boolean;
}

function validity({ name }: Cert, { notBefore, notAfter }: Details, now: number): string {
  if (now < notBefore) return `${name}: not valid before ${new Date(notBefore).toISOString()}`;
  return now > notAfter ? `${name}: expired on ${new Date(notAfter).toISOString()}` : '';
}

/** Why a certificate may not stand at the end of a path, or ''. */
function leafProblem(cert: Cert, now: number): string {
  const details = cert.details();
  const { usage, purposes, problem } = details;
  const { name } = cert;
  if (problem !== '') return `${name}: ${problem}`;
  if (usage !== null && (usage & (DIGITAL_SIGNATURE | NON_REPUDIATION)) === 0)
    return `${name}: its key usage has no digital signature`;
  if (purposes !== null && !purposes.some((one) => PURPOSES.has(one)))
    return `${name}: its extended key usage is not for IKE`;
  const key = keyProblem(cert.key);
  return key === '' ? validity(cert, details, now) : `${name}: ${key}`;
}

/** Why a CA certificate may not issue others, or ''. */
function issuerProblem(cert: Cert, now: number): string {
  const details = cert.details();
  const { name } = cert;
  if (details.problem !== '') return `${name}: ${details.problem}`;
  if (!details.isCa) return `${name}: is no CA certificate`;
  if (details.usage !== null && (details.usage & CERT_SIGN) === 0)
    return `${name}: its key usage has no certificate signing`;
  const key = keyProblem(cert.key);
  return key === '' ? validity(cert, details, now) : `${name}: ${key}`;
}

/** Why `path`, CA certificates from the anchor on, is longer than one of them allows, or ''. */
function lengthProblem(path: readonly Cert[]): string {
  for (const [at, { name, details }] of path.entries()) {
    // A certificate that issued itself does not count [RFC 5280 §4.2.1.9].
    const below = path.slice(at + 1).filter((one) => one.details().subject !== one.details().issuer).length;
    if (below > details().pathLength) return `${name}: path length ${details().pathLength} is exceeded`;
  }
  return path.length < PATH_MAX ? '' : `more than ${PATH_MAX} certificates`;
}

function revocation(cert: Cert, issuer: Cert, trust: Trust, now: number): string {
  const own = trust.crls.filter((crl) => isSignedBy(crl, issuer));
  if (own.some(({ revoked }) => revoked.has(cert.details().serial))) return `${cert.name}: is revoked`;
  if (!trust.isCrlRequired) return '';
  const isInForce = own.some(({ thisUpdate, nextUpdate }) => thisUpdate <= now && now <= nextUpdate);
  return isInForce ? '' : `${cert.name}: no CRL in force of ${issuer.name}`;
}

/**
 * '' when there is a path from `given[0]` to an anchor, over others of `given` and intermediates; else why not. `now`: milliseconds
 * since 1970. Throws on a certificate that was signed and cannot be read.
 */
export function pathProblem(given: readonly Cert[], trust: Trust, now: number): string {
  const [leaf] = given;
  let reason = `${leaf.name}: its issuer is not known`;
  let checks = 0;

  /** The path that ends at the issuer of `cert`, among those that are trusted; undefined: there is none, and `reason` says why. */
  function issuerOf(cert: Cert, trusted: readonly Cert[][]): Cert[] | undefined {
    for (const path of trusted) {
      const issuer = path[path.length - 1];
      if (!namesIssuer(cert, issuer)) continue;
      if (++checks > CHECKS_MAX) reason = 'too many certificates of one name';
      else if (!isIssuedBy(cert, issuer)) reason = `${cert.name}: not signed by ${issuer.name}`;
      else {
        const problem = revocation(cert, issuer, trust, now);
        if (problem === '') return path;
        reason = problem;
      }
    }
    return undefined;
  }

  // What is trusted itself needs no issuer.
  if (trust.anchors.some(({ der }) => der.equals(leaf.der))) return leafProblem(leaf, now);
  const trusted: Cert[][] = [];
  for (const anchor of trust.anchors) {
    const problem = issuerProblem(anchor, now);
    if (problem === '') trusted.push([anchor]);
    else reason = problem;
  }
  // Each round finds the certificates that those of the last one have signed.
  let left = [...trust.intermediates, ...given.slice(1)];
  for (let round = 1; round < PATH_MAX && left.length > 0; round++) {
    const before = [...trusted];
    left = left.filter((cert) => {
      const above = issuerOf(cert, before);
      if (above === undefined) return true;
      const path = [...above, cert];
      const problem = issuerProblem(cert, now) || lengthProblem(path);
      if (problem === '') trusted.push(path);
      else reason = problem;
      return false;
    });
    if (trusted.length === before.length) break;
  }
  if (issuerOf(leaf, trusted) === undefined) return reason;
  return leafProblem(leaf, now);
}
