// X.509 certificates and CRLs [RFC 5280]: what is in them. node:crypto reads keys and checks signatures; @peculiar/asn1-x509 reads the rest.

import { createHash, type KeyObject, verify, X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  type AlgorithmIdentifier,
  BasicConstraints,
  Certificate,
  CertificateList,
  ExtendedKeyUsage,
  type Extension,
  KeyUsage,
  SubjectAlternativeName,
  type Time,
  Version,
} from '@peculiar/asn1-x509';
import { addressOctets } from '../addresses.ts';
import { crlParts } from './crl-entries.ts';

const BASIC_CONSTRAINTS = '2.5.29.19';
const KEY_USAGE = '2.5.29.15';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
/** Not supported. It says what an authority may certify: so it is not passed over where it is not critical, as it should be. */
const NAME_CONSTRAINTS = '2.5.29.30';
/** Extensions that may be critical: those above, key identifiers, policies without constraints, where CRLs are. */
const KNOWN = new Set([
  BASIC_CONSTRAINTS,
  KEY_USAGE,
  EXTENDED_KEY_USAGE,
  SUBJECT_ALTERNATIVE_NAME,
  '2.5.29.14',
  '2.5.29.35',
  '2.5.29.32',
  '2.5.29.31',
]);
/** Of CRLs: number, and key identifier of the issuer. */
const KNOWN_OF_CRL = new Set(['2.5.29.20', '2.5.29.35']);

/** Signature algorithms of certificates and CRLs, with their digests: no SHA-1, no MD5. */
const SIGNATURES: Record<string, string | null> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.3.101.112': null,
};

/** Bits of KeyUsage [RFC 5280 §4.2.1.3]. */
export const DIGITAL_SIGNATURE = 1;
export const NON_REPUDIATION = 2;
export const CERT_SIGN = 32;
export const CRL_SIGN = 64;

/** The largest certificate, in octets. */
export const CERTIFICATE_MAX = 16384;

/** A name of SubjectAlternativeName. */
export interface AltName {
  kind: 'dns' | 'email' | 'ip';
  /** A text as it stands there, or 4 or 16 octets in hexadecimal. */
  value: string;
  /** The same in lower case. */
  lower: string;
}

/** What node:crypto does not tell of a certificate. */
export interface Details {
  /** Names of subject and issuer, DER in hexadecimal, and the serial number in hexadecimal. */
  subject: string;
  issuer: string;
  serial: string;
  /** Milliseconds since 1970. */
  notBefore: number;
  notAfter: number;
  isCa: boolean;
  /** Most CA certificates between this one and the last; Infinity: any number. */
  pathLength: number;
  /** KeyUsage, bits as above; null: it says nothing. */
  usage: number | null;
  /** Object identifiers of ExtendedKeyUsage; null: it says nothing. */
  purposes: string[] | null;
  altNames: AltName[];
  /** Why nobody should go by it, whoever signed it; or ''. */
  problem: string;
}

export interface Cert {
  der: Buffer;
  x509: X509Certificate;
  key: KeyObject;
  /** A name for messages. */
  name: string;
  /** Read when it is asked for the first time: of a stranger's certificate, when its signature is known to be good. Throws on nonsense. */
  details(): Details;
}

const hexOf = (value: object): string => Buffer.from(AsnConvert.serialize(value)).toString('hex');
const serialOf = (octets: ArrayBuffer | Buffer): string =>
  Buffer.from(octets as Buffer)
    .toString('hex')
    .replace(/^(00)+(?=..)/, '');

function extensionOf<T>(list: readonly Extension[], id: string, type: new () => T): T | null {
  const found = list.find(({ extnID }) => extnID === id);
  return found === undefined ? null : AsnConvert.parse(found.extnValue.buffer, type);
}

