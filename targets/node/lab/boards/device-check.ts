// What the file of a device with SAs keyed by hand, and its SAs, must agree on: addresses, selectors, flows.

import { compare } from '../../../../core/base/bytes.ts';
import { MODE_TUNNEL } from '../../../../core/dietesp/attributes.ts';
import { same } from '../../../../core/ike/codec/octets.ts';
import type { Flow } from '../../../build/specialise/esp-facts.ts';
import { addressText } from '../../host/addresses.ts';
import { type Field, fieldError, inside } from '../../host/config/field.ts';
import type { LoadedSa } from '../../host/config/sa.ts';
import type { CommandError } from '../../host/errors.ts';

/** The SA from a device, and the one to it. */
export interface DevicePair {
  up: LoadedSa;
  down: LoadedSa;
}

/** True for an address that one node can have: not unspecified, not multicast, not broadcast. */
export function isOfNode(octets: Uint8Array): boolean {
  if (octets.every((octet) => octet === 0)) return false;
  return octets.length === 4 ? octets[0] < 224 : octets[0] !== 0xff;
}

/** An error of a field of an SA. */
function saError(sa: LoadedSa, field: string, value: string, limit: string): CommandError {
  return sa.locate(Object.assign(new Error(''), { field, value, limit }));
}

function within(octets: Uint8Array, start: Uint8Array, end: Uint8Array): boolean {
  const size = octets.length;
  return compare(start, 0, octets, 0, size) <= 0 && compare(octets, 0, end, 0, size) <= 0;
}

/** The outer addresses are those of the device's file, both ways. */
function checkOuter({ up, down }: DevicePair, address: Uint8Array, gateway: Uint8Array): void {
  const expect = (sa: LoadedSa, field: string, actual: Uint8Array, wanted: Uint8Array, name: string): void => {
    if (!same(actual, wanted))
      throw saError(sa, field, addressText(actual), `must be \`${name}\` of the device's file`);
  };
  for (const sa of [up, down]) {
    const { ipsecMode, tunnelSrc, tunnelDst, tsIpSrcStart, tsIpDstStart } = sa.attributes;
    const isTunnel = ipsecMode === MODE_TUNNEL;
    const [source, destination] = isTunnel ? ['tunnel_ip[0]', 'tunnel_ip[1]'] : ['ts_ip_src', 'ts_ip_dst'];
    const own = sa === up ? 'address' : 'gateway.address';
    const other = sa === up ? 'gateway.address' : 'address';
    expect(sa, source, isTunnel ? tunnelSrc : tsIpSrcStart, sa === up ? address : gateway, own);
    expect(sa, destination, isTunnel ? tunnelDst : tsIpDstStart, sa === up ? gateway : address, other);
  }
}

/** The SA to the device takes packets between the addresses of the other one. */
function checkInner({ up, down }: DevicePair): void {
  const a = up.attributes;
  const b = down.attributes;
  for (const [field, octets] of [
    ['ts_ip_src', a.tsIpSrcStart],
    ['ts_ip_dst', a.tsIpDstStart],
  ] as const) {
    if (!isOfNode(octets)) throw saError(up, field, addressText(octets), 'must be the address of a node');
  }
  const limit = (octets: Uint8Array): string => `must have ${addressText(octets)} of the SA from the device`;
  if (!within(a.tsIpDstStart, b.tsIpSrcStart, b.tsIpSrcEnd)) {
    throw saError(down, 'ts_ip_src', addressText(b.tsIpSrcStart), limit(a.tsIpDstStart));
  }
  if (!within(a.tsIpSrcStart, b.tsIpDstStart, b.tsIpDstEnd)) {
    throw saError(down, 'ts_ip_dst', addressText(b.tsIpDstStart), limit(a.tsIpSrcStart));
  }
}

/** Both SAs take the ports of each flow, and no flow is there twice. `isListed`: the file has them. */
function checkFlows(root: Field, { up, down }: DevicePair, flows: readonly Flow[], isListed: boolean): void {
  const a = up.attributes;
  const b = down.attributes;
  flows.forEach(({ ownPort, peerPort }, i) => {
    const flow = inside(root, 'flows', i);
    const first = flows.findIndex((other) => other.ownPort === ownPort && other.peerPort === peerPort);
    if (first < i) throw fieldError(inside(flow, 'port'), `must not be flows[${first}] again`);
    for (const [sa, field, start, end, name, port] of [
      [up, 'ts_port_src', a.tsPortSrcStart, a.tsPortSrcEnd, 'port', ownPort],
      [up, 'ts_port_dst', a.tsPortDstStart, a.tsPortDstEnd, 'peerPort', peerPort],
      [down, 'ts_port_dst', b.tsPortDstStart, b.tsPortDstEnd, 'port', ownPort],
      [down, 'ts_port_src', b.tsPortSrcStart, b.tsPortSrcEnd, 'peerPort', peerPort],
    ] as const) {
      if (port >= start && port <= end) continue;
      if (!isListed) throw saError(sa, field, `${start}..${end}`, `must have ${port} of the SA from the device`);
      throw fieldError(inside(flow, name), `must be ${start}..${end}: ${field} of the SA \`${sa.name}\``);
    }
  });
}

/** Throws a CommandError at the first thing that differs. */
export function checkDevice(
  root: Field,
  pair: DevicePair,
  outer: { address: Uint8Array; gateway: Uint8Array },
  flows: { list: readonly Flow[]; isListed: boolean },
): void {
  const places = [
    [inside(root, 'address'), outer.address],
    [inside(root, 'gateway', 'address'), outer.gateway],
  ] as const;
  for (const [field, octets] of places) if (!isOfNode(octets)) throw fieldError(field, 'must be the address of a node');
  if (same(outer.address, outer.gateway)) throw fieldError(places[1][0], "must not be the device's own");
  checkOuter(pair, outer.address, outer.gateway);
  checkInner(pair);
  checkFlows(root, pair, flows.list, flows.isListed);
}
