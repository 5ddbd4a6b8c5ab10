// Portable key exchange: only X25519, which a board with a pre-shared key needs for IKE. A target must bring signatures.

import { copy, fill } from '../base/bytes.ts';
import { checkRange } from '../base/refuse.ts';
import type { Asymmetric, KePrivate } from './asymmetric.ts';
import { KE_X25519 } from './asymmetric.ts';
import type { Random } from './portable.ts';
import { x25519 } from './x25519.ts';

/** The private half: 32 random octets. A wiped one has method 0. */
export interface PortableHalf extends KePrivate {
  scalar: Uint8Array;
}

function wipe(half: KePrivate): void {
  fill((half as PortableHalf).scalar, 0, 32, 0);
  half.method = 0;
}

/** X25519 without signatures. `random` null: the target has no secure source, and `keStart` throws. */
export function createPortableKe(random: Random | null): Asymmetric {
  return {
    hasKe: (method) => method === KE_X25519,
    keStart: (method, out, outOffset) => {
      checkRange('KE method', method, KE_X25519, KE_X25519);
      if (random === null) throw new Error('random: this target has no secure source');
      const half: PortableHalf = { method: method, scalar: new Uint8Array(32) };
      const base = new Uint8Array(32);
      base[0] = 9;
      random(half.scalar, 0, 32);
      x25519(out, outOffset, half.scalar, 0, base, 0);
      return half;
    },
    keFinish: (half, peer, offset, length, out, outOffset) => {
      const secret = new Uint8Array(32);
      let any = 0;
      if (half.method === KE_X25519 && length === 32) {
        x25519(secret, 0, (half as PortableHalf).scalar, 0, peer, offset);
        for (let i = 0; i < 32; i++) any |= secret[i];
      }
      if (any !== 0) {
        copy(out, outOffset, secret, 0, 32);
        wipe(half);
      }
      fill(secret, 0, 32, 0);
      return any !== 0;
    },
    keWipe: wipe,
    hasEd25519: () => false,
    sign: () => {
      throw new Error('Ed25519: not in the portable code');
    },
    verify: () => false,
  };
}
