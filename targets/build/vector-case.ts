// Runs test vectors on any engine: Node, Lua, Duktape, JerryScript and Espruino (in the portable subset of core/).
// vector-file.ts makes the cases from the JSON files. A case is an array of strings: numbers in decimal, octets and 64-bit
// numbers in hexadecimal, `-` for what the vector leaves open. Per case it prints one line:
//   ok ID | fail ID FIELD EXPECTED ACTUAL | skip ID REASON        and at the end: done PASSED TOTAL (without the skipped)
// It does not ask the core for intermediate values. It takes the packet of `outbound` apart itself, and builds nonce and
// additional data from SPI and sequence number independently of the core [draft-ietf-ipsecme-diet-esp §4].

import { copy, put32 } from '../../core/base/bytes.ts';
import { ALG_HMAC_SHA256, type Provider } from '../../core/crypto/provider.ts';
import type { Attributes } from '../../core/dietesp/attributes.ts';
import { addInbound, createEndpoint, type Endpoint } from '../../core/esp/endpoint.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { outbound } from '../../core/esp/outbound.ts';
import type { Parts } from '../../core/esp/parts.ts';
import { createSa, defaultConfig, type Sa, type SaConfig } from '../../core/esp/sa.ts';
import { recoverSn } from '../../core/esp/sn.ts';
import type { Suite } from '../../core/esp/suites.ts';
import {
  AKEY,
  ALIGNMENT,
  BEFORE,
  CASE_CONFIG,
  CASE_REFUSE,
  CASE_REJECT,
  CASE_SN,
  DSCP_CDA,
  DSCP_LIST,
  ECN_CDA,
  ESN,
  ESP_SN_LSB,
  ESP_SPI,
  ESP_SPI_LSB,
  ESP_TRAILER,
  FLOW_LABEL_CDA,
  ID,
  IIPC_PROFILE,
  INNER,
  IPSEC_MODE,
  KEY,
  KIND,
  REPLAY_WINDOW,
  RULE_ID,
  SALT,
  SN_HI,
  SN_LO,
  SUITE,
  TS_IP_DST_END,
  TS_IP_DST_START,
  TS_IP_SRC_END,
  TS_IP_SRC_START,
  TS_IP_VERSION,
  TS_PORT_DST_END,
  TS_PORT_DST_START,
  TS_PORT_SRC_END,
  TS_PORT_SRC_START,
  TS_PROTO,
  TUNNEL_DST,
  TUNNEL_SRC,
  WANT_AAD,
  WANT_CIPHERTEXT,
  WANT_CLEAR_TEXT,
  WANT_CODES,
  WANT_DECOMPRESSED,
  WANT_EEC_HEADER,
  WANT_ESP,
  WANT_ESP_LEN,
  WANT_FIELD,
  WANT_ICV,
  WANT_IIPC_OUTPUT,
  WANT_IV,
  WANT_NONCE,
  WANT_PAD_BITS,
  WANT_RECEIVED,
  WANT_RESIDUE_BITS,
  WANT_SN,
  WANT_WIRE,
} from './case-fields.ts';

const ABSENT = '-';
/** Longest packet of a vector file. */
const PACKET_MAX = 2048;
const DIGITS = '0123456789abcdef';

function digit(code: number): number {
  return code >= 97 ? code - 87 : code >= 65 ? code - 55 : code - 48;
}

/** Octets of hexadecimal text. */
export function octetsOf(text: string): Uint8Array {
  const length = text === ABSENT ? 0 : text.length >>> 1;
  const octets = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    octets[i] = ((digit(text.charCodeAt(2 * i)) << 4) | digit(text.charCodeAt(2 * i + 1))) & 0xff;
  }
  return octets;
}

/** Hexadecimal text of `length` octets. */
export function hexOf(octets: Uint8Array, offset: number, length: number): string {
  let text = '';
  for (let i = offset; i < offset + length; i++) {
    text += DIGITS.charAt(octets[i] >>> 4) + DIGITS.charAt(octets[i] & 15);
  }
  return text;
}

