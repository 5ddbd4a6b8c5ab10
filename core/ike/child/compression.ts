// Shared by the two notifies that negotiate Diet-ESP: proposals as sets of values, the responder's choice and the initiator's
// check [draft-ietf-ipsecme-ikev2-diet-esp-extension-04]. hcp.ts and ehc.ts are the two encodings; a device may have only one.
// Inside, settings are a list of seven wire values of HCP_PROPOSAL, by attribute type.

import {
  type Alignment,
  type Attributes,
  CDA_SA,
  type DscpAction,
  type EcnAction,
  type EspTrailer,
  type FlowLabelAction,
  IIPC_DIET_ESP,
} from '../../dietesp/attributes.ts';
import type { CompressionChoice, CompressionPolicy, CompressionProposal } from '../state/compression.ts';
import { ALIGNMENT, ATTRIBUTES, DSCP, ECN, FLOW, SN_LSB, SPI_LSB, TRAILER } from './attribute-types.ts';

/** The value of an attribute that an answer leaves out. */
export const DEFAULTS = [0, 0, 0, 3, 32, 32, 1];

/** Largest value of each attribute. */
const MOST = [2, 1, 3, 3, 32, 32, 1];
/** esp_trailer when a proposal does not name it. */
const TRAILER_DEFAULT = 1;
/**
 * Bits that a value costs in each packet: the fields themselves; Pad Length and the expected padding; Pad Length and Next
 * Header. Not in the table: esp_spi_lsb and esp_sn_lsb (they are bits), and dscp_cda sa (an index).
 */
const COST = [[6, 0], [2, 0], [20, 0, 0, 0], [0, 12, 20, 36], [], [], [16, 0]];

/** A proposal that allows every value. */
export function openProposal(): CompressionProposal {
  return { allowed: [[], [], [], [], [], [], []] };
}

/** The policy's proposals; the open one if it has none. */
export function proposalsOf(policy: CompressionPolicy): CompressionProposal[] {
  return policy.proposals.length > 0 ? policy.proposals : [openProposal()];
}

/** True when a proposal, of either side, has `value`, and this side can take it. */
export function allows(policy: CompressionPolicy, p: CompressionProposal, attribute: number, value: number): boolean {
  if (value > MOST[attribute]) return false;
  if (attribute === DSCP && value === CDA_SA && policy.dscpList.length === 0) return false;
  const list = p.allowed[attribute];
  for (let i = 0; i < list.length; i += 2) if (value >= list[i] && value <= list[i + 1]) return true;
  return list.length === 0 && (attribute !== TRAILER || value === TRAILER_DEFAULT);
}

/** The smallest esp_sn_lsb of both proposals that makes whole octets with `spiLsb`, or -1. */
function snFor(policy: CompressionPolicy, a: CompressionProposal, b: CompressionProposal, spiLsb: number): number {
  for (let n = (40 - spiLsb) % 8; n <= 32; n += 8) {
    if (allows(policy, a, SN_LSB, n) && allows(policy, b, SN_LSB, n)) return n;
  }
  return -1;
}

function cost(policy: CompressionPolicy, attribute: number, value: number): number {
  if (attribute !== DSCP || value !== CDA_SA) return COST[attribute][value];
  let bits = 0;
  while (1 << bits < policy.dscpList.length) bits++;
  return bits;
}

/**
 * The values common to both proposals that make the smallest packets, and after them their cost. Of equal ones it takes the
 * lowest, and gives more of the header to the sequence number than to the SPI. Empty: nothing is common.
 */
function smallest(policy: CompressionPolicy, a: CompressionProposal, b: CompressionProposal): number[] {
  const values: number[] = [];
  let total = 0;
  for (let attribute = 0; attribute < ATTRIBUTES; attribute++) {
    let best = -1;
    let least = 99;
    for (let value = 0; value <= MOST[attribute]; value++) {
      if (!allows(policy, a, attribute, value) || !allows(policy, b, attribute, value)) continue;
      let bits = 0;
      if (attribute === SPI_LSB) {
        const n = snFor(policy, a, b, value);
        bits = n < 0 ? 99 : value + n;
      } else if (attribute === SN_LSB) {
        bits = value === snFor(policy, a, b, values[SPI_LSB]) ? 0 : 99;
      } else {
        bits = cost(policy, attribute, value);
        // Pad Length is counted already.
        if (attribute === TRAILER && values[ALIGNMENT] > 0) bits = Math.floor(bits / 2);
      }
      if (bits < least) {
        best = value;
        least = bits;
      }
    }
    if (best < 0) return [];
    values.push(best);
    total += least;
  }
  values.push(total);
  return values;
}

/** The choice for wire values. */
function choiceOf(proposal: number, values: number[]): CompressionChoice {
  return {
    proposal: proposal,
    dscpCda: values[DSCP],
    ecnCda: values[ECN],
    // CDA_SA lies between lower and generated.
    flowLabelCda: values[FLOW] > 1 ? values[FLOW] + 1 : values[FLOW],
    alignment: 8 << values[ALIGNMENT],
    espSpiLsb: values[SPI_LSB],
    espSnLsb: values[SN_LSB],
    espTrailer: 1 - values[TRAILER],
  };
}

