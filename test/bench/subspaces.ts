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
import { createSpin, median, undisturbed } from '../../targets/node/lab/replay/spin.ts';
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
const BATCHES = 8;
const RUNS = 60;

function config(suite: string, change: Partial<SaConfig> = {}): SaConfig {
  return configOf(makeSa(6, 17, { ...ORDINARY, esp_encr: suite as Suite }), { replayWindow: 4096, ...change });
}

function inner(dscp: number): Uint8Array {
  return packet({ ...SIX, dscp }, udp(5001, 4500, Buffer.alloc(PAYLOAD, 7)));
}

const copyOf = ({ octets, lengths }: Batch): Batch => ({ octets: octets.slice(), lengths: lengths.slice() });

/** Seconds for batches[i] in thread i, seconds of all processors, and what came of them. */
async function time(split: SplitSa, batches: Batch[][]): Promise<{ seconds: number; cpu: number; made: Batch[][] }> {
  const used = process.cpuUsage();
  const begun = performance.now();
  const made = await Promise.all(batches.map((list, i) => Promise.all(list.map((one) => split.run(i, one, 0)))));
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(used);
  return { seconds, cpu: (user + system) / 1e6, made };
}

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
  const ways = ['out', 'into'] as const;
  const runs = sides.map(() => ({
    out: [] as { rate: number; cpu: number }[],
    into: [] as { rate: number; cpu: number }[],
  }));
  const total = PACKETS * BATCHES;
  const spin = createSpin(2);
  const spins: number[][] = [[], []];
  let lost = 0;
  for (let run = -1; run < RUNS; run++) {
    // The order changes, lest one of them always has the worse moment.
    for (const i of run % 2 === 0 ? [0, 1] : [1, 0]) {
      const { threads, out, into } = sides[i];
      spins[i].push(await spin.rate(threads));
      const share = Array.from({ length: threads }, () => {
        return Array.from({ length: BATCHES / threads }, () => copyOf(plain));
      });
      const sent = await time(out, share);
      const came = await time(into, sent.made);
      lost += came.made.flat().reduce((sum, { lengths }) => sum + lengths.filter((length) => length < 0).length, 0);
      // The first run is for the compiler.
      if (run < 0) continue;
      runs[i].out.push({ rate: total / sent.seconds, cpu: sent.cpu });
      runs[i].into.push({ rate: total / came.seconds, cpu: came.cpu });
    }
  }
  for (const { out, into } of sides) await Promise.all([out.close(), into.close()]);
  await spin.close();
  const given = (undisturbed(spins[1]) / undisturbed(spins[0])).toFixed(2);
  const figures = ways.flatMap((way): Figure[] => {
    const what = way === 'out' ? 'send' : 'receive';
    const [one, two] = runs.map((side) => side[way]);
    const [slow, fast] = [one, two].map((list) => undisturbed(list.map(({ rate }) => rate)));
    const cpu = median(two.map((run) => run.cpu)) / median(one.map((run) => run.cpu));
    const times = (fast / slow).toFixed(2);
    const beside = `${times} times; threads that only compute ${given}; CPU time of a packet ${cpu.toFixed(2)} times`;
    return [
      { value: slow, unit: 'packets/s', name: `${suite}: 1 thread ${what}s` },
      { value: fast, unit: 'packets/s', name: `${suite}: 2 threads ${what} on one SA`, beside },
    ];
  });
  return [...figures, { value: lost, unit: 'packets', name: `${suite}: good packets that were dropped` }];
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
