// Another configuration for a gateway that runs. It is checked as a whole first: then what differs is applied, and what needs a
// restart is named. SAs whose configuration did not change go on.

import { parseIdentity } from '../host/config/ike-names.ts';
import { isSameRecord } from '../host/config/named-peers.ts';
import type { Air } from './air.ts';
import { createComparison } from './comparison.ts';
import { checkGatewayConfig, type GatewayConfig } from './config.ts';
import { needRestart } from './differences.ts';
import type { IkeLink } from './ike-link.ts';
import { resolveFlows } from './lifecycle.ts';
import type { Reloaded } from './reloaded.ts';
import type { Router } from './router.ts';

export interface Reloader {
  /** Throws `field: value: limit`, and then nothing has changed. */
  reload(next: GatewayConfig): Promise<Reloaded>;
}

function countPeers(old: GatewayConfig, next: GatewayConfig): Pick<Reloaded, 'added' | 'changed' | 'removed'> {
  const differ = createComparison();
  const before = new Map((old.ike?.connections ?? []).map((connection) => [connection.name, connection]));
  let added = 0;
  let changed = 0;
  for (const connection of next.ike?.connections ?? []) {
    const known = before.get(connection.name);
    before.delete(connection.name);
    if (known === undefined) added++;
    else if (differ(known, connection) !== 'same') changed++;
  }
  const [earlier, named] = [old.ike?.named, next.ike?.named];
  let kept = 0;
  for (const peer of named?.all() ?? []) {
    const id = parseIdentity(peer.remoteId)!;
    const known = earlier?.get(id.type, id.data);
    if (known === undefined) added++;
    else {
      kept++;
      if (!isSameRecord(known, peer) || differ(known.profile, peer.profile) !== 'same') changed++;
    }
  }
  return { added, changed, removed: before.size + (earlier?.size ?? 0) - kept };
}

/** `config`: as it was started with. */
export function createReloader(config: GatewayConfig, air: Air, ike: IkeLink, router: Router): Reloader {
  let current = config;

  async function apply(next: GatewayConfig): Promise<Reloaded> {
    // What was opened stays as it is.
    const merged: GatewayConfig = { ...current, peers: next.peers ?? [], flows: next.flows ?? [] };
    if (current.ike !== undefined && next.ike !== undefined) {
      merged.ike = { ...current.ike, connections: next.ike.connections, named: next.ike.named, pool: next.ike.pool };
    }
    const checked = checkGatewayConfig(merged);
    const flows = await resolveFlows(checked.flows);
    const restart = needRestart(current, next);
    const peers = countPeers(current, next);
    router.follow(flows);
    const kept = new Set<string>();
    for (const { address, radio, link } of checked.peers) {
      air.peers.configure(address, radio, link);
      kept.add(Buffer.from(address).toString('hex'));
    }
    for (const peer of air.peers.all()) {
      // From now on it is learned as others are.
      if (!kept.has(Buffer.from(peer.address).toString('hex'))) peer.configured = false;
    }
    const ended = await ike.follow(merged, checked);
    current = merged;
    return { ...peers, ended, restart };
  }

  let last: Promise<unknown> = Promise.resolve();
  return {
    reload(next) {
      const done = last.then(() => apply(next));
      last = done.catch(() => {});
      return done;
    },
  };
}