/** A decimal number, perhaps negative. */
export function numberOf(text: string): number {
  let value = 0;
  const negative = text.charAt(0) === '-';
  for (let i = negative ? 1 : 0; i < text.length; i++) value = value * 10 + (text.charCodeAt(i) - 48);
  return negative ? -value : value;
}

function bitsOf(octets: Uint8Array, offset: number, from: number, count: number): string {
  let text = '';
  for (let i = from; i < from + count; i++)
    text += ((octets[offset + (i >>> 3)] >>> (7 - (i & 7))) & 1) === 1 ? '1' : '0';
  return text;
}

/** The attributes of a vector, unchecked: `createSa` checks them. */
export function attributesOf(c: string[]): Attributes {
  const listed = octetsOf(c[DSCP_LIST]);
  const dscpList: number[] = [];
  for (let i = 0; i < listed.length; i++) dscpList.push(listed[i]);
  return {
    iipcProfile: numberOf(c[IIPC_PROFILE]) as Attributes['iipcProfile'],
    iipcRuleId: numberOf(c[RULE_ID]),
    dscpCda: numberOf(c[DSCP_CDA]) as Attributes['dscpCda'],
    ecnCda: numberOf(c[ECN_CDA]) as Attributes['ecnCda'],
    flowLabelCda: numberOf(c[FLOW_LABEL_CDA]) as Attributes['flowLabelCda'],
    dscpList: dscpList,
    tsIpVersion: numberOf(c[TS_IP_VERSION]) as Attributes['tsIpVersion'],
    tsIpSrcStart: octetsOf(c[TS_IP_SRC_START]),
    tsIpSrcEnd: octetsOf(c[TS_IP_SRC_END]),
    tsIpDstStart: octetsOf(c[TS_IP_DST_START]),
    tsIpDstEnd: octetsOf(c[TS_IP_DST_END]),
    tsProto: numberOf(c[TS_PROTO]),
    tsPortSrcStart: numberOf(c[TS_PORT_SRC_START]),
    tsPortSrcEnd: numberOf(c[TS_PORT_SRC_END]),
    tsPortDstStart: numberOf(c[TS_PORT_DST_START]),
    tsPortDstEnd: numberOf(c[TS_PORT_DST_END]),
    alignment: numberOf(c[ALIGNMENT]) as Attributes['alignment'],
    espTrailer: numberOf(c[ESP_TRAILER]) as Attributes['espTrailer'],
    ipsecMode: numberOf(c[IPSEC_MODE]) as Attributes['ipsecMode'],
    tunnelSrc: octetsOf(c[TUNNEL_SRC]),
    tunnelDst: octetsOf(c[TUNNEL_DST]),
    espSpi: numberOf(c[ESP_SPI]),
    espSpiLsb: numberOf(c[ESP_SPI_LSB]),
    espSnLsb: numberOf(c[ESP_SN_LSB]),
    esn: numberOf(c[ESN]) as Attributes['esn'],
  };
}

/** The SA's parameters. Its last sequence number is the packet's minus one. */
function configOf(c: string[], suite: Suite): SaConfig {
  const config = defaultConfig(attributesOf(c), suite);
  config.key = octetsOf(c[KEY]);
  config.salt = octetsOf(c[SALT]);
  config.authKey = octetsOf(c[AKEY]);
  config.replayWindow = numberOf(c[REPLAY_WINDOW]);
  config.snHi = numberOf(c[SN_HI]);
  config.snLo = numberOf(c[SN_LO]) - 1;
  if (config.snLo < 0) {
    config.snLo += 65536 * 65536;
    config.snHi -= 1;
  }
  return config;
}

function differs(c: string[], field: string, want: string, actual: string): string {
  if (want === ABSENT || want === actual) return '';
  return (
    'fail ' + c[ID] + ' ' + field + ' ' + (want === '' ? '(none)' : want) + ' ' + (actual === '' ? '(none)' : actual)
  );
}

