// Replay loss in networks that classify by the outer DSCP: the figures of `dietesp demo --scenario qos`, for more windows.

import {
  type Class,
  QOS_NETWORKS,
  QOS_WINDOWS,
  type QosResult,
  qosSas,
  runQos,
} from '../../targets/node/lab/replay/qos.ts';
import type { Figure } from './ike.ts';

export function benchQos(): Figure[] {
  const share = ({ sent, lost }: QosResult, kind: Class): number => (100 * lost[kind]) / sent[kind];
  return QOS_WINDOWS.flatMap((window) => {
    const ways = [qosSas(window, false), qosSas(window, true)];
    return QOS_NETWORKS.flatMap((network) =>
      ways.map((sas) => {
        const result = runQos(sas, network);
        return {
          name: `${network.name}, window ${window}, ${sas.answer.name}: voice lost`,
          value: share(result, 'voice'),
          unit: '%',
          beside: `bulk ${share(result, 'bulk')} %`,
        };
      }),
    );
  });
}
