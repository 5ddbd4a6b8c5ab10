// Signature algorithms of AUTH payloads [RFC 7427 §3, RFC 8420]: their AlgorithmIdentifiers, and node:crypto that makes and checks them.
// RSASSA-PKCS1-v1_5 is left out: RSA keys sign with PSS.

import { constants, type KeyObject, sign, verify } from 'node:crypto';
import { AUTH_DIGITAL_SIGNATURE } from '../../../../core/ike/codec/numbers.ts';

/** Numbers of hash algorithms [RFC 7427 §7]; 5 stands for algorithms with a hash of their own [RFC 8420 §2]. */
const SHA2_256 = 2;
const SHA2_384 = 3;
const SHA2_512 = 4;
const IDENTITY = 5;
/** What this side verifies, as SIGNATURE_HASH_ALGORITHMS has it. */
export const HASHES = Uint8Array.of(0, SHA2_256, 0, SHA2_384, 0, SHA2_512, 0, IDENTITY);
/** RSA keys of fewer bits are refused, and of more: they make the one that checks them slow. */
export const RSA_BITS_MIN = 2048;
const RSA_BITS_MAX = 8192;

interface Algorithm {
  /** For messages. */
  name: string;
  kind: 'ec' | 'rsa' | 'ed25519';
  hash: number;
  /** For node:crypto; null: the algorithm has its own. */
  digest: 'sha256' | 'sha384' | 'sha512' | null;
  /** AlgorithmIdentifiers, DER: the first is written, all are read. */
  identifiers: Buffer[];
}

const DIGESTS = { sha256: [SHA2_256, '01', 32], sha384: [SHA2_384, '02', 48], sha512: [SHA2_512, '03', 64] } as const;

function ecdsa(digest: keyof typeof DIGESTS, last: string): Algorithm {
  const identifiers = [Buffer.from(`300a06082a8648ce3d0403${last}`, 'hex')];
  return { name: `ECDSA-${digest}`, kind: 'ec', hash: DIGESTS[digest][0], digest, identifiers };
}

function der(tag: string, ...inner: string[]): string {
  const body = inner.join('');
  return tag + (body.length / 2).toString(16).padStart(2, '0') + body;
}

/** RSASSA-PSS with one hash for the message and for MGF1, and a salt as long as the hash [RFC 4055 §3.1]. */
function pss(digest: keyof typeof DIGESTS): Algorithm {
  const [hash, last, salt] = DIGESTS[digest];
  const identifiers = ['0500', ''].map((none) => {
    const hashed = der('30', der('06', '6086480165030402', last), none);
    const mask = der('30', der('06', '2a864886f70d010108'), hashed);
    const parameters = der('30', der('a0', hashed), der('a1', mask), der('a2', der('02', salt.toString(16))));
    return Buffer.from(der('30', der('06', '2a864886f70d01010a'), parameters), 'hex');
  });
  return { name: `RSASSA-PSS-${digest}`, kind: 'rsa', hash, digest, identifiers };
}

const ALGORITHMS: readonly Algorithm[] = [
  ecdsa('sha256', '02'),
  ecdsa('sha384', '03'),
  ecdsa('sha512', '04'),
  {
    name: 'Ed25519',
    kind: 'ed25519',
    hash: IDENTITY,
    digest: null,
    identifiers: [Buffer.from('300506032b6570', 'hex')],
  },
  pss('sha256'),
  pss('sha384'),
  pss('sha512'),
];

function kindOf(key: KeyObject): Algorithm['kind'] | undefined {
  const type = key.asymmetricKeyType;
  if (type === 'rsa' || type === 'rsa-pss') return 'rsa';
  return type === 'ec' || type === 'ed25519' ? type : undefined;
}

/** Whether a key for RSASSA-PSS alone, which may say with what [RFC 4055 §3.1], goes with the algorithm; others do. */
function isAllowed({ digest }: Algorithm, { asymmetricKeyDetails }: KeyObject): boolean {
  const { hashAlgorithm, mgf1HashAlgorithm, saltLength } = asymmetricKeyDetails ?? {};
  if (digest === null || hashAlgorithm === undefined) return true;
  return hashAlgorithm === digest && mgf1HashAlgorithm === digest && saltLength! <= DIGESTS[digest][2];
}

