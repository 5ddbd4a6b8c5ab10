// What outlives a process of an IKE SA and its Child SAs: plain data, which a host stores (child/restore.ts makes and reads
// it). It holds keys.

import type { KeMethod } from '../../crypto/asymmetric.ts';
import type { IpsecMode } from '../../dietesp/attributes.ts';
import type { Exchange, SnTransform } from '../codec/numbers.ts';
import type { Transform } from '../codec/proposals.ts';
import type { Selector } from '../codec/selectors.ts';
import type { Note } from './child.ts';
import type { CompressionChoice } from './compression.ts';
import type { Path } from './path.ts';
import type { ChildStage } from './stage.ts';
import type { TaskKind } from './task.ts';

/** What does not change while an IKE SA lives. */
export interface IkeRecord {
  /** SPIi | SPIr, 16 octets. */
  spis: Uint8Array;
  /** This side is the original initiator. */
  initiator: boolean;
  /** The cipher: its transform identifiers and its Key Length in bits. */
  encr: number;
  /** Key Length of the cipher, in bits; 0: no attribute. */
  keyBits: number;
  /** Transform identifier of the integrity algorithm; 0 for an AEAD. */
  integ: number;
  /** Key exchange method. */
  ke: KeMethod | 0;
  /** SK_d, a secret. */
  skD: Uint8Array;
  /** SK_ei, SK_er with their salts, SK_ai, SK_ar, as `IkeUpper.keys` gives them: secrets. */
  keys: Uint8Array;
  /** ID_* of the peer. */
  peerIdType: number;
  /** The peer's proved identity. */
  peerId: Uint8Array;
  /** Agreed with the peer; see `IkeSa`. */
  fragmentation: boolean;
  /** The peer sent our Vendor ID. */
  vendor: boolean;
  /** Both sides do optimized rekeys. */
  optimizedRekey: boolean;
  /** The peer is behind a NAT. */
  peerBehindNat: boolean;
  /** This side is behind a NAT. */
  behindNat: boolean;
  /** Inner address that was given; empty: none. */
  address: Uint8Array;
  /** The methods that the peer says it can verify. */
  announced: Uint8Array;
  /** Chosen transforms beyond the usual ones. */
  transforms: Transform[];
}

/** What a CREATE_CHILD_SA of ours needs to take its answer. */
export interface ExchangeRecord {
  /** The SPI that it offers: 8 octets for an IKE SA, 4 for a Child SA. */
  spi: Uint8Array;
  /** Our nonce. */
  nonce: Uint8Array;
  /** The form without SA and TS payloads. */
  optimized: boolean;
  /** KE method; 0: no key exchange. */
  method: KeMethod | 0;
  /** The private half of the key exchange, a secret; empty: there is none, or it cannot be kept. */
  half: Uint8Array;
}

/** What each exchange changes. Times are milliseconds left; -1: never. */
export interface IkeProgress {
  /** Message ID of our next request. */
  nextId: number;
  /** Message ID of the peer's next request. */
  expectedId: number;
  /** The next IV of an AEAD. */
  counter: number;
  /** Our request on its way; empty: none. */
  request: Uint8Array;
  /** Its exchange; 0: none. */
  requestExchange: Exchange | 0;
  /** What it is for; 0: none is on its way. */
  task: TaskKind | 0;
  /** SPI of the Child SA that it is about, or that it was going to make; 0: none. */
  taskSpi: number;
  /** More about a rekey that is on its way; null: none is, or it cannot go on. */
  exchange: ExchangeRecord | null;
  /** A rekey has replaced the IKE SA, which only repeats its last answer until its end. */
  replaced: boolean;
  /** The last answer, to repeat it; empty: none. */
  response: Uint8Array;
  /** Until the IKE SA is rekeyed. */
  rekeyIn: number;
  /** Until both sides authenticate anew. */
  reauthIn: number;
  /** Where IKE messages go. */
  path: Path;
  /** Where ESP goes; null: there. */
  espPath: Path | null;
  /** What extensions keep. */
  notes: Note[];
}

/** A Child SA. */
export interface ChildRecord {
  /** Its Security Protocol; absent: ESP. */
  protocol?: number;
  /** Name of its policy. */
  name: string;
  /** SPI of packets to this side, 32 bits. */
  spiIn: number;
  /** SPI of packets to the peer, 32 bits. */
  spiOut: number;
  /** Transform identifiers of the suite. */
  encr: number;
  /** Transform identifier of the integrity algorithm; 0 for an AEAD. */
  integ: number;
  /** Key Length of the cipher, in bits; 0: no attribute. */
  keyBits: number;
  /** Transform identifier of the sequence numbers. */
  esn: SnTransform;
  /** Tunnel or transport. */
  mode: IpsecMode;
  /** Selector of this side. */
  local: Selector;
  /** Selector of the peer. */
  remote: Selector;
  /** Attributes of Diet-ESP; null: plain ESP. */
  compression: CompressionChoice | null;
  /** DSCP values for dscp_cda sa. */
  dscpList: number[];
  /** KE method of rekeys; 0: none. */
  ke: KeMethod | 0;
  /** Whether `ke` is known. */
  keKnown: boolean;
  /** Chosen transforms beyond the usual ones. */
  transforms: Transform[];
  /** Where its packets go; null: where those of the IKE SA go. */
  path: Path | null;
  /** What extensions keep. */
  notes: Note[];
  /** Milliseconds until it is rekeyed; -1: never. */
  rekeyIn: number;
  /** Key, salt and integrity key of packets to the peer: secrets. */
  keysOut: Uint8Array;
  /** Key, salt and integrity key of packets to this side: secrets. */
  keysIn: Uint8Array;
}

/** Sequence numbers of a pair of SAs in 32-bit halves: high and low, of the last one to the peer, and of the highest from it. */
export interface Numbers {
  /** To the peer: high half. */
  outHi: number;
  /** To the peer: low half. */
  outLo: number;
  /** From the peer: high half. */
  inHi: number;
  /** From the peer: low half. */
  inLo: number;
}

/** A Child SA that comes back: its record, its stage, and sequence numbers that count as used. */
export interface RestoredChild {
  record: ChildRecord;
  /** Whether it is in use, or waits to be removed. */
  stage: ChildStage;
  numbers: Numbers;
}
