// Our side as initiator: `dietesp sensor` on UDP sockets, whose inner address is the device's.

import type { Case, Outcome } from './cases.ts';
import { ECHO_PORT, type OurProgram, type OurSide } from './ours.ts';
import { connectionOf, type Line, outcomeOf, type Program, startProgram } from './program.ts';
import type { Setup } from './setup.ts';

interface Child {
  spiIn: string;
  spiOut: string;
  compression: object | null;
}

function configOf(setup: Setup): object {
  const entry: Case = setup.case;
  return {
    connection: connectionOf(setup),
    udp: { address: setup.localAddress, port: 500, natPort: 4500 },
    gateway: { address: setup.remoteAddress },
    ...(entry.rawEsp ? { esp: 'auto' } : {}),
    ...(setup.terms.virtualIp ? {} : { innerAddress: setup.space.inner[entry.inner] }),
  };
}

export function createSensor(options: readonly string[] = []): OurSide {
  let program: Program | undefined;
  const it = (): Program => program!;
  const status = (): Promise<Line> => it().ask({ cmd: 'status' });
  return {
    pings: true,
    families: (entry) => [entry.inner],
    async start(setup) {
      const args = ['--no-retry', '--echo', String(ECHO_PORT), ...options];
      program = startProgram(setup.space, setup.site.folder, 'sensor', configOf(setup), args);
      await program.event('to start', ({ event }) => event === 'connecting');
    },
    async outcome() {
      const isEnd = ({ event }: Line): boolean => event === 'established' || event === 'ended';
      const line = await it().event('outcome', isEnd);
      if (line.event === 'ended') return outcomeOf(String(line['outcome']), line['peer'] !== '') as Outcome;
      const children = (await status())['children'] as Child[];
      if (children.some(({ compression }) => compression !== null)) throw new Error('charon agreed on compression');
      return 'established';
    },
    reason: () => it().events.find(({ event }) => event === 'ended')?.['outcome'] as string | undefined,
    async childSpis() {
      const children = (await status())['children'] as Child[];
      return children.map(({ spiIn, spiOut }) => ({ in: spiIn, out: spiOut }));
    },
    ikeCount: async () => ((await status())['ike'] as { sas: number }).sas,
    async echo(to, port, size, count) {
      const begun = performance.now();
      let received = 0;
      for (let n = 0; n < count; n++) {
        const text = String.fromCharCode(97 + (n % 26)).repeat(size);
        const answer = await it().tell({ cmd: 'send', to, port, text, wait: 2000 });
        if (answer['answer'] === text) received++;
      }
      return { sent: count, received, milliseconds: performance.now() - begun };
    },
    async ping(to, count) {
      const answer = await it().tell({ cmd: 'ping', to, count, interval: 0 });
      return { sent: Number(answer['sent']), received: Number(answer['received']), milliseconds: 0 };
    },
    async sendUdp(to, port, size) {
      await it().tell({ cmd: 'send', to, port, text: 'x'.repeat(size), wait: 0 });
    },
    rekeyChild: async () => void (await it().ask({ cmd: 'rekey-child' })),
    rekeyIke: async () => void (await it().ask({ cmd: 'rekey-ike' })),
    probe: async () => (await it().tell({ cmd: 'probe' })).ok === true,
    deleteChild: async () => void (await it().ask({ cmd: 'delete-child' })),
    deleteIke: async () => void (await it().ask({ cmd: 'delete' })),
    kill: async () => program?.stop('SIGKILL'),
    log: () => program?.log() ?? '',
    close: async () => program?.stop(),
  };
}

export const SENSOR: OurProgram = {
  create: () => createSensor(),
  lacks: (entry) => (entry.initiator === 'ours' ? false : 'a sensor initiates'),
};
