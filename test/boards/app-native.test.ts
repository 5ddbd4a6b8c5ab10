// Cryptography by a board's hooks: with hooks made of portable code it equals the portable provider, octet for octet; keys
// are wiped; portable code replaces what is not native. The entries of the engines: the lines that they print without a
// blob, and that the native ones contain no portable cipher.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Asymmetric, KE_P256, KE_X25519 } from '../../core/crypto/asymmetric.ts';
import { aesCcm } from '../../core/crypto/ccm.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { createPortableKe } from '../../core/crypto/portable-asymmetric.ts';
import { ALG_AES_CCM, ALG_AES_GCM, ALG_HMAC_SHA256, type Provider } from '../../core/crypto/provider.ts';
import { x25519 } from '../../core/crypto/x25519.ts';
import {
  BOARD_MEMBERS,
  type Board,
  NATIVE_CCM,
  NATIVE_ED25519,
  NATIVE_HMAC,
  NATIVE_X25519,
} from '../../targets/board/hooks.ts';
import { createMixedAsymmetric, createMixedProvider } from '../../targets/board/mixed.ts';
import { createNativeAsymmetric, createNativeProvider } from '../../targets/board/native.ts';
import { engineMissing, runOn } from '../../targets/build/engines.ts';
import { bundleScript } from '../../targets/build/javascript.ts';
import { bundleLua } from '../../targets/build/lua-bundle.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { createNodeAsymmetric } from '../../targets/node/host/provider/asymmetric.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { mockBoard } from './app-support.ts';

const portable = createPortable([aesCcm, hmacSha256], null);
const node = createNodeAsymmetric();

interface Hooks {
  board: Board;
  calls: Record<string, number>;
  /** The key that the last call was given. */
  key: Uint8Array;
}

/** Hooks made of the portable code; `native`: what they say to have. */
function hooks(native: number, seed = 5): Hooks {
  const { board } = mockBoard(() => 0, new Uint8Array(0), seed);
  const calls: Record<string, number> = { ccm: 0, hmac: 0, x25519: 0, sign: 0, verify: 0 };
  const all: Hooks = { board, calls, key: new Uint8Array(0) };
  board.native = native;
  board.ccm = (encrypt, octets, nonce, nonceLength, aad, aadLength, buffer, offset, length, icvLength) => {
    calls.ccm++;
    all.key = octets;
    const key = portable.key(ALG_AES_CCM, octets);
    const aead = { nonce, nonceLength, aad, aadLength, icvLength };
    if (encrypt === 0) return portable.open(key, aead, buffer, offset, length);
    portable.seal(key, aead, buffer, offset, length);
    return true;
  };
  board.hmac = (octets, buffer, offset, length, out, outOffset) => {
    calls.hmac++;
    all.key = octets;
    portable.mac(portable.key(ALG_HMAC_SHA256, octets), buffer, offset, length, out, outOffset);
  };
  board.x25519 = (out, outOffset, scalar, scalarOffset, point, pointOffset) => {
    calls.x25519++;
    all.key = scalar;
    x25519(out, outOffset, scalar, scalarOffset, point, pointOffset);
  };
  board.sign = (...args) => {
    calls.sign++;
    node.sign(...args);
  };
  board.verify = (...args) => {
    calls.verify++;
    return node.verify(...args);
  };
  return all;
}

const ALL = NATIVE_CCM + NATIVE_HMAC + NATIVE_X25519 + NATIVE_ED25519;

