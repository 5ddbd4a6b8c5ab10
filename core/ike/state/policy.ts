// A host's configuration for a peer, as plain data: identities, credentials, proposals, the Child SA, times. Whoever reads it
// (a configuration file, or the board's own code) checks it; the core does not check it again.

import type { IpsecMode } from '../../dietesp/attributes.ts';
import type { DfPolicy } from '../../esp/df.ts';
import type { Suite } from '../../esp/suites.ts';
import type { Identity } from '../codec/ident.ts';
import type { AddressType, AuthMethod } from '../codec/numbers.ts';
import type { Transforms } from '../codec/proposals.ts';
import type { Selector } from '../codec/selectors.ts';
import type { Credentials } from '../crypto/auth.ts';
import type { IkeCipher } from '../crypto/suites.ts';
import type { CoapPolicy, CompressionNotify, CompressionPolicy } from './compression.ts';

/** NAT detection [RFC 7296 §2.23]: not at all, as found, or UDP encapsulation in any case. */
export const NAT_OFF = 0 as const;
export const NAT_AUTO = 1 as const;
export const NAT_FORCE = 2 as const;
/** What to do about NAT. */
export type Nat = typeof NAT_OFF | typeof NAT_AUTO | typeof NAT_FORCE;

/** A pre-shared key for post-quantum protection [RFC 8784, RFC 9867]. */
export interface Ppk {
  /** PPK_ID with its type octet in front: 1 opaque, 2 fixed. */
  id: Uint8Array;
  /** Its octets, a secret; 32 or more [RFC 8784 §4]. */
  key: Uint8Array;
  /** It is required for an SA. */
  mandatory: boolean;
  /** Offer it in IKE_INTERMEDIATE [RFC 9867], so that the IKE SA itself is protected; falls back to RFC 8784. */
  intermediate: boolean;
}

/** EESP of a Child SA (ext/eesp.ts): what is no transform. */
export interface EespPolicy {
  /** The largest Sub SA ID that this side accepts, 0 to 255. */
  maxId: number;
  /** The Sub SA ID that it sends with, or the largest that the peer accepts. */
  session: number;
  /** Each packet has the Sub SA ID of its class of service instead, modulo those that the peer accepts. */
  perClass?: boolean;
  /** Transform that means: no sequence numbers on the wire. */
  snNone: number;
  /** Of a policy that offers ESP too: the same with EESP alone, and with ESP alone; null: it offers one of them. */
  alone: ChildPolicy | null;
  /** The policy without EESP. */
  plain: ChildPolicy | null;
}

/** A Child SA to set up, or to accept. */
export interface ChildPolicy {
  /** Names it in events, metrics and errors. */
  name: string;
  /** Proposals for ESP, or all for another Security Protocol, in order of preference; a KE method in them is used for rekeys. */
  esp: Transforms[];
  /** EESP; absent: none is offered or taken. */
  eesp?: EespPolicy;
  /** The suites behind `esp`. */
  suites: Suite[];
  /** Tunnel, or transport: asked for by an initiator, required by a responder. */
  mode: IpsecMode;
  /** Addresses, protocols and ports that this side, and that the peer, may use. */
  local: Selector[];
  /** What the peer may use. */
  remote: Selector[];
  /** False: an answer narrower than the offer is refused. */
  narrow: boolean;
  /** All of `local` and `remote` that the peer allows are the SA's, where it has no Diet-ESP; absent: one pair of them. */
  several?: boolean;
  /** Diet-ESP: the notify (hcp, ehc) and its allowed values; null: plain ESP. */
  notify: CompressionNotify | null;
  /** What the notify may say; null: plain ESP. */
  compression: CompressionPolicy | null;
  /** Rules for CoAP that the peer has too, beside Diet-ESP; null or absent: none. */
  coap?: CoapPolicy | null;
  /** DSCP values that this side will send, for the DSCP notify; null: none is sent. */
  dscp: number[] | null;
  /** DF of a tunnel's outer IPv4 header; null: set. */
  df: DfPolicy | null;
  /** Packets: 0 or a power of two, 32 .. 4096. */
  replayWindow: number;
  /** Milliseconds after which a Child SA is rekeyed, 0: never; and packets, 0: no limit. */
  rekeyTime: number;
  /** Packets after which a Child SA is rekeyed; 0: no limit. */
  rekeyPackets: number;
  /** The DSCP values are a traffic selector, TS_DSCP, and no mere statement; absent: false. */
  tsDscp?: boolean;
  /** TS_DSCP that the peer leaves out: true takes the SA for every value, else it is deleted. */
  tsDscpOptional?: boolean;
  /** Its place among Child SAs with the same selectors, 1 .. [RFC 9611]; absent: it is the only one. */
  resource?: number;
  /** It is accepted and not asked for. */
  passive?: boolean;
  /** Outgoing packets try Child SAs in ascending order; absent: 0. */
  rank?: number;
}

