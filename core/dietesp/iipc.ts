// IIPC compresses inner IP (tunnel mode) and transport headers to a bit residue, and restores them
// [draft-ietf-ipsecme-diet-esp §6.1].
//
// An SA's rule is compiled per header: one program for the IP header, and one for each transport header that may follow
// (one when ts_proto names it, several when ts_proto is 0). In transport mode, and with iipc_not_compressed, the programs
// only check selectors.

import { putBits } from '../base/bits.ts';
import { compare, copy } from '../base/bytes.ts';
import {
  DROP_LENGTH,
  DROP_NO_RULE,
  DROP_RESIDUE,
  DROP_SELECTOR,
  DROP_SHORT,
  DROP_TOO_LONG,
  DROP_UNSUPPORTED,
} from '../base/drop.ts';
import { refuse } from '../base/refuse.ts';
import {
  compile,
  emitResidue,
  fillValues,
  mismatch,
  type Program,
  restoreHeader,
  type Values,
} from '../schc/program.ts';
import type { Header, Network } from '../wire/header.ts';
import { type Attributes, CDA_SA, IIPC_DIET_ESP, MODE_TUNNEL } from './attributes.ts';
import { dscpValues, headerFields, octets, prefixLength } from './rules.ts';

/** Shared by SAs with the same kind of rules. */
export interface Shape {
  /** Its key in the cache. */
  key: string;
  /** The inner packet has a network header of its own (tunnel mode). */
  tunnel: boolean;
  /** False: iipc_profile leaves the inner packet as it is. */
  compressed: boolean;
  /** IP version of the packets that are compressed. */
  network: Network;
  /** The compiled rule of the network header. */
  networkProgram: Program;
  /** Transport headers that the selectors allow. */
  transports: Header[];
  /** The compiled rule of each of `transports`, at the same index. */
  transportPrograms: Program[];
  /** Every port is allowed. */
  anyPort: boolean;
}

/** Programs by the attributes that shape them. */
export interface ShapeCache {
  /** `Shape.key`: the shape. */
  [key: string]: Shape;
}

/** The parts of an SA that compression needs: its shape, and its own values. */
export interface Bound extends Values {
  /** What all SAs with the same kind of rules share. */
  form: {
    /** The compiled rules. */
    shape: Shape;
    /** RuleID octet in front of the residue; -1: none (RULEID). */
    ruleId: number;
  };
  /** Bounds of selectors that are not prefixes, else empty (`rangesOf`). */
  ranges: Uint8Array;
  /** Packets whose TCP or IPv4 checksum FFFF comes back as 0000 (CKSUM-VERIFY). */
  normalised: number;
}

/** Protocols whose header is compressed wherever it follows the IP header (HDR-EXTENT). */
function isTransport(proto: number): boolean {
  return proto === 17 || proto === 6 || proto === 132 || proto === 136;
}

/** Octets of the IP header that only rules compare (DSCP, Flow Label, Identification), not selectors. */
const RULE_OCTETS = 6;

/** True when the rule compresses the IP header. Else its program only checks the selectors. */
function compressesIp(a: Attributes): boolean {
  return a.iipcProfile === IIPC_DIET_ESP && a.ipsecMode === MODE_TUNNEL;
}

function portPrefix(start: number, end: number): number {
  return prefixLength(octets(start, 2), octets(end, 2));
}

/**
 * The shape for attributes `a`, from `cache` if one fits. `headers` are the build's. Throws when the IP version or ts_proto
 * needs a header that is not among them.
 */
