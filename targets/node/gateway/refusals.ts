// Logs why a negotiation failed: the peer, its offer and our configuration, by names. Others cause all of these lines, so
// they are bounded. They never contain a key.

import { u16 } from '../../../core/base/bytes.ts';
import {
  findPayload,
  IKE_EXCHANGE,
  IKE_FLAGS,
  IKE_NEXT,
  IKE_SIZE,
  notifyType,
} from '../../../core/ike/codec/message.ts';
import {
  AUTH_SHARED_KEY,
  FLAG_RESPONSE,
  IKE_SA_INIT,
  N_AUTHENTICATION_FAILED,
  N_CHILD_SA_NOT_FOUND,
  N_INVALID_KE_PAYLOAD,
  N_NO_PROPOSAL_CHOSEN,
  N_STATUS,
  N_TEMPORARY_FAILURE,
  N_TS_UNACCEPTABLE,
  PAYLOAD_AUTH,
  PAYLOAD_IDR,
  PAYLOAD_KE,
  PAYLOAD_NOTIFY,
  PAYLOAD_SA,
  PROTOCOL_IKE,
  TRANSFORM_KE,
} from '../../../core/ike/codec/numbers.ts';
import { bodyOf, type Message } from '../../../core/ike/codec/payloads.ts';
import { OUTCOME_PEER_AUTH } from '../../../core/ike/state/outcome.ts';
import { outcomeName } from '../../../core/ike/state/outcome-name.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { childPolicies, type IkePolicy } from '../../../core/ike/state/policy.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { type Bounded, sourceOf } from '../host/bounded.ts';
import { forgetRefusal, refusalOf } from '../host/certificates/signatures.ts';
import { identityText } from '../host/config/ike-names.ts';
import type { Connection } from '../host/config/ike-policy.ts';
import { keName } from '../host/config/ke-names.ts';
import { endpointText } from '../host/datagram.ts';
import { configuredText, offeredSelectors, offerText, selectorsText, transformName } from '../host/offer.ts';

/** Characters of an identity that anybody may have made up. */
const LOGGED = 100;

export interface Refusals {
  /** A message is about to be taken. */
  begin(): void;
  /** The message says that it comes from this identity; `connection`: what is configured for it, null: nothing. */
  claims(type: number, data: Uint8Array, path: Path, connection: Connection | null): void;
  /** The identity is right, but comes from the outer address of the peer `other`. */
  taken(path: Path, other: string): void;
  /** A message that goes out as the answer to `question`: told when it refuses IKE_SA_INIT. */
  answers(path: Path, buffer: Uint8Array, offset: number, question: Message): void;
  /** The end of an IKE SA or of an attempt. */
  ended(sa: IkeSa, outcome: number, question: Message): void;
  /** A Child SA that came to nothing, while the IKE SA lives. */
  childFailed(sa: IkeSa, outcome: number, question: Message): void;
  /** A CREATE_CHILD_SA of the peer, `question`, that this side refused. */
  refused(sa: IkeSa, verdict: number, question: Message): void;
}

function where({ remote, remotePort }: Path): string {
  return endpointText(remote, remotePort);
}

/** What every connection offers of IKE, each proposal once. */
function allProposals(connections: readonly Connection[]): string {
  return [...new Set(connections.map(({ policy }) => configuredText(policy.ike)))].join('; ');
}

/** Why the AUTH payload of a peer did not do. */
function authProblem(policy: IkePolicy, question: Message): string {
  const wanted = bodyOf(question, PAYLOAD_IDR);
  const own = policy.localId;
  if (wanted.length >= 4 && !(wanted[0] === own.type && Buffer.compare(wanted.subarray(4), own.data) === 0)) {
    const text = identityText(wanted[0], wanted.subarray(4)).slice(0, LOGGED);
    return `it wants to talk to ${text}, and this side is ${identityText(own.type, own.data)}`;
  }
  if (findPayload(question.payloads, PAYLOAD_AUTH, 0) < 0) return 'it sent no AUTH payload';
  const [method] = bodyOf(question, PAYLOAD_AUTH);
  if (method !== policy.remoteAuth)
    return `it uses authentication method ${method}, and connection ${policy.name} takes ${policy.remoteAuth}`;
  const reason = refusalOf(policy);
  if (policy.remoteAuth !== AUTH_SHARED_KEY && reason !== '')
    return `it is refused by connection ${policy.name}: ${reason}`;
  const key = policy.remoteAuth === AUTH_SHARED_KEY ? 'the pre-shared key' : 'its public key';
  return `its AUTH payload does not verify: either ${key} or an identity differs from those of connection ${policy.name}`;
}

/** Offer of the peer and configuration of this side, where the refusal is about them; else ''. */
function sideBySide(sa: IkeSa, verdict: number, question: Message): string {
  const configured = `; configured for ${sa.policy.name}`;
  const policies = childPolicies(sa.policy);
  if (verdict === N_NO_PROPOSAL_CHOSEN) {
    const offer = offerText(question);
    const at = findPayload(question.payloads, PAYLOAD_SA, 0);
    const isIke = at >= 0 && question.buffer[question.payloads.at[at] + 5] === PROTOCOL_IKE;
    const own = isIke ? configuredText(sa.policy.ike) : policies.map(({ esp }) => configuredText(esp)).join('; ');
    return offer === '' ? '' : `: offered ${offer}${configured} ${own}`;
  }
  const { initiator, responder } = offeredSelectors(question);
  if (verdict !== N_TS_UNACCEPTABLE || initiator === '') return '';
  const own = policies.map(({ local, remote }) => `${selectorsText(remote)} to ${selectorsText(local)}`);
  return `: offered ${initiator} to ${responder}${configured} ${own.join('; ')}`;
}

