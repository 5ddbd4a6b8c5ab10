// ESP of a specialised device without its radio: UDP payloads to ESP packets and back.

import { copy, u32 } from '../../core/base/bytes.ts';
import { D } from '../../targets/special/data.ts';
import { addPair } from '../../targets/special/esp-sa.ts';
import type { Profile } from '../../targets/special/profile.ts';

declare const P: Profile;

export { espSend } from '../../targets/special/esp.ts';
export { espReceive } from '../../targets/special/esp-in.ts';

export function start(octets: Uint8Array): void {
  copy(D, 0, octets, 0, P.dataSize);
  addPair(u32(D, P.atSpiOut), u32(D, P.atSpiIn), D, P.atKeyOut, P.atKeyIn, true);
}