export function shapeOf(cache: ShapeCache, networks: Network[], headers: Header[], a: Attributes): Shape {
  const source = portPrefix(a.tsPortSrcStart, a.tsPortSrcEnd);
  const destination = portPrefix(a.tsPortDstStart, a.tsPortDstEnd);
  // 0: every port. A range without a common prefix is a range still.
  const closed = a.tsPortSrcStart + a.tsPortDstStart + 131070 - a.tsPortSrcEnd - a.tsPortDstEnd;
  const numbers = [
    a.ipsecMode,
    a.iipcProfile,
    a.tsIpVersion,
    a.tsProto,
    a.dscpCda,
    a.dscpCda === CDA_SA ? dscpValues(a.dscpList).length : 0,
    a.ecnCda,
    a.flowLabelCda,
    prefixLength(a.tsIpSrcStart, a.tsIpSrcEnd),
    prefixLength(a.tsIpDstStart, a.tsIpDstEnd),
    source,
    destination,
    Math.min(1, closed),
  ];
  let key = '';
  for (let i = 0; i < numbers.length; i++) key += numbers[i] + '.';
  if (cache[key] !== undefined) return cache[key];

  let network: Network | null = null;
  for (let i = 0; i < networks.length; i++) if (networks[i].version === a.tsIpVersion) network = networks[i];
  if (network === null) return refuse('ts_ip_version', a.tsIpVersion, 'not in this build');
  const networkProgram = compile(headerFields(a, network, compressesIp(a)), network.size, 0);
  const transports: Header[] = [];
  const programs: Program[] = [];
  for (let i = 0; i < headers.length; i++) {
    if (a.tsProto === 0 || a.tsProto === headers[i].proto) {
      transports.push(headers[i]);
      programs.push(compile(headerFields(a, headers[i], true), headers[i].size, networkProgram.valuesSize));
    }
  }
  if (isTransport(a.tsProto) && transports.length === 0) refuse('ts_proto', a.tsProto, 'not in this build');
  const shape: Shape = {
    key: key,
    tunnel: a.ipsecMode === MODE_TUNNEL,
    compressed: a.iipcProfile === IIPC_DIET_ESP,
    network: network,
    networkProgram: networkProgram,
    transports: transports,
    transportPrograms: programs,
    anyPort: closed === 0,
  };
  cache[key] = shape;
  return shape;
}

/** Octets of an SA's target values: of the IP header, then of its transport header, if it has one. */
export function valuesSize(shape: Shape): number {
  let size = shape.networkProgram.valuesSize;
  for (let i = 0; i < shape.transportPrograms.length; i++) {
    const program = shape.transportPrograms[i];
    size = Math.max(size, program.at + program.valuesSize);
  }
  return size;
}

/** Writes the target values of an SA for its shape to octets[at..), which are zero. */
export function putValues(shape: Shape, a: Attributes, octets: Uint8Array, at: number): void {
  fillValues(headerFields(a, shape.network, compressesIp(a)), shape.network.size, octets, at);
  // With several transports (ts_proto 0) no port bit is in a target value, so they share one run of zeros.
  if (shape.transports.length !== 1) return;
  const transport = shape.transports[0];
  fillValues(headerFields(a, transport, true), transport.size, octets, at + shape.transportPrograms[0].at);
}

/** True when the range from `start` to `end` is all that has their common prefix. */
export function isPrefix(start: Uint8Array, end: Uint8Array): boolean {
  const prefix = prefixLength(start, end);
  for (let bit = prefix; bit < start.length * 8; bit++) {
    const mask = 0x80 >>> (bit & 7);
    if ((start[bit >>> 3] & mask) !== 0 || (end[bit >>> 3] & mask) === 0) return false;
  }
  return true;
}

/**
 * Selector bounds that the prefixes of the rules do not already enforce (PREFIX-X): source start and end, destination start
 * and end, then the four ports; `none` when every range is a prefix.
 */
export function rangesOf(a: Attributes, none: Uint8Array): Uint8Array {
  const parts = [
    a.tsIpSrcStart,
    a.tsIpSrcEnd,
    a.tsIpDstStart,
    a.tsIpDstEnd,
    octets(a.tsPortSrcStart, 2),
    octets(a.tsPortSrcEnd, 2),
    octets(a.tsPortDstStart, 2),
    octets(a.tsPortDstEnd, 2),
  ];
  let exact = true;
  for (let i = 0; i < parts.length; i += 2) if (!isPrefix(parts[i], parts[i + 1])) exact = false;
  if (exact) return none;
  const ranges = new Uint8Array(a.tsIpSrcStart.length * 4 + 8);
  let at = 0;
  for (let i = 0; i < parts.length; i++) {
    copy(ranges, at, parts[i], 0, parts[i].length);
    at += parts[i].length;
  }
  return ranges;
}