export function createRefusals(bounded: Bounded, connections: () => readonly Connection[]): Refusals {
  // Who the message that is being taken says it comes from.
  let claimed: { name: string; connection: Connection | null } | null = null;

  /** A line about a peer that proved who it is. */
  function tell(level: 'warn' | 'info', sa: IkeSa, outcome: number, text: () => string): void {
    const peer = identityText(sa.peerIdType, sa.peerId);
    const at = where(sa.path);
    bounded.peer(level, 'ike', outcomeName(outcome), () => `${peer} at ${at}: ${text()}`, { peer, at }, peer);
  }

  return {
    begin() {
      claimed = null;
    },
    claims(type, data, path, connection) {
      const name = identityText(type, data).slice(0, LOGGED);
      claimed = { name, connection };
      if (connection !== null) {
        forgetRefusal(connection.policy);
        return;
      }
      const at = where(path);
      const fields = { peer: name, at };
      bounded.log(
        'warn',
        'ike',
        'unknown-identity',
        () => `${name} at ${at} is not known here`,
        fields,
        sourceOf(path.remote),
      );
    },
    taken(path, other) {
      const name = claimed?.name ?? 'a peer';
      claimed = null;
      bounded.log(
        'warn',
        'ike',
        'address-taken',
        () => `${name} comes from the address ${where(path)} of ${other}: refused`,
        {},
        sourceOf(path.remote),
      );
    },
    answers(path, buffer, offset, question) {
      const isAnswer = (buffer[offset + IKE_FLAGS] & FLAG_RESPONSE) !== 0;
      if (!isAnswer || buffer[offset + IKE_EXCHANGE] !== IKE_SA_INIT) return;
      if (buffer[offset + IKE_NEXT] !== PAYLOAD_NOTIFY) return;
      const type = notifyType(buffer, offset + IKE_SIZE + 4);
      if (type >= N_STATUS) return;
      const reason = outcomeName(type);
      const at = where(path);
      bounded.log(
        // An ordinary peer goes on with the method that this side asks for.
        type === N_INVALID_KE_PAYLOAD ? 'info' : 'warn',
        'ike',
        reason,
        () => {
          const begin = `a peer at ${at}: IKE_SA_INIT refused, ${reason}`;
          if (type === N_NO_PROPOSAL_CHOSEN) {
            return `${begin}: offered ${offerText(question)}; configured ${allProposals(connections())}`;
          }
          if (type !== N_INVALID_KE_PAYLOAD) return begin;
          const ke = findPayload(question.payloads, PAYLOAD_KE, 0);
          const sent = ke < 0 ? 0 : u16(question.buffer, question.payloads.at[ke]);
          const wanted = u16(buffer, offset + IKE_SIZE + 8);
          const names = [sent, wanted].map((id) => transformName(TRANSFORM_KE, id, 0));
          return `${begin}: it began with ${names[0]}, this side asks for ${names[1]}`;
        },
        { at },
        sourceOf(path.remote),
      );
    },
    ended(sa, outcome, question) {
      const reason = outcomeName(outcome);
      const at = where(sa.path);
      const source = sourceOf(sa.path.remote);
      if (sa.peerId.length > 0) {
        const peer = identityText(sa.peerIdType, sa.peerId);
        bounded.peer('info', 'ike', reason, () => `${peer} at ${at}: down, ${reason}`, { peer, at }, peer);
        return;
      }
      const who = claimed;
      const policy = who?.connection?.policy;
      if (who === null || policy === undefined) {
        // What refuses IKE_SA_INIT, and an unknown identity, have been told.
        const isTold = outcome === N_NO_PROPOSAL_CHOSEN || outcome === OUTCOME_PEER_AUTH;
        bounded.log(isTold ? 'debug' : 'info', 'ike', reason, () => `a peer at ${at}: down, ${reason}`, { at }, source);
        return;
      }
      bounded.log(
        'warn',
        'ike',
        reason,
        () => {
          const begin = `${who.name} at ${at}: down, ${reason}`;
          if (outcome === OUTCOME_PEER_AUTH) {
            return `${begin}, answered with ${outcomeName(N_AUTHENTICATION_FAILED)}: ${authProblem(policy, question)}`;
          }
          if (outcome !== N_NO_PROPOSAL_CHOSEN) return begin;
          const chosen = `${sa.cipher?.name ?? ''} / ${keName(sa.ke, sa.transforms)}`;
          return `${begin}: offered ${chosen}; configured for ${policy.name} ${configuredText(policy.ike)}`;
        },
        { peer: who.name, at },
        source,
      );
    },
    childFailed(sa, outcome, question) {
      const begin = `Child SA failed, ${outcomeName(outcome)}`;
      tell('warn', sa, outcome, () => begin + (sa.initiator ? '' : sideBySide(sa, outcome, question)));
    },
    refused(sa, verdict, question) {
      // What the peer does again in another way, or a little later, is nothing to look after.
      const usual: number[] = [N_INVALID_KE_PAYLOAD, N_TEMPORARY_FAILURE, N_CHILD_SA_NOT_FOUND];
      const begin = `CREATE_CHILD_SA refused, ${outcomeName(verdict)}`;
      tell(usual.includes(verdict) ? 'info' : 'warn', sa, verdict, () => begin + sideBySide(sa, verdict, question));
    },
  };
}
