// AH in transport mode against ESP of the same class in the same run: HMAC against NULL with HMAC, GMAC against AES-GCM. Compare ratios.

import { inboundAh } from '../../core/ah/inbound.ts';
import { outboundAh } from '../../core/ah/outbound.ts';
import { type AH_SUITES, ahAesCmac, ahAesGmac128, ahHmacSha256 } from '../../core/ah/suites.ts';
import { addInbound } from '../../core/esp/endpoint.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { outbound } from '../../core/esp/outbound.ts';
import { useLongCopies } from '../../targets/node/host/long-copies.ts';
import { endpointOf, type Given, saOf } from '../ah/kit.ts';
import { six } from '../ah/packets.ts';
import { endpoint, saOf as espOf, ordinary } from '../interop/associations.ts';
import type { Figure } from './ike.ts';

const PACKETS = 4000;
const RUNS = 9;
const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Protects a packet and opens it. */
type Trip = () => number;

function ahTrip(suite: (typeof AH_SUITES)[number], packet: Uint8Array): Trip {
  const given: Given = { suite, ah: { scope: 1 } };
  const sender = saOf(given);
  const e = endpointOf(saOf(given));
  const wire = new Uint8Array(2000);
  const back = new Uint8Array(2000);
  return () => {
    const length = outboundAh(e, sender, packet, 0, packet.length, wire, 0, 0);
    return inboundAh(e, wire, 0, length, back, 0, 0);
  };
}

function espTrip(suite: string, packet: Uint8Array): Trip {
  const values = ordinary(suite, 6, 0, 0x7777);
  const sender = espOf(values);
  const e = endpoint();
  addInbound(e, espOf(values));
  const wire = new Uint8Array(2000);
  const back = new Uint8Array(2000);
  return () => {
    const length = outbound(e, sender, packet, 0, packet.length, wire, 0, 0);
    return inbound(e, wire, 0, length, back, 0, 0);
  };
}

export function benchAh(): Figure[] {
  // As the gateway does.
  useLongCopies();
  const figures: Figure[] = [];
  for (const octets of [64, 1400]) {
    const packet = six([], octets - 48);
    const trips: [name: string, trip: Trip, against: number][] = [
      ['ESP NULL + HMAC-SHA2-256-128', espTrip('NULL_HMAC_SHA2_256_128', packet), 0],
      ['AH HMAC-SHA2-256-128', ahTrip(ahHmacSha256, packet), 0],
      ['ESP AES-GCM-16', espTrip('AES_GCM_16', packet), 2],
      ['AH AES-128-GMAC', ahTrip(ahAesGmac128, packet), 2],
      ['AH AES-CMAC-96', ahTrip(ahAesCmac, packet), 0],
    ];
    const rates = trips.map((): number[] => []);
    for (let run = -2; run < RUNS; run++) {
      for (const [i, [name, trip]] of trips.entries()) {
        const begun = performance.now();
        for (let n = 0; n < PACKETS; n++) if (trip() !== packet.length) throw new Error(`${name}: a packet was lost`);
        // The first runs are for the compiler.
        if (run >= 0) rates[i].push(PACKETS / ((performance.now() - begun) / 1000));
      }
    }
    for (const [i, [name, , against]] of trips.entries()) {
      const ratio = median(rates[i].map((rate, run) => rate / rates[against][run])).toFixed(2);
      const beside = i === against ? {} : { beside: `${ratio} times ${trips[against][0]}` };
      figures.push({
        value: Math.round(median(rates[i])),
        unit: 'packets/s',
        name: `${name}, ${octets} octets, out and in`,
        ...beside,
      });
    }
  }
  return figures;
}
