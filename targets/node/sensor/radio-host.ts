// A host with IKE on a radio: the core's device.

import { DROP_SELECTOR } from '../../../core/base/drop.ts';
import { createCoapInstalled } from '../../../core/device/coap-profile.ts';
import { earlier } from '../../../core/device/device.ts';
import { createIkeDevice } from '../../../core/device/ike-device.ts';
import { outboundCoap, restoreCoap } from '../../../core/esp/coap.ts';
import { drop } from '../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../core/esp/full-parts.ts';
import { laneFor } from '../../../core/esp/lanes.ts';
import { createReassemblyTable } from '../../../core/link/fragment-table.ts';
import { LOWPAN_FRAMES } from '../../../core/link/lowpan.ts';
import { MAC_RETRIES } from '../../../core/link/mac.ts';
import type { RadioConfig } from '../host/radio/config.ts';
import { ackWaitOf } from '../host/radio/kinds.ts';
import type { Radio } from '../host/radio/radio.ts';
import { besideFurther, createFurther } from './further.ts';
import { type IkeHost, type IkeHostConfig, INNER_MAX } from './host.ts';

export interface RadioHostConfig extends IkeHostConfig {
  radio: Radio;
  settings: RadioConfig;
  /** Link-layer address of the gateway, 2 or 8 octets. */
  link: Uint8Array;
  /** createContexts. */
  contexts: Uint8Array;
}

/** Makes a host; the radio belongs to it. */
export function createRadioHost(config: RadioHostConfig): IkeHost {
  const { provider, radio, settings } = config;
  const extended = new Uint8Array(8);
  const own = radio.eui64?.() ?? null;
  if (settings.extendedAddress === undefined && own !== null) extended.set(own);
  else if (settings.extendedAddress === undefined) {
    provider.random(extended, 0, 8);
    // An individual, locally administered one [RFC 4291 Appendix A].
    extended[0] = (extended[0] & 0xfc) | 2;
  } else extended.set(Buffer.from(settings.extendedAddress, 'hex'));

  config.ike.events.installed = createCoapInstalled(config.ike.events.installed, () => device);
  const device = createIkeDevice({
    provider,
    parts: FULL_PARTS,
    phy: radio,
    upper: { datagram() {}, done() {} },
    panId: settings.panId,
    shortAddress: settings.shortAddress ?? 0xffff,
    extendedAddress: extended,
    gateway: config.link,
    address: new Uint8Array(16),
    contexts: config.contexts,
    reassembly: createReassemblyTable(
      settings.reassemblies ?? 8,
      2047,
      settings.reassemblyTime ?? 10000,
      provider.random,
    ),
    echo: null,
    maxSize: INNER_MAX,
    queue: settings.queue ?? 16,
    ackWait: ackWaitOf(settings),
    ike: besideFurther(config.ike, () => further),
    outer: config.local,
    peer: config.remote,
    inner: (length, now) => {
      const size = restoreCoap(device.endpoint, device.inner, 0, length);
      if (size >= 0 && lanes.admits(device.endpoint.sa!, device.inner)) config.inner(device.inner, size, now);
      return 0;
    },
  });
  const further = createFurther(config, device, () => device.uplink);
  const { lanes, keeper } = further;
  radio.onFrame = (frame, offset, length) => {
    device.receive(frame, offset, length, config.now());
    config.wake();
  };
  radio.onEnd = (sequence, result) => {
    device.mac.ended(sequence, result, config.now());
    config.wake();
  };
  return {
    uplink: device.uplink,
    endpoint: device.endpoint,
    sas: device,
    lanes,
    send(packet, length) {
      const now = config.now();
      const { endpoint, outer } = device;
      const lane = laneFor(lanes.list, packet, 0, length, now);
      if (lane === null) return drop(endpoint, DROP_SELECTOR);
      const code = outboundCoap(endpoint, lane.sa, packet, 0, length, outer, 0, now);
      return code < 0 ? code : device.pass(code, now);
    },
    limit: () => 0,
    link: () => ({ frames: device.lowpan.counters[LOWPAN_FRAMES], retries: device.mac.counters[MAC_RETRIES] }),
    poll(now) {
      keeper.poll(now);
      device.poll(now);
    },
    nextTimeout: () => earlier(device.nextTimeout(), keeper.nextTimeout()),
    async close() {
      radio.close();
      await radio.closed;
    },
  };
}
