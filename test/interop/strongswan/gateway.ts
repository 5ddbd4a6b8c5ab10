// Our side as responder: `dietesp gateway` on UDP sockets, with a network interface for inner packets, so that the
// system answers pings, and the agent in the namespace UDP echoes.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sourceRoot } from '../../../targets/build/root.ts';
import type { Case, Outcome } from './cases.ts';
import type { OurProgram, OurSide } from './ours.ts';
import { connectionOf, type Line, outcomeOf, type Program, startProgram } from './program.ts';
import { type Lab, trafficOf } from './runner.ts';
import type { Setup } from './setup.ts';
import type { Traffic } from './traffic.ts';

interface View {
  peer: string;
  state: string;
  children: { spiIn: string; spiOut: string; compression: object | null }[];
}

interface Worker {
  sent: number;
  received: number;
}

/** Packets each way that workers have carried at least when traffic passed after every rekey: before the first one it was a fifth. */
const CARRIED = 60;

const TUN = 'dietesp0';

/** For a test's `skip` option: why a gateway cannot have a network interface, or false. */
export function tunMissing(): string | false {
  return existsSync(join(sourceRoot(), 'node_modules', 'koffi')) ? false : 'the package koffi not found';
}

function configOf(setup: Setup): object {
  const entry: Case = setup.case;
  return {
    peers: [connectionOf(setup)],
    udp: [{ address: setup.localAddress }],
    tun: { name: TUN, addresses: [], routes: [setup.peer.net[entry.inner]] },
    ...(entry.rawEsp ? { esp: 'auto' } : {}),
    ...(entry.workers === 0 ? {} : { workers: entry.workers }),
    ...(setup.terms.virtualIp ? { pool: ['10.2.200.0/24'] } : {}),
    ...(setup.terms.cookie ? { cookieThreshold: 0 } : {}),
  };
}

export function createGatewaySide(lab: Lab, options: readonly string[] = []): OurSide {
  let program: Program | undefined;
  let isClosed = false;
  let setup: Setup;
  let traffic: Traffic;
  const it = (): Program => program!;
  const sas = async (): Promise<View[]> => (await it().ask({ cmd: 'status' }))['sas'] as View[];
  /** What is wrong with the workers that the case asks for. */
  async function idleWorkers(): Promise<string> {
    if (isClosed || program === undefined || setup.case.workers === 0) return '';
    isClosed = true;
    const { metrics } = (await it().ask({ cmd: 'status' })) as unknown as { metrics: { workers: Worker[] } };
    const least = Math.min(
      ...(['sent', 'received'] as const).map((way) => metrics.workers.reduce((sum, one) => sum + one[way], 0)),
    );
    return least >= CARRIED ? '' : `the workers carried ${least}: ${JSON.stringify(metrics.workers)}`;
  }
  const from = (to: string): string => setup.space.inner[to.includes(':') ? 6 : 4];
  return {
    pings: true,
    families: (entry) => [entry.inner],
    async start(given) {
      setup = given;
      traffic = trafficOf(lab, setup);
      program = startProgram(setup.space, setup.site.folder, 'gateway', configOf(setup), [
        '--log',
        'debug',
        ...options,
      ]);
      await program.event('to start', ({ event }) => event === 'started');
    },
    async outcome() {
      const ends = ['up', 'down', 'child-failed'];
      await it().event('outcome', ({ event }) => ends.includes(event ?? ''));
      // A Child SA that failed is told right behind `up`.
      const children = (await sas()).flatMap((sa) => sa.children);
      if (children.some(({ compression }) => compression !== null)) throw new Error('charon agreed on compression');
      if (children.length > 0) return 'established';
      const isEnd = ({ event }: Line): boolean => event === 'down' || event === 'child-failed';
      const line = await it().event('outcome', isEnd);
      return outcomeOf(String(line['reason']), line['peer'] !== '') as Outcome;
    },
    reason: () => it().events.find(({ reason }) => reason !== undefined)?.['reason'] as string | undefined,
    async childSpis() {
      const children = (await sas()).flatMap((sa) => sa.children);
      return children.map(({ spiIn, spiOut }) => ({ in: spiIn, out: spiOut }));
    },
    ikeCount: async () => (await sas()).length,
    echo: (to, port, size, count) => traffic.udpEcho(from(to), to, port, size, count),
    ping: (to, count) => traffic.ping(from(to), to, 56, count),
    sendUdp: (to, port, size) => traffic.send(from(to), 0, to, port, new Uint8Array(size)),
    rekeyChild: async () => void (await it().ask({ cmd: 'rekey-child' })),
    rekeyIke: async () => void (await it().ask({ cmd: 'rekey-ike' })),
    probe: async () => (await it().tell({ cmd: 'probe' })).ok === true,
    deleteChild: async () => void (await it().ask({ cmd: 'delete-child' })),
    deleteIke: async () => void (await it().ask({ cmd: 'delete' })),
    kill: async () => program?.stop('SIGKILL'),
    log: () => program?.log() ?? '',
    async close() {
      const problem = await idleWorkers();
      // It tells its peers that their SAs end.
      await program?.stop('SIGTERM');
      if (problem !== '') throw new Error(problem);
    },
  };
}

export const GATEWAY = {
  create: (lab: Lab) => createGatewaySide(lab),
  lacks: ((entry) => (entry.initiator === 'charon' ? false : 'a gateway answers')) as OurProgram['lacks'],
};