function altNamesOf(list: readonly Extension[]): AltName[] {
  const names = extensionOf(list, SUBJECT_ALTERNATIVE_NAME, SubjectAlternativeName) ?? [];
  const out: AltName[] = [];
  const take = (kind: AltName['kind'], value: string): unknown => out.push({ kind, value, lower: value.toLowerCase() });
  for (const { dNSName, rfc822Name, iPAddress } of names) {
    if (dNSName !== undefined) take('dns', dNSName);
    if (rfc822Name !== undefined) take('email', rfc822Name);
    // The library gives it as text; what has another length than an address is left out.
    const octets = iPAddress === undefined ? undefined : addressOctets(iPAddress);
    if (octets !== undefined) take('ip', Buffer.from(octets).toString('hex'));
  }
  return out;
}

/** True when these times are in the structure as RFC 5280 §4.1.2.5 has them: the library makes something of others too. */
function hasTimes(der: Buffer, times: readonly (Time | undefined)[]): boolean {
  return times.every((time) => {
    if (time === undefined) return true;
    return time.getTime().getTime() % 1000 === 0 && der.includes(Buffer.from(AsnConvert.serialize(time)));
  });
}

/** What is wrong with a certificate by itself [RFC 5280 §4.1, §4.2], or ''. */
function problemOf(der: Buffer, { tbsCertificate: tbs, signatureAlgorithm }: Certificate): string {
  const list = tbs.extensions ?? [];
  const unknown = list.find(({ extnID, critical }) => critical && !KNOWN.has(extnID));
  if (unknown !== undefined) return `critical extension ${unknown.extnID} is not supported`;
  if (list.some(({ extnID }) => extnID === NAME_CONSTRAINTS)) return 'name constraints are not supported';
  const twice = list.find(({ extnID }, index) => list.findIndex((one) => one.extnID === extnID) < index);
  if (twice !== undefined) return `extension ${twice.extnID} stands in it twice`;
  if (list.length > 0 && tbs.version !== Version.v3) return 'it has extensions and is not of version 3';
  if (!hasTimes(der, [tbs.validity.notBefore, tbs.validity.notAfter])) return 'its validity is malformed';
  const { algorithm } = signatureAlgorithm;
  return Object.hasOwn(SIGNATURES, algorithm) ? '' : `signature algorithm ${algorithm} is not taken`;
}

function detailsOf(der: Buffer): Details {
  const certificate = AsnConvert.parse(der, Certificate);
  const { tbsCertificate: tbs } = certificate;
  const list = tbs.extensions ?? [];
  const constraints = extensionOf(list, BASIC_CONSTRAINTS, BasicConstraints);
  return {
    subject: hexOf(tbs.subject),
    issuer: hexOf(tbs.issuer),
    serial: serialOf(tbs.serialNumber),
    notBefore: tbs.validity.notBefore.getTime().getTime(),
    notAfter: tbs.validity.notAfter.getTime().getTime(),
    isCa: constraints?.cA === true,
    pathLength: constraints?.pathLenConstraint ?? Number.POSITIVE_INFINITY,
    usage: extensionOf(list, KEY_USAGE, KeyUsage)?.toNumber() ?? null,
    purposes: extensionOf(list, EXTENDED_KEY_USAGE, ExtendedKeyUsage)?.slice() ?? null,
    altNames: altNamesOf(list),
    problem: problemOf(der, certificate),
  };
}

/** Most characters of a name in messages: a stranger may have made it up. */
const NAME_MAX = 100;

/** ASCII alone: others may be taken for something by a terminal. */
function printable(name: string): string {
  return name.slice(0, NAME_MAX).replace(/[^ -~]/g, '?');
}