/** Wire values of a choice. */
export function valuesOf(choice: CompressionChoice): number[] {
  let alignment = 0;
  while (8 << alignment < choice.alignment) alignment++;
  const flow = choice.flowLabelCda;
  return [
    choice.dscpCda,
    choice.ecnCda,
    flow > 1 ? flow - 1 : flow,
    alignment,
    choice.espSpiLsb,
    choice.espSnLsb,
    1 - choice.espTrailer,
  ];
}

/**
 * The responder's choice from the peer's proposals, numbered by `ids`: the first proposal of its own policy that fits any of
 * them, with the peer's proposal and the values that make the smallest packets. Null: none fits.
 */
export function chooseFrom(
  policy: CompressionPolicy,
  offers: CompressionProposal[],
  ids: number[],
): CompressionChoice | null {
  const own = proposalsOf(policy);
  for (let i = 0; i < own.length; i++) {
    let choice: CompressionChoice | null = null;
    let least = 0;
    for (let k = 0; k < offers.length; k++) {
      const values = smallest(policy, own[i], offers[k]);
      if (values.length > 0 && (choice === null || values[ATTRIBUTES] < least)) {
        choice = choiceOf(ids[k], values);
        least = values[ATTRIBUTES];
      }
    }
    if (choice !== null) return choice;
  }
  return null;
}

/** The choice that these wire values make from the offered proposal with this number; null: it does not have them. */
export function choiceWithin(
  policy: CompressionPolicy,
  p: CompressionProposal,
  proposal: number,
  values: number[],
): CompressionChoice | null {
  for (let i = 0; i < ATTRIBUTES; i++) if (!allows(policy, p, i, values[i])) return null;
  return (values[SPI_LSB] + values[SN_LSB]) % 8 === 0 ? choiceOf(proposal, values) : null;
}

/** Writes the agreed values into attributes; `dscpList` is the policy's. */
export function applyChoice(choice: CompressionChoice, attributes: Attributes, dscpList: number[]): void {
  attributes.iipcProfile = IIPC_DIET_ESP;
  // `allows` has checked the values.
  attributes.dscpCda = choice.dscpCda as DscpAction;
  attributes.ecnCda = choice.ecnCda as EcnAction;
  attributes.flowLabelCda = choice.flowLabelCda as FlowLabelAction;
  attributes.dscpList = dscpList;
  attributes.alignment = choice.alignment as Alignment;
  attributes.espSpiLsb = choice.espSpiLsb;
  attributes.espSnLsb = choice.espSnLsb;
  attributes.espTrailer = choice.espTrailer as EspTrailer;
}

/**
 * The most frugal policy: inner fields from the outer header, no padding, 0 to 16 bits of SPI and 8 to 16 of SN. The second
 * proposal accepts anything else that the peer wants, but at least 8 bits of SN: with fewer, one lost packet stops the SA
 * (SN-RECOVERY). Neither names esp_trailer: this means Optional, and suits peers that do not know the attribute.
 */
export function defaultCompression(): CompressionPolicy {
  const open = openProposal();
  open.allowed[SN_LSB] = [8, 32];
  return {
    proposals: [{ allowed: [[1, 1], [1, 1], [1, 1], [0, 0], [0, 16], [8, 16], []] }, open],
    required: false,
    dscpList: [],
  };
}

/**
 * The offer of a rekey under `policy`: the first proposal that has the old SA's values, with only the old esp_spi_lsb, because
 * SAs with fewer bits could not be told from the old one.
 */
export function rekeyPolicy(policy: CompressionPolicy, choice: CompressionChoice): CompressionPolicy {
  const own = proposalsOf(policy);
  const values = valuesOf(choice);
  const proposals: CompressionProposal[] = [];
  for (let i = 0; i < own.length; i++) {
    const allowed: number[][] = [];
    let fits = true;
    for (let j = 0; j < ATTRIBUTES; j++) {
      // The list of DSCP values may have come from the peer.
      if (j !== DSCP && !allows(policy, own[i], j, values[j])) fits = false;
      allowed.push(j === SPI_LSB ? [values[j], values[j]] : own[i].allowed[j]);
    }
    if (fits && proposals.length === 0) proposals.push({ allowed: allowed });
  }
  return { proposals: proposals, required: policy.required, dscpList: policy.dscpList };
}

/** Every esp_spi_lsb that the peer may choose from an offer of `policy`; the SPI must suit them all. */
export function spiOffers(policy: CompressionPolicy): number[] {
  const offers: number[] = [];
  const own = proposalsOf(policy);
  for (let bits = 0; bits <= 32; bits++) {
    let found = false;
    for (let i = 0; i < own.length; i++) {
      if (allows(policy, own[i], SPI_LSB, bits) && snFor(policy, own[i], own[i], bits) >= 0) found = true;
    }
    if (found) offers.push(bits);
  }
  return offers;
}
