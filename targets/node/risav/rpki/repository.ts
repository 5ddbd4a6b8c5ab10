// Makes a whole repository: a trust anchor, a CA per AS, and what each publishes (manifest, CRL, ROA, announcement). Keys are RSA with 2,048
// bits [RFC 7935], which take long to make: the caller says where they come from.

import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Announcement, type Roa, writeAnnouncement, writeManifest, writeRoa } from './contents.ts';
import { type CertificateGiven, type Key, keyOf, writeCertificate, writeCrl, writeSignedObject } from './issue.ts';
import { MANIFEST, RISAV_ANNOUNCEMENT, ROA } from './oids.ts';
import { type Prefix, type Range, type Resources, rangeOf } from './resources.ts';
import { writeTal } from './tal.ts';

const HOUR = 3600_000;
const YEAR = 365 * 24 * HOUR;

/** Makes a new key each time. */
export const newKey = (): Key => keyOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);

export interface AsGiven {
  as: number;
  prefixes: readonly Prefix[];
  /** null: takes no part in RISAV. */
  contacts: readonly Prefix[] | null;
  testing?: boolean;
}

/** What tests change. */
export interface Changes {
  /** The given of a certificate, by the name of the file it is for. */
  certificate?: (file: string, given: CertificateGiven) => CertificateGiven;
  /** A file before the manifest has its hash. */
  file?: (file: string, octets: Buffer) => Buffer;
  /** Serial numbers that a CA revokes, by its name. */
  revoked?: (ca: string) => readonly bigint[];
  /** More files of a CA's manifest. */
  more?: (ca: string) => Record<string, Buffer>;
}

export interface RepositoryGiven {
  /** Most take `rpki.example`. */
  host?: string;
  ases: readonly AsGiven[];
  /** Milliseconds since 1970. */
  now: number;
  keys?: () => Key;
  /** OID of RISAVAnnouncement, and the extension of its files: three letters, as manifests demand [RFC 9286 §4.2.2]. */
  announcementOid?: string;
  announcementExtension?: string;
  /** Of manifests and CRLs. */
  number?: bigint;
  changes?: Changes;
}

export interface Repository {
  /** Octets by rsync URI. */
  files: Map<string, Buffer>;
  tal: string;
  /** Serial numbers of certificates, by the file they are for. */
  serials: Map<string, bigint>;
}

const ALL: Resources = {
  v4: [[0n, (1n << 32n) - 1n]],
  v6: [[0n, (1n << 128n) - 1n]],
  as: [[0n, 0xffffffffn]],
};
const INHERIT: Resources = { v4: 'inherit', v6: 'inherit', as: 'inherit' };

/** Sorted ranges, joined where they touch. */
export function rangesOf(ranges: readonly Range[]): Range[] {
  const out: [bigint, bigint][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    const last = out[out.length - 1];
    if (last !== undefined && from <= last[1] + 1n) {
      if (to > last[1]) last[1] = to;
    } else out.push([from, to]);
  }
  return out;
}

function resourcesOf(prefixes: readonly Prefix[], as: number | null): Resources {
  const of = (family: 'v4' | 'v6'): Range[] => rangesOf(prefixes.filter((one) => one.family === family).map(rangeOf));
  return { v4: of('v4'), v6: of('v6'), as: as === null ? [] : [[BigInt(as), BigInt(as)]] };
}

/** ASes 64501 and on for tests: AS 64500 + n has 10.n.0.0/16 and 2001:db8:n::/48 (n in hexadecimal), and takes part. */
export function testAses(count: number): AsGiven[] {
  return Array.from({ length: count }, (_, at) => {
    const n = BigInt(at + 1);
    const v4 = (10n << 24n) | (n << 16n);
    const v6 = (0x20010db8n << 96n) | (n << 80n);
    return {
      as: 64501 + at,
      prefixes: [
        { family: 'v4', address: v4, length: 16 },
        { family: 'v6', address: v6, length: 48 },
      ],
      contacts: [
        { family: 'v4', address: v4 | 1n, length: 32 },
        { family: 'v6', address: v6 | 1n, length: 128 },
      ],
    };
  });
}

interface Ca {
  name: string;
  key: Key;
  folder: string;
  uri: string;
}

