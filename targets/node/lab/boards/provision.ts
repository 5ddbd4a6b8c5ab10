// Turns a sensor's file into the blob that provisions a board (targets/board/blob.ts has its layout and keys). The file is one
// for `dietesp sensor`, with a board's own fields in `board`. A file that asks for something that boards lack is refused
// with `file:line: field: value: limit`. From a list of algorithms a board takes the one that it has. The board itself sets
// the replay window (32), the number of Child SAs (1) and the sizes of its queues. It has no IKE fragments, no NAT on a
// radio, and no key log.

import { randomBytes } from 'node:crypto';
import { KE_X25519 } from '../../../../core/crypto/asymmetric.ts';
import { MODE_TUNNEL } from '../../../../core/dietesp/attributes.ts';
import { aesCcm8Iiv } from '../../../../core/esp/suites.ts';
import { hcp } from '../../../../core/ike/child/hcp.ts';
import { CP_INTERNAL_IP4_ADDRESS } from '../../../../core/ike/codec/numbers.ts';
import type { Transforms } from '../../../../core/ike/codec/proposals.ts';
import type { Selector } from '../../../../core/ike/codec/selectors.ts';
import { ikeCcm8 } from '../../../../core/ike/crypto/suites.ts';
import type { IkePolicy } from '../../../../core/ike/state/policy.ts';
import { BLOB_MAX, numberList, readBlob } from '../../../board/blob.ts';
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
  KEY_ACK_WAIT,
  KEY_CHANNEL,
  KEY_COAP_RETRANSMIT,
  KEY_COAP_TIMEOUT,
  KEY_CONTEXTS,
  KEY_COUNT,
  KEY_DPD_TIME,
  KEY_EXTENDED_ADDRESS,
  KEY_FLAGS,
  KEY_GATEWAY,
  KEY_GATEWAY_LINK,
  KEY_ID,
  KEY_ID_TYPE,
  KEY_IKE_REKEY_TIME,
  KEY_INNER,
  KEY_INTERVAL,
  KEY_NONCE_SIZE,
  KEY_NUMBERS,
  KEY_OUTER,
  KEY_OWN_PORT,
  KEY_PAN_ID,
  KEY_PATH,
  KEY_PRIVATE_KEY,
  KEY_PROPOSALS,
  KEY_PSK,
  KEY_PUBLIC_KEY,
  KEY_REAUTH_TIME,
  KEY_REKEY_PACKETS,
  KEY_REKEY_TIME,
  KEY_REMOTE_ID,
  KEY_REMOTE_ID_TYPE,
  KEY_REQUEST_ADDRESS,
  KEY_RETRANSMIT_TIME,
  KEY_RETRANSMIT_TRIES,
  KEY_RETRY_MAX,
  KEY_RETRY_TIME,
  KEY_SERVER,
  KEY_SERVER_PORT,
  KEY_SHORT_ADDRESS,
  KEY_TICKET_LIFETIME,
} from '../../../board/blob-keys.ts';
import { boardPolicy } from '../../../board/policy.ts';
import { frameOf } from '../../../board/write-blob.ts';
import { encodeCbor } from '../../host/cbor.ts';
import { type Field, fieldError, inside, keepError } from '../../host/config/field.ts';
import { hex } from '../../host/config/ike-names.ts';
import { hasSubspaces } from '../../host/config/subspaces.ts';
import { readText } from '../../host/document.ts';
import { checkContexts } from '../../host/radio/config.ts';
import { OCTETS_MAX, readBoardFile } from './sensor-file.ts';

/** True for a proposal that a board can take. */
function isPlain({ ke, extra }: Transforms): boolean {
  return ke.includes(KE_X25519) && (extra?.list.length ?? 0) === 0;
}

