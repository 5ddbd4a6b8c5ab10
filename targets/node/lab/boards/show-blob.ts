// The content of a provisioning blob, for people and programs, without keys.

import {
  BLOB_CBOR,
  BLOB_CRC,
  BLOB_FIELD,
  BLOB_LENGTH,
  BLOB_MAGIC,
  BLOB_NONE,
  BLOB_VERSION,
  type BoardConfig,
  readBlob,
} from '../../../board/blob.ts';
import { BLOB_PROFILE } from '../../../board/blob-codes.ts';
import {
  FLAG_DIET_ESP,
  FLAG_DIET_ESP_REQUIRED,
  FLAG_DOWNGRADE_PREVENTION,
  FLAG_INITIAL_CONTACT,
  FLAG_NAME_REMOTE,
  FLAG_NARROW,
  FLAG_OPTIMIZED_REKEY,
  FLAG_PFS,
  FLAG_PRIVATE_ALWAYS,
} from '../../../board/blob-keys.ts';
import { readSpecialBlob } from '../../../build/specialise/blob-of.ts';
import { addressText } from '../../host/addresses.ts';
import { identityText } from '../../host/config/ike-names.ts';
import { CommandError } from '../../host/errors.ts';
import { contextTexts } from '../../host/radio/contexts.ts';

/** Why a board refuses a blob, by the code that it prints. */
export const REFUSALS: Record<number, string> = {
  [BLOB_NONE]: 'there is none, or the memory is erased',
  [BLOB_MAGIC]: 'it does not begin with DESP',
  [BLOB_VERSION]: 'it is for the other kind of device (version 1: general, 2: specialised)',
  [BLOB_LENGTH]: 'it is truncated',
  [BLOB_CRC]: 'its CRC is wrong',
  [BLOB_CBOR]: 'its CBOR is malformed',
  [BLOB_FIELD]: 'a field is missing, unknown or out of range',
  [BLOB_PROFILE]: 'it is for a device of another profile',
};

const FLAGS: [number, string][] = [
  [FLAG_DOWNGRADE_PREVENTION, 'downgradePrevention'],
  [FLAG_INITIAL_CONTACT, 'initialContact'],
  [FLAG_NAME_REMOTE, 'nameRemote'],
  [FLAG_OPTIMIZED_REKEY, 'optimizedRekey'],
  [FLAG_PRIVATE_ALWAYS, 'privateAlways'],
  [FLAG_NARROW, 'narrow'],
  [FLAG_PFS, 'pfs'],
  [FLAG_DIET_ESP, 'dietEsp'],
  [FLAG_DIET_ESP_REQUIRED, 'dietEspRequired'],
];

const digits = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** The fields of a blob in its file's order; keys as the number of their octets. */
export function viewOf(config: BoardConfig): Record<string, unknown> {
  const { psk, privateKey, publicKey, remoteId, inner, proposals } = config;
  return {
    panId: config.panId,
    shortAddress: config.shortAddress === 0xffff ? null : config.shortAddress.toString(16).padStart(4, '0'),
    extendedAddress: digits(config.extendedAddress),
    channel: config.channel,
    ackWaitMs: config.ackWait / 1000,
    address: addressText(config.outer),
    gateway: addressText(config.gateway),
    gatewayLink: digits(config.gatewayLink),
    contexts: contextTexts(config.contexts),
    server: `[${addressText(config.server)}]:${config.serverPort}`,
    ownPort: config.ownPort,
    path: Buffer.from(config.path).toString(),
    innerAddress: inner.length > 0 ? addressText(inner) : config.requestAddress === 1 ? 'from the gateway' : 'outer',
    localId: identityText(config.idType, config.id),
    remoteId: remoteId.length === 0 ? '*' : identityText(config.remoteIdType, remoteId),
    pskOctets: psk.length,
    privateKeyOctets: privateKey.length,
    publicKeyOctets: publicKey.length,
    intervalMs: config.interval,
    count: config.count,
    retransmitMs: config.retransmitTime,
    tries: config.retransmitTries,
    dpdMs: config.dpdTime,
    ikeRekeyMs: config.ikeRekeyTime,
    reauthMs: config.reauthTime,
    childRekeyMs: config.rekeyTime,
    childRekeyPackets: config.rekeyPackets,
    ticketLifetimeSeconds: config.ticketLifetime,
    retryMs: config.retryTime,
    retryMaxMs: config.retryMax,
    flags: FLAGS.filter(([flag]) => (config.flags & flag) !== 0).map(([, name]) => name),
    nonceSize: config.nonceSize,
    ackTimeoutMs: config.coapTimeout,
    maxRetransmit: config.coapRetransmit,
    proposals: proposals.length,
  };
}

/** The fields of a blob. Throws a CommandError that names `file` and the code with which a board refuses it. */
export function showBlob(file: string, octets: Uint8Array): Record<string, unknown> {
  const refused = (code: number): CommandError =>
    new CommandError(`${file}: refused with code ${code}: ${REFUSALS[code]}`);
  const special = readSpecialBlob(octets);
  if (typeof special === 'number') throw refused(special);
  if (special !== null) return { version: 2, ...special };
  const { code, config } = readBlob(octets, octets.length);
  if (config === null) throw refused(code);
  return viewOf(config);
}

/** The fields of a blob, a line each. */
export function blobText(view: Record<string, unknown>): string {
  const width = Math.max(...Object.keys(view).map((name) => name.length));
  const text = (value: unknown): string => {
    if (Array.isArray(value)) return value.length === 0 ? '-' : value.join(' ');
    return value === null ? '-' : String(value);
  };
  return Object.entries(view)
    .map(([name, value]) => `${name.padEnd(width)}  ${text(value)}\n`)
    .join('');
}
