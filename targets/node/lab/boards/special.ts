// The profile of a sensor's file for a specialised board (targets/build/specialise), and the blob of one device.

import type { IkePolicy } from '../../../../core/ike/state/policy.ts';
import { specialBlob } from '../../../build/specialise/blob-of.ts';
import type { Specialised } from '../../../build/specialise/layout.ts';
import { type Native, profileOf, type SensorInput } from '../../../build/specialise/profile-of.ts';
import { fieldError, inside } from '../../host/config/field.ts';
import { hex } from '../../host/config/ike-names.ts';
import { isRefusal } from '../../host/errors.ts';
import { checkContexts } from '../../host/radio/config.ts';
import { randomEui, readProvision } from './provision.ts';
import { type BoardFile, linkOf, readBoardFile } from './sensor-file.ts';

/** What a blob takes for granted of the device that reads it. */
const ANY: Native = { ccm: false, hmac: false, x25519: false, p256: true, ed25519: true };

/** The policy with the first cipher and key exchange of the IKE SA alone, where the file leaves them to the defaults. */
function namedOnly({ root, policy }: BoardFile): IkePolicy {
  const isNamed = (name: string): boolean => inside(root, 'connection', 'ike', name).value !== undefined;
  let { ike } = policy;
  if (!isNamed('proposals')) {
    ike = ike
      .slice(0, 1)
      .map((one) => ({ ...one, ciphers: one.ciphers.slice(0, 1), keyBits: one.keyBits.slice(0, 1) }));
  }
  if (!isNamed('ke')) ike = ike.map((one) => ({ ...one, ke: one.ke.slice(0, 1) }));
  return { ...policy, ike };
}

/** What the file says of one device. */
export function sensorInput(file: BoardFile): SensorInput {
  const { loaded } = file;
  const policy = namedOnly(file);
  const { shortAddress, extendedAddress, panId } = loaded.radio;
  return {
    policy,
    numbers: loaded.numbers,
    retryTime: file.retryTime,
    retryMax: file.retryMax,
    panId,
    ownLink: linkOf(file.root, loaded.radio),
    gatewayLink: loaded.gateway.link!,
    outer: loaded.address,
    gateway: loaded.gateway.address,
    contexts: loaded.contexts.length > 0 ? checkContexts(loaded.contexts) : new Uint8Array(0),
    ackWait: file.ackWait,
    inner: loaded.innerAddress,
    server: loaded.server.address,
    serverPort: loaded.server.port,
    ownPort: loaded.server.sourcePort,
    app: {
      path: Buffer.from(loaded.server.path),
      ackTimeout: file.ackTimeout,
      maxRetransmit: file.maxRetransmit,
      count: file.count,
      interval: file.interval,
      keeps: policy.ticketLifetime > 0,
      channel: file.channel,
      panId,
      shortAddress: shortAddress ?? 0xffff,
      extendedAddress: extendedAddress === undefined ? randomEui() : hex(extendedAddress),
    },
  };
}

/** Where the fields that the parts of a device refuse stand in a file. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  'ike.proposals': ['connection', 'ike', 'proposals'],
  'ike.ke': ['connection', 'ike', 'ke'],
  'child.esp': ['connection', 'child', 'esp'],
  'child.ke': ['connection', 'child', 'ke'],
  'child.dscp': ['connection', 'child', 'dscp'],
  'child.local': ['connection', 'child', 'local'],
  'child.remote': ['connection', 'child', 'remote'],
  'child.mode': ['connection', 'child', 'mode'],
  'child.notify': ['connection', 'child', 'compression', 'notify'],
  auth: ['connection', 'auth'],
  'auth.local': ['connection', 'auth'],
  'auth.remote': ['connection', 'auth'],
  children: ['connection', 'children'],
  compression: ['connection', 'child', 'compression'],
  psk: ['connection', 'auth'],
  ppk: ['connection', 'ppk'],
  announce: ['connection', 'ike', 'announceAuth'],
  request_address: ['connection', 'requestAddress'],
  esp_encr: ['connection', 'child', 'esp'],
  ts_proto: ['connection', 'child', 'local'],
  replay_window: ['connection', 'child', 'replayWindow'],
};

/**
 * The profile of a sensor's file, and the octets of its device. Throws a CommandError at the first thing that a specialised device
 * cannot do: `file:line: field: value: what to use instead`.
 */
export function readSpecial(file: string, text: string, native: Native, engine: string): Specialised {
  const board = readBoardFile(file, text);
  try {
    return profileOf(sensorInput(board), native, engine);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const path = FIELDS[error.field];
    if (path === undefined) throw board.root.document.error([error.field], error.value, error.limit);
    const field = inside(board.root, ...path);
    throw fieldError({ ...field, value: field.value ?? error.value }, error.limit);
  }
}

/** The blob of a file's device (targets/special/blob.ts). Engine and native parts make no difference to it. */
export function specialProvision(file: string, text: string): Uint8Array {
  return specialBlob(readSpecial(file, text, ANY, ''));
}

/** The blob of a file's device, specialised or general. */
export function provisionOf(file: string, text: string, isGeneral: boolean): Uint8Array {
  return isGeneral ? readProvision(file, text) : specialProvision(file, text);
}
