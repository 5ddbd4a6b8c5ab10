// One thread of an SA with subspaces: it has the key, an SA of its own, and the subspaces index, index + of, index + 2 of, ...
// Nobody else sends on those, or keeps their windows, so threads share nothing but the sums of the lifetimes.

import type { MessagePort } from 'node:worker_threads';
import { u16 } from '../../../../core/base/bytes.ts';
import { DROP_LIFETIME, DROP_SHORT, DROP_SUBSPACE } from '../../../../core/base/drop.ts';
import type { Provider } from '../../../../core/crypto/provider.ts';
import { addInbound, createEndpoint, drop } from '../../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../../core/esp/full-parts.ts';
import { inbound } from '../../../../core/esp/inbound.ts';
import { OUTBOUND_ROOM, outbound } from '../../../../core/esp/outbound.ts';
import { createSa, destroySa, type SaConfig } from '../../../../core/esp/sa.ts';
import { classSubspace, createSubspaceSuite, useSubspace } from '../../../../core/esp/subspaces.ts';
import type { Batch } from './batch.ts';
import { fromPlain, type PlainConfig, wipePlain } from './plain.ts';
import { createAllowance, type QuotaShare } from './quota.ts';

/** What a thread begins with. */
export interface ThreadData {
  direction: 'out' | 'in';
  config: PlainConfig;
  /** Subspaces of the SA. */
  count: number;
  /** This thread has the IDs whose remainder by `of` is `index`. */
  index: number;
  of: number;
  quota: QuotaShare;
}

/** A request to a thread, and its answer. */
export interface Job extends Batch {
  id: number;
  now: number;
}

/** Offset of the Subspace ID in an IP packet with ESP. */
export function idOffset(octets: Uint8Array, at: number): number {
  const header = octets[at] >>> 4 === 6 ? 40 : (octets[at] & 15) * 4;
  return at + header + 4;
}

export function configFrom(plain: PlainConfig, count: number): SaConfig {
  const config = fromPlain(plain);
  return { ...config, suite: createSubspaceSuite(config.suite, count) };
}

/** Does the work of a thread: answers each `Job` on `port`, until null comes. */
export function serve(port: MessagePort, data: ThreadData, provider: Provider): void {
  const { direction, count, index, of } = data;
  const endpoint = createEndpoint(FULL_PARTS, provider);
  const config = configFrom(data.config, count);
  const sa = createSa(FULL_PARTS, provider, config);
  wipePlain(config);
  if (direction === 'in') addInbound(endpoint, sa);
  const allowance = createAllowance(data.quota);
  const own = Math.ceil((count - index) / of);

  function protect(from: Uint8Array, at: number, length: number, to: Uint8Array, toAt: number, now: number): number {
    useSubspace(sa, index + of * classSubspace(from, at, own));
    return outbound(endpoint, sa, from, at, length, to, toAt, now);
  }

  function open(from: Uint8Array, at: number, length: number, to: Uint8Array, toAt: number, now: number): number {
    const id = idOffset(from, at);
    if (id + 2 > at + length) return drop(endpoint, DROP_SHORT);
    // The window of another's subspace is elsewhere: here a replay would pass.
    if (u16(from, id) % of !== index) return drop(endpoint, DROP_SUBSPACE);
    return inbound(endpoint, from, at, length, to, toAt, now);
  }

  const isOut = direction === 'out';
  const one = isOut ? protect : open;
  const room = isOut ? OUTBOUND_ROOM : 0;
  port.on('message', (job: Job | null) => {
    if (job === null) {
      destroySa(provider, sa);
      port.close();
      return;
    }
    const { octets, lengths, now } = job;
    const out = new Uint8Array(octets.length + (lengths.length + 1) * room);
    let at = 0;
    let toAt = 0;
    for (let i = 0; i < lengths.length; i++) {
      const length = lengths[i];
      let code = DROP_LIFETIME;
      // Anybody can send what is long: it takes nothing of the lifetime before its ICV has verified.
      if (allowance.mayUse(isOut ? length : 1)) {
        if (sa.since < 0) sa.since = allowance.since(now);
        code = one(octets, at, length, out, toAt, now);
      } else drop(endpoint, DROP_LIFETIME);
      at += length;
      lengths[i] = code;
      if (code < 0) continue;
      toAt += code;
      allowance.use(isOut ? length : code);
    }
    const answer: Job = { id: job.id, now, octets: out.subarray(0, toAt), lengths };
    port.postMessage(answer, [out.buffer, lengths.buffer]);
  });
}
