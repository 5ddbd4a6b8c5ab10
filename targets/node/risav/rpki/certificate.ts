// Resource certificates, by the profile of RFC 6487 §4, field by field. Every problem is an Error that names the field.

import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import {
  BIT_STRING,
  BOOLEAN,
  bitsOf,
  context,
  type Der,
  elements,
  expect,
  INTEGER,
  integerOf,
  NULL,
  OCTET_STRING,
  OID,
  oidOf,
  PRINTABLE_STRING,
  readDer,
  SET,
  sequenceOf,
  timeOf,
  UTF8_STRING,
} from './der.ts';
import * as id from './oids.ts';
import { NO_RESOURCES, type Resources, readAddresses, readAsNumbers } from './resources.ts';

/** The largest certificate, in octets. */
export const CERTIFICATE_MAX = 65536;

export interface Certificate {
  der: Buffer;
  isCa: boolean;
  serial: bigint;
  /** Names, DER in hexadecimal. */
  issuer: string;
  subject: string;
  /** Milliseconds since 1970. */
  notBefore: number;
  notAfter: number;
  key: KeyObject;
  /** Key identifiers in hexadecimal; '' for an authority that a trust anchor leaves out. */
  keyId: string;
  authorityKeyId: string;
  /** As they stand there: `inherit` is not resolved. */
  resources: Resources;
  /** Where its CRL and its issuer's certificate are; '' for a trust anchor. */
  crl: string;
  issuerUri: string;
  /** Of a CA: folder and manifest. */
  repository: string;
  manifest: string;
  /** Of an EE certificate. */
  signedObject: string;
  /** What is signed, and the signature. */
  tbs: Buffer;
  signature: Buffer;
}

/** AlgorithmIdentifier: an OID, and NULL, which signatures have to have [RFC 4055 §5] and digests may leave out [RFC 5754 §2]. */
export function checkAlgorithm(one: Der | undefined, wanted: string, name: string, isNullNeeded = true): void {
  const [algorithm, parameters, more] = sequenceOf(one, name);
  const found = oidOf(expect(algorithm, OID, name));
  if (found !== wanted) throw new Error(`${name} is ${found}: must be ${wanted}`);
  const isNull = parameters === undefined ? !isNullNeeded : parameters.tag === NULL;
  if (!isNull || more !== undefined) throw new Error(`${name} has malformed parameters`);
}

/** A name of one CommonName, with or without a serial number [RFC 6487 §4.4]. */
export function nameOf(one: Der | undefined, name: string): string {
  const kinds = sequenceOf(one, name).flatMap((set) =>
    elements(expect(set, SET, name).body).map((attribute) => {
      const [type, value, more] = sequenceOf(attribute, name);
      const kind = oidOf(expect(type, OID, name));
      const isText = value?.tag === PRINTABLE_STRING || (kind === id.COMMON_NAME && value?.tag === UTF8_STRING);
      if (!isText || value.body.length === 0 || more !== undefined) throw new Error(`${name} is no PrintableString`);
      return kind;
    }),
  );
  const has = (kind: string): number => kinds.filter((each) => each === kind).length;
  if (has(id.COMMON_NAME) !== 1 || has(id.SERIAL_NUMBER) > 1 || has(id.SERIAL_NUMBER) + 1 !== kinds.length)
    throw new Error(`${name} must be one CommonName, and a serialNumber at most`);
  return one!.whole.toString('hex');
}

function keyOf(one: Der | undefined): { key: KeyObject; hash: string } {
  const [algorithm, bits, more] = sequenceOf(one, 'subjectPublicKeyInfo');
  checkAlgorithm(algorithm, id.RSA_ENCRYPTION, 'subjectPublicKeyInfo');
  const { unused, octets } = bitsOf(expect(bits, BIT_STRING, 'subjectPublicKey'));
  if (unused !== 0 || more !== undefined) throw new Error('subjectPublicKeyInfo is malformed');
  const [modulus, exponent, extra] = sequenceOf(readDer(octets), 'RSAPublicKey');
  const isSize = modulus?.tag === INTEGER && integerOf(modulus).toString(2).length === 2048;
  if (!isSize || exponent?.tag !== INTEGER || integerOf(exponent) !== 65537n || extra !== undefined)
    throw new Error('the key must be RSA with 2048 bits and exponent 65537');
  const key = createPublicKey({ key: one!.whole, format: 'der', type: 'spki' });
  return { key, hash: createHash('sha1').update(octets).digest('hex') };
}

