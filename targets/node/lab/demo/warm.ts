// A process's first key exchange takes tens of milliseconds, to load OpenSSL and compile code. A real radio acknowledges
// frames meanwhile, but nothing here would. So this does one key exchange before the radio is needed.

import { KE_X25519 } from '../../../../core/crypto/asymmetric.ts';
import { createNodeAsymmetric } from '../../host/provider/asymmetric.ts';

const SIZE = 32;
const TIMES = 4;

export function warmUp(): void {
  const asymmetric = createNodeAsymmetric();
  const values = [new Uint8Array(SIZE), new Uint8Array(SIZE)];
  const secret = new Uint8Array(SIZE);
  for (let i = 0; i < TIMES; i++) {
    const halves = values.map((value) => asymmetric.keStart(KE_X25519, value, 0));
    halves.forEach((half, own) => {
      asymmetric.keFinish(half, values[1 - own], 0, SIZE, secret, 0);
    });
  }
  secret.fill(0);
}
