// Debian packages that suites need beside Node. Missing ones are installed if the tests run as root on Debian. Otherwise the
// suites skip themselves by name, and the command to install them is printed.

import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { onPath } from '../../targets/build/engines.ts';

export interface Need {
  /** A program on PATH, */
  command?: string;
  /** or a module that Python can import (`pythonWith` tells which Python), */
  python?: string;
  /** or a file. */
  file?: string;
  package: string;
  /** A service that the package would start, now and at each boot: masked before the package is installed. */
  service?: string;
  /** What does not run without it. */
  suites: string;
}

const CHARON_PLUGINS = '/usr/lib/ipsec/plugins/libstrongswan-';

export const NEEDS: readonly Need[] = [
  { command: 'lua5.4', package: 'lua5.4', suites: 'engines: Lua' },
  { command: 'lua5.3', package: 'lua5.3', suites: 'modules: Lua 5.3' },
  { command: 'duk', package: 'duktape', suites: 'engines: Duktape' },
  { command: 'gcc', package: 'gcc', suites: 'Espruino: X25519 in C; boards: program' },
  { command: 'arm-none-eabi-gcc', package: 'gcc-arm-none-eabi', suites: 'boards: firmware; Espruino: native X25519' },
  {
    file: '/usr/lib/arm-none-eabi/newlib/libc.a',
    package: 'libnewlib-arm-none-eabi',
    suites: 'boards: firmware',
  },
  { command: 'dpkg-source', package: 'dpkg-dev', suites: 'boards: firmware' },
  { command: 'qemu-arm', package: 'qemu-user', suites: 'Espruino: native X25519' },
  { command: 'qemu-system-arm', package: 'qemu-system-arm', suites: 'boards: QEMU; Espruino: native X25519' },
  { command: 'chromium', package: 'chromium', suites: 'package: in a browser' },
  { command: 'systemd-analyze', package: 'systemd', suites: 'service: the unit' },
  { command: 'openssl', package: 'openssl', suites: 'certificates; interop: strongSwan' },
  { command: 'tshark', package: 'tshark', suites: 'interop: tshark' },
  { python: 'scapy', package: 'python3-scapy', suites: 'interop: scapy' },
  { command: 'ip', package: 'iproute2', suites: 'interop: strongSwan' },
  { command: 'nats-server', package: 'nats-server', suites: 'cluster', service: 'nats-server.service' },
  { command: 'ping', package: 'iputils-ping', suites: 'interop: strongSwan' },
  { command: 'mosquitto', package: 'mosquitto', suites: 'docs: MQTT', service: 'mosquitto.service' },
  { command: 'mosquitto_sub', package: 'mosquitto-clients', suites: 'docs: MQTT' },
  { command: 'rpki-client', package: 'rpki-client', suites: 'RISAV: RPKI', service: 'rpki-client.timer' },
  { command: 'stayrtr', package: 'stayrtr', suites: 'RISAV: RTR', service: 'stayrtr.service' },
  { command: 'swanctl', package: 'strongswan-swanctl', suites: 'interop: strongSwan' },
  {
    command: 'charon-systemd',
    package: 'charon-systemd',
    suites: 'interop: strongSwan',
    service: 'strongswan.service',
  },
  { file: CHARON_PLUGINS + 'kernel-libipsec.so', package: 'libcharon-extra-plugins', suites: 'interop: strongSwan' },
  { file: CHARON_PLUGINS + 'ccm.so', package: 'libstrongswan-extra-plugins', suites: 'interop: strongSwan' },
  { file: CHARON_PLUGINS + 'openssl.so', package: 'libstrongswan-standard-plugins', suites: 'interop: strongSwan' },
];

/** The Python that can import `module`: the one on PATH, or Debian's own, whose modules the packages bring. */
export function pythonWith(module: string): string | undefined {
  const code = 'import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)';
  for (const python of ['python3', '/usr/bin/python3']) {
    if (spawnSync(python, ['-c', code, module], { stdio: 'ignore', timeout: 30000 }).status === 0) return python;
  }
  return undefined;
}

export function isThere(need: Need): boolean {
  if (need.command !== undefined) return onPath(need.command) !== undefined;
  if (need.file !== undefined) return existsSync(need.file);
  return need.python === undefined || pythonWith(need.python) !== undefined;
}

export function missingNeeds(needs: readonly Need[] = NEEDS): Need[] {
  return needs.filter((need) => !isThere(need));
}

/** For a test's `skip` option: false when the package's program or module is there, else the reason. */
export function packageMissing(name: string): string | false {
  const need = NEEDS.find((entry) => entry.package === name);
  if (need === undefined) throw new Error('package ' + name + ' is not in NEEDS of test/support/packages.ts');
  return isThere(need)
    ? false
    : (need.command ?? need.python ?? need.file) + ' not found (Debian package ' + name + ')';
}

export function installLine(needs: readonly Need[]): string {
  return 'apt-get install -y --no-install-recommends ' + [...new Set(needs.map((need) => need.package))].join(' ');
}

/** True when this process may install packages by itself. */
export function mayInstall(): boolean {
  return existsSync('/etc/debian_version') && process.getuid?.() === 0 && onPath('apt-get') !== undefined;
}

/** Installs what is missing where that is possible. Prints what it does; never throws. Returns what stays missing. */
export function providePackages(say: (line: string) => void, needs: readonly Need[] = NEEDS): Need[] {
  const missing = missingNeeds(needs);
  if (missing.length === 0) return [];
  if (!mayInstall()) {
    say('missing for some suites: ' + installLine(missing));
    return missing;
  }
  say('installing: ' + installLine(missing));
  for (const { service } of missing) if (service !== undefined) maskService(service);
  const update = apt(['update']);
  const install = apt(['install', '-y', '--no-install-recommends', ...new Set(missing.map((need) => need.package))]);
  const left = missingNeeds(missing);
  if (left.length > 0) say('apt-get failed, these suites are skipped\n' + update + install);
  return left;
}

/** What `systemctl mask` does, also where systemd does not run. `systemctl unmask` gives the service back. */
function maskService(service: string): void {
  const link = '/etc/systemd/system/' + service;
  if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) return;
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync('/dev/null', link);
}

/** Runs apt-get and returns what it wrote. */
function apt(args: readonly string[]): string {
  const result = spawnSync('apt-get', [...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: 600000,
    killSignal: 'SIGKILL',
  });
  const trouble = result.error === undefined ? '' : String(result.error.message) + '\n';
  return (result.stdout ?? '') + (result.stderr ?? '') + trouble;
}
