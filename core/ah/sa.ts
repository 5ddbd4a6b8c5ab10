// One unidirectional SA of AH: an SA of ESP (selectors, addresses, lifetimes, window, counters) with an integrity algorithm alone,
// and with what AH adds: a Scope and the kind of its numbers.

import { put32 } from '../base/bytes.ts';
import { refuse } from '../base/refuse.ts';
import type { Provider } from '../crypto/provider.ts';
import { IIPC_NOT_COMPRESSED, MODE_TUNNEL } from '../dietesp/attributes.ts';
import type { Parts } from '../esp/parts.ts';
import { createSa, type Sa, type SaConfig } from '../esp/sa.ts';
import type { Located } from '../esp/sa-table.ts';
import type { Suite } from '../esp/suites.ts';
import { AH_SIZE, SCOPE_AS, SCOPE_IP } from '../wire/ah.ts';

/** Kinds of sequence numbers, as Transform IDs of Type 5 [RFC 7296 §3.3.2, RFC 9838 §2.6]. */
export const NUMBERS_32 = 0;
/** Extended: 64 bits, of which the high half is in the ICV alone. */
export const NUMBERS_64 = 1;
/** 32 bits that mean nothing to the receiver: several senders share the SA, and replays are not found. */
export const NUMBERS_UNSPECIFIED = 2;

/** What AH adds to the configuration of an SA. */
export interface AhOptions {
  /** SCOPE_IP, or SCOPE_AS: between ASes [draft-xu-ipsecme-risav-04 §4], in transport mode, for IPv4 and IPv6 alike. */
  scope: number;
  /** Inbound with SCOPE_AS: number of the AS that sends, 1 to 2^32 - 1. Else 0. */
  peerAs: number;
  /** NUMBERS_*. */
  numbers: number;
  /**
   * Outbound: which of the senders that share the SA this is, 0 to 65,535. It is in the high 16 bits of the IV of GMAC, so that no
   * two senders have the same one [RFC 6054 §3].
   */
  sender: number;
}

/** The input of `createAhSa`: attributes of plain ESP, a suite of AH with its key and salt. */
export interface AhConfig extends SaConfig {
  /** Scope, and kind of numbers. */
  ah: AhOptions;
}

/** What the look-up by (AS, SPI) holds: the AS number in the place of an address. */
export interface AsEntry extends Located {
  /** The SA. */
  sa: AhSa;
}

/** An SA of AH. */
export interface AhSa extends Sa {
  /** SCOPE_IP or SCOPE_AS. */
  scope: number;
  /** NUMBERS_*. */
  numbers: number;
  /** As in `AhOptions`. */
  sender: number;
  /** Place in the look-up by (AS, SPI); null: the SA has another scope, or sends. */
  entry: AsEntry | null;
}

/** An SA of SCOPE_AS is found by the AS that its packets come from. */
const ENTRY_FORM = {
  scope: 1,
  sourceAt: 0,
  sourceSize: 0,
  destinationAt: 0,
  destinationSize: 4,
  spiLsb: 32,
};

/** Octets of AH with this algorithm in IPv`version`: a multiple of 4, in IPv6 of 8 [RFC 4302 §3.3.3.2.1]. */
export function ahSizeOf(suite: Suite, version: number): number {
  const unit = version === 6 ? 8 : 4;
  return Math.floor((AH_SIZE + suite.ivLength + suite.icvLength + unit - 1) / unit) * unit;
}

function checkAhConfig(config: AhConfig): void {
  const a = config.attributes;
  const ah = config.ah;
  const suite = config.suite;
  if (suite.encr !== 0 || suite.icvLength === 0) refuse('suite', suite.name, 'must be an integrity algorithm with AH');
  if (config.key.length !== suite.keyLength) {
    refuse('key', config.key.length + ' octets', 'must be ' + suite.keyLength + ' octets for ' + suite.name);
  }
  if (a.iipcProfile !== IIPC_NOT_COMPRESSED) refuse('iipc_profile', a.iipcProfile, 'AH has no compression');
  if (a.espSpiLsb !== 32) refuse('esp_spi_lsb', a.espSpiLsb, 'must be 32 with AH');
  if (a.espSnLsb !== 32) refuse('esp_sn_lsb', a.espSnLsb, 'must be 32 with AH');
  if (ah.scope !== SCOPE_IP && ah.scope !== SCOPE_AS) refuse('ah.scope', ah.scope, 'must be 0 or 1');
  if (ah.scope === SCOPE_AS && a.ipsecMode === MODE_TUNNEL) refuse('ah.scope', ah.scope, 'must be 0 in a tunnel');
  if (!(ah.peerAs >= 0 && ah.peerAs < 65536 * 65536 && Math.floor(ah.peerAs) === ah.peerAs)) {
    refuse('ah.peer_as', ah.peerAs, 'must be 0..' + (65536 * 65536 - 1));
  }
  if (ah.scope === SCOPE_IP && ah.peerAs !== 0) refuse('ah.peer_as', ah.peerAs, 'must be 0 with scope 0');
  if (!(ah.numbers >= NUMBERS_32 && ah.numbers <= NUMBERS_UNSPECIFIED && Math.floor(ah.numbers) === ah.numbers)) {
    refuse('ah.numbers', ah.numbers, 'must be 0, 1 or 2');
  }
  // Unspecified numbers are counted in 64 bits here, and never used up.
  const esn = ah.numbers === NUMBERS_32 ? 0 : 1;
  if (a.esn !== esn) refuse('esn', a.esn, 'must be ' + esn + ' with ah.numbers ' + ah.numbers);
  if (ah.numbers === NUMBERS_UNSPECIFIED && config.replayWindow !== 0) {
    refuse('replay_window', config.replayWindow, 'must be 0 with unspecified numbers');
  }
  if (!(ah.sender >= 0 && ah.sender < 65536 && Math.floor(ah.sender) === ah.sender)) {
    refuse('ah.sender', ah.sender, 'must be 0..65535');
  }
}

/** Sets up an SA. Throws `Error('field: value: limit')` as createSa does; nothing is left behind then. */
export function createAhSa(parts: Parts, provider: Provider, config: AhConfig): AhSa {
  checkAhConfig(config);
  const ah = config.ah;
  const sa = createSa(parts, provider, config) as AhSa;
  sa.scope = ah.scope;
  sa.numbers = ah.numbers;
  sa.sender = ah.sender;
  sa.entry = null;
  if (ah.peerAs > 0) {
    const octets = new Uint8Array(4);
    put32(octets, 0, ah.peerAs);
    sa.entry = { sa: sa, spi: sa.spi, octets: octets, base: 0, form: ENTRY_FORM };
  }
  return sa;
}

/** True for an SA of AH. */
export function isAh(sa: Sa): boolean {
  return (sa as AhSa).entry !== undefined;
}
