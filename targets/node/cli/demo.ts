// `dietesp demo`: sensors and a gateway as processes on this machine, joined by emulated IEEE 802.15.4.

import { closeSync, openSync } from 'node:fs';
import { Command, Option } from 'commander';
import { CommandError } from '../host/errors.ts';
import { createKeyLog } from '../host/keylog.ts';
import { outletOf } from '../host/outlet.ts';
import { printError } from '../host/terminal.ts';
import { type DemoResult, runDemo } from '../lab/demo/run.ts';
import { comparisonOf, createView, handshakesOf, totalsOf } from '../lab/demo/view.ts';
import { NODES_MAX } from '../lab/network.ts';
import { otherStacks } from '../tools/budget/compare.ts';
import { demoQos } from './demo-qos.ts';
import {
  FRACTION,
  INTEGER,
  integerOf,
  LOSS_MAX,
  numberOf,
  printJson,
  SEED_MAX,
  SIGNAL_CODES,
  within,
} from './options.ts';

/** Those that have AES-CCM. */
const PROVIDERS = ['fast', 'node', 'portable'];
const COUNT_MAX = 100000;
const INTERVAL_MIN = 10;
const INTERVAL_MAX = 3600000;
const WAIT_MAX = 3600;
const PORT_MAX = 65535;

interface Options {
  scenario: string;
  count: string;
  sensors: string;
  interval: string;
  loss: string;
  seed?: string;
  provider: string;
  pcap?: string;
  keylog?: string;
  wait: string;
  forever?: boolean;
  web?: string | true;
  coapRules?: boolean;
  json?: boolean;
}

/** 0, or 1 when a reading has no outcome, or none was acknowledged, or a process failed. */
function codeOf(result: DemoResult): number {
  const { sent, acknowledged } = totalsOf(result.sensors);
  const isGood = result.unaccounted === 0 && result.problems.length === 0 && (acknowledged > 0 || sent === 0);
  return isGood ? 0 : 1;
}

/** The scenario with classes of traffic is the same in every run: what is for radios is no option of it. */
function refuseOthers(command: Command): void {
  const given = command.options.find((option) => {
    const isOwn = ['scenario', 'json'].includes(option.attributeName());
    return !isOwn && command.getOptionValueSource(option.attributeName()) === 'cli';
  });
  if (given !== undefined) throw new CommandError(`${given.long}: is for --scenario radio`, 2);
}

async function demo(options: Options, command: Command): Promise<void> {
  if (options.scenario === 'qos') {
    refuseOthers(command);
    demoQos(options.json === true);
    return;
  }
  const count = numberOf('count', options.count, INTEGER, 1, COUNT_MAX);
  const sensors = numberOf('sensors', options.sensors, INTEGER, 1, NODES_MAX);
  const interval = numberOf('interval', options.interval, INTEGER, INTERVAL_MIN, INTERVAL_MAX);
  const loss = numberOf('loss', options.loss, FRACTION, 0, LOSS_MAX);
  const seed = integerOf('seed', options.seed, 0, SEED_MAX);
  const wait = numberOf('wait', options.wait, FRACTION, 0, WAIT_MAX) * 1000;
  const web =
    options.web === undefined
      ? undefined
      : options.web === true
        ? 0
        : numberOf('web', options.web, INTEGER, 0, PORT_MAX);
  const isForever = options.forever === true || web !== undefined;
  const pcap = options.pcap ?? '';
  const keylog = options.keylog ?? '';
  if (pcap !== '') {
    try {
      closeSync(openSync(pcap, 'w'));
    } catch (error) {
      throw CommandError.from(pcap, error);
    }
  }
  if (keylog !== '') within('--keylog', () => createKeyLog(keylog));
  const others = await otherStacks(options.coapRules === true);
  const quiet = {
    started() {},
    opened: (page: string) => void process.stderr.write(`page: ${page}\n`),
    connected() {},
    begun() {},
    changed() {},
    end() {},
  };
  const view = options.json === true ? quiet : createView(outletOf(process.stdout), others, pcap, keylog);
  const running = runDemo(
    {
      count: isForever ? 0 : count,
      ...(web === undefined ? {} : { web }),
      sensors,
      interval,
      loss,
      ...(seed === undefined ? {} : { seed }),
      provider: options.provider,
      hasCoap: options.coapRules === true,
      pcap,
      keylog,
      wait,
    },
    view,
  );
  let signal = '';
  const onSignal = (name: string): void => {
    signal = name;
    running.stop();
  };
  for (const name of Object.keys(SIGNAL_CODES)) process.on(name, onSignal);
  try {
    const result = await running.result;
    view.end(result);
    if (options.json === true) {
      const { metrics, ...rest } = result;
      const comparison = comparisonOf(result.sensors, others);
      const handshakes = handshakesOf(result.sensors);
      const report = { ...rest, handshakes, totals: totalsOf(result.sensors), comparison, gateway: metrics };
      printJson(report);
    }
    for (const problem of result.problems) printError(problem);
    process.exitCode = codeOf(result);
    if (process.exitCode === 0 && signal !== '' && !isForever) process.exitCode = SIGNAL_CODES[signal];
  } finally {
    for (const name of Object.keys(SIGNAL_CODES)) process.off(name, onSignal);
  }
}

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Sensors and a gateway as processes on this machine, joined by IEEE 802.15.4 frames over UDP (ZEP). The sensors ' +
        'set up their SAs with IKEv2 and post readings with CoAP to a server behind the gateway, protected by Diet-ESP.',
    )
    .addOption(
      new Option('--scenario <name>', 'radio; or qos: voice and bulk in one tunnel, in networks that go by the DSCP')
        .choices(['radio', 'qos'])
        .default('radio'),
    )
    .addOption(new Option('--count <n>', 'readings of each sensor').default('6'))
    .addOption(new Option('--sensors <n>', `sensors, 1..${NODES_MAX}`).default('3'))
    .addOption(new Option('--interval <ms>', 'milliseconds between the readings of a sensor').default('1000'))
    .addOption(new Option('--loss <part>', `chance that a radio misses a frame, 0..${LOSS_MAX}`).default('0'))
    .option('--seed <n>', 'repeat a run: pre-shared keys, readings and losses follow from it (such keys are no secret)')
    .addOption(new Option('--provider <name>', 'cryptographic provider').choices(PROVIDERS).default('fast'))
    .option('--pcap <file>', 'write every frame on air, link type 195')
    .option('--keylog <folder>', 'write the keys of all SAs, for Wireshark: whoever reads it reads everything')
    .addOption(new Option('--wait <s>', 'seconds that IKE has before the readings begin all the same').default('30'))
    .option('--coap-rules', 'both sides have rules for CoAP too, and no SPI bits are on the wire: docs/coap-profile.md')
    .option('--forever', 'until Ctrl-C')
    .option('--web [port]', 'until Ctrl-C, with the page of the gateway; without a port the system chooses one')
    .option('--json', 'print one JSON object at the end')
    .addHelpText(
      'after',
      '\nExamples:\n  $ dietesp demo\n  $ dietesp demo --loss 0.3 --seed 7 --pcap demo.pcap\n  $ dietesp demo --web\n  $ dietesp demo --scenario qos',
    )
    .action((options: Options, command: Command) => demo(options, command));
}
