// Replay loss behind a link with a priority queue that classifies by the outer DSCP on the wire: one SA for all against one for
// each class. In virtual time, with real packets: the figures are the same in every run.

import { createLane, type Lane, laneFor, setClass } from '../../core/esp/lanes.ts';
import { easySa, endpointOf, ORDINARY, packetOf, receive, send } from '../core/support.ts';
import { SIX } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import type { Figure } from './ike.ts';

export const WINDOWS = [32, 64, 128, 256, 512, 1024];
const VOICE = 46;
const BULK = 10;
/** Packets a millisecond: of the link, of voice; and a burst of bulk at the beginning of each period of so many milliseconds. */
const LINK = 8;
const CALLS = 6;
const BURST = 400;
const PERIOD = 500;
const TIME = 2000;

function inner(dscp: number): Uint8Array {
  const octets = packet(SIX, udp(5001, 4500, Buffer.alloc(20)));
  octets[0] = 0x60 | (dscp >> 2);
  octets[1] = (octets[1] & 0x3f) | ((dscp & 3) << 6);
  return octets;
}

/** DSCP of the outer header: all that the link sees. */
function outerDscp(wire: Uint8Array): number {
  return ((wire[0] & 15) << 2) | (wire[1] >>> 6);
}

export interface QosResult {
  sent: Record<'voice' | 'bulk', number>;
  lost: Record<'voice' | 'bulk', number>;
}

/** `classes`: the DSCP values of each SA, empty for the default one. */
export function runQos(window: number, classes: number[][]): QosResult {
  const spi = (index: number): string => (0x10000 + index).toString(16).padStart(8, '0');
  const make = (index: number) => easySa(6, 17, { ...ORDINARY, esp_spi: spi(index) }, { replayWindow: window });
  const lanes = classes.map((values, index): Lane => {
    const lane = createLane(make(index));
    setClass(lane, Uint8Array.from(values), 0);
    return lane;
  });
  const sender = endpointOf();
  const receiver = endpointOf(...classes.map((_, index) => make(index)));
  const high: Uint8Array[] = [];
  const low: Uint8Array[] = [];
  const result: QosResult = { sent: { voice: 0, bulk: 0 }, lost: { voice: 0, bulk: 0 } };
  const arrive = (dscp: number): void => {
    const octets = inner(dscp);
    const lane = laneFor(lanes, octets, 0, octets.length, 0)!;
    const wire = packetOf(send(sender, lane.sa, octets));
    result.sent[dscp === VOICE ? 'voice' : 'bulk']++;
    (outerDscp(wire) === VOICE ? high : low).push(wire);
  };
  for (let ms = 0; ms < TIME || high.length + low.length > 0; ms++) {
    if (ms < TIME) {
      for (let n = 0; n < CALLS; n++) arrive(VOICE);
      for (let n = 0; ms % PERIOD === 0 && n < BURST; n++) arrive(BULK);
    }
    for (let n = 0; n < LINK; n++) {
      const wire = high.shift() ?? low.shift();
      if (wire === undefined) break;
      const kind = outerDscp(wire) === VOICE ? 'voice' : 'bulk';
      if (typeof receive(receiver, wire) === 'string') result.lost[kind]++;
    }
  }
  return result;
}

export function benchQos(): Figure[] {
  return WINDOWS.flatMap((window) => {
    const one = runQos(window, [[]]);
    const each = runQos(window, [[], [VOICE], [BULK]]);
    const share = ({ sent, lost }: QosResult, kind: 'voice' | 'bulk'): number => (100 * lost[kind]) / sent[kind];
    return [
      {
        name: `window ${window}: bulk lost, one SA`,
        value: share(one, 'bulk'),
        unit: '%',
        beside: `voice ${share(one, 'voice')} %`,
      },
      {
        name: `window ${window}: bulk lost, an SA for each class`,
        value: share(each, 'bulk'),
        unit: '%',
        beside: `voice ${share(each, 'voice')} %`,
      },
    ];
  });
}