/** Reads a certificate in DER. Throws on what is none, or too long. */
export function readCertificate(octets: Uint8Array): Cert {
  if (octets.length > CERTIFICATE_MAX) throw new Error(`${octets.length} octets: at most ${CERTIFICATE_MAX}`);
  const der = Buffer.from(octets);
  const x509 = new X509Certificate(der);
  // It also takes PEM, wherever in the octets that stands: then the signature would be that of one certificate, and the names those of another.
  if (!x509.raw.equals(der)) throw new Error('is not one certificate in DER and nothing else');
  let details: Details | undefined;
  return {
    der,
    x509,
    // A stranger's key may be of a kind that takes long to read, or of none that is known.
    get key() {
      return x509.publicKey;
    },
    // One with alternative names alone has no subject [RFC 5280 §4.1.2.6].
    name: printable((x509.subject ?? x509.subjectAltName ?? 'a certificate without names').replace(/\n/g, ', ')),
    details: () => (details ??= detailsOf(der)),
  };
}

/** SHA-1 of SubjectPublicKeyInfo: what CERTREQ lists [RFC 7296 §3.7]. */
export function keyHashOf({ key }: Cert): Buffer {
  return createHash('sha1')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest();
}

/** A list of revoked certificates. */
export interface Crl {
  issuer: string;
  /** Milliseconds since 1970; `nextUpdate` is Infinity where there is none. */
  thisUpdate: number;
  nextUpdate: number;
  /** Serial numbers as `Cert.serial`. */
  revoked: Set<string>;
  /** What is signed, by which algorithm, and the signature. */
  signed: Buffer;
  digest: string | null;
  signature: Buffer;
  /** What is known of its signature, by certificates that stay: a stranger may make this side ask often, and the list be long. */
  isSigned: WeakMap<Cert, boolean>;
}

/** Reads a CRL. Throws on what is none, or has parts that change its meaning (a delta, a scope). */
export function readCrl(octets: Uint8Array): Crl {
  const der = Buffer.from(octets);
  const { bare, signed, serials } = crlParts(der);
  const { tbsCertList: tbs, signatureAlgorithm, signature } = AsnConvert.parse(bare, CertificateList);
  const unknown = (tbs.crlExtensions ?? []).find(({ extnID, critical }) => critical && !KNOWN_OF_CRL.has(extnID));
  if (unknown !== undefined) throw new Error(`critical extension ${unknown.extnID} is not supported`);
  if (!hasTimes(bare, [tbs.thisUpdate, tbs.nextUpdate])) throw new Error('its times are malformed');
  const { algorithm } = signatureAlgorithm as AlgorithmIdentifier;
  if (!Object.hasOwn(SIGNATURES, algorithm)) throw new Error(`signature algorithm ${algorithm} is not taken`);
  return {
    issuer: hexOf(tbs.issuer),
    thisUpdate: tbs.thisUpdate.getTime().getTime(),
    nextUpdate: tbs.nextUpdate?.getTime().getTime() ?? Number.POSITIVE_INFINITY,
    revoked: new Set(serials.map(serialOf)),
    signed,
    digest: SIGNATURES[algorithm],
    signature: Buffer.from(signature),
    isSigned: new WeakMap(),
  };
}

/** True when the CRL is signed by the owner of this certificate. */
export function isSignedBy(crl: Crl, issuer: Cert): boolean {
  const { subject, usage } = issuer.details();
  if (crl.issuer !== subject || (usage !== null && (usage & CRL_SIGN) === 0)) return false;
  let isSigned = crl.isSigned.get(issuer);
  if (isSigned === undefined) {
    try {
      isSigned = verify(crl.digest, crl.signed, issuer.key, crl.signature);
    } catch {
      isSigned = false;
    }
    crl.isSigned.set(issuer, isSigned);
  }
  return isSigned;
}

/** True when the issuer's name is the other's, as it is shown: then the signature is worth checking. */
export function namesIssuer(cert: Cert, issuer: Cert): boolean {
  return cert.x509.issuer === issuer.x509.subject;
}

/** True when `cert` is signed by the owner of `issuer`, and names it, octet for octet. */
export function isIssuedBy(cert: Cert, issuer: Cert): boolean {
  try {
    return cert.x509.verify(issuer.key) && cert.details().issuer === issuer.details().subject;
  } catch {
    return false;
  }
}
