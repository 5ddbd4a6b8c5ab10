// The constants of a device's IKE, cut out of messages that the core's own initiator writes for the policy: there is one writer
// of payloads, and one place that knows their order.

import { refuse } from '../../../core/base/refuse.ts';
import { KE_P256, KE_X25519, keSize } from '../../../core/crypto/asymmetric.ts';
import { MODE_TRANSPORT } from '../../../core/dietesp/attributes.ts';
import { valuesOf } from '../../../core/ike/child/compression.ts';
import { ehc } from '../../../core/ike/child/ehc.ts';
import { addChildRequest, addChildSelectors, createDraft } from '../../../core/ike/child/negotiate.ts';
import { addCp, addId, idBody } from '../../../core/ike/codec/ident.ts';
import { beginPayload, endPayload, IKE_SIZE, write16 } from '../../../core/ike/codec/message.ts';
import {
  AUTH_DIGITAL_SIGNATURE,
  CP_REQUEST,
  PAYLOAD_IDI,
  PAYLOAD_IDR,
  PAYLOAD_NONCE,
  PAYLOAD_NOTIFY,
  PAYLOAD_SA,
  PAYLOAD_TSI,
  PAYLOAD_TSR,
  TRANSFORM_ENCR,
  TRANSFORM_INTEG,
  TRANSFORM_KE,
  TRANSFORM_PRF,
  TRANSFORM_SN,
} from '../../../core/ike/codec/numbers.ts';
import { type PrivateNumbers, VENDOR_ID } from '../../../core/ike/codec/private-numbers.ts';
import { addSa, type Transforms } from '../../../core/ike/codec/proposals.ts';
import { ikeGcm16 } from '../../../core/ike/crypto/suites.ts';
import { begin } from '../../../core/ike/exchange/send.ts';
import { connect } from '../../../core/ike/setup/initiator.ts';
import type { CompressionChoice } from '../../../core/ike/state/compression.ts';
import type { Ike } from '../../../core/ike/state/ike.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import type { IkePolicy } from '../../../core/ike/state/policy.ts';
import type { IkeSa, Session } from '../../../core/ike/state/sa.ts';
import { STEP_AUTH_REQUEST, STEP_CHILD_REQUEST, type Step } from '../../../core/ike/state/step.ts';
import { fixPolicy } from './ike-fix.ts';
import { type Cut, createScribe, cut, HEADER, hex, payloadOf, written } from './ike-scribe.ts';
import type { DataField, Facts } from './layout.ts';

/** What a specialised device's IKE is made from. */
export interface IkeInput {
  policy: IkePolicy;
  numbers: PrivateNumbers;
  /** Milliseconds from a failure to the next attempt, and at most. */
  retryTime: number;
  retryMax: number;
  /** The device has Ed25519; P-256. */
  ed25519: boolean;
  p256?: boolean;
}

/** Octets of the longest first answer of a gateway, and of the longest ticket. */
const ANSWER_SIZE = 512;
const TICKET_SIZE = 160;
/** Octets of a peer's longest nonce. */
const NONCE_MAX = 256;

/** Payloads as a chain: its octets, the type of the first, and where the last one's header is. */
function chainOf(name: string, list: readonly Cut[]): Record<string, string | number> {
  const octets: number[] = [];
  let last = 0;
  list.forEach((one, i) => {
    last = octets.length;
    octets.push(...one.octets);
    if (i + 1 < list.length) octets[last] = list[i + 1].type;
  });
  return { [name]: hex(Uint8Array.from(octets)), [name + 'Type']: list[0]?.type ?? 0, [name + 'Last']: last };
}

/** Transforms: type, ID, key bits of each. */
function wantOf(own: Transforms): string {
  const list: number[] = [];
  const add = (type: number, ids: readonly number[], bits: readonly number[]): void => {
    ids.forEach((id, i) => {
      const size = bits[i] ?? 0;
      list.push(type, id >>> 8, id & 0xff, size >>> 8, size & 0xff);
    });
  };
  add(TRANSFORM_ENCR, own.ciphers, own.keyBits);
  add(TRANSFORM_PRF, own.prf, []);
  add(TRANSFORM_INTEG, own.integ, []);
  add(TRANSFORM_KE, own.ke, []);
  add(TRANSFORM_SN, own.sn, []);
  return hex(Uint8Array.from(list));
}

