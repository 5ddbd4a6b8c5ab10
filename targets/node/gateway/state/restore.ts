// Brings the gateway's SAs back from its store after a restart. A record that cannot be used costs its IKE SA, nothing else. A
// peer that is no longer configured, or differently, gets a Delete; so does one whose Child SA cannot come back: an IKE SA that
// lives without it would tell the peer that all is well.

import { restoreIke } from '../../../../core/ike/child/restore.ts';
import { PROTOCOL_ESP } from '../../../../core/ike/codec/numbers.ts';
import { spiKey } from '../../../../core/ike/exchange/registry.ts';
import { closeIke } from '../../../../core/ike/exchange/requests.ts';
import { endIkeSa } from '../../../../core/ike/exchange/session.ts';
import { syncIke } from '../../../../core/ike/ext/counter-sync.ts';
import { CHILD_DELETED } from '../../../../core/ike/state/child.ts';
import type { Ike } from '../../../../core/ike/state/ike.ts';
import { OUTCOME_REFUSED } from '../../../../core/ike/state/outcome.ts';
import type { Path } from '../../../../core/ike/state/path.ts';
import { childPolicies, type IkePolicy } from '../../../../core/ike/state/policy.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../../../core/ike/state/sa.ts';
import { errorText } from '../../host/errors.ts';
import type { Log } from '../../host/log.ts';
import type { Connections } from '../connections.ts';
import type { Keeper } from './keeper.ts';
import { type FindPath, recordOf, SOON, type StoredIke } from './records.ts';

export interface RestoreConfig {
  records: ReadonlyMap<string, Uint8Array>;
  keeper: Keeper;
  log: Log;
  /** Milliseconds of IKE's clock. */
  now: number;
  find: FindPath;
  ikeOf(path: Path): Ike;
  connections: Connections;
}

export interface Restored {
  /** IKE SAs that came back, and Child SAs. */
  ikes: number;
  children: number;
  /** IKE SAs that end with a Delete, because the configuration has changed. */
  ended: number;
  /** IKE SAs whose record could not be used. */
  failed: number;
}

/** Names of Child SAs begin with that of their connection, which may be another now. */
function nameNow(policy: IkePolicy, name: string): string {
  const names = childPolicies(policy).map((one) => one.name);
  if (names.includes(name)) return name;
  const ends = names.filter((one) => name.endsWith(one.slice(policy.name.length)));
  return ends.reduce((best, one) => (one.length > best.length ? one : best), policy.child.name);
}

function restoreOne(
  config: RestoreConfig,
  spi: string,
  stored: StoredIke,
  back: (sa: IkeSa) => void,
): 'ended' | IkeSa | null {
  const { keeper, now, connections } = config;
  const { ike: record, progress, children } = stored;
  const { path } = progress;
  const ike = config.ikeOf(path);
  const connection = connections.sameAs(record.peerIdType, record.peerId, stored.digest);
  try {
    if (connection === undefined || !stored.isWhole) {
      const idle = { ...progress, request: new Uint8Array(0) };
      const last = restoreIke(ike, connections.fallbackOf(path), record, idle, [], now, () => {});
      if (last === null) return null;
      closeIke(ike, last, now);
      return stored.isWhole ? 'ended' : null;
    }
    const policy = connections.policyOn(connection, path, record.address.length > 0);
    for (const { record: child } of children) {
      child.name = nameNow(policy, child.name);
      // One number is kept for all Sub SAs of EESP: one that is behind is taken for a replay until there are new ones.
      if ((child.protocol ?? PROTOCOL_ESP) !== PROTOCOL_ESP) child.rekeyIn = SOON;
    }
    const sa = restoreIke(ike, policy, record, progress, children, now, (one) => {
      keeper.keys(one, record.keys);
      keeper.established(one);
      back(one);
    });
    const wanted = children.filter(({ stage }) => stage !== CHILD_DELETED).length;
    if (sa !== null && sa.children.length >= wanted) {
      // Its next packets would be refused, where it has not used all that was reserved for them [RFC 6311].
      if (stored.gap > 0) syncIke(ike, sa, stored.gap, 1, now);
      return sa;
    }
    if (sa === null) return null;
    closeIke(ike, sa, now);
    return 'ended';
  } catch (error) {
    const half = ike.bySpi[spiKey(record.spis, record.initiator ? 0 : 8)];
    if (half !== undefined) endIkeSa(ike, half, OUTCOME_REFUSED, now);
    config.log('error', 'state', () => `IKE SA ${spi}: ${errorText(error)}`);
    return null;
  }
}

/** An IKE SA that a rekey has replaced: it repeats its last answer. Without the new one it is of no use. */
function restoreFormer(config: RestoreConfig, spi: string, stored: StoredIke): void {
  const next = config.ikeOf(stored.progress.path).bySpi[spiKey(Buffer.from(stored.next, 'hex'), 0)];
  if (next === undefined || next.state !== STATE_ESTABLISHED) return;
  const old = restoreOne(config, spi, stored, () => {});
  if (old === null || old === 'ended') return;
  old.successor = next;
  next.former = old;
  config.keeper.replaced(old, next);
}

/** Restores every IKE SA of the records. `back` is told of each before its Child SAs are there. */
export function restoreSas(config: RestoreConfig, back: (sa: IkeSa) => void): Restored {
  const restored: Restored = { ikes: 0, children: 0, ended: 0, failed: 0 };
  const former: [string, StoredIke][] = [];
  for (const key of config.records.keys()) {
    if (!key.startsWith('ike/')) continue;
    const spi = key.slice(4);
    const stored = recordOf(config.records, spi, config.find);
    if (stored?.progress.replaced) {
      former.push([spi, stored]);
      continue;
    }
    const result = stored === null ? null : restoreOne(config, spi, stored, back);
    if (result === null) restored.failed++;
    else if (result === 'ended') restored.ended++;
    else {
      restored.ikes++;
      restored.children += result.children.length;
    }
  }
  for (const [spi, stored] of former) restoreFormer(config, spi, stored);
  return restored;
}
