// Project Wycheproof: X25519 on both implementations, P-256 and Ed25519 on node:crypto. Cases that do not fit the interface
// are not run. The test compares their number, so that none is lost unseen.

import assert from 'node:assert/strict';
import { createECDH, createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import { type Asymmetric, KE_P256, KE_X25519, type KePrivate } from '../../core/crypto/asymmetric.ts';
import { createPortableKe } from '../../core/crypto/portable-asymmetric.ts';
import { x25519 } from '../../core/crypto/x25519.ts';
import { createNodeAsymmetric, type NodeHalf } from '../../targets/node/host/provider/asymmetric.ts';
import { hex, toHex, wycheproof } from './providers.ts';

interface Case {
  tcId: number;
  flags: string[];
  result: 'valid' | 'invalid' | 'acceptable';
  public: string;
  private: string;
  shared: string;
  msg: string;
  sig: string;
}

const ZEROS = '00'.repeat(32);
const node = createNodeAsymmetric();

function each(file: string, name: string, run: (c: Case, group: Record<string, unknown>) => boolean, counts: number[]) {
  const data = wycheproof(file);
  if (data === null) {
    test(`Wycheproof ${file}`, { skip: 'WYCHEPROOF_DIR not found' }, () => {});
    return;
  }
  test(`${name}: Wycheproof ${file}`, () => {
    const seen = [0, 0];
    for (const group of data.testGroups) {
      for (const c of group['tests'] as Case[]) seen[run(c, group) ? 0 : 1]++;
    }
    assert.deepEqual(seen, counts);
  });
}

function finish(asymmetric: Asymmetric, half: KePrivate, peer: Uint8Array): string {
  const out = new Uint8Array(32);
  return asymmetric.keFinish(half, peer, 0, peer.length, out, 0) ? toHex(out) : ZEROS;
}

// 'acceptable' there are the twist, non-canonical and low-order values: computed by RFC 7748 §5, and those with a secret
// of zeros refused, which is what RFC 8031 §4 wants.
each(
  'x25519_test.json',
  'portable',
  (c) => {
    const scalar = hex(c.private);
    const out = new Uint8Array(32);
    x25519(out, 0, scalar, 0, hex(c.public), 0);
    assert.equal(toHex(out), c.shared, `tcId ${c.tcId}`);
    const half = { method: KE_X25519, scalar };
    assert.equal(finish(createPortableKe(null), half, hex(c.public)), c.shared, `tcId ${c.tcId}`);
    assert.ok(c.shared !== ZEROS || c.flags.includes('ZeroSharedSecret'));
    return true;
  },
  [518, 0],
);

each(
  'x25519_test.json',
  'node',
  (c) => {
    const der = hex(`302e020100300506032b656e04220420${c.private}`);
    const key = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
    const half: NodeHalf = { method: KE_X25519, x25519: key, p256: null };
    assert.equal(finish(node, half, hex(c.public)), c.shared, `tcId ${c.tcId}`);
    return true;
  },
  [518, 0],
);

// IKE's form is x | y: a case whose point is not uncompressed has none, or a wrong length.
each(
  'ecdh_secp256r1_ecpoint_test.json',
  'node',
  (c) => {
    const p256 = createECDH('prime256v1');
    p256.setPrivateKey(Buffer.from(c.private.replace(/^00(?=.{64})/, ''), 'hex'));
    const half: NodeHalf = { method: KE_P256, x25519: null, p256 };
    const uncompressed = c.public.startsWith('04');
    const shared = finish(node, half, hex(uncompressed ? c.public.slice(2) : c.public));
    // A secret of zeros is refused here too, though it is one: case 3, which no honest peer will ever make.
    assert.equal(shared, uncompressed && c.result === 'valid' ? c.shared : ZEROS, `tcId ${c.tcId}`);
    assert.ok(c.tcId === 3 || c.result !== 'valid' || shared !== ZEROS, `tcId ${c.tcId}`);
    return uncompressed;
  },
  [346, 9],
);

// A signature has 64 octets by definition here; shorter ones at the end of their buffer are refused, longer ones have
// no form.
each(
  'ed25519_test.json',
  'node',
  (c, group) => {
    const key = hex((group['publicKey'] as { pk: string }).pk);
    const [message, signature] = [hex(c.msg), hex(c.sig)];
    if (signature.length > 64) return false;
    const good = node.verify(key, message, 0, message.length, signature, 0);
    assert.equal(good, c.result === 'valid', `tcId ${c.tcId}`);
    return true;
  },
  [146, 5],
);
