// Turns a board's configuration into the policy of its IKE SA and into the device.

import { copy } from '../../core/base/bytes.ts';
import { type Asymmetric, KE_X25519 } from '../../core/crypto/asymmetric.ts';
import type { Provider } from '../../core/crypto/provider.ts';
import type { DeviceUpper } from '../../core/device/device.ts';
import { ikeSensorConfig } from '../../core/device/ike-config.ts';
import type { IkeDeviceConfig } from '../../core/device/ike-device.ts';
import { sensorPolicy } from '../../core/device/policy.ts';
import { AUTH_DIGITAL_SIGNATURE, CP_INTERNAL_IP6_ADDRESS, type IdType } from '../../core/ike/codec/numbers.ts';
import { crashTaker, crashTokens } from '../../core/ike/ext/crash-taker.ts';
import { downgradePrevention } from '../../core/ike/ext/downgrade.ts';
import { headerCompression } from '../../core/ike/ext/header-compression.ts';
import { optimizedRekeys } from '../../core/ike/ext/optimized-rekey.ts';
import { resumption, ticketRequest } from '../../core/ike/ext/resume.ts';
import { vendorId } from '../../core/ike/ext/vendor.ts';
import type { IkePolicy } from '../../core/ike/state/policy.ts';
import { createReassembly } from '../../core/link/fragment.ts';
import type { Phy } from '../../core/link/mac.ts';
import { PROTO_UDP } from '../../core/wire/udp.ts';
import type { BoardConfig } from './blob.ts';
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
} from './blob-keys.ts';

/** Octets of the longest inner packet, and of a packet in reassembly. On Lua each octet costs 16 of RAM. */
const PACKET_MAX = 512;
const REASSEMBLY_MAX = 768;
const REASSEMBLY_TIME = 10000;
/** An IKE message and a reading. */
const QUEUE = 2;

function has(c: BoardConfig, flag: number): boolean {
  return (c.flags & flag) !== 0;
}

/**
 * The policy of a configuration: the same that `dietesp sensor` makes of the file, without algorithms that the board lacks.
 */
export function boardPolicy(c: BoardConfig): IkePolicy {
  const own = c.inner.length > 0 ? c.inner : c.outer;
  const policy = sensorPolicy(c.id, c.psk, own, c.server);
  const child = policy.child;
  const local = child.local[0];
  const remote = child.remote[0];
  policy.localId = { type: c.idType as IdType, data: c.id };
  policy.remoteId = c.remoteId.length > 0 ? { type: c.remoteIdType as IdType, data: c.remoteId } : null;
  policy.nameRemote = has(c, FLAG_NAME_REMOTE);
  policy.privateKey = c.privateKey;
  policy.publicKey = c.publicKey;
  if (c.privateKey.length > 0) policy.localAuth = AUTH_DIGITAL_SIGNATURE;
  if (c.publicKey.length > 0) policy.remoteAuth = AUTH_DIGITAL_SIGNATURE;
  if (c.requestAddress !== 0) {
    policy.requestAddress = CP_INTERNAL_IP6_ADDRESS;
    if (c.inner.length === 0) {
      local.start = new Uint8Array(16);
      local.end = new Uint8Array(16);
      for (let i = 0; i < 16; i++) local.end[i] = 0xff;
    }
  }
  local.protocol = PROTO_UDP;
  local.startPort = c.ownPort;
  local.endPort = c.ownPort;
  remote.protocol = PROTO_UDP;
  remote.startPort = c.serverPort;
  remote.endPort = c.serverPort;
  child.narrow = has(c, FLAG_NARROW);
  if (has(c, FLAG_PFS)) child.esp[0].ke = [KE_X25519];
  if (!has(c, FLAG_DIET_ESP)) child.notify = null;
  child.compression = has(c, FLAG_DIET_ESP)
    ? { proposals: c.proposals, required: has(c, FLAG_DIET_ESP_REQUIRED), dscpList: [] }
    : null;
  child.rekeyTime = c.rekeyTime;
  child.rekeyPackets = c.rekeyPackets;
  policy.transcript = has(c, FLAG_DOWNGRADE_PREVENTION);
  policy.optimizedRekey = has(c, FLAG_OPTIMIZED_REKEY);
  policy.ticketLifetime = c.ticketLifetime;
  policy.privateAlways = has(c, FLAG_PRIVATE_ALWAYS);
  policy.initialContact = has(c, FLAG_INITIAL_CONTACT);
  policy.nonceSize = c.nonceSize;
  policy.retransmitTime = c.retransmitTime;
  policy.retransmitTries = c.retransmitTries;
  policy.rekeyTime = c.ikeRekeyTime;
  policy.reauthTime = c.reauthTime;
  policy.dpdTime = c.dpdTime;
  return policy;
}

/** Options for a board's device. The caller adds its events (`ike.events`) and passes them to createIkeDevice. */
export function deviceConfig(
  c: BoardConfig,
  provider: Provider,
  asymmetric: Asymmetric,
  phy: Phy,
  upper: DeviceUpper,
): IkeDeviceConfig {
  const config = ikeSensorConfig(provider, phy, upper, asymmetric, boardPolicy(c));
  config.panId = c.panId;
  config.shortAddress = c.shortAddress;
  config.extendedAddress = c.extendedAddress;
  config.gateway = c.gatewayLink;
  config.contexts = c.contexts;
  config.reassembly = createReassembly(1, REASSEMBLY_MAX, REASSEMBLY_TIME);
  config.maxSize = PACKET_MAX;
  config.queue = QUEUE;
  config.ackWait = c.ackWait / 1000;
  // A copy, because the gateway may assign another address.
  copy(config.address, 0, c.inner.length > 0 ? c.inner : c.outer, 0, 16);
  config.outer = c.outer;
  config.peer = c.gateway;
  config.ike.extensions = [
    vendorId,
    downgradePrevention,
    optimizedRekeys,
    headerCompression,
    ticketRequest,
    crashTokens,
  ];
  config.ike.unprotected = crashTaker;
  config.ike.resumption = resumption;
  config.ike.numbers = c.numbers;
  config.ike.retryTime = c.retryTime;
  config.ike.retryMax = c.retryMax;
  return config;
}
