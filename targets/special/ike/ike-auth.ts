// IKE_AUTH: both sides prove who they are, and the Child SA is made [RFC 7296 §1.2, §2.15, §2.19]. As
// core/ike/setup/initiator.ts and core/ike/crypto/auth.ts.

import { copy, equal, fill, put32, u16, u32 } from '../../../core/base/bytes.ts';
import {
  CP_REPLY,
  IKE_AUTH,
  N_AUTHENTICATION_FAILED,
  N_INITIAL_CONTACT,
  N_QCD_TOKEN,
  N_TICKET_LT_OPAQUE,
  PAYLOAD_AUTH,
  PAYLOAD_CP,
  PAYLOAD_IDI,
  PAYLOAD_IDR,
  PAYLOAD_SA,
} from '../../../core/ike/codec/numbers.ts';
import {
  OUTCOME_PEER_AUTH,
  OUTCOME_PEER_ID,
  OUTCOME_PROTOCOL,
  OUTCOME_SELECTORS,
} from '../../../core/ike/state/outcome.ts';
import { STATE_AUTH_SENT, STATE_ESTABLISHED } from '../../../core/ike/state/stage.ts';
import { hmacOf, slice } from '../crypto.ts';
import { D } from '../data.ts';
import { newSpi } from '../esp-sa.ts';
import { onEstablished } from '../events.ts';
import { putHex } from '../octets.ts';
import type { Profile } from '../profile.ts';
import { childVerdict, newChild, putSelectors, ROLE_ASKED } from './child-parts.ts';
import { ikeRestart } from './ike-first.ts';
import { abandonIke, clearSetup, endIke, lifeEnd } from './ike-life.ts';
import { type IkeSlot, ikeNow, S } from './ike-state.ts';
import { sealRequest, settleRequest } from './messages.ts';
import {
  addNote,
  addPayloads,
  addRoom,
  beginPayloads,
  chain,
  chainError,
  foundAt,
  foundSize,
  note,
  putOctets,
  seek,
  W,
} from './payloads.ts';
import { chosenAt, chosenKe } from './proposal.ts';

declare const P: Profile;

/** 'Key Pad for IKEv2'. */
const KEY_PAD = '4b65792050616420666f7220494b457632';

/** AUTH data of the initiator (`ofInitiator`) or the responder, whose ID body is at id[at..at+size) [RFC 7296 §2.15]. */
function proofOf(ofInitiator: boolean, id: Uint8Array, at: number, size: number): Uint8Array {
  const setup = S.setup!;
  const own = ofInitiator ? setup.m1 : setup.m2;
  const other = ofInitiator ? setup.m2 : setup.m1;
  const nonce = ofInitiator ? setup.nr : S.draft!.nonce;
  const key = ofInitiator ? setup.pi : setup.pr;
  const out = new Uint8Array(32);
  if (P.tickets && setup.resumed) {
    hmacOf(key, own, 0, own.length, out, 0);
    return out;
  }
  const octets = new Uint8Array(40 + own.length + other.length + nonce.length);
  const psk = slice(D, P.atPsk, P.pskSize);
  hmacOf(psk, octets, 0, putHex(octets, 0, KEY_PAD), out, 0);
  const padded = slice(out, 0, 32);
  fill(octets, 0, 8, 0);
  fill(psk, 0, P.pskSize, 0);
  let n = P.transcript && setup.transcript ? putOctets(octets, 8, other) : 0;
  n = putOctets(octets, putOctets(octets, n, own), nonce);
  hmacOf(key, id, at, size, octets, n);
  hmacOf(padded, octets, 0, n + 32, out, 0);
  fill(padded, 0, 32, 0);
  return out;
}

/** Sends IKE_AUTH. */
export function ikeAuth(sa: IkeSlot): void {
  const setup = S.setup!;
  sa.state = STATE_AUTH_SENT;
  S.draft!.spi = new Uint8Array(4);
  put32(S.draft!.spi, 0, newSpi());
  beginPayloads();
  const id = addPayloads(PAYLOAD_IDI, P.idi, 0) + 4;
  copy(W, addRoom(P.identitySize), D, P.atIdentity, P.identitySize);
  if (P.initialContact) addNote(N_INITIAL_CONTACT, 0);
  if (P.idr !== '') addPayloads(PAYLOAD_IDR, P.idr, 0);
  const proof = proofOf(true, W, id, 4 + P.identitySize);
  addPayloads(PAYLOAD_AUTH, '0000002802000000', 0);
  putOctets(W, addRoom(32), proof);
  if (P.authTail !== '') addPayloads(P.authTailType, P.authTail, P.authTailLast);
  const esp = addPayloads(PAYLOAD_SA, P.pfsInfoType !== 0 && setup.pfsInfo ? P.espSaKe : P.espSa, 0);
  putOctets(W, esp + 12, S.draft!.spi);
  putSelectors(true);
  sealRequest(sa, IKE_AUTH, 0);
}

