// Packets inside a firmware image, native AES-CCM: the peak of the engine's heap after a thousand packets is that after a
// hundred. At the start the peak may be far above what is in use, and would hide a leak: the room below it is filled
// first. A case: [id, `leak` or ''], which keeps one small array after the first hundred.

import { createPortable } from '../../core/crypto/portable.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { type Board, engineBoard } from '../../targets/board/hooks.ts';
import { createNativeCcm } from '../../targets/board/native.ts';
import { begin, createReport, decimal, end, expectNumber, finish } from '../engines/report.ts';
import { createPipeline, type Pipeline, receive, send } from './pipeline.ts';

const BATCH = 20;
const FEW = 100;
const MANY = 900;
const PIECE = 16;

function work(pipeline: Pipeline, packets: number): number {
  let good = 0;
  for (let i = 0; i < packets; i += BATCH) good += send(pipeline, BATCH) + receive(pipeline, BATCH);
  return good;
}

/** Keeps pieces until what is in use is the peak. */
function fillUp(board: Board, pieces: Uint8Array[]): void {
  const peak = board.heap();
  while (board.heap() === peak) pieces.push(new Uint8Array(PIECE));
}

export function run(cases: string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  const board = engineBoard();
  const pipeline = createPipeline(createPortable([createNativeCcm(board)], null), aesCcm8Iiv, BATCH, 0x7fff * 65536);
  const pieces: Uint8Array[] = [];
  const kept: Uint8Array[] = [];
  for (let i = 0; i < cases.length; i++) {
    if (board.heap() < 0) {
      emit('skip ' + cases[i][0] + ' this engine does not tell its heap');
      continue;
    }
    begin(report, cases[i][0]);
    // A collection meanwhile makes room again: the second time nothing is left to collect.
    fillUp(board, pieces);
    let good = work(pipeline, FEW);
    fillUp(board, pieces);
    good += work(pipeline, FEW);
    const few = board.heap();
    if (cases[i][1] === 'leak') kept.push(new Uint8Array(PIECE));
    good += work(pipeline, MANY);
    expectNumber(report, 'good', 2 * (2 * FEW + MANY), good);
    expectNumber(report, 'heap', few, board.heap());
    emit('note peak ' + decimal(few));
    end(report);
  }
  finish(report);
}
