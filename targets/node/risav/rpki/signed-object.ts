// Signed objects [RFC 6488]: CMS SignedData with one signer and his certificate in it. Checks in the order of §3.

import { createHash } from 'node:crypto';
import { type Certificate, checkAlgorithm, isSigned, readCertificate } from './certificate.ts';
import {
  context,
  type Der,
  der,
  elements,
  expect,
  INTEGER,
  integerOf,
  OCTET_STRING,
  OID,
  oidOf,
  readDer,
  SET,
  sequenceOf,
  setOf,
  timeOf,
} from './der.ts';
import * as id from './oids.ts';

/** The largest object, in octets. */
export const OBJECT_MAX = 4 * 1024 * 1024;

export interface SignedObject {
  type: string;
  content: Buffer;
  /** The signer's: by itself in order; its chain is not checked here. */
  certificate: Certificate;
}

function one(list: readonly Der[], name: string): Der {
  if (list.length !== 1) throw new Error(`${name} has ${list.length} elements: must be 1`);
  return list[0];
}

/** Signed attributes: content type, digest, and times perhaps; each once, with one value [RFC 6488 §2.1.6.4]. */
function checkAttributes(list: readonly Der[], type: string, content: Buffer): void {
  const found = new Map<string, Der>();
  for (const item of list) {
    const [kind, values, more] = sequenceOf(item, 'a signed attribute');
    const name = oidOf(expect(kind, OID, 'attrType'));
    if (found.has(name) || more !== undefined)
      throw new Error(`signed attribute ${name} is malformed, or stands there twice`);
    found.set(name, one(elements(expect(values, SET, 'attrValues').body), 'attrValues'));
  }
  for (const name of found.keys())
    if (![id.CONTENT_TYPE, id.MESSAGE_DIGEST, id.SIGNING_TIME, id.BINARY_SIGNING_TIME].includes(name))
      throw new Error(`signed attribute ${name} may not be there`);
  if (oidOf(expect(found.get(id.CONTENT_TYPE), OID, 'content-type')) !== type)
    throw new Error('content-type is not that of the content');
  const digest = expect(found.get(id.MESSAGE_DIGEST), OCTET_STRING, 'message-digest').body;
  if (!digest.equals(createHash('sha256').update(content).digest()))
    throw new Error('message-digest is not that of the content');
  const time = found.get(id.SIGNING_TIME);
  if (time !== undefined) timeOf(time);
}

/** Reads a signed object, and checks its signature. Throws on what breaks the profile. */
export function readSignedObject(octets: Buffer): SignedObject {
  if (octets.length > OBJECT_MAX) throw new Error(`${octets.length} octets: at most ${OBJECT_MAX}`);
  const [outerType, outer, more] = sequenceOf(readDer(octets), 'ContentInfo');
  if (oidOf(expect(outerType, OID, 'contentType')) !== id.SIGNED_DATA || more !== undefined)
    throw new Error('contentType must be signed-data');
  const fields = sequenceOf(one(elements(expect(outer, context(0), 'content').body), 'content'), 'SignedData');
  if (fields.length !== 5)
    throw new Error('SignedData must have version, digests, content, certificates, signer, and no CRLs');
  const [version, digests, encapsulated, certificates, signers] = fields;
  if (integerOf(expect(version, INTEGER, 'version')) !== 3n) throw new Error('version of SignedData must be 3');
  const digest = one(elements(expect(digests, SET, 'digestAlgorithms').body), 'digestAlgorithms');
  checkAlgorithm(digest, id.SHA256, 'digestAlgorithms', false);
  const [kind, wrapped, extra] = sequenceOf(encapsulated, 'encapContentInfo');
  const type = oidOf(expect(kind, OID, 'eContentType'));
  const inner = one(elements(expect(wrapped, context(0), 'eContent').body), 'eContent');
  const content = expect(inner, OCTET_STRING, 'eContent').body;
  if (extra !== undefined) throw new Error('encapContentInfo is malformed');
  const der1 = one(elements(expect(certificates, context(0), 'certificates').body), 'certificates');
  const certificate = readCertificate(der1.whole);
  if (certificate.isCa) throw new Error('its certificate is that of a CA');
  const signer = sequenceOf(one(elements(expect(signers, SET, 'signerInfos').body), 'signerInfos'), 'SignerInfo');
  if (signer.length !== 6) throw new Error('SignerInfo must have signed attributes, and no unsigned ones');
  const [signerVersion, keyId, digestAlgorithm, attributes, algorithm, signature] = signer;
  if (integerOf(expect(signerVersion, INTEGER, 'version')) !== 3n) throw new Error('version of SignerInfo must be 3');
  if (expect(keyId, context(0, false), 'sid').body.toString('hex') !== certificate.keyId)
    throw new Error('sid is not the key of the certificate');
  checkAlgorithm(digestAlgorithm, id.SHA256, 'digestAlgorithm', false);
  const list = elements(expect(attributes, context(0), 'signedAttrs').body);
  checkAttributes(list, type, content);
  // Both say the same [RFC 7935 §2].
  const [name] = sequenceOf(algorithm, 'signatureAlgorithm');
  const isLong = name !== undefined && name.tag === OID && oidOf(name) === id.SHA256_RSA;
  checkAlgorithm(algorithm, isLong ? id.SHA256_RSA : id.RSA_ENCRYPTION, 'signatureAlgorithm');
  const signed = der(SET, attributes.body);
  if (!signed.equals(setOf(...list.map(({ whole }) => whole)))) throw new Error('signedAttrs is not in order');
  if (!isSigned(signed, certificate.key, expect(signature, OCTET_STRING, 'signature').body))
    throw new Error('the signature of its content is wrong');
  return { type, content, certificate };
}
