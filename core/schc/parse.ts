// The fields of a packet's header stack, as rules name them [RFC 8724 §7.1]: [IPv6 or IPv4] [UDP, UDP-Lite, TCP or SCTP]
// [CoAP]. A rule says what the headers are: payload begins after the last header with a descriptor. A layout is the shape of
// such a stack in one direction. It is made once, and the field table is reused.
//
// The table first holds the fields of fixed place, in the layout's order (so their indexes are known beforehand), then the
// optional ones: IPv4 options, token, CoAP options.

import { DROP_LENGTH, DROP_SHORT, DROP_UNSUPPORTED, DROP_VERSION } from '../base/drop.ts';
import {
  COAP_FIELDS,
  COAP_MARKER,
  COAP_OPTION_MAX,
  COAP_SIZE,
  checkCoap,
  coapOption,
  FID_COAP_CODE,
  FID_COAP_OPTION,
  FID_COAP_TOKEN,
  FID_COAP_VERSION,
  OPTION_DELTA,
  OPTION_LENGTH,
  OPTION_VALUE,
} from '../wire/coap.ts';
import {
  FID_IPV4_FLAGS,
  FID_IPV6_DSCP,
  FID_IPV6_DST,
  FID_IPV6_ECN,
  FID_IPV6_SRC,
  FID_UDP_DST_PORT,
  FID_UDP_SRC_PORT,
} from '../wire/fid.ts';
import { FIELD_STRIDE, type Header } from '../wire/header.ts';
import {
  FID_IPV4_OPTIONS,
  FID_IPV6_APP_IID,
  FID_IPV6_APP_PREFIX,
  FID_IPV6_DEV_IID,
  FID_IPV6_DEV_PREFIX,
  FID_IPV6_TRAFFIC_CLASS,
  FID_UDP_APP_PORT,
  FID_UDP_DEV_PORT,
} from './fid.ts';
import { DI_UP } from './model.ts';

/** Places in the stack: index of `Fields.starts`. */
export const LAYER_NETWORK = 0;
export const LAYER_TRANSPORT = 1;
export const LAYER_COAP = 2;
/** The payload's place. */
export const LAYER_PAYLOAD = 3;

/** How a stack ends in CoAP: not, a message, or OSCORE's plaintext (code, options, payload) [RFC 8613 §5.3]. */
export const COAP_NONE = 0;
export const COAP_MESSAGE = 1;
export const COAP_INNER = 2;

/** Most fields of one packet. */
export const FIELDS_MAX = 64;

/** Uri-Host, ETag, Location-Path, Uri-Path, Uri-Query, Location-Query, Proxy-Uri, Proxy-Scheme. */
const NOT_EMPTY: number[] = /* @__PURE__ */ [3, 4, 8, 11, 15, 20, 35, 39];
const PROTO_IPV6 = 41;
const PROTO_IPV4 = 4;
const IPV4_SIZE = 20;

/** The headers of a packet and the places of their fields, for one direction. */
export interface Layout {
  /** DI_UP or DI_DW. */
  direction: number;
  /** Identifies the stack's shape (without direction). */
  key: string;
  /** The IP header; null: none. */
  network: Header | null;
  /** The transport header; null: none. */
  transport: Header | null;
  /** COAP_*: whether CoAP follows, and with which of its shapes. */
  coap: number;
  /** Fields of fixed place: identifier, layer, first bit in the layer, bits. */
  fid: Int32Array;
  /** Number of the layer that has the field, the outermost 0. */
  layer: Int32Array;
  /** First bit of the field in its layer. */
  first: Int32Array;
  /** Bits of the field. */
  bits: Int32Array;
}

/** The fields of a packet. One record is used for all. */
export interface Fields {
  /** How many there are; the arrays are longer. */
  count: number;
  /** Field identifiers, FID_*. */
  fid: Int32Array;
  /** Field position: 1 for the first occurrence. */
  fp: Int32Array;
  /** Bit position in the buffer, and length in bits. */
  bit: Int32Array;
  /** Length of the field in bits. */
  bits: Int32Array;
  /** Offsets of the layers and the payload. */
  starts: Int32Array;
}

/** A field table, for any number of packets. */
export function createFields(): Fields {
  return {
    count: 0,
    fid: new Int32Array(FIELDS_MAX),
    fp: new Int32Array(FIELDS_MAX),
    bit: new Int32Array(FIELDS_MAX),
    bits: new Int32Array(FIELDS_MAX),
    starts: new Int32Array(4),
  };
}

/** True for fields without a fixed length or place. */
export function isVariableField(fid: number): boolean {
  return fid === FID_IPV4_OPTIONS || fid === FID_COAP_TOKEN || isOption(fid);
}

/** True for CoAP options. */
export function isOption(fid: number): boolean {
  return fid >= FID_COAP_OPTION && fid <= FID_COAP_OPTION + COAP_OPTION_MAX;
}

/**
 * True for fields of which a residue of size 0 is an empty value: CoAP options, but those that have one octet at least, and
 * parts of paths and queries, of which a rule may have more than a packet [RFC 8824 §5.3.1].
 */
