// Specialised boards on a virtual medium, in virtual time: the text is made and run as it would be on a board.

import { join } from 'node:path';
import { transform } from 'esbuild';
import type { Board } from '../../targets/board/hooks.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { specialBlob } from '../../targets/build/specialise/blob-of.ts';
import { joinDevice } from '../../targets/build/specialise/image.ts';
import type { Specialised } from '../../targets/build/specialise/layout.ts';
import type { Radio } from '../../targets/node/host/radio/radio.ts';
import { readSpecial } from '../../targets/node/lab/boards/special.ts';
import type { Medium } from '../../targets/node/lab/medium.ts';
import { type MockBoard, mockBoard } from '../boards/app-support.ts';

/** Exports of app.entry.ts. */
export interface SpecialApp {
  start(): boolean;
  step(now: number): void;
  next(): number;
  isOver(): boolean;
}

export const APP_ENTRY = join(sourceRoot(), 'test', 'special', 'app.entry.ts');
/** The device of a file, portable. */
export function specialFile(text: string, p256 = false): Specialised {
  return readSpecial('sensor.yaml', text, { ccm: false, hmac: false, x25519: false, p256 }, 'node');
}

const made = new Map<string, Promise<(board: Board) => SpecialApp>>();

async function compile({ constants }: Specialised): Promise<(board: Board) => SpecialApp> {
  const text = await joinDevice(constants, { entry: APP_ENTRY });
  const { code } = await transform(text, { loader: 'ts', format: 'cjs', target: 'es2015' });
  return (board) => {
    const module = { exports: {} };
    new Function('board', 'module', 'exports', code)(board, module, module.exports);
    return module.exports as SpecialApp;
  };
}

/** What makes devices of a profile; made once. */
export function makerOf(special: Specialised): Promise<(board: Board) => SpecialApp> {
  const key = JSON.stringify(special.constants);
  const found = made.get(key) ?? compile(special);
  made.set(key, found);
  return found;
}

export interface SpecialNode extends MockBoard {
  app: SpecialApp;
  radio: Radio;
}

/** As boardOn of test/boards/app-support.ts, for the device of a file. `blob`: instead of the file's own. */
export async function specialOn(
  medium: Medium,
  file: string,
  seed: number,
  hooks: Partial<Board> = {},
  blob?: Uint8Array,
): Promise<SpecialNode> {
  const special = specialFile(file, hooks.p256 !== undefined);
  const mock = mockBoard(() => medium.now, blob ?? specialBlob(special), seed);
  Object.assign(mock.board, hooks);
  return startOn(medium, mock, await makerOf(special));
}

/** Starts what `make` makes of a board on the medium. It is stepped for frames and lines, and when a time has come. */
export function startOn<A extends SpecialApp>(
  medium: Medium,
  mock: MockBoard,
  make: (board: Board) => A,
): SpecialNode & { app: A } {
  const radio = medium.radio();
  mock.board.transmit = (buffer, offset, length) => {
    mock.sent++;
    radio.transmit(buffer, offset, length);
  };
  const app = make(mock.board);
  app.start();
  let wake = false;
  radio.onFrame = (frame, offset, length) => {
    mock.frames.push(frame.slice(offset, offset + length));
    wake = true;
  };
  const type = mock.type;
  medium.attach(radio, {
    poll() {
      wake = false;
      if (!app.isOver()) app.step(mock.board.now());
    },
    nextTimeout() {
      if (app.isOver()) return -1;
      if (wake) return medium.now;
      const at = app.next();
      // What is due at a fraction is due for a clock of whole milliseconds when that is over.
      return at < 0 ? -1 : Math.ceil(at);
    },
  });
  return Object.assign(mock, {
    app,
    radio,
    type(line: string) {
      type(line);
      wake = true;
    },
  });
}
