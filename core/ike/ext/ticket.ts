// Session resumption, the gateway's side [RFC 5723]: tickets by value, sealed with AES-CCM under a key that only the
// gateway has. A ticket is valid once, until it expires, and only for its identity, with the credentials that this has proved: where
// they were changed, or a revocation list was, all is proved again. No certificate is: a ticket made in a resumed session ends with it, and
// none outlives the certificate.
//
//   ticket = nonce (11) | sealed( mark of the credentials (8) | expiry in s (4) | ENCR (2) | key bits (2) | KE (2) | flags (1) |
//            ID type (1) | ID length (2) | ID | SK_d (32) ) | ICV (16)

import { put16, put32, u16, u32 } from '../../base/bytes.ts';
import { copy, equal } from '../../base/spans.ts';
import type { KeMethod } from '../../crypto/asymmetric.ts';
import { type Aead, ALG_AES_CCM, type Key, type Provider } from '../../crypto/provider.ts';
import { beginMessage, endMessage, findNotify } from '../codec/message.ts';
import {
  FLAG_RESPONSE,
  IKE_SESSION_RESUME,
  N_FRAGMENTATION_SUPPORTED,
  N_TICKET_LT_OPAQUE,
  N_TICKET_NACK,
  N_TICKET_OPAQUE,
  N_TICKET_REQUEST,
  PAYLOAD_NONCE,
} from '../codec/numbers.ts';
import { join, NONE, octets32, take, wipe } from '../codec/octets.ts';
import { addNonce, addStatus, bodyOf, dataOf } from '../codec/payloads.ts';
import { prf, resumptionSeed } from '../crypto/keys.ts';
import { extend, readExtensions } from '../exchange/extensions.ts';
import { deriveSk } from '../exchange/keying.ts';
import { nonce } from '../exchange/registry.ts';
import type { Tickets } from '../setup/half-open.ts';
import { TICKET_EXTRA } from '../setup/init.ts';
import { noteOf, setNote } from '../state/child.ts';
import type { Extension, Ike } from '../state/ike.ts';
import type { IkePolicy } from '../state/policy.ts';
import type { IkeSa } from '../state/sa.ts';
import { STEP_AUTH_REQUEST, STEP_AUTH_RESPONSE, STEP_INIT_REQUEST, STEP_INIT_RESPONSE } from '../state/step.ts';

const NONCE_SIZE = 11;
const ICV_SIZE = 16;
const FIXED = 22;
const SK_SIZE = 32;
const MARK_SIZE = 8;
/** The note of a set-up by a ticket: when that expires, in s. */
const TICKET_END = 'ticket-end';
/** Flags: the peer has our Vendor ID; the SA had transforms beyond the usual ones, such as additional key exchanges. */
const FLAG_VENDOR = 1;
const FLAG_EXTRA = 2;
/** Most remembered nonces of used tickets. When they are full, no ticket is accepted until some expire. */
const MAX_USED = 65536;

/** Both parts of a responder that gives tickets [RFC 5723]. */
export interface TicketIssuer {
  /** For `IkeConfig.extensions`: hands out tickets in IKE_AUTH. */
  extension: Extension;
  /** For `ResponderConfig.tickets`: takes them back. */
  tickets: Tickets;
}

function isResumedExtra(sa: IkeSa): boolean {
  return sa.setup !== null && noteOf(sa.setup.notes, TICKET_EXTRA).length > 0;
}

/** The eleven octets of its nonce, for a table. */
function nonceKey(ticket: Uint8Array): string {
  return u32(ticket, 0) + '.' + u32(ticket, 4) + '.' + u32(ticket, NONCE_SIZE - 4);
}

/** A ticket begins with its nonce; nothing beside it is authenticated. */
function aeadOf(ticket: Uint8Array): Aead {
  return { nonce: ticket, nonceLength: NONCE_SIZE, aad: NONE, aadLength: 0, icvLength: ICV_SIZE };
}

/**
 * `key`: 16 octets from a secure random source. Whoever has it can read every ticket. `wall`: milliseconds since 1970 at a time of
 * the endpoint, for expiry: a ticket may outlive the process. It is asked whenever a ticket is made or judged, so that a clock that
 * was set counts for all tickets; no timer of IKE depends on it.
 */
