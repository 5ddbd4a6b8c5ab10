// The gateway's state over restarts: its journal, what keeps SAs in it, and how they come back at the start.

import { createJournal, type Journal } from '../../host/state/journal.ts';
import type { StateStore } from '../../host/state/store.ts';
import type { Associations } from '../associations.ts';
import type { Bus } from '../bus.ts';
import type { Direction, GatewaySa } from '../config.ts';
import type { IkeLink } from '../ike-link.ts';
import type { StateMetrics } from '../views.ts';
import { configuredKey, continued, NumbersLost } from './configured.ts';
import { createKeeper, type Keeper, type KeeperConfig } from './keeper.ts';

/** Records that the SAs which come back write anew. */
const RENEWED = /^(?:ike|now|sa|num)\/(?!file\/)/;

export interface State {
  /** Makes what keeps SAs; called once. */
  keep(config: Omit<KeeperConfig, 'journal' | 'records' | 'shared'>): Keeper;
  /** Associations whose configured SAs go on where the store says they were. */
  counting(sas: Associations): Associations;
  /** Brings back what the last process had. */
  restore(ike: IkeLink): void;
  /** Brings back what another gateway had. */
  take(ike: IkeLink, records: ReadonlyMap<string, Uint8Array>): void;
  metrics(): StateMetrics;
  close(): Promise<void>;
}

export function createState(store: StateStore, bus: Bus): State {
  const { log } = bus;
  let keeper: Keeper | null = null;
  const journal: Journal = createJournal(store, log, () => keeper?.everything());
  for (const problem of store.problems) log('warn', 'state', () => problem);

  /** A configured SA with what the store says about it. */
  function known(entry: GatewaySa, direction: Direction, key: string): GatewaySa {
    const record = store.records.get(key);
    try {
      if (record !== undefined) return continued(entry, direction, record);
      if (store.mayLack?.(key)) throw new NumbersLost();
      return entry;
    } catch (error) {
      if (error instanceof NumbersLost) keeper!.lost(key);
      throw error;
    }
  }

  return {
    keep(config) {
      keeper = createKeeper({ ...config, journal, records: store.records, shared: store.shared ?? null });
      return keeper;
    },
    counting: (sas) => ({
      ...sas,
      add(entry, direction, atFront, owner) {
        if (owner !== undefined || keeper === null) return sas.add(entry, direction, atFront, owner);
        const key = configuredKey(entry, direction);
        const association = sas.add(known(entry, direction, key), direction, atFront);
        keeper.configured(association, key);
        return association;
      },
    }),
    take(ike, records) {
      for (const key of records.keys()) if (RENEWED.test(key)) journal.put(key, () => null);
      ike.restore(records);
    },
    restore(ike) {
      for (const key of store.records.keys()) if (RENEWED.test(key)) journal.put(key, () => null);
      const done = ike.restore(store.records);
      if (done === null || done.ikes + done.ended + done.failed === 0) return;
      log('info', 'state', () => {
        const lost = done.failed === 0 ? '' : `; ${done.failed} could not be used`;
        const ended = done.ended === 0 ? '' : `; ${done.ended} end, as their configuration has changed`;
        return `${done.ikes} IKE SAs and ${done.children} Child SAs are back${ended}${lost}`;
      });
    },
    metrics: () => ({ ...journal.metrics, isKept: journal.isKept() }),
    close() {
      keeper?.close();
      return journal.close();
    },
  };
}
