// A second, naive implementation of IKEv2 for tests. It sees the messages of two endpoints, knows one side's private halves
// and the pre-shared secrets, and computes everything anew with node:crypto from the formulas of RFC 7296 §2.13 to §2.18,
// RFC 5723 §5.1, RFC 8784 §3, RFC 9242 §3.3.2, RFC 9867 §3 and the draft on downgrade prevention. It shares no code
// with core/.

import assert from 'node:assert/strict';
import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import { type Half, sharedSecret } from './halves.ts';
import { type Cipher, decrypt, type Keys, payloadsOf, type Read } from './naive-sk.ts';

export const prf = (key: Uint8Array, ...data: Uint8Array[]): Buffer =>
  createHmac('sha256', key).update(Buffer.concat(data)).digest();

export function prfPlus(key: Uint8Array, seed: Uint8Array, length: number): Buffer {
  let out: Buffer = Buffer.alloc(0);
  let t: Buffer = Buffer.alloc(0);
  for (let n = 1; out.length < length; n++) {
    t = prf(key, t, seed, Buffer.of(n));
    out = Buffer.concat([out, t]);
  }
  return out.subarray(0, length);
}

export interface Secrets {
  psk: Uint8Array;
  ppk: { id: Uint8Array; key: Uint8Array } | null;
  /** Ed25519, initiator's and responder's. */
  publicKeys: [Uint8Array, Uint8Array] | null;
  halves: Half[];
  numbers: { optimizedRekey: number };
}

/** A Child SA as its exchange made it. */
export interface SeenChild {
  spiOfInitiator: number;
  spiOfResponder: number;
  keymat(length: number): Buffer;
}

interface SeenSa {
  spis: Buffer;
  cipher: Cipher;
  keys: Keys;
  earlier: Keys | null;
  nonces: Buffer;
  nonceI: Buffer;
  nonceR: Buffer;
  init: [Buffer, Buffer];
  transcript: boolean;
  resumed: boolean;
  intAuth: Buffer[];
  /** Requests that wait for their answers, by sender's role and message ID. */
  requests: Map<string, Read>;
  fragments: Map<string, Read[]>;
}

export interface SeenMessage {
  from: string;
  exchange: number;
  isResponse: boolean;
  id: number;
  /** On the wire. */
  size: number;
  payloads: { type: number; body: Buffer }[];
}

export interface Observer {
  read(from: string, octets: Uint8Array): void;
  messages: SeenMessage[];
  children: SeenChild[];
  /** AUTH payloads that were verified. */
  proofs: number;
}

export const notifyOf = (read: { payloads: { type: number; body: Buffer }[] }, type: number): Buffer | null => {
  const found = read.payloads.find((p) => p.type === 41 && p.body.readUInt16BE(2) === type);
  return found === undefined ? null : found.body.subarray(4 + found.body[1]!);
};
const bodyOf = (read: Read, type: number): Buffer => {
  const found = read.payloads.find((p) => p.type === type);
  assert.ok(found !== undefined, 'payload ' + type);
  return found.body;
};
const hasError = (read: Read): boolean => read.payloads.some((p) => p.type === 41 && p.body.readUInt16BE(2) < 16384);

/** The one proposal of an SA payload: what was chosen. */
function chosen(sa: Buffer): { spi: Buffer; transforms: Map<number, [number, number]> } {
  const spiSize = sa[6]!;
  const transforms = new Map<number, [number, number]>();
  let at = 8 + spiSize;
  for (let left = sa[7]!; left > 0; left--) {
    const length = sa.readUInt16BE(at + 2);
    transforms.set(sa[at + 4]!, [sa.readUInt16BE(at + 6), length > 8 ? sa.readUInt16BE(at + 10) : 0]);
    at += length;
  }
  return { spi: sa.subarray(8, 8 + spiSize), transforms };
}

