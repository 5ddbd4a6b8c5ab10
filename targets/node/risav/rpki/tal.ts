// Trust anchor locators [RFC 8630]: where the certificate of a trust anchor is, and its key.

import { RSYNC_URI } from './certificate.ts';

export interface Tal {
  /** Of rsync; others are left out. */
  uris: string[];
  /** SubjectPublicKeyInfo. */
  spki: Buffer;
}

/** Reads a TAL; `name`: for messages. Throws on what is none. */
export function readTal(text: string, name: string): Tal {
  const lines = text.split(/\r?\n/);
  while (lines[0]?.startsWith('#')) lines.shift();
  const end = lines.indexOf('');
  if (end < 1) throw new Error(`${name}: must have URIs, an empty line, and a key`);
  const uris = lines.slice(0, end);
  const bad = uris.find((one) => !RSYNC_URI.test(one) && !/^https:\/\/[^\s]+$/.test(one));
  if (bad !== undefined) throw new Error(`${name}: line ${lines.indexOf(bad) + 1} must be an rsync or https URI`);
  const base64 = lines.slice(end + 1).join('');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) throw new Error(`${name}: the key must be in Base64`);
  const rsync = uris.filter((one) => RSYNC_URI.test(one));
  if (rsync.length === 0) throw new Error(`${name}: has no rsync URI: copies on disk are found by it`);
  return { uris: rsync, spki: Buffer.from(base64, 'base64') };
}

export function writeTal({ uris, spki }: Tal): string {
  const lines = spki.toString('base64').match(/.{1,64}/g)!;
  return [...uris, '', ...lines, ''].join('\n');
}
