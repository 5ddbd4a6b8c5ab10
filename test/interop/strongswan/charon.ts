// strongSwan's IKE daemon in a namespace, with ESP in user space (kernel-libipsec: tunnel mode, always encapsulated in UDP).
// swanctl drives it. Each daemon has a folder of its own and reads no installed configuration.

import type { ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onPath } from '../../../targets/build/engines.ts';
import { commandIn } from '../../support/newer-debian.ts';
import { type PeerConfig, peerFiles, type Section, sectionText } from './config.ts';
import { command, type Ended, type Namespace, type Site, spawnIn } from './namespaces.ts';

const START_LIMIT_MS = 20000;
const STOP_LIMIT_MS = 3000;
const POLL_MS = 10;
const PLUGINS =
  'random nonce x509 pubkey pem pkcs1 pkcs8 openssl aes sha1 sha2 hmac kdf gcm ccm ctr chapoly curve25519 ' +
  'drbg cmac xcbc kernel-libipsec kernel-netlink socket-default vici updown counters';
const FOLDERS = ['private', 'pubkey', 'x509', 'x509ca'];

export interface CharonOptions {
  /** Names its folder. */
  name: string;
  space: Namespace;
  /** Keys of the daemon's section in strongswan.conf, such as `cookie_threshold`. */
  settings?: Section;
  /** Sections of plugins. */
  plugins?: Section;
  /** Log levels by subsystem. Default: ike and chd 4, with all keys. */
  log?: Record<string, number>;
}

export interface ChildState {
  name: string;
  state: string;
  /** Hexadecimal, 8 digits. */
  spiIn: string;
  spiOut: string;
  mode: string;
  packetsIn: number;
  packetsOut: number;
  localSelectors: string[];
  remoteSelectors: string[];
  values: Tree;
}

export interface IkeState {
  name: string;
  uniqueId: string;
  state: string;
  isInitiator: boolean;
  /** Hexadecimal, 16 digits. */
  spiI: string;
  spiR: string;
  localId: string;
  remoteId: string;
  children: ChildState[];
  values: Tree;
}

export interface Tree {
  [key: string]: string | string[] | Tree;
}

export interface Charon {
  readonly name: string;
  readonly pid: number;
  /** Loads connections and secrets in the place of those there were. IKE SAs stay until they are terminated. */
  load(config: PeerConfig): Promise<void>;
  /** Runs swanctl; `code` 0 is success. */
  swanctl(...args: string[]): Promise<Ended>;
  sas(): Promise<IkeState[]>;
  /** Ends as soon as the SA is up, or cannot be. */
  initiate(child: string, limitSeconds?: number): Promise<Ended>;
  /** Starts a rekey; ends at once. */
  rekey(what: { ike: string } | { child: string }): Promise<Ended>;
  reauthenticate(ike: string): Promise<Ended>;
  terminate(what: { ike: string } | { child: string }, limitSeconds?: number): Promise<Ended>;
  /** Drops every IKE SA without a word to the peer. */
  forget(): Promise<void>;
  log(): string;
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** Calls `look` until it answers something else than undefined. Throws after `limitMs`. */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  limitMs = 10000,
): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error('waited ' + limitMs + ' ms for ' + what);
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

function daemonConf(folder: string, options: CharonOptions): string {
  const log = { default: 1, ike: 4, chd: 4, cfg: 2, ...options.log };
  return sectionText({
    charon: {
      load: PLUGINS,
      filelog: { f: { path: join(folder, 'charon.log'), flush_line: true, append: false, ...log } },
      plugins: { vici: { socket: 'unix://' + join(folder, 'vici.sock') }, ...options.plugins },
      retransmit_tries: 2,
      // Longer than a busy machine takes to answer: a retransmission is a finding.
      retransmit_timeout: 3,
      ...options.settings,
    },
    'charon-systemd': { journal: { default: -1 } },
    swanctl: { load: 'pem pkcs1 pkcs8 pubkey x509 openssl curve25519 random nonce sha1 sha2 hmac' },
  });
}