/** Takes the packet of `outbound` apart. Returns the line of the first difference in processing order, or ''. */
function compareWire(c: string[], suite: Suite, provider: Provider, wire: Uint8Array, length: number): string {
  const outer = wire[0] >>> 4 === 4 ? (wire[0] & 15) * 4 : 40;
  const header = (numberOf(c[ESP_SPI_LSB]) + numberOf(c[ESP_SN_LSB])) >>> 3;
  const ivAt = outer + header;
  const textAt = ivAt + suite.ivLength;
  const icvAt = length - suite.icvLength;
  const textLength = icvAt - textAt;
  const esn = c[ESN] === '1';
  const snHi = numberOf(c[SN_HI]);
  const snLo = numberOf(c[SN_LO]);
  let bad = textLength < 0 ? 'fail ' + c[ID] + ' wire ' + c[WANT_WIRE] + ' ' + hexOf(wire, 0, length) : '';
  if (bad !== '') return bad;

  const clear = new Uint8Array(textLength + suite.icvLength + 16);
  copy(clear, 0, wire, textAt, textLength + suite.icvLength);
  const hmac = suite.authKeyLength !== 0;
  // SPI, high and low sequence number [RFC 4106 §5]; with HMAC the high part comes last [RFC 4303 §2.8].
  const aad = new Uint8Array(12 + suite.ivLength + textLength + 4);
  put32(aad, 0, numberOf(c[ESP_SPI]));
  let aadLength = 4;
  if (esn && !hmac) {
    put32(aad, aadLength, snHi);
    aadLength += 4;
  }
  put32(aad, aadLength, snLo);
  aadLength += 4;
  let opened = true;
  let nonceText = ABSENT;
  if (hmac) {
    copy(aad, aadLength, wire, ivAt, suite.ivLength + textLength);
    aadLength += suite.ivLength + textLength;
    if (esn) {
      put32(aad, aadLength, snHi);
      aadLength += 4;
    }
    const tag = new Uint8Array(32);
    const authKey = provider.key(ALG_HMAC_SHA256, octetsOf(c[AKEY]));
    provider.mac(authKey, aad, 0, aadLength, tag, 0);
    provider.wipe(authKey);
    opened = hexOf(tag, 0, suite.icvLength) === hexOf(wire, icvAt, suite.icvLength);
    if (suite.alg !== 0) {
      const key = provider.key(suite.alg, octetsOf(c[KEY]));
      const block = new Uint8Array(suite.ivLength + textLength);
      copy(block, 0, wire, ivAt, suite.ivLength + textLength);
      provider.cbc(key, false, block, 0, suite.ivLength, textLength);
      provider.wipe(key);
      copy(clear, 0, block, suite.ivLength, textLength);
    }
  } else {
    // Salt, then the IV on the wire or the 64-bit sequence number [RFC 8750 §3].
    const nonce = new Uint8Array(suite.saltLength + 8);
    copy(nonce, 0, octetsOf(c[SALT]), 0, suite.saltLength);
    if (suite.ivLength === 8) copy(nonce, suite.saltLength, wire, ivAt, 8);
    else {
      put32(nonce, suite.saltLength, esn ? snHi : 0);
      put32(nonce, suite.saltLength + 4, snLo);
    }
    nonceText = hexOf(nonce, 0, nonce.length);
    const key = provider.key(suite.alg, octetsOf(c[KEY]));
    const aead = {
      nonce: nonce,
      nonceLength: nonce.length,
      aad: aad,
      aadLength: aadLength,
      icvLength: suite.icvLength,
    };
    opened = provider.open(key, aead, clear, 0, textLength);
    provider.wipe(key);
  }

  if (opened) {
    const bits = c[WANT_RESIDUE_BITS];
    if (bits !== ABSENT) {
      bad = differs(c, 'residue_bits', bits, bitsOf(clear, 0, 0, bits.length));
      if (bad === '' && c[WANT_PAD_BITS] !== ABSENT) {
        const pad = bitsOf(clear, 0, bits.length, numberOf(c[WANT_PAD_BITS]));
        if (pad.indexOf('1') >= 0) bad = differs(c, 'pad_bits', 'zero', pad);
      }
    }
    if (bad === '' && c[WANT_IIPC_OUTPUT] !== ABSENT) {
      const size = c[WANT_IIPC_OUTPUT].length >>> 1;
      bad = differs(c, 'iipc_output', c[WANT_IIPC_OUTPUT], hexOf(clear, 0, Math.min(size, textLength)));
    }
    if (bad === '') bad = differs(c, 'clear_text', c[WANT_CLEAR_TEXT], hexOf(clear, 0, textLength));
  }
  if (bad === '') bad = differs(c, 'nonce', nonceText === ABSENT ? ABSENT : c[WANT_NONCE], nonceText);
  if (bad === '') bad = differs(c, 'aad', c[WANT_AAD], hexOf(aad, 0, aadLength));
  if (bad === '') bad = differs(c, 'iv', c[WANT_IV], hexOf(wire, ivAt, suite.ivLength));
  if (bad === '') bad = differs(c, 'ciphertext', c[WANT_CIPHERTEXT], hexOf(wire, textAt, textLength));
  if (bad === '') bad = differs(c, 'icv', c[WANT_ICV], hexOf(wire, icvAt, suite.icvLength));
  if (bad === '' && !opened) bad = 'fail ' + c[ID] + ' icv verifies ' + hexOf(wire, icvAt, suite.icvLength);
  if (bad === '') bad = differs(c, 'eec_header', c[WANT_EEC_HEADER], hexOf(wire, outer, header));
  if (bad === '') bad = differs(c, 'esp', c[WANT_ESP], hexOf(wire, outer, length - outer));
  if (bad === '') bad = differs(c, 'wire', c[WANT_WIRE], hexOf(wire, 0, length));
  if (bad === '' && c[WANT_ESP_LEN] !== ABSENT && numberOf(c[WANT_ESP_LEN]) !== length - outer) {
    bad = differs(c, 'esp_len', c[WANT_ESP_LEN], '' + (length - outer));
  }
  return bad;
}

