// Named peers of files (peer-files.ts): a compact record each, found by identity. Everything is checked when they are loaded; a
// record becomes a whole connection, with the settings of its profile, when its peer is there.

import { AUTH_DIGITAL_SIGNATURE, AUTH_SHARED_KEY } from '../../../../core/ike/codec/numbers.ts';
import { isEvery } from '../addresses.ts';
import { octetsKey } from '../datagram.ts';
import { valueText } from '../document.ts';
import { type FieldError, FieldErrors } from '../errors.ts';
import { didYouMean, nearest } from '../suggest.ts';
import { renamed } from './child-policy.ts';
import { RECORD_PROPERTIES } from './ike-files.ts';
import {
  addressRange,
  hex,
  identityKey,
  identityText,
  isSmallOrder,
  parseIdentity,
  type SelectorTemplate,
} from './ike-names.ts';
import type { Connection } from './ike-policy.ts';
import { type RecordTaker, readPeerFiles, recordError } from './peer-files.ts';

/** Records of all files together. */
export const NAMED_MAX = 100000;
/** A file with more errors is another file. */
const ERRORS_MAX = 100;
const ADDRESSES_MAX = 16;
const FIELDS = Object.keys(RECORD_PROPERTIES);
const PATTERNS = new Map(
  Object.entries(RECORD_PROPERTIES).flatMap(([name, { pattern, mustBe }]) => {
    return pattern === undefined ? [] : [[name, { test: new RegExp(pattern, 'su'), mustBe }] as const];
  }),
);

/** A named peer, as its file says it. */
export interface NamedPeer {
  /** For logs and metrics; by default its identity. */
  readonly name: string;
  /** Its identity as text. */
  readonly remoteId: string;
  /** Pre-shared key as text, '' for none. */
  readonly psk: string;
  /** The same in hexadecimal. */
  readonly pskHex: string;
  /** Ed25519 public key in hexadecimal, '' for none. */
  readonly publicKey: string;
  /** Inner addresses that are its own, each an address, prefix or range; '': those of its profile. */
  readonly address: string;
  /** Whose other settings apply. */
  readonly profile: Connection;
  /** Where it stands: index of the file, and line. */
  readonly file: number;
  /** Line in that file. */
  readonly line: number;
}

/** Named peers of files, found by identity. */
export interface NamedPeers {
  /** Number of peers. */
  readonly size: number;
  /** The file or folder. */
  readonly from: string;
  /** Settings that records refer to; they are no peers. */
  readonly profiles: readonly Connection[];
  /** The record of an identity. */
  get(type: number, data: Uint8Array): NamedPeer | undefined;
  /** All records. */
  all(): Iterable<NamedPeer>;
  /** Inner addresses that records have, first and last as keys (`octetsKey`), in ascending order. */
  readonly ranges: readonly NamedRange[];
}

/** A range of inner addresses of a record. */
export interface NamedRange {
  /** First address. */
  start: string;
  /** Last address. */
  end: string;
  /** Whose it is. */
  value: NamedPeer;
}

/** Selectors of what a record says about inner addresses. */
export function addressesOf({ address }: Pick<NamedPeer, 'address'>): SelectorTemplate[] {
  if (address === '') return [];
  return address.split(' ').map((text) => {
    const [start, end] = addressRange(text)!;
    return { protocol: 0, startPort: 0, endPort: 65535, start, end, isDynamic: false };
  });
}

/** The whole connection of a record, as if it stood among `peers` with its profile as `connection`. */
export function connectionOf(peer: NamedPeer): Connection {
  const { name, profile } = peer;
  const { policy, local, more, field } = profile;
  const publicKey = peer.publicKey === '' ? policy.publicKey : hex(peer.publicKey);
  const psk =
    peer.psk !== '' ? Uint8Array.from(Buffer.from(peer.psk)) : peer.pskHex !== '' ? hex(peer.pskHex) : policy.psk;
  const isOwn = peer.psk !== '' || peer.pskHex !== '';
  const certified = policy.signatures !== undefined && !isOwn ? policy.remoteAuth : AUTH_SHARED_KEY;
  const remoteAuth = publicKey.length > 0 ? AUTH_DIGITAL_SIGNATURE : certified;
  const own = addressesOf(peer);
  const given = own.map(({ isDynamic: _, ...selector }) => selector);
  const remote = own.length === 0 ? policy.child.remote : given;
  const children = policy.children;
  return {
    name,
    policy: {
      ...policy,
      name,
      remoteId: parseIdentity(peer.remoteId)!,
      remoteAuth,
      psk,
      publicKey,
      child: { ...policy.child, name, remote },
      ...(children === undefined ? {} : { children: renamed(children, more, policy.child.name, name, remote) }),
      announce: policy.announce.length === 0 ? [] : [remoteAuth],
    },
    local,
    remote: own.length === 0 ? profile.remote : own,
    eesp: profile.eesp,
    more,
    field,
    profile,
  };
}

