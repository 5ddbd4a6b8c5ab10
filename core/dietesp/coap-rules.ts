// Rules for CoAP behind UDP, which both sides of an SA have: the private iipc_profile `coap` [RFC 8724, RFC 8824]. What IIPC
// takes for the payload of UDP then is a SCHC packet of one of the rules:
//
//   residue of IIPC | [RuleID] | residue of CoAP | payload of CoAP | zero bits to the octet
//
// The first rule of each direction goes without its RuleID. esp/coap.ts tells by the sequence number whether there is one. What
// fits no rule goes whole behind the RuleID of a rule without fields.

import { refuse } from '../base/refuse.ts';
import { schcCompress, schcUncompressed } from '../schc/compress.ts';
import { type Context, compileContext } from '../schc/context.ts';
import { schcDecompress } from '../schc/decompress.ts';
import { CDA_NOT_SENT, DI_DW, DI_UP, MO_IGNORE, type Rule, type Way } from '../schc/model.ts';
import { COAP_MESSAGE } from '../schc/parse.ts';
import { entryName, ruleName } from '../schc/validate.ts';
import { COAP_OPTION_MAX, FID_COAP_OPTION, FID_COAP_TOKEN, FID_COAP_VERSION } from '../wire/coap.ts';

/** Octets of the hash that names a rule set to the peer. */
export const COAP_HASH = 8;
/** Most bits of the RuleID of messages that fit no rule: they grow by one octet at most. */
const ESCAPE_BITS = 8;

/** A rule set, compiled, for one side of any number of SAs. */
export interface CoapRules {
  /** Names the set: the first COAP_HASH octets of SHA-256 over `canonicalRules`. */
  hash: Uint8Array;
  /** This side is Dev: what it sends goes up [RFC 8724 §3]. */
  isDev: boolean;
  /** @internal */
  context: Context;
  /** Directions of what this side sends, and of what it gets. @internal */
  out: Way;
  /** @internal */
  back: Way;
  /** Packets of this side that had no RuleID, another one, and those that fit no rule. */
  implied: number;
  /** Packets behind the RuleID of a rule. */
  ruled: number;
  /** Packets that fit no rule. */
  whole: number;
  // Scratch.
  /** A packet with its payload compressed. @internal */
  packet: Uint8Array;
}

function isCoap(fid: number): boolean {
  if (fid >= FID_COAP_VERSION && fid <= FID_COAP_TOKEN) return true;
  return fid >= FID_COAP_OPTION && fid <= FID_COAP_OPTION + COAP_OPTION_MAX;
}

/** Refuses what would lose something of a message, or is about other headers. */
function checkRules(rules: Rule[]): void {
  let whole = -1;
  for (let r = 0; r < rules.length; r++) {
    const rule = rules[r];
    if (rule.fields.length === 0) whole = rule.ruleIdLength;
    for (let i = 0; i < rule.fields.length; i++) {
      const field = rule.fields[i];
      if (!isCoap(field.fid)) refuse(entryName(rule, i), field.fid, 'must be a field of CoAP');
      if (field.mo === MO_IGNORE && field.cda === CDA_NOT_SENT) {
        refuse(entryName(rule, i), 'ignore with not-sent', 'must be restorable: other values would be lost');
      }
    }
  }
  if (whole < 0) refuse('rules', rules.length, 'must have one without fields, for messages that fit no other');
  if (whole > ESCAPE_BITS) refuse('ruleIdLength', whole, 'must be 1..8 for the rule without fields');
}

function checkWhole(rules: Rule[], programs: Context['up']): void {
  for (let i = 0; i < programs.length; i++) {
    if (programs[i].layout.coap !== COAP_MESSAGE) {
      refuse(ruleName(rules[programs[i].rule]), 'no fixed header', 'must have every field of it, from the version on');
    }
  }
}

/**
 * Compiles a rule set whose hash is `hash`, for packets of up to `room` octets. Throws `Error('rule 1/8 entry 0 ...')` where a
 * rule has no meaning, is about other headers, or would lose something.
 */
export function createCoapRules(rules: Rule[], hash: Uint8Array, isDev: boolean, room: number): CoapRules {
  if (hash.length !== COAP_HASH) refuse('hash', hash.length + ' octets', 'must be ' + COAP_HASH + ' octets');
  checkRules(rules);
  const context = compileContext(rules, []);
  checkWhole(rules, context.up);
  checkWhole(rules, context.dw);
  context.impliesFirst = true;
  const none = new Uint8Array(0);
  const up: Way = { direction: DI_UP, dev: none, app: none };
  const down: Way = { direction: DI_DW, dev: none, app: none };
  return {
    hash: hash,
    isDev: isDev,
    context: context,
    out: isDev ? up : down,
    back: isDev ? down : up,
    implied: 0,
    ruled: 0,
    whole: 0,
    packet: new Uint8Array(room),
  };
}

/**
 * Compresses the UDP payload input[offset..offset + length) of this side, any octets, to out[outOffset..): octets written, one
 * more than `length` at most, or DROP_TOO_LONG. `rules.context.isImplied` then says whether the RuleID was left out. The
 * ranges must not overlap.
 */
export function packCoap(
  rules: CoapRules,
  input: Uint8Array,
  offset: number,
  length: number,
  out: Uint8Array,
  outOffset: number,
): number {
  const context = rules.context;
  let size = schcCompress(context, rules.out, input, offset, length, out, outOffset);
  // Many options that a message lacks may cost more than they save.
  if (size > length || size < 0) size = schcUncompressed(context, input, offset, length, out, outOffset);
  if (size < 0) return size;
  if (context.isImplied) rules.implied++;
  else if (size > length) rules.whole++;
  else rules.ruled++;
  return size;
}

/**
 * Restores the peer's UDP payload from input[offset..offset + length), any octets; `isImplied`: it has no RuleID. Octets
 * written, or a drop code. The ranges must not overlap.
 */
export function unpackCoap(
  rules: CoapRules,
  isImplied: boolean,
  input: Uint8Array,
  offset: number,
  length: number,
  out: Uint8Array,
  outOffset: number,
): number {
  rules.context.isImplied = isImplied;
  return schcDecompress(rules.context, rules.back, input, offset, length, out, outOffset);
}
