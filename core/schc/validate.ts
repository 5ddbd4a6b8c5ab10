// Checks that a field descriptor of a user's rule has a meaning, beyond its types [RFC 8724 §7.1, §7.3, §7.4]. Exceptions name
// rule, entry, value and limit.

import { COAP_TOKEN_MAX, FID_COAP_TOKEN } from '../wire/coap.ts';
import {
  FID_IPV4_CHECKSUM,
  FID_IPV4_TOTAL_LENGTH,
  FID_IPV6_PAYLOAD_LENGTH,
  FID_SCTP_CHECKSUM,
  FID_TCP_CHECKSUM,
  FID_UDP_CHECKSUM,
  FID_UDP_LENGTH,
  FID_UDPLITE_CHECKSUM,
  FID_UDPLITE_COVERAGE,
} from '../wire/fid.ts';
import { SLOT_NONE } from '../wire/header.ts';
import { FID_IPV4_OPTIONS, FID_IPV6_APP_IID, FID_IPV6_DEV_IID } from './fid.ts';
import {
  CDA_APP_IID,
  CDA_COMPUTE,
  CDA_DEV_IID,
  CDA_LSB,
  CDA_MAPPING_SENT,
  CDA_NOT_SENT,
  type FieldDescriptor,
  FL_TOKEN_LENGTH,
  MO_EQUAL,
  MO_IGNORE,
  MO_MATCH_MAPPING,
  MO_MSB,
  type Rule,
} from './model.ts';

/** Largest size of a variable-length field in a residue [RFC 8724 §7.4.2], and of a match-mapping list. */
export const SIZE_MAX = 65535;

/** Not a compute-* field, or one of the two kinds. */
const COMPUTE_NONE = 0;
export const COMPUTE_LENGTH = 1;
export const COMPUTE_CHECKSUM = 2;

/** Kind of the fields that a header can compute [RFC 8724 §7.4.8]. */
export function computeKind(fid: number): number {
  if (
    fid === FID_IPV6_PAYLOAD_LENGTH ||
    fid === FID_IPV4_TOTAL_LENGTH ||
    fid === FID_UDP_LENGTH ||
    fid === FID_UDPLITE_COVERAGE
  ) {
    return COMPUTE_LENGTH;
  }
  const isChecksum =
    fid === FID_IPV4_CHECKSUM ||
    fid === FID_UDP_CHECKSUM ||
    fid === FID_UDPLITE_CHECKSUM ||
    fid === FID_TCP_CHECKSUM ||
    fid === FID_SCTP_CHECKSUM;
  return isChecksum ? COMPUTE_CHECKSUM : COMPUTE_NONE;
}

/** True for checksums over a pseudo-header, or of the IP header itself. */
export function needsNetwork(fid: number): boolean {
  return computeKind(fid) === COMPUTE_CHECKSUM && fid !== FID_SCTP_CHECKSUM;
}

function refuse(where: string, name: string, value: number, limit: string): void {
  throw new Error(where + ' ' + name + ' ' + value + ': must be ' + limit);
}

/** For people: `rule 1/8`. */
export function ruleName(rule: Rule): string {
  return 'rule ' + rule.ruleId + '/' + rule.ruleIdLength;
}

/** For people: `rule 1/8 entry 0 fid 2866`. */
export function entryName(rule: Rule, entry: number): string {
  return ruleName(rule) + ' entry ' + entry + ' fid ' + rule.fields[entry].fid;
}

/** Octet `i` of a value that is padded with leading zeros to `size` octets. */
export function alignedOctet(value: Uint8Array, size: number, i: number): number {
  const at = i - (size - value.length);
  return at < 0 ? 0 : value[at];
}

/** Significant bits of a big-endian number. */
function bitsOf(value: Uint8Array): number {
  for (let i = 0; i < value.length; i++) {
    if (value[i] !== 0) {
      let bits = 1;
      while (value[i] >>> bits !== 0) bits++;
      return (value.length - 1 - i) * 8 + bits;
    }
  }
  return 0;
}

function same(a: Uint8Array, b: Uint8Array, aligned: boolean): boolean {
  if (!aligned && a.length !== b.length) return false;
  const size = Math.max(a.length, b.length);
  for (let i = 0; i < size; i++) if (alignedOctet(a, size, i) !== alignedOctet(b, size, i)) return false;
  return true;
}

function checkWhole(where: string, name: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high) || Math.floor(value) !== value) {
    refuse(where, name, value, 'a whole number in ' + low + '..' + high);
  }
}

/** Checks that a RuleID fits its width, 1..32 bits. */
export function checkRuleId(rule: Rule): void {
  checkWhole(ruleName(rule), 'ruleIdLength', rule.ruleIdLength, 1, 32);
  let limit = 1;
  for (let i = 0; i < rule.ruleIdLength; i++) limit *= 2;
  checkWhole(ruleName(rule), 'ruleId', rule.ruleId, 0, limit - 1);
}

