// A board that sends back every frame it hears. Its console takes `work`, which hashes whenever the board is idle,
// `random N`, `area`, `long`, `crash`, `heap`, `deep`, `memory`, `time`, `restart`, `exit N`.

import { engineBoard } from '../../targets/board/hooks.ts';
import { decimal, hex } from '../engines/report.ts';

const board = engineBoard();
const frame = new Uint8Array(127);
const line = new Uint8Array(64);
const octets = new Uint8Array(64);
let isWorking = false;

function textOf(length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += String.fromCharCode(line[i]);
  return text;
}

function numberIn(text: string): number {
  let value = 0;
  for (let i = text.indexOf(' ') + 1; i < text.length; i++) value = value * 10 + text.charCodeAt(i) - 48;
  return value;
}

function deep(n: number): number {
  return deep(n + 1) + n;
}

function obey(text: string): void {
  if (text === 'work') isWorking = true;
  else if (text.indexOf('random ') === 0) {
    const length = numberIn(text);
    const good = board.random(octets, 0, length);
    board.print('random ' + (good ? hex(octets, 0, length) : 'none'));
  } else if (text === 'area') {
    const length = board.provision(octets);
    board.print('area ' + decimal(length) + ' ' + hex(octets, 0, Math.min(length, 8)));
  } else if (text === 'heap') {
    const kept: Uint8Array[] = [];
    for (;;) kept.push(new Uint8Array(1000));
  } else if (text === 'deep') {
    board.print('deep ' + decimal(deep(0)));
  } else if (text === 'memory') {
    board.print('memory ' + decimal(board.memory()) + ' heap ' + decimal(board.heap()));
  } else if (text === 'time') {
    const before = board.now();
    const ticks = board.ticks();
    board.wait(20);
    const isRight = board.now() - before >= 20 && board.ticks() > ticks;
    board.print('time ' + (isRight ? 'passed' : 'stands'));
  } else if (text === 'restart') board.restart();
  else if (text === 'crash') throw new Error('crash on demand');
  else if (text.indexOf('exit ') === 0) board.exit(numberIn(text));
  else board.print('heard ' + text);
}

board.print('ready');
for (;;) {
  let isIdle = true;
  const length = board.receive(frame);
  if (length >= 0) {
    isIdle = false;
    board.transmit(frame, 0, length);
  }
  const command = board.command(line);
  if (command >= 0) {
    isIdle = false;
    obey(textOf(command));
  }
  if (isIdle && isWorking) board.hmac(octets, frame, 0, 127, octets, 0);
  else if (isIdle) board.wait(-1);
}
