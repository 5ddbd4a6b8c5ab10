// Session resumption, the device's side [RFC 5723]: it asks for a ticket in IKE_AUTH. The ticket restores an IKE SA with one
// exchange and without asymmetric cryptography before the next IKE_AUTH.

import { u32 } from '../../base/bytes.ts';
import { beginMessage, endMessage, IKE_SPI_R } from '../codec/message.ts';
import {
  FLAG_INITIATOR,
  IKE_SESSION_RESUME,
  N_COOKIE,
  N_FRAGMENTATION_SUPPORTED,
  N_TICKET_LT_OPAQUE,
  N_TICKET_NACK,
  N_TICKET_OPAQUE,
  N_TICKET_REQUEST,
  PAYLOAD_NONCE,
} from '../codec/numbers.ts';
import { join, NONE, take } from '../codec/octets.ts';
import { addNonce, addStatus, bodyOf, dataOf } from '../codec/payloads.ts';
import { resumptionSeed } from '../crypto/keys.ts';
import type { IkeCipher } from '../crypto/suites.ts';
import { extend, readExtensions } from '../exchange/extensions.ts';
import { deriveSk } from '../exchange/keying.ts';
import { type Extension, RESUME_DONE, RESUME_IGNORED, RESUME_REFUSED, type Resumption } from '../state/ike.ts';
import { STEP_AUTH_REQUEST, STEP_AUTH_RESPONSE, STEP_INIT_REQUEST, STEP_INIT_RESPONSE } from '../state/step.ts';

function cipherOf(ciphers: IkeCipher[], encr: number, keyBits: number): IkeCipher | null {
  for (let i = 0; i < ciphers.length; i++) {
    if (ciphers[i].encr === encr && ciphers[i].keyBits === keyBits) return ciphers[i];
  }
  return null;
}

/** Asks for tickets, and keeps what resumes this SA in `IkeSa.session`. */
export const ticketRequest: Extension = {
  add: (_ike, sa, step, _draft, w) => {
    if (step === STEP_AUTH_REQUEST && sa.policy.ticketLifetime > 0) addStatus(w, N_TICKET_REQUEST, NONE);
  },
  read: (_ike, sa, step, _draft, m) => {
    if (step !== STEP_AUTH_RESPONSE || sa.policy.ticketLifetime <= 0) return 0;
    const data = dataOf(m, N_TICKET_LT_OPAQUE);
    sa.session = null;
    if (data === null || data.length < 5) return 0;
    sa.session = {
      ticket: take(data, 4, data.length - 4),
      skD: take(sa.skD, 0, sa.skD.length),
      encr: sa.cipher!.encr,
      keyBits: sa.cipher!.keyBits,
      ke: sa.ke,
      // The message is in time with what else happened to this SA.
      expires: sa.heardAt + u32(data, 0) * 1000,
    };
    return 0;
  },
};

/**
 * Initiator: IKE_SESSION_RESUME with the ticket of an earlier session [RFC 5723]. For `IkeConfig.resumption`;
 * `ticketRequest` asks for the tickets.
 */
export const resumption: Resumption = {
  start: (ike, sa, session, _now) => {
    const setup = sa.setup!;
    const w = ike.writer;
    if (cipherOf(sa.policy.ciphers, session.encr, session.keyBits) === null) return false;
    setup.resumed = true;
    beginMessage(w, 0, sa.spis, IKE_SESSION_RESUME, FLAG_INITIATOR, 0);
    if (setup.cookie.length > 0) addStatus(w, N_COOKIE, setup.cookie);
    addNonce(w, setup.kx.nonceI);
    addStatus(w, N_TICKET_OPAQUE, session.ticket);
    if (sa.policy.fragmentSize > 0 && ike.reassembly !== null) addStatus(w, N_FRAGMENTATION_SUPPORTED, NONE);
    extend(ike, sa, STEP_INIT_REQUEST, null, w);
    const size = endMessage(w);
    if (size < 0) return false;
    setup.message1 = take(w.buffer, 0, size);
    return true;
  },
  response: (ike, sa) => {
    const m = ike.message;
    const d = ike.incoming;
    const setup = sa.setup!;
    const session = sa.session!;
    if (dataOf(m, N_TICKET_NACK) !== null) return RESUME_REFUSED;
    const nonceR = bodyOf(m, PAYLOAD_NONCE);
    if (nonceR.length === 0) return RESUME_IGNORED;
    for (let i = 0; i < 8; i++) sa.spis[8 + i] = d.buffer[d.offset + IKE_SPI_R + i];
    if (readExtensions(ike, sa, STEP_INIT_RESPONSE, null, m) !== 0) {
      for (let i = 0; i < 8; i++) sa.spis[8 + i] = 0;
      return RESUME_IGNORED;
    }
    setup.kx.nonceR = nonceR;
    setup.fragmentation = ike.reassembly !== null && dataOf(m, N_FRAGMENTATION_SUPPORTED) !== null;
    sa.fragmentation = setup.fragmentation && sa.policy.fragmentSize > 0;
    setup.message2 = take(d.buffer, d.offset, d.length);
    sa.cipher = cipherOf(sa.policy.ciphers, session.encr, session.keyBits);
    sa.ke = session.ke;
    const nonces = join([setup.kx.nonceI, nonceR]);
    deriveSk(ike, sa, nonces, resumptionSeed(ike.provider, session.skD, nonces), setup);
    // A ticket is good for once.
    sa.session = null;
    return RESUME_DONE;
  },
};