function cipherOf(transforms: Map<number, [number, number]>): Cipher {
  const [encr, bits] = transforms.get(1)!;
  assert.deepEqual(transforms.get(2), [5, 0]);
  const key = bits === 0 ? 32 : bits / 8;
  if (encr === 12) return { node: `aes-${bits}-cbc`, key, salt: 0, icv: 16, auth: 32 };
  assert.ok(!transforms.has(3));
  if (encr === 28) return { node: 'chacha20-poly1305', key, salt: 4, icv: 16, auth: 0 };
  if (encr === 20) return { node: `aes-${bits}-gcm`, key, salt: 4, icv: 16, auth: 0 };
  assert.ok(encr === 14 || encr === 16);
  return { node: `aes-${bits}-ccm`, key, salt: 3, icv: encr === 14 ? 8 : 16, auth: 0 };
}

function skKeys(cipher: Cipher, skeyseed: Uint8Array, seed: Uint8Array): Keys {
  const sizes = [32, cipher.auth, cipher.auth, cipher.key + cipher.salt, cipher.key + cipher.salt, 32, 32];
  const octets = prfPlus(
    skeyseed,
    seed,
    sizes.reduce((sum, size) => sum + size, 0),
  );
  let at = 0;
  const parts = sizes.map((size) => octets.subarray(at, (at += size)));
  return { d: parts[0]!, a: [parts[1]!, parts[2]!], e: [parts[3]!, parts[4]!], p: [parts[5]!, parts[6]!] };
}