/** Checks that a result is one of the drop codes. */
function dropped(c: string[], field: string, result: number): string {
  const code = '' + Math.min(result, 0);
  if ((',' + c[WANT_CODES] + ',').indexOf(',' + code + ',') >= 0) return '';
  return 'fail ' + c[ID] + ' ' + field + ' ' + c[WANT_CODES] + ' ' + code;
}

function receive(c: string[], endpoint: Endpoint, sa: Sa, wire: Uint8Array, length: number, want: string): string {
  addInbound(endpoint, sa);
  const restored = new Uint8Array(PACKET_MAX);
  if (c[BEFORE] !== ABSENT && c[BEFORE] !== '') {
    const packets = c[BEFORE].split(',');
    for (let i = 0; i < packets.length; i++) {
      const packet = octetsOf(packets[i]);
      const early = inbound(endpoint, packet, 0, packet.length, restored, 0, 0);
      if (early < 0) return 'fail ' + c[ID] + ' before[' + i + '] accepted ' + early;
    }
  }
  const result = inbound(endpoint, wire, 0, length, restored, 0, 0);
  if (c[WANT_CODES] !== ABSENT) return dropped(c, 'inbound', result);
  if (result < 0) return 'fail ' + c[ID] + ' inbound ' + want + ' ' + result;
  return differs(c, 'decompressed', want, hexOf(restored, 0, result));
}

