// Fuzz targets for subspaces: arriving packets, and a peer's proposals with their transform. Nothing may throw; only packets of
// the sender move a window, once each; what is chosen is on offer and within our limit.

import { u16 } from '../../core/base/bytes.ts';
import { addInbound, createEndpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { createSa } from '../../core/esp/sa.ts';
import { createSubspaceSuite, useSubspace } from '../../core/esp/subspaces.ts';
import { createExtra } from '../../core/ike/codec/extra-transforms.ts';
import { createWriter } from '../../core/ike/codec/message.ts';
import { privateNumbers } from '../../core/ike/codec/private-numbers.ts';
import {
  addAnswer,
  addSa,
  checkSaAnswer,
  chooseSa,
  createChoice,
  type Transforms,
} from '../../core/ike/codec/proposals.ts';
import { subspacesOf, subspaceTransform } from '../../core/ike/ext/subspaces.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { configOf, hex, ORDINARY, packetOf, send, stateOf } from '../core/support.ts';
import { makeSa, SIX } from '../naive/make-sa.ts';
import { packet, udp } from '../naive/packets.ts';
import type { FuzzTarget } from './board-targets.ts';

function ensure(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

const COUNT = 6;
const OUTER = 40;
const provider = createFastProvider();
const inner = packet(SIX, udp(5001, 4500, Buffer.from('0102030405', 'hex')));

function receiverOf(): ReturnType<typeof createSa> {
  const config = configOf(makeSa(6, 17, { ...ORDINARY, esp_encr: 'AES_CCM_8_IIV' }));
  config.suite = createSubspaceSuite(config.suite, COUNT);
  return createSa(FULL_PARTS, provider, config);
}

const sender = receiverOf();
const endpoint = createEndpoint(FULL_PARTS, provider);
const genuine = Array.from({ length: 12 }, (_, i) => {
  useSubspace(sender, (i * 5) % COUNT);
  return packetOf(send(endpoint, sender, inner));
});
const known = new Set(genuine.map((wire) => hex(wire.subarray(OUTER))));
let receiver = receiverOf();
addInbound(endpoint, receiver);
let taken = new Set<string>();
let runs = 0;
const restored = new Uint8Array(70000);

function arriving(octets: Uint8Array): void {
  // A fresh receiver now and then, lest all that is genuine was seen.
  if (++runs % 500 === 0) {
    endpoint.table.remove(receiver);
    receiver = receiverOf();
    endpoint.table.insert(receiver);
    taken = new Set();
  }
  const esp = hex(octets.subarray(OUTER));
  const before = stateOf(receiver);
  const trials = endpoint.trials;
  const size = inbound(endpoint, octets, 0, octets.length, restored, 0, runs);
  if (size >= 0) {
    ensure(known.has(esp) && !taken.has(esp), 'a packet that is not genuine, or a replay');
    taken.add(esp);
    ensure(hex(restored.subarray(0, size)) === inner.toString('hex'), 'another packet');
    return;
  }
  if (!known.has(esp)) ensure(stateOf(receiver) === before, 'a window was moved');
  if (size === -28)
    ensure(endpoint.trials === trials && u16(octets, OUTER + 4) >= COUNT, 'cryptography for a wrong ID');
  ensure(receiver.subspaces!.list.length <= COUNT, 'a window too many');
}

const NUMBERS = privateNumbers();
const base: Transforms = {
  protocol: 3,
  ciphers: [29, 14],
  keyBits: [128, 128],
  prf: [],
  integ: [],
  ke: [],
  sn: [0, 1],
};

function own(counts: number[], sn: (0 | 1)[]): Transforms {
  return { ...base, sn, extra: createExtra(counts.map((count) => subspaceTransform(count, NUMBERS))) };
}

const OWN = [own([16], [0, 1]), own([64, 4], []), own([65536], [1])];
const writer = createWriter(new Uint8Array(500));
const SPI = Uint8Array.of(1, 2, 3, 4);

function offer(proposals: Transforms[]): Uint8Array {
  writer.at = 0;
  addSa(writer, proposals, SPI, 0, 4);
  return writer.buffer.slice(4, writer.at);
}

function proposals(octets: Uint8Array): void {
  for (const one of OWN) {
    for (const isAnswer of [false, true]) {
      const choice = createChoice();
      const code = isAnswer
        ? checkSaAnswer(octets, 0, octets.length, [one], 4, choice)
        : chooseSa(octets, 0, octets.length, [one], 4, 0, choice);
      if (code !== 0) continue;
      const count = subspacesOf(choice.extra, NUMBERS);
      const list = one.extra!.list;
      const most = Math.max(...list.map((transform) => subspacesOf([transform], NUMBERS)));
      ensure(choice.extra.length <= 1 && count <= most, 'more subspaces than ours');
      ensure((choice.extra.length === 1) === count > 0, 'a transform without a count');
      ensure(count > 0 || one.sn.includes(choice.sn), 'a kind of numbers that is not ours');
      if (isAnswer) continue;
      // Whoever made the offer takes the answer.
      writer.at = 0;
      addAnswer(writer, 3, choice, SPI, 0, 4);
      const answer = writer.buffer.slice(4, writer.at);
      const checked = createChoice();
      const theirs = {
        ...own(count > 0 ? [count] : [16], count > 0 ? [] : [0, 1]),
        ciphers: [choice.encr],
        keyBits: [choice.keyBits],
      };
      answer[4] = 1;
      ensure(checkSaAnswer(answer, 0, answer.length, [theirs], 4, checked) === 0, 'an answer that is none');
      ensure(subspacesOf(checked.extra, NUMBERS) === count, 'another count');
    }
  }
}

export const targets: FuzzTarget[] = [
  { name: 'subspaces: arriving packets', run: arriving, seeds: genuine },
  {
    name: 'subspaces: proposals',
    run: proposals,
    seeds: [...OWN.map((one) => offer([one])), offer(OWN), offer([base])],
  },
];