function within(ranges: Uint8Array, at: number, buffer: Uint8Array, offset: number, size: number): boolean {
  return compare(buffer, offset, ranges, at, size) >= 0 && compare(buffer, offset, ranges, at + size, size) <= 0;
}

function transportIndex(shape: Shape, proto: number): number {
  const transports = shape.transports;
  for (let i = 0; i < transports.length; i++) if (transports[i].proto === proto) return i;
  return -1;
}

/**
 * Selector check of the verified IP packet at `ip` [RFC 4301 §5.2]: 0, DROP_SELECTOR, or DROP_NO_RULE where the
 * selectors take it and only a rule's DSCP or flow label does not fit.
 */
export function select(bound: Bound, buffer: Uint8Array, ip: number, end: number): number {
  const shape = bound.form.shape;
  const ranges = bound.ranges;
  const network = shape.network;
  const octet = mismatch(shape.networkProgram, bound, buffer, ip);
  if (octet >= RULE_OCTETS) return DROP_SELECTOR;
  const taken = octet < 0 ? 0 : DROP_NO_RULE;
  const index = transportIndex(shape, buffer[ip + network.protocol]);
  const payload = ip + network.headerSize(buffer, ip);
  const fragment = network.fragment(buffer, ip) !== 0;
  if (index >= 0 && !shape.anyPort) {
    // Fragments can only match selectors that allow every port [RFC 4301 §7].
    if (fragment) return DROP_SELECTOR;
    if (payload + 4 > end) return DROP_SHORT;
    if (mismatch(shape.transportPrograms[index], bound, buffer, payload) >= 0) return DROP_SELECTOR;
  }
  if (ranges.length === 0) return taken;
  const size = network.addressSize;
  if (!within(ranges, 0, buffer, ip + network.src, size)) return DROP_SELECTOR;
  if (!within(ranges, 2 * size, buffer, ip + network.dst, size)) return DROP_SELECTOR;
  if (index < 0 || shape.anyPort) return taken;
  if (!within(ranges, 4 * size, buffer, payload, 2)) return DROP_SELECTOR;
  return within(ranges, 4 * size + 4, buffer, payload + 2, 2) ? taken : DROP_SELECTOR;
}

/** Index of the transport header that the rule covers in the packet at `ip`, -1 for none (HDR-EXTENT). */
function coveredTransport(shape: Shape, buffer: Uint8Array, ip: number, proto: number): number {
  const network = shape.network;
  if (shape.tunnel && (network.fragment(buffer, ip) !== 0 || network.headerSize(buffer, ip) !== network.size))
    return -1;
  return transportIndex(shape, proto);
}

/**
 * Compresses the IP packet buffer[ip..end) to out[outOffset..): RuleID, residue, alignment bits, payload. Returns the octets written, or a drop code when the packet is outside the selectors or cannot be restored
 * (CKSUM-VERIFY, UDP-LEN and others). `out` needs as much room as the packet.
 */