export function mayBeEmpty(fid: number): boolean {
  return isOption(fid) && NOT_EMPTY.indexOf(fid - FID_COAP_OPTION) < 0;
}

/** The field in a header's table for an identifier that is named by role, or by another division of the header. */
function plainField(fid: number): number {
  if (fid === FID_IPV4_OPTIONS) return FID_IPV4_FLAGS;
  if (fid === FID_IPV6_TRAFFIC_CLASS || fid === FID_IPV6_ECN) return FID_IPV6_DSCP;
  if (fid === FID_UDP_DEV_PORT || fid === FID_UDP_APP_PORT) return FID_UDP_SRC_PORT;
  const isSplit =
    fid === FID_IPV6_DEV_PREFIX || fid === FID_IPV6_DEV_IID || fid === FID_IPV6_APP_PREFIX || fid === FID_IPV6_APP_IID;
  return isSplit ? FID_IPV6_SRC : fid;
}

/** The header among `headers` that has the field `fid`, or null. */
function headerOf(headers: Header[], fid: number): Header | null {
  const plain = plainField(fid);
  for (let i = 0; i < headers.length; i++) {
    for (let k = 0; k < headers[i].fields.length; k += FIELD_STRIDE) {
      if (headers[i].fields[k] === plain) return headers[i];
    }
  }
  return null;
}

function has(fids: number[], fid: number): boolean {
  return fids.indexOf(fid) >= 0;
}

/** Adds the fields of one header to `flat` (identifier, layer, first bit, bits), divided and named as in `fids`. */
function addHeader(flat: number[], header: Header, layer: number, fids: number[], up: boolean): void {
  const whole = has(fids, FID_IPV6_TRAFFIC_CLASS);
  const split =
    has(fids, FID_IPV6_DEV_PREFIX) ||
    has(fids, FID_IPV6_DEV_IID) ||
    has(fids, FID_IPV6_APP_PREFIX) ||
    has(fids, FID_IPV6_APP_IID);
  const roles = has(fids, FID_UDP_DEV_PORT) || has(fids, FID_UDP_APP_PORT);
  let bit = 0;
  for (let i = 0; i < header.fields.length; i += FIELD_STRIDE) {
    const fid = header.fields[i];
    const bits = header.fields[i + 1];
    if (whole && fid === FID_IPV6_DSCP) flat.push(FID_IPV6_TRAFFIC_CLASS, layer, bit, 8);
    else if (split && (fid === FID_IPV6_SRC || fid === FID_IPV6_DST)) {
      const dev = up === (fid === FID_IPV6_SRC);
      flat.push(dev ? FID_IPV6_DEV_PREFIX : FID_IPV6_APP_PREFIX, layer, bit, 64);
      flat.push(dev ? FID_IPV6_DEV_IID : FID_IPV6_APP_IID, layer, bit + 64, 64);
    } else if (roles && (fid === FID_UDP_SRC_PORT || fid === FID_UDP_DST_PORT)) {
      flat.push(up === (fid === FID_UDP_SRC_PORT) ? FID_UDP_DEV_PORT : FID_UDP_APP_PORT, layer, bit, bits);
    } else if (!whole || fid !== FID_IPV6_ECN) flat.push(fid, layer, bit, bits);
    bit += bits;
  }
}

/**
 * The layout of the stack that the field identifiers `fids` describe, in one direction (DI_UP, DI_DW). `headers` are the
 * build's. Throws when none has an identifier, or when two headers exclude each other.
 */
export function createLayout(fids: number[], headers: Header[], direction: number): Layout {
  let network: Header | null = null;
  let transport: Header | null = null;
  let coap = COAP_NONE;
  let message = false;
  for (let i = 0; i < fids.length; i++) {
    const fid = fids[i];
    if ((fid >= FID_COAP_VERSION && fid <= FID_COAP_TOKEN) || isOption(fid)) {
      coap = COAP_INNER;
      if (fid !== FID_COAP_CODE && !isOption(fid)) message = true;
      continue;
    }
    const header = headerOf(headers, fid);
    if (header === null) throw new Error('fid ' + fid + ': in none of the headers of this build');
    const isNetwork = header.proto === PROTO_IPV6 || header.proto === PROTO_IPV4;
    const known: Header | null = isNetwork ? network : transport;
    if (known !== null && known !== header) throw new Error('fid ' + fid + ': its header excludes another of the rule');
    if (isNetwork) network = header;
    else transport = header;
  }
  if (message) coap = COAP_MESSAGE;
  const flat: number[] = [];
  if (network !== null) addHeader(flat, network, LAYER_NETWORK, fids, direction === DI_UP);
  if (transport !== null) addHeader(flat, transport, LAYER_TRANSPORT, fids, direction === DI_UP);
  if (coap === COAP_INNER) flat.push(FID_COAP_CODE, LAYER_COAP, 0, 8);
  if (coap === COAP_MESSAGE) {
    let bit = 0;
    for (let i = 0; i < COAP_FIELDS.length; i += 2) {
      flat.push(COAP_FIELDS[i], LAYER_COAP, bit, COAP_FIELDS[i + 1]);
      bit += COAP_FIELDS[i + 1];
    }
  }
  const count = Math.floor(flat.length / 4);
  const layout: Layout = {
    direction: direction,
    key: '' + coap,
    network: network,
    transport: transport,
    coap: coap,
    fid: new Int32Array(count),
    layer: new Int32Array(count),
    first: new Int32Array(count),
    bits: new Int32Array(count),
  };
  for (let i = 0; i < count; i++) {
    layout.fid[i] = flat[4 * i];
    layout.layer[i] = flat[4 * i + 1];
    layout.first[i] = flat[4 * i + 2];
    layout.bits[i] = flat[4 * i + 3];
    layout.key += ' ' + flat[4 * i];
  }
  return layout;
}

