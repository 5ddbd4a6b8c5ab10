// `dietesp gateway`: the gateway as a program, until a signal.

import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { createRunning } from '../gateway/commands/running.ts';
import { controlGateway } from '../gateway/control.ts';
import { programNeedsRestart } from '../gateway/differences.ts';
import { type LoadedGateway, loadGatewayFile } from '../gateway/file.ts';
import { createGateway } from '../gateway/gateway.ts';
import { type Reloaded, reloadText } from '../gateway/reloaded.ts';
import { startText } from '../gateway/start-text.ts';
import { openStatus } from '../gateway/status/serve.ts';
import { volatileProblem } from '../gateway/volatile.ts';
import type { Gone } from '../host/cluster/nats.ts';
import { openCluster } from '../host/cluster/open.ts';
import { CommandError, errorText, faultsOf } from '../host/errors.ts';
import { gathered } from '../host/gathered.ts';
import { createKeyLog } from '../host/keylog.ts';
import { GATEWAY_NAMES, type Log, parseLog, parseLogFormat } from '../host/log.ts';
import { createLogHub } from '../host/log-hub.ts';
import { outletOf } from '../host/outlet.ts';
import { VERSION } from '../host/package-root.ts';
import { openState, sealKeyOf } from '../host/state/open.ts';
import type { StateStore } from '../host/state/store.ts';
import { printWarning } from '../host/terminal.ts';
import { checkFiles, warn } from './check.ts';
import { httpOf, jsonNote, SIGNAL_CODES, socketOf, within } from './options.ts';

/** Milliseconds that peers have to confirm that their SAs end; the process is gone within two seconds. */
const LEAVE_TIME = 1200;

/** Milliseconds after its end until the process ends, whatever is open. */
const EXIT_TIME = 3000;

/** Errors of captures begin with their field. */
const CAPTURES = 'pcap.path: ';

interface Options {
  config: string;
  check?: boolean;
  keylog?: string;
  pcap?: string;
  state?: string;
  log?: string;
  logFormat?: string;
  json?: boolean;
  control?: boolean;
  socket?: string;
  http?: string | true;
}

/** Resolves when a signal comes. A second one does not wait for the peers. */
function signalled(): Promise<string> {
  return new Promise((resolve) => {
    let isSecond = false;
    for (const name of Object.keys(SIGNAL_CODES)) {
      process.on(name, () => {
        if (isSecond) process.exit(SIGNAL_CODES[name]);
        isSecond = true;
        resolve(name);
      });
    }
  });
}

/** Where the SAs are: the store of the cluster, a directory, or nowhere. */
async function openStore(
  { cluster, state }: LoadedGateway,
  options: Options,
  log: Log,
  gone: Gone,
): Promise<StateStore | null> {
  if (cluster === null) return openState('gateway', options.config, state, options.state);
  if (options.state !== undefined) throw new CommandError('--state: is not taken beside cluster of the file', 2);
  const key = sealKeyOf(options.config, state.keyFile, printWarning);
  return openCluster(cluster, key, log, gone).catch((error: unknown) => {
    throw CommandError.from(options.config, error);
  });
}

/** The configuration of the file, with the folder for captures of the options. */
function withCaptures(file: string, { pcap }: Options): LoadedGateway {
  const loaded = loadGatewayFile(file);
  if (pcap !== undefined) loaded.config.pcap = { ...loaded.config.pcap, path: pcap };
  return loaded;
}