/** True where both records say the same, in the same or another place. */
export function isSameRecord(a: NamedPeer, b: NamedPeer): boolean {
  return (
    a.name === b.name &&
    a.remoteId === b.remoteId &&
    a.psk === b.psk &&
    a.pskHex === b.pskHex &&
    a.publicKey === b.publicKey &&
    a.address === b.address
  );
}

interface Checked {
  name: string;
  remoteId: string;
  psk: string;
  pskHex: string;
  publicKey: string;
  address: string;
  profile: string;
  ranges: [Uint8Array, Uint8Array][];
}

/** Checks the fields of a record by themselves; null where one is wrong. */
function checkFields(
  values: Record<string, unknown>,
  fail: (name: string, value: unknown, limit: string) => void,
): Checked | null {
  let isGood = true;
  const wrong = (name: string, value: unknown, limit: string): void => {
    isGood = false;
    fail(name, value, limit);
  };
  const checked: Checked = {
    name: '',
    remoteId: '',
    psk: '',
    pskHex: '',
    publicKey: '',
    address: '',
    profile: '',
    ranges: [],
  };
  for (const name in values) {
    const value = values[name];
    if (!FIELDS.includes(name)) {
      // What stands in its place may be a key.
      const isShown = nearest(name, FIELDS) !== undefined || /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(name);
      const limit = `unknown field${isShown ? didYouMean(name, FIELDS) : ''}; must be one of ${FIELDS.join(', ')}`;
      wrong(isShown ? name : '(hidden)', undefined, limit);
    } else if (name === 'address') {
      const list: unknown = typeof value === 'string' ? value.trim().split(/\s+/) : value;
      if (!Array.isArray(list) || list.length === 0 || list.length > ADDRESSES_MAX) {
        wrong(name, value, `must be 1..${ADDRESSES_MAX} addresses`);
        continue;
      }
      for (const text of list as unknown[]) {
        const range = typeof text === 'string' && !/\s/.test(text) ? addressRange(text) : undefined;
        if (range === undefined) wrong(name, text, 'must be an address, PREFIX/LENGTH or FIRST-LAST');
        else checked.ranges.push(range);
      }
      checked.address = list.join(' ');
    } else if (typeof value !== 'string') {
      wrong(name, value, 'must be text');
    } else {
      const { test, mustBe } = PATTERNS.get(name) ?? {};
      if (test !== undefined && !test.test(value)) wrong(name, value, `must be ${mustBe}`);
      else checked[name as Exclude<keyof Checked, 'ranges'>] = value;
    }
  }
  if (isGood && checked.remoteId === '') wrong('remoteId', undefined, 'is required');
  if (checked.psk !== '' && checked.pskHex !== '') wrong('pskHex', checked.pskHex, 'psk is given too');
  if (checked.publicKey !== '' && isSmallOrder(hex(checked.publicKey))) {
    wrong('publicKey', checked.publicKey, 'must not be of small order: anybody could sign');
  }
  return isGood ? checked : null;
}

/** Peers of the configuration itself, which stand before. */
export interface NamedContext {
  /** The file or folder. */
  from: string;
  /** Settings by name; '' for records that name none. */
  profiles: ReadonlyMap<string, Connection>;
  /** The configuration's own peers. */
  peers: readonly Connection[];
  /** Told once of each file that holds a secret. */
  secret(file: string): void;
}

/** A range of inner addresses, and whose it is. */
interface Owned {
  start: string;
  end: string;
  value: NamedPeer | Connection;
}

function isRecord(owner: NamedPeer | Connection): owner is NamedPeer {
  return 'line' in owner;
}

