// Diet-ESP in a policy and as agreed: plain data, and the interface of an encoding. child/compression.ts works with it; the
// encodings are child/hcp.ts and child/ehc.ts
// [draft-ietf-ipsecme-ikev2-diet-esp-extension-04].

import type { CoapRules } from '../../dietesp/coap-rules.ts';
import type { Writer } from '../codec/message.ts';
import type { PrivateNumbers } from '../codec/private-numbers.ts';

/** A proposal: values that are acceptable together. */
export interface CompressionProposal {
  /**
   * By attribute type, pairs of minimum and maximum in the values of HCP_PROPOSAL: [1, 1, 3, 3] is 1 or 3. An empty
   * list is every value; for esp_trailer it is Optional alone, since peers need not know the attribute.
   */
  allowed: number[][];
}

/** What Diet-ESP may look like in a Child SA. */
export interface CompressionPolicy {
  /** In order of preference; at most MAX_PROPOSALS. None at all: every value. */
  proposals: CompressionProposal[];
  /** Compression is required for a Child SA. */
  required: boolean;
  /** DSCP values for dscp_cda sa, the same on both sides (dscp.ts); empty: sa is not acceptable. */
  dscpList: number[];
}

/** What was agreed, in the units and constants of dietesp/attributes.ts. */
export interface CompressionChoice {
  /** Number of the initiator's proposal. */
  proposal: number;
  /** See `Attributes.dscpCda`. */
  dscpCda: number;
  /** See `Attributes.ecnCda`. */
  ecnCda: number;
  /** See `Attributes.flowLabelCda`. */
  flowLabelCda: number;
  /** Bits: 8, 16, 32 or 64. */
  alignment: number;
  /** Low bits of the SPI on the wire, 0..32. */
  espSpiLsb: number;
  /** Low bits of the sequence number on the wire, 0..32. */
  espSnLsb: number;
  /** See `Attributes.espTrailer`. */
  espTrailer: number;
  /** Name of the rules for CoAP that were agreed (ext/coap-profile.ts); absent: none. */
  coap?: Uint8Array;
}

/** Rules for CoAP under a Child SA. */
export interface CoapPolicy {
  /** The rules, for this side's role. */
  rules: CoapRules;
  /** They are required for a Child SA. */
  required: boolean;
}

/**
 * An encoding. Offers and answers are the data of a notify, behind its type (and SPI, which is empty).
 *
 * @noSelf
 */
export interface CompressionNotify {
  /** Its name in configuration files and errors. */
  name: string;
  /** Notify type, in both directions. */
  type(numbers: PrivateNumbers): number;
  /** Notify type with which the responder says that nothing is acceptable; no data. */
  refusalType(numbers: PrivateNumbers): number;
  /** Initiator: writes the proposals of `policy`. */
  addOffer(w: Writer, policy: CompressionPolicy): void;
  /** The responder's choice, or null: nothing acceptable, or malformed. */
  choose(policy: CompressionPolicy, buffer: Uint8Array, at: number, size: number): CompressionChoice | null;
  /** Responder: writes what `choose` gave. */
  addAnswer(w: Writer, choice: CompressionChoice): void;
  /** The initiator's reading of an answer to its offer of `policy`, or null: not within it, or malformed. */
  check(policy: CompressionPolicy, buffer: Uint8Array, at: number, size: number): CompressionChoice | null;
}
