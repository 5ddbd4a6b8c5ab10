// A path between two network namespaces that loses, delays and blocks: two network interfaces (TUN), and this process between
// them. Both ends have the system's own TCP and UDP. Needs root rights, network namespaces and koffi.
//
//   [namespace A] 10.98.0.1, fd98::1 -- tun -- this process -- tun -- [namespace B] 10.98.0.2, fd98::2

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { openTun, type Tun } from '../../targets/node/gateway/tun.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { ROOT } from '../cli/run.ts';

export const ADDRESS = { a: { 4: '10.98.0.1', 6: 'fd98::1' }, b: { 4: '10.98.0.2', 6: 'fd98::2' } } as const;
const UDP = 17;
const ESP = 50;

export interface Path {
  /** Of both interfaces. */
  offload: string;
  /** Packets by what became of them. */
  counts: { passed: number; lost: number; blocked: number };
  /** Of packets, each way. */
  loss: number;
  /** Milliseconds, each way. */
  delay: number;
  blocksUdp: boolean;
  blocksEsp: boolean;
  /** Runs a program in a namespace. */
  run(side: 'a' | 'b', file: string, ...args: string[]): ChildProcess;
  close(): Promise<void>;
}

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr.trim()}`);
}

export async function openPath(seed: number, mtu = 1400): Promise<Path> {
  const stem = `dh${process.pid % 10000}`;
  const names = { a: `${stem}a`, b: `${stem}b` };
  const tuns: Tun[] = [];
  const children: ChildProcess[] = [];
  const random = createRandom(seed);
  const timers = new Set<NodeJS.Timeout>();

  const path: Path = {
    offload: '',
    counts: { passed: 0, lost: 0, blocked: 0 },
    loss: 0,
    delay: 0,
    blocksUdp: false,
    blocksEsp: false,
    run(side, file, ...args) {
      const child = spawn('ip', ['netns', 'exec', names[side], process.execPath, '--import', 'tsx', file, ...args], {
        cwd: ROOT,
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      children.push(child);
      return child;
    },
    async close() {
      for (const timer of timers) clearTimeout(timer);
      for (const child of children) child.kill('SIGKILL');
      for (const tun of tuns) await tun.close();
      for (const name of Object.values(names)) spawnSync('ip', ['netns', 'del', name]);
    },
  };

  function pass(packet: Uint8Array, length: number, to: Tun): void {
    const protocol = packet[0] >>> 4 === 6 ? packet[6] : packet[9];
    if ((path.blocksUdp && protocol === UDP) || (path.blocksEsp && protocol === ESP)) {
      path.counts.blocked++;
      return;
    }
    if (random.next() < path.loss) {
      path.counts.lost++;
      return;
    }
    path.counts.passed++;
    if (path.delay === 0) {
      to.write(packet, length);
      return;
    }
    const copy = packet.slice(0, length);
    const timer = setTimeout(() => {
      timers.delete(timer);
      to.write(copy, length);
    }, path.delay);
    timers.add(timer);
  }

  try {
    for (const side of ['a', 'b'] as const) {
      ip('netns', 'add', names[side]);
      const tun = await openTun({ name: names[side], addresses: [], routes: [], mtu });
      tuns.push(tun);
      path.offload = tun.offload;
      ip('link', 'set', 'dev', names[side], 'netns', names[side]);
      ip('-n', names[side], 'link', 'set', 'lo', 'up');
      ip('-n', names[side], 'link', 'set', 'dev', names[side], 'mtu', String(mtu), 'up');
      const peer = side === 'a' ? 'b' : 'a';
      ip('-n', names[side], 'addr', 'add', `${ADDRESS[side][4]}/32`, 'peer', ADDRESS[peer][4], 'dev', names[side]);
      ip('-n', names[side], 'addr', 'add', `${ADDRESS[side][6]}/64`, 'dev', names[side], 'nodad');
    }
  } catch (error) {
    await path.close();
    throw error;
  }
  tuns[0].onPacket = (packet, length) => pass(packet, length, tuns[1]);
  tuns[1].onPacket = (packet, length) => pass(packet, length, tuns[0]);
  for (const tun of tuns) tun.start();
  return path;
}
