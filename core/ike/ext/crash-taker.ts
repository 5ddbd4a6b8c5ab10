// Quick crash detection, the side that keeps tokens [RFC 6290 §2.3, §4, §9.2]: a gateway that lost its state shows a token that it
// gave while it had it, and the device ends the IKE SA at once. What shows no token is advice [RFC 7296 §1.5, §2.4]: the
// device asks the gateway whether it is there, and ends nothing because of it.

import { u32 } from '../../base/bytes.ts';
import { equal } from '../../base/spans.ts';
import {
  findNotify,
  IKE_EXCHANGE,
  IKE_NEXT,
  IKE_SIZE,
  notifyDataAt,
  notifyDataSize,
  notifyType,
  parsePayloads,
} from '../codec/message.ts';
import { INFORMATIONAL, N_INVALID_IKE_SPI, N_INVALID_SPI, N_QCD_TOKEN, PAYLOAD_NOTIFY } from '../codec/numbers.ts';
import { join } from '../codec/octets.ts';
import { dataOf } from '../codec/payloads.ts';
import { probe } from '../exchange/requests.ts';
import { hurry } from '../exchange/send.ts';
import { endIkeSa } from '../exchange/session.ts';
import { CHILD_LIVE, noteOf, setNote } from '../state/child.ts';
import type { Extension, Ike, Unprotected } from '../state/ike.ts';
import { OUTCOME_PEER_CRASHED } from '../state/outcome.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../state/sa.ts';
import { STEP_AUTH_RESPONSE, STEP_INFORMATIONAL_REQUEST, STEP_REKEY_RESPONSE } from '../state/step.ts';

/**
 * The note with the SPIs of an IKE SA and the peer's token of it. A rekey hands notes on, and the peer tells anybody the token
 * of the old one, which is no more: it must end nothing that lives.
 */
const NOTE = 'crash-token';
const SPIS = 16;
/** Octets of a token [RFC 6290 §4.1]. */
const TOKEN_MIN = 16;
const TOKEN_MAX = 128;
/** Milliseconds for which an IKE SA was silent before a stranger's word is a reason to ask, and between two such questions. */
const QUIET = 1000;
const PAUSE = 30000;

/** Keeps the tokens that the peer gives in IKE_AUTH, in the answer to a rekey, and in INFORMATIONAL after one of its own. */
export const crashTokens: Extension = {
  add: () => {},
  read: (_ike, sa, step, _draft, m) => {
    if (step !== STEP_AUTH_RESPONSE && step !== STEP_REKEY_RESPONSE && step !== STEP_INFORMATIONAL_REQUEST) return 0;
    const token = dataOf(m, N_QCD_TOKEN);
    if (token !== null && token.length >= TOKEN_MIN && token.length <= TOKEN_MAX) {
      setNote(sa.notes, NOTE, join([sa.spis, token]));
    }
    return 0;
  },
};

/** True when one of the tokens in ike.outer is the one that `sa` has. */
function showsToken(ike: Ike, sa: IkeSa): boolean {
  const p = ike.outer;
  const d = ike.incoming;
  const token = noteOf(sa.notes, NOTE);
  if (token.length === 0 || !equal(token, 0, sa.spis, 0, SPIS)) return false;
  const size = token.length - SPIS;
  let found = false;
  for (let i = 0; i < p.count; i++) {
    if (p.type[i] !== PAYLOAD_NOTIFY || notifyType(d.buffer, p.at[i]) !== N_QCD_TOKEN) continue;
    if (notifyDataSize(d.buffer, p.at[i], p.size[i]) !== size) continue;
    if (equal(d.buffer, notifyDataAt(d.buffer, p.at[i]), token, SPIS, size)) found = true;
  }
  return found;
}

/** True when the packet that the gateway complains of, which began with `spi`, may be one of `sa`. */
function mayBe(sa: IkeSa, spi: number): boolean {
  for (let i = 0; i < sa.children.length; i++) {
    const child = sa.children[i];
    if (child.retired !== CHILD_LIVE) continue;
    // With fewer bits on the wire the first four octets are an SPI only in part.
    if (child.spiOut === spi || (child.compression !== null && child.compression.espSpiLsb < 32)) return true;
  }
  return false;
}

/** Asks the peer of `sa` whether it is there, at most so often. */
function ask(ike: Ike, sa: IkeSa, now: number): void {
  if (now < sa.heardAt + QUIET || now < sa.hintedAt + PAUSE) return;
  sa.hintedAt = now;
  hurry(ike, sa, now);
  probe(ike, sa, now);
}

/** For `UplinkConfig.unprotected` and `IkeConfig.unprotected` of a device, beside `crashTokens`. */
export const crashTaker: Unprotected = {
  unknown: () => {},
  stray: (ike) => {
    const d = ike.incoming;
    const b = d.buffer;
    const m = ike.message;
    m.buffer = b;
    const end = d.offset + d.length;
    if (b[d.offset + IKE_EXCHANGE] !== INFORMATIONAL) return;
    if (parsePayloads(m.payloads, b, b[d.offset + IKE_NEXT], d.offset + IKE_SIZE, end) !== 0) return;
    const data = dataOf(m, N_INVALID_SPI);
    if (data === null || data.length !== 4) return;
    for (let i = 0; i < ike.sas.length; i++) {
      const sa = ike.sas[i];
      const from = sa.path.remote;
      const isPeer = from.length === d.path.remote.length && equal(from, 0, d.path.remote, 0, from.length);
      if (!isPeer || sa.state !== STATE_ESTABLISHED || !mayBe(sa, u32(data, 0))) continue;
      ask(ike, sa, d.now);
      return;
    }
  },
  hint: (ike, sa) => {
    const d = ike.incoming;
    if (sa.state < STATE_ESTABLISHED || findNotify(ike.outer, d.buffer, N_INVALID_IKE_SPI) < 0) return;
    ike.hand = sa;
    if (showsToken(ike, sa)) endIkeSa(ike, sa, OUTCOME_PEER_CRASHED, d.now);
    else hurry(ike, sa, d.now);
  },
};
