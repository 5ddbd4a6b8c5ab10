// The data path of a Child SA with several selectors on each side. Its SAs are made for the ranges around all of them, and take
// only packets whose source and destination are within one of each [RFC 4301 §4.4.1, §5.2]: outgoing ones are chosen by it,
// incoming ones are checked after their ICV. Other SAs are as ever.

import { compare, u16 } from '../../../core/base/bytes.ts';
import { DROP_SELECTOR } from '../../../core/base/drop.ts';
import type { Sa, SaConfig } from '../../../core/esp/sa.ts';
import type { Selector } from '../../../core/ike/codec/selectors.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import { selectorsOf } from '../../../core/ike/state/selector-note.ts';
import type { Network } from '../../../core/wire/header.ts';

/** Any port. */
const PORT_MAX = 65535;

type Addresses = Pick<Selector, 'start' | 'end'>;

/** The first and the last address of all. */
function hullOf(list: readonly Addresses[]): Addresses {
  const starts = list.map(({ start }) => start).sort(Buffer.compare);
  const ends = list.map(({ end }) => end).sort(Buffer.compare);
  return { start: starts[0], end: ends[ends.length - 1] };
}

/** True for a Child SA with more than one selector on a side. */
export function hasSeveral(child: ChildSa): boolean {
  const { local, remote } = selectorsOf(child);
  return local.length > 1 || remote.length > 1;
}

/** The addresses from the first to the last that the peer of a Child SA may have. */
export function peersOf(child: ChildSa): Addresses {
  return hullOf(selectorsOf(child).remote);
}

/** Makes the configuration of an SA, before it is made, one for all selectors of its Child SA. */
export function widenConfigs(child: ChildSa, outgoing: SaConfig, incoming: SaConfig): void {
  if (!hasSeveral(child)) return;
  const { local, remote } = selectorsOf(child);
  const [own, peer] = [hullOf(local), hullOf(remote)];
  for (const [{ attributes: a }, source, destination] of [
    [outgoing, own, peer],
    [incoming, peer, own],
  ] as const) {
    a.tsIpSrcStart = source.start;
    a.tsIpSrcEnd = source.end;
    a.tsIpDstStart = destination.start;
    a.tsIpDstEnd = destination.end;
    a.tsProto = 0;
    a.tsPortSrcStart = a.tsPortDstStart = 0;
    a.tsPortSrcEnd = a.tsPortDstEnd = PORT_MAX;
  }
}

function isAnyPort({ startPort, endPort }: Selector): boolean {
  return startPort === 0 && endPort === PORT_MAX;
}

/** True where one of `list` has this protocol, the address at `address` and the port at `port`; -1: the packet shows none. */
function takes(
  list: readonly Selector[],
  protocol: number,
  packet: Uint8Array,
  address: number,
  port: number,
): boolean {
  for (let i = 0; i < list.length; i++) {
    const one = list[i];
    const size = one.start.length;
    if (one.protocol !== 0 && one.protocol !== protocol) continue;
    if (compare(packet, address, one.start, 0, size) < 0 || compare(packet, address, one.end, 0, size) > 0) continue;
    if (isAnyPort(one)) return true;
    // Fragments can only match selectors that allow every port [RFC 4301 §7].
    if (port < 0) continue;
    const value = u16(packet, port);
    if (value >= one.startPort && value <= one.endPort) return true;
  }
  return false;
}

/** The header `network`, whose check also looks at selectors: DROP_SELECTOR for a packet that is outside. */
function limited(network: Network, source: readonly Selector[], destination: readonly Selector[]): Network {
  const verify: Network['verify'] = (buffer, offset, end, ip) => {
    const code = network.verify(buffer, offset, end, ip);
    if (code < 0) return code;
    const protocol = buffer[offset + network.protocol];
    const payload = offset + network.headerSize(buffer, offset);
    const port = network.fragment(buffer, offset) !== 0 || payload + 4 > end ? -1 : payload;
    if (!takes(source, protocol, buffer, offset + network.src, port)) return DROP_SELECTOR;
    return takes(destination, protocol, buffer, offset + network.dst, port < 0 ? -1 : port + 2) ? code : DROP_SELECTOR;
  };
  return { ...network, verify };
}

/** Limits an SA that was made by `widenConfigs` to the selectors of its Child SA, before its first packet. */
export function limitSa(sa: Sa, child: ChildSa, direction: 'in' | 'out'): void {
  if (!hasSeveral(child)) return;
  const { local, remote } = selectorsOf(child);
  const { form } = sa;
  const network =
    direction === 'out' ? limited(form.shape.network, local, remote) : limited(form.shape.network, remote, local);
  // SAs of a kind share their form: this one gets its own.
  sa.form = { ...form, shape: { ...form.shape, network } };
}
