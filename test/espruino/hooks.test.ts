// The hooks of Espruino's cryptography on boards that lack a function, have it wrong, or have a Cortex-M4. Node's globals stand
// in for Espruino's.

import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { test } from 'node:test';
import { x25519 } from '../../core/crypto/x25519.ts';
import { createCryptoHooks } from '../../targets/espruino/crypto.ts';
import { X25519_THUMB } from '../../targets/espruino/native/blob.ts';

type Aes = (message: Uint8Array, key: Uint8Array, options: { mode: string; iv?: Uint8Array }) => unknown;

function encrypt(message: Uint8Array, key: Uint8Array, options: { mode: string; iv?: Uint8Array }): Uint8Array {
  const iv = options.mode === 'ECB' ? null : (options.iv ?? new Uint8Array(16));
  const cipher = createCipheriv(`aes-128-${options.mode.toLowerCase()}`, key, iv).setAutoPadding(false);
  return Uint8Array.from(Buffer.concat([cipher.update(message), cipher.final()]));
}

function sha256(parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(Buffer.concat(parts)).digest());
}

interface World {
  board: string;
  softdevice?: number;
  aes?: Aes;
  sha?: (parts: Uint8Array[]) => unknown;
  /** What nativeCall's function does; the memory is at address 4096. */
  native?: (memory: Uint8Array) => void;
  memoryMoves?: boolean;
}

/** Runs `body` with the globals of such a board. Returns what nativeCall was given. */
function on(world: World, body: () => void): unknown[] {
  const globals = globalThis as Record<string, unknown>;
  const names = ['E', 'process', 'require', 'atob'];
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));
  const calls: unknown[] = [];
  let memory: Uint8Array = new Uint8Array(0);
  const env = { BOARD: world.board, SOFTDEVICE: world.softdevice };
  const values: Record<string, unknown> = {
    process: { env },
    atob: (text: string) => Buffer.from(text, 'base64').toString('latin1'),
    require: (name: string) => {
      if (name !== 'crypto' || (world.aes === undefined && world.sha === undefined)) throw new Error('not found');
      return { AES: world.aes === undefined ? undefined : { encrypt: world.aes }, SHA256: world.sha };
    },
    E: {
      hwRand: () => 0x01020304,
      getAddressOf: (octets: Uint8Array) => {
        memory = octets;
        return world.memoryMoves === true ? 0 : 4096;
      },
      nativeCall: (...given: unknown[]) => {
        calls.push(...given);
        return (...at: number[]) => {
          assert.deepEqual(at, [4096, 4128, 4160]);
          world.native?.(memory);
        };
      },
    },
  };
  for (const name of names) Object.defineProperty(globals, name, { value: values[name], configurable: true });
  try {
    body();
  } finally {
    names.forEach((name, i) => {
      const descriptor = before[i];
      if (descriptor === undefined) delete globals[name];
      else Object.defineProperty(globals, name, descriptor);
    });
  }
  return calls;
}

function nativeOf(world: World): number {
  let native = -1;
  on(world, () => {
    native = createCryptoHooks(null).native;
  });
  return native;
}

const right = (memory: Uint8Array): void => x25519(memory, 0, memory, 32, memory, 64);

test('a board without crypto has nothing native', () => {
  assert.equal(nativeOf({ board: 'RP2040' }), 0);
});

test('parts of crypto are used by themselves', () => {
  assert.equal(nativeOf({ board: 'RP2040', sha: sha256 }), 2);
  assert.equal(nativeOf({ board: 'RP2040', aes: encrypt }), 1);
});

test('what gives a wrong answer, or none, is left out', () => {
  const ignoresMode: Aes = (message, key) => encrypt(message, key, { mode: 'ECB' });
  assert.equal(nativeOf({ board: 'RP2040', aes: ignoresMode, sha: sha256 }), 2);
  assert.equal(nativeOf({ board: 'RP2040', aes: () => undefined, sha: sha256 }), 2);
  assert.equal(nativeOf({ board: 'RP2040', aes: encrypt, sha: () => new Uint8Array(32) }), 1);
  assert.equal(nativeOf({ board: 'PUCKJS', native: () => {} }), 0);
  assert.equal(nativeOf({ board: 'PUCKJS', native: right, memoryMoves: true }), 0);
});

test('a hash that finds no memory is made by the portable code', () => {
  // The first and the second run are the trial's.
  let runs = 0;
  const world: World = { board: 'RP2040', sha: (p: Uint8Array[]) => (++runs > 2 ? undefined : sha256(p)) };
  on(world, () => {
    const hooks = createCryptoHooks(null);
    const out = new Uint8Array(32);
    hooks.hmac(new Uint8Array(20).fill(11), Buffer.from('Hi There'), 0, 8, out, 0);
    assert.match(Buffer.from(out).toString('hex'), /^b0344c61d8db38535ca8afceaf0bf12b/);
  });
});

test('X25519 is called as Thumb code, with the octets that ship', () => {
  const calls = on({ board: 'MDBT42Q', native: right }, () => {
    const hooks = createCryptoHooks(null);
    assert.equal(hooks.native, 4);
    const buffer = new Uint8Array(70);
    buffer[3] = 9;
    buffer[36] = 9;
    hooks.x25519(buffer, 38, buffer, 3, buffer, 36);
    assert.equal(Buffer.from(buffer).toString('hex', 38, 42), '422c8e7a');
    assert.throws(() => hooks.x25519(buffer, 39, buffer, 0, buffer, 0), /outOffset: 39: must be 0\.\.38/);
  });
  assert.equal(calls[0], 1);
  assert.equal(calls[1], 'void(int,int,int)');
  assert.equal(Buffer.from(String(calls[2]), 'latin1').toString('base64'), X25519_THUMB);
});

test('boards of another processor are never given Thumb-2 code', () => {
  for (const board of ['LINUX', 'MICROBIT1', 'ESP32', 'RP2040', 'NRF51822DK', 'PICO_R1_1', '']) {
    assert.deepEqual(
      on({ board, native: right }, () => assert.equal(createCryptoHooks(null).native, 0)),
      [],
      board,
    );
  }
});

test('random octets: of nRF5x, of the caller, else none', () => {
  const buffer = new Uint8Array(6);
  on({ board: 'PUCKJS', softdevice: 145 }, () => {
    assert.equal(createCryptoHooks(null).random(buffer, 0, 6), true);
  });
  assert.deepEqual([...buffer], [4, 3, 2, 1, 4, 3]);
  on({ board: 'ESPRUINOWIFI' }, () => {
    assert.equal(createCryptoHooks(null).random(buffer, 0, 6), false);
    assert.equal(createCryptoHooks(() => true).random(buffer, 0, 6), true);
  });
});