function pathOf(policy: IkePolicy): Path {
  const address = new Uint8Array(policy.child.remote[0].start.length);
  return {
    local: address,
    localPort: 500,
    remote: address,
    remotePort: 500,
    encapsulated: false,
    port: 0,
    link: address,
  };
}

/** A request about the Child SA: what stands in front of SA, SA, the selectors. */
function childRequest(ike: Ike, sa: IkeSa, step: Step): { tail: Cut[]; sa: Cut; own: Cut; peer: Cut } {
  const { policy } = sa;
  const draft = createDraft(policy.child, null, true);
  const w = begin(ike);
  if (step === STEP_AUTH_REQUEST && policy.requestAddress !== 0) {
    addCp(w, CP_REQUEST, policy.requestAddress, new Uint8Array(0));
  }
  addChildRequest(ike, sa, step, draft, w);
  addChildSelectors(ike, sa, draft, w);
  const list = written(w);
  const at = list.findIndex(({ type }) => type === PAYLOAD_SA);
  const of = (type: number): Cut => list.find((one) => one.type === type)!;
  return { tail: list.slice(0, at), sa: list[at], own: of(PAYLOAD_TSI), peer: of(PAYLOAD_TSR) };
}

/** The first transform of each type. */
function oneOf(own: Transforms): Transforms {
  return { ...own, ciphers: own.ciphers.slice(0, 1), keyBits: own.keyBits.slice(0, 1), ke: own.ke.slice(0, 1) };
}

/** The offset of the KE method's low octet in an SA payload with one proposal; 0: there is none. */
function keOffset(payload: string): number {
  const octets = Buffer.from(payload, 'hex');
  let at = HEADER + 8 + octets[HEADER + 6];
  while (at < octets.length && octets[at + 4] !== TRANSFORM_KE) at += octets.readUInt16BE(at + 2);
  return at < octets.length ? at + 7 : 0;
}

/** The answer to an offer of Diet-ESP, with proposal 1. */
function answerOf(policy: IkePolicy, numbers: PrivateNumbers, choice: CompressionChoice): string {
  const notify = policy.child.notify!;
  const octets = payloadOf((w) => {
    const at = beginPayload(w, PAYLOAD_NOTIFY);
    write16(w, 0);
    write16(w, notify.type(numbers));
    notify.addAnswer(w, choice);
    endPayload(w, at);
  });
  return hex(octets);
}

/** The masks of an answer of EHC_SUPPORTED: type and value of each parameter stand behind the notify's header. */
function masksOf(answer: string): string {
  const octets = Buffer.from(answer, 'hex');
  const masks = Buffer.alloc(4, 1);
  for (let at = 8; at < octets.length; at += 4) {
    const type = octets.readUInt16BE(at) - 0x8000;
    if (type > 0) masks[type - 1] = octets.readUInt16BE(at + 2);
  }
  return masks.toString('hex');
}

