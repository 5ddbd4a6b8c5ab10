// Node, its cryptography, and the optional packages.

import { getCiphers, getCurves, getFips } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { errorText } from '../../host/errors.ts';
import { absent, type Finding, ok, type Wants, warning } from './finding.ts';
import { commandFinding } from './host.ts';

const NODE_LEAST = [20, 19];
const CIPHERS = ['aes-128-ccm', 'aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'];
const NATS = ['@nats-io/transport-node', '@nats-io/jetstream', '@nats-io/kv'];
const CURVES = ['prime256v1', 'secp384r1'];
/** Before it, a clock was never set. */
const YEAR_LEAST = 2024;

function isOldNode(version: string): boolean {
  const [major, minor] = version.split('.').map(Number);
  return major < NODE_LEAST[0] || (major === NODE_LEAST[0] && minor < NODE_LEAST[1]);
}

/** `version`: of Node. */
export function nodeFinding(version = process.versions.node): Finding {
  if (isOldNode(version)) {
    return absent('Node', true, version, `at least ${NODE_LEAST.join('.')} is needed`);
  }
  return ok('Node', `${version}, ${process.platform} ${process.arch}`);
}

export function cryptoFinding(ciphers = getCiphers(), curves = getCurves()): Finding {
  const lacking = [
    ...CIPHERS.filter((name) => !ciphers.includes(name)),
    ...CURVES.filter((name) => !curves.includes(name)),
  ];
  const seen = `OpenSSL ${process.versions.openssl}${getFips() === 1 ? ', FIPS mode' : ''}`;
  if (lacking.length === 0) return ok('cryptography', seen);
  return warning(
    'cryptography',
    `${seen}, without ${lacking.join(', ')}`,
    'suites that need them are refused at the start',
  );
}

export function clockFinding(now = new Date()): Finding {
  const seen = `${now.toISOString().slice(0, 19)}Z`;
  if (now.getUTCFullYear() >= YEAR_LEAST) return ok('clock', seen);
  return warning('clock', seen, 'certificates and tickets are judged by it: set it');
}

/** `koffi 3.3.4`, or why it can't be loaded; undefined: it is not installed. */
async function packageState(name: string): Promise<{ version: string; problem: string } | undefined> {
  const require = createRequire(import.meta.url);
  let file: string;
  try {
    file = require.resolve(name);
  } catch {
    return undefined;
  }
  try {
    await import(name);
    const folder = file.slice(0, file.lastIndexOf(name) + name.length);
    const { version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as { version: string };
    return { version, problem: '' };
  } catch (error) {
    return { version: '', problem: errorText(error) };
  }
}

/** What opens serial ports: the package, or else `stty`. */
async function serialFinding(isWanted: boolean): Promise<Finding> {
  const use = 'radios and boards at serial ports';
  const finding = await packageFinding('serialport', isWanted, use);
  if (finding.verdict !== 'missing') return finding;
  if (commandFinding('stty', true, '').verdict !== 'ok') return finding;
  return warning('serialport', finding.seen, `stty sets up the ports in its place: npm install serialport`);
}

async function packageFinding(name: string, isWanted: boolean, use: string): Promise<Finding> {
  const state = await packageState(name);
  if (state === undefined) return absent(name, isWanted, 'not installed', `${use}: npm install ${name}`);
  if (state.problem !== '') return absent(name, isWanted, state.problem, use);
  return ok(name, state.version);
}

export async function packageFindings(wants: Wants): Promise<Finding[]> {
  return [
    await packageFinding(
      'koffi',
      wants.tun || wants.raw || wants.mtu || wants.interfaces.length > 0,
      'network interface, IP protocol 50, MTU detection, radios of Linux',
    ),
    await serialFinding(wants.serial.length > 0),
    ...(await Promise.all(
      NATS.map((name) => packageFinding(name, wants.nats.length > 0, 'state that several gateways share')),
    )),
  ];
}
