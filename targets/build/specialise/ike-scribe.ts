// An initiator of the core whose messages are collected, and how they are cut into payloads.

import { fragmentation } from '../../../core/ike/codec/fragments.ts';
import {
  beginChain,
  createPayloads,
  createWriter,
  parsePayloads,
  type Writer,
} from '../../../core/ike/codec/message.ts';
import type { PrivateNumbers } from '../../../core/ike/codec/private-numbers.ts';
import { createIke } from '../../../core/ike/exchange/endpoint.ts';
import { crashTokens } from '../../../core/ike/ext/crash-taker.ts';
import { downgradePrevention } from '../../../core/ike/ext/downgrade.ts';
import { headerCompression } from '../../../core/ike/ext/header-compression.ts';
import { optimizedRekeys } from '../../../core/ike/ext/optimized-rekey.ts';
import { postQuantumKey } from '../../../core/ike/ext/ppk.ts';
import { createIntermediate } from '../../../core/ike/ext/ppk-intermediate.ts';
import { resumption, ticketRequest } from '../../../core/ike/ext/resume.ts';
import { vendorId } from '../../../core/ike/ext/vendor.ts';
import { createRounds } from '../../../core/ike/setup/rounds.ts';
import type { Ike } from '../../../core/ike/state/ike.ts';
import { createFastProvider } from '../../node/host/provider/fast.ts';

/** Octets of a generic payload header. */
export const HEADER = 4;

/** Octets as hexadecimal digits. */
export function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}

/** A payload of a chain: generic header and body. */
export interface Cut {
  type: number;
  octets: Uint8Array;
}

/** The payloads of a chain, each with next type 0. */
export function cut(buffer: Uint8Array, first: number, at: number, end: number): Cut[] {
  const p = createPayloads();
  if (parsePayloads(p, buffer, first, at, end) !== 0) throw new Error('a message of the core is malformed');
  const list: Cut[] = [];
  for (let i = 0; i < p.count; i++) {
    const octets = buffer.slice(p.at[i] - HEADER, p.at[i] + p.size[i]);
    octets[0] = 0;
    list.push({ type: p.type[i], octets });
  }
  return list;
}

/** An initiator of the core whose messages are collected. */
export function createScribe(numbers: PrivateNumbers): { ike: Ike; sent: Uint8Array[] } {
  const sent: Uint8Array[] = [];
  const none = (): void => {};
  const ike = createIke({
    provider: createFastProvider(),
    asymmetric: {
      hasKe: () => true,
      keStart: (method) => ({ method }),
      keFinish: () => false,
      keWipe: none,
      hasEd25519: () => true,
      sign: none,
      verify: () => false,
    },
    upper: {
      transmit: (_path, _replyTo, buffer, offset, length) => void sent.push(buffer.slice(offset, offset + length)),
      proved: none,
      allocateSpi: () => 256,
      install: () => true,
      retire: none,
      remove: none,
      established: none,
      replaced: none,
      ended: none,
      childFailed: none,
      refused: none,
      keys: none,
      address: () => null,
    },
    // Those of boards.
    extensions: [
      vendorId,
      downgradePrevention,
      postQuantumKey,
      optimizedRekeys,
      headerCompression,
      ticketRequest,
      crashTokens,
    ],
    numbers,
    responder: null,
    intermediate: createRounds([createIntermediate(null)]),
    resumption,
    reassembly: fragmentation,
    maxMessage: 4096,
    keylog: false,
    linger: 0,
  });
  return { ike, sent };
}

/** What the writer holds. */
export function written(w: Writer): Cut[] {
  return cut(w.buffer, w.first, w.start, w.at);
}

/** One payload, as `write` writes it. */
export function payloadOf(write: (w: Writer) => void): Uint8Array {
  const w = createWriter(new Uint8Array(2048));
  beginChain(w, 0);
  write(w);
  return written(w)[0].octets;
}