/** Reads them all. Throws FieldErrors with all that is wrong in the files. */
export function loadNamedPeers({ from, profiles, peers, secret }: NamedContext): NamedPeers {
  const errors: FieldError[] = [];
  const files: string[] = [];
  const byId = new Map<string, NamedPeer>();
  const names = new Map<string, NamedPeer | null>(peers.map(({ name }) => [name, null]));
  const earlier = new Map(
    peers.flatMap(({ name, policy: { remoteId } }) => {
      return remoteId === null ? [] : [[identityKey(remoteId.type, remoteId.data), name] as const];
    }),
  );
  const owned: Owned[] = [];
  for (const connection of peers) {
    for (const { start, end, isDynamic } of connection.remote) {
      if (isDynamic || isEvery(start, end)) continue;
      owned.push({ start: octetsKey(start), end: octetsKey(end), value: connection });
    }
  }

  const keep = (error: FieldError): void => {
    if (errors.length === ERRORS_MAX) {
      errors.push(recordError(from, 0, [], '', `more than ${ERRORS_MAX} errors; the rest is not shown`));
      throw new FieldErrors(errors);
    }
    errors.push(error);
  };
  const placeOf = ({ file, line }: NamedPeer): string => `${files[file]}:${line}`;

  let secretFile = '';
  const taker: RecordTaker = {
    fields: FIELDS,
    begin(file) {
      files.push(file);
    },
    fail: keep,
    take(file, line, values) {
      const fail = (name: string, value: unknown, limit: string): void => {
        const isEmpty = value === undefined && limit !== 'is required';
        const text = isEmpty ? '' : valueText([name], value);
        keep(recordError(file, line, [name], text, limit));
      };
      if (secretFile !== file && (values.psk !== undefined || values.pskHex !== undefined)) {
        secretFile = file;
        secret(file);
      }
      const checked = checkFields(values, fail);
      if (checked === null) return;
      const profile = profiles.get(checked.profile);
      if (profile === undefined) {
        const known = [...profiles.keys()].filter((name) => name !== '');
        if (checked.profile === '') fail('profile', undefined, 'is required');
        else fail('profile', checked.profile, `is none of \`profiles\`${didYouMean(checked.profile, known)}`);
        return;
      }
      const identity = parseIdentity(checked.remoteId);
      if (identity === undefined) {
        fail('remoteId', checked.remoteId, 'must be fqdn:NAME, keyid:HEX, keyid:"TEXT", ipv6:ADDRESS or ipv4:ADDRESS');
        return;
      }
      const { psk, privateKey, publicKey, signatures } = profile.policy;
      if (signatures !== undefined && checked.publicKey !== '') {
        fail('publicKey', checked.publicKey, 'its profile has certificates, or keys of another kind');
        return;
      }
      const hasPsk = psk.length > 0 || checked.psk !== '' || checked.pskHex !== '';
      if (
        !hasPsk &&
        signatures === undefined &&
        (privateKey.length === 0 || (publicKey.length === 0 && checked.publicKey === ''))
      ) {
        const missing = privateKey.length > 0 ? 'publicKey' : 'psk';
        fail(missing, undefined, 'is required');
        return;
      }
      const key = identityKey(identity.type, identity.data);
      const before = byId.get(key);
      const inFile = earlier.get(key);
      if (before !== undefined || inFile !== undefined) {
        const place = before === undefined ? `peer ${inFile}` : placeOf(before);
        fail('remoteId', checked.remoteId, `is there already: ${place}`);
        return;
      }
      const name = checked.name === '' ? identityText(identity.type, identity.data) : checked.name;
      const namesake = names.get(name);
      if (namesake !== undefined) {
        fail('name', name, `is there already${namesake === null ? ' among `peers`' : `: ${placeOf(namesake)}`}`);
        return;
      }
      if (byId.size === NAMED_MAX) {
        errors.push(recordError(file, line, [], '', `must be ${NAMED_MAX} peers at most in all files`));
        throw new FieldErrors(errors);
      }
      const { remoteId, address } = checked;
      const secrets = { psk: checked.psk, pskHex: checked.pskHex, publicKey: checked.publicKey };
      const peer: NamedPeer = { name, remoteId, ...secrets, address, profile, file: files.length - 1, line };
      names.set(name, peer);
      byId.set(key, peer);
      for (const [start, end] of checked.ranges) {
        const first = octetsKey(start);
        owned.push({ start: first, end: Buffer.compare(start, end) === 0 ? first : octetsKey(end), value: peer });
      }
    },
  };
  readPeerFiles(from, taker);

  // In ascending order each is compared with the one that reaches farthest of those before it.
  owned.sort((a, b) => a.start.length - b.start.length || (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  let last: Owned | null = null;
  for (const one of owned) {
    const isMet = last !== null && last.start.length === one.start.length && one.start <= last.end;
    if (isMet && (isRecord(one.value) || isRecord(last!.value))) {
      const order = (owner: NamedPeer | Connection): number =>
        isRecord(owner) ? (owner.file + 1) * 2 ** 32 + owner.line : 0;
      const [early, late] = order(one.value) < order(last!.value) ? [one, last!] : [last!, one];
      const other = isRecord(early.value) ? placeOf(early.value) : `peer ${early.value.name}`;
      const { file, line } = late.value as NamedPeer;
      keep(
        recordError(
          files[file],
          line,
          ['address'],
          (late.value as NamedPeer).address,
          `has an address of another: ${other}`,
        ),
      );
    }
    if (!isMet || one.end > last!.end) last = one;
  }
  if (errors.length > 0) throw new FieldErrors(errors);
  return {
    size: byId.size,
    from,
    profiles: [...new Set(profiles.values())],
    get: (type, data) => byId.get(identityKey(type, data)),
    all: () => byId.values(),
    ranges: owned.filter((one): one is NamedRange => isRecord(one.value)),
  };
}