export function createTickets(provider: Provider, key: Uint8Array, wall: (now: number) => number): TicketIssuer {
  const sealing: Key = provider.key(ALG_AES_CCM, key);
  const used: Record<string, number> = {};
  let order: string[] = [];

  /** Stands for what the peer of a policy has proved, and for what it is taken by. */
  function markOf(policy: IkePolicy): Uint8Array {
    const signatures = policy.signatures;
    const mark = signatures === undefined || signatures.mark === undefined ? NONE : signatures.mark;
    const parts = [octets32(policy.psk.length), policy.psk, policy.publicKey, mark];
    const ppk = policy.ppk;
    if (ppk !== null) parts.push(ppk.id, ppk.key, octets32(ppk.mandatory ? 1 : 0));
    const secrets = join(parts);
    const out = take(prf(provider, key, secrets), 0, MARK_SIZE);
    wipe(secrets);
    return out;
  }

  /** When the ticket of an SA that is being set up expires, in s since 1970. */
  function endOf(sa: IkeSa, now: number): number {
    const setup = sa.setup!;
    const signatures = sa.policy.signatures;
    const end = Math.floor(wall(now) / 1000) + sa.policy.ticketLifetime;
    if (signatures === undefined || signatures.until === undefined) return end;
    const before = noteOf(setup.notes, TICKET_END);
    return Math.min(end, before.length > 0 ? u32(before, 0) : Math.floor(signatures.until(setup) / 1000));
  }

  function seal(ike: Ike, sa: IkeSa, end: number): Uint8Array {
    const size = FIXED + sa.peerId.length + SK_SIZE;
    const out = new Uint8Array(NONCE_SIZE + size + ICV_SIZE);
    const at = NONCE_SIZE;
    ike.provider.random(out, 0, NONCE_SIZE);
    copy(out, at, markOf(sa.policy), 0, MARK_SIZE);
    put32(out, at + 8, end);
    put16(out, at + 12, sa.cipher!.encr);
    put16(out, at + 14, sa.cipher!.keyBits);
    put16(out, at + 16, sa.ke);
    out[at + 18] = (sa.vendor ? FLAG_VENDOR : 0) | (sa.transforms.length > 0 || isResumedExtra(sa) ? FLAG_EXTRA : 0);
    out[at + 19] = sa.peerIdType;
    put16(out, at + 20, sa.peerId.length);
    copy(out, at + FIXED, sa.peerId, 0, sa.peerId.length);
    copy(out, at + FIXED + sa.peerId.length, sa.skD, 0, SK_SIZE);
    provider.seal(sealing, aeadOf(out), out, at, size);
    return out;
  }

  /** What was sealed, or empty. */
  function open(ticket: Uint8Array): Uint8Array {
    const size = ticket.length - NONCE_SIZE - ICV_SIZE;
    if (size < FIXED + SK_SIZE || size > 1024) return NONE;
    const copied = take(ticket, 0, ticket.length);
    if (!provider.open(sealing, aeadOf(ticket), copied, NONCE_SIZE, size)) return NONE;
    return take(copied, NONCE_SIZE, size);
  }

  /** Notes a ticket's nonce. False: it was used before, or there is no room to remember it. */
  function spend(number: string, expiry: number, now: number): boolean {
    if (used[number] !== undefined) return false;
    if (order.length >= MAX_USED) {
      const left: string[] = [];
      for (let i = 0; i < order.length; i++) {
        if (used[order[i]] * 1000 > wall(now)) left.push(order[i]);
        else delete used[order[i]];
      }
      order = left;
      if (order.length >= MAX_USED) return false;
    }
    used[number] = expiry;
    order.push(number);
    return true;
  }

  /** Refuses the ticket with this `state`, which holds a key. */
  function nack(ike: Ike, sa: IkeSa, state: Uint8Array, now: number): Uint8Array {
    wipe(state);
    const w = ike.writer;
    beginMessage(w, 0, join([take(sa.spis, 0, 8), new Uint8Array(8)]), IKE_SESSION_RESUME, FLAG_RESPONSE, 0);
    addStatus(w, N_TICKET_NACK, NONE);
    ike.upper.transmit(sa.path, ike.replyTo, w.buffer, 0, endMessage(w), now);
    return NONE;
  }

  return {
    extension: {
      add: (ike, sa, step, _draft, w) => {
        if (step !== STEP_AUTH_RESPONSE || sa.setup === null || !sa.setup.ticketAsked) return;
        const end = endOf(sa, sa.heardAt);
        const lifetime = sa.policy.ticketLifetime > 0 ? end - Math.floor(wall(sa.heardAt) / 1000) : 0;
        if (lifetime <= 0) {
          addStatus(w, N_TICKET_NACK, NONE);
          return;
        }
        const data = new Uint8Array(4);
        put32(data, 0, lifetime);
        addStatus(w, N_TICKET_LT_OPAQUE, join([data, seal(ike, sa, end)]));
      },
      read: (_ike, sa, step, _draft, m) => {
        if (step === STEP_AUTH_REQUEST && sa.setup !== null) {
          sa.setup.ticketAsked = findNotify(m.payloads, m.buffer, N_TICKET_REQUEST) >= 0;
        }
        return 0;
      },
    },
    tickets: {
      resume: (ike, sa, find) => {
        const m = ike.message;
        const now = ike.incoming.now;
        const setup = sa.setup!;
        const ticket = dataOf(m, N_TICKET_OPAQUE);
        const state = ticket === null ? NONE : open(ticket);
        if (state.length === 0) return nack(ike, sa, state, now);
        const expiry = u32(state, 8);
        const idSize = u16(state, 20);
        const ciphers = sa.policy.ciphers;
        for (let i = 0; i < ciphers.length; i++) {
          if (ciphers[i].encr === u16(state, 12) && ciphers[i].keyBits === u16(state, 14)) sa.cipher = ciphers[i];
        }
        const isGood = FIXED + idSize + SK_SIZE === state.length && sa.cipher !== null && expiry * 1000 > wall(now);
        const policy = isGood ? find(state[19], take(state, FIXED, idSize), sa.path) : null;
        const fits = policy !== null && equal(markOf(policy), 0, state, 0, MARK_SIZE);
        if (!fits || !spend(nonceKey(ticket!), expiry, now)) return nack(ike, sa, state, now);
        setup.resumed = true;
        setNote(setup.notes, TICKET_END, take(state, 8, 4));
        if ((state[18] & FLAG_EXTRA) !== 0) setNote(setup.notes, TICKET_EXTRA, new Uint8Array(1));
        setup.kx.nonceI = bodyOf(m, PAYLOAD_NONCE);
        setup.kx.nonceR = nonce(ike, sa.policy.nonceSize);
        const canJoin = ike.reassembly !== null && sa.policy.fragmentSize > 0;
        setup.fragmentation = canJoin && dataOf(m, N_FRAGMENTATION_SUPPORTED) !== null;
        sa.ke = u16(state, 16) as KeMethod;
        // Only the owner of the ticket may resume: checked against IDi in IKE_AUTH.
        sa.peerIdType = state[19];
        sa.peerId = take(state, FIXED, idSize);
        if (readExtensions(ike, sa, STEP_INIT_REQUEST, null, m) !== 0) return nack(ike, sa, state, now);
        const nonces = join([setup.kx.nonceI, setup.kx.nonceR]);
        const skD = take(state, FIXED + idSize, SK_SIZE);
        deriveSk(ike, sa, nonces, resumptionSeed(ike.provider, skD, nonces), setup);
        wipe(skD);
        wipe(state);
        const w = ike.writer;
        beginMessage(w, 0, sa.spis, IKE_SESSION_RESUME, FLAG_RESPONSE, 0);
        addNonce(w, setup.kx.nonceR);
        if (setup.fragmentation) addStatus(w, N_FRAGMENTATION_SUPPORTED, NONE);
        extend(ike, sa, STEP_INIT_RESPONSE, null, w);
        const size = endMessage(w);
        return size < 0 ? NONE : take(w.buffer, 0, size);
      },
    },
  };
}