/** Why a key is not used for signatures, or ''. */
export function keyProblem(key: KeyObject): string {
  const kind = kindOf(key);
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  if (kind === undefined) return `keys of type ${key.asymmetricKeyType} are not supported: EC, Ed25519 or RSA`;
  if (kind === 'ec' && namedCurve !== 'prime256v1' && namedCurve !== 'secp384r1')
    return `curve ${namedCurve} is not supported: P-256 or P-384`;
  if (kind === 'rsa' && (modulusLength ?? 0) < RSA_BITS_MIN)
    return `RSA with ${modulusLength} bits: at least ${RSA_BITS_MIN}`;
  if (kind === 'rsa' && modulusLength! > RSA_BITS_MAX) return `RSA with ${modulusLength} bits: at most ${RSA_BITS_MAX}`;
  if (!ALGORITHMS.some((one) => one.kind === kind && isAllowed(one, key)))
    return 'the key is for RSASSA-PSS with other parameters than SHA-256, SHA-384 or SHA-512, one of them for all, and a salt as long';
  return '';
}

function options(algorithm: Algorithm, key: KeyObject): Parameters<typeof verify>[2] {
  if (algorithm.kind !== 'rsa') return key;
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

/** Name of a signature algorithm, by its AlgorithmIdentifier; undefined: not known. */
export function algorithmName(identifier: Uint8Array): string | undefined {
  return ALGORITHMS.find(({ identifiers }) => identifiers.some((one) => one.equals(identifier)))?.name;
}

/** Algorithms of a key that go with the peer's hashes; `hashes`: what it verifies, two octets each. The first is taken by itself. */
function fitting(key: KeyObject, hashes: Uint8Array): Algorithm[] {
  const kind = kindOf(key);
  const isKnown = (hash: number): boolean => {
    for (let i = 0; i + 1 < hashes.length; i += 2) if (hashes[i] === 0 && hashes[i + 1] === hash) return true;
    return false;
  };
  const fits = ALGORITHMS.filter((one) => one.kind === kind && isKnown(one.hash) && isAllowed(one, key));
  // With P-384 a hash of its size first.
  const isLarge = key.asymmetricKeyDetails?.namedCurve === 'secp384r1';
  return isLarge ? fits.sort((a, b) => Number(b.hash === SHA2_384) - Number(a.hash === SHA2_384)) : fits;
}

/** AlgorithmIdentifiers, DER, of what a key can sign with for a peer that verifies these hashes; empty: nothing. */
export function identifiersOf(key: KeyObject, hashes: Uint8Array): Buffer[] {
  return fitting(key, hashes).flatMap(({ identifiers }) => identifiers);
}

/**
 * AUTH data: AlgorithmIdentifier with its length in front, and the signature of `octets`. `hashes`: what the peer verifies, two octets
 * each; `wanted`: the AlgorithmIdentifier that it prefers, null: it says none. Empty: none of the hashes goes with the key.
 */
export function signatureOf(
  key: KeyObject,
  hashes: Uint8Array,
  octets: Uint8Array,
  wanted: Uint8Array | null = null,
): Uint8Array {
  const fits = fitting(key, hashes);
  const has = (one: Algorithm): boolean => wanted !== null && one.identifiers.some((known) => known.equals(wanted));
  const algorithm = fits.find(has) ?? fits[0];
  if (algorithm === undefined) return new Uint8Array(0);
  const identifier = wanted !== null && has(algorithm) ? wanted : algorithm.identifiers[0];
  const signature = sign(algorithm.digest, octets, options(algorithm, key) as KeyObject);
  return Uint8Array.from([identifier.length, ...identifier, ...signature]);
}

/** Entries of SUPPORTED_AUTH_METHODS [RFC 9593 §3.2.3] for what is verified; `key`: of this key alone; null: of all kinds. */
export function announcedOf(key: KeyObject | null): Uint8Array {
  const blobs = (key === null ? ALGORITHMS : fitting(key, HASHES)).map(({ identifiers: [identifier] }) => {
    return [3 + identifier.length, AUTH_DIGITAL_SIGNATURE, 0, ...identifier];
  });
  return Uint8Array.from(blobs.flat());
}

/** True when `data`, as `signatureOf` makes it, is a signature of `octets` by the owner of the key. */
export function isSignature(key: KeyObject, octets: Uint8Array, data: Uint8Array): boolean {
  const length = data.length > 0 ? data[0] : 0;
  if (data.length < 1 + length) return false;
  const identifier = Buffer.from(data.subarray(1, 1 + length));
  const algorithm = ALGORITHMS.find(({ identifiers }) => identifiers.some((one) => one.equals(identifier)));
  if (algorithm === undefined || algorithm.kind !== kindOf(key) || keyProblem(key) !== '') return false;
  try {
    return verify(algorithm.digest, octets, options(algorithm, key), data.subarray(1 + length));
  } catch {
    return false;
  }
}
