// A sensor's device with IKEv2: pre-shared key, X25519, AES-CCM-8, HCP_PROPOSAL, optimized rekeys, session
// resumption, downgrade prevention; a radio link (no NAT, no IKE fragments). `npm run size` measures this bundle.

import { aesCcm } from '../../core/crypto/ccm.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { createPortable, type Random } from '../../core/crypto/portable.ts';
import { createPortableKe } from '../../core/crypto/portable-asymmetric.ts';
import type { DeviceUpper } from '../../core/device/device.ts';
import { createIkeDevice, type IkeDevice, ikeSensorConfig, sensorPolicy } from '../../core/device/index.ts';
import type { UplinkEvents } from '../../core/device/uplink.ts';
import { downgradePrevention } from '../../core/ike/ext/downgrade.ts';
import { headerCompression } from '../../core/ike/ext/header-compression.ts';
import { optimizedRekeys } from '../../core/ike/ext/optimized-rekey.ts';
import { resumption, ticketRequest } from '../../core/ike/ext/resume.ts';
import { vendorId } from '../../core/ike/ext/vendor.ts';
import type { Phy } from '../../core/link/mac.ts';

/** `own`, `peer`: inner addresses; `outer`, `gateway`: those of the tunnel; 16 octets each. */
export function createSensor(
  phy: Phy,
  upper: DeviceUpper,
  events: UplinkEvents,
  random: Random,
  psk: Uint8Array,
  id: Uint8Array,
  own: Uint8Array,
  peer: Uint8Array,
  outer: Uint8Array,
  gateway: Uint8Array,
): IkeDevice {
  const provider = createPortable([aesCcm, hmacSha256], random);
  const policy = sensorPolicy(id, psk, own, peer);
  const config = ikeSensorConfig(provider, phy, upper, createPortableKe(random), policy);
  config.shortAddress = 2;
  config.address = own;
  config.queue = 2;
  config.outer = outer;
  config.peer = gateway;
  config.ike.extensions = [vendorId, downgradePrevention, optimizedRekeys, headerCompression, ticketRequest];
  config.ike.resumption = resumption;
  config.ike.retryTime = 10000;
  config.ike.retryMax = 600000;
  config.ike.events = events;
  return createIkeDevice(config);
}
