// Who may ask: the right name of the host (a page elsewhere whose name was bound to this address has another one), no other
// origin, and the token.

import { isIP } from 'node:net';
import type { Context, MiddlewareHandler, Next } from 'hono';
import { isSame } from './token.ts';

/** Nothing but what this server sends runs in the page, and no other page frames it. */
const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
  'Cache-Control': 'no-store',
};

export const SECURITY_HEADERS: readonly [string, string][] = Object.entries(HEADERS);

/** The host of a `Host` header, without its port. */
function nameOf(host: string): string {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::\d{1,5})?$/.exec(host);
  return (match?.[1] ?? '').toLowerCase();
}

/** True for names by which this server may be called. */
export function isOwnHost(host: string, hosts: readonly string[]): boolean {
  const name = nameOf(host);
  if (name === '') return false;
  const bare = name.startsWith('[') ? name.slice(1, -1) : name;
  return isIP(bare) > 0 || name === 'localhost' || hosts.includes(name);
}

/** What a refusal is counted as. */
export type RefusalReason = 'host' | 'origin' | 'token';

export interface Guard {
  /** Of every request: its host and origin. */
  place: MiddlewareHandler;
  /** Of requests for what is not public: the token. */
  token: MiddlewareHandler;
}

export interface GuardConfig {
  digest: Buffer;
  hosts: readonly string[];
  /** Tells of a refusal. */
  refused(reason: RefusalReason, context: Context): void;
  /** Tells of a request with the token. */
  proved(context: Context): void;
}

export function createGuard({ digest, hosts, refused, proved }: GuardConfig): Guard {
  const refuse = (context: Context, reason: RefusalReason, status: 401 | 403, problem: string): Response => {
    refused(reason, context);
    if (status === 401) context.header('WWW-Authenticate', 'Bearer realm="dietesp"');
    return context.json({ problem }, status);
  };
  return {
    async place(context: Context, next: Next) {
      const host = context.req.header('host') ?? '';
      for (const [name, value] of SECURITY_HEADERS) context.header(name, value);
      if (!isOwnHost(host, hosts)) return refuse(context, 'host', 403, 'Host: no name of this gateway; see http.hosts');
      const origin = context.req.header('origin');
      const isOther = origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
      const site = context.req.header('sec-fetch-site');
      const isNavigation = context.req.header('sec-fetch-mode') === 'navigate';
      if (isOther || ((site === 'cross-site' || site === 'same-site') && !isNavigation)) {
        return refuse(context, 'origin', 403, 'Origin: other pages may not ask');
      }
      return next();
    },
    async token(context: Context, next: Next) {
      const match = /^Bearer +(\S{1,512}) *$/i.exec(context.req.header('authorization') ?? '');
      if (match === null) return refuse(context, 'token', 401, 'Authorization: Bearer TOKEN is required');
      if (!isSame(match[1], digest)) return refuse(context, 'token', 401, 'Authorization: wrong token');
      proved(context);
      return next();
    },
  };
}
