// IKE_AUTH: both sides prove who they are, and the Child SA is made [RFC 7296 §1.2, §2.15, §2.19]. As
// core/ike/setup/initiator.ts and core/ike/crypto/auth.ts.

import { copy, equal, put32, u16, u32 } from '../../../core/base/bytes.ts';
import {
  CP_REPLY,
  IKE_AUTH,
  N_AUTHENTICATION_FAILED,
  N_INITIAL_CONTACT,
  N_NO_PPK_AUTH,
  N_PPK_IDENTITY,
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
  OUTCOME_PPK,
  OUTCOME_PROTOCOL,
  OUTCOME_SELECTORS,
} from '../../../core/ike/state/outcome.ts';
import { STATE_AUTH_SENT, STATE_ESTABLISHED } from '../../../core/ike/state/stage.ts';
import { slice } from '../crypto.ts';
import { D } from '../data.ts';
import { newSpi } from '../esp-sa.ts';
import { onEstablished } from '../events.ts';
import { setInner } from '../inner.ts';
import { putHex } from '../octets.ts';
import type { Profile } from '../profile.ts';
import { childVerdict, newChild, putSelectors, ROLE_ASKED } from './child-parts.ts';
import { ikeRestart } from './ike-first.ts';
import { abandonIke, clearSetup, endIke, ikeElder, lifeEnd } from './ike-life.ts';
import { isProved, makeProof, mixKey, putProof } from './ike-proof.ts';
import { freshIke, type IkeSlot, ikeNow, PPK_AUTH, S, setFresh, setReauth } from './ike-state.ts';
import { AT_CIPHER, sealRequest, settleRequest } from './messages.ts';
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
  putAll,
  seek,
  W,
} from './payloads.ts';
import { chosenAt, chosenKe } from './proposal.ts';

declare const P: Profile;

/** Mixes the PPK into SK_d, SK_pi and SK_pr, and keeps what they were [RFC 8784 §3]. */
function mixKeys(sa: IkeSlot): void {
  const setup = S.setup!;
  setup.plain = new Uint8Array(96);
  putAll(setup.plain, putAll(setup.plain, putAll(setup.plain, 0, sa.d!), setup.pi), setup.pr);
  mixKey(sa.d!, sa.d!);
  mixKey(setup.pi, setup.pi);
  mixKey(setup.pr, setup.pr);
}

/** Sends IKE_AUTH. */
export function ikeAuth(sa: IkeSlot): void {
  const setup = S.setup!;
  if (P.localSigns && !setup.identityHash && !(P.tickets && setup.resumed)) {
    // The gateway does not verify Ed25519.
    endIke(sa, N_AUTHENTICATION_FAILED);
    return;
  }
  sa.state = STATE_AUTH_SENT;
  if (P.ppkIntermediate) setup.authId = sa.nextId;
  S.draft!.spi = new Uint8Array(4);
  put32(S.draft!.spi, 0, newSpi());
  beginPayloads();
  const id = addPayloads(PAYLOAD_IDI, P.idi, 0) + 4;
  copy(W, addRoom(P.identitySize), D, P.atIdentity, P.identitySize);
  if (P.initialContact && (P.reauthTime === 0 || freshIke === null)) addNote(N_INITIAL_CONTACT, 0);
  if (P.idr !== '') addPayloads(PAYLOAD_IDR, P.idr, 0);
  const body = slice(W, id, 4 + P.identitySize);
  if (P.ppk && setup.ppk === PPK_AUTH) {
    copy(W, addNote(N_PPK_IDENTITY, P.ppkIdSize), D, P.atPpkId, P.ppkIdSize);
    if (!P.ppkMandatory) {
      const without = makeProof(body);
      putAll(W, addNote(N_NO_PPK_AUTH, without.length), without);
    }
    mixKeys(sa);
  }
  putProof(makeProof(body));
  if (P.authTail !== '') addPayloads(P.authTailType, P.authTail, P.authTailLast);
  const esp = addPayloads(PAYLOAD_SA, P.pfsInfoType !== 0 && setup.pfsInfo ? P.espSaKe : P.espSa, 0);
  putAll(W, esp + 12, S.draft!.spi);
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
        setInner(chain, at + 4);
        return true;
      }
      at = next;
    }
  }
  return false;
}

/** As `childVerdict`, with the address that the gateway gave; another SA may live on with the old one if it does not do. */
function addressVerdict(want: string): number {
  const own = slice(D, P.atOwn, P.addressSize);
  const verdict = takeAddress() ? childVerdict(want) : OUTCOME_SELECTORS;
  if (verdict !== 0) setInner(own, 0);
  return verdict;
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
function readAuthAnswer(sa: IkeSlot): number {
  const setup = S.setup!;
  if (P.remoteId !== '' && !isIdentity()) return OUTCOME_PEER_ID;
  const id = slice(chain, foundAt, foundSize);
  if (P.ppk && setup.ppk === PPK_AUTH && !note(N_PPK_IDENTITY)) {
    // The gateway does not have it.
    if (P.ppkMandatory) return OUTCOME_PPK;
    copy(sa.d!, 0, setup.plain, 0, 32);
    copy(setup.pi, 0, setup.plain, 32, 32);
    copy(setup.pr, 0, setup.plain, 64, 32);
  }
  if (!isProved(id)) return OUTCOME_PEER_AUTH;
  if (chainError !== 0) return chainError;
  const want = P.pfsInfoType !== 0 && setup.pfsInfo ? P.espWantKe : P.espWant;
  if (P.reauthTime > 0 && P.requestAddress !== 0) return addressVerdict(want);
  if (P.requestAddress !== 0 && !takeAddress()) return OUTCOME_SELECTORS;
  return childVerdict(want);
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
  const verdict = readAuthAnswer(sa);
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
        encr: P.ikeCiphers > 1 ? sa.ids[AT_CIPHER] : P.ikeEncr,
        keyBits: P.ikeKeyBits,
        ke: S.ke as 31,
        expires: ikeNow + u32(chain, foundAt) * 1000,
      };
    }
  }
  const elder = P.reauthTime > 0 && sa === freshIke ? S.current : null;
  if (P.reauthTime > 0) {
    setFresh(null);
    S.current = sa;
    setReauth(lifeEnd(P.reauthTime));
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
  if (P.reauthTime > 0 && elder !== null) ikeElder(elder);
}