/** Constants and fields of a device's IKE. Throws a Refusal for what a specialised device does not have. */
export function ikeFacts(input: IkeInput): Facts {
  const { numbers } = input;
  const { policy, ciphers, choice } = fixPolicy(input.policy, input.p256 === true);
  const [cipher] = ciphers;
  const [ikeOffer] = policy.ike;
  const { child, ppk } = policy;
  const isEhc = choice !== null && child.notify === ehc;
  const localSigns = policy.localAuth === AUTH_DIGITAL_SIGNATURE;
  const remoteSigns = policy.remoteAuth === AUTH_DIGITAL_SIGNATURE;
  if ((localSigns || remoteSigns) && !input.ed25519) {
    refuse('auth', 'ed25519', 'must be a pre-shared key: the board has no Ed25519 (a module may: --native ed25519)');
  }
  const { ike, sent } = createScribe(numbers);
  const path = pathOf(policy);
  const sa = connect(ike, policy, path, null, 0);
  const init = cut(sent[0], sent[0][16], IKE_SIZE, sent[0].length);
  const initTail = init.slice(init.findIndex(({ type }) => type === PAYLOAD_NONCE) + 1);
  const session: Session = {
    ticket: new Uint8Array(1),
    skD: new Uint8Array(32),
    encr: cipher.encr,
    keyBits: cipher.keyBits,
    ke: KE_X25519,
    expires: 1,
  };
  connect(ike, policy, path, session, 0);
  const resumeTail = cut(sent[1], sent[1][16], IKE_SIZE, sent[1].length).slice(2);
  sa.vendor = true;
  const auth = childRequest(ike, sa, STEP_AUTH_REQUEST);
  const request = childRequest(ike, sa, STEP_CHILD_REQUEST);
  const idi = idBody(policy.localId);
  const idr = policy.remoteId;
  const own = child.local[0];
  const addressSize = own.start.length;
  const isAny = Buffer.compare(own.start, own.end) !== 0;
  const optimized = policy.optimizedRekey;
  const hasKe = child.esp[0].ke.length > 0;
  const firstKe = child.esp[0].ke.find((method) => method !== 0) ?? 0;
  const methods = [...new Set([...ikeOffer.ke, ...child.esp[0].ke])].filter((method) => method !== 0);
  const keRoom = 8 + Math.max(...methods.map(keSize));
  const gcms = ciphers.filter((one) => one === ikeGcm16).length;
  const espSaOne = hex(
    payloadOf((w) => addSa(w, [{ ...child.esp[0], ke: firstKe === 0 ? [] : [firstKe] }], new Uint8Array(4), 0, 4)),
  );
  const chains = {
    ...chainOf('initTail', initTail),
    ...chainOf('resumeTail', policy.ticketLifetime > 0 ? resumeTail : []),
    ...chainOf('authTail', auth.tail),
    ...chainOf('childTail', request.tail),
  };
  const sizeOf = (name: string): number => (chains as Record<string, string>)[name].length / 2;
  const selectors = 2 * (16 + 2 * addressSize);
  const sizes = [
    // Inputs of prf+: T, a secret, nonces, SPIs, a counter.
    32 + 32 + policy.nonceSize + NONCE_MAX + 16 + 1,
    1 + init[0].octets.length + keRoom + HEADER + policy.nonceSize + sizeOf('initTail'),
    policy.ticketLifetime > 0 ? 1 + HEADER + policy.nonceSize + 8 + TICKET_SIZE + sizeOf('resumeTail') : 0,
    1 +
      HEADER +
      idi.length +
      8 +
      (idr === null ? 0 : 8 + idr.data.length) +
      (localSigns ? 80 : 40) +
      (ppk === null ? 0 : 16 + ppk.id.length + 72) +
      sizeOf('authTail') +
      request.sa.octets.length +
      selectors,
    1 + 12 + sizeOf('childTail') + request.sa.octets.length + HEADER + policy.nonceSize + keRoom + selectors,
  ];
  const fields: DataField[] = [
    { name: 'Identity', octets: policy.localId.data },
    { name: 'Psk', octets: policy.psk },
    { name: 'PrivateKey', octets: policy.privateKey },
    { name: 'PublicKey', octets: policy.publicKey },
    { name: 'Ppk', octets: ppk?.key ?? new Uint8Array(0) },
    { name: 'PpkId', octets: ppk?.id ?? new Uint8Array(0) },
    { name: 'Own', octets: own.start },
    { name: 'Peer', octets: child.remote[0].start },
  ];
  return {
    constants: {
      ...chains,
      ike: true,
      addressSize,
      workSize: Math.max(...sizes),
      answerSize: ANSWER_SIZE,
      nonceSize: policy.nonceSize,
      ikeKeySize: cipher.keyLength,
      ikeSaltSize: cipher.saltLength,
      ikeIcvSize: cipher.icvLength,
      ikeBlocks: Math.max(
        ...ciphers.map(({ keyLength, saltLength }) => Math.ceil((3 * 32 + 2 * (keyLength + saltLength)) / 32)),
      ),
      ikeCiphers: ciphers.length,
      ikeGcm: gcms === 0 ? 0 : ciphers.length === 1 ? 1 : 2,
      ikeEncr: cipher.encr,
      ikeKeyBits: cipher.keyBits,
      ikeSa: hex(init[0].octets),
      ikeSaRekey: hex(payloadOf((w) => addSa(w, policy.ike, new Uint8Array(8), 0, 8))),
      ikeSaOne: hex(payloadOf((w) => addSa(w, [oneOf(ikeOffer)], new Uint8Array(8), 0, 8))),
      ikeWant: wantOf(ikeOffer),
      keMethod: ikeOffer.ke[0],
      otherKe: ikeOffer.ke[1] ?? 0,
      keMethods: methods.length,
      x25519: methods.includes(KE_X25519),
      p256: methods.includes(KE_P256),
      espSa: hex(auth.sa.octets),
      espSaKe: hex(request.sa.octets),
      espSaOne,
      espKeAt: keOffset(espSaOne),
      espWant: wantOf({ ...child.esp[0], ke: [] }),
      espWantKe: wantOf(child.esp[0]),
      childKe: firstKe,
      childKeOptional: hasKe && child.esp[0].ke.includes(0),
      tsOwn: hex(auth.own.octets.slice(HEADER, HEADER + 12)),
      tsPeer: hex(auth.peer.octets.slice(HEADER, HEADER + 12)),
      asksAny: policy.requestAddress !== 0 && isAny,
      transportMode: child.mode === MODE_TRANSPORT,
      identitySize: policy.localId.data.length,
      idi: hex(payloadOf((w) => addId(w, PAYLOAD_IDI, policy.localId))).slice(0, 16),
      idr: idr !== null && policy.nameRemote ? hex(payloadOf((w) => addId(w, PAYLOAD_IDR, idr))) : '',
      remoteId: idr === null ? '' : hex(idBody(idr)),
      localSigns,
      remoteSigns,
      ppk: ppk !== null,
      ppkMandatory: ppk?.mandatory === true,
      ppkIntermediate: ppk?.intermediate === true,
      ppkSize: ppk?.key.length ?? 0,
      ppkIdSize: ppk?.id.length ?? 0,
      pskSize: policy.psk.length,
      fragments: policy.fragmentSize > 0,
      initialContact: policy.initialContact,
      transcript: policy.transcript,
      vendorId: policy.privateAlways ? '' : hex(Uint8Array.from(VENDOR_ID)),
      optimizedType: optimized ? numbers.optimizedRekey : 0,
      optimizedSupportedType: optimized ? numbers.optimizedRekeySupported : 0,
      pfsInfoType: optimized && !policy.privateAlways ? numbers.childSaPfsInfoSupported : 0,
      pfsKnown: optimized && policy.privateAlways,
      hcpType: choice === null ? 0 : child.notify!.type(numbers),
      hcpValues: choice === null || isEhc ? '' : hex(Uint8Array.from(valuesOf(choice))),
      ehc: isEhc,
      ehcMasks: isEhc ? masksOf(answerOf(policy, numbers, choice!)) : '',
      hcpAnswer: choice === null ? '' : answerOf(policy, numbers, choice),
      tickets: policy.ticketLifetime > 0,
      ticketSize: TICKET_SIZE,
      crashTokens: true,
      requestAddress: policy.requestAddress,
      retransmitTime: policy.retransmitTime,
      retransmitTries: policy.retransmitTries,
      dpdTime: policy.dpdTime,
      ikeRekeyTime: policy.rekeyTime,
      childRekeyTime: child.rekeyTime,
      reauthTime: policy.reauthTime,
      retryTime: input.retryTime,
      retryMax: input.retryMax,
    },
    fields,
  };
}
