// What workers did, counted where this thread's own work is counted: in the SAs that stand for theirs, and in the gateway's sums.

import type { Endpoint } from '../../../../core/esp/endpoint.ts';
import type { Sa } from '../../../../core/esp/sa.ts';
import { halvesOf } from '../../host/state/reserve.ts';
import type { Bus } from '../bus.ts';
import type { IkeLink } from '../ike-link.ts';
import type { Router } from '../router.ts';
import type { UdpSockets } from '../udp.ts';
import type { Granted } from './grants.ts';
import { type FromWorker, IN_DROPS, OUT_DROPS, ROW, SUM } from './messages.ts';
import type { WorkerMetrics } from './workers.ts';

export interface ReportedConfig<Placed extends Granted> {
  bus: Bus;
  endpoint: Endpoint;
  ike: IkeLink;
  router: Router;
  udp: UdpSockets;
  placedOf(id: number): Placed | undefined;
  /** Numbers of an SA were used. */
  used(placed: Placed, isOut: boolean, number: number, packets: number): void;
  /** All of a row is counted. */
  told(placed: Placed): void;
}

type Report = Extract<FromWorker, { op: 'report' }>;

/** A function that takes reports; `stat`: the counters of their worker. */
export function createReported<Placed extends Granted>({
  bus,
  endpoint,
  ike,
  router,
  udp,
  placedOf,
  used,
  told,
}: ReportedConfig<Placed>): (report: Report, stat: Pick<WorkerMetrics, 'sent' | 'received' | 'handed'>) => void {
  function drops(reason: string, count: number): void {
    if (count <= 0) return;
    bus.drop('worker', reason);
    bus.drops[reason] += count - 1;
  }

  function counted(sa: Sa, names: readonly (keyof Sa)[], rows: Float64Array, at: number): void {
    names.forEach((name, index) => {
      (sa as unknown as Record<string, number>)[name] = rows[at + index];
    });
  }

  /** One direction of a row: packets that were carried since the last one. */
  function follow(sa: Sa, rows: Float64Array, at: number): number {
    const more = rows[at] - sa.packets;
    const { hi, lo } = halvesOf(rows[at + 2]);
    sa.packets = rows[at];
    sa.bytes = rows[at + 1];
    sa.snHi = hi;
    sa.snLo = lo;
    if (sa.since < 0 && sa.packets > 0) sa.since = bus.now();
    return more;
  }

  return ({ sums, rows, sockets }, stat) => {
    stat.sent += sums[SUM.sent];
    stat.received += sums[SUM.received];
    stat.handed += sums[SUM.handed];
    endpoint.sent += sums[SUM.sent];
    endpoint.received += sums[SUM.received];
    for (const [kind, at] of [
      ['sent', SUM.octetsSent],
      ['received', SUM.octetsReceived],
    ] as const) {
      router.traffic[kind].inner += sums[at];
      router.traffic[kind].esp += sums[at + 1];
      router.traffic[kind].uncompressed += sums[at + 2];
    }
    router.carried.written += sums[SUM.written];
    router.carried.read += sums[SUM.read];
    drops('tun', sums[SUM.dropTun]);
    drops('store', sums[SUM.dropStore]);
    drops('worker-busy', sums[SUM.dropBusy]);
    endpoint.drops.forEach((_, index) => {
      endpoint.drops[index] += sums[SUM.drops + index];
    });
    for (const [index, counters] of sockets) {
      const own = udp.ports[index].counters;
      for (const name of Object.keys(counters) as (keyof typeof counters)[]) own[name] += counters[name];
    }
    let isDue = false;
    for (let at = 0; at < rows.length; at += ROW.size) {
      const placed = placedOf(rows[at + ROW.id]);
      if (placed === undefined) continue;
      const { out, in: into } = placed;
      const sent = follow(out.sa, rows, at + ROW.outPackets);
      const received = follow(into.sa, rows, at + ROW.inPackets);
      counted(out.sa, OUT_DROPS, rows, at + ROW.outDrops);
      counted(into.sa, IN_DROPS, rows, at + ROW.inDrops);
      if (received > 0) ike.heard(into.sa, into, null, bus.now());
      if (sent > 0 && ike.carried(out, bus.now())) isDue = true;
      used(placed, true, rows[at + ROW.outNumber], sent);
      used(placed, false, rows[at + ROW.inNumber], received);
      told(placed);
    }
    if (isDue) bus.wake(0);
  };
}
