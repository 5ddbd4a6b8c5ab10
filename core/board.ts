// What boards import: the device object, and a configuration for the most frugal sensor. The parts and suites that a
// board needs beyond it are imported from their own files, so that a bundler keeps only those.

import type { Asymmetric } from './crypto/asymmetric.ts';
import type { Provider } from './crypto/provider.ts';
import type { DeviceConfig, DeviceUpper } from './device.ts';
import { placeAlone } from './esp/sa.ts';
import { createList } from './esp/satable.ts';
import { sn32 } from './esp/sn.ts';
import { window32 } from './esp/window.ts';
import { privateNumbers } from './ike/ext/private.ts';
import type { IkePolicy } from './ike/policy.ts';
import type { IkeDeviceConfig } from './ikedevice.ts';
import { createReassembly } from './link/fragment.ts';
import { ACK_WAIT, type Phy } from './link/mac.ts';
import { ipv6 } from './wire/ipv6.ts';
import { createContexts } from './wire/sixlowpan.ts';
import { udp } from './wire/udp.ts';

export { createDevice, type Device, type DeviceConfig, type DeviceUpper } from './device.ts';
export { defaultConfig, type SaConfig } from './esp/sa.ts';
export { aesCcm8Iiv } from './esp/suites.ts';
export { sensorPolicy } from './ike/sensorpolicy.ts';
export { createIkeDevice, type IkeDevice, type IkeDeviceConfig } from './ikedevice.ts';
export type { UplinkEvents } from './uplink.ts';

function nothing(): void {}

/**
 * A configuration with IPv6 and UDP, 32-bit sequence numbers, a replay window of 32, one packet in reassembly and short
 * addresses; the caller sets panId, shortAddress, extendedAddress, gateway, address and what else differs. The SAs are
 * not checked (`parts.check` null): they come from where they were checked, or the board sets checkConfig.
 */
export function sensorConfig(provider: Provider, phy: Phy, upper: DeviceUpper): DeviceConfig {
  return {
    provider: provider,
    parts: {
      networks: [ipv6],
      transports: [udp],
      counters: [sn32],
      window: window32,
      table: createList,
      check: null,
      place: placeAlone,
      shapes: {},
      forms: {},
    },
    phy: phy,
    upper: upper,
    panId: 0xabcd,
    shortAddress: 0xffff,
    extendedAddress: new Uint8Array(8),
    gateway: new Uint8Array(2),
    address: new Uint8Array(16),
    contexts: createContexts(0),
    reassembly: createReassembly(1, 1280, 60000),
    echo: null,
    maxSize: 1280,
    queue: 1,
    ackWait: ACK_WAIT,
  };
}

/**
 * sensorConfig for a device that sets up its SAs with IKE: no extensions, IKE_INTERMEDIATE, resumption or IKE fragments,
 * a few packets in the queue, attempts after 2 s to 5 min. The caller also sets `outer`, `peer` and what else differs.
 */
export function ikeSensorConfig(
  provider: Provider,
  phy: Phy,
  upper: DeviceUpper,
  asymmetric: Asymmetric,
  policy: IkePolicy,
): IkeDeviceConfig {
  const config = sensorConfig(provider, phy, upper) as IkeDeviceConfig;
  config.queue = 4;
  config.ike = {
    asymmetric: asymmetric,
    policy: policy,
    extensions: [],
    numbers: privateNumbers(),
    intermediate: null,
    resumption: null,
    reassembly: null,
    keylog: false,
    retryTime: 2000,
    retryMax: 300000,
    events: {
      established: nothing,
      ended: nothing,
      replaced: nothing,
      installed: nothing,
      removed: nothing,
      childFailed: nothing,
      keys: nothing,
    },
  };
  config.outer = new Uint8Array(16);
  config.peer = new Uint8Array(16);
  config.inner = null;
  return config;
}
