// `dietesp sensor`: a sensor on this machine that sets up its SAs with IKEv2 and sends readings, or pings.

import { Command, Option } from 'commander';
import { addressOctets } from '../host/addresses.ts';
import { CommandError, errorText } from '../host/errors.ts';
import { createKeyLog } from '../host/keylog.ts';
import { createLog, type LogLevel, parseLog, parseLogFormat, SENSOR_NAMES, silent } from '../host/log.ts';
import { outletOf } from '../host/outlet.ts';
import { PROVIDERS, providerNamed } from '../host/provider/by-name.ts';
import { openState } from '../host/state/open.ts';
import { printError, printWarning } from '../host/terminal.ts';
import { control } from '../sensor/control.ts';
import { eventText, type SensorEvent } from '../sensor/describe.ts';
import { type LoadedSensor, loadSensorFile } from '../sensor/file.ts';
import { openSensor, type Sensor } from '../sensor/sensor.ts';
import { checkFiles, warn } from './check.ts';
import { integerOf, jsonNote, SIGNAL_CODES, within } from './options.ts';

const PINGS_MAX = 1000000;
/** A terminal that goes away ends a sensor as the other signals do. */
const SIGNALS: Record<string, number> = { ...SIGNAL_CODES, SIGHUP: 129 };

interface Options {
  config: string;
  ping?: string;
  to?: string;
  once?: boolean;
  count?: string;
  interval?: string;
  echo?: string;
  wait?: boolean;
  control?: boolean;
  check?: boolean;
  json?: boolean;
  log?: string;
  logFormat?: string;
  retry: boolean;
  keylog?: string;
  state?: string;
  provider: string;
}

interface Plan {
  loaded: LoadedSensor;
  pings: number;
  to: Uint8Array | null;
  /** Readings; 0: without end, -1: none. */
  readings: number;
  interval: number;
  echoPort: number;
  /** All there is to do ends by itself: a failure to connect is the result. */
  isBounded: boolean;
}

/** Everything is checked before anything starts. */
function planOf(options: Options): Plan {
  const pings = integerOf('ping', options.ping, 1, PINGS_MAX) ?? 0;
  const count = integerOf('count', options.count, 0, 4294967295);
  const interval = integerOf('interval', options.interval, 10, 86400000);
  const echoPort = integerOf('echo', options.echo, 1, 65535) ?? 0;
  let to: Uint8Array | null = null;
  if (options.to !== undefined) {
    to = addressOctets(options.to) ?? null;
    if (to === null) throw new CommandError(`--to: ${options.to}: must be an IP address`, 2);
  }
  const loaded = loadSensorFile(options.config, { pings: pings > 0, ...(to === null ? {} : { pingTo: to }) });
  to ??= loaded.server?.address ?? null;
  if (pings > 0 && to === null) throw new CommandError('--ping: needs --to, or a `server` in the file', 2);
  const isReading = pings === 0 && options.control !== true && options.wait !== true;
  if (isReading && loaded.server === null) {
    throw new CommandError(`${options.config}: server: (missing): is required for readings`);
  }
  const readings = !isReading ? -1 : options.once === true ? 1 : (count ?? loaded.count);
  const isBounded = options.control !== true && (pings > 0 || readings > 0);
  return { loaded, pings, to, readings, interval: interval ?? loaded.interval, echoPort, isBounded };
}

/** Seconds until a request that nobody answers is given up: each wait is twice the one before [RFC 7296 §2.4]. */
function patience({ connection }: LoadedSensor): number {
  const { retransmitTime, retransmitTries } = connection.policy;
  return Math.round((retransmitTime * (2 ** retransmitTries - 1)) / 1000);
}

/** Why an attempt ended, for one who cannot know what a time-out is of. */
function reasonOf(outcome: string, seconds: number): string {
  return outcome === 'timeout' ? `the gateway did not answer for ${seconds} s` : outcome;
}

function levelOf(event: SensorEvent): LogLevel {
  if (event.event === 'child-failed') return 'warn';
  if (event.event === 'ended') return event.outcome === 'closed' ? 'info' : 'warn';
  if (event.event === 'reading') return event.outcome === 'acknowledged' ? 'debug' : 'warn';
  return event.event === 'ping' ? 'debug' : 'info';
}

function namespaceOf(event: SensorEvent): string {
  return event.event === 'reading' || event.event === 'ping' ? 'application' : 'ike';
}

