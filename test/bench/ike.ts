// IKE: octets and frames on air, a responder's handshakes per second, memory of an established SA. The goals stand beside
// them, and the figures of others, published or from the same run.
//   npm run bench ike

import { ALG_AES_CCM } from '../../core/crypto/provider.ts';
import { CREATE_CHILD_SA, INFORMATIONAL } from '../../core/ike/codec/numbers.ts';
import { benchCharon } from '../interop/strongswan/bench.ts';
import { strongswanMissing } from '../interop/strongswan/namespaces.ts';
import { type Air, defaults, frugal, openScene, plain, sumOf, ticketed } from './ike-air.ts';
import { createCrowd, provider, release } from './ike-crowd.ts';

export interface Figure {
  name: string;
  value: number;
  unit: string;
  /** What was aimed at, or what the figure compares with. */
  beside?: string;
}

/** Octets of IKE, octets on air and frames of a part of `air`. */
function sizes(name: string, air: Air, exchange: number, beside: [string?, string?, string?] = []): Figure[] {
  const figure = (field: 'octets' | 'air' | 'frames', unit: string, what?: string): Figure => ({
    name: `${name}, ${unit}`,
    value: sumOf(air, field, exchange),
    unit: field === 'frames' ? 'frames' : 'octets',
    ...(what === undefined ? {} : { beside: what }),
  });
  return [
    figure('octets', 'IKE', beside[0]),
    figure('air', 'on air', beside[1]),
    figure('frames', 'data frames', beside[2]),
  ];
}

/** Handshakes, rekeys and resumption on an 802.15.4 radio with short addresses, counted from the captured frames. */
export function benchIkeAir(): Figure[] {
  const figures: Figure[] = [];
  const scenes = [openScene(frugal(false)), openScene(frugal(true)), openScene(plain(frugal(false)))];
  const [classic, optimized, esp] = scenes;
  const first = classic.connect(false);
  figures.push(
    ...sizes('handshake, frugal', first, 0, [
      'goal 800; pyikev2 1,612 by its log; DTLS 1.3 PSK+ECDHE 501 computed',
      'pyikev2 2,040, DTLS 1.3 PSK+ECDHE 675 computed',
      'goal 10; pyikev2 18, DTLS 1.3 PSK+ECDHE 7 computed',
    ]),
    { name: 'handshake, frugal, acknowledgements', value: first.acks, unit: 'octets', beside: 'not in the above' },
    ...sizes('handshake, frugal with optimized rekeys', optimized.connect(false), 0),
    ...sizes('handshake, frugal with plain ESP', esp.connect(false), 0),
    ...sizes("handshake, a sensor's defaults", openScene(defaults()).connect(false), 0),
  );
  const rekeys: [string, Air, [string?, string?, string?]][] = [
    ['Child SA rekey, optimized', optimized.rekeyChild(), ['goal 174', undefined, 'goal 2']],
    ['Child SA rekey, classic', classic.rekeyChild(), []],
    ['Child SA rekey, classic, plain ESP', esp.rekeyChild(), ['414 computed', undefined, '5 computed']],
    ['IKE SA rekey, optimized', optimized.rekeyIke(), []],
    ['IKE SA rekey, classic', classic.rekeyIke(), []],
  ];
  for (const [name, air, beside] of rekeys) figures.push(...sizes(name, air, CREATE_CHILD_SA, beside));
  figures.push(
    ...sizes('Delete of the old Child SA', rekeys[0][1], INFORMATIONAL),
    ...sizes('Delete of the old IKE SA', rekeys[3][1], INFORMATIONAL),
  );
  const scene = openScene(ticketed(frugal(false)));
  const ticket = scene.connect(false);
  const resumed = scene.connect(true);
  const pairs = resumed.messages.filter(({ isResponse }) => isResponse).length;
  figures.push(
    ...sizes('handshake, frugal with a ticket', ticket, 0),
    ...sizes('resumption, with the next ticket', resumed, 0),
    { name: 'resumption, pairs of messages', value: pairs, unit: 'pairs' },
    {
      name: 'resumption, X25519 operations of both sides',
      value: resumed.x25519,
      unit: 'operations',
      beside: `${resumed.x25519 === 0 ? 'as it must be' : 'WRONG: must be 0'}; a handshake has ${ticket.x25519}`,
    },
  );
  return figures;
}

