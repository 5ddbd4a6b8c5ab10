// `dietesp sensor --control` or `dietesp gateway --control` in a namespace: its configuration file, its commands and answers
// as JSON lines, and its events.

import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { sourceRoot } from '../../../targets/build/root.ts';
import type { Case } from './cases.ts';
import { until } from './charon.ts';
import { type Namespace, spawnIn } from './namespaces.ts';
import type { Setup } from './setup.ts';

const START_LIMIT_MS = 15000;
const ANSWER_LIMIT_MS = 15000;
const STOP_LIMIT_MS = 5000;

export type Line = Record<string, unknown> & { event?: string; cmd?: string; ok?: boolean };

export interface Program {
  /** Events so far, oldest first. */
  events: readonly Line[];
  /** Asks, and waits for the answer; throws when it is not ok. */
  ask(command: Line & { cmd: string }): Promise<Line>;
  /** The same, also when it is not ok. */
  tell(command: Line & { cmd: string }): Promise<Line>;
  /** Waits for an event. */
  event(what: string, look: (line: Line) => boolean): Promise<Line>;
  log(): string;
  /** Ends it: with `quit`, or a signal. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

let number = 0;

const sourceOf = (path: string): string => fileURLToPath(new URL(`../../../targets/node/${path}`, import.meta.url));

/** `dietesp` in a folder, bundled: it starts in a fifth of the time that its sources take, a hundred times. */
function bundled(folder: string): string {
  const file = join(folder, 'dietesp', 'main.mjs');
  if (existsSync(file)) return file;
  // Packages that are no JavaScript alone: they stay where they are.
  const { resolve } = createRequire(join(sourceRoot(), 'package.json'));
  const hasKoffi = existsSync(join(sourceRoot(), 'node_modules', 'koffi'));
  const stay: Record<string, string> = { 'classic-level': resolve('classic-level') };
  if (hasKoffi) stay.koffi = resolve('koffi');
  buildSync({
    entryPoints: { main: sourceOf('cli/main.ts'), thread: sourceOf('gateway/workers/thread.ts') },
    outdir: join(folder, 'dietesp'),
    outExtension: { '.js': '.mjs' },
    splitting: true,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // Compilers are for commands that are not needed here.
    external: ['koffi', ...Object.values(stay), 'esbuild', 'typescript', 'typescript-to-lua'],
    alias: stay,
    // For packages that are CommonJS. Modules of ours import `createRequire` too, under its own name.
    banner: { js: "import { createRequire as $from } from 'node:module'; const require = $from(import.meta.url);" },
    logLevel: 'error',
  });
  // By this name the gateway starts its workers.
  writeFileSync(join(folder, 'dietesp', 'thread.js'), "import './thread.mjs';\n");
  writeFileSync(join(folder, 'dietesp', 'package.json'), '{ "type": "module" }\n');
  return file;
}

/** Starts `dietesp COMMAND --config FILE --control` with a configuration (JSON is YAML) in a namespace. */
export function startProgram(
  space: Namespace,
  folder: string,
  command: 'sensor' | 'gateway',
  config: object,
  options: readonly string[],
): Program {
  const file = join(folder, `${command}-${++number}.json`);
  writeFileSync(file, JSON.stringify(config, null, 1));
  const args = [
    bundled(folder),
    command,
    '--config',
    file,
    '--control',
    '--state',
    join(folder, `state-${number}`),
    ...options,
  ];
  const child = spawnIn(space, process.execPath, args);
  const [events, answers]: [Line[], Line[]] = [[], []];
  let [said, complaint] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (said + text).split('\n');
    said = lines.pop()!;
    for (const line of lines) {
      const read = JSON.parse(line) as Line;
      (read.event === undefined ? answers : events).push(read);
    }
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  child.stdin?.on('error', () => {});
  const exited = new Promise<void>((done) => {
    child.on('close', () => done());
    child.on('error', () => done());
  });
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  let asked = 0;
  const wait = <T>(what: string, look: () => T | undefined, limit: number): Promise<T> =>
    until(
      `${command}: ${what}`,
      () => {
        const found = look();
        if (found === undefined && isOver()) throw new Error(`${command} ended: ${complaint}`);
        return found;
      },
      limit,
    );
  const program: Program = {
    events,
    async tell(line) {
      const id = ++asked;
      child.stdin?.write(JSON.stringify({ ...line, id }) + '\n');
      return wait(`answer to ${line.cmd}`, () => answers.find((answer) => answer['id'] === id), ANSWER_LIMIT_MS);
    },
    async ask(line) {
      const answer = await program.tell(line);
      if (answer.ok !== true) throw new Error(`${command}: ${JSON.stringify(line)}: ${JSON.stringify(answer)}`);
      return answer;
    },
    event: (what, look) => wait(what, () => events.find(look), START_LIMIT_MS),
    log: () => [...events, ...answers].map((line) => JSON.stringify(line)).join('\n') + '\n' + complaint,
    async stop(signal) {
      if (isOver()) return exited;
      if (signal === undefined) child.stdin?.write('{"cmd":"quit"}\n');
      else child.kill(signal);
      const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      await exited;
      clearTimeout(limit);
      if (child.signalCode === 'SIGKILL' && signal !== 'SIGKILL')
        throw new Error(`${command}: did not end: ${complaint}`);
    },
  };
  return program;
}

const IKE_CIPHERS: Record<string, string> = {
  aes128ccm8: 'aes-ccm-8',
  aes128ccm16: 'aes-ccm-16',
  aes128gcm16: 'aes-gcm-16',
  aes256gcm16: 'aes-gcm-16-256',
  chacha20poly1305: 'chacha20-poly1305',
  'aes128-sha256': 'aes-cbc-sha256',
};
const ESP_SUITES: Record<string, string> = {
  ...IKE_CIPHERS,
  'aes128-sha256': 'aes-cbc-hmac-sha2-256-128',
  'null-sha256': 'null-hmac-sha2-256-128',
};
const KE: Record<string, string> = {
  x25519: 'x25519',
  ecp256: 'p256',
  mlkem512: 'mlkem512',
  mlkem768: 'mlkem768',
  mlkem1024: 'mlkem1024',
};
/** An additional key exchange [RFC 9370]. */
const ADDITIONAL = /^ke\d_(\w+)$/;

/** Algorithms and KE methods of strongSwan's proposals, as our files call them, each once. */
function algorithms(proposals: readonly string[], names: Record<string, string>): { names: string[]; ke: string[] } {
  const found = { names: new Set<string>(), ke: new Set<string>() };
  for (const proposal of proposals) {
    const all = proposal.split('-').filter((word) => word !== 'prfsha256');
    const more = all.map((word) => ADDITIONAL.exec(word)?.[1]).filter((word) => word !== undefined);
    const words = all.filter((word) => !ADDITIONAL.test(word));
    for (const word of words)
      if (KE[word] !== undefined) found.ke.add([word, ...more].map((name) => KE[name]).join('-'));
    const cipher = names[words.filter((word) => KE[word] === undefined).join('-')];
    if (cipher === undefined) throw new Error('not known to ours: ' + proposal);
    found.names.add(cipher);
  }
  return { names: [...found.names], ke: [...found.ke] };
}

function hexOf(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}

/** `connection` of our files for a side. */
export function connectionOf(setup: Setup): object {
  const { terms, ppk } = setup;
  const entry: Case = setup.case;
  const ike = algorithms(terms.ike, IKE_CIPHERS);
  const esp = algorithms(terms.esp, ESP_SUITES);
  const ofFamily = (list: readonly string[]): string[] =>
    list.filter((text) => text.includes(':') === (entry.inner === 6));
  const selectorsOf = (list: readonly string[]): (string | object)[] =>
    ofFamily(list).map((text) => {
      const [, ip, proto, first, last] = /^([^[]+)(?:\[(\d+)(?:\/(\d+)(?:-(\d+))?)?\])?$/.exec(text)!;
      if (proto === undefined) return ip;
      const ports = first === undefined ? {} : { ports: [Number(first), Number(last ?? first)] };
      return { ip, proto: Number(proto), ...ports };
    });
  return {
    localId: 'fqdn:' + setup.localId,
    remoteId: 'fqdn:' + setup.remoteId,
    auth:
      setup.certificate !== undefined
        ? {
            certificate: setup.certificate.own.chain,
            privateKey: setup.certificate.own.key,
            ca: [setup.certificate.root.certificate],
          }
        : setup.psk === undefined
          ? { privateKey: setup.key!.privatePem, publicKey: hexOf(setup.peerKey!.publicKey) }
          : { pskHex: hexOf(setup.psk) },
    ...(ppk === undefined ? {} : { ppk: { id: ppk.id, key: hexOf(ppk.secret), mandatory: ppk.isRequired } }),
    ike: {
      proposals: ike.names,
      ke: ike.ke,
      fragmentSize: terms.fragment,
      nameRemote: entry.naming,
      retransmit: 0.5,
      tries: 3,
      dpd: 0,
      rekey: 0,
    },
    child: {
      esp: esp.names,
      ke: esp.ke,
      local: terms.virtualIp && setup.isInitiator ? ['dynamic'] : selectorsOf(setup.localSelectors),
      remote: terms.virtualIp && !setup.isInitiator ? ['dynamic'] : selectorsOf(setup.remoteSelectors),
      rekey: 0,
      ...(terms.local === 'lists' ? { selectors: 'lists' } : {}),
      ...(entry.perResource === 0 ? {} : { perResource: entry.perResource }),
      ...(entry.subspaces === 0 ? {} : { subspaces: entry.subspaces }),
      compression:
        entry.compression === 'none'
          ? { notify: 'none' }
          : { notify: entry.compression, required: entry.outcome === 'compression refused' },
    },
    // charon has no Vendor ID of ours: what is offered all the same, it ignores.
    privateAlways: entry.compression !== 'none' || entry.subspaces > 0,
    ...(terms.virtualIp && setup.isInitiator ? { requestAddress: 'ipv4' } : {}),
  };
}

/** What our programs call the ends of handshakes. `hasPeer`: the peer proved who it is. */
export function outcomeOf(name: string, hasPeer: boolean): string {
  if (['AUTHENTICATION_FAILED', 'peer-authentication', 'peer-identity'].includes(name)) {
    return 'authentication failed';
  }
  if (name === 'NO_PROPOSAL_CHOSEN') return hasPeer ? 'child: no proposal chosen' : 'no proposal chosen';
  if (name === 'TS_UNACCEPTABLE') return 'child: selectors unacceptable';
  if (name === 'ppk') return 'PPK missing';
  return name === 'compression-refused' ? 'compression refused' : name;
}
