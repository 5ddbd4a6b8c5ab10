// The programs that `npm run bench -- gateway` compares, each in two network namespaces of its own, which are like those of the
// others: the gateway of this project as it ships, strongSwan's charon with ESP in user space (kernel-libipsec), and loop.c.

import { type ChildProcess, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceRoot } from '../../../targets/build/root.ts';
import { startAgent } from '../../interop/strongswan/agent.ts';
import { type Charon, startCharon, until } from '../../interop/strongswan/charon.ts';
import { command, openSite, runIn, type Site, spawnIn } from '../../interop/strongswan/namespaces.ts';
import type { Connected, PeerCommand } from './peer.ts';
import type { Ends } from './traffic.ts';

/** A cipher suite by its names here, for strongSwan and for loop.c (null: not with these). */
export interface BenchSuite {
  name: string;
  ours: string;
  charon: string | null;
  loop: string | null;
}

export const GCM: BenchSuite = { name: 'AES-GCM', ours: 'aes-gcm-16', charon: 'aes128gcm16', loop: 'gcm' };
export const CCM: BenchSuite = { name: 'AES-CCM-8', ours: 'aes-ccm-8', charon: 'aes128ccm8', loop: 'ccm8' };
/** Diet-ESP: implicit IV, a residue of the inner headers, 8 bits of the sequence number. */
export const DIET: BenchSuite = { name: 'Diet-ESP AES-CCM-8', ours: 'aes-ccm-8-iiv', charon: null, loop: null };

export interface Candidate {
  kind: 'gateway' | 'charon' | 'loop';
  suite: BenchSuite;
  site: Site;
  /** Each with a pair of SAs. */
  peers: Ends[];
  /** The process that is measured. */
  pid: number;
  close(): Promise<void>;
}

const [GATEWAY_ID, DEVICE_ID] = ['gateway.test', 'device.test'];
const PSK = Buffer.alloc(32, 7);
/** Also of charon's interface. */
const TUN_MTU = 1400;
/** Inner UDP port of the first peer. */
const PORT = 5002;
/** On a busy machine. */
const START_LIMIT_MS = 60000;

/** Compiles a program of this folder. Throws with what the compiler says. */
export function compiled(folder: string, name: string, libraries: readonly string[] = []): string {
  const program = join(folder, name);
  const source = fileURLToPath(new URL(`${name}.c`, import.meta.url));
  const run = spawnSync('gcc', ['-O2', '-o', program, source, ...libraries], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`gcc ${name}.c: ${run.stderr ?? String(run.error)}`);
  return program;
}

/** IPv4 addresses of peer `n`; the first has those of the namespace. */
export const innerOf = (n: number): string => `10.2.0.${n + 1}`;
export const outerOf = (site: Site, n: number): string => (n === 0 ? site.device.outer[4] : `10.99.0.${n + 10}`);

/** Of peer `n`. */
export function connection(suite: BenchSuite, isGateway: boolean, n = 0): object {
  const isDiet = suite === DIET;
  const device = n === 0 ? DEVICE_ID : `device${n}.test`;
  const inner = innerOf(n);
  const [own, other] = isGateway ? [GATEWAY_ID, device] : [device, GATEWAY_ID];
  const nets = isGateway ? ['10.1.0.1', inner] : [inner, '10.1.0.1'];
  return {
    localId: `fqdn:${own}`,
    remoteId: `fqdn:${other}`,
    auth: { pskHex: PSK.toString('hex') },
    ike: { proposals: ['aes-gcm-16'], ke: ['x25519'], dpd: 0, rekey: 0 },
    child: {
      esp: [suite.ours],
      local: [nets[0]],
      remote: [nets[1]],
      rekey: 0,
      // Packets that overtook others are counted, not dropped.
      replayWindow: 4096,
      compression: isDiet ? { required: true } : { notify: 'none' },
    },
  };
}

/** Peer `n` with SAs at the candidate in the site's other namespace. */
export async function connect(site: Site, suite: BenchSuite, n = 0): Promise<{ peer: Ends; keys: Connected }> {
  const config = {
    connection: connection(suite, false, n),
    udp: { address: outerOf(site, n) },
    gateway: { address: site.gateway.outer[4] },
    innerAddress: innerOf(n),
  };
  const agent = startAgent<PeerCommand>(site.device, new URL('./peer.ts', import.meta.url).href, []);
  const text = JSON.stringify(config);
  const keys = await agent.ask<Connected>({ op: 'connect', config: text, inner: innerOf(n) }, 30000);
  return { peer: { agent, outer: outerOf(site, n), inner: innerOf(n), port: PORT + n, name: `peer${n}` }, keys };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await exit;
}

async function route(site: Site, tun: string): Promise<void> {
  const script = `echo 1 > /proc/sys/net/ipv6/conf/${tun}/disable_ipv6; ip link set ${tun} up mtu ${TUN_MTU} && ip route add 10.2.0.0/16 dev ${tun} src 10.1.0.1`;
  const { code, stderr } = await runIn(site.gateway, 'sh', ['-c', script]);
  if (code !== 0) throw new Error(`${tun}: ${stderr}`);
}

