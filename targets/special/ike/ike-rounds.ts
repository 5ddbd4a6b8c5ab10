// A pre-shared key against quantum computers, in IKE_INTERMEDIATE, where it protects the IKE SA too [RFC 9867 §3.1, RFC 9242].
// As core/ike/ext/ppk-intermediate.ts and core/ike/setup/rounds.ts.

import { copy, equal, fill, put16, put32 } from '../../../core/base/bytes.ts';
import { IKE_INTERMEDIATE, N_PPK_IDENTITY, N_PPK_IDENTITY_KEY, PAYLOAD_SK } from '../../../core/ike/codec/numbers.ts';
import { OUTCOME_PPK } from '../../../core/ike/state/outcome.ts';
import { STATE_INTERMEDIATE_SENT } from '../../../core/ike/state/stage.ts';
import { hmacOf, slice, wipeAead } from '../crypto.ts';
import { D } from '../data.ts';
import type { Profile } from '../profile.ts';
import { ikeAuth } from './ike-auth.ts';
import { endIke } from './ike-life.ts';
import { mixKey } from './ike-proof.ts';
import { type IkeSlot, S } from './ike-state.ts';
import { deriveIke, sealRequest, settleRequest } from './messages.ts';
import { addNote, beginPayloads, chain, chainError, foundAt, foundSize, note, putAll, W, workEnd } from './payloads.ts';

declare const P: Profile;

/** Octets that confirm the key, behind PPK_ID. */
const CONFIRMATION_SIZE = 8;

/** IntAuth of a message with this header: as if SK held the payloads alone [RFC 9242 §3.3.2]. */
function coverRound(key: Uint8Array, header: Uint8Array, first: number, inner: Uint8Array, to: number): void {
  const octets = new Uint8Array(32 + inner.length);
  copy(octets, 0, header, 0, 28);
  octets[16] = PAYLOAD_SK;
  octets[28] = first;
  put32(octets, 24, octets.length);
  put16(octets, 30, 4 + inner.length);
  putAll(octets, 32, inner);
  hmacOf(key, octets, 0, octets.length, S.setup!.intAuth, to);
}

/** Sends the round's request. */
export function ikeRound(sa: IkeSlot): void {
  const setup = S.setup!;
  const nonce = S.draft!.nonce;
  const octets = new Uint8Array(nonce.length + setup.nr.length + 16);
  const mac = new Uint8Array(32);
  const ppk = slice(D, P.atPpk, P.ppkSize);
  copy(octets, putAll(octets, putAll(octets, 0, nonce), setup.nr), sa.ids, 0, 16);
  hmacOf(ppk, octets, 0, octets.length, mac, 0);
  fill(ppk, 0, P.ppkSize, 0);
  beginPayloads();
  const at = addNote(N_PPK_IDENTITY_KEY, P.ppkIdSize + CONFIRMATION_SIZE);
  copy(W, at, D, P.atPpkId, P.ppkIdSize);
  copy(W, at + P.ppkIdSize, mac, 0, CONFIRMATION_SIZE);
  const inner = slice(W, 1, workEnd - 1);
  const first = W[0];
  setup.intAuth = new Uint8Array(64);
  sa.state = STATE_INTERMEDIATE_SENT;
  sealRequest(sa, IKE_INTERMEDIATE, 0);
  coverRound(setup.pi, sa.request!, first, inner, 0);
}

/** The answer to the round is in the chain: its header, the type of its first payload, its payloads. */
export function onRound(sa: IkeSlot, header: Uint8Array, first: number, inner: Uint8Array): void {
  const setup = S.setup!;
  const draft = S.draft!;
  settleRequest(sa);
  if (chainError !== 0) {
    endIke(sa, chainError);
    return;
  }
  coverRound(setup.pr, header, first, inner, 32);
  const isKnown = note(N_PPK_IDENTITY);
  const isRight = isKnown && foundSize === P.ppkIdSize && equal(chain, foundAt, D, P.atPpkId, foundSize);
  if (isKnown ? !isRight : P.ppkMandatory) {
    endIke(sa, OUTCOME_PPK);
    return;
  }
  if (isKnown) {
    const seed = new Uint8Array(32);
    mixKey(sa.d!, seed);
    fill(sa.d!, 0, 32, 0);
    wipeAead(sa.out!);
    wipeAead(sa.into!);
    deriveIke(sa, seed, draft.nonce, setup.nr, setup);
  }
  ikeAuth(sa);
}
