// Metrics of a gateway that is one of several.

import { counter, type Family, gauge, one, reasons, ways } from './family.ts';

export const CLUSTER: readonly Family[] = [
  gauge('cluster_lease_held', '1: it may send and take packets; 0: it is silent.', ({ counters: { cluster } }) =>
    cluster === null ? [] : one(cluster.isHeld ? 1 : 0),
  ),
  gauge('cluster_gateways', 'Gateways of the cluster that live, as this one sees them.', ({ counters: { cluster } }) =>
    cluster === null ? [] : one(cluster.others.filter(({ isLive }) => isLive).length + (cluster.isHeld ? 1 : 0)),
  ),
  counter(
    'cluster_groups',
    'IKE SAs with what belongs to them that it took over, and that others took from it.',
    ({ counters: { cluster } }) => (cluster === null ? [] : reasons({ taken: cluster.taken, lost: cluster.lost })),
    ['reason'],
  ),
  counter('cluster_renewals_failed', 'Renewals of the lease that failed.', ({ counters: { cluster } }) =>
    cluster === null ? [] : one(cluster.failures),
  ),
  counter(
    'cluster_forwarded_packets',
    'Packets of SAs that another gateway has: given to it (out), or taken from others (in).',
    ({ counters: { cluster } }) =>
      cluster === null ? [] : ways(cluster.relay.forwardedOut, cluster.relay.forwardedIn),
    ['direction'],
  ),
  counter(
    'cluster_sent_packets',
    'Packets to peers that left by other gateways (out), or here for others (in).',
    ({ counters: { cluster } }) => (cluster === null ? [] : ways(cluster.relay.sentOut, cluster.relay.sentIn)),
    ['direction'],
  ),
  counter(
    'cluster_relay_events',
    'Between gateways: questions who has an SA, first messages divided among them, packets that no gateway took, what was over the limit, messages that were refused, copies of packets from radios.',
    ({ counters: { cluster } }) => {
      if (cluster === null) return [];
      const { asked, claimed, untaken, limited, refused, heardTwice } = cluster.relay;
      return reasons({ asked, claimed, untaken, limited, refused, 'heard-twice': heardTwice });
    },
    ['reason'],
  ),
];