async function run(options: Options): Promise<void> {
  const socket = options.socket === undefined ? undefined : socketOf(options.socket);
  if (options.http !== undefined) httpOf(options.http, null);
  const logging = {
    ...(options.log === undefined ? {} : parseLog(options.log, GATEWAY_NAMES)),
    ...(options.logFormat === undefined ? {} : { format: parseLogFormat(options.logFormat) }),
  };
  if (options.check === true) {
    checkFiles([options.config], 'gateway', options.json === true);
    return;
  }
  // One that comes during the start does not end the program: the file may have changed since it was read.
  let isChanged = false;
  let hup = (): void => {
    isChanged = true;
  };
  process.on('SIGHUP', () => hup());
  const loaded = withCaptures(options.config, options);
  const logs = createLogHub({ ...loaded.log, ...logging });
  const { log } = logs;
  warn(loaded.warnings);
  const folder = options.keylog ?? loaded.keylog;
  if (folder !== null) {
    const keylog = within(options.keylog === undefined ? `${loaded.file}: keylog` : '--keylog', () =>
      createKeyLog(folder, (lines, error) => {
        log('warn', 'ike', () => `key log: ${lines} lines lost: ${errorText(error)}`);
      }),
    );
    loaded.config.ike.keylog = keylog;
    for (const { name, config } of loaded.config.sas) keylog.sa(config, name);
    printWarning(`keys go to ${folder}: whoever reads it reads everything`);
  }
  const captures = loaded.config.pcap?.path;
  if (captures !== undefined)
    printWarning(`packets go to ${captures}, also in clear: whoever reads it reads all readings`);
  const ending = signalled();
  let problem = '';
  let gone: Gone = () => {};
  const lost = new Promise<string>((resolve) => {
    gone = (text) => {
      problem = text;
      resolve('the store is lost');
    };
  });
  const store = await openStore(loaded, options, log, (text) => gone(text));
  const volatile = volatileProblem(loaded, store !== null);
  if (volatile !== '') throw new CommandError(volatile);
  const kept = store === null ? {} : { store };
  const gateway = await createGateway({ ...loaded.config, ...kept, log }).catch((error: unknown) => {
    const text = errorText(error);
    const isOption = options.pcap !== undefined && text.startsWith(CAPTURES);
    throw new CommandError(isOption ? `--pcap: ${text.slice(CAPTURES.length)}` : `${loaded.file}: ${text}`);
  });
  for (const line of startText(loaded.config, gateway.metrics())) log('info', 'gateway', line);
  const out = outletOf(process.stdout);
  const print = (line: object): void => out.write(JSON.stringify(line) + '\n', jsonNote);
  const report = (): void => print(gateway.metrics());
  let timer = loaded.metrics > 0 ? setInterval(report, loaded.metrics) : null;

  /** Reads the file again; a wrong one changes nothing. */
  async function reload(): Promise<Reloaded> {
    try {
      const next = withCaptures(options.config, options);
      const result = await gateway.reload(next.config);
      result.restart.push(...programNeedsRestart(loaded, next, options));
      logs.use({ ...next.log, ...logging });
      for (const text of next.warnings) log('warn', 'gateway', text);
      if (timer !== null) clearInterval(timer);
      timer = next.metrics > 0 ? setInterval(report, next.metrics) : null;
      log(result.restart.length > 0 ? 'warn' : 'info', 'gateway', `reloaded; ${reloadText(result)}`);
      return result;
    } catch (error) {
      const faults = faultsOf(error);
      const texts = faults.length > 0 ? faults.map(({ message }) => message) : [errorText(error)];
      for (const text of texts) log('error', 'gateway', `not reloaded: ${text}`);
      throw error;
    }
  }
  const running = createRunning(gateway, logs, { version: VERSION, file: resolve(loaded.file) }, reload);
  const status = await openStatus(running, {
    file: options.config,
    socket: socket ?? loaded.socket,
    http: options.http === undefined ? loaded.http : httpOf(options.http, loaded.http),
  }).catch(async (error: unknown) => {
    await gateway.close();
    throw error;
  });
  hup = gathered(reload, () => running.isEnding);
  if (isChanged) hup();
  void ending.then(() => {
    running.isEnding = true;
  });
  const isOver = options.control === true ? controlGateway(running, process.stdin, print).then(() => 'quit') : ending;
  const signal = await Promise.race([ending, isOver, lost]);
  if (options.control === true) process.stdin.destroy();
  if (timer !== null) clearInterval(timer);
  if (timer !== null || options.json === true) report();
  const others = problem === '' ? 'the other gateways of the cluster go on with the SAs' : 'peers connect anew';
  log('info', 'gateway', () =>
    loaded.cluster === null ? `${signal}: telling the peers that their SAs end` : `${signal}: ${others}`,
  );
  running.isEnding = true;
  await gateway.leave(LEAVE_TIME);
  running.close();
  await status.close();
  // Whoever starts it again has it begin anew.
  if (problem !== '') throw new CommandError(problem);
}

/** Runs it; what a library leaves open (a connection that nobody answers) keeps no process. */
function runToTheEnd(options: Options): Promise<void> {
  return run(options).finally(() => setTimeout(() => process.exit(), EXIT_TIME).unref());
}

export function gatewayCommand(): Command {
  return new Command('gateway')
    .description(
      'Runs a gateway: peers on IEEE 802.15.4 radios and UDP set up SAs with IKEv2, and their packets go to UDP servers or ' +
        'to a network interface. It runs until SIGTERM or SIGINT, then tells its peers that the SAs end. SIGHUP: reads the file again.',
    )
    .requiredOption('--config <file>', 'configuration, see `dietesp schema gateway`')
    .option('--check', 'check the file, print a summary or all errors, start nothing; with --json as data')
    .option('--state <dir>', 'where SAs survive a restart, before what the file says; off: nowhere')
    .option('--keylog <folder>', 'write the keys of all SAs for Wireshark')
    .option('--pcap <folder>', 'write packets to pcapng files there: frames, ESP, and inner packets in clear')
    .addOption(
      new Option(
        '--log <level[:names]>',
        `what goes to stderr: error, warn, info or debug, of all or some of ${GATEWAY_NAMES.join(', ')}: debug:ike,esp`,
      ),
    )
    .addOption(new Option('--log-format <format>', 'text, or json: one object a line').choices(['text', 'json']))
    .option('--control', 'commands as JSON lines on stdin: status, rekey-child, rekey-ike, probe, delete, ...; events')
    .option('--socket <path>', 'the status socket, before what the file says; off: none')
    .option('--http [address:port]', 'status, commands, metrics and a page over HTTP; default 127.0.0.1:9460')
    .option('--json', 'print the metrics at the end')
    .addHelpText('after', '\nExample:\n  $ dietesp gateway --config gateway.yaml --check')
    .action(runToTheEnd);
}
