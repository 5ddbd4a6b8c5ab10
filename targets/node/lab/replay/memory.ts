// What the gateway's heap holds of a peer for each answer: IKE SAs, Child SAs, both directions of ESP, and the windows after a packet
// under every counter.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createAnySa } from '../../../../core/eesp/any.ts';
import { createEespEndpoint } from '../../../../core/eesp/endpoint.ts';
import { createEndpoint } from '../../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../../core/esp/full-parts.ts';
import type { Sa } from '../../../../core/esp/sa.ts';
import { createFastProvider } from '../../host/provider/fast.ts';
import { type Answer, CLASS_DSCP, countersOf } from './answers.ts';
import { createReceiver, createSender } from './ends.ts';
import { createMeeting } from './negotiate.ts';
import { innerPacket } from './packets.ts';
import { median } from './spin.ts';

/** Collections until the heap stays: what finalizers let go, and code that is not used any more, goes in later ones. */
const COLLECTIONS = 20;
const STABLE = 2000;
/** Peers that come first, with what all share; and times that the others are counted. */
const FIRST_PEERS = 3;
const TIMES = 5;

let collect: (() => void) | null = null;

function heap(): number {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  let last = Number.POSITIVE_INFINITY;
  for (let i = 0; i < COLLECTIONS; i++) {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const used = heapUsed + arrayBuffers;
    if (last - used < STABLE && i > 2) return used;
    last = used;
  }
  return last;
}

/** Octets of a peer with so many counters, or as many as the answer has: the mean of `peers`, and of several such the median. */
export function memoryOf(answer: Answer, wanted: number, esp: string, peers: number): number {
  const counters = countersOf(answer, wanted);
  const meeting = createMeeting(answer, wanted, esp);
  const provider = createFastProvider();
  const receiver = createReceiver([], provider);
  const e = createEespEndpoint(createEndpoint(FULL_PARTS, provider));
  const kept: Sa[] = [];
  const join = (): void => {
    const { pairs } = meeting.join(counters);
    receiver.add(pairs);
    // In the place of the gateway's own direction, which is made alike.
    for (const { outgoing } of pairs) kept.push(createAnySa(e, outgoing));
    const sender = createSender(answer, pairs, provider);
    for (let lane = 0; lane < counters; lane++) {
      receiver.open(sender.protect(innerPacket(CLASS_DSCP[lane % CLASS_DSCP.length], 10000, 20), lane));
    }
  };
  for (let i = 0; i < FIRST_PEERS; i++) join();
  const means: number[] = [];
  let before = heap();
  for (let n = 0; n < TIMES; n++) {
    for (let i = 0; i < peers; i++) join();
    const after = heap();
    means.push((after - before) / peers);
    before = after;
  }
  // What is counted must be there until here.
  return kept.length > 0 && meeting.gateway.sas.length > 0 ? Math.round(median(means)) : 0;
}