/** Refuses what a board does not have. */
function checkPolicy(root: Field, policy: IkePolicy): void {
  const { child } = policy;
  const rules: [bad: boolean, field: string[], limit: string][] = [
    [policy.ppk !== null, ['ppk'], 'a board has no PPK'],
    [policy.counterSync === true, ['ike', 'counterSync'], 'a board does not synchronise counters'],
    [policy.announce.length > 0, ['ike', 'announceAuth'], 'a board does not announce it'],
    [policy.requestAddress === CP_INTERNAL_IP4_ADDRESS, ['requestAddress'], 'must be none or ipv6 on a board'],
    [!policy.ciphers.includes(ikeCcm8), ['ike', 'proposals'], 'must have aes-ccm-8, which a board speaks'],
    [!policy.ike.some(isPlain), ['ike', 'ke'], 'must have x25519, which a board speaks'],
    [!child.suites.includes(aesCcm8Iiv), ['child', 'esp'], 'must have aes-ccm-8-iiv, which a board speaks'],
    [child.esp[0].ke.length > 0 && !child.esp.some(isPlain), ['child', 'ke'], 'must be empty or have x25519'],
    [child.esp.some(({ sn }) => !sn.includes(0)), ['child', 'esn'], 'must be off or both on a board'],
    [policy.signatures !== undefined, ['auth'], 'must be a pre-shared key or Ed25519 keys on a board'],
    [hasSubspaces(child.esp), ['child', 'subspaces'], 'must be 0: a board has none'],
    [child.mode !== MODE_TUNNEL, ['child', 'mode'], 'must be tunnel on a board'],
    [child.dscp !== null, ['child', 'dscp'], 'a board sends no DSCP notify'],
    [
      child.notify !== null && child.notify !== hcp,
      ['child', 'compression', 'notify'],
      'must be hcp or none on a board',
    ],
    [(child.compression?.dscpList.length ?? 0) > 0, ['child', 'compression', 'dscp_list'], 'must be empty on a board'],
    [policy.localId.data.length > OCTETS_MAX, ['localId'], `must be ${OCTETS_MAX} octets at most on a board`],
    [(policy.remoteId?.data.length ?? 0) > OCTETS_MAX, ['remoteId'], `must be ${OCTETS_MAX} octets at most on a board`],
    [policy.psk.length > OCTETS_MAX, ['auth'], `the key must be ${OCTETS_MAX} octets at most on a board`],
  ];
  for (const [bad, field, limit] of rules) {
    if (bad) keepError(root, fieldError(inside(root, 'connection', ...field), limit));
  }
  root.document.finish();
}

function flagsOf(policy: IkePolicy): number {
  const { child } = policy;
  const flags: [boolean, number][] = [
    [policy.transcript, FLAG_DOWNGRADE_PREVENTION],
    [policy.initialContact, FLAG_INITIAL_CONTACT],
    [policy.nameRemote, FLAG_NAME_REMOTE],
    [policy.optimizedRekey, FLAG_OPTIMIZED_REKEY],
    [policy.privateAlways, FLAG_PRIVATE_ALWAYS],
    [child.narrow, FLAG_NARROW],
    [child.esp.some(({ ke }) => ke.length > 0), FLAG_PFS],
    [child.notify !== null, FLAG_DIET_ESP],
    [child.compression?.required === true, FLAG_DIET_ESP_REQUIRED],
  ];
  return flags.reduce((sum, [isSet, flag]) => (isSet ? sum + flag : sum), 0);
}

/** Magic, version, length and CRC round a map. */
export function frameBlob(cbor: Uint8Array): Uint8Array {
  return frameOf(cbor, cbor.length);
}

/** One CBOR map with integer keys. */
export function encodeKeys(keys: Map<number, unknown>): Uint8Array {
  return encodeCbor(keys);
}

/** A locally administered EUI-64 [RFC 4291 Appendix A]. */
export function randomEui(): Buffer {
  const eui = randomBytes(8);
  eui[0] = (eui[0] & 0xfc) | 2;
  return eui;
}

function selectorText({ protocol, startPort, endPort, start, end }: Selector): string {
  return [protocol, startPort, endPort, Buffer.from(start).toString('hex'), Buffer.from(end).toString('hex')].join(' ');
}