async function sensorAction(options: Options): Promise<void> {
  if (options.check === true) {
    checkFiles([options.config], 'sensor', options.json === true);
    return;
  }
  const plan = planOf(options);
  const { loaded } = plan;
  warn(loaded.warnings);
  const isJson = options.json === true || options.control === true;
  const out = outletOf(process.stdout);
  const print = (line: object): void => out.write(JSON.stringify(line) + '\n', jsonNote);
  const format = options.logFormat === undefined ? {} : { format: parseLogFormat(options.logFormat) };
  const isLogged = options.log !== undefined || options.logFormat !== undefined;
  const logging = options.log === undefined ? {} : parseLog(options.log, SENSOR_NAMES);
  const log = isLogged ? createLog({ ...loaded.log, ...logging, ...format }) : silent;
  const report = (event: SensorEvent): void => {
    log(levelOf(event), namespaceOf(event), () => eventText(event));
    if (isJson) print(event);
    else out.write(eventText(event) + '\n');
  };
  const folder = options.keylog ?? loaded.keylog ?? '';
  const keylog =
    folder === ''
      ? null
      : within(options.keylog === undefined ? `${loaded.file}: keylog` : '--keylog', () =>
          createKeyLog(folder, (lines, error) => {
            printWarning(`key log: ${lines} lines lost: ${errorText(error)}`);
          }),
        );
  const provider = await providerNamed(options.provider);
  const store = await openState('sensor', options.config, loaded.state, options.state);
  let sensor: Sensor;
  try {
    sensor = await openSensor(loaded, {
      provider,
      keylog,
      echoPort: plan.echoPort,
      retry: options.retry && !plan.isBounded,
      waits: options.retry && !plan.isBounded && options.control !== true,
      report,
      log: (level, name, text) => {
        if (name === 'link') {
          log(level, name, text);
          if (level === 'warn' && !isLogged) printWarning(typeof text === 'string' ? text : text());
        } else if (level === 'error') printWarning(`state: ${typeof text === 'string' ? text : text()}`);
      },
      ...(store === null ? {} : { store }),
    });
  } catch (error) {
    throw error instanceof CommandError ? error : CommandError.from(loaded.file, error);
  }

  let signal = '';
  let stop: () => void = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const onSignal = (name: string): void => {
    signal = name;
    stop();
  };
  for (const name of Object.keys(SIGNALS)) process.on(name, onSignal);

  async function work(): Promise<boolean> {
    const first = sensor.connect(false);
    const seconds = patience(loaded);
    if (!isJson) out.write(`waiting for the gateway, ${seconds} s at most\n`);
    if (options.control === true) {
      await control(sensor, process.stdin, print);
      return true;
    }
    const problem = await first;
    if (problem !== '' && plan.isBounded) throw new CommandError(`not connected: ${reasonOf(problem, seconds)}`);
    if (plan.pings > 0) {
      const times = await sensor.ping(plan.to!, plan.pings, options.interval === undefined ? 200 : plan.interval);
      return times.length === plan.pings;
    }
    if (plan.readings >= 0) return sensor.readAll(plan.readings, plan.interval, 0);
    await stopped;
    return true;
  }

  try {
    const good = await Promise.race([work(), stopped.then(() => !plan.isBounded)]);
    process.exitCode = good ? 0 : signal !== '' ? SIGNALS[signal] : 1;
  } catch (error) {
    printError(errorText(error));
    process.exitCode = 1;
  } finally {
    await sensor.close();
    for (const name of Object.keys(SIGNALS)) process.off(name, onSignal);
    process.stdin.destroy();
  }
}

export function sensorCommand(): Command {
  return new Command('sensor')
    .description(
      'Runs a sensor on this machine, on an emulated IEEE 802.15.4 radio (ZEP) or on UDP. It sets up its SAs with IKEv2, ' +
        'posts readings with CoAP through them, and answers pings to its inner address.',
    )
    .requiredOption('--config <file>', 'YAML or JSON, see `dietesp schema sensor --markdown`')
    .option('--check', 'check the file, print a summary or all errors, start nothing; with --json as data')
    .option('--once', 'one reading, then end')
    .option('--count <n>', 'readings, 0: without end; default: as the file says')
    .option('--interval <ms>', 'milliseconds between readings, or pings')
    .option('--ping <n>', 'pings (ICMPv6 or ICMPv4 echo) in place of readings')
    .option('--to <address>', 'inner address to ping; default: the server of the file')
    .option('--echo <port>', 'send UDP payloads to this inner port back')
    .option('--wait', 'connect and wait for packets, without readings')
    .option(
      '--control',
      'commands as JSON lines on stdin: status, ping, send, rekey-child, rekey-ike, probe, delete, ...',
    )
    .option('--no-retry', 'do not connect again when the gateway goes away')
    .option('--json', 'events as JSON lines')
    .addOption(new Option('--log <level[:names]>', 'events on stderr, with time: error, warn, info, debug; debug:ike'))
    .addOption(new Option('--log-format <format>', 'text, or json: one object a line').choices(['text', 'json']))
    .option('--state <dir>', 'where its session survives a restart, before what the file says; off: nowhere')
    .option('--keylog <folder>', 'write keys for Wireshark there, see `dietesp keylog`')
    .addOption(new Option('--provider <name>', 'cryptographic provider').choices(PROVIDERS).default('fast'))
    .addHelpText(
      'after',
      '\nExit code: 0 when connected and every reading or ping was answered; 1 otherwise. Without --once, --count or\n' +
        '--ping it runs until a signal, and connects again whenever the gateway goes away; SIGTERM sends Delete.\n\n' +
        'Examples:\n  $ dietesp sensor --config sensor.yaml\n  $ dietesp sensor --config sensor.yaml --ping 3',
    )
    .action(sensorAction);
}
