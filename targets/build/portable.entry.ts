// A board's application with portable cryptography only, to measure it beside the native one.

import { runApp } from '../board/app.ts';
import { engineBoard } from '../board/hooks.ts';
import { createMixedAsymmetric, createMixedProvider } from '../board/mixed.ts';

const board = engineBoard();
board.native = 0;

runApp(board, 'portable', createMixedProvider(board), createMixedAsymmetric(board), null);
