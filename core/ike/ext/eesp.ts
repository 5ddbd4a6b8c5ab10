// EESP in the negotiation of Child SAs [draft-ietf-ipsecme-eesp-ikev2-02]: a Security Protocol of its own with proposals beside
// those of ESP, the transform type SSKDF, two kinds of sequence numbers, and the largest Sub SA ID that a side accepts.
//
// An initiator offers both in one SA payload (`ChildPolicy.esp`, with `ChildPolicy.eesp`), and goes on with the policy of what the
// peer chose (`alone`, `plain`). A responder has two policies, in the order that it prefers. EESP_MAX_CRYPT_OFFSET is never sent:
// without it the peer must not use the option.

import { put16, u16 } from '../../base/bytes.ts';
import { EESP_MAX_ID } from '../../eesp/format.ts';
import type { EespConfig } from '../../eesp/sa.ts';
import { ALL_SSKDFS, type Sskdf } from '../../eesp/sskdf.ts';
import { ALL_SUITES } from '../../esp/all-suites.ts';
import { defaultConfig } from '../../esp/sa.ts';
import type { Suite } from '../../esp/suites.ts';
import { attributesOf, continueBehind, wipeConfig } from '../child/install.ts';
import { N_INVALID_SYNTAX, N_NO_PROPOSAL_CHOSEN } from '../codec/numbers.ts';
import { NONE, take } from '../codec/octets.ts';
import { addStatus, dataOf, type Message } from '../codec/payloads.ts';
import type { EespNumbers } from '../codec/private-numbers.ts';
import type { Choice, Transform } from '../codec/proposals.ts';
import { type ChildSa, type Draft, noteOf, setNote } from '../state/child.ts';
import type { Extension, SecurityProtocol } from '../state/ike.ts';
import type { Verdict } from '../state/outcome.ts';
import type { ChildPolicy } from '../state/policy.ts';
import type { Numbers } from '../state/record.ts';
import { childPathOf, type IkeSa, privateFits } from '../state/sa.ts';
import { isChildRequest, isChildResponse, STEP_INIT_RESPONSE } from '../state/step.ts';

/** Note of a Child SA: ENCR 2, Key Length 2, SSKDF 2, SN 2, the peer's largest Sub SA ID 2. */
const NOTE = 'eesp';
const NOTE_SIZE = 10;
/** A peer that states no largest Sub SA ID accepts all. */
const NO_LIMIT = 65535;

/**
 * Takes a pair of SAs, as `IkeUpper.install` does; the configurations are for `createEespSa`.
 *
 * @noSelf
 */
export interface EespUpper {
  /** False: not taken. */
  install(sa: IkeSa, child: ChildSa, outgoing: EespConfig, incoming: EespConfig, first: boolean, now: number): boolean;
}

/** EESP of an endpoint: both belong to it. */
export interface Eesp {
  /** For `IkeConfig.extensions`: behind the Vendor ID, in front of what reads a Child SA's policy. */
  extension: Extension;
  /** For `IkeConfig.protocols`. */
  protocol: SecurityProtocol;
}

function suiteOf(encr: number): Suite | null {
  for (let i = 0; i < ALL_SUITES.length; i++) {
    if (ALL_SUITES[i].encr === encr && ALL_SUITES[i].authKeyLength === 0) return ALL_SUITES[i];
  }
  return null;
}

function sskdfOf(id: number): Sskdf | null {
  for (let i = 0; i < ALL_SSKDFS.length; i++) if (ALL_SSKDFS[i].id === id) return ALL_SSKDFS[i];
  return null;
}

/** The SSKDF that was chosen; 0: none. */
function chosenSskdf(numbers: EespNumbers, transforms: Transform[]): number {
  for (let i = 0; i < transforms.length; i++) if (transforms[i].type === numbers.eespSskdf) return transforms[i].id;
  return 0;
}

