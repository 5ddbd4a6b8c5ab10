// All parts of the core, for gateways and tools. Boards list their own.

import { ipv4 } from '../wire/ipv4.ts';
import { ipv6 } from '../wire/ipv6.ts';
import { sctp } from '../wire/sctp.ts';
import { tcp } from '../wire/tcp.ts';
import { udp } from '../wire/udp.ts';
import { udplite } from '../wire/udplite.ts';
import { createArena } from './arena.ts';
import { checkConfig } from './check.ts';
import type { Parts } from './parts.ts';
import { createHash } from './sa-hash.ts';
import { createSearch } from './search.ts';
import { esn64, sn32 } from './sn.ts';
import { createSubspaceParts } from './subspaces.ts';
import { windowWide } from './window.ts';

/**
 * Everything of ESP and Diet-ESP: both IP versions, four transports, both kinds of sequence numbers, replay windows of
 * up to 4096 packets, subspaces, resynchronisation after outages of 64 * 2^k packets, a hash table of SAs. Shared by a process: SAs of the same kind share their rules through it.
 */
export const FULL_PARTS: Parts = /* @__PURE__ */ createSubspaceParts({
  networks: [ipv6, ipv4],
  transports: [udp, udplite, tcp, sctp],
  counters: [sn32, esn64],
  window: windowWide,
  search: createSearch(64, 4096),
  table: createHash,
  check: checkConfig,
  shapes: {},
  forms: {},
  place: createArena(),
});