/** Handshakes a second of our responder, its own time alone, beside strongSwan's. */
export async function benchIkeRate(): Promise<Figure[]> {
  const batch = 100;
  const rounds = 24;
  const crowd = createCrowd(frugal(true), batch * rounds, true);
  let best = Number.POSITIVE_INFINITY;
  let total = 0;
  for (let round = 0; round < rounds; round++) {
    const each = crowd.handshakes(batch);
    // The first ones warm up.
    if (round < 4) continue;
    total += each.processor;
    best = Math.min(best, each.clock);
  }
  const mean = (1e9 * (rounds - 4)) / total;
  const name = 'responder, PSK, X25519, AES-CCM-8, with ESP SAs';
  const figures: Figure[] = [
    {
      name: `${name}, best of ${rounds - 4} rounds by the clock`,
      value: 1e9 / best,
      unit: 'handshakes/s',
      beside: 'goal 500',
    },
    { name: `${name}, by processor time`, value: mean, unit: 'handshakes/s', beside: 'goal 500' },
  ];
  const missing = strongswanMissing();
  if (missing !== false) {
    figures.push({ name: 'strongSwan as responder', value: 0, unit: 'not run', beside: missing });
    return figures;
  }
  const [charon] = await benchCharon(300);
  figures.push(
    { ...charon, unit: 'handshakes/s', beside: "with its sockets and the kernel's SAs; ours is without" },
    { name: 'ours : strongSwan, by processor time', value: mean / charon.value, unit: 'x' },
  );
  return figures;
}

/** Memory of established SAs, a Child SA each, on both sides. Needs --expose-gc. */
export function benchIkeHeap(): Figure[] {
  const gc = globalThis.gc;
  if (gc === undefined) throw new Error('the heap figure needs node --expose-gc');
  const count = 4000;
  const settled = (): number => {
    for (let i = 0; i < 4; i++) gc();
    const memory = process.memoryUsage();
    return memory.heapUsed + memory.arrayBuffers;
  };
  const keys: unknown[] = new Array(count).fill(null);
  const octets = new Uint8Array(16);
  const before = settled();
  for (let i = 0; i < count; i++) keys[i] = provider.key(ALG_AES_CCM, octets);
  const key = (settled() - before) / count;
  if (keys[0] === null) throw new Error('lost');

  const measure = (isWithEsp: boolean): { device: number; gateway: number; answers: number } => {
    const crowd = createCrowd(frugal(true), count, isWithEsp);
    for (let i = 0; i < 10; i++) crowd.handshakes(count / 10);
    const fresh = settled();
    crowd.rest();
    const all = settled();
    release(crowd.gateway);
    const half = settled();
    release(crowd.devices);
    const none = settled();
    return { device: (half - none) / count, gateway: (all - half) / count, answers: (fresh - all) / count };
  };
  // What the engine keeps of code that runs for the first time is nobody's.
  createCrowd(frugal(true), 400, true).handshakes(400);
  const ike = measure(false);
  const esp = measure(true);
  const figure = (name: string, value: number, beside?: string): Figure => ({
    name,
    value: Math.round(value),
    unit: 'octets',
    ...(beside === undefined ? {} : { beside }),
  });
  return [
    figure('IKE SA with its Child SA, device, besides keys', ike.device - 2 * key, 'goal 1,500'),
    figure('  together with its pair of ESP SAs, besides keys', esp.device - 4 * key),
    figure('IKE SA with its Child SA, gateway, besides keys', ike.gateway - 2 * key, "with the peer's addresses"),
    figure('  together with its pair of ESP SAs, besides keys', esp.gateway - 4 * key),
    figure('  the last answer, for 5 minutes', ike.answers),
    figure("an expanded key of the provider's, four for each of these", key),
  ];
}