export function iipcCompress(
  bound: Bound,
  buffer: Uint8Array,
  ip: number,
  end: number,
  out: Uint8Array,
  outOffset: number,
): number {
  const shape = bound.form.shape;
  const ruleId = bound.form.ruleId;
  const network = shape.network;
  let code = network.verify(buffer, ip, end, ip);
  if (code < 0) return code;
  let changed = shape.tunnel ? code : 0;
  code = select(bound, buffer, ip, end);
  if (code !== 0) return code;
  const payload = ip + network.headerSize(buffer, ip);
  if (!shape.tunnel && network.fragment(buffer, ip) !== 0) return DROP_NO_RULE;
  let from = shape.tunnel ? ip : payload;
  let at = outOffset;
  if (shape.compressed) {
    let bit = outOffset * 8;
    if (ruleId >= 0) {
      out[outOffset] = ruleId;
      bit += 8;
    }
    if (shape.tunnel) {
      bit = emitResidue(shape.networkProgram, bound, buffer, ip, out, bit);
      if (bit < 0) return bit;
      from += network.size;
    }
    const proto = buffer[ip + network.protocol];
    const index = coveredTransport(shape, buffer, ip, proto);
    if (index >= 0) {
      code = shape.transports[index].verify(buffer, payload, end, ip);
      if (code < 0) return code;
      changed += code;
      bit = emitResidue(shape.transportPrograms[index], bound, buffer, payload, out, bit);
      from += shape.transports[index].size;
    } else if (isTransport(proto) && transportIndex(shape, proto) < 0) {
      return DROP_UNSUPPORTED;
    }
    if ((bit & 7) !== 0) putBits(out, bit, 8 - (bit & 7), 0);
    at = (bit + 7) >>> 3;
    if (changed > 0) bound.normalised++;
  }
  copy(out, at, buffer, from, end - from);
  return at - outOffset + end - from;
}

/**
 * Restores the packet whose IIPC output is input[offset..offset+length) to out[outOffset..). `slots` are the values of
 * the received outer header. In transport mode the IP header, with `proto` as its protocol, is at outOffset already.
 * Returns the packet's length or a drop code; the selectors have been checked on the restored packet.
 */
export function iipcRestore(
  bound: Bound,
  input: Uint8Array,
  offset: number,
  length: number,
  slots: Int32Array,
  out: Uint8Array,
  outOffset: number,
): number {
  const shape = bound.form.shape;
  const ruleId = bound.form.ruleId;
  const network = shape.network;
  const inputEnd = offset + length;
  let from = offset;
  let at = outOffset;
  let index = -1;
  let transport = 0;
  if (!shape.tunnel) at += network.headerSize(out, outOffset);
  if (shape.compressed) {
    let bit = offset * 8;
    if (ruleId >= 0) {
      if (length < 1 || input[offset] !== ruleId) return DROP_RESIDUE;
      bit += 8;
    }
    if (shape.tunnel) {
      const program = shape.networkProgram;
      if (at + network.size > out.length) return DROP_TOO_LONG;
      if (bit + program.residueBits > inputEnd * 8) return DROP_RESIDUE;
      bit = restoreHeader(program, bound, input, bit, slots, out, at);
      if (bit < 0) return bit;
      at += network.size;
    }
    const proto = out[outOffset + network.protocol];
    index = coveredTransport(shape, out, outOffset, proto);
    if (index >= 0) {
      transport = at;
      const program = shape.transportPrograms[index];
      if (at + program.size > out.length) return DROP_TOO_LONG;
      if (bit + program.residueBits > inputEnd * 8) return DROP_RESIDUE;
      bit = restoreHeader(program, bound, input, bit, slots, out, at);
      if (bit < 0) return bit;
      at += program.size;
    } else if (isTransport(proto) && transportIndex(shape, proto) < 0) {
      return DROP_UNSUPPORTED;
    }
    from = (bit + 7) >>> 3;
  }
  let rest = inputEnd - from;
  // What follows the inner packet is padding for traffic flow confidentiality, of any value [RFC 4303 §2.7] (TFC).
  if (!shape.compressed && shape.tunnel && rest >= network.size) rest = Math.min(rest, network.packetSize(input, from));
  const end = at + rest;
  if (end - outOffset > 65535 || end > out.length) return DROP_TOO_LONG;
  copy(out, at, input, from, rest);
  if (shape.compressed || !shape.tunnel) {
    if (outOffset + network.headerSize(out, outOffset) > end) return DROP_LENGTH;
    if (index >= 0) shape.transports[index].putLengths(out, transport, end);
    network.putLengths(out, outOffset, end);
    if (index >= 0) shape.transports[index].putChecksums(out, transport, end, outOffset);
    network.putChecksums(out, outOffset, end, outOffset);
  }
  let code = network.verify(out, outOffset, end, outOffset);
  if (code >= 0) code = select(bound, out, outOffset, end);
  return code === 0 ? end - outOffset : code;
}
