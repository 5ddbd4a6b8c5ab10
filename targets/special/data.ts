// The octets in which devices of one profile differ: addresses, identity, keys. They come from the provisioning area, or from
// the program. P.at* are the places in them.

import type { Profile } from './profile.ts';

declare const P: Profile;

export const D: Uint8Array = /* @__PURE__ */ new Uint8Array(P.dataSize);