/** Checks a field length. `bits` is the length of a field of fixed place, else -1. */
function checkLength(where: string, field: FieldDescriptor, bits: number): void {
  const fl = field.fl;
  if (bits >= 0) {
    if (fl !== bits) refuse(where, 'fl', fl, '' + bits);
    return;
  }
  if (fl === FL_TOKEN_LENGTH) {
    if (field.fid !== FID_COAP_TOKEN) refuse(where, 'fl', fl, 'token-length only for the CoAP token');
    return;
  }
  const unit = field.fid === FID_IPV4_OPTIONS ? 32 : 8;
  const most = field.fid === FID_IPV4_OPTIONS ? 320 : field.fid === FID_COAP_TOKEN ? COAP_TOKEN_MAX * 8 : SIZE_MAX * 8;
  checkWhole(where, 'fl', fl, 0, most);
  if (fl % unit !== 0) refuse(where, 'fl', fl, 'variable or a multiple of ' + unit);
}

function checkValues(where: string, field: FieldDescriptor): void {
  const count = field.tv.length;
  const needed = field.mo !== MO_IGNORE || field.cda === CDA_NOT_SENT;
  const most = field.mo === MO_MATCH_MAPPING ? SIZE_MAX : 1;
  if (count < (needed ? 1 : 0) || count > most) {
    refuse(where, 'number of target values', count, (needed ? 1 : 0) + '..' + most);
  }
  for (let i = 0; i < count; i++) {
    const value = field.tv[i];
    if (field.fl > 0) {
      if (value.length < 1) refuse(where, 'octets of tv[' + i + ']', 0, 'at least 1');
      if (bitsOf(value) > field.fl) refuse(where, 'bits of tv[' + i + ']', bitsOf(value), 'at most fl ' + field.fl);
    } else {
      const most = field.fid === FID_COAP_TOKEN ? COAP_TOKEN_MAX : field.fid === FID_IPV4_OPTIONS ? 40 : SIZE_MAX;
      if (value.length > most) refuse(where, 'octets of tv[' + i + ']', value.length, 'at most ' + most);
    }
    for (let k = 0; k < i; k++) {
      if (same(value, field.tv[k], field.fl > 0)) refuse(where, 'tv[' + i + '], same as tv,', k, 'different');
    }
  }
}

function checkOperator(where: string, field: FieldDescriptor): void {
  const mo = field.mo;
  const cda = field.cda;
  if (mo === MO_MSB) {
    const most = field.fl > 0 ? field.fl : field.tv[0].length * 8;
    checkWhole(where, 'msb', field.msb, 0, most);
    // The unit of a variable-length field [RFC 8724 §7.3]; with token-length no size is sent, so bits will do.
    if (field.fl === 0 && field.msb % 8 !== 0) refuse(where, 'msb', field.msb, 'a multiple of 8 for a variable field');
  }
  if (cda === CDA_LSB && mo !== MO_MSB) refuse(where, 'cda LSB with mo', mo, 'MSB');
  if (cda === CDA_MAPPING_SENT && mo !== MO_MATCH_MAPPING) {
    refuse(where, 'cda mapping-sent with mo', mo, 'match-mapping');
  }
  if (cda === CDA_NOT_SENT) {
    // Bits that the operator leaves open would be lost. With ignore the rule wants that [RFC 8724 §7.4.2].
    if (mo === MO_MSB && (field.fl <= 0 || field.msb !== field.fl)) {
      refuse(where, 'cda not-sent with msb', field.msb, 'fl ' + field.fl + ', for a fixed length');
    }
    if (mo === MO_MATCH_MAPPING && field.tv.length > 1) {
      refuse(where, 'cda not-sent with number of target values', field.tv.length, '1');
    }
  }
}

/** Throws if entry `i` of a rule has no meaning. `bits` is the length of a field of fixed place, else -1. */
export function checkEntry(rule: Rule, i: number, bits: number): void {
  const field = rule.fields[i];
  const where = entryName(rule, i);
  checkWhole(where, 'di', field.di, 0, 2);
  checkWhole(where, 'fp', field.fp, 0, 255);
  checkWhole(where, 'mo', field.mo, MO_EQUAL, MO_MATCH_MAPPING);
  checkWhole(where, 'cda', field.cda, CDA_NOT_SENT, CDA_APP_IID);
  checkLength(where, field, bits);
  checkValues(where, field);
  checkOperator(where, field);
  if (field.cda === CDA_COMPUTE) {
    const kind = computeKind(field.fid);
    if (kind === COMPUTE_NONE || field.slot !== SLOT_NONE) {
      refuse(where, 'cda compute, slot', field.slot, 'a length or checksum of a header, without slot');
    }
  }
  if (field.cda === CDA_DEV_IID && field.fid !== FID_IPV6_DEV_IID) {
    refuse(where, 'cda DevIID with fid', field.fid, '' + FID_IPV6_DEV_IID);
  }
  if (field.cda === CDA_APP_IID && field.fid !== FID_IPV6_APP_IID) {
    refuse(where, 'cda AppIID with fid', field.fid, '' + FID_IPV6_APP_IID);
  }
}