/** True where a proposal of the policy is for this protocol. */
function offers(policy: ChildPolicy, protocol: number): boolean {
  for (let i = 0; i < policy.esp.length; i++) if (policy.esp[i].protocol === protocol) return true;
  return false;
}

/** True where a proposal for EESP has an SSKDF. */
function offersSubSas(policy: ChildPolicy, numbers: EespNumbers): boolean {
  for (let i = 0; i < policy.esp.length; i++) {
    const extra = policy.esp[i].extra;
    if (policy.esp[i].protocol !== numbers.eespProtocol || extra === undefined) continue;
    for (let j = 0; j < extra.list.length; j++) {
      if (extra.list[j].type === numbers.eespSskdf && extra.list[j].id !== 0) return true;
    }
  }
  return false;
}

function octets16(value: number): Uint8Array {
  const out = new Uint8Array(2);
  put16(out, 0, value);
  return out;
}

/** Octets of the cipher's key. */
function keyLengthOf(suite: Suite, keyBits: number): number {
  return keyBits > 0 ? Math.floor(keyBits / 8) : suite.keyLength;
}

/** Reads what the peer says about EESP: 0, or INVALID_SYNTAX. The note has what was agreed then. */
function agree(numbers: EespNumbers, draft: Draft, m: Message): Verdict {
  const choice = draft.choice;
  const sskdf = chosenSskdf(numbers, choice.extra);
  const most = dataOf(m, numbers.eespMaxSubSaId);
  const offset = dataOf(m, numbers.eespMaxCryptOffset);
  // Of the other one nothing is used, but a malformed payload is one.
  if ((most !== null && most.length !== 2) || (offset !== null && offset.length !== 1)) return N_INVALID_SYNTAX;
  const note = new Uint8Array(NOTE_SIZE);
  put16(note, 0, choice.encr);
  put16(note, 2, choice.keyBits);
  put16(note, 4, sskdf);
  put16(note, 6, choice.sn);
  put16(note, 8, sskdf === 0 ? 0 : most === null ? NO_LIMIT : u16(most, 0));
  setNote(draft.notes, NOTE, note);
  return 0;
}

/** The initiator goes on with the policy of what was chosen. */
function narrow(draft: Draft, policy: ChildPolicy): void {
  const protocol = policy.esp[0].protocol;
  const all = draft.policy.esp;
  let own = 0;
  for (let i = 0; i < draft.choice.own; i++) if (all[i].protocol === protocol) own++;
  draft.choice.own = own;
  draft.policy = policy;
}

function createExtension(numbers: EespNumbers): Extension {
  const protocol = numbers.eespProtocol;
  return {
    add: (_ike, sa, step, draft, w) => {
      if (draft === null) return;
      const own = draft.policy.eesp;
      if (own === undefined) return;
      if (isChildRequest(step)) {
        // A peer without our Vendor ID may know these numbers as something else.
        if (!privateFits(sa)) {
          if (own.plain !== null) draft.policy = own.plain;
        } else if (offersSubSas(draft.policy, numbers)) addStatus(w, numbers.eespMaxSubSaId, octets16(own.maxId));
      }
      if (isChildResponse(step) && chosenSskdf(numbers, draft.choice.extra) > 0) {
        addStatus(w, numbers.eespMaxSubSaId, octets16(own.maxId));
      }
    },
    read: (_ike, sa, step, draft, m) => {
      if (step === STEP_INIT_RESPONSE) {
        // The one that has no other proposals can't be asked for.
        const own = sa.policy.child.eesp;
        const isNeeded = own !== undefined && own.plain === null && offers(sa.policy.child, protocol);
        return isNeeded && !privateFits(sa) ? N_NO_PROPOSAL_CHOSEN : 0;
      }
      if (draft === null || !(isChildRequest(step) || isChildResponse(step))) return 0;
      const isChosen = draft.policy.esp[draft.choice.own].protocol === protocol;
      const own = draft.policy.eesp;
      if (isChildResponse(step) && own !== undefined) {
        const policy = isChosen ? own.alone : own.plain;
        if (policy !== null) narrow(draft, policy);
      }
      if (!isChosen) return 0;
      return privateFits(sa) ? agree(numbers, draft, m) : N_NO_PROPOSAL_CHOSEN;
    },
  };
}

