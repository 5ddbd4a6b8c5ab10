// MTU detection: an egress tells the ingress of fragments [draft-liu-ipsecme-ikev2-mtu-dect]. LMAP_AND_PTB_SUPPORTED in IKE_AUTH,
// both ways; then LMAP (first fragments of this size came) and PTB (too large for this side) in INFORMATIONAL requests, whoever
// began the IKE SA. The peer's empty answer acknowledges them, so none is repeated without a reason.
//
// They go with the next probe, one request at a time. What they say is of all Child SAs of the IKE SA: the notifies have no SPI.
// A peer may put one in: it is read and nothing is made of it.

import { put16, put32, u16, u32 } from '../../base/bytes.ts';
import { findNotify, notifyDataAt, notifyDataSize, notifyType } from '../codec/message.ts';
import { PAYLOAD_NOTIFY } from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { addStatus, type Message } from '../codec/payloads.ts';
import type { MtuNumbers } from '../codec/private-numbers.ts';
import { createTask, enqueue } from '../exchange/queue.ts';
import { noteOf, setNote } from '../state/child.ts';
import type { Extension, Ike } from '../state/ike.ts';
import { type IkeSa, privateFits, STATE_ESTABLISHED } from '../state/sa.ts';
import { STEP_AUTH_REQUEST, STEP_AUTH_RESPONSE, STEP_INFORMATIONAL_REQUEST } from '../state/step.ts';
import { TASK_PROBE } from '../state/task.ts';

/** Notes: both sides have it (one octet); LMAP and PTB that wait for a request (their data, empty: none). */
const AGREED = 'mtu';
const LMAP = 'mtu-lmap';
const PTB = 'mtu-ptb';
const LMAP_SIZE = 4;
const PTB_SIZE = 8;

/**
 * The side that sends packets: takes what the peer says of them. An error of a notify's form is no error of the message: it is
 * ignored, and counted by the host [draft §2].
 *
 * @noSelf
 */
export interface MtuUpper {
  /** True where the notifies are to be agreed on with this peer. */
  wants(sa: IkeSa): boolean;
  /** LMAP came: IP version 4 or 6, FragLen in octets. */
  lmap(sa: IkeSa, version: number, length: number): void;
  /** PTB came: LMTU and EMTU_R, octets. An LMAP of the same message comes before it. */
  ptb(sa: IkeSa, lmtu: number, emtuR: number): void;
  /** An LMAP or PTB of wrong length or version came. */
  malformed(sa: IkeSa): void;
}

/** True where both sides have the notifies. */
export function hasMtu(sa: IkeSa): boolean {
  return noteOf(sa.notes, AGREED).length > 0;
}

function readLmap(upper: MtuUpper, sa: IkeSa, m: Message, at: number, size: number): void {
  const version = size === LMAP_SIZE ? m.buffer[at] >>> 4 : 0;
  if (version !== 4 && version !== 6) upper.malformed(sa);
  else upper.lmap(sa, version, u16(m.buffer, at + 2));
}

function readPtb(upper: MtuUpper, sa: IkeSa, m: Message, at: number, size: number): void {
  if (size !== PTB_SIZE) upper.malformed(sa);
  else upper.ptb(sa, u32(m.buffer, at), u32(m.buffer, at + 4));
}

/** The first notify of this type in an INFORMATIONAL request. */
function each(
  m: Message,
  type: number,
  upper: MtuUpper,
  sa: IkeSa,
  read: (upper: MtuUpper, sa: IkeSa, m: Message, at: number, size: number) => void,
): void {
  const p = m.payloads;
  for (let i = 0; i < p.count; i++) {
    if (p.type[i] !== PAYLOAD_NOTIFY || notifyType(m.buffer, p.at[i]) !== type) continue;
    read(upper, sa, m, notifyDataAt(m.buffer, p.at[i]), notifyDataSize(m.buffer, p.at[i], p.size[i]));
  }
}

