// Espruino variables that packets leave behind, without a collection before a count: prints `used`, the blocks after a tenth
// of the packets and after all. The length of the first case's text is the number of packets in tens; `leak` as second text
// keeps an array for every batch.

import { createPortable } from '../../core/crypto/portable.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import type { Board } from '../../targets/board/hooks.ts';
import { createNativeCcm } from '../../targets/board/native.ts';
import { createCcmHook } from '../../targets/espruino/ccm.ts';
import { anyOctets, createPipeline, receive, send } from './pipeline.ts';

declare const process: { memory(collect: boolean): { usage: number } };

const BATCH = 2;

function used(): number {
  return process.memory(false).usage;
}

export function run(cases: string[][], emit: (line: string) => void): void {
  const hook = createCcmHook();
  if (hook === null) {
    emit('no native AES');
    return;
  }
  const provider = createPortable([createNativeCcm({ ccm: hook } as Board)], anyOctets);
  const pipeline = createPipeline(provider, aesCcm8Iiv, BATCH, 0x7fff * 65536);
  const kept: number[][] = [];
  const isLeaking = cases[0][1] === 'leak';
  const batches = (cases[0][0].length * 10) / BATCH;
  const looks = new Float64Array(2);
  let good = send(pipeline, BATCH) + receive(pipeline, BATCH);
  let look = 0;
  for (let i = 1; i <= batches; i++) {
    good += send(pipeline, BATCH) + receive(pipeline, BATCH);
    if (isLeaking) kept.push([i]);
    if (i === batches / 10 || i === batches) {
      looks[look] = used();
      look++;
    }
  }
  emit('good ' + (good === 2 * BATCH * (batches + 1) ? 'all' : 'not all'));
  emit('used ' + looks[0] + ' ' + looks[1]);
}
