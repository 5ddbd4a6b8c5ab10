// Two network namespaces joined by a veth pair, isolated from everything else. Needs root, CAP_NET_ADMIN and CAP_SYS_ADMIN.
// Ports and addresses belong to the namespaces, so simultaneous runs do not disturb each other.
//
//   gateway: inner 10.1.0.1, fd01::1          device: inner 10.2.0.1, fd02::1   (on lo)
//            outer 10.99.0.1, fd99::1  ------ veth ------  outer 10.99.0.2, fd99::2
//
// A small shell process waits until this process's end of a pipe closes, which happens however this process ends. Then it
// kills what runs in the namespaces and removes them with the temporary folder.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageMissing } from '../../support/packages.ts';

const COMMAND_LIMIT_MS = 20000;

/** Debian packages that these suites need. */
const PACKAGES = [
  'iproute2',
  'iputils-ping',
  'strongswan-swanctl',
  'charon-systemd',
  'libcharon-extra-plugins',
  'libstrongswan-extra-plugins',
  'libstrongswan-standard-plugins',
] as const;

export type Family = 4 | 6;

export interface Namespace {
  /** Its name for `ip netns`. */
  name: string;
  /** Its end of the veth pair. */
  link: string;
  /** Address on the link, by family. */
  outer: Record<Family, string>;
  /** Address behind the tunnel, by family. */
  inner: Record<Family, string>;
  /** What is behind the tunnel, as prefixes. */
  net: Record<Family, string>;
}

export interface Site {
  gateway: Namespace;
  device: Namespace;
  /** A temporary folder, removed with the site. */
  folder: string;
  /** The root of charon's programs, where it is not this machine's (test/support/newer-debian.ts). */
  root?: string;
  /** Kills what still runs in the namespaces and removes everything. */
  close(): Promise<void>;
}

export interface Ended {
  /** null: killed, or not started. */
  code: number | null;
  stdout: string;
  stderr: string;
}

function side(stem: string, name: string, number: number): Namespace {
  return {
    name: stem + name,
    link: 'veth-' + name,
    outer: { 4: '10.99.0.' + number, 6: 'fd99::' + number },
    inner: { 4: '10.' + number + '.0.1', 6: 'fd0' + number + '::1' },
    net: { 4: '10.' + number + '.0.0/16', 6: 'fd0' + number + '::/16' },
  };
}

// For `sh -c`: standard input is the pipe; $1 the folder, then the namespaces.
const GUARDIAN = `
read -r line
rm -rf "$1"; shift
for name do
  for pid in $(ip netns pids "$name"); do kill -KILL "$pid"; done
  ip netns del "$name"
done 2>/dev/null
`;

let count = 0;

/** Makes both namespaces; `root`: see `Site`. Throws with the command's complaint when that is not allowed. */
export async function openSite(root?: string): Promise<Site> {
  const stem = 'dietesp-' + process.pid + '-' + count++ + '-';
  const gateway = side(stem, 'gateway', 1);
  const device = side(stem, 'device', 2);
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-'));
  const guardian = spawn('sh', ['-c', GUARDIAN, 'sh', folder, gateway.name, device.name], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const gone = new Promise<void>((done) => {
    guardian.on('error', () => done());
    guardian.on('exit', () => done());
  });
  // It must not keep this process alive.
  guardian.unref();
  (guardian.stdin as unknown as { unref(): void }).unref();
  const close = (): Promise<void> => {
    guardian.ref();
    guardian.stdin?.end();
    return gone;
  };
  try {
    for (const script of [creation(gateway, device), settings(gateway), settings(device)]) {
      const ended = await command('sh', ['-e', '-c', script]);
      if (ended.code !== 0) throw new Error('namespaces: ' + (ended.stderr.trim() || 'code ' + ended.code));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { gateway, device, folder, close, ...(root === undefined ? {} : { root }) };
}

/** Ports that the system gives: tshark takes none of them for a protocol's. */
const PORTS = '61000 64999';

// Addresses come when both ends are up: the kernel answers neighbour solicitations from then on, not a second later.
function creation(a: Namespace, b: Namespace): string {
  const up = ({ name, link }: Namespace): string => `
    ip -n ${name} link set lo up
    ip -n ${name} link set ${link} addrgenmode none
    ip -n ${name} link set ${link} up`;
  return `ip netns add ${a.name}
    ip netns add ${b.name}
    ip link add ${a.link} netns ${a.name} type veth peer name ${b.link} netns ${b.name}${up(a)}${up(b)}`;
}

function settings({ name, link, outer, inner }: Namespace): string {
  return `ip -n ${name} -batch - <<'.'
addr add ${outer[4]}/24 dev ${link}
addr add ${outer[6]}/64 dev ${link} nodad
addr add ${inner[4]}/32 dev lo
addr add ${inner[6]}/128 dev lo
.
    ip netns exec ${name} sh -c 'cd /proc/sys/net/ipv4
      for a in all default; do echo 0 > conf/$a/rp_filter; done
      echo ${PORTS} > ip_local_port_range'`;
}

/** For a test's `skip` option: false when namespaces with TUN devices can be made and charon is there, else why not. */
export function strongswanMissing(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux, for network namespaces';
  for (const name of PACKAGES) {
    const missing = packageMissing(name);
    if (missing !== false) return missing;
  }
  if (!existsSync('/dev/net/tun')) return 'no /dev/net/tun';
  const name = 'dietesp-' + process.pid + '-probe';
  const script = `ip netns add ${name}
    ip -n ${name} link add probe type veth peer name probe2
    ip -n ${name} tuntap add mode tun name probe3`;
  const made = spawnSync('sh', ['-e', '-c', script], { encoding: 'utf8', timeout: COMMAND_LIMIT_MS });
  spawnSync('ip', ['netns', 'del', name], { stdio: 'ignore', timeout: COMMAND_LIMIT_MS });
  if (made.status === 0) return false;
  return 'network namespaces are not permitted here: ' + made.stderr.trim().split('\n')[0];
}

/** Starts a program in a namespace. The process that is returned is the program itself. */
export function spawnIn(space: Namespace, program: string, args: readonly string[], env = process.env): ChildProcess {
  return spawn('ip', ['netns', 'exec', space.name, program, ...args], { stdio: ['pipe', 'pipe', 'pipe'], env });
}

/** Runs a program in a namespace to its end. */
export function runIn(
  space: Namespace,
  program: string,
  args: readonly string[],
  limitMs = COMMAND_LIMIT_MS,
): Promise<Ended> {
  return ended(spawnIn(space, program, args), limitMs);
}

/** Runs a program to its end; it is killed after `limitMs`. */
export function command(
  program: string,
  args: readonly string[],
  env = process.env,
  limitMs = COMMAND_LIMIT_MS,
): Promise<Ended> {
  return ended(spawn(program, [...args], { stdio: ['pipe', 'pipe', 'pipe'], env }), limitMs);
}

function ended(child: ChildProcess, limitMs: number): Promise<Ended> {
  return new Promise((done) => {
    let stdout = '';
    let stderr = '';
    const limit = setTimeout(() => {
      stderr += '\nkilled after ' + limitMs + ' ms';
      child.kill('SIGKILL');
    }, limitMs);
    child.stdin?.end();
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', (error) => {
      clearTimeout(limit);
      done({ code: null, stdout, stderr: stderr + error.message });
    });
    child.on('close', (code) => {
      clearTimeout(limit);
      done({ code, stdout, stderr });
    });
  });
}