/** Starts a program, and waits for a line that it says. */
async function started(site: Site, program: string, args: string[], line: RegExp): Promise<ChildProcess> {
  const child = spawnIn(site.gateway, program, args);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
  }
  const look = (): true | undefined => {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${said}`);
    return line.test(said) ? true : undefined;
  };
  await until(`${program} to start`, look, START_LIMIT_MS);
  return child;
}

/** Gives the site's peers their addresses. */
async function addPeers(site: Site, count: number): Promise<void> {
  const { name, link } = site.device;
  for (let n = 1; n < count; n++) {
    const script = `ip -n ${name} addr add ${outerOf(site, n)}/24 dev ${link} && ip -n ${name} addr add ${innerOf(n)}/32 dev lo`;
    const { code, stderr } = await command('sh', ['-c', script]);
    if (code !== 0) throw new Error(`peer ${n}: ${stderr}`);
  }
}

/** The gateway as it ships, with its network interface and `count` peers; `more` of its file. */
export async function startGateway(suite: BenchSuite, more: object = {}, count = 1): Promise<Candidate> {
  const site = await openSite();
  await addPeers(site, count);
  const file = join(site.folder, 'gateway.json');
  const config = {
    udp: [{ address: site.gateway.outer[4] }],
    tun: { name: 'dietesp0', addresses: [], routes: ['10.2.0.0/16'], mtu: TUN_MTU },
    peers: Array.from({ length: count }, (_, n) => ({ name: `device${n}`, ...connection(suite, true, n) })),
    log: { level: 'info' },
    ...more,
  };
  writeFileSync(file, JSON.stringify(config));
  const main = join(sourceRoot(), 'dist', 'targets', 'node', 'cli', 'main.js');
  const profile = process.env['DIETESP_BENCH_PROFILE'];
  const options = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', join(profile, suite.loop ?? 'diet')];
  const args = [...options, main, 'gateway', '--config', file, '--state', join(site.folder, 'state')];
  const child = await started(site, process.execPath, args, /radios,/);
  const peers: Ends[] = [];
  for (let n = 0; n < count; n++) peers.push((await connect(site, suite, n)).peer);
  const close = async (): Promise<void> => {
    const exit = new Promise((done) => child.once('exit', done));
    // A profile is written at a proper end.
    if (profile !== undefined && child.kill('SIGTERM')) await exit;
    await ended(child);
    await site.close();
  };
  return { kind: 'gateway', suite, site, peers, pid: child.pid!, close };
}

export async function startSwan(suite: BenchSuite): Promise<Candidate> {
  const site = await openSite();
  const quiet = { default: -1, ike: -1, chd: -1, cfg: -1 };
  const charon: Charon = await startCharon(site, { name: 'charon', space: site.gateway, log: quiet });
  await charon.load({
    connections: [
      {
        name: 'device',
        localAddress: site.gateway.outer[4],
        remoteAddress: '%any',
        ike: ['aes128gcm16-prfsha256-x25519'],
        local: { id: GATEWAY_ID },
        remote: { id: DEVICE_ID },
        children: [{ name: 'net', esp: [suite.charon!], local: ['10.1.0.1'], remote: ['10.2.0.1'] }],
        more: { dpd_delay: 0, rekey_time: 0 },
      },
    ],
    psks: [{ ids: [], secret: PSK }],
  });
  const { peer } = await connect(site, suite);
  const close = async (): Promise<void> => {
    await charon.stop('SIGKILL');
    await site.close();
  };
  return { kind: 'charon', suite, site, peers: [peer], pid: charon.pid, close };
}

/** loop.c with the keys that a peer agreed with a gateway, which then ends. */
export async function startLoop(suite: BenchSuite): Promise<Candidate> {
  const { site, peer, close, keys } = await keyed(suite);
  const program = compiled(site.folder, 'loop', ['-lcrypto']);
  const [own, other] = [site.gateway.outer[4], site.device.outer[4]];
  const { outgoing, incoming } = keys;
  const child = await started(
    site,
    program,
    ['loop0', own, '4500', other, '4500', suite.loop!, ...outgoing, ...incoming],
    /ready/,
  );
  await route(site, 'loop0');
  const end = async (): Promise<void> => {
    await ended(child);
    await close();
  };
  return { kind: 'loop', suite, site, peers: [peer], pid: child.pid!, close: end };
}

async function keyed(suite: BenchSuite) {
  const site = await openSite();
  const file = join(site.folder, 'gateway.json');
  const config = { udp: [{ address: site.gateway.outer[4] }], peers: [{ name: 'device', ...connection(suite, true) }] };
  writeFileSync(file, JSON.stringify(config));
  const main = join(sourceRoot(), 'dist', 'targets', 'node', 'cli', 'main.js');
  const args = [main, 'gateway', '--config', file, '--state', join(site.folder, 'state')];
  const child = await started(site, process.execPath, args, /radios,/);
  const { peer, keys } = await connect(site, suite);
  await ended(child);
  return { site, peer, keys, close: site.close };
}

/** Why this cannot run here, or false. */
export function toolsMissing(): string | false {
  for (const program of ['gcc', 'ip']) {
    if (spawnSync(program, ['--version'], { stdio: 'ignore' }).error !== undefined) return `${program} not found`;
  }
  return false;
}