/** The SA of one direction. */
function configOf(sa: IkeSa, child: ChildSa, note: Uint8Array, keys: Uint8Array, outgoing: boolean): EespConfig {
  const suite = child.suite!;
  const sskdf = sskdfOf(u16(note, 4));
  const keyLength = keyLengthOf(suite, u16(note, 2));
  const hasSn = child.policy.eesp === undefined || u16(note, 6) !== child.policy.eesp.snNone;
  const path = childPathOf(sa, child);
  const attributes = attributesOf(child, outgoing, path.local, path.remote);
  attributes.esn = 1;
  const config = defaultConfig(attributes, suite) as EespConfig;
  const policy = child.policy;
  const size = sskdf === null ? keyLength : sskdf.rootSize;
  const maxOut = Math.min(EESP_MAX_ID, u16(note, 8));
  const maxIn = policy.eesp === undefined ? 0 : policy.eesp.maxId;
  const session = policy.eesp === undefined ? 0 : policy.eesp.session;
  config.key = take(keys, 0, size);
  config.salt = sskdf === null ? take(keys, size, suite.saltLength) : NONE;
  config.replayWindow = outgoing || !hasSn ? 0 : policy.replayWindow;
  config.df = policy.df;
  config.softPackets = policy.rekeyPackets;
  config.eesp = {
    sskdf: sskdf,
    keyLength: keyLength,
    hasSn: hasSn,
    maxId: sskdf === null ? 0 : outgoing ? maxOut : maxIn,
    session: sskdf === null || !outgoing ? 0 : Math.min(session, maxOut),
    perClass: sskdf !== null && outgoing && policy.eesp !== undefined && policy.eesp.perClass === true,
  };
  return config;
}

function createProtocol(numbers: EespNumbers, upper: EespUpper): SecurityProtocol {
  /** Octets of the keys of one direction; 0: unknown, because an optimized rekey without SSKDF does not say. */
  function keySize(choice: Choice): number {
    const sskdf = sskdfOf(chosenSskdf(numbers, choice.extra));
    if (sskdf !== null) return sskdf.rootSize;
    const suite = suiteOf(choice.encr);
    return suite === null ? 0 : keyLengthOf(suite, choice.keyBits) + suite.saltLength;
  }

  return {
    protocol: numbers.eespProtocol,
    spiSize: 4,
    keySize: keySize,
    install: (sa, child, outgoing, incoming, first, now, continued?: Numbers) => {
      let note = noteOf(child.notes, NOTE);
      if (note.length === 0 && child.replaces !== null) {
        // An optimized rekey keeps what was agreed.
        note = take(noteOf(child.replaces.notes, NOTE), 0, NOTE_SIZE);
        setNote(child.notes, NOTE, note);
        child.esn = child.replaces.esn;
      }
      if (note.length !== NOTE_SIZE || outgoing.length === 0) return false;
      child.suite = suiteOf(u16(note, 0));
      if (child.suite === null) return false;
      child.keyBits = u16(note, 2);
      child.compression = null;
      const out = configOf(sa, child, note, outgoing, true);
      const into = configOf(sa, child, note, incoming, false);
      if (continued !== undefined) continueBehind(out, into, continued);
      const isTaken = upper.install(sa, child, out, into, first, now);
      wipeConfig(out);
      wipeConfig(into);
      return isTaken;
    },
  };
}

/** Makes the EESP of an endpoint. */
export function createEesp(numbers: EespNumbers, upper: EespUpper): Eesp {
  return { extension: createExtension(numbers), protocol: createProtocol(numbers, upper) };
}
