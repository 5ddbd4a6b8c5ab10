// Fuzz targets for IKE messages: each parser alone, with every access watched. An accepted message is written again.

import { DROP_DUPLICATE, DROP_FRAGMENT, DROP_TOO_LONG } from '../../core/base/drop.ts';
import type { Provider } from '../../core/crypto/provider.ts';
import { addFragment, createFragments, MAX_FRAGMENTS } from '../../core/ike/codec/fragments.ts';
import {
  beginChain,
  beginPayload,
  checkIkeHeader,
  createPayloads,
  createWriter,
  endPayload,
  findNotify,
  findPayload,
  IKE_NEXT,
  IKE_SIZE,
  notifyDataAt,
  notifyDataSize,
  notifyType,
  type Payloads,
  parsePayloads,
  writeOctets,
} from '../../core/ike/codec/message.ts';
import {
  N_INVALID_SYNTAX,
  N_NO_PROPOSAL_CHOSEN,
  N_TS_UNACCEPTABLE,
  N_UNSUPPORTED_CRITICAL_PAYLOAD,
  PAYLOAD_NOTIFY,
  PAYLOAD_SA,
  PAYLOAD_SK,
  PAYLOAD_SKF,
  PAYLOAD_TSI,
} from '../../core/ike/codec/numbers.ts';
import type { Content } from '../../core/ike/codec/payloads.ts';
import { addAnswer, checkSaAnswer, chooseSa, createChoice } from '../../core/ike/codec/proposals.ts';
import {
  addSelectors,
  narrowSelectors,
  parseSelectors,
  type Selector,
  selectorsWithin,
} from '../../core/ike/codec/selectors.ts';
import { ALL_IKE_CIPHERS } from '../../core/ike/crypto/all-suites.ts';
import { createSkKey, openMessage, type SkKey, sealedSize, sealMessage } from '../../core/ike/crypto/sk.ts';
import { type IkeCipher, ikeCbcHmac, ikeCcm8 } from '../../core/ike/crypto/suites.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createPortableProvider } from '../../targets/web/portable.ts';
import {
  authRequest,
  ESP_GCM,
  header,
  hex,
  IKE_GCM,
  initRequest,
  NOTHING,
  otherPayloads,
  selector,
  transforms,
} from '../ike/examples.ts';
import { type CoreTarget, watched } from './core-targets.ts';

