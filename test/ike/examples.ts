// Example messages for tests of IKE, with known octets and sizes, and helpers for them.

import { copy } from '../../core/base/bytes.ts';
import {
  addNotify,
  beginChain,
  beginMessage,
  beginPayload,
  createPayloads,
  createWriter,
  endMessage,
  endPayload,
  IKE_NEXT,
  IKE_SIZE,
  type Payloads,
  parsePayloads,
  type Writer,
  write8,
  write16,
  write32,
  writeOctets,
} from '../../core/ike/codec/message.ts';
import * as n from '../../core/ike/codec/numbers.ts';
import { join, take } from '../../core/ike/codec/octets.ts';
import { addSa, type Transforms } from '../../core/ike/codec/proposals.ts';
import { addSelectors, type Selector } from '../../core/ike/codec/selectors.ts';

export const SPI_I = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
export const SPI_R = Uint8Array.of(0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18);
export const NO_SPI = new Uint8Array(8);
export const NOTHING = new Uint8Array(0);

export const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
export const octetsOf = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(/[\s|]/g, ''), 'hex'));

/** Lists of any numbers: also of transforms that nobody implements. */
type AnyTransforms = { [Key in Exclude<keyof Transforms, 'protocol' | 'extra'>]?: number[] } & Pick<
  Partial<Transforms>,
  'protocol' | 'extra'
>;

export function transforms(protocol: number, values: AnyTransforms): Transforms {
  const made = { protocol, ciphers: [], keyBits: [], prf: [], integ: [], ke: [], sn: [], ...values };
  return made as unknown as Transforms;
}

/** AES-128-GCM-16, HMAC-SHA-256, X25519. */
export const IKE_GCM = transforms(n.PROTOCOL_IKE, { ciphers: [20], keyBits: [128], prf: [5], ke: [31] });
/** AES-128-GCM-16, 32-bit sequence numbers. */
export const ESP_GCM = transforms(n.PROTOCOL_ESP, { ciphers: [20], keyBits: [128], sn: [0] });

export function selector(protocol: number, ports: [number, number], start: number[], end: number[]): Selector {
  return {
    protocol,
    startPort: ports[0],
    endPort: ports[1],
    start: Uint8Array.from(start),
    end: Uint8Array.from(end),
  };
}

/** One payload with `fixed`, then `data`. */
export function payload(w: Writer, type: number, fixed: number[], data: Uint8Array): void {
  const at = beginPayload(w, type);
  for (const octet of fixed) write8(w, octet);
  writeOctets(w, data, 0, data.length);
  endPayload(w, at);
}

function octets(length: number, from: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (from + i) & 0xff);
}

/** IKE_SA_INIT request: IKE_GCM, X25519, a nonce of 32 octets, both NAT notifies. */
export function initRequest(proposals: Transforms[] = [IKE_GCM]): Uint8Array {
  const w = createWriter(new Uint8Array(2000));
  beginMessage(w, 0, join([take(SPI_I, 0, 8), take(NO_SPI, 0, 8)]), n.IKE_SA_INIT, n.FLAG_INITIATOR, 0);
  addSa(w, proposals, NOTHING, 0, 0);
  payload(w, n.PAYLOAD_KE, [0, 31, 0, 0], octets(32, 0x80));
  payload(w, n.PAYLOAD_NONCE, [], octets(32, 0));
  for (const type of [n.N_NAT_DETECTION_SOURCE_IP, n.N_NAT_DETECTION_DESTINATION_IP]) {
    addNotify(w, 0, type, take(NOTHING, 0, 0), take(octets(20, type), 0, 20));
  }
  return w.buffer.slice(0, endMessage(w));
}

export interface Chain {
  first: number;
  octets: Uint8Array;
}

export function chain(fill: (w: Writer) => void, room = 4000): Chain {
  const w = createWriter(new Uint8Array(room));
  beginChain(w, 0);
  fill(w);
  if (w.full) throw new Error('no room');
  return { first: w.first, octets: w.buffer.slice(0, w.at) };
}

/** Payloads of an IKE_AUTH request: a pre-shared key, an ID of 20 octets, IPv4 selectors, INITIAL_CONTACT. */
export function authRequest(): Chain {
  const any = selector(0, [0, 65535], [10, 0, 0, 1], [10, 0, 0, 1]);
  const net = selector(17, [5683, 5683], [192, 0, 2, 0], [192, 0, 2, 255]);
  return chain((w) => {
    payload(w, n.PAYLOAD_IDI, [n.ID_KEY_ID, 0, 0, 0], octets(20, 0x61));
    addNotify(w, 0, n.N_INITIAL_CONTACT, take(NOTHING, 0, 0), take(NOTHING, 0, 0));
    payload(w, n.PAYLOAD_AUTH, [n.AUTH_SHARED_KEY, 0, 0, 0], octets(32, 0x20));
    addSa(w, [ESP_GCM], Uint8Array.of(0xa1, 0xb2, 0xc3, 0xd4), 0, 4);
    addSelectors(w, n.PAYLOAD_TSI, [any]);
    addSelectors(w, n.PAYLOAD_TSR, [net]);
  });
}

/** Payloads of all other kinds. */
export function otherPayloads(): Chain {
  return chain((w) => {
    payload(w, n.PAYLOAD_CERT, [12, ...octets(20, 1)], Buffer.from('http://gateway.example/cert'));
    payload(w, n.PAYLOAD_CERTREQ, [15], NOTHING);
    payload(w, n.PAYLOAD_IDR, [n.ID_FQDN, 0, 0, 0], Buffer.from('gateway.example'));
    payload(w, n.PAYLOAD_DELETE, [3, 4, 0, 2], octets(8, 0x40));
    payload(w, n.PAYLOAD_VENDOR, [], Buffer.from('vendor'));
    const at = beginPayload(w, n.PAYLOAD_CP);
    write32(w, n.CP_REQUEST << 24);
    write16(w, n.CP_INTERNAL_IP4_ADDRESS);
    write16(w, 0);
    endPayload(w, at);
    addNotify(w, 3, n.N_REKEY_SA, take(Uint8Array.of(9, 0xa1, 0xb2, 0xc3, 0xd4), 1, 4), take(NOTHING, 0, 0));
  });
}

/** The header of a message at dst[at..), for `sealMessage`. */
export function header(dst: Uint8Array, at: number, exchange: number, flags: number, messageId: number): void {
  const w = createWriter(new Uint8Array(IKE_SIZE));
  beginMessage(w, 0, join([take(SPI_I, 0, 8), take(SPI_R, 0, 8)]), exchange, flags, messageId);
  endMessage(w);
  copy(dst, at, w.buffer, 0, IKE_SIZE);
}

/** Payloads of the message at buffer[offset..offset+length); throws when they do not parse. */
export function payloadsOf(buffer: Uint8Array, offset: number, length: number): Payloads {
  const p = createPayloads();
  const result = parsePayloads(p, buffer, buffer[offset + IKE_NEXT], offset + IKE_SIZE, offset + length);
  if (result !== 0) throw new Error('payloads: ' + result);
  return p;
}
