// Octets of Lua's firmware behave as a Uint8Array, in Lua's loop and in its metamethods, and no other type is taken for them.

import { engineBoard } from '../../targets/board/hooks.ts';

const board = engineBoard();
const octets = new Uint8Array(5);
const two = 8 / 4;
const other = octets as unknown as Record<number, unknown>;

interface Named {
  length: number;
  name: unknown;
}

const named = octets as unknown as Named;

function show(name: string, value: unknown): void {
  board.print(name + ' ' + value);
}

function all(name: string): void {
  let text = name;
  for (let i = 0; i < octets.length; i++) text = text + ' ' + octets[i];
  board.print(text);
}

function stored(value: unknown): unknown {
  other[two] = value;
  return octets[2];
}

all('zero');
for (let i = 0; i < 5; i++) octets[i] = 254 + i;
all('masked');
show('length', octets.length);
show('behind', octets[5]);
show('before', octets[-1]);
const far = 4294967296;
show('far', octets[far]);
const half = 1.5;
show('between', octets[half]);
show('float index', octets[two]);
octets[two] = 77;
octets[5] = 1;
octets[far] = 2;
octets[-1] = 3;
octets[half] = 4;
named.length = 9;
named.name = 5;
show('name', named.name);
all('stored');
show('float', stored(513.75));
show('negative', stored(-1));
show('large', stored(4294967297));
show('infinite', stored(1e300));
show('text', stored('x'));
show('none', stored(null));
show('empty', new Uint8Array(0).length);
const quarter = 10 / 4;
show('rounded', new Uint8Array(quarter).length);

function refused(name: string, act: () => void): void {
  let said = 'taken';
  try {
    act();
  } catch (_problem) {
    said = 'refused';
  }
  show(name, said);
}

const minus = -1;
refused('negative length', () => {
  show('made', new Uint8Array(minus).length);
});
refused('table', () => board.random([0, 0] as unknown as Uint8Array, 0, 1));
refused('text', () => board.random('octets' as unknown as Uint8Array, 0, 1));
// Many of them: the collector keeps those in use alone.
const kept: Uint8Array[] = [];
for (let i = 0; i < 2000; i++) {
  const made = new Uint8Array(300);
  made[299] = i & 0xff;
  if (i % 100 === 0) kept.push(made);
}
let sum = 0;
for (let i = 0; i < kept.length; i++) sum += kept[i][299];
show('kept', sum);
board.print('end');
board.exit(0);
