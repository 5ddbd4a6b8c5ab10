// What a worker of the bench does: it has an SA of its own, or a counter of its own in an SA that others have too, and shares
// nothing with them. It protects packets, opens what it protected, and then tries to open all of it once more.

import type { MessagePort } from 'node:worker_threads';
import { addAnyInbound, createAnySa } from '../../../../core/eesp/any.ts';
import { createEespEndpoint } from '../../../../core/eesp/endpoint.ts';
import { type EespConfig, type EespOptions, type EespSa, isEesp, sendWith } from '../../../../core/eesp/sa.ts';
import { ALL_SSKDFS } from '../../../../core/eesp/sskdf.ts';
import { ALL_SUITES } from '../../../../core/esp/all-suites.ts';
import { createEndpoint } from '../../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../../core/esp/full-parts.ts';
import { OUTBOUND_ROOM } from '../../../../core/esp/outbound.ts';
import type { Sa, SaConfig } from '../../../../core/esp/sa.ts';
import { createSubspaceSuite, useSubspace } from '../../../../core/esp/subspaces.ts';
import { protectAny } from '../../host/eesp.ts';
import { createFastProvider } from '../../host/provider/fast.ts';
import { innerPacket, openWith } from './packets.ts';

/** A configuration as it passes between threads: functions by what tells them. */
interface PlainConfig extends Omit<SaConfig, 'suite' | 'df'> {
  encr: number;
  integ: number;
  subspaces: number;
  eesp: (Omit<EespOptions, 'sskdf'> & { sskdf: number }) | null;
}

/** What a worker begins with. */
export interface WorkerPart {
  outgoing: PlainConfig;
  incoming: PlainConfig;
  /** Its subspace, or its Sub SA. */
  id: number;
  dscp: number;
  /** Octets of a packet's UDP payload. */
  payload: number;
}

/** A request to a worker; it answers with the packets that went well, or that were taken. */
export interface WorkerJob {
  /** `prepare` keeps what it protects for `receive`; `replay` is the same once more. */
  what: 'send' | 'prepare' | 'receive' | 'replay';
  count: number;
}

export function plainOf({ suite, df: _df, ...rest }: SaConfig): PlainConfig {
  const { eesp } = rest as unknown as Partial<EespConfig>;
  return {
    ...rest,
    encr: suite.encr,
    integ: suite.integ,
    subspaces: suite.subspaces ?? 0,
    eesp: eesp === undefined ? null : { ...eesp, sskdf: eesp.sskdf!.id },
  };
}

function configFrom({ encr, integ, subspaces, eesp, ...rest }: PlainConfig): SaConfig {
  const named = ALL_SUITES.find((suite) => suite.encr === encr && suite.integ === integ)!;
  const suite = subspaces > 0 ? createSubspaceSuite(named, subspaces) : named;
  const config: SaConfig = { ...rest, suite, df: null };
  if (eesp === null) return config;
  const sskdf = ALL_SSKDFS.find(({ id }) => id === eesp.sskdf)!;
  return { ...config, eesp: { ...eesp, sskdf } } as EespConfig;
}

/** Does the work: answers each `WorkerJob` on `port`. */
export function work(port: MessagePort, part: WorkerPart): void {
  const e = createEespEndpoint(createEndpoint({ ...FULL_PARTS, search: null }, createFastProvider()));
  const sender: Sa = createAnySa(e, configFrom(part.outgoing));
  addAnyInbound(e, createAnySa(e, configFrom(part.incoming)));
  useSubspace(sender, part.id);
  if (isEesp(sender)) sendWith(sender as EespSa, part.id);
  const inner = innerPacket(part.dscp, 10000, part.payload);
  const outer = new Uint8Array(inner.length + OUTBOUND_ROOM);
  const restored = new Uint8Array(inner.length + OUTBOUND_ROOM);
  let prepared: Uint8Array[] = [];
  let recorded: Uint8Array[] = [];

  port.on('message', ({ what, count }: WorkerJob) => {
    let good = 0;
    if (what === 'prepare') {
      prepared = [];
      recorded = [];
    }
    const list = what === 'replay' ? recorded : prepared;
    for (let i = 0; i < count; i++) {
      if (what === 'receive' || what === 'replay') {
        if (openWith(e, list[i], restored) === inner.length) good++;
        continue;
      }
      const length = protectAny(e, sender, inner, inner.length, outer, 0);
      if (length > 0) good++;
      // It is opened in place: an attacker has a copy.
      if (what === 'prepare') {
        prepared.push(outer.slice(0, length));
        recorded.push(outer.slice(0, length));
      }
    }
    port.postMessage(good);
  });
}
