// JerryScript's static snapshots: numbers as expressions, strings by index, and the size that a small board has room for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { directLiterals, directNumber, makeStatic } from '../../targets/build/firmware/snapshot.ts';
import { createLab } from '../../targets/node/lab/boards/lab.ts';
import { boardMissing, PATIENCE, startNode } from './world.ts';

test('a number becomes an expression of just its value, of whole numbers of 28 bits', () => {
  const bits = 2 ** 27;
  const whole = [0, 1, bits - 1, bits, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - bits, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
  for (const value of [...whole, 0.5, 0.864, 0.1, 123.456789, 1e-7, 1e18, 1.5e22, 5e-22, 2 ** 53, Math.PI]) {
    const text = directNumber(value);
    assert.equal(runInNewContext(text), value, text);
    for (const literal of text.match(/[\d.e]+/g)!) {
      assert.ok(Number.isInteger(Number(literal)) && Number(literal) < bits, text);
    }
  }
  for (const value of [1e23, Number.MAX_VALUE, 5e-324]) {
    assert.throws(() => directNumber(value), /must be up to 2\^53 times or by a power of ten up to 10\^22$/);
  }
});

test('only literals of a script change, and only those that have to', async () => {
  assert.equal(
    await directLiterals(
      'f(7,-0.5,"0.5","65535","070000","-01","-1","70000",a[4294967295],{1e30:1,b:0xffffffff},0x7ffffff)',
    ),
    'f(7,-(5/10),("0"+"."+"5"),"65535","070000","-01",("-"+"1"),("7"+"0"+"0"+"0"+"0"),a[(-1>>>0)],{1e30:1,b:(-1>>>0)},0x7ffffff)',
  );
});

/** A literal of a plain snapshot: where its string is behind the functions. */
function literal(offset: number, kind = 0): number {
  return offset * 32 + kind * 8 + 7;
}

/** A function of a snapshot with a name, with 8-bit or 16-bit ends; `inner` are offsets of functions in it. */
function functionOf(isWide: boolean, type: number, literals: number[], inner: number[], name: number): Buffer {
  const head = isWide ? 24 : 16;
  const code = Buffer.alloc(Math.ceil((head + 4 * (literals.length + inner.length + 1)) / 8) * 8);
  code.writeUInt16LE(code.length / 8, 0);
  code.writeUInt16LE((type << 12) | (isWide ? 2 : 0), 4);
  code.writeUInt32LE(0x55555555, 8);
  const registers = 3;
  const ends = [0, literals.length, literals.length, literals.length + inner.length].map((end) => end + registers);
  ends.forEach((end, i) => {
    if (isWide) code.writeUInt16LE(end, 14 + 2 * i);
    else code[12 + i] = end;
  });
  [...literals, ...inner].forEach((value, i) => {
    code.writeUInt32LE(value, head + 4 * i);
  });
  code.writeUInt32LE(name, code.length - 4);
  return code;
}

function snapshotOf(functions: Buffer[], strings: string[]): Buffer {
  const head = Buffer.alloc(24);
  const code = Buffer.concat([head, ...functions]);
  code.writeUInt32LE(0x5952524a, 0);
  code.writeUInt32LE(70, 4);
  code.writeUInt32LE(code.length, 12);
  code.writeUInt32LE(1, 16);
  code.writeUInt32LE(24, 20);
  const table = strings.map((text) => Buffer.from(String.fromCharCode(text.length, 0) + text, 'latin1'));
  return Buffer.concat([code, ...table]);
}

test('a plain snapshot becomes static: marks, no script, strings by the place that the board has for them', () => {
  const strings = ['zz', 'print', '65535', 'b', 'ab'];
  const at = strings.map((_, i) => strings.slice(0, i).reduce((sum, text) => sum + 2 + text.length, 0));
  const inner = functionOf(true, 8, [literal(at[3]), 0x70], [0], literal(at[4]));
  const outer = functionOf(false, 3, [literal(at[0]), literal(at[1]), literal(at[2])], [40, 0], 0x48);
  assert.equal(outer.length, 40);
  const snapshot = snapshotOf([outer, inner], strings);
  const others = makeStatic(snapshot, ['', 'print']);
  assert.deepEqual(others.map(String), ['b', 'ab', 'zz']);
  const magic = (place: number): number => 5 + 8 + 32 * place;
  const words = (start: number, count: number): number[] =>
    Array.from({ length: count }, (_, i) => snapshot.readUInt32LE(start + 4 * i));
  // 29 strings of the engine's own are between its others and ours.
  assert.deepEqual(words(24 + 16, 6), [magic(2 + 29 + 2), magic(1), 5 + 16 + 32 * 65535, 40, 0, 0x48]);
  assert.deepEqual(words(64 + 24, 4), [magic(2 + 29), 0x70, 0, magic(2 + 29 + 1)]);
  for (const start of [24, 64]) {
    assert.equal(snapshot.readUInt16LE(start + 4) & 256, 256);
    assert.equal(snapshot.readUInt32LE(start + 8), 0);
  }
});

test('what is no snapshot, and what a static one cannot have', () => {
  assert.throws(() => makeStatic(Buffer.from('no snapshot, but long enough'), []), /is none of JerryScript/);
  const simple = (type: number, value: number, text = 'x'): Buffer =>
    snapshotOf([functionOf(false, type, [value], [], 0x48)], [text]);
  const old = simple(3, 0x70);
  old.writeUInt32LE(71, 4);
  assert.throws(() => makeStatic(old, []), /version 71: must be 70/);
  assert.throws(() => makeStatic(simple(0, 0x70), []), /has a regular expression/);
  assert.throws(() => makeStatic(simple(9, 0x70), []), /has an arrow function/);
  assert.throws(() => makeStatic(simple(3, literal(0, 1)), []), /has a number of more than 28 bits/);
  assert.throws(
    () => makeStatic(simple(3, literal(0), '65536'), []),
    /string 65536: must be no number, or fit 16 bits/,
  );
  assert.throws(() => makeStatic(simple(3, literal(0), '-1'), []), /string -1: must be no number/);
});

const BOARD = 'netduinoplus2';

test(`${BOARD} with jerryscript: readings, rekeys, a second handshake in 128 kB of RAM`, {
  skip: boardMissing(BOARD, 'jerryscript'),
  timeout: 3 * PATIENCE,
}, async () => {
  const lab = await createLab({ nodes: 1, seed: 1, loss: 0, secret: 'small', count: 20, interval: 0.05 });
  const node = await startNode(lab, lab.nodes[0], BOARD, 'jerryscript');
  const { console: lines } = node.board;
  const said = (pattern: RegExp): Promise<RegExpExecArray> => lines.waitFor(pattern, PATIENCE);
  const sends = async (): Promise<void> => {
    node.board.send('send 2');
    await said(/^reading \d+ acknowledged/);
    await said(/^reading \d+ acknowledged/);
  };
  try {
    await said(/^ike established .* resumed=0$/);
    await said(/^done 20 0$/);
    for (let round = 0; round < 3; round++) {
      node.board.send('rekey');
      await said(/^child installed/);
      await said(/^child removed/);
      await sends();
      node.board.send('rekey-ike');
      await said(/^ike rekeyed/);
      await sends();
      node.board.send('delete');
      await said(/^ike ended outcome=/);
      node.board.send('connect');
      await said(/^ike established /);
      await sends();
    }
    assert.ok(!lines.lines().some((line) => line.startsWith('halt')));
  } finally {
    await node.close();
    await lab.close();
  }
});
