// MTU detection of a device: what its gateway tells lowers what `send` takes from the application
// [draft-liu-ipsecme-ikev2-mtu-dect §4]. On a radio no IP fragments come, so a gateway has PTB to tell at most; a device on another
// link may hear LMAP too. Apart, because no board has it.

import { DROP_TOO_LONG } from '../base/drop.ts';
import { drop } from '../esp/endpoint.ts';
import { maxInner } from '../esp/packet-size.ts';
import {
  createPathMtu,
  FLOOR_SIX,
  PATH_MTU_TIME,
  type PathMtu,
  takeLmap,
  takePtb,
  unfragmentedMax,
} from '../esp/path-mtu.ts';
import type { MtuNumbers } from '../ike/codec/private-numbers.ts';
import { createMtu } from '../ike/ext/mtu.ts';
import type { Extension } from '../ike/state/ike.ts';
import { IPV6_SIZE } from '../wire/ipv6.ts';
import { UDP_SIZE } from '../wire/udp.ts';
import type { Device } from './device.ts';

/**
 * The limit of a device's path.
 *
 * @noSelf
 */
export interface DeviceMtu {
  /** For `UplinkConfig.extensions`. */
  extension: Extension;
  /** What is known; plain data. */
  path: PathMtu;
  /** Octets that an inner packet may have under the device's first SA, 0: nothing is known. `now` in ms. */
  limit(now: number): number;
  /** Has `device.send` refuse (DROP_TOO_LONG, counted) payloads whose packets are larger. */
  attach(device: Device): void;
}

/** `clock`: milliseconds, for notifies; `outer`: octets of the largest outer packet that the device sends. */
export function createDeviceMtu(numbers: MtuNumbers, outer: number, clock: () => number): DeviceMtu {
  const path = createPathMtu(6, 0, FLOOR_SIX, PATH_MTU_TIME);
  path.sent = outer;
  let attached: Device | null = null;
  const mtu: DeviceMtu = {
    extension: createMtu(numbers, {
      wants: () => true,
      lmap: (_sa, version, length) => {
        takeLmap(path, version, length, clock());
      },
      ptb: (_sa, lmtu, emtuR) => {
        takePtb(path, lmtu, emtuR, clock());
      },
      malformed: () => {},
    }),
    path: path,
    limit: (now) => {
      const most = unfragmentedMax(path, now);
      if (attached === null || most === 0 || attached.outgoing.length === 0) return 0;
      return Math.max(0, maxInner(attached.outgoing[0].form, most, 0));
    },
    attach: (device) => {
      const send = device.send;
      attached = device;
      device.send = (payload, offset, length, sourcePort, destination, destinationPort, now) => {
        const most = mtu.limit(now);
        if (most > 0 && IPV6_SIZE + UDP_SIZE + length > most) return drop(device.endpoint, DROP_TOO_LONG);
        return send(payload, offset, length, sourcePort, destination, destinationPort, now);
      };
    },
  };
  return mtu;
}