/** The address that the gateway gave is written to the device's octets. False: there is none. */
function takeAddress(): boolean {
  for (let i = 0; seek(PAYLOAD_CP, 0, i); i++) {
    if (chain[foundAt] !== CP_REPLY) continue;
    const end = foundAt + foundSize;
    for (let at = foundAt + 4; at + 4 <= end; ) {
      const next = at + 4 + u16(chain, at + 2);
      if (next > end) break;
      if ((u16(chain, at) & 0x7fff) === P.requestAddress && next - at - 4 >= P.addressSize) {
        copy(D, P.atOwn, chain, at + 4, P.addressSize);
        return true;
      }
      at = next;
    }
  }
  return false;
}

/** Keeps the gateway's token of this IKE SA, where it is in the chain [RFC 6290 §4.1]. */
export function takeToken(sa: IkeSlot): void {
  if (note(N_QCD_TOKEN) && foundSize >= 16 && foundSize <= 128) sa.token = slice(chain, foundAt, foundSize);
}

/** True when the body of IDr at foundAt is the gateway's identity; its reserved octets do not count [RFC 7296 §3.5]. */
function isIdentity(): boolean {
  const size = putHex(W, 0, P.remoteId);
  return foundSize === size && chain[foundAt] === W[0] && equal(chain, foundAt + 4, W, 4, size - 4);
}

/** What is wrong with the answer to IKE_AUTH: 0, or why it does not do. Nothing of it counts before the gateway's proof. */
function readAuthAnswer(): number {
  const setup = S.setup!;
  if (P.remoteId !== '' && !isIdentity()) return OUTCOME_PEER_ID;
  const proof = proofOf(false, chain, foundAt, foundSize);
  seek(PAYLOAD_AUTH, 0, 0);
  if (chain[foundAt] !== 2 || foundSize !== 36 || !equal(chain, foundAt + 4, proof, 0, 32)) return OUTCOME_PEER_AUTH;
  if (chainError !== 0) return chainError;
  if (P.requestAddress !== 0 && !takeAddress()) return OUTCOME_SELECTORS;
  return childVerdict(P.pfsInfoType !== 0 && setup.pfsInfo ? P.espWantKe : P.espWant);
}

/** The answer to IKE_AUTH is in the chain. */
export function onAuthAnswer(sa: IkeSlot): void {
  const setup = S.setup!;
  const draft = S.draft!;
  settleRequest(sa);
  if (!seek(PAYLOAD_AUTH, 0, 0) || !seek(PAYLOAD_IDR, 0, 0)) {
    // A delayed request without the cookie can make both sides sign different messages.
    if (chainError === N_AUTHENTICATION_FAILED && setup.skip > 28 && !setup.again) ikeRestart(sa, true);
    else endIke(sa, chainError !== 0 ? chainError : OUTCOME_PROTOCOL);
    return;
  }
  const verdict = readAuthAnswer();
  if (verdict !== 0) {
    abandonIke(sa, verdict);
    return;
  }
  if (P.crashTokens) takeToken(sa);
  if (P.optimizedType !== 0) {
    S.optimized = (P.vendorId === '' || setup.vendor) && note(P.optimizedSupportedType);
  }
  S.ke = draft.method;
  if (P.tickets) {
    S.session = null;
    if (note(N_TICKET_LT_OPAQUE) && foundSize > 4 && foundSize <= P.ticketSize + 4) {
      S.session = {
        ticket: slice(chain, foundAt + 4, foundSize - 4),
        skD: slice(sa.d!, 0, 32),
        encr: P.ikeEncr,
        keyBits: P.ikeKeyBits,
        ke: S.ke as 31,
        expires: ikeNow + u32(chain, foundAt) * 1000,
      };
    }
  }
  const child = newChild(u32(draft.spi, 0), u32(chain, chosenAt), null, draft.nonce, setup.nr, ROLE_ASKED);
  if (P.pfsInfoType !== 0 && setup.pfsInfo) child.ke = chosenKe;
  else if (P.tickets && setup.resumed) child.ke = S.ke;
  else if (P.pfsKnown && S.optimized) child.ke = P.childKe;
  const resumed = setup.resumed;
  clearSetup();
  sa.state = STATE_ESTABLISHED;
  S.rekeyAt = lifeEnd(P.ikeRekeyTime);
  S.retryAt = -1;
  onEstablished(S.messages, S.octets, ikeNow - S.begun, resumed, ikeNow);
  S.messages = 0;
  S.octets = 0;
}