function add(fields: Fields, fid: number, fp: number, offset: number, length: number): number {
  const i = fields.count;
  if (i === FIELDS_MAX) return DROP_UNSUPPORTED;
  fields.fid[i] = fid;
  fields.fp[i] = fp;
  fields.bit[i] = offset * 8;
  fields.bits[i] = length * 8;
  fields.count = i + 1;
  return 0;
}

const option = /* @__PURE__ */ new Int32Array(3);

/** Adds token and options of the CoAP message at `offset`; with `inner` it has only a code. Returns the payload's offset. */
function parseCoap(fields: Fields, inner: boolean, buffer: Uint8Array, offset: number, end: number): number {
  let at = offset + 1;
  if (inner) {
    if (at > end) return DROP_SHORT;
  } else {
    const code = checkCoap(buffer, offset, end);
    if (code !== 0) return code;
    const tokenLength = buffer[offset] & 15;
    at = offset + COAP_SIZE;
    if (tokenLength > 0) add(fields, FID_COAP_TOKEN, 1, at, tokenLength);
    at += tokenLength;
  }
  let number = 0;
  let fp = 0;
  while (true) {
    const next = coapOption(buffer, at, end, option);
    if (next < 0) return next;
    if (next === at) break;
    number += option[OPTION_DELTA];
    if (number > COAP_OPTION_MAX) return DROP_LENGTH;
    fp = option[OPTION_DELTA] === 0 ? fp + 1 : 1;
    if (add(fields, FID_COAP_OPTION + number, fp, option[OPTION_VALUE], option[OPTION_LENGTH]) !== 0) {
      return DROP_UNSUPPORTED;
    }
    at = next;
  }
  return at < end && buffer[at] === COAP_MARKER ? at + 1 : at;
}

/**
 * Fills the table from the packet buffer[offset..offset+length). Returns 0, or a drop code: the packet is malformed, or its
 * stack differs from the layout. After 0 every field of the table lies within the packet, and lengths in the IP header agree
 * with the packet's. It does not check checksums and lengths of other headers.
 */
export function parseFields(
  fields: Fields,
  layout: Layout,
  buffer: Uint8Array,
  offset: number,
  length: number,
): number {
  const end = offset + length;
  const starts = fields.starts;
  let at = offset;
  let options = 0;
  const network = layout.network;
  const transport = layout.transport;
  if (network !== null) {
    starts[LAYER_NETWORK] = at;
    if (length < 1) return DROP_SHORT;
    const is6 = network.proto === PROTO_IPV6;
    if (buffer[at] >>> 4 !== (is6 ? 6 : 4)) return DROP_VERSION;
    if (length < network.size) return DROP_SHORT;
    const size = is6 ? network.size : (buffer[at] & 15) * 4;
    if (size < network.size || size > length) return DROP_LENGTH;
    const total = is6 ? network.size + buffer[at + 4] * 256 + buffer[at + 5] : buffer[at + 2] * 256 + buffer[at + 3];
    if (total !== length) return DROP_LENGTH;
    if (transport !== null) {
      if (buffer[at + (is6 ? 6 : 9)] !== transport.proto) return DROP_UNSUPPORTED;
      // More fragments, or an offset: no whole transport header and payload.
      if (!is6 && ((buffer[at + 6] & 0x3f) !== 0 || buffer[at + 7] !== 0)) return DROP_UNSUPPORTED;
    }
    options = size - network.size;
    at += size;
  }
  if (transport !== null) {
    if (at + transport.size > end) return DROP_SHORT;
    starts[LAYER_TRANSPORT] = at;
    at += transport.size;
  }
  starts[LAYER_COAP] = at;
  const fixed = layout.fid.length;
  fields.count = fixed;
  if (options > 0) add(fields, FID_IPV4_OPTIONS, 1, starts[LAYER_NETWORK] + IPV4_SIZE, options);
  if (layout.coap !== COAP_NONE) at = parseCoap(fields, layout.coap === COAP_INNER, buffer, at, end);
  if (at < 0) return at;
  starts[LAYER_PAYLOAD] = at;
  for (let i = 0; i < fixed; i++) {
    fields.fid[i] = layout.fid[i];
    fields.fp[i] = 1;
    fields.bit[i] = starts[layout.layer[i]] * 8 + layout.first[i];
    fields.bits[i] = layout.bits[i];
  }
  return 0;
}