function sameAsPortable(provider: Provider, seed: number): void {
  const random = createRandom(seed);
  const octets = (length: number): Uint8Array => {
    const all = new Uint8Array(length);
    random.fill(all, 0, length);
    return all;
  };
  for (let i = 0; i < 60; i++) {
    const key = octets(16);
    const [one, two] = [provider.key(ALG_AES_CCM, key), portable.key(ALG_AES_CCM, key)];
    const [nonce, aad] = [octets(11), octets(random.below(20))];
    const [offset, length, icv] = [random.below(9), random.below(70), i % 2 === 0 ? 8 : 16];
    const aead = { nonce, nonceLength: 11, aad, aadLength: aad.length, icvLength: icv };
    const clear = octets(offset + length + icv + 5);
    const [a, b] = [clear.slice(), clear.slice()];
    provider.seal(one, aead, a, offset, length);
    portable.seal(two, aead, b, offset, length);
    assert.deepEqual(a, b);
    const sealed = a.slice();
    sealed[offset + random.below(length + icv)] ^= 1 << random.below(8);
    const before = sealed.slice();
    assert.equal(provider.open(one, aead, sealed, offset, length), false);
    assert.deepEqual(sealed, before);
    assert.equal(provider.open(one, aead, a, offset, length), true);
    assert.deepEqual(a.subarray(0, offset + length), clear.subarray(0, offset + length));
    const macKey = octets(1 + random.below(90));
    const [c, d] = [new Uint8Array(40), new Uint8Array(40)];
    provider.mac(provider.key(ALG_HMAC_SHA256, macKey), clear, offset, length, c, 3);
    portable.mac(portable.key(ALG_HMAC_SHA256, macKey), clear, offset, length, d, 3);
    assert.deepEqual(c, d);
  }
}

function agree(own: Asymmetric, random: number): void {
  const other = createPortableKe(createRandom(random).fill);
  const [a, b, one, two] = [new Uint8Array(34), new Uint8Array(32), new Uint8Array(33), new Uint8Array(32)];
  const half = own.keStart(KE_X25519, a, 2);
  const theirs = other.keStart(KE_X25519, b, 0);
  assert.equal(own.keFinish(half, new Uint8Array(32), 0, 32, one, 1), false, 'an all-zero secret');
  assert.equal(own.keFinish(half, b, 0, 31, one, 1), false);
  assert.deepEqual(one, new Uint8Array(33));
  assert.equal(own.keFinish(half, b, 0, 32, one, 1), true, 'the half was still good');
  assert.equal(other.keFinish(theirs, a, 2, 32, two, 0), true);
  assert.deepEqual(one.subarray(1), two);
  assert.equal(own.keFinish(half, b, 0, 32, one, 1), false, 'and is for once');
  assert.throws(() => own.keStart(KE_P256, a, 0), /KE method: 19/);
}

test('by hooks as by the portable code', () => {
  const { board, calls } = hooks(ALL);
  sameAsPortable(createNativeProvider(board), 1);
  assert.deepEqual([calls.ccm, calls.hmac], [180, 60]);
  agree(createNativeAsymmetric(board), 2);
  assert.equal(calls.x25519, 3);
});

test('each bit chooses its own', () => {
  for (let native = 0; native < 16; native++) {
    const { board, calls } = hooks(native);
    sameAsPortable(createMixedProvider(board), 3 + native);
    const asymmetric = createMixedAsymmetric(board);
    agree(asymmetric, 4 + native);
    assert.equal(calls.ccm > 0, (native & NATIVE_CCM) !== 0);
    assert.equal(calls.hmac > 0, (native & NATIVE_HMAC) !== 0);
    assert.equal(calls.x25519 > 0, (native & NATIVE_X25519) !== 0);
    assert.equal(asymmetric.hasEd25519(), (native & NATIVE_ED25519) !== 0);
    const [key, out] = [new Uint8Array(32).fill(9), new Uint8Array(64)];
    if (asymmetric.hasEd25519()) {
      asymmetric.sign(key, key, 0, 10, out, 0);
      assert.equal(calls.sign, 1);
      assert.equal(asymmetric.verify(key, key, 0, 10, out, 0), false);
      assert.equal(calls.verify, 1);
    } else assert.throws(() => asymmetric.sign(key, key, 0, 10, out, 0), /Ed25519/);
  }
});

