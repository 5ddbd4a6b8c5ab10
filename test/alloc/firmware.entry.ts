// Packets inside a firmware image with native AES-CCM: the peak of the engine's heap must be the same after a hundred and
// after a thousand packets. At the start the peak may be far above the memory in use and would hide a leak, so the room
// below it is filled first. A case: [id, `leak` or '']; `leak` keeps a small array for every four packets after the first
// hundreds.

import { createPortable } from '../../core/crypto/portable.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { type Board, engineBoard } from '../../targets/board/hooks.ts';
import { createNativeCcm } from '../../targets/board/native.ts';
import { begin, createReport, end, expectNumber, finish } from '../engines/report.ts';
import { anyOctets, createPipeline, type Pipeline, receive, send } from './pipeline.ts';

const BATCH = 4;
const FEW = 100;
const MANY = 900;
const PIECE = 16;
const ROUNDS = 2;

/** Kept one behind the other: an array of them would grow in leaps, and leave room behind it. */
interface Kept {
  octets: Uint8Array;
  before: Kept | null;
}

interface World {
  board: Board;
  pipeline: Pipeline;
  last: Kept | null;
}

function keep(world: World): void {
  world.last = { octets: new Uint8Array(PIECE), before: world.last };
}

function work(world: World, packets: number, isLeaking: boolean): number {
  let good = 0;
  for (let i = 0; i < packets; i += BATCH) {
    good += send(world.pipeline, BATCH) + receive(world.pipeline, BATCH);
    if (isLeaking) keep(world);
  }
  return good;
}

/** Keeps pieces until what is in use is the peak. */
function fillUp(world: World): void {
  const peak = world.board.heap();
  while (world.board.heap() === peak) keep(world);
}

export function run(cases: string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  const board = engineBoard();
  const pipeline = createPipeline(
    createPortable([createNativeCcm(board)], anyOctets),
    aesCcm8Iiv,
    BATCH,
    0x7fff * 65536,
  );
  const world: World = { board: board, pipeline: pipeline, last: null };
  for (let i = 0; i < cases.length; i++) {
    if (board.heap() < 0) {
      emit('skip ' + cases[i][0] + ' this engine does not tell its heap');
      continue;
    }
    begin(report, cases[i][0]);
    let good = 0;
    // A collection meanwhile makes room again: at last nothing is left to collect.
    for (let k = 0; k < ROUNDS; k++) {
      fillUp(world);
      good += work(world, FEW, false);
    }
    const few = board.heap();
    good += work(world, MANY, cases[i][1] === 'leak');
    expectNumber(report, 'good', 2 * (ROUNDS * FEW + MANY), good);
    expectNumber(report, 'heap', few, board.heap());
    end(report);
  }
  finish(report);
}
