// What signed objects hold: manifests [RFC 9286], ROAs [RFC 9582], RISAV announcements [draft-xu-ipsecme-risav §4].

import {
  BIT_STRING,
  BOOLEAN,
  bitString,
  bitsOf,
  context,
  type Der,
  der,
  expect,
  IA5_STRING,
  INTEGER,
  ia5,
  integer,
  integerOf,
  OID,
  oid,
  oidOf,
  readDer,
  sequence,
  sequenceOf,
  time,
  timeOf,
} from './der.ts';
import { SHA256 } from './oids.ts';
import {
  type Family,
  familyOf,
  type Prefix,
  readAsNumber,
  readPrefix,
  widthOf,
  writeFamily,
  writePrefix,
} from './resources.ts';

/** Most files of a manifest, and most prefixes of a ROA. */
export const FILES_MAX = 100_000;
export const PREFIXES_MAX = 100_000;

export interface Manifest {
  number: bigint;
  /** Milliseconds since 1970. */
  thisUpdate: number;
  nextUpdate: number;
  /** SHA-256 by name. */
  files: Map<string, Buffer>;
}

/** A VRP without its AS: addresses that it may announce. */
export interface RoaPrefix extends Prefix {
  maxLength: number;
}

export interface Roa {
  as: number;
  prefixes: RoaPrefix[];
}

export interface Announcement {
  as: number;
  /** Where the contact server answers: one address per family at most. */
  contacts: Prefix[];
  /** TRUE: who cannot reach it sends as ever. */
  testing: boolean;
}

/** A version in [0] with a default of 0, which DER leaves out. */
function withoutVersion(fields: Der[], name: string): Der[] {
  if (fields[0]?.tag === context(0)) throw new Error(`version of ${name} must be 0, and so be left out`);
  return fields;
}

/** A name with an extension of three letters [RFC 9286 §4.2.2]. */
export const FILE_NAME = /^[A-Za-z0-9_-]+\.[a-z]{3}$/;

export function readManifest(octets: Buffer): Manifest {
  const fields = withoutVersion(sequenceOf(readDer(octets), 'Manifest'), 'Manifest');
  if (fields.length !== 5) throw new Error('Manifest has not five fields');
  const [number, thisUpdate, nextUpdate, algorithm, list] = fields;
  const value = integerOf(expect(number, INTEGER, 'manifestNumber'));
  if (value < 0n || number.body.length > 20) throw new Error('manifestNumber must be positive, of 20 octets at most');
  if (oidOf(expect(algorithm, OID, 'fileHashAlg')) !== SHA256) throw new Error(`fileHashAlg must be ${SHA256}`);
  const items = sequenceOf(list, 'fileList');
  if (items.length > FILES_MAX) throw new Error(`fileList has ${items.length} files: at most ${FILES_MAX}`);
  const files = new Map<string, Buffer>();
  for (const item of items) {
    const [name, hash, more] = sequenceOf(item, 'fileList');
    const text = expect(name, IA5_STRING, 'file').body.toString('latin1');
    const { unused, octets: digest } = bitsOf(expect(hash, BIT_STRING, 'hash'));
    if (!FILE_NAME.test(text))
      throw new Error('a file name must be letters, digits, - and _, with an extension of three letters');
    if (unused !== 0 || digest.length !== 32 || more !== undefined) throw new Error('a hash must be of 32 octets');
    if (files.has(text)) throw new Error(`file ${text} stands there twice`);
    files.set(text, digest);
  }
  const out = { number: value, thisUpdate: timeOf(thisUpdate, true), nextUpdate: timeOf(nextUpdate, true), files };
  if (out.nextUpdate <= out.thisUpdate) throw new Error('nextUpdate is not after thisUpdate');
  return out;
}

export function writeManifest({ number, thisUpdate, nextUpdate, files }: Manifest): Buffer {
  const list = [...files].map(([name, hash]) => sequence(ia5(name), bitString(hash)));
  return sequence(integer(number), time(thisUpdate, true), time(nextUpdate, true), oid(SHA256), sequence(...list));
}

