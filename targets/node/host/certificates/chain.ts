// The path from a peer's certificate to one that this side trusts [RFC 5280 §6, RFC 4945 §5]. Name constraints and policy constraints
// are not supported: where they are critical, as they have to be, the path is refused.

import { keyProblem } from './algorithms.ts';
import { CERT_SIGN, type Cert, type Crl, DIGITAL_SIGNATURE, isIssuedBy, isSignedBy, NON_REPUDIATION } from './x509.ts';

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

function validity(cert: Cert, now: number): string {
  if (now < cert.notBefore) return `${cert.name}: not valid before ${new Date(cert.notBefore).toISOString()}`;
  return now > cert.notAfter ? `${cert.name}: expired on ${new Date(cert.notAfter).toISOString()}` : '';
}

/** Why a certificate may not stand at the end of a path, or ''. */
function leafProblem(cert: Cert, now: number): string {
  const { usage, purposes, name } = cert;
  if (cert.problem !== '') return `${name}: ${cert.problem}`;
  if (usage !== null && (usage & (DIGITAL_SIGNATURE | NON_REPUDIATION)) === 0)
    return `${name}: its key usage has no digital signature`;
  if (purposes !== null && !purposes.some((one) => PURPOSES.has(one)))
    return `${name}: its extended key usage is not for IKE`;
  const key = keyProblem(cert.key);
  return key === '' ? validity(cert, now) : `${name}: ${key}`;
}

/** Why a CA certificate with `below` CA certificates under it may not issue, or ''. */
function issuerProblem(cert: Cert, below: number, now: number): string {
  if (cert.problem !== '') return `${cert.name}: ${cert.problem}`;
  if (!cert.isCa) return `${cert.name}: is no CA certificate`;
  if (cert.usage !== null && (cert.usage & CERT_SIGN) === 0)
    return `${cert.name}: its key usage has no certificate signing`;
  if (below > cert.pathLength) return `${cert.name}: path length ${cert.pathLength} is exceeded`;
  return validity(cert, now);
}

function revocation(cert: Cert, issuer: Cert, trust: Trust, now: number): string {
  const own = trust.crls.filter((crl) => isSignedBy(crl, issuer));
  if (own.some(({ revoked }) => revoked.has(cert.serial))) return `${cert.name}: is revoked`;
  if (!trust.isCrlRequired) return '';
  const isInForce = own.some(({ thisUpdate, nextUpdate }) => thisUpdate <= now && now <= nextUpdate);
  return isInForce ? '' : `${cert.name}: no CRL in force of ${issuer.name}`;
}

/**
 * '' when there is a path from `given[0]` to an anchor, over others of `given` and intermediates; else why not. `now`: milliseconds
 * since 1970.
 */
export function pathProblem(given: readonly Cert[], trust: Trust, now: number): string {
  const [leaf] = given;
  const first = leafProblem(leaf, now);
  if (first !== '') return first;
  let checks = 0;
  let reason = `${leaf.name}: its issuer is not known`;

  function leads(cert: Cert, path: readonly Cert[]): boolean {
    // What is trusted itself needs no issuer.
    if (trust.anchors.some(({ der }) => der.equals(cert.der))) return true;
    if (path.length >= PATH_MAX) {
      reason = `more than ${PATH_MAX} certificates`;
      return false;
    }
    for (const issuer of [...trust.anchors, ...trust.intermediates, ...given.slice(1)]) {
      if (cert.issuer !== issuer.subject || path.includes(issuer)) continue;
      if (++checks > CHECKS_MAX) {
        reason = 'too many certificates of one name';
        return false;
      }
      if (!isIssuedBy(cert, issuer)) {
        reason = `${cert.name}: not signed by ${issuer.name}`;
        continue;
      }
      // A certificate that issued itself does not count [RFC 5280 §4.2.1.9].
      const below = path.filter((one, at) => at > 0 && one.subject !== one.issuer).length;
      const problem = issuerProblem(issuer, below, now) || revocation(cert, issuer, trust, now);
      if (problem !== '') reason = problem;
      else if (leads(issuer, [...path, issuer])) return true;
    }
    return false;
  }

  return leads(leaf, [leaf]) ? '' : reason;
}
