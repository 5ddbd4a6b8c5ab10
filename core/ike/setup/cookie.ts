// COOKIE: the responder asks for it under load, and keeps no state for a sender that has not returned one [RFC 7296 §2.6].

import { equal } from '../../base/spans.ts';
import { N_COOKIE } from '../codec/numbers.ts';
import { join, NONE } from '../codec/octets.ts';
import { dataOf, type Message } from '../codec/payloads.ts';
import { prf } from '../crypto/keys.ts';
import { nonce } from '../exchange/registry.ts';
import type { Ike } from '../state/ike.ts';
import type { Path } from '../state/path.ts';

/** Milliseconds for which a secret makes cookies. For the same time after that it is still accepted. */
const SECRET_TIME = 60000;
const COOKIE_SIZE = 17;

/** The two secrets in use, by the parity of their version. */
export interface Cookies {
  secrets: Uint8Array[];
  version: number;
  /** When the newer one was made, -1: never. */
  renewedAt: number;
}

export function createCookies(): Cookies {
  return { secrets: [NONE, NONE], version: 0, renewedAt: -1 };
}

/** Makes a new secret when the current one has expired. */
export function renewCookies(ike: Ike, c: Cookies, now: number): void {
  if (c.renewedAt >= 0 && now - c.renewedAt < SECRET_TIME) return;
  c.version = (c.version + 1) & 0xff;
  if (c.renewedAt < 0) c.secrets[(c.version + 1) & 1] = nonce(ike, 32);
  c.secrets[c.version & 1] = nonce(ike, 32);
  c.renewedAt = now;
}

/** versionOfSecret | HMAC(secret, Ni | IPi | SPIi) [RFC 7296 §2.6]. */
function cookieOf(ike: Ike, c: Cookies, path: Path, spi: Uint8Array, nonceI: Uint8Array, version: number): Uint8Array {
  const out = new Uint8Array(COOKIE_SIZE);
  const mac = prf(ike.provider, c.secrets[version & 1], join([nonceI, path.remote, spi]));
  out[0] = version & 0xff;
  for (let i = 1; i < COOKIE_SIZE; i++) out[i] = mac[i];
  return out;
}

/** The cookie to ask a sender for. */
export function freshCookie(ike: Ike, c: Cookies, path: Path, spi: Uint8Array, nonceI: Uint8Array): Uint8Array {
  return cookieOf(ike, c, path, spi, nonceI, c.version);
}

/** What a sender may have been asked for in the last SECRET_TIME and more: none, or one of each secret. */
export function recentCookies(
  ike: Ike,
  c: Cookies,
  path: Path,
  spi: Uint8Array,
  nonceI: Uint8Array,
  now: number,
): Uint8Array[] {
  if (c.renewedAt < 0 || now - c.renewedAt > 2 * SECRET_TIME) return [];
  const before = (c.version + 255) & 0xff;
  return [cookieOf(ike, c, path, spi, nonceI, c.version), cookieOf(ike, c, path, spi, nonceI, before)];
}

/** True when the request in `m` carries a cookie that was made here for its sender. */
export function hasCookie(ike: Ike, c: Cookies, path: Path, m: Message, spi: Uint8Array, nonceI: Uint8Array): boolean {
  const cookie = dataOf(m, N_COOKIE);
  if (cookie === null || cookie.length !== COOKIE_SIZE) return false;
  const version = cookie[0];
  if (version !== c.version && version !== ((c.version + 255) & 0xff)) return false;
  return equal(cookie, 0, cookieOf(ike, c, path, spi, nonceI, version), 0, COOKIE_SIZE);
}
