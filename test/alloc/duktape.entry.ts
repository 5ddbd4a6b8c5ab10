// Packets on Duktape, for runs with a memory limit. The length of the first case's first text is the number of packets in
// hundreds; `leak` as second text keeps an array for every packet.

import { aesCcm } from '../../core/crypto/ccm.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { anyOctets, createPipeline, receive, send } from './pipeline.ts';

const BATCH = 50;

export function run(cases: string[][], emit: (line: string) => void): void {
  const pipeline = createPipeline(createPortable([aesCcm], anyOctets), aesCcm8Iiv, BATCH, 0x7fff * 65536);
  const kept: number[][] = [];
  const packets = cases[0][0].length * 100;
  let good = 0;
  for (let i = 0; i < packets; i += BATCH) {
    good += send(pipeline, BATCH) + receive(pipeline, BATCH);
    if (cases[0][1] === 'leak') for (let k = 0; k < BATCH; k++) kept.push([k]);
  }
  emit('good ' + (good === 2 * packets ? 'all' : 'not all'));
}