/** Extensions by OID. Throws where one stands twice. */
export function extensionsOf(one: Der): Map<string, { isCritical: boolean; value: Der }> {
  const [list, ...rest] = elements(one.body);
  if (rest.length > 0) throw new Error('extensions is malformed');
  const out = new Map<string, { isCritical: boolean; value: Der }>();
  for (const item of sequenceOf(list, 'extensions')) {
    const fields = sequenceOf(item, 'an extension');
    const oid = oidOf(expect(fields[0], OID, 'extnID'));
    const isCritical = fields[1]?.tag === BOOLEAN;
    if (isCritical && fields[1].body[0] === 0) throw new Error(`extension ${oid}: FALSE is the default`);
    const value = fields[isCritical ? 2 : 1];
    if (fields.length !== (isCritical ? 3 : 2)) throw new Error(`extension ${oid} is malformed`);
    if (out.has(oid)) throw new Error(`extension ${oid} stands there twice`);
    out.set(oid, { isCritical, value: readDer(expect(value, OCTET_STRING, `extension ${oid}`).body) });
  }
  return out;
}

export const RSYNC_URI = /^rsync:\/\/[A-Za-z0-9.-]+(:\d+)?\/[A-Za-z0-9._~/@%+-]*$/;

function uriOf({ tag, body }: Der): string {
  if (tag !== context(6, false)) return '';
  return body.toString('latin1');
}

/** The rsync URIs of a list by access method; other schemes and methods may stand there as well. */
function accessOf(one: Der | undefined, method: string, name: string): string {
  for (const item of sequenceOf(one, name)) {
    const [kind, location] = sequenceOf(item, name);
    if (kind === undefined || location === undefined) throw new Error(`${name} is malformed`);
    const uri = oidOf(expect(kind, OID, name)) === method ? uriOf(location) : '';
    if (RSYNC_URI.test(uri) && !uri.split('/').includes('..')) return uri;
  }
  throw new Error(`${name} has no rsync URI of ${method}`);
}

function crlPointOf(one: Der | undefined): string {
  const points = sequenceOf(one, 'cRLDistributionPoints');
  const [field, ...others] = points.length === 1 ? sequenceOf(points[0], 'a DistributionPoint') : [];
  if (field?.tag !== context(0) || others.length > 0)
    throw new Error('cRLDistributionPoints must have one point by its name');
  const [full, more] = elements(field.body);
  if (full?.tag !== context(0) || more !== undefined) throw new Error('cRLDistributionPoints must have a full name');
  const uri = elements(full.body)
    .map(uriOf)
    .find((each) => RSYNC_URI.test(each));
  if (uri === undefined) throw new Error('cRLDistributionPoints has no rsync URI');
  return uri;
}

/** AuthorityKeyIdentifier: a key identifier, and nothing else [RFC 6487 §4.8.3]. */
export function authorityOf(one: Der): string {
  const [key, more] = sequenceOf(one, 'authorityKeyIdentifier');
  if (key?.tag !== context(0, false) || key.body.length !== 20 || more !== undefined)
    throw new Error('authorityKeyIdentifier must be the keyIdentifier alone, of 20 octets');
  return key.body.toString('hex');
}

function checkPolicy(one: Der): void {
  const policies = sequenceOf(one, 'certificatePolicies');
  const [policy, qualifiers, more] = sequenceOf(policies[0], 'certificatePolicies');
  if (
    policies.length !== 1 ||
    oidOf(expect(policy, OID, 'certificatePolicies')) !== id.RPKI_POLICY ||
    more !== undefined
  )
    throw new Error(`certificatePolicies must be ${id.RPKI_POLICY} alone`);
  const list = qualifiers === undefined ? [] : sequenceOf(qualifiers, 'policyQualifiers');
  for (const item of list)
    if (list.length > 1 || oidOf(expect(sequenceOf(item, 'a qualifier')[0], OID, 'a qualifier')) !== id.CPS)
      throw new Error('policyQualifiers must be one CPS');
}

/** Whether an extension has to be critical [RFC 6487 §4.8]. */
const CRITICAL: Record<string, boolean> = {
  [id.BASIC_CONSTRAINTS]: true,
  [id.SUBJECT_KEY_ID]: false,
  [id.AUTHORITY_KEY_ID]: false,
  [id.KEY_USAGE]: true,
  [id.CRL_POINTS]: false,
  [id.AUTHORITY_ACCESS]: false,
  [id.SUBJECT_ACCESS]: false,
  [id.POLICIES]: true,
  [id.IP_RESOURCES]: true,
  [id.AS_RESOURCES]: true,
};

