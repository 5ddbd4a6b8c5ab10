// The smallest useful device: IPv6 and UDP inside, AES-CCM-8 with implicit IV, 32-bit sequence numbers, a window of 32, the
// MAC, 6LoWPAN with fragments, and the portable AES-CCM. `npm run size` measures this bundle.

import { aesCcm } from '../../core/crypto/ccm.ts';
import { createPortable, type Random } from '../../core/crypto/portable.ts';
import {
  aesCcm8Iiv,
  createDevice,
  type Device,
  type DeviceUpper,
  defaultConfig,
  sensorConfig,
} from '../../core/device/index.ts';
import type { Attributes } from '../../core/dietesp/attributes.ts';
import type { Phy } from '../../core/link/mac.ts';

/** A device with one pair of SAs. */
export function createSensor(
  phy: Phy,
  upper: DeviceUpper,
  random: Random,
  key: Uint8Array,
  salt: Uint8Array,
  out: Attributes,
  back: Attributes,
): Device {
  const config = sensorConfig(createPortable([aesCcm], random), phy, upper);
  config.shortAddress = 2;
  config.address = out.tsIpSrcStart;
  const device = createDevice(config);
  const outgoing = defaultConfig(out, aesCcm8Iiv);
  outgoing.key = key;
  outgoing.salt = salt;
  const incoming = defaultConfig(back, aesCcm8Iiv);
  incoming.key = key;
  incoming.salt = salt;
  device.addSas(outgoing, incoming);
  return device;
}
