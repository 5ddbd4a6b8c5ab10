// The cost of the search for lost sequence numbers while somebody sends 1,000 forged packets a second on one SPI: CPU time
// relative to one core, by the clock of the packets (`now`), and what an outage under that attack costs.

import { addInbound, createEndpoint, type Endpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { OUTBOUND_ROOM, outbound } from '../../core/esp/outbound.ts';
import type { Parts } from '../../core/esp/parts.ts';
import { advanceSn, createSa, defaultConfig, type Sa } from '../../core/esp/sa.ts';
import { createSearch, SEARCH_TRIALS } from '../../core/esp/search.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createNodeProvider } from '../../targets/node/host/provider/node-crypto.ts';
import { type Figure, sensorAttributes, sensorPacket } from './pipeline.ts';

const FORGED = 1000;
const SECONDS = 5;

interface Pair {
  sender: Sa;
  receiver: Sa;
  endpoint: Endpoint;
  wire: Uint8Array;
  length: number;
}

function pairOf(provider: ReturnType<typeof createFastProvider>, parts: Parts): Pair {
  const config = defaultConfig(sensorAttributes(0), aesCcm8Iiv);
  config.key = new Uint8Array(16);
  config.salt = new Uint8Array(3);
  const endpoint = createEndpoint(parts, provider);
  const receiver = createSa(parts, provider, config);
  addInbound(endpoint, receiver);
  return { sender: createSa(parts, provider, config), receiver, endpoint, wire: new Uint8Array(300), length: 0 };
}

const packet = sensorPacket(sensorAttributes(0), 28);
const restored = new Uint8Array(300);

function next(pair: Pair): void {
  pair.length = outbound(pair.endpoint, pair.sender, packet, 0, packet.length, pair.wire, 0, 0);
  if (pair.length < 0 || pair.length + OUTBOUND_ROOM < 0) throw new Error('not sent');
}

function take(pair: Pair, now: number): boolean {
  return inbound(pair.endpoint, pair.wire, 0, pair.length, restored, 0, now) > 0;
}

/** Milliseconds of CPU per second of the packets' clock, and searches a second. */
function underAttack(provider: ReturnType<typeof createFastProvider>, parts: Parts): { cpu: number; pair: Pair } {
  const pair = pairOf(provider, parts);
  next(pair);
  take(pair, 0);
  let best = Number.POSITIVE_INFINITY;
  let now = 1;
  for (let second = 0; second < SECONDS; second++) {
    const begun = process.cpuUsage().user;
    for (let i = 0; i < FORGED; i++) {
      next(pair);
      pair.wire[pair.length - 1] ^= 1;
      if (take(pair, now++)) throw new Error('accepted');
    }
    best = Math.min(best, (process.cpuUsage().user - begun) / 1000);
  }
  return { cpu: best, pair };
}

/** Genuine packets, ten a second between the forged ones, that are lost after an outage of 16,000. */
function lostUnderAttack(provider: ReturnType<typeof createFastProvider>, rounds: number): number {
  const pair = pairOf(provider, FULL_PARTS);
  next(pair);
  take(pair, 0);
  let lost = 0;
  let now = 10000000;
  for (let round = 0; round < rounds; round++) {
    const { sender, receiver } = pair;
    if (!advanceSn(sender, 0, receiver.snLo + 16000)) throw new Error('no outage');
    for (let tries = 0; tries < 300; tries++) {
      for (let i = 0; i < 100; i++) {
        next(pair);
        sender.snLo--;
        pair.wire[pair.length - 1] ^= 1;
        take(pair, now++);
      }
      next(pair);
      if (take(pair, now)) break;
      lost++;
    }
  }
  return lost / rounds;
}

export function benchResync(): Figure[] {
  const figures: Figure[] = [];
  const unsearched: Parts = { ...FULL_PARTS, search: null };
  const fast = createFastProvider();
  for (const [name, provider] of [
    ['fast', fast],
    ['node', createNodeProvider()],
  ] as const) {
    const without = underAttack(provider, unsearched).cpu;
    const { cpu, pair } = underAttack(provider, FULL_PARTS);
    const trials = pair.receiver.search![SEARCH_TRIALS] / SECONDS;
    figures.push({
      name: `provider ${name}: 1,000 forged packets/s without a search`,
      value: without / 10,
      unit: '% of a core',
    });
    figures.push({ name: `provider ${name}: with it`, value: cpu / 10, unit: '% of a core' });
    figures.push({ name: `provider ${name}: trials`, value: Math.round(trials), unit: '/s' });
  }
  figures.push({
    name: 'packets lost after an outage of 16,000, under that attack',
    value: lostUnderAttack(fast, 10),
    unit: 'packets',
  });
  const board = underAttack(fast, { ...FULL_PARTS, search: createSearch(8, 8) }).pair;
  figures.push({
    name: "a board's trials under it",
    value: board.receiver.search![SEARCH_TRIALS] / SECONDS,
    unit: '/s',
  });
  return figures;
}
