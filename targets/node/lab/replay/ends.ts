// Both ends of what was negotiated, as SAs of the core: a sender that puts each packet under the counter of its lane, and a
// receiver. A watched provider tells when a nonce comes twice under one key.

import { dropName } from '../../../../core/base/drop-name.ts';
import type { Key, Provider } from '../../../../core/crypto/provider.ts';
import { addAnyInbound, createAnySa } from '../../../../core/eesp/any.ts';
import { createEespEndpoint } from '../../../../core/eesp/endpoint.ts';
import { type EespSa, sendWith } from '../../../../core/eesp/sa.ts';
import { createEndpoint } from '../../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../../core/esp/full-parts.ts';
import { createLane, type Lane, laneFor } from '../../../../core/esp/lanes.ts';
import { OUTBOUND_ROOM } from '../../../../core/esp/outbound.ts';
import type { Sa } from '../../../../core/esp/sa.ts';
import { useSubspace } from '../../../../core/esp/subspaces.ts';
import { protectAny } from '../../host/eesp.ts';
import { layLane } from '../../host/lanes.ts';
import { createFastProvider } from '../../host/provider/fast.ts';
import type { Answer } from './answers.ts';
import type { AgreedPair } from './negotiate.ts';
import { openWith } from './packets.ts';

/** Without the search for lost numbers, which has nothing to do with replays. */
const PARTS = { ...FULL_PARTS, search: null };

/** A provider that notes every nonce with its key. */
export interface Watched {
  provider: Provider;
  /** Packets that were sealed with a nonce that their key had before. */
  repeated(): number;
}

export function watchedProvider(): Watched {
  const provider = createFastProvider();
  const names = new Map<Key, string>();
  const seen = new Set<string>();
  let repeated = 0;
  return {
    provider: {
      ...provider,
      key(alg, octets) {
        const key = provider.key(alg, octets);
        names.set(key, Buffer.from(octets).toString('latin1'));
        return key;
      },
      seal(key, aead, buffer, offset, length) {
        const nonce = Buffer.from(aead.nonce.buffer, aead.nonce.byteOffset, aead.nonceLength).toString('latin1');
        const pair = `${names.get(key)} ${nonce}`;
        if (seen.has(pair)) repeated++;
        seen.add(pair);
        provider.seal(key, aead, buffer, offset, length);
      },
    },
    repeated: () => repeated,
  };
}

/** A sender: `lane` chooses the counter where the answer lets the sender choose. */
export interface Sender {
  protect(inner: Uint8Array, lane: number): Uint8Array;
}

/** A receiver: what came of a packet, 0 or above: octets; below: a drop code. */
export interface Receiver {
  /** Takes the SAs of one more peer. */
  add(pairs: readonly AgreedPair[]): void;
  open(wire: Uint8Array): number;
}

/** A sender of these pairs, with counters of its own. */
export function createSender(answer: Answer, pairs: readonly AgreedPair[], provider: Provider): Sender {
  const e = createEespEndpoint(createEndpoint(PARTS, provider));
  const lanes = pairs.map(({ outgoing, child }): Lane => {
    const lane = createLane(createAnySa(e, outgoing));
    layLane(lane, child);
    return lane;
  });
  const room = new Uint8Array(2048 + OUTBOUND_ROOM);

  function saFor(inner: Uint8Array, at: number): Sa {
    if (answer.by === 'class') return laneFor(lanes, inner, 0, inner.length, 0)!.sa;
    const { sa } = lanes[answer.by === 'ike' || answer.by === 'child' ? at : 0];
    if (answer.by === 'subspace') useSubspace(sa, at);
    if (answer.by === 'sub-sa') sendWith(sa as EespSa, at);
    return sa;
  }

  return {
    protect(inner, at) {
      const sa = saFor(inner, at);
      const length = protectAny(e, sa, inner, inner.length, room, 0);
      if (length < 0) throw new Error(`anti-replay bench: ${answer.name}: not sent: ${dropName(length)}`);
      return room.slice(0, length);
    },
  };
}

/** A receiver of these pairs. */
export function createReceiver(pairs: readonly AgreedPair[], provider: Provider): Receiver {
  const e = createEespEndpoint(createEndpoint(PARTS, provider));
  const add = (list: readonly AgreedPair[]): void => {
    for (const { incoming } of list) addAnyInbound(e, createAnySa(e, incoming));
  };
  add(pairs);
  const room = new Uint8Array(4096);
  const copy = new Uint8Array(4096);
  return {
    add,
    open(wire) {
      // It decrypts in place, and an attacker has the packet as it was.
      copy.set(wire);
      return openWith(e, copy.subarray(0, wire.length), room);
    },
  };
}