function runPacket(c: string[], parts: Parts, provider: Provider, suite: Suite): string {
  const kind = c[KIND];
  const inner = octetsOf(c[INNER]);
  const wire = new Uint8Array(PACKET_MAX);
  const endpoint = createEndpoint(parts, provider);
  if (kind === CASE_REJECT) {
    const given = octetsOf(c[WANT_WIRE]);
    copy(wire, 0, given, 0, given.length);
    return receive(
      c,
      endpoint,
      createSa(parts, provider, configOf(c, suite)),
      wire,
      given.length,
      c[WANT_DECOMPRESSED],
    );
  }
  if (c[WANT_IV] !== ABSENT) endpoint.fixedIv = octetsOf(c[WANT_IV]);
  const sa = createSa(parts, provider, configOf(c, suite));
  const length = outbound(endpoint, sa, inner, 0, inner.length, wire, 0, 0);
  if (kind === CASE_REFUSE) return dropped(c, 'outbound', length);
  if (length < 0) return 'fail ' + c[ID] + ' outbound ' + c[WANT_WIRE] + ' ' + length;
  const bad = compareWire(c, suite, provider, wire, length);
  if (bad !== '') return bad;
  const peer = createEndpoint(parts, provider);
  return receive(c, peer, createSa(parts, provider, configOf(c, suite)), wire, length, c[WANT_DECOMPRESSED]);
}

function runSn(c: string[]): string {
  const out = { hi: 0, lo: 0 };
  const window = numberOf(c[REPLAY_WINDOW]);
  const received = numberOf(c[WANT_RECEIVED]);
  const esn = numberOf(c[ESN]);
  const form = { snLsb: numberOf(c[ESP_SN_LSB]), replayWindow: window, counter: { esn: esn } };
  const result = recoverSn({ snHi: numberOf(c[SN_HI]), snLo: numberOf(c[SN_LO]), form: form }, received, 0, out);
  const octets = new Uint8Array(8);
  put32(octets, 0, out.hi);
  put32(octets, 4, out.lo);
  return differs(c, 'sn', c[WANT_SN], result < 0 ? 'reject' : hexOf(octets, 0, 8));
}

/** Why a suite cannot be used, or ''. */
function lacking(c: string[], provider: Provider, suite: Suite): string {
  if (suite.alg !== 0 && !provider.has(suite.alg, octetsOf(c[KEY]).length)) return c[SUITE];
  if (suite.authKeyLength !== 0 && !provider.has(ALG_HMAC_SHA256, octetsOf(c[AKEY]).length)) return 'HMAC';
  return '';
}

/** Runs one case. Returns its line. */
export function runCase(c: string[], parts: Parts, provider: Provider, suites: Suite[]): string {
  let suite: Suite | null = null;
  for (let i = 0; i < suites.length; i++) if (suites[i].name === c[SUITE]) suite = suites[i];
  if (c[KIND] === CASE_SN) {
    const bad = runSn(c);
    return bad === '' ? 'ok ' + c[ID] : bad;
  }
  if (suite === null) return 'skip ' + c[ID] + ' no ' + c[SUITE] + ' in this build';
  const missing = c[KIND] === CASE_CONFIG ? '' : lacking(c, provider, suite);
  if (missing !== '') return 'skip ' + c[ID] + ' no ' + missing + ' from the provider';
  let line = '';
  try {
    if (c[KIND] === CASE_CONFIG) {
      createSa(parts, provider, configOf(c, suite));
      line = 'fail ' + c[ID] + ' ' + c[WANT_FIELD] + ' refused accepted';
    } else {
      line = runPacket(c, parts, provider, suite);
    }
  } catch (error) {
    const text = (error as Error).message;
    if (c[KIND] !== CASE_CONFIG) line = 'fail ' + c[ID] + ' sa accepted ' + text;
    else if (text.indexOf(c[WANT_FIELD] + ':') !== 0) line = 'fail ' + c[ID] + ' ' + c[WANT_FIELD] + ' refused ' + text;
  }
  return line === '' ? 'ok ' + c[ID] : line;
}

/** Runs all cases, prints their lines and the closing one. Returns the number of failures. */
export function runCases(
  cases: readonly string[][],
  parts: Parts,
  provider: Provider,
  suites: Suite[],
  print: (line: string) => void,
): number {
  let passed = 0;
  let failed = 0;
  for (let i = 0; i < cases.length; i++) {
    const line = runCase(cases[i], parts, provider, suites);
    const first = line.charAt(0);
    if (first === 'o') passed += 1;
    else if (first === 'f') failed += 1;
    print(line);
  }
  print('done ' + passed + ' ' + (passed + failed));
  return failed;
}
