// The keys of a hybrid handshake and of its rekeys, derived a second time: with node:crypto, from the messages and the shared secrets
// alone, and with no code of core/.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { createFollowUps } from '../../../core/ike/child/follow-up.ts';
import { NONE } from '../../../core/ike/codec/octets.ts';
import type { Transforms } from '../../../core/ike/codec/proposals.ts';
import { rekeyChild, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import {
  additionalKeyExchanges,
  createAdditionalKe,
  keyExchangeFollowUps,
  keyExchangeRounds,
} from '../../../core/ike/ext/multiple-ke.ts';
import { createIntermediate } from '../../../core/ike/ext/ppk-intermediate.ts';
import { createRounds } from '../../../core/ike/setup/rounds.ts';
import { CHILD_LIVE } from '../../../core/ike/state/child.ts';
import { createNodeAsymmetric } from '../../../targets/node/host/provider/asymmetric.ts';
import { assertUp, scene } from '../kit.ts';
import { type Cipher, decrypt, type Keys, payloadsOf, type Read } from '../naive-sk.ts';
import { childPolicy, type Node, policy } from '../pair.ts';

const CCM_8: Cipher = { node: 'aes-128-ccm', key: 16, salt: 3, icv: 8, auth: 0 };
const [SA_INIT, AUTH, CREATE, INTERMEDIATE, FOLLOW_UP] = [34, 35, 36, 43, 44];
const SIZES: Record<number, [number, number]> = { 35: [800, 768], 36: [1184, 1088], 37: [1568, 1568] };

const prf = (key: Uint8Array, ...parts: Uint8Array[]): Buffer =>
  createHmac('sha256', key).update(Buffer.concat(parts)).digest();

function expand(key: Uint8Array, seed: Buffer, size: number): Buffer {
  let out = Buffer.alloc(0);
  for (let n = 1, last = Buffer.alloc(0); out.length < size; n++) {
    last = prf(key, last, seed, Buffer.of(n)) as Buffer<ArrayBuffer>;
    out = Buffer.concat([out, last]);
  }
  return out.subarray(0, size);
}

function keysOf(skeyseed: Buffer, nonces: Buffer, spis: Buffer): Keys {
  const octets = expand(skeyseed, Buffer.concat([nonces, spis]), 32 + 38 + 64);
  const cut = (at: number, size: number): Buffer => octets.subarray(at, at + size);
  return { d: cut(0, 32), a: [NO, NO], e: [cut(32, 19), cut(51, 19)], p: [cut(70, 32), cut(102, 32)] };
}

const NO = Buffer.alloc(0);

interface Message {
  octets: Buffer;
  read: Read;
  role: number;
  isResponse: boolean;
}

/** Every message of an exchange once, fragments put together; `keys` open it. `role` is the sender's in the IKE SA. */
function messagesOf(log: Buffer[], exchange: number, keys: Keys): Message[] {
  const found = new Map<string, { role: number; isResponse: boolean; octets: Buffer; parts: Read[] }>();
  for (const octets of log) {
    if (octets[18] !== exchange) continue;
    const role = (octets[19] & 0x08) !== 0 ? 0 : 1;
    const read = decrypt(octets, CCM_8, keys, role);
    if (read === null) continue;
    const name = `${octets[19]} ${octets.readUInt32BE(20)}`;
    const one = found.get(name) ?? { role, isResponse: (octets[19] & 0x20) !== 0, octets, parts: [] };
    if (!one.parts.some(({ number }) => number === read.number)) one.parts.push(read);
    found.set(name, one);
  }
  return [...found.values()].map(({ parts, ...rest }) => {
    parts.sort((a, b) => a.number - b.number);
    assert.equal(parts.length, Math.max(1, parts[0].total));
    const inner = Buffer.concat(parts.map((part) => part.inner));
    return { ...rest, read: payloadsOf(parts[0].first, inner) };
  });
}

const bodyOf = ({ read }: Message, type: number): Buffer => read.payloads.find((one) => one.type === type)!.body;

/** IntAuth with one more message [RFC 9242 §3.3.2]. */
function covered({ octets, read }: Message, key: Buffer, before: Buffer): Buffer {
  const header = Buffer.from(octets.subarray(0, 28));
  header[16] = 46;
  header.writeUInt32BE(28 + 4 + read.inner.length, 24);
  const generic = Buffer.from([read.first, 0, 0, 0]);
  generic.writeUInt16BE(4 + read.inner.length, 2);
  return prf(key, before, header, generic, read.inner);
}

function kePayload(message: Message, method: number): void {
  const body = bodyOf(message, 34);
  const size = SIZES[method]?.[message.isResponse ? 1 : 0] ?? 32;
  assert.deepEqual([body.readUInt16BE(0), body.readUInt16BE(2), body.length - 4], [method, 0, size]);
}

function withKe(base: Transforms, methods: readonly number[]): Transforms {
  const list = methods.slice(1).map((id, index) => ({ type: 6 + index, id, attributes: NONE }));
  return { ...base, ke: [methods[0] as 31], extra: createAdditionalKe(list) };
}

const PPK = { id: Uint8Array.of(2, 0x61), key: new Uint8Array(32).fill(0x77), mandatory: true, intermediate: true };

for (const [methods, ppk] of [
  [[31, 36], null],
  [[31, 35, 37], null],
  [[36, 31], null],
  [[31, 36], PPK],
  [[31, 35, 37], PPK],
] as const) {
  test(`methods ${methods.join(', ')}${ppk === null ? '' : ' and a PPK'}: keys of the handshake and of the rekeys`, () => {
    const log: Buffer[] = [];
    const secrets: Buffer[] = [];
    const ike = [withKe(policy('a', 'b', 1, 2).ike[0], methods)];
    const esp = [withKe(childPolicy(1, 2).esp[0], methods)];
    const common = { ike, optimizedRekey: false, retransmitTime: 1000, fragmentSize: 576, ppk };
    const s = scene({
      unobserved: true,
      device: common,
      gateway: common,
      deviceChild: { esp },
      gatewayChild: { esp },
      filter: (datagram) => {
        log.push(Buffer.from(datagram.octets));
        return [datagram];
      },
    });
    const attach = (node: Node): void => {
      node.ike.asymmetric = createNodeAsymmetric();
      node.ike.extensions.push(additionalKeyExchanges);
      node.ike.intermediate = createRounds([keyExchangeRounds, createIntermediate(() => PPK.key)]);
      node.ike.followUps = createFollowUps([keyExchangeFollowUps]);
    };
    attach(s.world.device);
    attach(s.world.gateway);
    const own = createNodeAsymmetric();
    s.world.device.ike.asymmetric = {
      ...own,
      keFinish: (half, peer, offset, length, out, at) => {
        const fine = own.keFinish(half, peer, offset, length, out, at);
        if (fine) secrets.push(Buffer.from(out.slice(at, at + 32)));
        return fine;
      },
    };
    const sa = s.connect();
    s.wait(5000);
    assertUp(s, sa);

    const inits = log.filter((octets) => octets[18] === SA_INIT);
    const [question, answer] = [inits[0], inits.at(-1)!].map((octets) => ({
      octets,
      read: payloadsOf(octets[16], octets.subarray(28)),
      role: 0,
      isResponse: (octets[19] & 0x20) !== 0,
    }));
    const [ni, nr] = [bodyOf(question, 40), bodyOf(answer, 40)];
    const nonces = Buffer.concat([ni, nr]);
    const spis = Buffer.from(answer.octets.subarray(0, 16));
    kePayload(question, methods[0]);
    kePayload(answer, methods[0]);
    let keys = keysOf(prf(nonces, secrets[0]), nonces, spis);
    let intI: Buffer = NO;
    let intR: Buffer = NO;
    let before = keys;
    for (let n = 1; n < methods.length; n++) {
      const [request, response] = messagesOf(log, INTERMEDIATE, keys);
      for (const one of [request, response]) {
        assert.deepEqual(
          one.read.payloads.map(({ type }) => type),
          // With the last one goes the PPK [RFC 9867 §3.1].
          ppk !== null && n === methods.length - 1 ? [34, 41] : [34],
        );
        kePayload(one, methods[n]);
      }
      intI = covered(request, keys.p[0], intI);
      intR = covered(response, keys.p[1], intR);
      before = keys;
      keys = keysOf(prf(keys.d, secrets[n], nonces), nonces, spis);
    }
    if (ppk !== null) {
      const [{ read }] = messagesOf(log, INTERMEDIATE, before);
      const confirmed = prf(ppk.key, nonces, spis).subarray(0, 8);
      const notify = read.payloads.find(({ type }) => type === 41)!.body;
      assert.deepEqual(notify.subarray(4), Buffer.concat([ppk.id, confirmed]));
      keys = keysOf(expand(ppk.key, keys.d, 32), nonces, spis);
    }
    assert.deepEqual(Buffer.from(sa.skD), keys.d);

    const auths = messagesOf(log, AUTH, keys);
    assert.equal(auths.length, 2);
    const psk = prf(Buffer.from(s.device.psk), Buffer.from('Key Pad for IKEv2'));
    const isWhole = [question, answer].every(({ read }) =>
      read.payloads.some(({ type, body }) => type === 41 && body.readUInt16BE(2) === 16447),
    );
    for (const one of auths) {
      const [mine, other, nonce, id] = one.isResponse
        ? [answer.octets, question.octets, ni, bodyOf(one, 36)]
        : [question.octets, answer.octets, nr, bodyOf(one, 35)];
      const real = isWhole ? [Buffer.alloc(8), other, mine] : [mine];
      const signed = [...real, nonce, prf(keys.p[one.role], id), intI, intR, one.octets.subarray(20, 24)];
      assert.deepEqual(bodyOf(one, 39).subarray(4), prf(psk, ...signed));
    }
    const live = () => sa.children.find(({ retired }) => retired === CHILD_LIVE)!;
    const pairOf = (): Buffer => {
      const { outgoing, incoming } = s.world.device.pairs.get(live())!;
      return Buffer.concat([outgoing.key, outgoing.salt, incoming.key, incoming.salt]);
    };
    assert.deepEqual(pairOf(), expand(keys.d, nonces, pairOf().length));

    // Rekeys: what follows CREATE_CHILD_SA, and with what keys it ends.
    const rekeyed = (begin: () => void): Buffer => {
      const from = log.length;
      const first = secrets.length;
      begin();
      s.wait(20000);
      const news = log.slice(from);
      const [request, response] = messagesOf(news, CREATE, keys);
      kePayload(request, methods[0]);
      kePayload(response, methods[0]);
      const linkOf = (one: Message): Buffer | undefined =>
        one.read.payloads.find(({ type, body }) => type === 41 && body.readUInt16BE(2) === 16441)?.body.subarray(4);
      let link = linkOf(response)!;
      assert.equal(link.length, 4);
      const follows = messagesOf(news, FOLLOW_UP, keys);
      assert.equal(follows.length, 2 * (methods.length - 1));
      for (let n = 1; n < methods.length; n++) {
        const [ask, tell] = [follows[2 * n - 2], follows[2 * n - 1]];
        assert.deepEqual(
          ask.read.payloads.map(({ type }) => type),
          [34, 41],
        );
        kePayload(ask, methods[n]);
        kePayload(tell, methods[n]);
        assert.deepEqual(linkOf(ask), link);
        const next = linkOf(tell);
        assert.equal(next !== undefined, n < methods.length - 1, 'a link where more has to come');
        if (next !== undefined) link = next;
      }
      const [zero, ...more] = secrets.slice(first);
      return Buffer.concat([zero, bodyOf(request, 40), bodyOf(response, 40), ...more]);
    };
    const material = rekeyed(() => rekeyChild(s.world.device.ike, sa, live(), s.world.now));
    assert.deepEqual(pairOf(), expand(keys.d, material, pairOf().length));
    const seed = rekeyed(() => rekeyIke(s.world.device.ike, sa, s.world.now));
    const next = s.world.device.established.at(-1)!;
    assert.notEqual(next, sa);
    const fresh = seed.subarray(32, seed.length - 32 * (methods.length - 1));
    assert.deepEqual(Buffer.from(next.skD), keysOf(prf(keys.d, seed), fresh, Buffer.from(next.spis)).d);
    s.close();
  });
}
