// A device that sets up its SAs itself: the device object (device.ts) and an uplink (uplink.ts) on one radio. IKE messages are
// UDP with port 500 on both sides, in IPv6 packets between the outer addresses, compressed by 6LoWPAN [RFC 7296 §2,
// RFC 6282 §4.3]. Everything else goes through ESP.

import { copy, equal, u16 } from '../base/bytes.ts';
import { DROP_NOT_FOR_US, DROP_TOO_LONG, DROP_UNSUPPORTED } from '../base/drop.ts';
import { checkRange } from '../base/refuse.ts';
import { drop } from '../esp/endpoint.ts';
import type { Path } from '../ike/state/path.ts';
import { emitIpv6, IPV6_DST, IPV6_NEXT_HEADER, IPV6_SIZE, IPV6_SRC } from '../wire/ipv6.ts';
import { createUdpCompression } from '../wire/sixlowpan-udp.ts';
import { checkUdp, emitUdp, PROTO_UDP, UDP_DST_PORT, UDP_SIZE } from '../wire/udp.ts';
import { createDeviceWith, type Device, type DeviceConfig, earlier } from './device.ts';
import { createUplink, type Transmit, type Uplink, type UplinkConfig } from './uplink.ts';

/** UDP port of IKE [RFC 7296 §2]. */
export const IKE_PORT = 500;

/** Options of `createIkeDevice`. */
export interface IkeDeviceConfig extends DeviceConfig {
  /** Who the gateway is, and how to authenticate. */
  ike: UplinkConfig;
  /** Outer IPv6 addresses of the device and of the gateway, 16 octets each. */
  outer: Uint8Array;
  /** Outer IPv6 address of the gateway. */
  peer: Uint8Array;
  /** Takes Device.inner[0..length), a packet that came in under an SA; null: UDP and echo requests, as configured. */
  inner: ((length: number, now: number) => number) | null;
}

/**
 * `upper.done` also gets the ends of IKE's packets, with tags that `send` never returned. An inner address from the gateway
 * is written to DeviceConfig.address.
 *
 * @noSelf
 */
export interface IkeDevice extends Device {
  /** IKE, the current SA and the attempts to connect. */
  uplink: Uplink;
}

/** Makes a device. Throws if a field is out of range. Sends nothing before `uplink.connect`. */
export function createIkeDevice(config: IkeDeviceConfig): IkeDevice {
  checkRange('outer.length', config.outer.length, 16, 16);
  checkRange('peer.length', config.peer.length, 16, 16);
  const path: Path = {
    local: config.outer,
    localPort: IKE_PORT,
    remote: config.peer,
    remotePort: IKE_PORT,
    encapsulated: false,
    port: 0,
    link: new Uint8Array(0),
  };

  const device = createDeviceWith(config, {
    nhc: createUdpCompression(false),
    inner: config.inner,
    clear: (buffer, offset, length, now) => {
      if (buffer[offset + IPV6_NEXT_HEADER] !== PROTO_UDP) return DROP_UNSUPPORTED;
      const udp = offset + IPV6_SIZE;
      const code = checkUdp(buffer, udp, offset + length, offset);
      if (code !== 0) return code;
      if (
        u16(buffer, udp + UDP_DST_PORT) !== IKE_PORT ||
        !equal(buffer, offset + IPV6_DST, config.outer, 0, 16) ||
        !equal(buffer, offset + IPV6_SRC, config.peer, 0, 16)
      ) {
        return DROP_NOT_FOR_US;
      }
      // The IKE endpoint counts it.
      uplink.receive(path, buffer, udp + UDP_SIZE, length - IPV6_SIZE - UDP_SIZE, now);
      return 0;
    },
  }) as IkeDevice;

  const transmit: Transmit = (_path, buffer, offset, length, now) => {
    const outer = device.outer;
    const end = IPV6_SIZE + UDP_SIZE + length;
    if (end > outer.length) {
      drop(device.endpoint, DROP_TOO_LONG);
      return;
    }
    copy(outer, IPV6_SIZE + UDP_SIZE, buffer, offset, length);
    copy(outer, IPV6_SRC, config.outer, 0, 16);
    copy(outer, IPV6_DST, config.peer, 0, 16);
    emitIpv6(outer, 0, 0, 0, UDP_SIZE + length, PROTO_UDP, 64);
    emitUdp(outer, IPV6_SIZE, end, 0, IKE_PORT, IKE_PORT);
    device.pass(end, now);
  };
  const uplink = createUplink(device, config.ike, path, config.address, Math.max(1280, device.outer.length), transmit);
  const receive = device.receive;
  const poll = device.poll;
  const nextTimeout = device.nextTimeout;
  device.uplink = uplink;
  device.receive = (frame, offset, length, now) => {
    receive(frame, offset, length, now);
    uplink.carried(now);
  };
  device.poll = (now) => {
    poll(now);
    uplink.poll(now);
  };
  device.nextTimeout = () => earlier(nextTimeout(), uplink.nextTimeout());
  return device;
}
