// Many requests for one piece of work.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gathered } from '../../targets/node/host/gathered.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('requests before the work are one, those during it one more, also when it fails', async () => {
  let begun = 0;
  const ends: ((error: Error | null) => void)[] = [];
  const ask = gathered(
    () => {
      begun++;
      return new Promise<void>((resolve, reject) => ends.push((error) => (error === null ? resolve() : reject(error))));
    },
    () => false,
  );
  for (let i = 0; i < 100; i++) ask();
  assert.equal(begun, 0);
  await turn();
  assert.equal(begun, 1);
  for (let i = 0; i < 100; i++) ask();
  await turn();
  assert.equal(begun, 1);
  ends[0](new Error('a wrong file'));
  await turn();
  await turn();
  assert.equal(begun, 2);
  ends[1](null);
  await turn();
  await turn();
  assert.equal(begun, 2);
  ask();
  await turn();
  assert.equal(begun, 3);
});

test('nothing begins once it is over', async () => {
  let begun = 0;
  let isOver = false;
  const ask = gathered(
    async () => {
      begun++;
      ask();
      isOver = true;
    },
    () => isOver,
  );
  ask();
  for (let i = 0; i < 5; i++) await turn();
  assert.equal(begun, 1);
  ask();
  for (let i = 0; i < 5; i++) await turn();
  assert.equal(begun, 1);
});
