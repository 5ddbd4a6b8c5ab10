// Tells the radio its place, sends a frame and looks for one.

import { engineBoard } from '../../targets/board/hooks.ts';

const board = engineBoard();
const frame = new Uint8Array(127);

board.tune(15, 0xabcd, 1, new Uint8Array(8));
board.print('tuned');
for (let i = 0; i < 3; i++) {
  board.transmit(frame, 0, 20);
  board.wait(300);
}
board.print('sent');
board.print(board.receive(frame) < 0 ? 'nothing' : 'a frame');
board.print('end');
board.exit(0);
