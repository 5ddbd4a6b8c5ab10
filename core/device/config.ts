// The device of the most frugal sensor, with SAs keyed by hand. It is not in index.ts, because some engines' bundles can only
// omit whole files.

import type { Provider } from '../crypto/provider.ts';
import { placeAlone } from '../esp/sa.ts';
import { createList } from '../esp/sa-table.ts';
import { createSearch } from '../esp/search.ts';
import { sn32 } from '../esp/sn.ts';
import { window32 } from '../esp/window.ts';
import { createReassembly } from '../link/fragment.ts';
import { ACK_WAIT, type Phy } from '../link/mac.ts';
import { ipv6 } from '../wire/ipv6.ts';
import { createContexts } from '../wire/sixlowpan.ts';
import { udp } from '../wire/udp.ts';
import type { DeviceConfig, DeviceUpper } from './device.ts';

/**
 * A configuration with IPv6 and UDP, 32-bit sequence numbers, a replay window of 32, resynchronisation after outages of 8 * 2^k
 * packets, one packet in reassembly and short addresses. The caller sets panId, shortAddress, extendedAddress, gateway, address and whatever else differs. It does not
 * check SAs (`parts.check` null): they were checked elsewhere, or the board sets checkConfig.
 */
export function sensorConfig(provider: Provider, phy: Phy, upper: DeviceUpper): DeviceConfig {
  return {
    provider: provider,
    parts: {
      networks: [ipv6],
      transports: [udp],
      counters: [sn32],
      window: window32,
      search: createSearch(8, 8),
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
