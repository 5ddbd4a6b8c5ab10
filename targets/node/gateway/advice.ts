// What the gateway tells a peer whose SAs it does not know: INVALID_SPI for ESP, INVALID_IKE_SPI for IKE, with the token that
// proves it where there is one [RFC 7296 §1.5, RFC 6290]. Anybody can ask for these answers with any source, so there are few
// of them: for each source, and in all.

import type { Provider } from '../../../core/crypto/provider.ts';
import { prf } from '../../../core/ike/crypto/keys.ts';
import { spiKey } from '../../../core/ike/exchange/registry.ts';
import { type CrashMaker, createCrashMaker, invalidSpi } from '../../../core/ike/ext/crash-maker.ts';
import type { Ike } from '../../../core/ike/state/ike.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { sourceOf } from '../host/bounded.ts';
import type { Keeper } from './state/keeper.ts';

/** Answers to one source: at once, and milliseconds for each one more. What one question of a peer settles has more. */
const BURST_ESP = 4;
const EACH_ESP = 2000;
const BURST_IKE = 64;
const EACH_IKE = 100;
/** The same in all. */
const BURST_ALL = 200;
const EACH_ALL = 10;
/** Sources that are remembered. */
const SOURCES_MAX = 4096;

/** Tokens of a bucket, and when they were counted. */
interface Bucket {
  left: number;
  at: number;
}

function take(bucket: Bucket, most: number, each: number, now: number): boolean {
  bucket.left = Math.min(most, bucket.left + Math.max(0, now - bucket.at) / each);
  bucket.at = now;
  if (bucket.left < 1) return false;
  bucket.left--;
  return true;
}

/** True when one more answer may go to the source of `path`: limits by source (`burst`, `every` in ms) and in all. */
export function createAnswerLimit(burst = BURST_ESP, every = EACH_ESP): (path: Path, now: number) => boolean {
  const all: Bucket = { left: BURST_ALL, at: 0 };
  const sources = new Map<string, Bucket>();
  return (path, now) => {
    const key = sourceOf(path.remote);
    const known = sources.get(key) ?? { left: burst, at: now };
    sources.delete(key);
    sources.set(key, known);
    // The one that was silent for longest gives way.
    if (sources.size > SOURCES_MAX) sources.delete(sources.keys().next().value!);
    return take(known, burst, every, now) && take(all, BURST_ALL, EACH_ALL, now);
  };
}

/** A secret of the gateway: from its store, or a new one. */
export function secretOf(provider: Provider, keeper: Keeper | null, name: string, size: number): Uint8Array {
  const make = (): Uint8Array => {
    const key = new Uint8Array(size);
    provider.random(key, 0, size);
    return key;
  };
  return keeper === null ? make() : keeper.secret(name, size, make);
}

/** A secret for tokens that outlives the process, or null. */
function crashSecret(provider: Provider, keeper: Keeper | null, ticketKey?: Uint8Array | null): Uint8Array | null {
  if (keeper !== null) return secretOf(provider, keeper, 'crash', 32);
  return ticketKey === undefined || ticketKey === null
    ? null
    : prf(provider, ticketKey, Buffer.from('crash detection'));
}

export interface Advice extends CrashMaker {
  /** ESP came over `path` that no SA is for; `spi`: its first four octets. */
  unknownSpi(ike: Ike, path: Path, spi: number, now: number): void;
}

/** `endpoints`: all of this gateway, as a token must not end the SA of another one of them. */
export function createAdvice(
  provider: Provider,
  keeper: Keeper | null,
  ticketKey: Uint8Array | null | undefined,
  endpoints: () => Ike[],
): Advice {
  // One for each: a busy sensor's packets must not use up the answer to its question, nor those of others behind its NAT.
  const allowsSpi = createAnswerLimit();
  const allows = createAnswerLimit(BURST_IKE, EACH_IKE);
  const isHeld = (spis: Uint8Array): boolean =>
    endpoints().some(({ bySpi }) => bySpi[spiKey(spis, 0)] !== undefined || bySpi[spiKey(spis, 8)] !== undefined);
  const maker = createCrashMaker({ provider, secret: crashSecret(provider, keeper, ticketKey), isHeld, allows });
  return {
    ...maker,
    unknownSpi(ike, path, spi, now) {
      if (!allowsSpi(path, now)) return;
      const octets = invalidSpi(ike, spi);
      ike.upper.transmit(path, path, octets, 0, octets.length, now);
    },
  };
}
