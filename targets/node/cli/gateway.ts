// `dietesp gateway`: the gateway as a program, until a signal.

import { Command, Option } from 'commander';
import { controlGateway } from '../gateway/control.ts';
import { createGateway } from '../gateway/gateway.ts';
import { addressText } from '../host/addresses.ts';
import { type LoadedGateway, loadGatewayFile } from '../host/config/ike.ts';
import { identityText, KE_METHODS } from '../host/config/ike-names.ts';
import type { Connection } from '../host/config/ike-policy.ts';
import { CommandError, errorText } from '../host/errors.ts';
import { createKeyLog } from '../host/keylog.ts';
import { createLog, LOG_LEVELS, type LogLevel } from '../host/log.ts';

/** Milliseconds that peers have to confirm that their SAs end; the process is gone within two seconds. */
const LEAVE_TIME = 1200;

interface Options {
  config: string;
  check?: boolean;
  keylog?: string;
  log?: string;
  json?: boolean;
  control?: boolean;
}

function keNames(connection: Connection): string {
  const methods = connection.policy.ike[0].ke;
  return Object.keys(KE_METHODS)
    .filter((name) => methods.includes(KE_METHODS[name]))
    .join(', ');
}

function connectionLines(connection: Connection): string[] {
  const { policy } = connection;
  const { child } = policy;
  const auth = [policy.localAuth, policy.remoteAuth].map((method) => (method === 2 ? 'PSK' : 'Ed25519'));
  const peer = policy.remoteId === null ? 'any identity' : identityText(policy.remoteId.type, policy.remoteId.data);
  const compression =
    child.notify === null ? 'plain ESP' : `${child.notify.name}${child.compression?.required ? ', required' : ''}`;
  return [
    `peer ${connection.name}: ${peer}, ${auth.join(' and ')}${policy.ppk === null ? '' : ', PPK'}`,
    `  IKE ${policy.ciphers.map((cipher) => cipher.name).join(', ')}; ${keNames(connection)}`,
    `  ESP ${child.suites.map((suite) => suite.name).join(', ')}; ${compression}`,
  ];
}

/** What a checked file says, for `--check`. */
export function summaryOf(loaded: LoadedGateway): string {
  const { config } = loaded;
  const { ike } = config;
  const radios = config.radios.map(({ name, panId, zep }, index) => {
    return `radio ${name ?? `radio${index}`}: ZEP port ${zep?.port ?? 17754}, PAN ${panId.toString(16).padStart(4, '0')}`;
  });
  const lines = [
    `${loaded.file}: good`,
    ...radios,
    ...(config.addresses ?? []).map((address) => `address ${address}`),
    ...ike.udp.map(({ address, port, natPort }) => `UDP ${address}: ports ${port} and ${natPort}`),
    ...ike.connections.flatMap(connectionLines),
    ...ike.pool.map(([first, last]) => `pool ${addressText(first)} to ${addressText(last)}`),
    ...(config.flows ?? []).map(({ destination, port, to }) => `flow ${destination} port ${port} to ${to}`),
    ...(config.tun === undefined ? [] : [`TUN ${config.tun.name}: ${config.tun.addresses.join(', ')}`]),
    ...(config.sas.length === 0 ? [] : [`${config.sas.length} manual SAs`]),
  ];
  return lines.join('\n') + '\n';
}

/** `debug`, `debug:ike,esp`. */
function logOption(text: string): { level: LogLevel; namespaces?: string[] } {
  const [level, names] = text.split(':');
  if (!LOG_LEVELS.includes(level as LogLevel)) {
    throw new CommandError(`--log: ${level}: must be one of ${LOG_LEVELS.join(', ')}`, 2);
  }
  return { level: level as LogLevel, ...(names === undefined ? {} : { namespaces: names.split(',') }) };
}

/** Resolves when a signal comes. */
function signalled(): Promise<string> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve(name));
  });
}

async function run(options: Options): Promise<void> {
  const logging = options.log === undefined ? {} : logOption(options.log);
  const loaded = loadGatewayFile(options.config);
  if (options.check === true) {
    process.stdout.write(summaryOf(loaded));
    return;
  }
  const folder = options.keylog ?? loaded.keylog;
  if (folder !== null) {
    loaded.config.ike.keylog = createKeyLog(folder);
    process.stderr.write(`keys go to ${folder}: whoever reads it reads everything\n`);
  }
  const ending = signalled();
  const log = createLog({ ...loaded.log, ...logging });
  const gateway = await createGateway({ ...loaded.config, log }).catch((error: unknown) => {
    throw new CommandError(`${loaded.file}: ${errorText(error)}`);
  });
  const print = (line: object): void => void process.stdout.write(JSON.stringify(line) + '\n');
  const report = (): void => print(gateway.metrics());
  const timer = loaded.metrics > 0 ? setInterval(report, loaded.metrics) : null;
  const isOver = options.control === true ? controlGateway(gateway, process.stdin, print).then(() => 'quit') : ending;
  const signal = await Promise.race([ending, isOver]);
  if (options.control === true) process.stdin.destroy();
  log('info', 'gateway', signal);
  if (timer !== null) clearInterval(timer);
  if (timer !== null || options.json === true) report();
  await gateway.leave(LEAVE_TIME);
}

export function gatewayCommand(): Command {
  return new Command('gateway')
    .description(
      'A gateway: peers on IEEE 802.15.4 radios and UDP set up SAs with IKEv2; what they send comes out at UDP servers ' +
        'or at a network interface. Runs until SIGTERM or SIGINT, then tells its peers that the SAs end.',
    )
    .requiredOption('--config <file>', 'what it does (dietesp schema gateway)')
    .option('--check', 'check the file, print a summary, start nothing')
    .option('--keylog <folder>', 'write the keys of all SAs for Wireshark')
    .addOption(new Option('--log <level[:names]>', 'what goes to stderr: error, warn, info, debug; debug:ike,esp'))
    .option('--control', 'commands as JSON lines on stdin: status, rekey-child, rekey-ike, probe, delete, ...; events')
    .option('--json', 'print the metrics at the end')
    .addHelpText('after', '\nExample:\n  $ dietesp gateway --config gateway.yaml --check')
    .action((options: Options) => run(options));
}
