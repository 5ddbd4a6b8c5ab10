// Voice and bulk through networks that tell them apart by the outer DSCP on the wire: what one SA for both loses to its replay
// window, and what an SA for each class does. In virtual time, with packets and windows of the core: the same in every run.
//
// The class that waits is the one that loses: the other one overtakes it and moves the window on.

import { DROP_REPLAY, DROP_SEQUENCE } from '../../../../core/base/drop.ts';
import { dropName } from '../../../../core/base/drop-name.ts';
import { createFastProvider } from '../../host/provider/fast.ts';
import { type Answer, CLASS_DSCP } from './answers.ts';
import { createReceiver, createSender } from './ends.ts';
import { type Agreed, negotiate } from './negotiate.ts';
import { innerPacket, outerDscp } from './packets.ts';

export type Class = 'voice' | 'bulk';
const CLASSES: Class[] = ['voice', 'bulk'];
const [VOICE, BULK] = CLASS_DSCP;
const PAYLOAD = 20;

export const QOS_WINDOWS: readonly number[] = [32, 64, 128, 256, 512, 1024];

interface OnWire {
  wire: Uint8Array;
  since: number;
}

/** A network: what comes to it in each millisecond, and what leaves it. */
export interface QosNetwork {
  name: string;
  /** What it is, for people. */
  text: string;
  /** Milliseconds in which packets come. */
  time: number;
  /** Packets of this millisecond. */
  comes(ms: number): Record<Class, number>;
  /** Takes what leaves in this millisecond from the queues, in order. */
  leaves(queues: Record<Class, OnWire[]>, ms: number): OnWire[];
}

/** Packets a millisecond of a link of 100 Mbit/s, and of 1 Gbit/s of which bulk fills a part. */
const SLOW = 8;
const FAST = 64;
const FAST_BULK = 48;
/** Calls of which each sends a packet every 20 ms, all at once. */
const CALLS = 60;
const CALLS_EVERY = 20;
/** Packets a millisecond that voice may have: what is promised to it is also what it is held to [RFC 3246 §2.4]. */
const CONTRACT = 4;

function takenOf(queue: OnWire[], most: number): OnWire[] {
  return queue.splice(0, Math.max(0, most));
}

/** Packets of a path that takes so many milliseconds. */
function passedOf(queue: OnWire[], ms: number, delay: number): OnWire[] {
  const waiting = queue.findIndex(({ since }) => since > ms - delay);
  return takenOf(queue, waiting < 0 ? queue.length : waiting);
}

const calls = (ms: number): Record<Class, number> => ({ voice: ms % CALLS_EVERY === 0 ? CALLS : 0, bulk: FAST_BULK });

export const QOS_NETWORKS: readonly QosNetwork[] = [
  {
    name: 'priority',
    text: 'voice goes first on a link of 100 Mbit/s; bulk bursts and waits',
    time: 1000,
    comes: (ms) => ({ voice: 6, bulk: ms % 500 === 0 ? 400 : 0 }),
    leaves(queues) {
      const voice = takenOf(queues.voice, SLOW);
      return [...voice, ...takenOf(queues.bulk, SLOW - voice.length)];
    },
  },
  {
    name: 'shaped voice',
    text: 'voice is held to its contract of 4 packets/ms on a link of 1 Gbit/s; 60 calls speak at once and wait',
    time: 100,
    comes: calls,
    leaves(queues) {
      const voice = takenOf(queues.voice, CONTRACT);
      return [...voice, ...takenOf(queues.bulk, FAST - voice.length)];
    },
  },
  {
    name: 'path by class',
    text: 'voice takes a leased line of 30 ms, bulk the Internet of 10 ms',
    time: 100,
    comes: calls,
    leaves: (queues, ms) => [...passedOf(queues.voice, ms, 30), ...passedOf(queues.bulk, ms, 10)],
  },
];

/** What came of the packets of each class. */
export interface QosResult {
  sent: Record<Class, number>;
  /** By the replay window. */
  lost: Record<Class, number>;
  /** Milliseconds in the network, at most. */
  delay: Record<Class, number>;
}

/** SAs for `runQos`: one for both classes, or one for each beside the default one. */
export function qosSas(window: number, isSplit: boolean): { answer: Answer; agreed: Agreed } {
  const answer: Answer = { name: isSplit ? 'an SA for each class' : 'one SA', by: isSplit ? 'class' : 'none', window };
  return { answer, agreed: negotiate(answer, CLASSES.length, 'aes-ccm-8-iiv') };
}

/** Sends voice and bulk through a network, under these SAs. */
export function runQos({ answer, agreed }: ReturnType<typeof qosSas>, network: QosNetwork): QosResult {
  const provider = createFastProvider();
  const sender = createSender(answer, agreed.pairs, provider);
  const receiver = createReceiver(agreed.pairs, provider);
  const inner = { voice: innerPacket(VOICE, 10000, PAYLOAD), bulk: innerPacket(BULK, 10001, PAYLOAD) };
  const queues: Record<Class, OnWire[]> = { voice: [], bulk: [] };
  const result: QosResult = { sent: { voice: 0, bulk: 0 }, lost: { voice: 0, bulk: 0 }, delay: { voice: 0, bulk: 0 } };
  // All that the network sees is the outer header.
  const classOf = (wire: Uint8Array): Class => (outerDscp(wire) === VOICE ? 'voice' : 'bulk');
  for (let ms = 0; ms < network.time || queues.voice.length + queues.bulk.length > 0; ms++) {
    if (ms < network.time) {
      const coming = network.comes(ms);
      for (const kind of CLASSES) {
        for (let n = 0; n < coming[kind]; n++) {
          const wire = sender.protect(inner[kind], 0);
          queues[classOf(wire)].push({ wire, since: ms });
          result.sent[kind]++;
        }
      }
    }
    for (const { wire, since } of network.leaves(queues, ms)) {
      const kind = classOf(wire);
      const code = receiver.open(wire);
      if (code === DROP_REPLAY || code === DROP_SEQUENCE) result.lost[kind]++;
      else if (code < 0) throw new Error(`qos: dropped: ${dropName(code)}`);
      result.delay[kind] = Math.max(result.delay[kind], ms - since);
    }
  }
  return result;
}