/** Reads a certificate. `isAnchor`: one that signed itself, without CRL and issuer. Throws on what breaks the profile. */
export function readCertificate(octets: Buffer, isAnchor = false): Certificate {
  if (octets.length > CERTIFICATE_MAX) throw new Error(`${octets.length} octets: at most ${CERTIFICATE_MAX}`);
  const [tbs, algorithm, bits, extra] = sequenceOf(readDer(octets), 'Certificate');
  if (extra !== undefined) throw new Error('Certificate has more than three fields');
  const fields = sequenceOf(tbs, 'tbsCertificate');
  if (fields.length !== 8) throw new Error(`tbsCertificate has ${fields.length} fields: must be 8`);
  const [version, serial, inner, issuer, validity, subject, spki, extensions] = fields;
  if (version.tag !== context(0) || version.body.toString('hex') !== '020102') throw new Error('version must be 3');
  const number = integerOf(expect(serial, INTEGER, 'serialNumber'));
  if (number <= 0n || serial.body.length > 20) throw new Error('serialNumber must be positive, of 20 octets at most');
  checkAlgorithm(inner, id.SHA256_RSA, 'signature');
  checkAlgorithm(algorithm, id.SHA256_RSA, 'signatureAlgorithm');
  const times = sequenceOf(validity, 'validity');
  if (times.length !== 2) throw new Error('validity is malformed');
  const { key, hash } = keyOf(spki);
  const all = extensionsOf(expect(extensions, context(3), 'extensions'));
  for (const [oid, { isCritical }] of all) {
    if (!Object.hasOwn(CRITICAL, oid)) throw new Error(`extension ${oid} may not be there`);
    if (CRITICAL[oid] !== isCritical)
      throw new Error(`extension ${oid} must ${CRITICAL[oid] ? '' : 'not '}be critical`);
  }
  const need = (oid: string): Der => {
    const found = all.get(oid);
    if (found === undefined) throw new Error(`extension ${oid} is missing`);
    return found.value;
  };
  const isCa = all.has(id.BASIC_CONSTRAINTS);
  if (isCa && need(id.BASIC_CONSTRAINTS).whole.toString('hex') !== '30030101ff')
    throw new Error('basicConstraints must be cA alone');
  // keyCertSign and cRLSign of a CA, digitalSignature of others [RFC 6487 §4.8.4].
  const usage = need(id.KEY_USAGE).whole.toString('hex');
  if (usage !== (isCa ? '03020106' : '03020780')) throw new Error('keyUsage must be of a CA, or of an EE certificate');
  const keyId = expect(need(id.SUBJECT_KEY_ID), OCTET_STRING, 'subjectKeyIdentifier').body.toString('hex');
  if (keyId !== hash) throw new Error('subjectKeyIdentifier must be the SHA-1 of the key');
  const authorityKeyId = isAnchor && !all.has(id.AUTHORITY_KEY_ID) ? '' : authorityOf(need(id.AUTHORITY_KEY_ID));
  if (isAnchor && (all.has(id.CRL_POINTS) || all.has(id.AUTHORITY_ACCESS)))
    throw new Error('a trust anchor names no CRL and no issuer');
  checkPolicy(need(id.POLICIES));
  if (!all.has(id.IP_RESOURCES) && !all.has(id.AS_RESOURCES)) throw new Error('has no resources');
  const resources: Resources = { ...NO_RESOURCES };
  if (all.has(id.IP_RESOURCES)) Object.assign(resources, readAddresses(need(id.IP_RESOURCES)));
  if (all.has(id.AS_RESOURCES)) resources.as = readAsNumbers(need(id.AS_RESOURCES));
  const access = need(id.SUBJECT_ACCESS);
  const { unused, octets: signature } = bitsOf(expect(bits, BIT_STRING, 'signatureValue'));
  if (unused !== 0) throw new Error('signatureValue is malformed');
  return {
    der: octets,
    isCa,
    serial: number,
    issuer: nameOf(issuer, 'issuer'),
    subject: nameOf(subject, 'subject'),
    notBefore: timeOf(times[0]),
    notAfter: timeOf(times[1]),
    key,
    keyId,
    authorityKeyId,
    resources,
    crl: isAnchor ? '' : crlPointOf(need(id.CRL_POINTS)),
    issuerUri: isAnchor ? '' : accessOf(need(id.AUTHORITY_ACCESS), id.CA_ISSUERS, 'authorityInfoAccess'),
    repository: isCa ? accessOf(access, id.CA_REPOSITORY, 'subjectInfoAccess') : '',
    manifest: isCa ? accessOf(access, id.RPKI_MANIFEST, 'subjectInfoAccess') : '',
    signedObject: isCa ? '' : accessOf(access, id.SIGNED_OBJECT, 'subjectInfoAccess'),
    tbs: tbs.whole,
    signature,
  };
}

/** True when the owner of the key signed these octets, by RSASSA-PKCS1-v1_5 with SHA-256 [RFC 7935 §2]. */
export function isSigned(octets: Buffer, key: KeyObject, signature: Buffer): boolean {
  try {
    return verify('sha256', octets, key, signature);
  } catch {
    return false;
  }
}

/** Throws where the time is not within the validity. `now`: milliseconds since 1970. */
export function checkTime({ notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>, now: number): void {
  if (notAfter < notBefore) throw new Error('its validity ends before it begins');
  if (now < notBefore) throw new Error(`not valid before ${new Date(notBefore).toISOString()}`);
  if (now > notAfter) throw new Error(`expired on ${new Date(notAfter).toISOString()}`);
}
