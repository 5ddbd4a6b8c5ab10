// Four network namespaces in a row, and programs in them; each namespace goes with the process that holds it, and those with this
// one. Needs root.
//
//   ingress 10.99.1.1 -- 1500 -- router -- the path's MTU -- router -- 1500 -- 10.99.3.2 egress
//   fd99:1::1                                                                  fd99:3::2

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { namespaceMissing } from '../../support/namespaces.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** For `skip`: false, or what is missing. */
export const missing = (): string | false => namespaceMissing(['ip', 'nsenter', 'unshare', 'python3']);

export interface Space {
  holder: ChildProcess;
  /** Runs a shell script in it and gives what it prints. */
  run(script: string): string;
}

/** A program in a namespace that takes commands and gives answers, a line of JSON each. */
export interface Program {
  ask(command: Record<string, unknown>): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

export interface MtuSite {
  ingress: Space;
  first: Space;
  second: Space;
  egress: Space;
  /** Sets the MTU of the link in the middle. */
  setMtu(mtu: number): void;
  /** Starts a program of this folder. */
  start(space: Space, file: string): Promise<Program>;
  close(): Promise<void>;
}

async function space(): Promise<Space> {
  const holder = spawn('unshare', ['-n', 'sh', '-c', 'echo ready; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise((done) => holder.stdout!.once('data', done));
  return {
    holder,
    run: (script) =>
      execFileSync('nsenter', ['-t', String(holder.pid), '-n', 'sh', '-e', '-c', script], {
        encoding: 'utf8',
        timeout: 20000,
      }),
  };
}

function join2(a: Space, b: Space, link: number): void {
  const [one, other] = [`w${link}a`, `w${link}b`];
  a.run(`ip link add ${one} type veth peer name ${other} netns ${b.holder.pid}`);
  for (const [side, name, last] of [
    [a, one, 1],
    [b, other, 2],
  ] as const) {
    side.run(`ip link set lo up; ip addr add 10.99.${link}.${last}/24 dev ${name}
      ip addr add fd99:${link}::${last}/64 dev ${name} nodad; ip link set ${name} up`);
  }
}

export async function openMtuSite(): Promise<MtuSite> {
  const [ingress, first, second, egress] = await Promise.all([space(), space(), space(), space()]);
  const all = [ingress, first, second, egress];
  const programs: Program[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(programs.map((one) => one.close()));
    for (const { holder } of all) holder.kill();
  };
  try {
    join2(ingress, first, 1);
    join2(first, second, 2);
    join2(second, egress, 3);
    const forward = 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding; ';
    const routes = (four: string, six: string): string => `ip route add ${four}; ip -6 route add ${six}`;
    ingress.run(routes('10.99.0.0/16 via 10.99.1.2', 'fd99::/16 via fd99:1::2'));
    first.run(forward + routes('10.99.3.0/24 via 10.99.2.2', 'fd99:3::/64 via fd99:2::2'));
    second.run(forward + routes('10.99.1.0/24 via 10.99.2.1', 'fd99:1::/64 via fd99:2::1'));
    egress.run(routes('10.99.0.0/16 via 10.99.3.1', 'fd99::/16 via fd99:3::1'));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ingress,
    first,
    second,
    egress,
    setMtu(mtu) {
      first.run(`ip link set w2a mtu ${mtu}`);
      second.run(`ip link set w2b mtu ${mtu}`);
    },
    async start({ holder }, file) {
      const args = [
        '-t',
        String(holder.pid),
        '-n',
        process.execPath,
        '--import',
        'tsx',
        join(ROOT, 'test/gateway/mtu', file),
      ];
      const child = spawn('nsenter', args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
      const waiting: ((answer: Record<string, unknown>) => void)[] = [];
      let problem = '';
      createInterface({ input: child.stdout! }).on('line', (line) => waiting.shift()?.(JSON.parse(line)));
      const ended = new Promise<void>((done) =>
        child.on('close', (code) => {
          problem = `${file} ended with code ${code}`;
          for (const one of waiting) one({ problem });
          done();
        }),
      );
      const program: Program = {
        ask(command) {
          return new Promise((resolve, reject) => {
            waiting.push((answer) =>
              'problem' in answer ? reject(new Error(String(answer.problem))) : resolve(answer),
            );
            child.stdin!.write(`${JSON.stringify(command)}\n`);
          });
        },
        close() {
          child.stdin!.end();
          return ended;
        },
      };
      programs.push(program);
      await program.ask({});
      return program;
    },
    close,
  };
}
