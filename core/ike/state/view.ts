// A view of an IKE SA for a host to show: copies, without keys.

import type { KeMethod } from '../../crypto/asymmetric.ts';
import type { IpsecMode } from '../../dietesp/attributes.ts';
import { take } from '../codec/octets.ts';
import type { Selector } from '../codec/selectors.ts';
import type { ChildSa, ChildStage } from './child.ts';
import type { CompressionChoice } from './compression.ts';
import type { End } from './outcome.ts';
import type { Path } from './path.ts';
import { espPathOf, type IkeSa, type IkeState } from './sa.ts';

/** A Child SA. */
export interface ChildSaView {
  /** Name of its policy. */
  name: string;
  /** PROTOCOL_*. */
  protocol: number;
  /** SPI of packets to this side, 32 bits. */
  spiIn: number;
  /** SPI of packets to the peer, 32 bits. */
  spiOut: number;
  /** Name of the suite; empty if the protocol is not ESP. */
  suite: string;
  /** Tunnel or transport. */
  mode: IpsecMode;
  /** Whether it is in use, being replaced, or gone. */
  stage: ChildStage;
  /** Selector of this side. */
  local: Selector;
  /** Selector of the peer. */
  remote: Selector;
  /** Attributes of Diet-ESP that were agreed; null: plain ESP. */
  compression: CompressionChoice | null;
  /** Milliseconds on the endpoint's clock; -1: never. */
  rekeyAt: number;
}

/** An IKE SA. */
export interface IkeSaView {
  /** SPIi | SPIr */
  spis: Uint8Array;
  /** Name of the policy. */
  name: string;
  /** This side opened it. */
  initiator: boolean;
  /** STATE_*. */
  state: IkeState;
  /** Why it ended; OUTCOME_NONE: it has not. */
  outcome: End;
  /** ID_*; 0 before the peer proved an identity. */
  peerIdType: number;
  /** The identity's octets; empty before. */
  peerId: Uint8Array;
  /** Name of the cipher; empty before there is one. */
  cipher: string;
  /** Key exchange method; 0: none yet. */
  ke: KeMethod | 0;
  /** Where IKE messages go. */
  path: Path;
  /** Where ESP goes. */
  espPath: Path;
  /** The peer is behind a NAT. */
  peerBehindNat: boolean;
  /** This side is behind a NAT. */
  behindNat: boolean;
  /** Inner address that was given to this side, or that this side gave; empty: none. */
  address: Uint8Array;
  /** The methods that the peer says it can verify (ext/announce.ts). */
  announced: Uint8Array;
  /** It can be resumed later. */
  hasTicket: boolean;
  /** When an authenticated message or packet last came, milliseconds on the endpoint's clock. */
  heardAt: number;
  /** When the IKE SA is rekeyed, milliseconds; -1: never. */
  rekeyAt: number;
  /** When it is authenticated anew, milliseconds; -1: never. */
  reauthAt: number;
  /** Its Child SAs. */
  children: ChildSaView[];
}

function octetsOf(octets: Uint8Array): Uint8Array {
  return take(octets, 0, octets.length);
}

function pathOf(path: Path): Path {
  return {
    local: octetsOf(path.local),
    localPort: path.localPort,
    remote: octetsOf(path.remote),
    remotePort: path.remotePort,
    encapsulated: path.encapsulated,
    port: path.port,
    link: octetsOf(path.link),
  };
}

function selectorOf(s: Selector): Selector {
  return {
    protocol: s.protocol,
    startPort: s.startPort,
    endPort: s.endPort,
    start: octetsOf(s.start),
    end: octetsOf(s.end),
  };
}

function compressionOf(c: CompressionChoice | null): CompressionChoice | null {
  if (c === null) return null;
  return {
    proposal: c.proposal,
    dscpCda: c.dscpCda,
    ecnCda: c.ecnCda,
    flowLabelCda: c.flowLabelCda,
    alignment: c.alignment,
    espSpiLsb: c.espSpiLsb,
    espSnLsb: c.espSnLsb,
    espTrailer: c.espTrailer,
  };
}

function describeChild(child: ChildSa): ChildSaView {
  return {
    name: child.policy.name,
    protocol: child.protocol,
    spiIn: child.spiIn,
    spiOut: child.spiOut,
    suite: child.suite === null ? '' : child.suite.name,
    mode: child.mode,
    stage: child.retired,
    local: selectorOf(child.local),
    remote: selectorOf(child.remote),
    compression: compressionOf(child.compression),
    rekeyAt: child.rekeyAt,
  };
}

/** Makes a view of `sa`: a copy that does not change and has no key. */
export function describeIkeSa(sa: IkeSa): IkeSaView {
  const children: ChildSaView[] = [];
  for (let i = 0; i < sa.children.length; i++) children.push(describeChild(sa.children[i]));
  return {
    spis: octetsOf(sa.spis),
    name: sa.policy.name,
    initiator: sa.initiator,
    state: sa.state,
    outcome: sa.outcome,
    peerIdType: sa.peerIdType,
    peerId: octetsOf(sa.peerId),
    cipher: sa.cipher === null ? '' : sa.cipher.name,
    ke: sa.ke,
    path: pathOf(sa.path),
    espPath: pathOf(espPathOf(sa)),
    peerBehindNat: sa.peerBehindNat,
    behindNat: sa.behindNat,
    address: octetsOf(sa.address),
    announced: octetsOf(sa.announced),
    hasTicket: sa.session !== null,
    heardAt: sa.heardAt,
    rekeyAt: sa.rekeyAt,
    reauthAt: sa.reauthAt,
    children: children,
  };
}
