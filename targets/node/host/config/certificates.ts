// Certificates, CRLs and keys of other kinds than Ed25519 in a configuration, from their files.

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { keyProblem } from '../certificates/algorithms.ts';
import { createOwnKey, type OwnKey } from '../certificates/choice.ts';
import { createSignatures, type NodeSignatures } from '../certificates/signatures.ts';
import { type Cert, type Crl, isSignedBy, readCertificate, readCrl } from '../certificates/x509.ts';
import { entriesOf, type Field, fieldError, fileOctets, fileOf, inside, warnOfOthers } from './field.ts';
import { isInlineKey } from './ike-names.ts';

/** Most certificates or CRLs of one file, and octets of it. */
const MANY = 200;
const FILE_MAX = 1048576;

const NO_TRUST = { anchors: [], intermediates: [], crls: [], isCrlRequired: false };

/** DER structures of a file: one as it is, or all of this PEM label. */
function structuresOf(field: Field, label: string): Buffer[] {
  const octets = fileOctets(field, FILE_MAX);
  if (octets.length > 0 && octets[0] === 0x30) return [octets];
  const pattern = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`, 'g');
  const found = [...octets.toString('latin1').matchAll(pattern)].map(([, body]) => Buffer.from(body, 'base64'));
  if (found.length === 0) throw fieldError(field, `${fileOf(field)}: has no ${label}, as PEM or DER`);
  if (found.length > MANY) throw fieldError(field, `${fileOf(field)}: has ${found.length}: at most ${MANY}`);
  return found;
}

function readEach<T>(field: Field, label: string, read: (der: Buffer) => T): T[] {
  return structuresOf(field, label).map((der, index) => {
    try {
      return read(der);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw fieldError(field, `${fileOf(field)}: ${label} ${index + 1}: ${why}`);
    }
  });
}

const certificatesOf = (field: Field): Cert[] =>
  readEach(field, 'CERTIFICATE', (der) => {
    const cert = readCertificate(der);
    cert.details();
    return cert;
  });
const crlsOf = (field: Field): Crl[] => readEach(field, 'X509 CRL', readCrl);

/** A key in PEM, in the file or inside the configuration. */
function pemOf(field: Field, isPrivate: boolean): KeyObject {
  const isInline = isInlineKey(String(field.value).trim());
  const text = isInline ? String(field.value) : fileOctets(field).toString('latin1');
  let key: KeyObject;
  try {
    key = isPrivate ? createPrivateKey(text) : createPublicKey(text);
  } catch {
    throw fieldError(field, `must be a ${isPrivate ? 'private' : 'public'} key in PEM without a passphrase`);
  }
  const problem = keyProblem(key);
  if (problem !== '') throw fieldError(field, problem);
  if (isPrivate && !isInline) warnOfOthers(field.document, fileOf(field));
  return key;
}

/** True for a key in PEM that is not an Ed25519 key: it needs signatures of another kind. */
function isOtherKey(field: Field, isPrivate: boolean): boolean {
  if (field.value === undefined) return false;
  const given = String(field.value).trim();
  const text = isInlineKey(given) ? given : fileOctets(field).toString('latin1');
  if (!text.includes('-----BEGIN')) return false;
  try {
    return (isPrivate ? createPrivateKey(text) : createPublicKey(text)).asymmetricKeyType !== 'ed25519';
  } catch {
    return false;
  }
}

/** Whether `auth` names certificates, or keys of another kind than Ed25519. */
export function usesSignatures(auth: Field): boolean {
  const given = (auth.value ?? {}) as Record<string, unknown>;
  if (given.certificate !== undefined || given.ca !== undefined || given.furtherKeys !== undefined) return true;
  return isOtherKey(inside(auth, 'privateKey'), true) || isOtherKey(inside(auth, 'publicKey'), false);
}

/** Warns of what is out of date: it is read all the same, because the clock may be what is wrong. */
function warnOfTimes({ document }: Field, certs: readonly Cert[], crls: readonly Crl[], now: number): void {
  const until = (time: number): string => new Date(time).toISOString();
  const late = certs
    .map((cert) => ({ cert, ...cert.details() }))
    .filter(({ notBefore, notAfter }) => now < notBefore || now > notAfter);
  const texts = late.map(({ cert, notBefore, notAfter }) => {
    return `${cert.name}: certificate is valid from ${until(notBefore)} to ${until(notAfter)}, not now`;
  });
  for (const { nextUpdate } of crls)
    if (now > nextUpdate) texts.push(`a CRL was to be replaced by ${until(nextUpdate)}: it is not in force any more`);
  for (const text of texts) if (!document.warnings.includes(text)) document.warnings.push(text);
}

/** Key and certificates of this side in `auth` or in one of its `furtherKeys`; null: there is none. `known`: CA certificates. */
function ownKey(field: Field, known: readonly Cert[]): OwnKey | null {
  const at = (name: string): Field => inside(field, name);
  const has = (name: string): boolean => at(name).value !== undefined;
  const chain = has('certificate') ? certificatesOf(at('certificate')) : [];
  const key = has('privateKey') ? pemOf(at('privateKey'), true) : null;
  if (key === null && chain.length > 0) throw fieldError(at('privateKey'), 'is required with certificate');
  if (key !== null && chain.length > 0 && !chain[0].x509.checkPrivateKey(key))
    throw fieldError(at('privateKey'), `is not the key of the first certificate in ${fileOf(at('certificate'))}`);
  return key === null ? null : createOwnKey(key, chain, known);
}

/** Reads `auth` with certificates. Throws an error that names field and file. `wall`: milliseconds since 1970. */
export function signaturesOf(
  auth: Field,
  wall: () => number,
): { signatures: NodeSignatures; signs: boolean; verifies: boolean } {
  const at = (name: string): Field => inside(auth, name);
  const has = (name: string): boolean => at(name).value !== undefined;
  const listed = (name: string): Field[] => (has(name) ? entriesOf(at(name)) : []);
  const peerKey = has('publicKey') ? pemOf(at('publicKey'), false) : null;
  if (peerKey !== null && has('ca')) throw fieldError(at('publicKey'), 'ca is given too');
  const anchors = listed('ca').flatMap((field) => {
    const found = certificatesOf(field);
    const other = found.find((one) => !one.details().isCa);
    if (other !== undefined) throw fieldError(field, `${fileOf(field)}: ${other.name} is no CA certificate`);
    return found;
  });
  const own = ownKey(auth, anchors);
  const further = has('furtherKeys') ? entriesOf(at('furtherKeys')) : [];
  if (own === null && further.length > 0) throw fieldError(at('privateKey'), 'is required with furtherKeys');
  const owns = [own, ...further.map((field) => ownKey(field, anchors))].filter((one) => one !== null);
  if (has('crl') && anchors.length === 0)
    throw fieldError(at('crl'), 'is for peers with certificates: ca is not given');
  if (at('crlRequired').value === true && !has('crl'))
    throw fieldError(at('crlRequired'), 'needs crl: without one no peer would be taken');
  const intermediates = owns.flatMap(({ chain }) => chain.slice(1)).filter((one) => one.details().isCa);
  const crls = listed('crl').flatMap((field) => {
    const found = crlsOf(field);
    for (const crl of found) {
      // Of those that peers bring nothing is known here.
      const known = [...anchors, ...intermediates].filter((one) => one.details().subject === crl.issuer);
      if (known.length > 0 && !known.some((one) => isSignedBy(crl, one)))
        throw fieldError(field, `${fileOf(field)}: is not signed by ${known[0].name}, or that may not sign CRLs`);
    }
    return found;
  });
  const trust = { ...NO_TRUST, anchors, intermediates, crls, isCrlRequired: at('crlRequired').value === true };
  warnOfTimes(auth, [...owns.flatMap(({ chain }) => chain), ...anchors], crls, wall());
  const signatures = createSignatures({ owns, peerKey, trust, wall });
  return { signatures, signs: owns.length > 0, verifies: peerKey !== null || anchors.length > 0 };
}
