// A specialised device in each of its states: messages that nothing proves change nothing, proved ones do what core/ike's table
// says, and a gateway with the keys may send anything.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginMessage, createWriter, type Writer } from '../../core/ike/codec/message.ts';
import { addStatus } from '../../core/ike/codec/payloads.ts';
import { sealMessage } from '../../core/ike/crypto/sk.ts';
import { clearIke } from '../../core/ike/exchange/clear.ts';
import { closeIke, createChild, probe, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { STEP_CHILD_REQUEST } from '../../core/ike/state/step.ts';
import { ACT_DROP, actionOf, EVENT_NONE, eventOf } from '../../core/ike/state/table.ts';
import { createRandom, type Random } from '../../targets/node/host/radio/random.ts';
import { agree, type Kind, kindOf, quiet, type Scene, sceneOf } from './ike-net.ts';
import { CHANGES } from './ike-sim.ts';

const SLOW = { loss: 0, reorder: 0, duplicate: 0, corrupt: 0, truncate: 0, attack: 0, until: 0, latency: 400 };
const EXCHANGES = [0, 33, 34, 35, 36, 37, 38, 39, 43, 44, 255];
const WORLDS = process.env.DIETESP_LONG === '1' ? 20000 : 120;

/** States of the device, each with the way there. */
const WAYS: readonly [number, string, string, (scene: Scene) => void][] = [
  [0, 'INIT_SENT', 'usual', ({ net }) => net.run(500)],
  [
    1,
    'RESUME_SENT',
    'usual',
    ({ net, device }) => {
      net.run(3000);
      device.connect(true, net.now);
      net.run(net.now + 500);
    },
  ],
  [2, 'INTERMEDIATE_SENT', 'ppk round', ({ net }) => net.run(1000)],
  [3, 'AUTH_SENT', 'usual', ({ net }) => net.run(1000)],
  [5, 'ESTABLISHED', 'usual', ({ net }) => net.run(3000)],
  [
    5,
    'ESTABLISHED, rekeying',
    'usual',
    ({ net, device }) => {
      net.run(3000);
      device.rekey(net.now);
      net.run(net.now + 300);
    },
  ],
  [
    6,
    'REPLACED',
    'usual',
    ({ net }) => {
      net.run(3000);
      rekeyIke(net.gateway.ike, net.gateway.ike.sas[0], net.now);
      net.run(net.now + 600);
    },
  ],
  [
    7,
    'CLOSING',
    'usual',
    ({ net, device }) => {
      net.run(3000);
      device.close(net.now);
      net.run(net.now + 300);
    },
  ],
  [
    8,
    'ENDED',
    'usual',
    ({ net }) => {
      net.run(3000);
      closeIke(net.gateway.ike, net.gateway.ike.sas[0], net.now);
      net.run(net.now + 600);
    },
  ],
];

async function kinds(): Promise<Record<string, Kind>> {
  const names = ['usual', 'ppk round'];
  const list = await Promise.all(names.map((name) => kindOf(name, CHANGES[name])));
  return Object.fromEntries(names.map((name, i) => [name, list[i]]));
}

function reach(kind: Kind, go: (scene: Scene) => void): Scene {
  const scene = sceneOf(kind, 1, SLOW, kind.gateway());
  scene.device.connect(false, 0);
  go(scene);
  return scene;
}

/** All that a message could change. */
function picture({ device, host }: Scene, sent: number): string {
  const seen = new Set<unknown>();
  const plain = (key: string, value: unknown): unknown => {
    if (['drops', 'messages', 'octets', 'begun'].includes(key)) return 0;
    if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer).toString('hex');
    if (typeof value === 'object' && value !== null) {
      if (seen.has(value)) return 'again';
      seen.add(value);
    }
    return value;
  };
  return JSON.stringify([device.S, host.events.length, host.pairs.length, sent], plain);
}

/** The device's SA in the state: the one that a rekey replaced is behind the current one. */
function slotOf({ device }: Scene, state: number): NonNullable<Scene['device']['S']['list']> {
  let one = device.S.list;
  while (one !== null && one.state !== state) one = one.next;
  assert.ok(one !== null, `no SA in state ${state}`);
  return one;
}

function header(
  spis: Uint8Array,
  exchange: number,
  flags: number,
  id: number,
  body: Uint8Array,
  first: number,
): Uint8Array {
  const octets = new Uint8Array(28 + body.length);
  beginMessage(createWriter(octets), 0, spis, exchange, flags, id);
  octets[16] = first;
  octets.set(body, 28);
  new DataView(octets.buffer).setUint32(24, octets.length);
  return octets;
}

