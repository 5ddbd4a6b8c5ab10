// The configuration of the most frugal sensor that sets up its SAs with IKE, to start from.

import type { Asymmetric } from '../crypto/asymmetric.ts';
import type { Provider } from '../crypto/provider.ts';
import { privateNumbers } from '../ike/codec/private-numbers.ts';
import type { IkePolicy } from '../ike/state/policy.ts';
import type { Phy } from '../link/mac.ts';
import { sensorConfig } from './config.ts';
import type { DeviceUpper } from './device.ts';
import type { IkeDeviceConfig } from './ike-device.ts';

function nothing(): void {}

/**
 * sensorConfig for a device that sets up its SAs with IKE: no extensions, IKE_INTERMEDIATE, resumption or IKE fragments, a
 * short queue, and new attempts after 2 s to 5 min. The caller also sets `outer`, `peer` and whatever else differs.
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
      connecting: nothing,
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
