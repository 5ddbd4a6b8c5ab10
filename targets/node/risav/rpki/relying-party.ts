// The relying party: validates a repository from a trust anchor down [RFC 6487 §7, RFC 9286 §6]. It knows nothing but the repository, the
// trust anchor and the time. A publication point with one file missing or other than its manifest says is not used at all [RFC 9286 §6.6].
// Resources are checked strictly: one too many, and the certificate is rejected. The other way of RFC 8360 is not offered: a certificate with
// its OIDs is rejected.

import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Certificate, checkTime, isSigned, readCertificate } from './certificate.ts';
import { type Announcement, type Manifest, type Roa, readAnnouncement, readManifest, readRoa } from './contents.ts';
import { CRL_MAX, readCrl } from './crl.ts';
import { MANIFEST, RISAV_ANNOUNCEMENT, ROA } from './oids.ts';
import { isWithin, KINDS, type Range, type Resources, rangeOf, resolve } from './resources.ts';
import { readSignedObject, type SignedObject } from './signed-object.ts';
import type { Tal } from './tal.ts';

/** Most CAs below each other, and altogether. */
const DEPTH_MAX = 32;
const CAS_MAX = 100_000;

/** Where objects are found. */
export interface Store {
  /** The object at an rsync URI, or undefined. */
  read(uri: string): Buffer | undefined;
}