/** A peer. */
export interface IkePolicy extends Credentials {
  /** Names the peer in events, metrics and errors. */
  name: string;
  /** Proposals for the IKE SA in order of preference, and the ciphers behind them. */
  ike: Transforms[];
  /** The ciphers behind `ike`, at least those. */
  ciphers: IkeCipher[];
  /** The identity that this side proves. */
  localId: Identity;
  /** null: any identity, with the credentials below. */
  remoteId: Identity | null;
  /** Initiator: name the peer (IDr) in IKE_AUTH. A peer with one identity does not need it. */
  nameRemote: boolean;
  /** A key for post-quantum protection; null: none. */
  ppk: Ppk | null;
  /** The Child SA of IKE_AUTH. */
  child: ChildPolicy;
  /**
   * Further Child SAs, with names of their own. The responder takes the first of all whose proposals and selectors fit
   * (`ext/several-children.ts` chooses better); hosts ask for those that are missing (`missingChildren`).
   */
  children?: ChildPolicy[];
  /** Initiator: ask for an inner address (CP); 0: no. */
  requestAddress: AddressType | 0;
  /** Downgrade prevention: offer to authenticate the whole of IKE_SA_INIT. */
  transcript: boolean;
  /** Largest IKE message before it is sent in fragments [RFC 7383]; 0: never, and not offered. */
  fragmentSize: number;
  /** NAT_*: look for NAT, leave it, or encapsulate in any case. */
  nat: Nat;
  /** Optimized rekeys, and PFS in rekeys of the first Child SA (child-pfs-info). */
  optimizedRekey: boolean;
  /** Ask for, or give, tickets for session resumption [RFC 5723]; seconds that a ticket lives, 0: none. */
  ticketLifetime: number;
  /** Use private notifies although the peer sent no Vendor ID of ours. */
  privateAlways: boolean;
  /** Initiator: tell that no other SA with the peer is known [RFC 7296 §2.4]. */
  initialContact: boolean;
  /** Initiator: offer to synchronise counters after a failover [RFC 6311], where `createCounterSync` is there. Absent: yes. */
  counterSync?: boolean;
  /** AUTH_* that this side says it can verify [RFC 9593], in order of preference; empty: it says nothing. */
  announce: AuthMethod[];
  /** Most Child SAs of one IKE SA, without those of a rekey. Requests for more get NO_ADDITIONAL_SAS. */
  maxChildren: number;
  /** Octets of our nonces, 16 .. 256. */
  nonceSize: number;
  /** Milliseconds until the first repetition (doubled each time), and how often a request is sent at most. */
  retransmitTime: number;
  /** How often a request is sent at most, 1 or more; then the SA ends with OUTCOME_TIMEOUT. */
  retransmitTries: number;
  /** Milliseconds: rekey of the IKE SA, a new authentication, and silence until the peer is probed. 0: never. */
  rekeyTime: number;
  /** Milliseconds until a new authentication [RFC 7296 §2.8.3]; 0: never. */
  reauthTime: number;
  /** Milliseconds of silence until the peer is probed [RFC 7296 §2.4]; 0: never. */
  dpdTime: number;
}

/** All Child SAs of a policy, that of IKE_AUTH first. */
export function childPolicies(policy: IkePolicy): ChildPolicy[] {
  const list = [policy.child];
  const more = policy.children;
  for (let i = 0; more !== undefined && i < more.length; i++) list.push(more[i]);
  return list;
}
