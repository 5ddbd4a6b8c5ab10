// What the system gives this process: rights, the TUN device, addresses, ports, buffers, descriptors.

import { createSocket } from 'node:dgram';
import { accessSync, constants, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { errorText } from '../../host/errors.ts';
import { absent, type Finding, ok, type Wants, warning } from './finding.ts';

/** Bits of capabilities(7). */
const CAP_NET_BIND_SERVICE = 10;
const CAP_NET_ADMIN = 12;
const CAP_NET_RAW = 13;
const TUN_DEVICE = '/dev/net/tun';
/** The ports below it need a right of their own, where the system does not say otherwise. */
const UNPRIVILEGED_PORT = 1024;

/** What /proc says of `path`, or undefined. */
function systemText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

function systemNumber(path: string): number | undefined {
  const text = systemText(path)?.trim();
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

/** True where this process has the capability; undefined where the system has none. */
export function hasCapability(bit: number, status = systemText('/proc/self/status')): boolean | undefined {
  const found = /^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? '');
  return found === null ? undefined : ((BigInt(`0x${found[1]}`) >> BigInt(bit)) & 1n) === 1n;
}

/** Whether a command is on PATH, or at its path. */
export function commandFinding(command: string, isWanted: boolean, use: string): Finding {
  for (const folder of command.includes('/') ? ['.'] : (process.env.PATH ?? '').split(delimiter)) {
    try {
      const path = command.startsWith('/') ? command : join(folder, command);
      accessSync(path, constants.X_OK);
      return ok(`command ${command}`, path);
    } catch {
      // It may be in the next one.
    }
  }
  return absent(
    `command ${command}`,
    isWanted,
    command.includes('/') ? 'not there, or no program' : 'not on PATH',
    use,
  );
}

function capabilityFinding(name: string, bit: number, isWanted: boolean, use: string): Finding {
  const has = hasCapability(bit);
  if (has === true) return ok(name, 'there');
  const help = `${use}; run as root, or give the right (docs/operations.md, A service of the system)`;
  return absent(name, isWanted, has === undefined ? 'this system has no such right' : 'not there', help);
}

function tunFinding(isWanted: boolean): Finding {
  try {
    accessSync(TUN_DEVICE, constants.R_OK | constants.W_OK);
    return ok('TUN device', TUN_DEVICE);
  } catch (error) {
    return absent('TUN device', isWanted, errorText(error), 'network interface (`tun`): modprobe tun');
  }
}

/** What the network interface, raw sockets and low ports need. */
export function rightFindings(wants: Wants): Finding[] {
  const lowest = systemNumber('/proc/sys/net/ipv4/ip_unprivileged_port_start') ?? UNPRIVILEGED_PORT;
  const low = wants.ports.filter(({ port }) => port > 0 && port < lowest);
  const ports = low.length === 0 ? 'ports below 1024' : `ports ${low.map(({ port }) => port).join(', ')}`;
  return [
    tunFinding(wants.tun),
    commandFinding('ip', wants.tun, 'network interface (`tun`): apt-get install iproute2'),
    capabilityFinding('CAP_NET_ADMIN', CAP_NET_ADMIN, wants.tun, 'network interface (`tun`)'),
    capabilityFinding(
      'CAP_NET_RAW',
      CAP_NET_RAW,
      wants.raw || wants.interfaces.length > 0,
      'IP protocol 50 (`esp`), radios of Linux (`linux`)',
    ),
    capabilityFinding('CAP_NET_BIND_SERVICE', CAP_NET_BIND_SERVICE, low.length > 0, ports),
  ];
}

/** IPv6, and whether the system forwards what the interface brings. */
export function forwardingFindings(wants: Wants): Finding[] {
  if (process.platform !== 'linux') return [];
  const isOff = systemNumber('/proc/sys/net/ipv6/conf/all/disable_ipv6') === 1;
  const isThere = systemText('/proc/net/if_inet6') !== undefined;
  const six =
    isThere && !isOff
      ? ok('IPv6', 'there')
      : absent(
          'IPv6',
          wants.tun,
          'off',
          'inner packets of sensors are IPv6: sysctl -w net.ipv6.conf.all.disable_ipv6=0',
        );
  if (!wants.tun) return [six];
  const isForwarding = systemNumber('/proc/sys/net/ipv6/conf/all/forwarding') === 1;
  const forwarding = isForwarding
    ? ok('IPv6 forwarding', 'on')
    : warning(
        'IPv6 forwarding',
        'off',
        'peers reach this host alone; for others behind it: sysctl -w net.ipv6.conf.all.forwarding=1',
      );
  return [six, forwarding];
}

/** Why a port can't be bound. */
function portProblem(error: NodeJS.ErrnoException): string {
  return error.code === 'EADDRINUSE' ? 'somebody has it' : errorText(error);
}

function udpProblem(address: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const isSix = address.includes(':');
    const socket = createSocket({ type: isSix ? 'udp6' : 'udp4', ipv6Only: isSix });
    const end = (problem: string): void => {
      socket.close(() => resolve(problem));
    };
    socket.on('error', (error) => end(portProblem(error)));
    socket.bind({ port, address, exclusive: true }, () => end(''));
  });
}

function tcpProblem(address: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', (error) => resolve(portProblem(error)));
    server.listen({ port, host: address, ipv6Only: address.includes(':'), exclusive: true }, () => {
      server.close(() => resolve(''));
    });
  });
}

/** Opens each port for a moment. */
export async function portFindings(wants: Wants): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { protocol, address, port, field } of wants.ports) {
    const name = `${protocol} ${address.includes(':') ? `[${address}]` : address}:${port}`;
    const problem = await (protocol === 'udp' ? udpProblem : tcpProblem)(address, port);
    if (problem === '') findings.push(ok(name, 'free'));
    else
      findings.push(absent(name, wants.file !== '', problem, `${field}; who: ss -lpn${protocol[0]} sport = :${port}`));
  }
  return findings;
}

/** Limits of the system that cost packets under load. */
export function limitFindings(wants: Wants): Finding[] {
  const findings: Finding[] = [];
  for (const name of ['net.core.rmem_max', 'net.core.wmem_max']) {
    const value = systemNumber(`/proc/sys/${name.replaceAll('.', '/')}`);
    if (value === undefined) continue;
    if (value >= wants.socketBuffer) findings.push(ok(name, `${value} octets`));
    else {
      const help = `bursts are lost beyond it: sysctl -w ${name}=${wants.socketBuffer}`;
      findings.push(warning(name, `${value} octets`, help));
    }
  }
  const files = /^Max open files\s+(\d+|unlimited)/m.exec(systemText('/proc/self/limits') ?? '')?.[1];
  if (files === undefined) return findings;
  if (files === 'unlimited' || Number(files) >= wants.files) findings.push(ok('open files', files));
  else
    findings.push(
      warning('open files', files, `flows may need ${wants.files}: ulimit -n ${wants.files}, or \`sessions\``),
    );
  return findings;
}
