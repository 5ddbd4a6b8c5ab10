// Whether the radios of a file are there: serial ports, network interfaces, programs, port servers. Serial ports are not opened: that
// resets some boards.

import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { errorText } from '../../host/errors.ts';
import { hostPort } from '../../host/radio/kinds.ts';
import { fitKind, type Interface } from '../../host/radio/linux/interface.ts';
import { greet } from './connect.ts';
import { absent, type Finding, ok, type Wanted, type Wants } from './finding.ts';
import { commandFinding } from './host.ts';

const IFF_UP = 1;
const INTERFACES = '/sys/class/net';

function serialFinding({ name: path, field }: Wanted): Finding {
  const name = `serial port ${path}`;
  try {
    if (!statSync(path).isCharacterDevice()) return absent(name, true, 'is not a terminal device', field);
    accessSync(path, constants.R_OK | constants.W_OK);
    return ok(name, 'there');
  } catch (error) {
    const isClosed = (error as NodeJS.ErrnoException).code === 'EACCES';
    const help = isClosed ? 'the user has to be in its group: ls -l tells (Debian: dialout)' : '`dietesp radio list`';
    return absent(name, true, errorText(error), `${field}; ${help}`);
  }
}

/** What the system says of a network interface; null: there is none. */
function interfaceNamed(name: string): Interface | null {
  const folder = `${INTERFACES}/${name}`;
  if (!existsSync(folder)) return null;
  const read = (file: string): number => Number(readFileSync(`${folder}/${file}`, 'latin1').trim());
  return {
    name,
    index: read('ifindex'),
    type: read('type'),
    isUp: (read('flags') & IFF_UP) !== 0,
    address: new Uint8Array(8),
  };
}

function interfaceFinding({ name, field }: Wanted): Finding {
  const title = `interface ${name}`;
  if (!existsSync(INTERFACES)) return absent(title, true, 'this system has no such interfaces', field);
  try {
    return ok(title, fitKind(interfaceNamed(name), name).kind);
  } catch (error) {
    // What to type is behind what is wrong.
    const [seen, ...help] = errorText(error).split('; ');
    return absent(title, true, seen, [field, ...help].join('; '));
  }
}

async function portServerFinding({ name, field }: Wanted): Promise<Finding> {
  const { host, port } = hostPort(name)!;
  const { problem } = await greet(host, port, false);
  return problem === '' ? ok(`port server ${name}`, 'answers') : absent(`port server ${name}`, true, problem, field);
}

export async function radioFindings({ serial, interfaces, programs, portServers }: Wants): Promise<Finding[]> {
  return [
    // Elsewhere they are no files.
    ...(process.platform === 'win32' ? [] : serial.map(serialFinding)),
    ...interfaces.map(interfaceFinding),
    ...programs.map(({ name, field }) => commandFinding(name, true, field)),
    ...(await Promise.all(portServers.map(portServerFinding))),
  ];
}
