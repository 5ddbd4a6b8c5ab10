// Identities, keys, algorithms, selectors and compression as text, and in the core's form.

import { createPrivateKey, createPublicKey } from 'node:crypto';
import { ALL_SUITES } from '../../../../core/esp/all-suites.ts';
import type { Suite } from '../../../../core/esp/suites.ts';
import type { Identity } from '../../../../core/ike/codec/ident.ts';
import {
  AUTH_DIGITAL_SIGNATURE,
  AUTH_SHARED_KEY,
  ID_FQDN,
  ID_IPV4_ADDR,
  ID_IPV6_ADDR,
  ID_KEY_ID,
  PRF_HMAC_SHA2_256,
  PROTOCOL_ESP,
  PROTOCOL_IKE,
  type Prf,
  type SnTransform,
} from '../../../../core/ike/codec/numbers.ts';
import type { Transforms } from '../../../../core/ike/codec/proposals.ts';
import type { Selector } from '../../../../core/ike/codec/selectors.ts';
import { ALL_IKE_CIPHERS } from '../../../../core/ike/crypto/all-suites.ts';
import type { IkeCipher } from '../../../../core/ike/crypto/suites.ts';
import { type Announced, isEd25519, readAnnounced } from '../../../../core/ike/ext/announce.ts';
import { addressOctets, addressText } from '../addresses.ts';
import { algorithmName } from '../certificates/algorithms.ts';
import { octetsKey } from '../datagram.ts';
import { didYouMean } from '../suggest.ts';
import { entriesOf, type Field, fieldError, fileOctets, fileOf, inside, warnOfOthers } from './field.ts';
import { algorithmNames, ESP_NAMES, IKE_NAMES, IKE_SHORT } from './ike-schema.ts';
import type { KeOffer } from './ke-names.ts';

const ID_LIMIT = 'must be fqdn:NAME, keyid:HEX, keyid:"TEXT", ipv6:ADDRESS or ipv4:ADDRESS';
const ID_MAX = 255;
const PROTOCOLS: Record<string, number> = { any: 0, icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132, udplite: 136 };
/** Protocols whose selectors have ports [RFC 7296 §3.13.1]; ICMP has type and code there. */
const WITH_PORTS = [1, 6, 17, 58, 132, 136];

/** The octets of hexadecimal text, checked before. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

/** An identity from `fqdn:sensor1.example` and the like, or undefined. */
export function parseIdentity(text: string): Identity | undefined {
  const match = /^(fqdn|keyid|ipv4|ipv6):(.+)$/s.exec(text);
  if (match === null) return undefined;
  const [, kind, value] = match;
  const quoted = /^"(.+)"$/s.exec(value);
  if (kind === 'fqdn') {
    return /^[A-Za-z0-9._-]{1,255}$/.test(value)
      ? { type: ID_FQDN, data: Uint8Array.from(Buffer.from(value)) }
      : undefined;
  }
  if (kind === 'keyid') {
    if (quoted === null && !/^([0-9a-fA-F]{2})+$/.test(value)) return undefined;
    const data = quoted === null ? hex(value) : Uint8Array.from(Buffer.from(quoted[1]));
    return data.length <= ID_MAX ? { type: ID_KEY_ID, data } : undefined;
  }
  const data = addressOctets(value);
  if (data?.length !== (kind === 'ipv4' ? 4 : 16)) return undefined;
  return { type: kind === 'ipv4' ? ID_IPV4_ADDR : ID_IPV6_ADDR, data };
}

