// The gateway's lines at its start: where it listens, who may connect, how to stop it. Lines are short, so that they fit a
// terminal after the time and the level of a log.

import { identityText } from '../host/config/ike-names.ts';
import { KINDS, kindOf } from '../host/radio/kinds.ts';
import type { GatewayConfig } from './config.ts';
import type { GatewayMetrics } from './views.ts';

/** Peers that are named. */
const PEERS = 8;

/** `metrics` has the ports that the system chose. */
export function startText(config: GatewayConfig, metrics: GatewayMetrics): string[] {
  const radios = config.radios.map((radio, index) => {
    const { panId, zep } = radio;
    const kind = kindOf(radio);
    // A port that the system chooses is not known here.
    const line =
      kind === undefined ? '' : zep !== undefined && (zep.port ?? 0) === 0 ? ', ZEP' : `, ${KINDS[kind].text(radio)}`;
    return `radio ${metrics.radios[index].name}: PAN ${panId.toString(16).padStart(4, '0')}${line}`;
  });
  const sockets = metrics.udp.map(({ address, port, natPort }) => `UDP ${address}: ports ${port} and ${natPort}`);
  const streams = metrics.tcp.map(({ address, port }) => `TCP ${address}: port ${port}`);
  const raw = metrics.raw === null ? [] : ['ESP in IP protocol 50 as well'];
  const connections = config.ike?.connections ?? [];
  const peers = connections.slice(0, PEERS).map(({ name, policy: { remoteId } }) => {
    return `peer ${name}: ${remoteId === null ? 'any identity' : identityText(remoteId.type, remoteId.data)}`;
  });
  const more = connections.length > PEERS ? [`and ${connections.length - PEERS} more peers`] : [];
  const named = config.ike?.named;
  const files = named === undefined ? [] : [`${named.size} peers from ${named.from}`];
  return [...radios, ...sockets, ...streams, ...raw, ...peers, ...more, ...files, 'stop: Ctrl-C or SIGTERM'];
}
