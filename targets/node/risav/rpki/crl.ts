// CRLs, by the profile of RFC 6487 §5.

import { authorityOf, type Certificate, checkAlgorithm, extensionsOf, isSigned, nameOf } from './certificate.ts';
import {
  BIT_STRING,
  bitsOf,
  context,
  expect,
  INTEGER,
  integerOf,
  readDer,
  SEQUENCE,
  sequenceOf,
  timeOf,
} from './der.ts';
import { AUTHORITY_KEY_ID, CRL_NUMBER, SHA256_RSA } from './oids.ts';

/** The largest list, in octets. */
export const CRL_MAX = 8 * 1024 * 1024;

/** Reads a CRL, and gives the serial numbers that it revokes. Throws on what breaks the profile, is not the issuer's, or not in force. */
export function readCrl(octets: Buffer, issuer: Certificate, now: number): Set<bigint> {
  if (octets.length > CRL_MAX) throw new Error(`${octets.length} octets: at most ${CRL_MAX}`);
  const [tbs, algorithm, bits, extra] = sequenceOf(readDer(octets), 'CertificateList');
  if (extra !== undefined) throw new Error('CertificateList has more than three fields');
  const fields = sequenceOf(tbs, 'tbsCertList');
  const hasEntries = fields[5]?.tag === SEQUENCE;
  const [version, inner, name, thisUpdate, nextUpdate] = fields;
  if (fields.length !== (hasEntries ? 7 : 6)) throw new Error('tbsCertList has not the fields of a CRL of version 2');
  if (integerOf(expect(version, INTEGER, 'version')) !== 1n) throw new Error('version must be 2');
  checkAlgorithm(inner, SHA256_RSA, 'signature');
  checkAlgorithm(algorithm, SHA256_RSA, 'signatureAlgorithm');
  if (nameOf(name, 'issuer') !== issuer.subject) throw new Error('issuer is not the subject of the CA');
  const extensions = extensionsOf(expect(fields[fields.length - 1], context(0), 'crlExtensions'));
  const number = extensions.get(CRL_NUMBER);
  const authority = extensions.get(AUTHORITY_KEY_ID);
  if (extensions.size !== 2 || number === undefined || authority === undefined)
    throw new Error('crlExtensions must be the number and the key of the issuer');
  const value = integerOf(expect(number.value, INTEGER, 'cRLNumber'));
  if (number.isCritical || authority.isCritical || value < 0n || number.value.body.length > 20)
    throw new Error('crlExtensions is malformed');
  if (authorityOf(authority.value) !== issuer.keyId) throw new Error('authorityKeyIdentifier is not the key of the CA');
  const revoked = new Set<bigint>();
  for (const entry of hasEntries ? sequenceOf(fields[5], 'revokedCertificates') : []) {
    const [serial, time, more] = sequenceOf(entry, 'an entry');
    if (time === undefined || more !== undefined) throw new Error('an entry must be a serial number and a time');
    timeOf(time);
    revoked.add(integerOf(expect(serial, INTEGER, 'userCertificate')));
  }
  const { unused, octets: signature } = bitsOf(expect(bits, BIT_STRING, 'signatureValue'));
  if (unused !== 0 || !isSigned(tbs.whole, issuer.key, signature)) throw new Error('its signature is wrong');
  if (now < timeOf(thisUpdate)) throw new Error('thisUpdate is in the future');
  if (now > timeOf(nextUpdate)) throw new Error('nextUpdate has passed');
  return revoked;
}
