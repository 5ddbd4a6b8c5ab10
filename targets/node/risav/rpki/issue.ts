// Makes RPKI objects: certificates and CRLs [RFC 6487], signed objects [RFC 6488]. What `repository.ts` puts together.

import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import {
  BOOLEAN,
  bitString,
  context,
  der,
  integer,
  NULL,
  octetString,
  oid,
  PRINTABLE_STRING,
  readDer,
  sequence,
  sequenceOf,
  setOf,
  time,
} from './der.ts';
import * as id from './oids.ts';
import { type Resources, writeAddresses, writeAsNumbers } from './resources.ts';

/** A key and what certificates say of it. */
export interface Key {
  secret: KeyObject;
  /** SubjectPublicKeyInfo. */
  spki: Buffer;
  /** SHA-1 of the key, 20 octets. */
  id: Buffer;
}

export function keyOf(secret: KeyObject): Key {
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' });
  const [, bits] = sequenceOf(readDer(spki), 'SubjectPublicKeyInfo');
  return { secret, spki, id: createHash('sha1').update(bits.body.subarray(1)).digest() };
}

const algorithm = (name: string): Buffer => sequence(oid(name), der(NULL));
const nameOf = (text: string): Buffer =>
  sequence(setOf(sequence(oid(id.COMMON_NAME), der(PRINTABLE_STRING, Buffer.from(text)))));
const uri = (text: string): Buffer => der(context(6, false), Buffer.from(text, 'latin1'));
const access = (method: string, where: string): Buffer => sequence(oid(method), uri(where));

export function extension(name: string, isCritical: boolean, value: Buffer): Buffer {
  return sequence(oid(name), ...(isCritical ? [der(BOOLEAN, Buffer.of(0xff))] : []), octetString(value));
}

function signed(tbs: Buffer, key: Key): Buffer {
  return sequence(tbs, algorithm(id.SHA256_RSA), bitString(sign('sha256', tbs, key.secret)));
}

/** What a certificate says. Times are milliseconds since 1970. */
export interface CertificateGiven {
  serial: bigint;
  /** Common names. */
  issuer: string;
  subject: string;
  notBefore: number;
  notAfter: number;
  key: Key;
  /** Its issuer's key; itself: a trust anchor. */
  by: Key;
  isCa: boolean;
  resources: Resources;
  /** '' of a trust anchor. */
  crl: string;
  issuerUri: string;
  /** Of a CA: folder and manifest; of others the object. */
  repository: string;
  object: string;
}

/** The extensions of a certificate: the name of each, and itself. */
export function extensionsOf(given: CertificateGiven): Map<string, Buffer> {
  const out = new Map<string, Buffer>();
  const add = (name: string, isCritical: boolean, value: Buffer | null): void => {
    if (value !== null) out.set(name, extension(name, isCritical, value));
  };
  if (given.isCa) add(id.BASIC_CONSTRAINTS, true, sequence(der(BOOLEAN, Buffer.of(0xff))));
  add(id.SUBJECT_KEY_ID, false, octetString(given.key.id));
  const isAnchor = given.crl === '';
  if (!isAnchor) add(id.AUTHORITY_KEY_ID, false, sequence(der(context(0, false), given.by.id)));
  add(id.KEY_USAGE, true, given.isCa ? bitString(Buffer.of(6), 1) : bitString(Buffer.of(0x80), 7));
  const point = der(context(0), der(context(0), uri(given.crl)));
  if (!isAnchor) add(id.CRL_POINTS, false, sequence(sequence(point)));
  if (!isAnchor) add(id.AUTHORITY_ACCESS, false, sequence(access(id.CA_ISSUERS, given.issuerUri)));
  const places = given.isCa
    ? [access(id.CA_REPOSITORY, given.repository), access(id.RPKI_MANIFEST, given.object)]
    : [access(id.SIGNED_OBJECT, given.object)];
  add(id.SUBJECT_ACCESS, false, sequence(...places));
  add(id.POLICIES, true, sequence(sequence(oid(id.RPKI_POLICY))));
  add(id.IP_RESOURCES, true, writeAddresses(given.resources));
  add(id.AS_RESOURCES, true, writeAsNumbers(given.resources));
  return out;
}

/** Makes a certificate; `extensions`: others than its own, for tests. */
export function writeCertificate(given: CertificateGiven, extensions = extensionsOf(given)): Buffer {
  const tbs = sequence(
    der(context(0), integer(2)),
    integer(given.serial),
    algorithm(id.SHA256_RSA),
    nameOf(given.issuer),
    sequence(time(given.notBefore), time(given.notAfter)),
    nameOf(given.subject),
    given.key.spki,
    der(context(3), sequence(...extensions.values())),
  );
  return signed(tbs, given.by);
}

export interface CrlGiven {
  issuer: string;
  by: Key;
  number: bigint;
  thisUpdate: number;
  nextUpdate: number;
  /** Serial numbers. */
  revoked: readonly bigint[];
}

export function writeCrl({ issuer, by, number, thisUpdate, nextUpdate, revoked }: CrlGiven): Buffer {
  const entries = revoked.map((serial) => sequence(integer(serial), time(thisUpdate)));
  const extensions = sequence(
    extension(id.AUTHORITY_KEY_ID, false, sequence(der(context(0, false), by.id))),
    extension(id.CRL_NUMBER, false, integer(number)),
  );
  const tbs = sequence(
    integer(1),
    algorithm(id.SHA256_RSA),
    nameOf(issuer),
    time(thisUpdate),
    time(nextUpdate),
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    der(context(0), extensions),
  );
  return signed(tbs, by);
}

/** What tests change of a signed object. */
export interface ObjectChanges {
  /** OID of the content as the attributes have it. */
  attributeType?: string;
  digest?: Buffer;
  signature?: Buffer;
  keyId?: Buffer;
  version?: number;
  certificates?: Buffer[];
}

/** Makes a signed object: content of this type, signed by `key`, whose certificate goes with it. */
export function writeSignedObject(
  type: string,
  content: Buffer,
  certificate: Buffer,
  key: Key,
  now: number,
  changes: ObjectChanges = {},
): Buffer {
  const digest = changes.digest ?? createHash('sha256').update(content).digest();
  const attribute = (name: string, value: Buffer): Buffer => sequence(oid(name), setOf(value));
  const attributes = setOf(
    attribute(id.CONTENT_TYPE, oid(changes.attributeType ?? type)),
    attribute(id.SIGNING_TIME, time(now)),
    attribute(id.MESSAGE_DIGEST, octetString(digest)),
  );
  const inner = Buffer.from(attributes);
  inner[0] = context(0);
  const signer = sequence(
    integer(3),
    der(context(0, false), changes.keyId ?? key.id),
    sequence(oid(id.SHA256)),
    inner,
    algorithm(id.RSA_ENCRYPTION),
    octetString(changes.signature ?? sign('sha256', attributes, key.secret)),
  );
  const data = sequence(
    integer(changes.version ?? 3),
    setOf(sequence(oid(id.SHA256))),
    sequence(oid(type), der(context(0), octetString(content))),
    der(context(0), ...(changes.certificates ?? [certificate])),
    setOf(signer),
  );
  return sequence(oid(id.SIGNED_DATA), der(context(0), data));
}
