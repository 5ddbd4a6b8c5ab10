// The gateway in numbers, and its radios.

import { h, type Tree } from '../web/xray/tree.ts';
import { at, fill, say, tableOf } from './dom.ts';
import { duration, shortNumber } from './format.ts';

type Reasons = Record<string, number>;

interface Traffic {
  inner: number;
  esp: number;
  uncompressed: number;
}

export interface Status {
  version: string;
  file: string;
  uptime: number;
  draining: boolean;
  sas: number;
  memory: number;
  ike: { up: number; halfOpen: number } | null;
  esp: { sent: number; received: number; octetsSent: Traffic; octetsReceived: Traffic; drops: Reasons };
  drops: Reasons;
  radios: Radio[];
}

export interface Radio {
  name: string;
  frames: number;
  octets: number;
  retries: number;
  received: number;
  airTime: number;
  packetsSent: number;
  packetsReceived: number;
  waiting: number;
  macDrops: Reasons;
  lowpanDrops: Reasons;
}

const sum = (reasons: Reasons): number => Object.values(reasons).reduce((all, some) => all + some, 0);

function tile(name: string, value: string, note: string, kind = ''): Tree {
  return h(
    'div',
    kind === '' ? {} : { class: kind },
    h('dt', {}, name),
    h('dd', {}, value, note === '' ? '' : h('small', {}, note)),
  );
}

/** Counts of the same reason in several lists together. */
function added(lists: Reasons[]): Reasons {
  const all: Reasons = {};
  for (const list of lists)
    for (const [reason, count] of Object.entries(list)) all[reason] = (all[reason] ?? 0) + count;
  return all;
}

function reasonsText(reasons: Reasons): string {
  const largest = Object.entries(reasons).sort(([, a], [, b]) => b - a);
  return largest.length === 0
    ? 'none'
    : largest
        .slice(0, 2)
        .map(([reason, count]) => `${reason} ${shortNumber(count)}`)
        .join(', ');
}

function drawRadios(radios: Radio[]): void {
  if (radios.length === 0) {
    fill(at('radios'), h('p', {}, 'The gateway has no radio.'));
    return;
  }
  const head = [
    'radio',
    'frames',
    'retries',
    'received',
    'octets',
    'seconds on air',
    'packets in',
    'packets out',
    'waiting',
    'drops',
  ];
  const rows = radios.map((radio) => [
    radio.name,
    shortNumber(radio.frames),
    shortNumber(radio.retries),
    shortNumber(radio.received),
    shortNumber(radio.octets),
    (radio.airTime / 1000).toFixed(1),
    shortNumber(radio.packetsReceived),
    shortNumber(radio.packetsSent),
    shortNumber(radio.waiting),
    shortNumber(sum(radio.macDrops) + sum(radio.lowpanDrops)),
  ]);
  fill(
    at('radios'),
    tableOf(head, rows, (column) => column > 0),
  );
}

/** Shows the status, and the rates of the last second. */
export function drawNumbers(status: Status, rates: Record<string, number>): void {
  const { esp, ike, drops } = status;
  const wire = esp.octetsSent.esp + esp.octetsReceived.esp;
  const ordinary = esp.octetsSent.uncompressed + esp.octetsReceived.uncompressed;
  const saved = ordinary - wire;
  const share = ordinary === 0 ? '' : `${Math.round((saved / ordinary) * 100)} % of ordinary ESP`;
  const reasons = [esp.drops, drops, ...status.radios.flatMap(({ macDrops, lowpanDrops }) => [macDrops, lowpanDrops])];
  const dropped = reasons.reduce((all, some) => all + sum(some), 0);
  say(
    at('about'),
    `${status.version}${status.file === '' ? '' : `, ${status.file}`}${status.draining ? ', draining' : ''}`,
  );
  fill(
    at('tiles'),
    tile(
      'Peers',
      String(ike?.up ?? 0),
      ike === null ? 'no IKE' : `${shortNumber(status.sas)} SAs, ${ike.halfOpen} on the way`,
    ),
    tile('Packets in', shortNumber(esp.received), `${shortNumber(rates.packetsReceived ?? 0)} a second`),
    tile('Packets out', shortNumber(esp.sent), `${shortNumber(rates.packetsSent ?? 0)} a second`),
    tile('Octets saved', shortNumber(saved), share, 'is-saved'),
    tile('Dropped', shortNumber(dropped), reasonsText(added(reasons))),
    tile('Up', duration(status.uptime), `${shortNumber(status.memory)}B of memory`),
  );
  drawRadios(status.radios);
}