/** The extension of an endpoint. */
export function createMtu(numbers: MtuNumbers, upper: MtuUpper): Extension {
  return {
    add: (_ike, sa, step, _draft, w) => {
      if (step === STEP_AUTH_REQUEST) {
        if (privateFits(sa) && upper.wants(sa)) addStatus(w, numbers.lmapAndPtbSupported, NONE);
      } else if (step === STEP_AUTH_RESPONSE) {
        if (hasMtu(sa)) addStatus(w, numbers.lmapAndPtbSupported, NONE);
      } else if (step === STEP_INFORMATIONAL_REQUEST && hasMtu(sa)) {
        const lmap = noteOf(sa.notes, LMAP);
        const ptb = noteOf(sa.notes, PTB);
        if (lmap.length > 0) addStatus(w, numbers.lmap, lmap);
        if (ptb.length > 0) addStatus(w, numbers.ptb, ptb);
        setNote(sa.notes, LMAP, NONE);
        setNote(sa.notes, PTB, NONE);
      }
    },
    read: (_ike, sa, step, _draft, m) => {
      if (step === STEP_AUTH_REQUEST || step === STEP_AUTH_RESPONSE) {
        const isThere = findNotify(m.payloads, m.buffer, numbers.lmapAndPtbSupported) >= 0;
        if (isThere && privateFits(sa) && upper.wants(sa)) setNote(sa.notes, AGREED, new Uint8Array(1));
      } else if (step === STEP_INFORMATIONAL_REQUEST && hasMtu(sa)) {
        each(m, numbers.lmap, upper, sa, readLmap);
        each(m, numbers.ptb, upper, sa, readPtb);
      }
      return 0;
    },
  };
}

function notify(ike: Ike, sa: IkeSa, name: string, data: Uint8Array, now: number): boolean {
  if (!hasMtu(sa) || sa.state !== STATE_ESTABLISHED) return false;
  setNote(sa.notes, name, data);
  // A probe on its way was sealed before; one that waits will do.
  for (let i = 0; i < sa.tasks.length; i++) if (sa.tasks[i].kind === TASK_PROBE) return true;
  enqueue(ike, sa, createTask(TASK_PROBE, null), now);
  return true;
}

/**
 * Tells the peer that its packets come in fragments: outer IP version, and FragLen of the first fragment (IPv4: Total Length,
 * IPv6: Payload Length). False: it was not agreed on, or the IKE SA is not up.
 */
export function tellLmap(ike: Ike, sa: IkeSa, version: number, length: number, now: number): boolean {
  const data = new Uint8Array(LMAP_SIZE);
  data[0] = version * 16;
  put16(data, 2, length);
  return notify(ike, sa, LMAP, data, now);
}

/** Tells the peer what this side takes: LMTU and EMTU_R, octets. False as in `tellLmap`. */
export function tellPtb(ike: Ike, sa: IkeSa, lmtu: number, emtuR: number, now: number): boolean {
  const data = new Uint8Array(PTB_SIZE);
  put32(data, 0, lmtu);
  put32(data, 4, emtuR);
  return notify(ike, sa, PTB, data, now);
}

/** What an egress told of one IKE SA's packets, to tell it not too often: plain data, times in milliseconds. */
export interface Telling {
  /** Fragmented packets that count since the last notify. */
  events: number;
  /** FragLen of the last LMAP; 0: none. */
  length: number;
  /** When the last LMAP, and the last PTB, was told; -1: never. */
  lmapAt: number;
  /** See lmapAt. */
  ptbAt: number;
}

/** How often an egress may tell. */
export interface TellingLimits {
  /** Events before the first notify, 1 or more. */
  threshold: number;
  /** Milliseconds between two notifies of a kind. */
  every: number;
  /** Milliseconds until the same is told again where fragments go on. */
  again: number;
}

/** An egress that told nothing yet. */
export function createTelling(): Telling {
  return { events: 0, length: 0, lmapAt: -1, ptbAt: -1 };
}

/** True where an LMAP with `length` is to be told now; it counts as told then. [draft §3] */
export function tellsLmap(t: Telling, limits: TellingLimits, length: number, now: number): boolean {
  t.events++;
  if (t.events < limits.threshold) return false;
  if (t.lmapAt >= 0) {
    if (now - t.lmapAt < limits.every) return false;
    if (length >= t.length && now - t.lmapAt < limits.again) return false;
  }
  t.events = 0;
  t.length = length;
  t.lmapAt = now;
  return true;
}

/** The same of a PTB, whose values never change. */
export function tellsPtb(t: Telling, limits: TellingLimits, now: number): boolean {
  t.events++;
  if (t.events < limits.threshold || (t.ptbAt >= 0 && now - t.ptbAt < limits.again)) return false;
  t.events = 0;
  t.ptbAt = now;
  return true;
}