export function readRoa(octets: Buffer): Roa {
  const [as, blocks, more] = withoutVersion(sequenceOf(readDer(octets), 'RouteOriginAttestation'), 'a ROA');
  if (more !== undefined) throw new Error('RouteOriginAttestation has more than two fields');
  const families = sequenceOf(blocks, 'ipAddrBlocks');
  if (families.length < 1 || families.length > 2) throw new Error('ipAddrBlocks must have one or two families');
  const prefixes: RoaPrefix[] = [];
  const seen = new Set<Family>();
  for (const block of families) {
    const [afi, list, extra] = sequenceOf(block, 'ROAIPAddressFamily');
    const family = familyOf(afi);
    const items = sequenceOf(list, 'addresses');
    if (seen.has(family) || items.length === 0 || extra !== undefined)
      throw new Error('ROAIPAddressFamily is malformed, or stands there twice');
    if (items.length > PREFIXES_MAX) throw new Error(`a ROA has ${items.length} prefixes: at most ${PREFIXES_MAX}`);
    seen.add(family);
    for (const item of items) {
      const [address, most, rest] = sequenceOf(item, 'ROAIPAddress');
      const prefix = readPrefix(address, family);
      const maxLength = most === undefined ? BigInt(prefix.length) : integerOf(expect(most, INTEGER, 'maxLength'));
      if (maxLength < prefix.length || maxLength > widthOf(family) || rest !== undefined)
        throw new Error(`maxLength ${maxLength}: must be ${prefix.length} to ${widthOf(family)}`);
      prefixes.push({ ...prefix, maxLength: Number(maxLength) });
    }
  }
  return { as: Number(readAsNumber(as)), prefixes };
}

export function writeRoa({ as, prefixes }: Roa): Buffer {
  const blocks = (['v4', 'v6'] as const)
    .map((family) => ({ family, list: prefixes.filter((one) => one.family === family) }))
    .filter(({ list }) => list.length > 0)
    .map(({ family, list }) => {
      const items = list.map((one) =>
        one.maxLength === one.length ? sequence(writePrefix(one)) : sequence(writePrefix(one), integer(one.maxLength)),
      );
      return sequence(writeFamily(family), sequence(...items));
    });
  return sequence(integer(as), sequence(...blocks));
}

export function readAnnouncement(octets: Buffer): Announcement {
  const [as, contact, testing, more] = withoutVersion(
    sequenceOf(readDer(octets), 'RISAVAnnouncement'),
    'RISAVAnnouncement',
  );
  const number = readAsNumber(as);
  const families = sequenceOf(contact, 'contactIP');
  if (families.length < 1 || families.length > 2) throw new Error('contactIP must have one or two families');
  const contacts = families.map((item) => {
    const [afi, choice, extra] = sequenceOf(item, 'IPAddressFamily');
    const family = familyOf(afi);
    // NULL, which is inherit, is no SEQUENCE.
    const list = sequenceOf(choice, 'addressesOrRanges of contactIP');
    if (list.length !== 1 || extra !== undefined) throw new Error('contactIP must have one address per family');
    const prefix = readPrefix(list[0], family);
    if (prefix.length !== widthOf(family)) throw new Error(`contactIP has ${prefix.length} bits: must be one address`);
    return prefix;
  });
  if (contacts.length === 2 && (contacts[0].family !== 'v4' || contacts[1].family !== 'v6'))
    throw new Error('contactIP must have IPv4 before IPv6, each once');
  if (testing !== undefined && expect(testing, BOOLEAN, 'testing').body[0] === 0)
    throw new Error('testing: FALSE is the default, and is left out');
  if (more !== undefined) throw new Error('RISAVAnnouncement has more than four fields');
  return { as: Number(number), contacts, testing: testing !== undefined };
}

export function writeAnnouncement({ as, contacts, testing }: Announcement): Buffer {
  const families = contacts.map((one) => sequence(writeFamily(one.family), sequence(writePrefix(one))));
  return sequence(integer(as), sequence(...families), ...(testing ? [der(BOOLEAN, Buffer.of(0xff))] : []));
}
