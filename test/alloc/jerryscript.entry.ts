// Packets on JerryScript, whose heap has a fixed size: `ballast` (octets in decimal digits) leaves only a part of it. The
// first text's length is the number of packets in hundreds; `leak` as second text keeps an array for every packet.

import { aesCcm } from '../../core/crypto/ccm.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { anyOctets, createPipeline, receive, send } from './pipeline.ts';

const BATCH = 50;
const PIECE = 256;

export function run(cases: string[][], emit: (line: string) => void): void {
  const pipeline = createPipeline(createPortable([aesCcm], anyOctets), aesCcm8Iiv, BATCH, 0x7fff * 65536);
  const kept: number[][] = [];
  const ballast: Uint8Array[] = [];
  const digits = cases[0][2];
  let octets = 0;
  for (let i = 0; i < digits.length; i++) octets = octets * 10 + digits.charCodeAt(i) - 48;
  for (let i = 0; i < octets; i += PIECE) ballast.push(new Uint8Array(PIECE));
  const packets = cases[0][0].length * 100;
  let good = 0;
  for (let i = 0; i < packets; i += BATCH) {
    good += send(pipeline, BATCH) + receive(pipeline, BATCH);
    if (cases[0][1] === 'leak') for (let k = 0; k < BATCH; k++) kept.push([k]);
  }
  emit('good ' + (good === 2 * packets ? 'all' : 'not all') + ' ' + (ballast.length * PIECE >= octets ? 'full' : ''));
}
