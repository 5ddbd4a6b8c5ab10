// Growth of the Lua heap over packets, the collector stopped: what is allocated shows, garbage or not.

import { aesCcm } from '../../core/crypto/ccm.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { createPipeline, receive, send } from './pipeline.ts';

declare function collectgarbage(what: string): number;

const BATCH = 100;

export function run(cases: string[][], emit: (line: string) => void): void {
  const pipeline = createPipeline(createPortable([aesCcm], null), aesCcm8Iiv, BATCH);
  const kept: number[][] = [];
  // Tables that grow once grow here.
  let good = send(pipeline, BATCH) + receive(pipeline, BATCH);
  const packets = cases[0][0].length * 1000;
  collectgarbage('collect');
  collectgarbage('stop');
  const before = collectgarbage('count');
  for (let i = 0; i < packets; i += BATCH) {
    good = good + send(pipeline, BATCH) + receive(pipeline, BATCH);
    if (cases[0][1] === 'leak') kept.push([i]);
  }
  const grown = (collectgarbage('count') - before) * 1024;
  emit('good ' + (good === 2 * (packets + BATCH) ? 'all' : 'not all'));
  emit('packets ' + packets);
  emit('grown ' + Math.floor(grown));
}