/** Makes a repository. */
export function makeRepository(given: RepositoryGiven): Repository {
  const { host = 'rpki.example', now, keys = newKey, changes = {}, number = 1n } = given;
  const extension = given.announcementExtension ?? 'rav';
  const base = `rsync://${host}/repo/`;
  const files = new Map<string, Buffer>();
  const serials = new Map<string, bigint>();
  let serial = 0n;

  function certificate(file: string, key: Key, by: Ca, resources: Resources, more: Partial<CertificateGiven>): Buffer {
    const values: CertificateGiven = {
      serial: ++serial,
      issuer: by.name,
      subject: file.replace(/[^A-Za-z0-9-]/g, '-'),
      notBefore: now - HOUR,
      notAfter: now + YEAR,
      key,
      by: by.key,
      isCa: false,
      resources,
      crl: `${by.folder}${by.name}.crl`,
      issuerUri: by.uri,
      repository: '',
      object: by.folder + file,
      ...more,
    };
    const changed = changes.certificate?.(file, values) ?? values;
    serials.set(file, changed.serial);
    return writeCertificate(changed);
  }

  function object(
    ca: Ca,
    file: string,
    type: string,
    content: Buffer,
    resources: Resources,
    more: Partial<CertificateGiven> = {},
  ): Buffer {
    const key = keys();
    return writeSignedObject(type, content, certificate(file, key, ca, resources, more), key, now);
  }

  function publish(ca: Ca, own: Map<string, Buffer>): void {
    const revoked = changes.revoked?.(ca.name) ?? [];
    const times = { thisUpdate: now - HOUR, nextUpdate: now + 24 * HOUR };
    own.set(`${ca.name}.crl`, writeCrl({ issuer: ca.name, by: ca.key, number, ...times, revoked }));
    for (const [name, octets] of Object.entries(changes.more?.(ca.name) ?? {})) own.set(name, octets);
    for (const [name, octets] of own) own.set(name, changes.file?.(name, octets) ?? octets);
    const hashes = new Map([...own].map(([name, octets]) => [name, createHash('sha256').update(octets).digest()]));
    const name = `${ca.name}.mft`;
    const validity = { notBefore: times.thisUpdate, notAfter: times.nextUpdate };
    const manifest = object(ca, name, MANIFEST, writeManifest({ number, ...times, files: hashes }), INHERIT, validity);
    own.set(name, changes.file?.(name, manifest) ?? manifest);
    for (const [file, octets] of own) files.set(ca.folder + file, octets);
  }

  const anchor: Ca = { name: 'ta', key: keys(), folder: `${base}ta/`, uri: `${base}ta.cer` };
  const own = new Map<string, Buffer>();
  const asCa = (ca: Ca): Partial<CertificateGiven> => ({
    isCa: true,
    subject: ca.name,
    repository: ca.folder,
    object: `${ca.folder}${ca.name}.mft`,
  });
  files.set(
    anchor.uri,
    certificate('ta.cer', anchor.key, anchor, ALL, {
      ...asCa(anchor),
      crl: '',
      issuerUri: '',
      notAfter: now + 10 * YEAR,
    }),
  );
  for (const { as, prefixes, contacts, testing = false } of given.ases) {
    const name = `AS${as}`;
    const ca: Ca = { name, key: keys(), folder: `${base}${name}/`, uri: `${anchor.folder}${name}.cer` };
    own.set(`${name}.cer`, certificate(`${name}.cer`, ca.key, anchor, resourcesOf(prefixes, as), asCa(ca)));
    const list = new Map<string, Buffer>();
    const roa: Roa = { as, prefixes: prefixes.map((one) => ({ ...one, maxLength: one.length })) };
    if (prefixes.length > 0)
      list.set(`${name}.roa`, object(ca, `${name}.roa`, ROA, writeRoa(roa), resourcesOf(prefixes, null)));
    if (contacts !== null) {
      const announcement: Announcement = { as, contacts: [...contacts], testing };
      const file = `${name}.${extension}`;
      const type = given.announcementOid ?? RISAV_ANNOUNCEMENT;
      list.set(file, object(ca, file, type, writeAnnouncement(announcement), resourcesOf([], as)));
    }
    publish(ca, list);
  }
  publish(anchor, own);
  return { files, tal: writeTal({ uris: [anchor.uri], spki: anchor.key.spki }), serials };
}

/** Writes a repository as rpki-client and rsync keep it: `host/module/path`; the trust anchor also where rpki-client looks for it. */
export function writeRepository({ files, tal }: Repository, folder: string, talName: string): void {
  const put = (path: string, octets: Buffer | string): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, octets);
  };
  for (const [uri, octets] of files) put(join(folder, uri.slice('rsync://'.length)), octets);
  const [anchor] = tal.split('\n');
  put(join(folder, 'ta', talName, anchor.slice(anchor.lastIndexOf('/') + 1)), files.get(anchor)!);
  put(join(folder, `${talName}.tal`), tal);
}
