// `dietesp demo --scenario qos`: voice and bulk in one tunnel through networks that classify by the outer DSCP.

import { table } from '../host/table.ts';
import { screenOf } from '../host/terminal.ts';
import { type Class, QOS_NETWORKS, type QosResult, qosSas, runQos } from '../lab/replay/qos.ts';
import { percent } from '../tools/replay-picture.ts';
import { printJson } from './options.ts';

/** The default of configuration files, one that is larger, and one that is enough here for voice. */
const WINDOWS = [64, 256, 1024];

export function demoQos(isJson: boolean): void {
  const sas = WINDOWS.flatMap((window) => [qosSas(window, false), qosSas(window, true)]);
  const rows = QOS_NETWORKS.flatMap((network) => {
    return sas.map((one) => {
      const { name, window } = one.answer;
      return { network: network.name, sas: name, window, ...runQos(one, network) };
    });
  });
  const setUp = sas.slice(0, 2).map(({ answer, agreed }) => {
    const { octets, messages } = agreed;
    return { sas: answer.name, octets, messages };
  });
  if (isJson) {
    printJson({ networks: QOS_NETWORKS.map(({ name, text }) => ({ name, text })), rows, setUp });
    return;
  }
  const screen = screenOf(process.stdout);
  const share = ({ lost, sent }: QosResult, kind: Class): string => percent((100 * lost[kind]) / sent[kind]);
  const parts = QOS_NETWORKS.map(({ name, text }) => {
    const own = rows.filter(({ network }) => network === name);
    const cells = own.map((row) => [
      row.sas,
      String(row.window),
      share(row, 'voice'),
      share(row, 'bulk'),
      String(row.delay.voice),
      String(row.delay.bulk),
    ]);
    const head = ['SAs', 'window', 'voice lost, %', 'bulk lost, %', 'voice waits, ms', 'bulk waits, ms'];
    return `${name}: ${text}\n\n${table(head, cells, screen)}`;
  });
  const octets = setUp.map((one) => `${one.sas} ${one.octets} octets in ${one.messages} messages`).join(', ');
  process.stdout.write(
    'Voice (DSCP 46) and bulk (DSCP 10) in one tunnel. Networks see the outer DSCP and treat the classes apart; the\n' +
      "receiver's replay window drops what was overtaken by more packets than it has places. Nothing else is lost.\n\n" +
      `${parts.join('\n')}\n` +
      `The class that waits is the one that loses. What IKE takes: ${octets}. More: docs/dscp.md\n`,
  );
}
