// A Child SA, in negotiation and alive: plain data.

import type { Suite } from '../../esp/suites.ts';
import type { Choice } from '../codec/proposals.ts';
import type { Selector } from '../codec/selectors.ts';
import type { KeyExchange } from '../crypto/key-exchange.ts';
import type { CompressionChoice } from './compression.ts';
import type { ChildPolicy } from './policy.ts';

export interface ChildSa {
  policy: ChildPolicy;
  spiIn: number;
  spiOut: number;
  suite: Suite;
  keyBits: number;
  esn: number;
  /** MODE_* */
  mode: number;
  local: Selector;
  remote: Selector;
  compression: CompressionChoice | null;
  dscpList: number[];
  /** KE method of rekeys, 0: none; and false where it is not known (the first Child SA without child-pfs-info). */
  ke: number;
  keKnown: boolean;
  /** The Child SA that it took over from. */
  replaces: ChildSa | null;
  /** 1 when a newer one took over, 2 when its Delete is under way. */
  retired: number;
  /** When to rekey it, -1: never; and when to remove it for good, -1: not yet. */
  rekeyAt: number;
  removeAt: number;
  /** What a simultaneous rekey by the peer made: the lowest of its nonces, and the Child SA. */
  rivalNonce: Uint8Array;
  rival: ChildSa | null;
  /** For the host. */
  tag: number;
}

/** A Child SA in negotiation. */
export interface Draft {
  policy: ChildPolicy;
  /** The Child SA that it replaces, or null. */
  replaces: ChildSa | null;
  optimized: boolean;
  /** We began the exchange. */
  own: boolean;
  spiIn: number;
  spiOut: number;
  choice: Choice;
  mode: number;
  local: Selector[];
  remote: Selector[];
  compression: CompressionChoice | null;
  /** The peer's offer of compression was not acceptable. */
  refused: boolean;
  dscpList: number[];
  /** DSCP values that the peer states; null: it did not. */
  peerDscp: number[] | null;
  kx: KeyExchange;
}