export function createObserver(secrets: Secrets): Observer {
  const sas = new Map<string, SeenSa>();
  const starts = new Map<string, Buffer>();
  const tickets = new Map<string, { d: Buffer; cipher: Cipher }>();
  const seen = new Set<string>();
  const observer: Observer = { read, messages: [], children: [], proofs: 0 };

  function addSa(spis: Buffer, cipher: Cipher, skeyseed: Buffer, nonceI: Buffer, nonceR: Buffer): SeenSa {
    const sa: SeenSa = {
      spis: Buffer.from(spis),
      cipher,
      keys: skKeys(cipher, skeyseed, Buffer.concat([nonceI, nonceR, spis])),
      earlier: null,
      nonces: Buffer.concat([nonceI, nonceR]),
      nonceI,
      nonceR,
      init: [Buffer.alloc(0), Buffer.alloc(0)],
      transcript: false,
      resumed: false,
      intAuth: [],
      requests: new Map(),
      fragments: new Map(),
    };
    sas.set(spis.toString('hex'), sa);
    return sa;
  }

  function secretOf(request: Read, response: Read): Buffer {
    const i = request.payloads.find((p) => p.type === 34);
    const r = response.payloads.find((p) => p.type === 34);
    if (r === undefined) return Buffer.alloc(0);
    assert.ok(i !== undefined && i.body.readUInt16BE(0) === r.body.readUInt16BE(0));
    return sharedSecret(secrets.halves, i.body.readUInt16BE(0), i.body.subarray(4), r.body.subarray(4));
  }

  /** IKE_SA_INIT or IKE_SESSION_RESUME was answered. */
  function onStart(octets: Buffer, response: Read): void {
    const first = starts.get(octets.toString('hex', 0, 8));
    // An answer to something that neither endpoint sent.
    if (first === undefined) return;
    const request = payloadsOf(first[16]!, first.subarray(28));
    if (response.payloads.length === 1 && response.payloads[0]!.type === 41) return;
    const nonceI = bodyOf(request, 40);
    const nonceR = bodyOf(response, 40);
    const spis = octets.subarray(0, 16);
    let sa: SeenSa;
    if (octets[18] === 38) {
      const ticket = tickets.get(notifyOf(request, 16413)!.toString('hex'));
      assert.ok(ticket !== undefined, 'a ticket that was given');
      const seed = prf(ticket.d, Buffer.from('Resumption'), nonceI, nonceR);
      sa = addSa(spis, ticket.cipher, seed, nonceI, nonceR);
      sa.resumed = true;
    } else {
      const cipher = cipherOf(chosen(bodyOf(response, 33)).transforms);
      const seed = prf(Buffer.concat([nonceI, nonceR]), secretOf(request, response));
      sa = addSa(spis, cipher, seed, nonceI, nonceR);
    }
    sa.init = [first, octets];
    sa.transcript = notifyOf(request, 16447) !== null && notifyOf(response, 16447) !== null;
  }

  function signed(sa: SeenSa, role: number, id: Buffer, skP: Buffer, messageId: number): Buffer {
    const parts = sa.transcript ? [Buffer.alloc(8), sa.init[1 - role]!] : [];
    parts.push(sa.init[role]!, role === 0 ? sa.nonceR : sa.nonceI, prf(skP, id));
    if (sa.intAuth.length > 0) {
      const number = Buffer.alloc(4);
      number.writeUInt32BE(messageId);
      parts.push(sa.intAuth[0]!, sa.intAuth[1]!, number);
    }
    return Buffer.concat(parts);
  }

  function authOf(sa: SeenSa, role: number, id: Buffer, skP: Buffer, messageId: number): Buffer {
    return prf(prf(secrets.psk, Buffer.from('Key Pad for IKEv2')), signed(sa, role, id, skP, messageId));
  }

  /** AUTH of one side; SK_p as the PPK left it. */
  function checkAuth(sa: SeenSa, role: number, read: Read, messageId: number, skP: Buffer): void {
    const auth = bodyOf(read, 39);
    const id = bodyOf(read, role === 0 ? 35 : 36);
    const data = auth.subarray(4);
    observer.proofs++;
    if (sa.resumed) {
      assert.equal(auth[0], 2);
      assert.ok(timingSafeEqual(data, prf(skP, sa.init[role]!)), 'AUTH of a resumed session');
      return;
    }
    if (auth[0] === 2) {
      assert.ok(timingSafeEqual(data, authOf(sa, role, id, skP, messageId)), 'AUTH ' + role);
      return;
    }
    assert.equal(auth[0], 14);
    assert.equal(data.toString('hex', 0, 8), '07300506032b6570');
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), secrets.publicKeys![role]!]);
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    assert.ok(verify(null, signed(sa, role, id, skP, messageId), key, data.subarray(8)), 'signature ' + role);
  }

  function withPpk(keys: Keys): Keys {
    const mix = (key: Buffer): Buffer => prfPlus(secrets.ppk!.key, key, 32);
    return { ...keys, d: mix(keys.d), p: [mix(keys.p[0]), mix(keys.p[1])] };
  }

  function onAuth(sa: SeenSa, request: Read, response: Read, messageId: number): void {
    const offered = notifyOf(request, 16436) !== null;
    const mixed = offered ? withPpk(sa.keys) : sa.keys;
    checkAuth(sa, 0, request, messageId, mixed.p[0]);
    const without = notifyOf(request, 16437);
    if (without !== null) {
      const id = bodyOf(request, 35);
      assert.ok(timingSafeEqual(without, authOf(sa, 0, id, sa.keys.p[0], messageId)), 'NO_PPK_AUTH');
    }
    if (!response.payloads.some((p) => p.type === 39)) return;
    if (notifyOf(response, 16436) !== null) sa.keys = mixed;
    checkAuth(sa, 1, response, messageId, sa.keys.p[1]);
    const ticket = notifyOf(response, 16409);
    if (ticket !== null) tickets.set(ticket.toString('hex', 4), { d: sa.keys.d, cipher: sa.cipher });
    if (!hasError(response)) addChild(sa, request, response, sa.nonces);
  }

  function addChild(sa: SeenSa, request: Read, response: Read, seed: Buffer): void {
    const spi = (read: Read): number =>
      (notifyOf(read, secrets.numbers.optimizedRekey) ?? chosen(bodyOf(read, 33)).spi).readUInt32BE(0);
    const d = sa.keys.d;
    observer.children.push({
      spiOfInitiator: spi(request),
      spiOfResponder: spi(response),
      keymat: (length) => prfPlus(d, seed, length),
    });
  }

  function onCreate(sa: SeenSa, request: Read, response: Read): void {
    if (hasError(response)) return;
    const nonces = Buffer.concat([bodyOf(request, 40), bodyOf(response, 40)]);
    const secret = secretOf(request, response);
    const optimized = notifyOf(request, secrets.numbers.optimizedRekey);
    const isChild = optimized !== null ? optimized.length === 4 : bodyOf(request, 33)[5] === 3;
    if (isChild) {
      addChild(sa, request, response, Buffer.concat([secret, nonces]));
      return;
    }
    const spi = (read: Read): Buffer => notifyOf(read, secrets.numbers.optimizedRekey) ?? chosen(bodyOf(read, 33)).spi;
    const cipher = optimized === null ? cipherOf(chosen(bodyOf(response, 33)).transforms) : sa.cipher;
    const seed = prf(sa.keys.d, secret, nonces);
    addSa(Buffer.concat([spi(request), spi(response)]), cipher, seed, bodyOf(request, 40), bodyOf(response, 40));
  }

  /** The header and SK's, as if it held the payloads alone. */
  function intAuthInput(octets: Buffer, read: Read): Buffer {
    const header = Buffer.concat([octets.subarray(0, 28), Buffer.of(read.first, 0, 0, 0), read.inner]);
    header[16] = 46;
    header.writeUInt32BE(header.length, 24);
    header.writeUInt16BE(4 + read.inner.length, 30);
    return header;
  }

  function onIntermediate(sa: SeenSa, octets: Buffer, role: number, read: Read): void {
    const before = sa.intAuth[role] ?? Buffer.alloc(0);
    sa.intAuth[role] = prf(sa.keys.p[role]!, before, intAuthInput(octets, read));
    if (role === 0) {
      const offer = notifyOf(read, 16446)!;
      const id = offer.subarray(0, offer.length - 8);
      const key = secrets.ppk !== null && id.equals(secrets.ppk.id) ? secrets.ppk.key : null;
      const confirmation = key === null ? null : prf(key, sa.nonces, sa.spis).subarray(0, 8);
      if (confirmation !== null) assert.deepEqual(offer.subarray(-8), confirmation);
      return;
    }
    if (notifyOf(read, 16436) === null) return;
    sa.earlier = sa.keys;
    sa.keys = skKeys(sa.cipher, prfPlus(secrets.ppk!.key, sa.keys.d, 32), Buffer.concat([sa.nonces, sa.spis]));
  }

  function read(from: string, message: Uint8Array): void {
    const octets = Buffer.from(message);
    assert.equal(octets.readUInt32BE(24), octets.length);
    assert.equal(octets[17], 0x20);
    const exchange = octets[18]!;
    const isResponse = (octets[19]! & 0x20) !== 0;
    const isInitiator = (octets[19]! & 0x08) !== 0;
    const id = octets.readUInt32BE(20);
    const name = octets.toString('hex');
    if (seen.has(name)) return;
    seen.add(name);
    const seenMessage = (payloads: Read['payloads']): void => {
      observer.messages.push({ from, exchange, isResponse, id, size: octets.length, payloads });
    };
    if (exchange === 34 || exchange === 38) {
      const clear = payloadsOf(octets[16]!, octets.subarray(28));
      seenMessage(clear.payloads);
      if (isResponse) onStart(octets, clear);
      else starts.set(octets.toString('hex', 0, 8), octets);
      return;
    }
    const sa = sas.get(octets.toString('hex', 0, 16));
    assert.ok(sa !== undefined, 'an IKE SA that was set up');
    const role = isInitiator ? 0 : 1;
    const open = decrypt(octets, sa.cipher, sa.keys, role) ?? decrypt(octets, sa.cipher, sa.earlier, role);
    assert.ok(open !== null, 'ICV');
    let whole = open;
    if (open.total > 0) {
      const key = [role, id, isResponse].join();
      const parts = sa.fragments.get(key) ?? [];
      parts[open.number - 1] = open;
      sa.fragments.set(key, parts);
      if (parts.filter((part) => part !== undefined).length < open.total) {
        seenMessage([]);
        return;
      }
      whole = payloadsOf(parts[0]!.first, Buffer.concat(parts.map((part) => part.inner)));
    }
    seenMessage(whole.payloads);
    const asked = (isResponse ? 1 - role : role) + '/' + id;
    if (exchange === 43) onIntermediate(sa, octets, isResponse ? 1 : 0, whole);
    if (!isResponse) {
      sa.requests.set(asked, whole);
      return;
    }
    const request = sa.requests.get(asked)!;
    if (exchange === 35) onAuth(sa, request, whole, id);
    else if (exchange === 36) onCreate(sa, request, whole);
  }

  return observer;
}
