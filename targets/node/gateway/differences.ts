// What a new configuration changes for peers that are connected. Times and sizes are taken over by the IKE SAs as they are;
// what was negotiated or proved needs a new IKE SA.

import { isDeepStrictEqual } from 'node:util';
import { childPolicies, type IkePolicy } from '../../../core/ike/state/policy.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { inSlices } from '../host/slices.ts';
import { createComparison, jsonText } from './comparison.ts';
import { type GatewayConfig, hasPeers } from './config.ts';
import type { Connections } from './connections.ts';
import type { LoadedGateway } from './file.ts';

/** An IKE SA gets a policy that differs in names, times and sizes; several Child SAs are known by names. */
function goOn(sa: IkeSa, policy: IkePolicy): void {
  const [before, now] = [childPolicies(sa.policy), childPolicies(policy)];
  sa.policy = policy;
  if (before.length < 2) return;
  for (const child of sa.children) {
    const at = before.findIndex(({ name }) => name === child.policy.name);
    if (at >= 0 && at < now.length) child.policy = now[at];
  }
}

/**
 * Has IKE SAs follow other connections: those of peers that are none any more, or that differ in what was negotiated or proved,
 * are given to `end`; where only times and sizes differ, they go on with the new ones. In slices; the number of those that end.
 */
export async function followConnections(
  before: Connections['find'],
  connections: Connections,
  sas: readonly IkeSa[],
  end: (sa: IkeSa) => void,
): Promise<number> {
  const differ = createComparison();
  let ended = 0;
  await inSlices(sas, (sa) => {
    if (sa.state !== STATE_ESTABLISHED) return;
    const old = before(sa.peerIdType, sa.peerId);
    const next = connections.find(sa.peerIdType, sa.peerId);
    const difference = old === undefined || next === undefined ? 'hard' : differ(old, next);
    if (difference === 'soft') goOn(sa, connections.policyOn(next!, sa.path, sa.address.length > 0));
    if (difference !== 'hard') return;
    ended++;
    end(sa);
  });
  return ended;
}

/** What can be changed while it runs, by the names of a file; all else needs a restart. */
const FIXED: [string, (config: GatewayConfig) => unknown][] = [
  ['radios', ({ radios }) => radios.map(({ radio: _, ...rest }) => rest)],
  ['addresses', ({ addresses }) => addresses ?? []],
  ['contexts', ({ contexts }) => contexts ?? []],
  ['udp', ({ ike }) => ike?.udp ?? []],
  ['esp', ({ ike }) => ike?.esp],
  ['tcp', ({ ike }) => ike?.tcp ?? []],
  ['tcpConnections', ({ ike }) => ike?.tcpConnections],
  ['mobike', ({ ike }) => ike?.mobike],
  ['redirect', ({ ike }) => ike?.redirect],
  ['tun', ({ tun }) => tun],
  ['workers', ({ workers }) => workers ?? 0],
  ['sas', ({ sas }) => sas.map(({ name, config, direction }) => ({ name, config, direction }))],
  ['sessions', ({ sessions }) => sessions],
  ['idle', ({ idle }) => idle],
  ['pcap', ({ pcap }) => pcap],
  ['lostAfter', ({ lostAfter }) => lostAfter],
  ['privateNumbers', ({ ike }) => ike?.numbers],
  ['mtu', ({ ike }) => ike?.mtu],
  ['maxMessage', ({ ike }) => ike?.maxMessage],
  ['halfOpenMax', ({ ike }) => ike?.halfOpenMax],
  ['cookieThreshold', ({ ike }) => ike?.cookieThreshold],
  ['ticketKey', ({ ike }) => ike?.ticketKey],
  ['connection', hasPeers],
];

/** The same of the program around the gateway; the last: the option that is before the file. */
const FIXED_OF_PROGRAM: [string, (loaded: LoadedGateway) => unknown, string][] = [
  ['keylog', ({ keylog }) => keylog, 'keylog'],
  ['control', ({ socket }) => socket, 'socket'],
  ['http', ({ http }) => http, 'http'],
  ['state', ({ state: { directory } }) => directory, 'state'],
  ['stateKey', ({ state: { keyFile } }) => keyFile, ''],
  ['cluster', ({ cluster }) => cluster, ''],
];

/** Names of the fields that differ and need a restart, but for those that `options` of the command line give. */
export function programNeedsRestart(old: LoadedGateway, next: LoadedGateway, options: object): string[] {
  const fields = FIXED_OF_PROGRAM.filter(([, , option]) => !(options as Record<string, unknown>)[option]);
  return fields.filter(([, read]) => !isDeepStrictEqual(read(old), read(next))).map(([name]) => name);
}

/** Names of the fields that differ and need a restart. */
export function needRestart(old: GatewayConfig, next: GatewayConfig): string[] {
  return FIXED.filter(([, read]) => jsonText(read(old), false) !== jsonText(read(next), false)).map(([name]) => name);
}
