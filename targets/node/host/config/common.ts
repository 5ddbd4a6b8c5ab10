// The common parts of a gateway's and a sensor's file, beside the connection.

import {
  eespNumbers,
  mtuNumbers,
  N_IIPC_PROFILE,
  type PrivateNumbers,
  privateNumbers,
  SEPARATE_TRANSPORTS,
} from '../../../../core/ike/codec/private-numbers.ts';
import { addressLimit, addressOctets, socketOctets } from '../addresses.ts';
import type { LogConfig } from '../log.ts';
import type { StateConfig } from '../state/open.ts';
import type { UdpAddress } from '../udp.ts';
import { eespNumbersOf } from './eesp.ts';
import { attempt, type Field, fieldError, fileOf, inside, keepError, type Values } from './field.ts';
import { warnOfOwnKeys } from './own-keys.ts';

/** What every configuration file has. */
export interface Common {
  /** Its name, for errors. */
  file: string;
  /** Level, namespaces and format of the log. */
  log: LogConfig;
  /** Where its state survives a restart. */
  state: StateConfig;
  /** Folder for keys, or null. */
  keylog: string | null;
  /** What is no error, but should be known: files with keys that others may read. */
  warnings: string[];
}

/** The octets of an address, with `size` of this many. Throws a FieldError. */
export function addressOf(field: Field, size?: number): Uint8Array {
  const octets = addressOctets(String(field.value));
  if (octets === undefined || (size !== undefined && octets.length !== size)) {
    throw fieldError(field, addressLimit(field.value, size === 16 ? 'an IPv6 address' : 'an IP address'));
  }
  return octets;
}

/** The same of an address for a socket, which may have a zone. */
export function socketAddressOf(field: Field): Uint8Array {
  return socketOctets(String(field.value)) ?? addressOf(field);
}

export function commonOf(root: Field, values: Values): Common & { numbers: PrivateNumbers; maxMessage: number } {
  const keylog = inside(root, 'keylog');
  warnOfOwnKeys(root.document);
  return {
    file: root.document.file,
    warnings: root.document.warnings,
    log: (values.log ?? {}) as LogConfig,
    state: { directory: String(values.state ?? ''), keyFile: String(values.stateKey ?? '') },
    keylog: keylog.value === undefined ? null : fileOf(keylog),
    numbers: numbersOf(inside(root, 'privateNumbers')),
    maxMessage: values.maxMessage as number,
  };
}

/** Numbers that are no notify types. */
const OTHERS = [
  'iipcCoap',
  'tsDscp',
  'subspaces',
  'subspaceCount',
  'eespProtocol',
  'eespSskdf',
  'eespSn',
  'eespSnNone',
];

function numbersOf(field: Field): PrivateNumbers {
  const known = {
    ...privateNumbers(),
    separateTransports: SEPARATE_TRANSPORTS,
    iipcProfile: N_IIPC_PROFILE,
    ...mtuNumbers(),
  };
  const numbers = { ...known, ...(field.value as Partial<PrivateNumbers> | undefined) };
  const notifies = Object.entries({ ...eespNumbers(), ...numbers }).filter(([name]) => !OTHERS.includes(name));
  notifies.forEach(([name, number], index) => {
    const other = notifies.findIndex(([, one]) => one === number);
    if (other === index) return;
    keepError(field, fieldError({ ...inside(field, name), value: number }, `is ${notifies[other][0]} too`));
  });
  const { eespSn, eespSnNone } = eespNumbersOf(field.value);
  if (eespSn === eespSnNone) {
    keepError(field, fieldError({ ...inside(field, 'eespSnNone'), value: eespSnNone }, 'is eespSn too'));
  }
  return numbers;
}

/** A TCP address of `field`. */
export function tcpOf(field: Field): { address: string; port: number } {
  const address = inside(field, 'address');
  if (address.value !== undefined) attempt(address, () => socketAddressOf(address), new Uint8Array(0));
  return { port: 4500, ...(field.value as Values) } as unknown as { address: string; port: number };
}

/** A UDP address of `field`, whose fields are checked by the schema but for their meaning. */
export function udpOf(field: Field): UdpAddress {
  const values = { port: 500, natPort: 4500, ...(field.value as Values) } as unknown as UdpAddress;
  const address = inside(field, 'address');
  if (address.value !== undefined) attempt(address, () => socketAddressOf(address), new Uint8Array(0));
  if (values.port !== 0 && values.port === values.natPort) {
    keepError(field, fieldError({ ...inside(field, 'natPort'), value: values.natPort }, 'must not be that of IKE'));
  }
  return values;
}
