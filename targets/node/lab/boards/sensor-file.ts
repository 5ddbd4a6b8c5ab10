// What a board takes from a sensor's file, whichever device it runs: the file, checked for what every board needs.

import type { IkePolicy } from '../../../../core/ike/state/policy.ts';
import { BOARD_MAX } from '../../../board/blob-keys.ts';
import { checkText, type Field, fieldError, filled, inside } from '../../host/config/field.ts';
import { SENSOR_PROPERTIES, SENSOR_SCHEMA } from '../../host/config/ike-files.ts';
import { hex } from '../../host/config/ike-names.ts';
import { policyFor } from '../../host/config/ike-policy.ts';
import type { RadioConfig } from '../../host/radio/config.ts';
import { type LoadedSensor, type LoadedServer, readSensor } from '../../sensor/file.ts';

/** Octets of the longest path, identity, key. */
export const OCTETS_MAX = 64;
/** Boards send IKE to this port. */
const IKE_PORT = 500;
/** Milliseconds that boards wait for an acknowledgement, where the file does not say. */
export const ACK_WAIT = 20;

/** A file for a board. Times are milliseconds, whole numbers below 2^28. */
export interface BoardFile {
  root: Field;
  loaded: LoadedSensor & { radio: RadioConfig; server: LoadedServer; address: Uint8Array };
  /** The policy that `dietesp sensor` would have. */
  policy: IkePolicy;
  channel: number;
  ackWait: number;
  interval: number;
  count: number;
  retryTime: number;
  retryMax: number;
  ackTimeout: number;
  maxRetransmit: number;
}

/** The link-layer address that a specialised device sends from: the short one where it has one. */
export function linkOf(root: Field, { shortAddress, extendedAddress }: RadioConfig): Uint8Array {
  if (shortAddress !== undefined) return Uint8Array.of(shortAddress >>> 8, shortAddress & 0xff);
  if (extendedAddress !== undefined) return hex(extendedAddress);
  const field = inside(root, 'radio', 'extendedAddress');
  throw fieldError(field, 'is required without a shortAddress: a specialised device has no random one');
}

/** The gateway's link-layer address: one that a node can have, and not `own`; null: the own one is not known. */
export function gatewayLinkOf(root: Field, own: Uint8Array | null): Uint8Array {
  const field = inside(root, 'gateway', 'link');
  const link = hex(String(field.value));
  if (own !== null && Buffer.compare(link, own) === 0) throw fieldError(field, "must not be the device's own");
  // [IEEE 802.15.4] ffff is every node, fffe one without a short address.
  const isNone = link.length === 2 ? link[0] === 0xff && link[1] >= 0xfe : link.every((octet) => octet === link[0]);
  if (isNone && (link.length === 2 || link[0] === 0 || link[0] === 0xff)) {
    throw fieldError(field, link.length === 2 ? 'must be 0000..fffd' : 'must be the address of a node');
  }
  return link;
}

function policyOf(loaded: LoadedSensor): IkePolicy {
  const { connection, gateway, innerAddress, address } = loaded;
  const asks = connection.policy.requestAddress !== 0 && innerAddress === null;
  return policyFor(connection, asks ? new Uint8Array(0) : (innerAddress ?? address!), gateway.address, false);
}

/** Reads and checks a sensor's file for a board. Throws a CommandError at the first thing that no board can do. */
export function readBoardFile(file: string, text: string): BoardFile {
  const loaded = readSensor(file, text, { onBoard: true });
  const root = checkText(file, text, SENSOR_SCHEMA, 'sensor');
  const server = inside(root, 'server');
  if (loaded.radio === null)
    throw fieldError({ ...inside(root, 'radio'), value: undefined }, 'is required for a board');
  if (loaded.server === null) throw fieldError(server, 'is required for a board');
  if (loaded.server.address.length !== 16) throw fieldError(inside(server, 'address'), 'must be an IPv6 address');
  const path = Buffer.from(loaded.server.path);
  if (path.length < 1 || path.length > OCTETS_MAX) {
    throw fieldError(inside(server, 'path'), `must be 1..${OCTETS_MAX} octets on a board`);
  }
  if (loaded.innerAddress !== null && loaded.innerAddress.length !== 16) {
    throw fieldError(inside(root, 'innerAddress'), 'must be an IPv6 address on a board');
  }
  const port = inside(root, 'gateway', 'port');
  if (loaded.gateway.port !== IKE_PORT) throw fieldError(port, `must be ${IKE_PORT} on a board`);
  const { shortAddress, extendedAddress } = loaded.radio;
  const isOwnKnown = shortAddress !== undefined || extendedAddress !== undefined;
  gatewayLinkOf(root, isOwnKnown ? linkOf(root, loaded.radio) : null);
  const boardField = inside(root, 'board');
  const board = filled(boardField.value, SENSOR_PROPERTIES.board.properties!) as Record<string, number>;
  if (board.retryMax < board.retry) throw fieldError(inside(boardField, 'retryMax'), 'must not be less than retry');
  // A time or number as a board holds it.
  const whole = (value: number, ...field: string[]): number => {
    if (value <= BOARD_MAX) return Math.round(value);
    const at = inside(root, ...field);
    const isTime = field[field.length - 1] !== 'count' && field[field.length - 1] !== 'rekeyPackets';
    throw fieldError(at, `must be at most ${isTime ? `${Math.floor(BOARD_MAX / 1000)} s` : BOARD_MAX} on a board`);
  };
  const policy = policyOf(loaded);
  if (policy.child.coap !== undefined && policy.child.coap !== null) {
    throw fieldError(inside(root, 'connection', 'child', 'compression', 'coap'), 'a board has no rules for CoAP');
  }
  if (policy.child.several === true) {
    throw fieldError(inside(root, 'connection', 'child', 'selectors'), 'must be pair: an SA of a board has one pair');
  }
  const further = ['dscpClasses', 'perResource'].map((name) => inside(root, 'connection', 'child', name));
  for (const one of [inside(root, 'connection', 'children'), ...further]) {
    const isThere = Array.isArray(one.value) ? one.value.length > 0 : one.value !== undefined && one.value !== 0;
    if (isThere) throw fieldError({ ...one, value: undefined }, 'must be left out: a board has one Child SA');
  }
  whole(policy.retransmitTime, 'connection', 'ike', 'retransmit');
  whole(policy.dpdTime, 'connection', 'ike', 'dpd');
  whole(policy.rekeyTime, 'connection', 'ike', 'rekey');
  whole(policy.reauthTime, 'connection', 'ike', 'reauth');
  whole(policy.child.rekeyTime, 'connection', 'child', 'rekey');
  whole(policy.child.rekeyPackets, 'connection', 'child', 'rekeyPackets');
  return {
    root,
    loaded: loaded as BoardFile['loaded'],
    policy,
    channel: board.channel ?? loaded.radio.zep?.channel ?? 26,
    ackWait: loaded.radio.ackWait ?? ACK_WAIT,
    interval: whole(loaded.interval, 'interval'),
    count: whole(loaded.count, 'count'),
    retryTime: whole(board.retry * 1000, 'board', 'retry'),
    retryMax: whole(board.retryMax * 1000, 'board', 'retryMax'),
    ackTimeout: whole((board.ackTimeout ?? loaded.server.ackTimeout / 1000) * 1000, 'board', 'ackTimeout'),
    maxRetransmit: board.maxRetransmit ?? loaded.server.maxRetransmit,
  };
}
