// What the store of a cluster has to do for many peers: test/cluster/load.ts in virtual time.
//   npm run bench -- cluster-load [--peers 20000] [--minutes 2] [--gateways 4] [--rate 10000]

import { createLoad, type Load } from '../cluster/load.ts';
import type { StoreCount } from '../cluster/virtual-store.ts';
import type { Figure } from './ike.ts';

const MINUTE = 60000;
/** Peers that connect in a virtual millisecond. */
const RATE = 4;
/** Minutes between rekeys of a Child SA and of an IKE SA: the defaults of a gateway's file. */
const CHILD_REKEY = 240;
const IKE_REKEY = 1440;
/** Peers whose rekeys are counted by themselves. */
const SAMPLE = 1000;

function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? otherwise : Number(process.argv[at + 1]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name}: a whole number from 1 is needed`);
  return value;
}

interface Phase {
  store: StoreCount;
  /** Milliseconds of the processor. */
  cpu: number;
}

async function phase(load: Load, work: () => Promise<void>): Promise<Phase> {
  const before = { ...load.count };
  const begin = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(begin);
  const store = { ...load.count };
  for (const name of Object.keys(store) as (keyof StoreCount)[]) store[name] -= before[name];
  return { store, cpu: (user + system) / 1000 };
}

/** Calls `work` with 0 to count - 1, spread evenly over `time` ms from now on, again and again. */
function spread(load: Load, count: number, time: number, work: (index: number) => void): (now: number) => void {
  const begin = load.now();
  let done = 0;
  return (now) => {
    const due = Math.floor(((now - begin) * count) / time);
    for (; done < due; done++) work(done % count);
  };
}

function memory(): { heap: number; rss: number } {
  global.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, rss };
}

export async function benchClusterLoad(): Promise<Figure[]> {
  const peers = option('peers', 20000);
  const minutes = option('minutes', 2);
  const gateways = option('gateways', 4);
  const rate = option('rate', 10000);
  const sample = Math.min(SAMPLE, peers);
  const begin = performance.now();
  const load = await createLoad(gateways, rate);
  const empty = memory();

  let connected = 0;
  const setup = await phase(load, () =>
    load.run(Math.ceil(peers / RATE) + 1000, () => {
      for (let i = 0; i < RATE && connected < peers; i++) load.connect(connected++ % gateways);
    }),
  );
  const full = memory();
  const stored = load.stored();

  const child = await phase(load, async () => {
    for (let index = 0; index < sample; index++) load.rekeyChild(index);
    await load.run(1000);
  });
  const ike = await phase(load, async () => {
    for (let index = 0; index < sample; index++) load.rekeyIke(index);
    await load.run(1000);
  });

  const readings = load.readings;
  const steady = await phase(load, async () => {
    const read = spread(load, peers, MINUTE, load.read);
    const rekeyChild = spread(load, peers, CHILD_REKEY * MINUTE, load.rekeyChild);
    // Not of one whose Child SA is being rekeyed: the model knows no two exchanges at once.
    const half = Math.floor(peers / 2);
    const rekeyIke = spread(load, peers, IKE_REKEY * MINUTE, (index) => load.rekeyIke((index + half) % peers));
    await load.run(minutes * MINUTE, (now) => {
      read(now);
      // Not while a reading is on its way: it would be of the SA that goes.
      if (now % 500 === 0) {
        rekeyChild(now);
        rekeyIke(now);
      }
    });
  });
  const sent = load.readings - readings;
  await load.run(1000);

  load.slow.length = 0;
  load.count.longest = 0;
  load.kill(0);
  const died = load.now();
  const moved = Math.ceil(peers / gateways);
  const lost = await phase(load, () => load.run(MINUTE + 1000, takeOver()));
  const slow = load.slow.toSorted((a, b) => a - b);

  function takeOver(): (now: number) => void {
    const read = spread(load, peers, MINUTE, load.read);
    return (now) => {
      if (now - died <= MINUTE) read(now);
    };
  }
  await load.run(20000);
  const { longest } = load.count;
  const each = (value: number): number => value / sample;
  const hour = 60 / minutes;
  return [
    {
      name: `peers at ${gateways} gateways, ${minutes} virtual minutes, a reading with an answer each minute`,
      value: peers,
      unit: 'peers',
      beside: `the store answers after 2 ms, and does ${rate} writes a second`,
    },
    {
      name: 'faults: numbers that came or went twice, SAs that were lost',
      value: load.faults.length,
      unit: 'faults',
      beside: ['goal 0', ...load.faults.slice(0, 3)].join('; '),
    },
    { name: 'readings without an answer at the end', value: load.readings - load.answers, unit: 'readings' },
    { name: 'records of a peer', value: stored.records / peers, unit: 'records' },
    { name: '  their octets', value: stored.octets / peers, unit: 'octets' },
    { name: 'a handshake: writes', value: setup.store.puts / peers, unit: 'writes' },
    { name: '  octets', value: setup.store.octets / peers, unit: 'octets' },
    { name: 'a rekey of a Child SA: writes', value: each(child.store.puts), unit: 'writes' },
    { name: '  octets', value: each(child.store.octets), unit: 'octets' },
    { name: 'a rekey of an IKE SA: writes', value: each(ike.store.puts), unit: 'writes' },
    { name: '  octets', value: each(ike.store.octets), unit: 'octets' },
    {
      name: 'writes of a peer and minute, rekeys included',
      value: steady.store.puts / peers / minutes,
      unit: 'writes',
      beside: `goal 1 without rekeys; ${sent} readings, ${steady.store.puts} writes`,
    },
    { name: 'octets written for a peer and hour', value: (steady.store.octets / peers) * hour, unit: 'octets' },
    {
      name: 'reads of the store meanwhile; refused writes',
      value: steady.store.gets + steady.store.scans,
      unit: 'reads',
      beside: `${steady.store.refused} refused`,
    },
    {
      name: 'writes of leases of a gateway and second',
      value: steady.store.leases / gateways / minutes / 60,
      unit: 'writes',
    },
    {
      name: 'processor time of a reading with its answer: records only, and the simulation',
      value: (1000 * steady.cpu) / sent,
      unit: 'us',
    },
    {
      name: 'heap of a peer: keeper, records, model, and the store',
      value: (full.heap - empty.heap) / peers,
      unit: 'octets',
    },
    { name: '  RSS', value: (full.rss - empty.rss) / peers, unit: 'octets' },
    { name: `one gateway dies: peers that are taken over`, value: moved, unit: 'peers' },
    {
      name: '  scans of the others',
      value: lost.store.scans,
      unit: 'scans',
      beside: `${(lost.store.scanned / 1e6).toFixed(1)} MB`,
    },
    {
      name: '  writes for a peer that is taken over, besides a reading a minute',
      value: (lost.store.puts - peers) / moved,
      unit: 'writes',
    },
    { name: '  octets written then, readings of all peers included', value: lost.store.octets / 1e6, unit: 'MB' },
    { name: '  reads of single records for it', value: lost.store.gets / moved, unit: 'reads' },
    { name: '  readings that waited more than a second', value: slow.length, unit: 'readings' },
    { name: '  longest wait for an answer, virtual', value: (slow.at(-1) ?? 0) / 1000, unit: 's' },
    {
      name: '  from the death until no reading waited more than a second',
      value: Math.max(0, load.slowAt - died) / 1000,
      unit: 's',
      beside: 'virtual',
    },
    { name: '  longest queue of writes at the store', value: longest, unit: 'ms' },
    { name: '  processor time of that minute', value: lost.cpu / 1000, unit: 's' },
    { name: 'the run took', value: (performance.now() - begin) / 1000, unit: 's' },
  ];
}
