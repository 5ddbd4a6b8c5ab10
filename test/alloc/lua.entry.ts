// Growth of the Lua heap over packets with the collector stopped: it shows every allocation, garbage or not.

import { aesCcm } from '../../core/crypto/ccm.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { anyOctets, createPipeline, receive, send } from './pipeline.ts';

declare function collectgarbage(what: string): number;

const BATCH = 100;
const WARM = 5;

export function run(cases: string[][], emit: (line: string) => void): void {
  const pipeline = createPipeline(createPortable([aesCcm], anyOctets), aesCcm8Iiv, BATCH, 0x7fff * 65536);
  const kept: number[][] = [];
  // Tables that grow once grow here.
  let good = 0;
  for (let i = 0; i < WARM; i++) good = good + send(pipeline, BATCH) + receive(pipeline, BATCH);
  const packets = cases[0][0].length * 1000;
  collectgarbage('collect');
  collectgarbage('stop');
  // The collection has shrunk the stack, which grows back once.
  good = good + send(pipeline, BATCH) + receive(pipeline, BATCH);
  const before = collectgarbage('count');
  for (let i = 0; i < packets; i += BATCH) {
    good = good + send(pipeline, BATCH) + receive(pipeline, BATCH);
    if (cases[0][1] === 'leak') kept.push([i]);
  }
  const grown = (collectgarbage('count') - before) * 1024;
  emit('good ' + (good === 2 * (packets + (WARM + 1) * BATCH) ? 'all' : 'not all'));
  emit('packets ' + packets);
  emit('grown ' + Math.floor(grown));
}