test('keys are copied, wiped, and of no use then', () => {
  const all = hooks(ALL);
  const provider = createNativeProvider(all.board);
  for (const [alg, use] of [
    [
      ALG_AES_CCM,
      (key) =>
        provider.seal(
          key,
          { nonce: new Uint8Array(11), nonceLength: 11, aad: new Uint8Array(0), aadLength: 0, icvLength: 8 },
          new Uint8Array(32),
          0,
          16,
        ),
    ],
    [ALG_HMAC_SHA256, (key) => provider.mac(key, new Uint8Array(8), 0, 8, new Uint8Array(32), 0)],
  ] as [number, (key: ReturnType<Provider['key']>) => void][]) {
    const octets = new Uint8Array(16).fill(7);
    const key = provider.key(alg, octets);
    octets.fill(0);
    use(key);
    assert.deepEqual(all.key, new Uint8Array(16).fill(7));
    provider.wipe(key);
    assert.deepEqual(all.key, new Uint8Array(16));
    assert.throws(() => use(key), /key\.alg 0/);
    assert.throws(() => provider.key(alg, new Uint8Array(alg === ALG_AES_CCM ? 32 : 0)), /key\.length/);
  }
  assert.equal(provider.has(ALG_AES_GCM, 16), false);
  const ke = createNativeAsymmetric(all.board);
  const half = ke.keStart(KE_X25519, new Uint8Array(32), 0);
  assert.notDeepEqual(all.key, new Uint8Array(32));
  ke.keWipe(half);
  assert.deepEqual(all.key, new Uint8Array(32));
});

test('without randomness there is no key pair', () => {
  const { board } = hooks(ALL, 0);
  for (const asymmetric of [createNativeAsymmetric(board), createMixedAsymmetric(hooks(0, 0).board)]) {
    assert.throws(() => asymmetric.keStart(KE_X25519, new Uint8Array(32), 0), /no secure source/);
  }
  assert.throws(() => createNativeProvider(board).random(new Uint8Array(1), 0, 1), /no secure source/);
});

const PORTABLE = ['core/crypto/aes.ts', 'core/crypto/ccm.ts', 'core/crypto/sha256.ts', 'core/crypto/x25519.ts'];
const SCRIPT_BOARD = `var board = { now: function () { return 0; }, ticks: function () { return 0; }, native: 5,
  provision: function (buffer) { return 0; }, print: function (text) { print(text); },
  exit: function (code) { print('exit ' + code); } };
`;
const LUA_BOARD = `board = { now = function() return 0 end, ticks = function() return 0 end, native = 5,
  provision = function(buffer) return 0 end, print = function(text) print(text) end,
  exit = function(code) print('exit ' .. code) end }
`;

for (const engine of ['lua', 'duktape', 'jerryscript'] as const) {
  for (const main of ['main', 'main-native']) {
    test(`targets/${engine}/${main}.ts on an erased board`, { skip: engineMissing(engine) }, async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'dietesp-main-'));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      const entry = join(sourceRoot(), 'targets', engine, main + '.ts');
      const file = join(folder, engine === 'lua' ? 'main.lua' : 'main.js');
      if (engine === 'lua') writeFileSync(file, LUA_BOARD + (await bundleLua(entry)));
      else {
        const { text, meta } = await bundleScript(entry, engine, { mangle: BOARD_MEMBERS });
        writeFileSync(file, SCRIPT_BOARD + text);
        const held = Object.values(meta.outputs)[0].inputs;
        for (const part of PORTABLE) assert.equal((held[part]?.bytesInOutput ?? 0) > 0, main === 'main', part);
      }
      const { ok, stdout, stderr } = await runOn(engine, file, 60000);
      assert.ok(ok, stderr);
      const banner = `dietesp 0.2.0 ${engine} native=5`;
      assert.deepEqual(stdout.trim().split('\n'), [banner, 'provision bad 1', 'halt 1 provision', 'exit 1']);
    });
  }
}