/** The blob of a sensor's file. Throws a CommandError at the first thing that a board cannot do. */
export function readProvision(file: string, text: string): Uint8Array {
  const board = readBoardFile(file, text);
  const { root, loaded, policy } = board;
  checkPolicy(root, policy);
  const { shortAddress, extendedAddress, panId } = loaded.radio;
  const { child, localId, remoteId } = policy;

  const keys = new Map<number, unknown>([[KEY_PAN_ID, panId]]);
  const add = (key: number, value: unknown, isThere = true): void => {
    if (isThere) keys.set(key, value instanceof Uint8Array ? Buffer.from(value) : value);
  };
  add(KEY_SHORT_ADDRESS, shortAddress, shortAddress !== undefined);
  add(KEY_EXTENDED_ADDRESS, extendedAddress === undefined ? randomEui() : hex(extendedAddress));
  add(KEY_GATEWAY_LINK, loaded.gateway.link);
  add(KEY_CHANNEL, board.channel);
  add(KEY_OUTER, loaded.address);
  add(KEY_GATEWAY, loaded.gateway.address);
  add(KEY_CONTEXTS, Buffer.from(checkContexts(loaded.contexts)), loaded.contexts.length > 0);
  add(KEY_SERVER, loaded.server.address);
  add(KEY_SERVER_PORT, loaded.server.port);
  add(KEY_OWN_PORT, loaded.server.sourcePort);
  add(KEY_PATH, loaded.server.path);
  add(KEY_INNER, loaded.innerAddress, loaded.innerAddress !== null);
  add(KEY_REQUEST_ADDRESS, policy.requestAddress === 0 ? 0 : 1);
  add(KEY_ID_TYPE, localId.type);
  add(KEY_ID, localId.data);
  add(KEY_REMOTE_ID_TYPE, remoteId?.type, remoteId !== null);
  add(KEY_REMOTE_ID, remoteId?.data, remoteId !== null);
  add(KEY_PSK, policy.psk, policy.psk.length > 0);
  add(KEY_PRIVATE_KEY, policy.privateKey, policy.privateKey.length > 0);
  add(KEY_PUBLIC_KEY, policy.publicKey, policy.publicKey.length > 0);
  add(KEY_INTERVAL, board.interval);
  add(KEY_COUNT, board.count);
  add(KEY_ACK_WAIT, Math.round(board.ackWait * 1000));
  add(KEY_RETRANSMIT_TIME, Math.round(policy.retransmitTime));
  add(KEY_RETRANSMIT_TRIES, policy.retransmitTries);
  add(KEY_DPD_TIME, Math.round(policy.dpdTime));
  add(KEY_IKE_REKEY_TIME, Math.round(policy.rekeyTime));
  add(KEY_REAUTH_TIME, Math.round(policy.reauthTime));
  add(KEY_REKEY_TIME, Math.round(child.rekeyTime));
  add(KEY_REKEY_PACKETS, Math.round(child.rekeyPackets));
  add(KEY_TICKET_LIFETIME, policy.ticketLifetime);
  add(KEY_RETRY_TIME, board.retryTime);
  add(KEY_RETRY_MAX, board.retryMax);
  add(KEY_FLAGS, flagsOf(policy));
  add(KEY_NONCE_SIZE, policy.nonceSize);
  add(KEY_COAP_TIMEOUT, board.ackTimeout);
  add(KEY_COAP_RETRANSMIT, board.maxRetransmit);
  const proposals = child.compression?.proposals ?? [];
  add(
    KEY_PROPOSALS,
    proposals.map(({ allowed }) => allowed),
    proposals.length > 0,
  );
  add(
    KEY_NUMBERS,
    numberList(loaded.numbers),
    root.value !== null && inside(root, 'privateNumbers').value !== undefined,
  );

  const blob = frameBlob(encodeKeys(keys));
  if (blob.length > BLOB_MAX) throw root.document.error([], `${blob.length} octets`, `must be ${BLOB_MAX} at most`);
  const { code, config } = readBlob(blob, blob.length);
  if (config === null) throw root.document.error([], '', `no board would take it: refused with code ${code}`);
  const own = boardPolicy(config).child;
  for (const side of ['local', 'remote'] as const) {
    const given = child[side].map(selectorText).join(', ');
    if (given !== own[side].map(selectorText).join(', ')) {
      throw fieldError(
        inside(root, 'connection', 'child', side),
        'must be absent: the SA of a board is for the datagrams of its readings',
      );
    }
  }
  return blob;
}

/** The blob for what `dietesp provision --config FILE` reads. */
export function loadProvision(file: string): Uint8Array {
  return readProvision(file, readText(file));
}
