// What the smallest useful device carries: IPv6 and UDP inside, AES-CCM-8 with implicit IV, 32-bit sequence numbers, a
// window of 32, short frames and fragments. `npm run size` measures this bundle.

import { aesCcm } from '../../core/crypto/ccm.ts';
import { createPortable, type Random } from '../../core/crypto/portable.ts';
import { createDevice, type Device, type DeviceConfig, type DeviceUpper } from '../../core/device.ts';
import type { Attributes } from '../../core/dietesp/attributes.ts';
import { defaultConfig, placeAlone } from '../../core/esp/sa.ts';
import { createList } from '../../core/esp/satable.ts';
import { sn32 } from '../../core/esp/sn.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { window32 } from '../../core/esp/window.ts';
import { createReassembly } from '../../core/link/fragment.ts';
import { ACK_WAIT, type Phy } from '../../core/link/mac.ts';
import { ipv6 } from '../../core/wire/ipv6.ts';
import { createContexts } from '../../core/wire/sixlowpan.ts';
import { udp } from '../../core/wire/udp.ts';

/** A device with one pair of SAs. */
export function createSensor(
  phy: Phy,
  upper: DeviceUpper,
  random: Random,
  address: Uint8Array,
  key: Uint8Array,
  salt: Uint8Array,
  out: Attributes,
  back: Attributes,
): Device {
  const config: DeviceConfig = {
    provider: createPortable([aesCcm], random),
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
    panId: 0x1234,
    shortAddress: 2,
    extendedAddress: new Uint8Array(8),
    gateway: new Uint8Array(2),
    address: address,
    contexts: createContexts(0),
    reassembly: createReassembly(1, 1280, 60000),
    echo: null,
    maxSize: 1280,
    queue: 1,
    ackWait: ACK_WAIT,
  };
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
