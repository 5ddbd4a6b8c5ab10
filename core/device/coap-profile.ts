// Rules for CoAP under the SAs of a device (esp/coap.ts): a part that a board may leave out, and that changes nothing of the device
// object. The uplink of such a device has the extension `coapProfile`, its policy the rules (`ChildPolicy.coap`), and its hook
// `inner` calls `restoreCoap` first, or is `deliverCoap`.

import { copy, equal, u16 } from '../base/bytes.ts';
import { DROP_NOT_FOR_US, DROP_SELECTOR, DROP_TOO_LONG, DROP_UNSUPPORTED } from '../base/drop.ts';
import { outboundCoap, restoreCoap } from '../esp/coap.ts';
import { drop } from '../esp/endpoint.ts';
import { choose } from '../esp/outbound.ts';
import { findPair, type Pairs } from '../esp/pairs.ts';
import { coapOf } from '../ike/ext/coap-profile.ts';
import type { ChildSa } from '../ike/state/child.ts';
import { emitIpv6, IPV6_DST, IPV6_NEXT_HEADER, IPV6_SIZE, IPV6_SRC } from '../wire/ipv6.ts';
import { checkUdp, emitUdp, PROTO_UDP, UDP_DST_PORT, UDP_SIZE, UDP_SRC_PORT } from '../wire/udp.ts';
import type { Device, DeviceUpper } from './device.ts';
import type { UplinkEvents } from './uplink.ts';

const PAYLOAD = IPV6_SIZE + UDP_SIZE;

/** Gives the pair of a Child SA its rules, where some were agreed. */
function attach(sas: Pairs, child: ChildSa): void {
  const rules = coapOf(child);
  const i = findPair(sas, child.spiIn);
  if (rules === null || i < 0) return;
  sas.outgoing[i].coap = rules;
  sas.incoming[i].coap = rules;
}

/** `UplinkEvents.installed` in front of `next`: the SAs of an uplink go by the rules that their Child SA agreed on. */
export function createCoapInstalled(next: UplinkEvents['installed'], sas: () => Pairs): UplinkEvents['installed'] {
  return (sa, child, outgoing, incoming, now) => {
    attach(sas(), child);
    next(sa, child, outgoing, incoming, now);
  };
}

/** `Device.protect`, by the rules of the SA that takes the packet. The same results. */
export function protectCoap(device: Device, length: number, now: number): number {
  const sa = choose(device.outgoing, device.inner, 0, length, now);
  if (sa === null) return drop(device.endpoint, DROP_SELECTOR);
  const size = outboundCoap(device.endpoint, sa, device.inner, 0, length, device.outer, 0, now);
  return size < 0 ? size : device.pass(size, now);
}

/** `Device.send` by the rules, to be put in its place; `address` is the device's inner one, as in its configuration. */
export function createCoapSend(device: Device, address: Uint8Array): Device['send'] {
  const inner = device.inner;
  return (payload, offset, length, sourcePort, destination, destinationPort, now) => {
    const end = PAYLOAD + length;
    if (length < 0 || end > inner.length) return drop(device.endpoint, DROP_TOO_LONG);
    copy(inner, PAYLOAD, payload, offset, length);
    copy(inner, IPV6_DST, destination, 0, 16);
    copy(inner, IPV6_SRC, address, 0, 16);
    emitIpv6(inner, 0, 0, 0, UDP_SIZE + length, PROTO_UDP, 64);
    emitUdp(inner, IPV6_SIZE, end, 0, sourcePort, destinationPort);
    return protectCoap(device, end, now);
  };
}

/**
 * The hook `inner` of a device with an application for UDP alone: restores the payload of the packet in `Device.inner` and gives it
 * to `upper`. Returns 0, or a drop code, for the device to count; one that is counted already is 0.
 */
export function deliverCoap(
  device: Device,
  upper: DeviceUpper,
  address: Uint8Array,
  length: number,
  now: number,
): number {
  const inner = device.inner;
  const size = restoreCoap(device.endpoint, inner, 0, length);
  if (size < 0) return 0;
  if (size < PAYLOAD || !equal(inner, IPV6_DST, address, 0, 16)) return DROP_NOT_FOR_US;
  if (inner[IPV6_NEXT_HEADER] !== PROTO_UDP) return DROP_UNSUPPORTED;
  const code = checkUdp(inner, IPV6_SIZE, size, 0);
  if (code !== 0) return code;
  const sourcePort = u16(inner, IPV6_SIZE + UDP_SRC_PORT);
  const destinationPort = u16(inner, IPV6_SIZE + UDP_DST_PORT);
  const source = { octets: inner, at: IPV6_SRC, size: 16 };
  upper.datagram(inner, PAYLOAD, size - PAYLOAD, source, sourcePort, destinationPort, now);
  return 0;
}
