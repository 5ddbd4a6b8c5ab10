// `dietesp init`: a folder with the files of a gateway and its sensors.

import { join } from 'node:path';
import { Command, Option } from 'commander';
import { CommandError } from '../host/errors.ts';
import { shellWord } from '../host/shell.ts';
import { type InitOptions, initFiles, SENSORS_MAX, writeFolder } from '../tools/init.ts';
import { INTEGER, numberOf } from './options.ts';

interface Options {
  radio?: boolean;
  udp?: boolean;
  auth: InitOptions['auth'];
  sensors: string;
  inner: string;
  gateway: string;
  port?: string;
  server: string;
  json?: boolean;
}

const PORTS = { radio: 17754, udp: 10500 };

function init(folder: string, options: Options): void {
  if (options.radio === true && options.udp === true) throw new CommandError('--udp: goes without --radio', 2);
  const over = options.udp === true ? 'udp' : 'radio';
  const files = initFiles({
    over,
    auth: options.auth,
    sensors: numberOf('sensors', options.sensors, INTEGER, 1, SENSORS_MAX),
    inner: options.inner,
    gateway: options.gateway,
    port: numberOf('port', options.port ?? String(PORTS[over]), INTEGER, 1, 65534),
    server: options.server,
  });
  writeFolder(folder, files);
  if (options.json === true) {
    process.stdout.write(JSON.stringify({ folder, files: files.map(({ name }) => name) }) + '\n');
    return;
  }
  // npm sets it for what npx runs: there the command is not on PATH.
  const program = process.env.npm_command === 'exec' ? 'npx dietesp' : 'dietesp';
  const command = (kind: string, name: string): string =>
    `  ${program} ${kind} --config ${shellWord(join(folder, `${name}.yaml`))}\n`;
  process.stdout.write(
    `${folder}: ${files.map(({ name }) => name).join(', ')}\n\n` +
      `In two terminals:\n${command('gateway', 'gateway').replace(/\n$/, ' --log info\n')}${command('sensor', 'sensor1')}\n` +
      `Readings come out at ${options.server}, where a CoAP server must answer; with --ping 3 the sensor needs none.\n`,
  );
}

export function initCommand(): Command {
  return new Command('init')
    .description(
      'Writes the files of a gateway and its sensors, ready to use. Each sensor has a key and an identity of its own. Only ' +
        'the owner can read the files; none is overwritten.',
    )
    .argument('<folder>', 'folder for the files; made if it is missing')
    .option('--radio', 'over IEEE 802.15.4 frames in UDP (default)')
    .option('--udp', 'over UDP, like any IPsec peer, on ports that need no root rights')
    .addOption(
      new Option('--auth <kind>', 'how both sides prove who they are').choices(['psk', 'ed25519']).default('psk'),
    )
    .option('--sensors <n>', `1..${SENSORS_MAX}`, '1')
    .option('--inner <range>', "the sensors' inner addresses, IPv6 or IPv4", '2001:db8:1::/64')
    .option('--gateway <address>', "IP address of the gateway's host", '127.0.0.1')
    .option(
      '--port <n>',
      `UDP port of the gateway; default ${PORTS.radio} on a radio, ${PORTS.udp} and the next over UDP`,
    )
    .option('--server <host:port>', 'the CoAP server for the readings', '127.0.0.1:5683')
    .option('--json', 'the names of the files as JSON')
    .addHelpText('after', '\nExamples:\n  $ dietesp init home\n  $ dietesp init site --udp --auth ed25519 --sensors 3')
    .action(init);
}