function ensure(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

const p = createPayloads();

/** What a list says of the octets it was made from. */
function checkList(list: Payloads, bytes: Uint8Array, from: number): void {
  let behind = from;
  for (let i = 0; i < list.count; i++) {
    ensure(list.at[i] >= behind + 4 && list.at[i] + list.size[i] <= bytes.length, 'a body outside');
    behind = list.at[i] + list.size[i];
    ensure(findPayload(list, list.type[i], i) === i, 'a payload is not found');
    if (list.type[i] !== PAYLOAD_NOTIFY) continue;
    const data = notifyDataAt(bytes, list.at[i]);
    const size = notifyDataSize(bytes, list.at[i], list.size[i]);
    ensure(size >= 0 && data + size === behind, 'notify data outside');
    const found = findNotify(list, bytes, notifyType(bytes, list.at[i]));
    ensure(found >= 0 && found <= i, 'a notify is not found');
  }
}

/** The chain is read; when it is accepted and all of it is known, it is written again, but for flags. */
function readChain(bytes: Uint8Array, first: number, from: number): void {
  const result = parsePayloads(p, watched(bytes, from, bytes.length, 'message'), first, from, bytes.length);
  if (result !== 0) {
    ensure(result === N_INVALID_SYNTAX || (result === N_UNSUPPORTED_CRITICAL_PAYLOAD && p.critical > 0), 'result');
    if (result === N_INVALID_SYNTAX) return;
  }
  checkList(p, bytes, from);
  const w = createWriter(new Uint8Array(bytes.length));
  beginChain(w, from);
  const clear = bytes.slice();
  for (let i = 0; i < p.count; i++) {
    const at = beginPayload(w, p.type[i]);
    writeOctets(w, bytes, p.at[i], p.size[i]);
    endPayload(w, at);
    clear[p.at[i] - 3] = 0;
    if (p.type[i] === PAYLOAD_SK || p.type[i] === PAYLOAD_SKF) clear[p.at[i] - 4] = 0;
  }
  ensure(!w.full, 'more than there was');
  if (w.at < bytes.length) return; // Unknown payloads were left out.
  ensure(w.first === first && hex(w.buffer.subarray(from)) === hex(clear.subarray(from)), 'written otherwise');
}

const OWN_IKE = [
  IKE_GCM,
  transforms(1, { ciphers: [16, 14, 28], keyBits: [128, 128, 0], prf: [5, 6], ke: [31, 19] }),
  transforms(1, { ciphers: [12], keyBits: [128], prf: [5], integ: [12], ke: [31, 0] }),
];
const OWN_ESP = [
  transforms(3, { ...ESP_GCM, ke: [31, 0] }),
  transforms(3, { ciphers: [12, 30], keyBits: [128, 128], integ: [12, 0], ke: [0, 19], sn: [1, 0] }),
];

/** Body of the SA payload of a message that begins with one. */
const saBody = (message: Uint8Array): Uint8Array => message.slice(32, 28 + message[31] + 256 * message[30]);

function saPayload(bytes: Uint8Array): void {
  const src = watched(bytes, 0, bytes.length, 'SA');
  const out = createChoice();
  for (const [own, spiSize] of [
    [OWN_IKE, 0],
    [OWN_IKE, 8],
    [OWN_ESP, 4],
  ] as const) {
    const checked = checkSaAnswer(src, 0, bytes.length, own, spiSize, out);
    const result = chooseSa(src, 0, bytes.length, own, spiSize, 19, out);
    for (const value of [checked, result]) {
      ensure(value === 0 || value === N_INVALID_SYNTAX || value === N_NO_PROPOSAL_CHOSEN, 'result ' + value);
    }
    ensure(checked !== 0 || result === 0, 'an answer that could not be chosen');
    ensure(bytes.length > 0 || result === N_INVALID_SYNTAX, 'empty');
    if (result !== 0) continue;
    const mine = own[out.own];
    const has = (list: readonly number[], id: number): boolean => list.includes(id) || (id === 0 && list.length === 0);
    ensure(
      mine.ciphers.some((id, i) => id === out.encr && mine.keyBits[i] === out.keyBits),
      'a cipher not ours',
    );
    ensure(has(mine.prf, out.prf) && has(mine.integ, out.integ), 'an algorithm not ours');
    ensure(mine.protocol === 3 || has(mine.ke, out.ke), 'a key exchange not ours');
    ensure(has(mine.sn, out.sn) && out.spiAt + spiSize <= bytes.length, 'numbers or SPI');
    const w = createWriter(new Uint8Array(200));
    beginChain(w, 0);
    out.proposal = out.own + 1;
    addAnswer(w, mine.protocol, out, bytes, out.spiAt, spiSize);
    ensure(!w.full && w.first === PAYLOAD_SA, 'no answer');
    ensure(checkSaAnswer(w.buffer, 4, w.at - 4, own, spiSize, createChoice()) === 0, 'the answer is not accepted');
  }
}

const LIMITS = [
  selector(0, [0, 65535], [10, 0, 0, 0], [10, 255, 255, 255]),
  selector(17, [5683, 5684], [0, 0, 0, 0], [255, 255, 255, 255]),
  selector(0, [0, 65535], new Array<number>(16).fill(0), new Array<number>(16).fill(255)),
];

function tsPayload(bytes: Uint8Array): void {
  const list: Selector[] = [];
  const result = parseSelectors(watched(bytes, 0, bytes.length, 'TS'), 0, bytes.length, list);
  ensure(result === 0 || result === N_INVALID_SYNTAX || result === N_TS_UNACCEPTABLE, 'result ' + result);
  if (result !== 0) return;
  const w = createWriter(new Uint8Array(1000));
  beginChain(w, 0);
  addSelectors(w, PAYLOAD_TSI, list);
  const again: Selector[] = [];
  ensure(parseSelectors(w.buffer, 4, w.at - 4, again) === 0, 'what is written is not read');
  ensure(JSON.stringify(again) === JSON.stringify(list), 'read otherwise');
  const both = narrowSelectors(list, LIMITS);
  ensure(both.length === 0 || (selectorsWithin(both, list) && selectorsWithin(both, LIMITS)), 'not within');
  ensure(list.length === 0 || selectorsWithin(narrowSelectors(list, list), list), 'not within itself');
}

const providers = [createFastProvider(), createPortableProvider()];
const KEYS = Uint8Array.from({ length: 80 }, (_, i) => i * 3);
/** SK_a is another one for each cipher: with a common one a message for AES-256 has a right ICV for AES-128. */
const keyOf = (provider: Provider, cipher: IkeCipher): SkKey =>
  createSkKey(provider, cipher, KEYS, 0, 36 + ALL_IKE_CIPHERS.indexOf(cipher));
const fastKeys = ALL_IKE_CIPHERS.map((cipher) => keyOf(providers[0], cipher));
const portableKeys = [ikeCcm8, ikeCbcHmac].map((cipher) => keyOf(providers[1], cipher));
const genuine = new Set<string>();
const fresh = (): Content => ({ first: -1, at: 0, size: 0, number: 0, total: 0 });

/** A message of cipher `index` around `inner`. */
function sealed(index: number, inner: Uint8Array, first: number, number: number, total: number): Uint8Array {
  const k = fastKeys[index];
  const dst = new Uint8Array(sealedSize(k.cipher, inner.length, total > 0));
  header(dst, 0, 35, 8, 1);
  ensure(
    sealMessage(providers[0], k, dst, 0, inner, {
      first: first,
      at: 0,
      size: inner.length,
      number: number,
      total: total,
    }) === dst.length,
    'sealed',
  );
  return dst;
}

const sealedSeeds = fastKeys.flatMap((_, index) =>
  [0, 2].map((total) => {
    const { first, octets } = authRequest();
    const message = sealed(index, octets, first, total && 1, total);
    genuine.add(hex(message));
    return Uint8Array.of(index, ...message);
  }),
);

/** What comes in from anyone: opened only when it is the octets that were sealed. */
function open(bytes: Uint8Array, watch: boolean): void {
  if (bytes.length < 1 + IKE_SIZE || bytes.length > 1500) return;
  const message = bytes.slice(1);
  // A right Length more often than chance has it.
  if (bytes[0] >= 128) new DataView(message.buffer).setUint32(24, message.length);
  if (checkIkeHeader(message, 0, message.length) !== 0) return;
  if (parsePayloads(p, message, message[IKE_NEXT], IKE_SIZE, message.length) !== 0) return;
  const i = p.count - 1;
  if (i < 0 || (p.type[i] !== PAYLOAD_SK && p.type[i] !== PAYLOAD_SKF)) return;
  const keys = watch ? portableKeys : fastKeys;
  const k = keys[bytes[0] % keys.length];
  const buffer = message.slice();
  const src = watch ? watched(buffer, 0, buffer.length, 'message') : buffer;
  const opened = fresh();
  const result = openMessage(providers[watch ? 1 : 0], k, src, 0, p, i, opened);
  if (result === 0) {
    ensure(genuine.has(hex(message)), 'opened, and nobody sealed it');
  } else {
    ensure(result < 0 && opened.first === -1, 'result ' + result);
    ensure(hex(buffer) === hex(message), 'refused, and changed');
  }
}

/** A peer with the keys sends any payloads. */
function authentic(bytes: Uint8Array): void {
  if (bytes.length < 4 || bytes.length > 1500) return;
  const index = bytes[0] % fastKeys.length;
  const total = bytes[1] % 3;
  const inner = bytes.subarray(3);
  const message = sealed(index, inner, bytes[2], total, total);
  ensure(parsePayloads(p, message, message[IKE_NEXT], IKE_SIZE, message.length) === 0, 'the message does not parse');
  const opened = fresh();
  ensure(openMessage(providers[0], fastKeys[index], message, 0, p, 0, opened) === 0, 'not opened');
  const text = message.slice(opened.at, opened.at + opened.size);
  ensure(hex(text) === hex(inner) && opened.number === total && opened.total === total, 'opened otherwise');
  ensure(opened.first === (total > 1 ? 0 : bytes[2]), 'first type');
  readChain(text, bytes[2], 0);
}

/** Fragments out of the octets (message ID, number, total, size, content), beside a map that does the same. */
function fragments(bytes: Uint8Array): void {
  const f = createFragments(300);
  let stored = new Map<number, string>();
  let id = -1;
  let total = 0;
  for (let at = 0; at + 4 <= bytes.length; ) {
    const [b0, b1, b2, b3] = bytes.subarray(at, at + 4);
    const messageId = b0 & 1;
    const number = b1 % 36;
    const of = b2 % 8 === 7 ? b2 % 40 : b2 % 8;
    const size = Math.min(b3 % 120, bytes.length - at - 4);
    const content = hex(bytes.subarray(at + 4, at + 4 + size));
    const opened = { first: b0, at: at + 4, size, number, total: of };
    at += 4 + size;
    const result = addFragment(f, messageId, opened, bytes);
    ensure(f.buffer.length === 300 && f.used <= 300, 'room');
    if (number < 1 || number > of || of > MAX_FRAGMENTS) {
      ensure(result === DROP_FRAGMENT, 'a number that cannot be');
      continue;
    }
    if (messageId !== id || of > total) {
      stored = new Map();
      id = messageId;
      total = of;
    }
    const used = [...stored.values()].reduce((sum, text) => sum + text.length / 2, 0);
    if (of < total) ensure(result === DROP_FRAGMENT, 'a smaller total');
    else if (stored.has(number)) ensure(result === DROP_DUPLICATE, 'a duplicate');
    else if (used + size > 300) ensure(result === DROP_TOO_LONG, 'too long');
    else {
      stored.set(number, content);
      const whole = [...stored.keys()].sort((a, b) => a - b).map((key) => stored.get(key));
      ensure(hex(f.buffer.subarray(0, f.used)) === whole.join(''), 'content');
      ensure(result === (stored.size === total ? used + size : 0), 'result ' + result);
    }
  }
}

const INIT = initRequest(OWN_IKE);
const CHAINS = [authRequest(), otherPayloads()].map(({ first, octets }) => Uint8Array.of(first, ...octets));
const PIECES = [
  [0, 2, 2, 3, 7, 8, 9, 0, 1, 2, 2, 5, 6],
  [1, 3, 3, 1, 9, 1, 1, 3, 1, 7, 1, 2, 3, 1, 8],
].map((list) => Uint8Array.from(list));

/** Bodies of TS payloads. */
const selectors = [LIMITS, LIMITS.slice(0, 1)].map((list) => {
  const w = createWriter(new Uint8Array(400));
  beginChain(w, 0);
  addSelectors(w, PAYLOAD_TSI, list);
  return w.buffer.slice(4, w.at);
});

/** Bodies of SA payloads: a request of IKE, and one of ESP with its SPI. */
const sas = [saBody(INIT), saBody(initRequest()), authRequest().octets.slice(80, 112)];

export const targets: CoreTarget[] = [
  {
    name: 'ike payload chain',
    seeds: [...CHAINS, Uint8Array.of(33, ...INIT.subarray(IKE_SIZE)), NOTHING],
    run: (bytes) => {
      if (bytes.length > 0 && bytes.length < 1000) readChain(bytes.subarray(1).slice(), bytes[0], 0);
    },
  },
  {
    name: 'ike message',
    seeds: [INIT, ...sealedSeeds.map((seed) => seed.slice(1))],
    run: (bytes) => {
      const src = watched(bytes, 0, bytes.length, 'message');
      if (bytes.length > 1000 || checkIkeHeader(src, 0, bytes.length) !== 0) return;
      readChain(bytes, bytes[IKE_NEXT], IKE_SIZE);
    },
  },
  { name: 'ike sa payload', seeds: sas, run: (bytes) => saPayload(bytes.slice(0, 1000)) },
  { name: 'ike traffic selectors', seeds: selectors, run: (bytes) => tsPayload(bytes.slice(0, 1000)) },
  { name: 'ike sk', seeds: sealedSeeds, run: (bytes) => open(bytes, false) },
  { name: 'ike sk, every access watched', seeds: sealedSeeds.map(toPortable), run: (bytes) => open(bytes, true) },
  { name: 'ike sk of the peer', seeds: CHAINS.map((bytes) => Uint8Array.of(1, 0, ...bytes)), run: authentic },
  { name: 'ike fragments', seeds: PIECES, run: fragments },
];

/** A seed of the fast provider's ciphers with the octet that names the same cipher of the portable one. */
function toPortable(seed: Uint8Array): Uint8Array {
  const copy = seed.slice();
  copy[0] = portableKeys.findIndex((k) => k.cipher === fastKeys[seed[0]].cipher) & 127;
  return copy;
}