/** Starts a charon and waits until it takes commands. Throws with its log when it ends before. */
export async function startCharon(site: Site, options: CharonOptions): Promise<Charon> {
  const folder = join(site.folder, options.name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'strongswan.conf'), daemonConf(folder, options));
  const programs = ['charon-systemd', 'swanctl'];
  // Run from here, AppArmor's profiles of the installed programs, which forbid this folder, do not match.
  for (const program of programs) {
    const file = site.root === undefined ? onPath(program)! : join(site.root, 'usr', 'sbin', program);
    copyFileSync(file, join(folder, program));
  }
  const commandOf = (program: string, args: readonly string[]): string[] => {
    const file = join(folder, program);
    return site.root === undefined ? [file, ...args] : commandIn(site.root, site.folder, file, args);
  };
  const env = { ...process.env, STRONGSWAN_CONF: join(folder, 'strongswan.conf'), SWANCTL_DIR: folder };
  const logFile = join(folder, 'charon.log');
  const log = (): string => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
  const [daemon, ...daemonArgs] = commandOf('charon-systemd', []);
  const child = spawnIn(options.space, daemon, daemonArgs, env);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exited = new Promise<void>((done) => {
    child.on('exit', () => done());
    child.on('error', () => done());
  });
  const swanctl = (...args: string[]): Promise<Ended> => {
    const [program, ...rest] = commandOf('swanctl', [...args, '--uri', 'unix://' + join(folder, 'vici.sock')]);
    return command(program, rest, env);
  };
  const sas = async (): Promise<IkeState[]> => {
    const listed = await swanctl('--list-sas', '--pretty');
    if (listed.code !== 0) throw new Error(options.name + ': ' + listed.stderr);
    return listedSas(listed.stdout);
  };
  const named = (what: { ike: string } | { child: string }): string[] =>
    'ike' in what ? ['--ike', what.ike] : ['--child', what.child];
  await until(
    options.name + ' to start',
    () => {
      if (child.exitCode !== null) throw new Error(options.name + ' ended: ' + output + log());
      return existsSync(join(folder, 'vici.sock')) ? true : undefined;
    },
    START_LIMIT_MS,
  );
  return {
    name: options.name,
    pid: child.pid!,
    swanctl,
    sas,
    log,
    async load(config) {
      for (const name of FOLDERS) rmSync(join(folder, name), { recursive: true, force: true });
      for (const [path, text] of Object.entries(peerFiles(config))) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      const loaded = await swanctl('--load-all', '--clear', '--noprompt', '--file', join(folder, 'swanctl.conf'));
      if (loaded.code !== 0) throw new Error(options.name + ': ' + loaded.stdout + loaded.stderr);
    },
    initiate: (name, limitSeconds = 10) => swanctl('--initiate', '--child', name, '--timeout', String(limitSeconds)),
    rekey: (what) => swanctl('--rekey', ...named(what)),
    reauthenticate: (name) => swanctl('--rekey', '--ike', name, '--reauth'),
    terminate: (what, limitSeconds = 5) => swanctl('--terminate', ...named(what), '--timeout', String(limitSeconds)),
    async forget() {
      for (const { uniqueId } of await sas()) await swanctl('--terminate', '--ike-id', uniqueId, '--force');
      await until(options.name + ' to forget', async () => ((await sas()).length === 0 ? true : undefined));
    },
    stop: (signal = 'SIGTERM') => stop(child, exited, signal),
  };
}

async function stop(child: ChildProcess, exited: Promise<void>, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  // On SIGTERM it deletes its SAs, with retransmissions.
  child.kill(signal);
  const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await exited;
  clearTimeout(limit);
}

/** swanctl's `--pretty` messages: one `key = value`, `key {`, `key = [` or their ends per line. */
export function parsePretty(text: string): Tree[] {
  const messages: Tree[] = [];
  const open: Tree[] = [];
  let list: string[] | undefined;
  for (const line of text.split('\n')) {
    const word = line.trim();
    if (word === '') continue;
    const found = /^([^=]*?)\s*(?:= ?(\[|.*)|\{)$/.exec(word);
    if (list !== undefined) {
      if (word === ']') list = undefined;
      else list.push(word);
    } else if (word === '}') open.pop();
    else if (found !== null && word.endsWith('{') && found[2] === undefined) {
      const inside: Tree = {};
      if (open.length === 0) messages.push(inside);
      else open[open.length - 1][found[1]] = inside;
      open.push(inside);
    } else if (found !== null && open.length > 0) {
      if (found[2] === '[') {
        list = [];
        open[open.length - 1][found[1]] = list;
      } else open[open.length - 1][found[1]] = found[2];
    }
  }
  return messages;
}

function listedSas(text: string): IkeState[] {
  const states: IkeState[] = [];
  for (const message of parsePretty(text)) {
    for (const [name, values] of Object.entries(message)) {
      if (typeof values === 'string' || Array.isArray(values)) continue;
      states.push({
        name,
        uniqueId: String(values['uniqueid']),
        state: String(values['state']),
        isInitiator: values['initiator'] === 'yes',
        spiI: String(values['initiator-spi']).padStart(16, '0'),
        spiR: String(values['responder-spi']).padStart(16, '0'),
        localId: String(values['local-id']),
        remoteId: String(values['remote-id']),
        children: Object.values((values['child-sas'] ?? {}) as Tree).map((entry) => childState(entry as Tree)),
        values,
      });
    }
  }
  return states;
}

function childState(values: Tree): ChildState {
  const selectors = (key: string): string[] => (Array.isArray(values[key]) ? (values[key] as string[]) : []);
  return {
    name: String(values['name']),
    state: String(values['state']),
    spiIn: String(values['spi-in'] ?? '').padStart(8, '0'),
    spiOut: String(values['spi-out'] ?? '').padStart(8, '0'),
    mode: String(values['mode']),
    packetsIn: Number(values['packets-in'] ?? 0),
    packetsOut: Number(values['packets-out'] ?? 0),
    localSelectors: selectors('local-ts'),
    remoteSelectors: selectors('remote-ts'),
    values,
  };
}
