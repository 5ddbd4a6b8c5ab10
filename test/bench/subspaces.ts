// Anti-replay subspaces: one SA in several threads against one thread, and where a counter's ID may stand
// [draft-ponchon-ipsecme-anti-replay-subspaces]. Compare ratios within one run.

import { addInbound, createEndpoint, type Endpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { outbound } from '../../core/esp/outbound.ts';
import { createSa, type Sa, type SaConfig } from '../../core/esp/sa.ts';
import { createSubspaceSuite, useSubspace } from '../../core/esp/subspaces.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { type Batch, batchOf } from '../../targets/node/host/threads/batch.ts';
import { createSplitSa, type SplitSa } from '../../targets/node/host/threads/split.ts';
import { configOf, ORDINARY } from '../core/support.ts';
import { makeSa, SIX } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import type { Suite } from '../naive/types.ts';
import { programOf } from '../threads/programs.ts';
import type { Figure } from './ike.ts';
import { HASHES, PLACES, type Place, queuesUsed } from './receive-side-scaling.ts';

const COUNT = 16;
const PAYLOAD = 1200;
/** Packets of a batch, batches of a run for all threads together, and runs of each kind, turn by turn. */
const PACKETS = 500;
const BATCHES = 12;
const RUNS = 7;

function config(suite: string, change: Partial<SaConfig> = {}): SaConfig {
  return configOf(makeSa(6, 17, { ...ORDINARY, esp_encr: suite as Suite }), { replayWindow: 4096, ...change });
}

function inner(dscp: number): Uint8Array {
  return packet({ ...SIX, dscp }, udp(5001, 4500, Buffer.alloc(PAYLOAD, 7)));
}

const copyOf = ({ octets, lengths }: Batch): Batch => ({ octets: octets.slice(), lengths: lengths.slice() });

/** Seconds for batches[i] in thread i, and what came of them. */
async function time(split: SplitSa, batches: Batch[][]): Promise<{ seconds: number; made: Batch[][] }> {
  const begun = performance.now();
  const made = await Promise.all(batches.map((list, i) => Promise.all(list.map((one) => split.run(i, one, 0)))));
  return { seconds: (performance.now() - begun) / 1000, made };
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function benchThreads(suite: string, program: URL): Promise<Figure[]> {
  const sides = [1, 2].map((threads) => {
    const common = { config: config(suite), count: COUNT, threads, program };
    return {
      threads,
      out: createSplitSa({ direction: 'out', ...common }),
      into: createSplitSa({ direction: 'in', ...common }),
    };
  });
  const plain = batchOf(Array.from({ length: PACKETS }, (_, i) => inner((i % 8) * 8)));
  const rates = sides.map(() => ({ out: [] as number[], into: [] as number[] }));
  const total = PACKETS * BATCHES;
  let lost = 0;
  for (let run = -1; run < RUNS; run++) {
    for (const [i, { threads, out, into }] of sides.entries()) {
      const share = Array.from({ length: threads }, () => {
        return Array.from({ length: BATCHES / threads }, () => copyOf(plain));
      });
      const sent = await time(out, share);
      const came = await time(into, sent.made);
      lost += came.made.flat().reduce((sum, { lengths }) => sum + lengths.filter((length) => length < 0).length, 0);
      // The first run is for the compiler.
      if (run < 0) continue;
      rates[i].out.push(total / sent.seconds);
      rates[i].into.push(total / came.seconds);
    }
  }
  for (const { out, into } of sides) await Promise.all([out.close(), into.close()]);
  const of = (i: number, way: 'out' | 'into'): number => median(rates[i][way]);
  const ratio = (way: 'out' | 'into'): number => median(rates[1][way].map((rate, run) => rate / rates[0][way][run]));
  return [
    { value: of(0, 'out'), unit: 'packets/s', name: `${suite}: 1 thread sends` },
    {
      value: of(1, 'out'),
      unit: 'packets/s',
      name: `${suite}: 2 threads send on one SA`,
      beside: `${ratio('out').toFixed(2)} times`,
    },
    { value: of(0, 'into'), unit: 'packets/s', name: `${suite}: 1 thread receives` },
    {
      value: of(1, 'into'),
      unit: 'packets/s',
      name: `${suite}: 2 threads receive on one SA`,
      beside: `${ratio('into').toFixed(2)} times`,
    },
    { value: lost, unit: 'packets', name: `${suite}: good packets that were dropped` },
  ];
}

interface Receiver {
  endpoint: Endpoint;
  sa: Sa;
}

/**
 * The -00 form: the ID is in the high bits of an extended number, of which 32 bits are on the wire. The receiver does not know
 * the counter, and tries one after the other. ICVs for each packet, and packets per second against subspaces on the wire.
 */
function benchTrials(count: number): Figure[] {
  const provider = createFastProvider();
  const rounds = 400;
  const wire = new Uint8Array(PAYLOAD + 200);
  const out = new Uint8Array(PAYLOAD + 200);
  const endpoint = createEndpoint(FULL_PARTS, provider);
  const text = inner(0);

  // Numbers are far apart, as those of counters that go at different speeds.
  const high = Array.from({ length: count }, (_, id) => {
    const change = {
      snHi: id * 65536,
      snLo: id * 1000,
      attributes: { ...config('AES_GCM_16_IIV').attributes, esn: 1 as const },
    };
    const of = config('AES_GCM_16_IIV', change);
    return { out: createSa(FULL_PARTS, provider, of), in: createSa(FULL_PARTS, provider, of) };
  });
  const receivers: Receiver[] = high.map((one) => {
    const own = createEndpoint({ ...FULL_PARTS, search: null }, provider);
    addInbound(own, one.in);
    return { endpoint: own, sa: one.in };
  });
  const whole = config('AES_GCM_16_IIV', { suite: createSubspaceSuite(config('AES_GCM_16_IIV').suite, count) });
  const [sender, receiver] = [createSa(FULL_PARTS, provider, whole), createSa(FULL_PARTS, provider, whole)];
  const to = createEndpoint(FULL_PARTS, provider);
  addInbound(to, receiver);

  let taken = 0;
  const trial = (): number => {
    const begun = performance.now();
    for (let i = 0; i < rounds * count; i++) {
      const length = outbound(endpoint, high[i % count].out, text, 0, text.length, wire, 0, 0);
      for (const one of receivers) {
        if (inbound(one.endpoint, wire, 0, length, out, 0, 0) < 0) continue;
        taken++;
        break;
      }
    }
    return performance.now() - begun;
  };
  const direct = (): number => {
    const begun = performance.now();
    for (let i = 0; i < rounds * count; i++) {
      useSubspace(sender, i % count);
      const length = outbound(endpoint, sender, text, 0, text.length, wire, 0, 0);
      inbound(to, wire, 0, length, out, 0, 0);
    }
    return performance.now() - begun;
  };
  const ratios: number[] = [];
  for (let i = 0; i < 5; i++) ratios.push(trial() / direct());
  const icvs = receivers.reduce((sum, one) => sum + one.endpoint.trials, 0) / taken;
  return [
    {
      value: icvs,
      unit: 'ICVs/packet',
      name: `ID in the high bits of ESN, ${count} counters`,
      beside: `takes ${median(ratios).toFixed(2)} times as long as with the ID on the wire`,
    },
  ];
}

/** Queues of a network card that one SA's packets reach, by where the ID stands and by what the card hashes. */
function benchQueues(): Figure[] {
  return (Object.keys(PLACES) as Place[]).flatMap((place) => {
    return HASHES.map(({ name, fields }) => ({
      value: queuesUsed(place, fields, COUNT, 8),
      unit: 'of 8 queues',
      name: `ID in ${PLACES[place]}`,
      beside: name,
    }));
  });
}

export async function benchSubspaces(): Promise<Figure[]> {
  const threads: Figure[] = [];
  const program = await programOf(new URL('../../targets/node/host/threads/thread.ts', import.meta.url));
  for (const suite of ['AES_GCM_16_IIV', 'AES_CCM_8_IIV']) threads.push(...(await benchThreads(suite, program)));
  return [...threads, ...[2, 8, 16].flatMap(benchTrials), ...benchQueues()];
}