/** A payload chain of notifies, a Delete, or an SK payload that nobody sealed. */
function bodies(random: Random): [number, Uint8Array][] {
  const noise = new Uint8Array(40);
  random.fill(noise, 0, 40);
  noise.set([0, 0, 0, 40]);
  const fragment = noise.slice();
  fragment.set([0, 1, 0, 1], 4);
  return [
    [0, new Uint8Array(0)],
    [41, Uint8Array.of(0, 0, 0, 8, 0, 0, 0, 14)],
    [41, Uint8Array.of(0, 0, 0, 8, 0, 0, 0, 7)],
    [42, Uint8Array.of(0, 0, 0, 8, 1, 0, 0, 0)],
    [46, noise],
    [53, fragment],
    [99, Uint8Array.of(0, 0x80, 0, 4)],
  ];
}

test('what nothing proves changes nothing, in every state', async () => {
  const all = await kinds();
  const random = createRandom(7);
  for (const [state, name, kind, go] of WAYS) {
    const scene = reach(all[kind], go);
    const { net, device } = scene;
    const slot = slotOf(scene, state);
    const before = picture(scene, net.sent);
    for (const exchange of EXCHANGES) {
      for (const flags of [0, 0x20, 8, 0x28]) {
        // The first answers are the only ones that nothing proves.
        if (state < 2 && (flags & 0x20) !== 0 && exchange === (state === 0 ? 34 : 38)) continue;
        for (const id of [0, slot.expectedId, slot.expectedId - 1, slot.nextId - 1, slot.nextId]) {
          for (const [first, body] of bodies(random)) {
            const octets = header(slot.ids.slice(0, 16), exchange, flags, id >>> 0, body, first);
            device.receive(octets, 0, octets.length, net.now);
            assert.equal(
              picture(scene, net.sent),
              before,
              `${name}: exchange ${exchange} flags ${flags} id ${id} ${first}`,
            );
          }
        }
      }
    }
  }
});

test('what is proved does what the table of states says', async () => {
  const all = await kinds();
  for (const [state, name, kind, go] of WAYS.filter(([one]) => one > 1)) {
    for (const exchange of [35, 36, 37, 43, 44]) {
      for (const isAnswer of [false, true]) {
        const scene = reach(all[kind], go);
        const { net, device } = scene;
        const slot = slotOf(scene, state);
        const twin = net.gateway.ike.sas.find((sa) => Buffer.compare(sa.spis, slot.ids.slice(0, 16)) === 0);
        // Of a closed one the gateway has no keys any more.
        if (twin === undefined || twin.skOut === null) continue;
        const octets = new Uint8Array(100);
        const flags = (slot.flag === 8 ? 0 : 8) | (isAnswer ? 0x20 : 0);
        beginMessage(createWriter(octets), 0, twin.spis, exchange, flags, isAnswer ? slot.nextId - 1 : slot.expectedId);
        const part = { first: 0, at: 0, size: 0, number: 0, total: 0 };
        const size = sealMessage(net.gateway.ike.provider, twin.skOut, octets, 0, new Uint8Array(0), part);
        const before = picture(scene, net.sent);
        const fits = !isAnswer || slot.request?.[18] === exchange;
        device.receive(octets, 0, size, net.now);
        const event = eventOf(exchange, isAnswer);
        const drops =
          event === EVENT_NONE || exchange === 44 || actionOf(true, state as 5, event) === ACT_DROP || !fits;
        const label = `${name}: exchange ${exchange} ${isAnswer ? 'answer' : 'request'}`;
        assert.equal(picture(scene, net.sent) === before, drops, label);
      }
    }
  }
});

test('IPComp in an optimized rekey is refused, and one more Child SA for a worker gets TS_MAX_QUEUE', async () => {
  const kind = await kindOf('usual', CHANGES.usual);
  const scene = reach(kind, ({ net }) => net.run(3000));
  const { net } = scene;
  const { ike, events } = net.gateway;
  const sa = ike.sas[0];
  let regular = 0;
  let isResource = false;
  ike.extensions.push({
    add: (_ike, _sa, step, draft, w) => {
      if (step !== STEP_CHILD_REQUEST) return;
      if (draft!.replaces !== null) regular++;
      if (isResource) addStatus(w, 16444, Uint8Array.of(2));
    },
    read: () => 0,
  });
  // One more, with and without SA_RESOURCE_INFO.
  for (const outcome of [35, 48]) {
    isResource = outcome === 48;
    createChild(ike, sa, sa.policy.child, net.now);
    net.run(net.now + 9000);
    assert.equal(events.at(-1), `childFailed ${outcome}`);
  }
  isResource = false;
  rekeyChild(ike, sa, sa.children[0], net.now);
  net.run(net.now + 9000);
  assert.ok(agree(scene, 'rekeyed') && regular === 0);
  // IPCOMP_SUPPORTED [RFC 7296 §2.22], written where the number of the optimized form is read: CPI 2, DEFLATE.
  const ask = (w: Writer): void => addStatus(w, 16387, Uint8Array.of(0, 2, 2));
  const number = ike.numbers.optimizedRekey;
  ike.numbers = Object.defineProperty({ ...ike.numbers }, 'optimizedRekey', {
    get: () => {
      if (ike.writer.at > ike.writer.start) ask(ike.writer);
      return number;
    },
  });
  rekeyChild(ike, sa, sa.children[0], net.now);
  net.run(net.now + 9000);
  assert.ok(agree(scene, 'rekeyed without IPComp'));
  assert.equal(regular, 1);
});