/** ASCII as it is, all else (control characters, and what a terminal takes for them) as \xHH. */
function printable(data: Uint8Array): string {
  const text = Buffer.from(data).toString('latin1');
  return text.replace(/[^!-[\]-~]/g, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Identities as keys. */
export function identityKey(type: number, data: Uint8Array): string {
  return `${type} ${octetsKey(data)}`;
}

/** An identity as text, for logs: what `parseIdentity` reads. */
export function identityText(type: number, data: Uint8Array): string {
  if (type === ID_FQDN) return `fqdn:${printable(data)}`;
  if (type === ID_IPV4_ADDR && data.length === 4) return `ipv4:${addressText(data)}`;
  if (type === ID_IPV6_ADDR && data.length === 16) return `ipv6:${addressText(data)}`;
  const digits = Buffer.from(data).toString('hex');
  return type === ID_KEY_ID ? `keyid:${digits}` : `id${type}:${digits}`;
}

export function identityOf(field: Field): Identity {
  const id = typeof field.value === 'string' ? parseIdentity(field.value) : undefined;
  if (id === undefined) throw fieldError(field, ID_LIMIT);
  return id;
}

/** The 32 octets of an Ed25519 key in PEM, or undefined. */
function pemKey(text: string, isPrivate: boolean): Uint8Array | undefined {
  try {
    const key = isPrivate ? createPrivateKey(text) : createPublicKey(text);
    if (key.asymmetricKeyType !== 'ed25519') return undefined;
    const jwk = key.export({ format: 'jwk' });
    return Uint8Array.from(Buffer.from((isPrivate ? jwk.d : jwk.x)!, 'base64url'));
  } catch {
    return undefined;
  }
}

/** Octets of a key with an error in them: no file has such a name, and messages do not repeat it. */
const LIKE_KEY = /^[\s0-9a-fA-F:.-]{40,}$|^[A-Za-z0-9+=_-][A-Za-z0-9+/=_-]{41,}$|[\r\n]/;

/**
 * Ordinates of the points of small order on the curve of Ed25519, without the sign: as a public key they make signatures
 * that anybody can compute.
 */
const SMALL_ORDER = [
  '00'.repeat(32),
  '01'.padEnd(64, '0'),
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ec'.padEnd(62, 'f') + '7f',
  'ed'.padEnd(62, 'f') + '7f',
  'ee'.padEnd(62, 'f') + '7f',
];

/** True for a public key with which anybody could sign. */
export function isSmallOrder(key: Uint8Array): boolean {
  const ordinate = Buffer.from(key);
  ordinate[31] &= 0x7f;
  return SMALL_ORDER.includes(ordinate.toString('hex'));
}

/** True for a key itself, false for the name of a file. */
export function isInlineKey(text: string): boolean {
  const given = text.trim();
  return given.startsWith('-----BEGIN') || LIKE_KEY.test(given);
}

/** An Ed25519 key: hexadecimal, PEM, or a file with either (or with the 32 octets); empty where there is none. */
export function keyOf(field: Field, isPrivate: boolean): Uint8Array {
  if (field.value === undefined) return new Uint8Array(0);
  const given = String(field.value).trim();
  const inline = isInlineKey(given);
  const octets = inline ? Buffer.from(given) : fileOctets(field);
  const text = octets.toString().trim();
  const isHex = /^[0-9a-fA-F]{64}$/.test(text);
  const isRaw = !inline && octets.length === 32;
  const key = isRaw ? Uint8Array.from(octets) : isHex ? hex(text) : pemKey(text, isPrivate);
  if (key === undefined) {
    throw fieldError(
      field,
      `must be an Ed25519 ${isPrivate ? 'private' : 'public'} key: 64 hexadecimal digits, or PEM`,
    );
  }
  if (isPrivate && !inline) warnOfOthers(field.document, fileOf(field));
  if (!isPrivate && isSmallOrder(key)) throw fieldError(field, 'must not be of small order: anybody could sign');
  return key;
}

/** The index of an algorithm in `names`; `AES_CCM_8` and `aes-ccm-8` are the same. */
function named(field: Field, names: string[]): number {
  const index = names.indexOf(algorithmNames([String(field.value)])[0]);
  if (index < 0) throw fieldError(field, `must be one of ${names.join(', ')}${didYouMean(String(field.value), names)}`);
  return index;
}

/**
 * Proposals for algorithms in the order of preference: neighbours of one kind (AEAD, or the same integrity algorithm)
 * share one; all of them for each of the key exchanges that do not fit one proposal.
 */
function proposals(
  protocol: number,
  algorithms: { encr: number; keyBits: number; integ: number }[],
  offer: KeOffer,
  sn: SnTransform[],
): Transforms[] {
  const list: Transforms[] = [];
  for (const { encr, keyBits, integ } of algorithms) {
    let last = list[list.length - 1];
    if (last === undefined || (last.integ[0] ?? 0) !== integ) {
      const prf: Prf[] = protocol === PROTOCOL_IKE ? [PRF_HMAC_SHA2_256] : [];
      last = { protocol, ciphers: [], keyBits: [], prf, integ: integ === 0 ? [] : [integ], ...offer, sn };
      list.push(last);
    }
    last.ciphers.push(encr);
    last.keyBits.push(keyBits);
  }
  return list;
}

/** The IKE proposals of a list of ciphers, and the ciphers. */
export function ikeProposals(field: Field, ke: KeOffer[]): { ike: Transforms[]; ciphers: IkeCipher[] } {
  const ciphers = entriesOf(field).map((entry) => {
    const name = IKE_NAMES[named(entry, IKE_NAMES)];
    return ALL_IKE_CIPHERS.find(
      (cipher) => cipher.name === IKE_SHORT[name] || algorithmNames([cipher.name])[0] === name,
    )!;
  });
  return { ike: ke.flatMap((offer) => proposals(PROTOCOL_IKE, ciphers, offer, [])), ciphers };
}

/** The ESP proposals of a list of suites, and the suites. */
export function espProposals(field: Field, ke: KeOffer[], sn: SnTransform[]): { esp: Transforms[]; suites: Suite[] } {
  const suites: Suite[] = [];
  const algorithms = entriesOf(field).map((entry) => {
    const name = ESP_NAMES[named(entry, ESP_NAMES)];
    const long = name.endsWith('-256') && !ALL_SUITES.some((suite) => algorithmNames([suite.name])[0] === name);
    const suite = ALL_SUITES.find(({ name: one }) => algorithmNames([one])[0] === (long ? name.slice(0, -4) : name))!;
    if (!suites.includes(suite)) suites.push(suite);
    // AES has the attribute Key Length; ChaCha20 and NULL have keys of one length.
    const keyBits = suite.name.startsWith('AES') ? (long ? 256 : 8 * suite.keyLength) : 0;
    return { encr: suite.encr, keyBits, integ: suite.integ };
  });
  return { esp: ke.flatMap((offer) => proposals(PROTOCOL_ESP, algorithms, offer, sn)), suites };
}

/** First and last address of `2001:db8::/64`, `a-b` or one address; undefined for anything else. */
export function addressRange(text: string): [Uint8Array, Uint8Array] | undefined {
  const [first, second, ...more] = text.split('-');
  if (second !== undefined) {
    const [start, end] = [addressOctets(first.trim()), addressOctets(second.trim())];
    if (more.length > 0 || start === undefined || start.length !== end?.length) return undefined;
    return Buffer.compare(start, end) > 0 ? undefined : [start, end];
  }
  const [prefix, bitsText, ...rest] = text.split('/');
  const start = addressOctets(prefix);
  if (start === undefined || rest.length > 0) return undefined;
  const bits = bitsText === undefined ? start.length * 8 : Number(bitsText);
  if (!/^\d*$/.test(bitsText ?? '') || bitsText === '' || bits > start.length * 8) return undefined;
  const end = start.slice();
  for (let i = 0; i < start.length; i++) {
    const mask = bits >= 8 * i + 8 ? 255 : bits <= 8 * i ? 0 : (255 << (8 * i + 8 - bits)) & 255;
    start[i] &= mask;
    end[i] |= 255 ^ mask;
  }
  return [start, end];
}

/** A selector of the configuration; with `isDynamic` the addresses are put in later. */
export interface SelectorTemplate extends Selector {
  /** The file says `dynamic`: the address that the IKE SA gives or gets. */
  isDynamic: boolean;
}

function portsOf(field: Field): [number, number] {
  const { value } = field;
  if (value === undefined || value === 'any') return [0, 65535];
  if (value === 'opaque') return [65535, 0];
  if (typeof value === 'number') return [value, value];
  if (!Array.isArray(value)) throw fieldError(field, 'must be any, opaque, a port, or first and last');
  const [first, last] = value as number[];
  if (first > last) throw fieldError(field, 'must be first <= last');
  return [first, last];
}

function protocolOf(field: Field): number {
  const { value } = field;
  const number = typeof value === 'number' ? value : PROTOCOLS[String(value ?? 'any')];
  if (number === undefined) throw fieldError(field, `must be ${Object.keys(PROTOCOLS).join(', ')} or 0..255`);
  return number;
}

/** A selector, or two: for both IP versions. */
function selectorOf(field: Field): SelectorTemplate[] {
  const isText = typeof field.value === 'string';
  const ipField = isText ? field : inside(field, 'ip');
  const ip = String(ipField.value ?? 'any');
  const protocol = isText ? 0 : protocolOf(inside(field, 'proto'));
  const [startPort, endPort] = isText ? [0, 65535] : portsOf(inside(field, 'ports'));
  if (!(startPort === 0 && endPort === 65535) && !WITH_PORTS.includes(protocol)) {
    throw fieldError(inside(field, 'ports'), 'needs a protocol with ports');
  }
  const make = (start: Uint8Array, end: Uint8Array, isDynamic = false): SelectorTemplate => ({
    protocol,
    startPort,
    endPort,
    start,
    end,
    isDynamic,
  });
  const all = (size: number) => make(new Uint8Array(size), new Uint8Array(size).fill(255));
  if (ip === 'dynamic') return [make(new Uint8Array(0), new Uint8Array(0), true)];
  if (ip === 'any') return [all(16), all(4)];
  if (ip === 'any4' || ip === 'any6') return [all(ip === 'any4' ? 4 : 16)];
  const range = addressRange(ip);
  if (range === undefined)
    throw fieldError(ipField, 'must be any, any4, any6, dynamic, an address, PREFIX/LENGTH or FIRST-LAST');
  return [make(...range)];
}

export function selectorsOf(field: Field): SelectorTemplate[] {
  const list = entriesOf(field).flatMap(selectorOf);
  if (list.length > 16)
    throw fieldError({ ...field, value: list.length }, 'must be 16 selectors at most (any counts twice)');
  return list;
}

/** `PSK`, the name of a signature algorithm, or the number of a method, as the peer announced them [RFC 9593]. */
export function announcedNames(announced: Uint8Array): string[] {
  const list: Announced[] = [];
  readAnnounced(announced, 0, announced.length, list);
  return list.map((one) => {
    if (isEd25519(announced, one)) return 'Ed25519';
    if (one.method === AUTH_SHARED_KEY) return 'PSK';
    if (one.method !== AUTH_DIGITAL_SIGNATURE) return `method ${one.method}`;
    return (
      algorithmName(announced.subarray(one.algorithmAt, one.algorithmAt + one.algorithmSize)) ?? 'another signature'
    );
  });
}