/** Objects in a folder as rsync leaves them: `host/module/path`. */
export function folderStore(folder: string): Store {
  return {
    read(uri) {
      const path = uri.slice('rsync://'.length);
      if (!uri.startsWith('rsync://') || path.split('/').some((part) => part === '..' || part === '')) return undefined;
      try {
        const full = join(folder, path);
        const is = statSync(full);
        return is.isFile() && is.size <= CRL_MAX ? readFileSync(full) : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

export const mapStore = (files: ReadonlyMap<string, Buffer>): Store => ({ read: (uri) => files.get(uri) });

export interface Verdict {
  uri: string;
  /** '': valid; else why not. */
  problem: string;
}

/** What is kept of a manifest for the next run: numbers must not go back [RFC 9286 §4.2.1]. */
export interface Seen {
  number: bigint;
  thisUpdate: number;
  /** SHA-256 of the manifest. */
  hash: string;
}

export interface Validated<T> {
  uri: string;
  value: T;
  /** When the first certificate above it expires, milliseconds since 1970. */
  until: number;
}

export interface Validation {
  verdicts: Verdict[];
  roas: Validated<Roa>[];
  announcements: Validated<Announcement>[];
  /** Manifests by URI, for the next run; also those of the run before that were not good in this one. */
  manifests: Map<string, Seen>;
}

export interface Options {
  store: Store;
  tal: Tal;
  /** Milliseconds since 1970. */
  now: number;
  announcementOid?: string;
  /** Of the run before. */
  manifests?: ReadonlyMap<string, Seen>;
}

/** A CA in order, with its resources. */
interface Authority {
  certificate: Certificate;
  uri: string;
  resources: Resources;
  until: number;
  depth: number;
  /** Key identifiers from the anchor down: none stands there twice. */
  path: readonly string[];
}

/** What a CA has published. */
interface Point {
  files: Map<string, Buffer>;
  /** Where its CRL is, and what that revokes. */
  crl: string;
  revoked: Set<bigint>;
  /** When its manifest, or a certificate above, is over. */
  until: number;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Checks a certificate against its issuer; gives its resources. `crl`: where the issuer's manifest has its list. */
function checkBelow(
  cert: Certificate,
  above: Authority,
  revoked: ReadonlySet<bigint>,
  crl: string,
  now: number,
): Resources {
  const issuer = above.certificate;
  if (cert.issuer !== issuer.subject) throw new Error('issuer is not the subject of the CA');
  if (cert.authorityKeyId !== issuer.keyId) throw new Error('authorityKeyIdentifier is not the key of the CA');
  if (cert.issuerUri !== above.uri) throw new Error('authorityInfoAccess is not where the CA is');
  if (cert.crl !== crl) throw new Error('cRLDistributionPoints is not the CRL of the manifest');
  if (!isSigned(cert.tbs, issuer.key, cert.signature)) throw new Error('the signature of its certificate is wrong');
  checkTime(cert, now);
  if (revoked.has(cert.serial)) throw new Error('revoked');
  return resolve(cert.resources, above.resources);
}

const isInherit = ({ resources }: Certificate): boolean => KINDS.some((kind) => resources[kind] === 'inherit');

function checkRoa({ as, prefixes }: Roa, { certificate }: SignedObject, resources: Resources): void {
  if (certificate.resources.as.length > 0) throw new Error(`the certificate of a ROA (AS${as}) has AS numbers`);
  if (isInherit(certificate)) throw new Error('inherit in the certificate of a ROA');
  for (const one of prefixes)
    if (!isWithin([rangeOf(one)], resources[one.family] as readonly Range[]))
      throw new Error('a prefix is not among the addresses of its certificate');
}

function checkAnnouncement(
  { as, contacts }: Announcement,
  { certificate }: SignedObject,
  resources: Resources,
  ca: Authority,
): void {
  if (isInherit(certificate)) throw new Error('inherit in the certificate of an announcement');
  if (!isWithin([[BigInt(as), BigInt(as)]], resources.as as readonly Range[]))
    throw new Error(`AS${as} is not among the AS numbers of its certificate`);
  // The draft does not ask for it. But packets from and to a contact are exempt from all checks: an AS could exempt another's address.
  for (const one of contacts)
    if (!isWithin([rangeOf(one)], ca.resources[one.family] as readonly Range[]))
      throw new Error('a contact is not among the addresses of its CA');
}

/** Validates everything below a trust anchor. It does not throw. */
export function validate(options: Options): Validation {
  const { store, tal, now, announcementOid = RISAV_ANNOUNCEMENT } = options;
  const out: Validation = { verdicts: [], roas: [], announcements: [], manifests: new Map(options.manifests) };
  const verdict = (uri: string, problem: string): unknown => out.verdicts.push({ uri, problem });
  const queue: Authority[] = [];
  const points = new Set<string>();

  /** Runs a check of one file: what it throws is the verdict. */
  function judged(uri: string, check: () => void): void {
    try {
      check();
      verdict(uri, '');
    } catch (error) {
      verdict(uri, messageOf(error));
    }
  }

  function readAnchor(uri: string): void {
    const octets = store.read(uri);
    if (octets === undefined) throw new Error('is not there');
    const certificate = readCertificate(octets, true);
    if (!certificate.isCa) throw new Error('is no CA certificate');
    if (!certificate.key.export({ format: 'der', type: 'spki' }).equals(tal.spki))
      throw new Error('has not the key of its TAL');
    if (
      certificate.issuer !== certificate.subject ||
      !isSigned(certificate.tbs, certificate.key, certificate.signature)
    )
      throw new Error('is not signed by itself');
    if (certificate.authorityKeyId !== '' && certificate.authorityKeyId !== certificate.keyId)
      throw new Error('authorityKeyIdentifier is not its own key');
    checkTime(certificate, now);
    if (isInherit(certificate)) throw new Error('inherit in a trust anchor');
    const { resources, notAfter, keyId } = certificate;
    queue.push({ certificate, uri, resources, until: notAfter, depth: 1, path: [keyId] });
  }

  /** Reads the manifest of a CA with its CRL, and all files. Throws where the publication point cannot be used. */
  function readPoint(ca: Authority): Point {
    const { repository, manifest: uri } = ca.certificate;
    const folder = repository.endsWith('/') ? repository : repository + '/';
    const octets = store.read(uri);
    if (octets === undefined) throw new Error('is not there');
    const object = readSignedObject(octets);
    if (object.type !== MANIFEST) throw new Error(`content is ${object.type}: must be a manifest`);
    const { certificate } = object;
    const manifest: Manifest = readManifest(object.content);
    if (now < manifest.thisUpdate) throw new Error('thisUpdate is in the future');
    if (now > manifest.nextUpdate) throw new Error('nextUpdate has passed');
    const hash = createHash('sha256').update(octets).digest('hex');
    const before = options.manifests?.get(uri);
    if (before !== undefined && before.hash !== hash) {
      if (manifest.number <= before.number)
        throw new Error(`manifestNumber ${manifest.number}: ${before.number} was there before`);
      if (manifest.thisUpdate < before.thisUpdate)
        throw new Error('thisUpdate is before that of the manifest seen before');
    }
    if (uri !== folder + uri.slice(uri.lastIndexOf('/') + 1)) throw new Error('is not in the folder of its CA');
    if (certificate.signedObject !== uri) throw new Error('subjectInfoAccess is not where it is');
    const crls = [...manifest.files.keys()].filter((name) => name.endsWith('.crl'));
    if (crls.length !== 1) throw new Error(`the manifest has ${crls.length} CRLs: must be 1`);
    const files = new Map<string, Buffer>();
    for (const [name, wanted] of manifest.files) {
      const file = store.read(folder + name);
      if (file === undefined) throw new Error(`${name} is not there`);
      if (!createHash('sha256').update(file).digest().equals(wanted)) throw new Error(`${name} has another hash`);
      files.set(folder + name, file);
    }
    const crl = folder + crls[0];
    let revoked: Set<bigint>;
    try {
      revoked = readCrl(files.get(crl)!, ca.certificate, now);
    } catch (error) {
      throw new Error(`${crls[0]}: ${messageOf(error)}`);
    }
    if (KINDS.some((kind) => certificate.resources[kind].length > 0 && certificate.resources[kind] !== 'inherit'))
      throw new Error('the certificate of a manifest must inherit its resources');
    checkBelow(certificate, ca, revoked, crl, now);
    out.manifests.set(uri, { number: manifest.number, thisUpdate: manifest.thisUpdate, hash });
    return { files, crl, revoked, until: Math.min(ca.until, certificate.notAfter, manifest.nextUpdate) };
  }

  function readCa(octets: Buffer, uri: string, ca: Authority, { revoked, crl, until: most }: Point): void {
    const certificate = readCertificate(octets);
    const resources = checkBelow(certificate, ca, revoked, crl, now);
    // A certificate of a router, for BGPsec, is no CA's: this project reads none.
    if (!certificate.isCa) throw new Error('is no CA certificate');
    if (ca.path.includes(certificate.keyId)) throw new Error('its key is that of a CA above it');
    if (ca.depth >= DEPTH_MAX) throw new Error(`more than ${DEPTH_MAX} CAs below each other`);
    if (points.size + queue.length >= CAS_MAX) throw new Error(`more than ${CAS_MAX} CAs`);
    const until = Math.min(most, certificate.notAfter);
    queue.push({ certificate, uri, resources, until, depth: ca.depth + 1, path: [...ca.path, certificate.keyId] });
  }

  function readObject(octets: Buffer, uri: string, ca: Authority, { revoked, crl, until: most }: Point): void {
    const object = readSignedObject(octets);
    const { type, content, certificate } = object;
    const isRoa = uri.endsWith('.roa');
    if (isRoa !== (type === ROA) || (!isRoa && type !== announcementOid))
      throw new Error(`content is ${type}: not what the name of the file says, or not known`);
    if (certificate.signedObject !== uri) throw new Error('subjectInfoAccess is not where it is');
    const resources = checkBelow(certificate, ca, revoked, crl, now);
    const until = Math.min(most, certificate.notAfter);
    if (isRoa) {
      const value = readRoa(content);
      checkRoa(value, object, resources);
      out.roas.push({ uri, value, until });
    } else {
      const value = readAnnouncement(content);
      checkAnnouncement(value, object, resources, ca);
      out.announcements.push({ uri, value, until });
    }
  }

  function readAll(ca: Authority): void {
    const { manifest } = ca.certificate;
    if (points.has(manifest)) return void verdict(manifest, 'is that of another CA already');
    points.add(manifest);
    let point: Point;
    try {
      point = readPoint(ca);
    } catch (error) {
      return void verdict(manifest, messageOf(error));
    }
    verdict(manifest, '');
    for (const [uri, octets] of point.files) {
      if (uri === point.crl) verdict(uri, '');
      else if (uri.endsWith('.cer')) judged(uri, () => readCa(octets, uri, ca, point));
      else judged(uri, () => readObject(octets, uri, ca, point));
    }
  }

  // The first that can be used [RFC 8630 §3]; others are of no account then.
  for (const uri of tal.uris) {
    judged(uri, () => readAnchor(uri));
    if (queue.length === 0) continue;
    out.verdicts.splice(0, out.verdicts.length - 1);
    break;
  }
  for (let ca = queue.shift(); ca !== undefined; ca = queue.shift()) readAll(ca);
  return out;
}