/** Payloads of known and unknown types, right and wrong in their lengths. */
function anyChain(random: Random): { first: number; octets: Uint8Array } {
  const list: Uint8Array[] = [];
  const types = [33, 34, 36, 39, 40, 41, 41, 41, 42, 44, 45, 47, 60];
  const pick = (): number => types[random.below(types.length)];
  const first = pick();
  for (let left = random.below(6); left >= 0; left--) {
    const body = new Uint8Array([0, 4, 8, 12, 16, 32, 36, 40, 44][random.below(9)]);
    random.fill(body, 0, body.length);
    if (random.below(2) === 0 && body.length >= 8) {
      const notes = [7, 14, 17, 24, 43, 44, 16393, 16409, 16419, 50400, 50401, 53735];
      new DataView(body.buffer).setUint32(0, notes[random.below(notes.length)]);
      if (random.below(2) === 0) body.set([3, 4, 0, 1], 0);
    }
    const size = body.length + 4 + (random.below(12) === 0 ? random.below(9) - 4 : 0);
    list.push(Uint8Array.of(left === 0 ? 0 : pick(), 0, size >>> 8, size & 255), body);
  }
  return { first, octets: Buffer.concat(list) };
}

/** A world in which the gateway's messages are damaged, and forged by somebody with its keys. */
function fuzz(list: readonly Kind[], seed: number): void {
  const random = createRandom(seed * 48271 + 5);
  const kind = list[seed % list.length];
  const faults = {
    ...SLOW,
    latency: 20,
    loss: 0.1,
    reorder: 0.2,
    duplicate: 0.1,
    corrupt: 0.1,
    truncate: 0.1,
    attack: 0.3,
  };
  const scene = sceneOf(kind, seed, { ...faults, until: 30000 }, kind.gateway(), random.below(2) * 100);
  const { net, device } = scene;
  const { ike } = net.gateway;
  device.connect(false, 0);
  for (let steps = 5 + random.below(25); steps > 0; steps--) {
    net.run(net.now + random.below(800));
    const what = random.below(12);
    const sas = ike.sas.filter((sa) => sa.skOut !== null);
    const sa = sas[random.below(Math.max(1, sas.length))];
    if (what === 0) device.rekey(net.now);
    else if (what === 1) device.rekeyIke(net.now);
    else if (what === 2) device.connect(random.below(2) === 0, net.now);
    else if (what === 3) device.probe(net.now);
    else if (sa === undefined) continue;
    else if (what === 4 && sa.state === 5) rekeyIke(ike, sa, net.now);
    else if (what === 5 && sa.state === 5 && sa.children.length > 0) rekeyChild(ike, sa, sa.children[0], net.now);
    else if (what === 6 && sa.state === 5) probe(ike, sa, net.now);
    else {
      const { first, octets: inner } = anyChain(random);
      const octets = new Uint8Array(600);
      const slot = device.S.current;
      const isAnswer = random.below(2) === 0;
      const flags = (sa.initiator ? 8 : 0) | (isAnswer ? 0x20 : 0);
      const id = slot === null ? random.below(4) : isAnswer ? slot.nextId - 1 : slot.expectedId;
      const exchange = isAnswer && slot?.request ? slot.request[18] : 35 + random.below(3);
      beginMessage(createWriter(octets), 0, sa.spis, exchange, flags, Math.max(0, id));
      const part = { first, at: 0, size: inner.length, number: 0, total: 0 };
      const size = sealMessage(net.gateway.ike.provider, sa.skOut!, octets, 0, inner, part);
      device.receive(octets, 0, size, net.now);
    }
  }
  // The gateway has lost count: it begins anew.
  clearIke(ike);
  net.gateway.pairs.clear();
  net.faults.until = 0;
  device.close(net.now);
  net.run(net.now + 300000);
  quiet(scene, `seed ${seed}`);
  assert.equal(device.S.current, null, `seed ${seed}`);
  assert.equal(device.next(), -1, `seed ${seed}: something is due`);
  device.connect(false, net.now);
  net.run(net.now + 1000);
  assert.ok(agree(scene, `seed ${seed}: afterwards`), `seed ${seed}: it does not connect`);
}

test(`${WORLDS} worlds with a gateway that sends anything`, async () => {
  const names = ['usual', 'pfs', 'plain', 'ehc', 'fragments', 'ppk round', 'address'];
  const list = await Promise.all(names.map((name) => kindOf(name, CHANGES[name])));
  for (let seed = 1; seed <= WORLDS; seed++) fuzz(list, seed);
});
