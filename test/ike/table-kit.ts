// Brings an IKE SA into each of its states by real messages, for tests of the transition tables. Messages that the test does
// not deliver stay with it.

import { fullExtensions } from '../../core/device/full-extensions.ts';
import { beginMessage, createWriter } from '../../core/ike/codec/message.ts';
import { sealMessage } from '../../core/ike/crypto/sk.ts';
import { receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { closeIke, probe, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import { createIntermediate } from '../../core/ike/ext/ppk-intermediate.ts';
import { createTickets } from '../../core/ike/ext/ticket.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { createResponder } from '../../core/ike/setup/responder.ts';
import { createRounds } from '../../core/ike/setup/rounds.ts';
import type { Path } from '../../core/ike/state/path.ts';
import {
  type IkeSa,
  STATE_AUTH_SENT,
  STATE_CLOSING,
  STATE_ENDED,
  STATE_ESTABLISHED,
  STATE_FORMING,
  STATE_HALF_OPEN,
  STATE_INIT_SENT,
  STATE_INTERMEDIATE_SENT,
  STATE_REPLACED,
  STATE_RESUME_SENT,
} from '../../core/ike/state/sa.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createNode, type Node, path, policy } from './pair.ts';

export interface Letter {
  to: Node;
  path: Path;
  octets: Uint8Array;
}

export interface Stage {
  now: number;
  device: Node;
  gateway: Node;
  /** On its way, in order. */
  letters: Letter[];
  /** Hands over `count` letters, or all there are and come. */
  deliver(count?: number): void;
  poll(): void;
}

export function createStage(change: (device: ReturnType<typeof policy>, gateway: ReturnType<typeof policy>) => void): {
  stage: Stage;
  device: ReturnType<typeof policy>;
} {
  const device = policy('device', 'gateway', 1, 2);
  const gateway = policy('gateway', 'device', 2, 1);
  change(device, gateway);
  const issuer = createTickets(createFastProvider(), new Uint8Array(16).fill(7), (now) => now);
  const send = (from: Node, there: Path, octets: Uint8Array): void => {
    const back: Path = { ...there, local: there.remote, remote: there.local };
    stage.letters.push({ to: from === stage.device ? stage.gateway : stage.device, path: back, octets });
  };
  const stage: Stage = {
    now: 0,
    device: createNode('device', send, {}),
    gateway: createNode('gateway', send, {
      extensions: [...fullExtensions(), issuer.extension],
      intermediate: createRounds([createIntermediate(() => gateway.ppk?.key ?? null)]),
      responder: createResponder({
        fallback: gateway,
        findPolicy: () => gateway,
        halfOpenMax: 10,
        cookieThreshold: 10,
        halfOpenTime: 30000,
        tickets: issuer.tickets,
      }),
    }),
    letters: [],
    deliver(count = 100) {
      for (let i = 0; i < count && stage.letters.length > 0; i++) {
        const { to, path: where, octets } = stage.letters.shift()!;
        receiveIke(to.ike, where, octets.slice(), 0, octets.length, stage.now);
        stage.poll();
      }
    },
    poll() {
      pollIke(stage.device.ike, stage.now);
      pollIke(stage.gateway.ike, stage.now);
    },
  };
  return { stage, device };
}

/** An SA in a state, the other side's SA of the same keys (if there is one), and letters that were held back. */
export interface Scene {
  stage: Stage;
  node: Node;
  sa: IkeSa;
  peer: Node;
  peerSa: IkeSa | null;
}

function scene(stage: Stage, node: Node, sa: IkeSa): Scene {
  const peer = node === stage.device ? stage.gateway : stage.device;
  const same = (one: IkeSa): boolean => Buffer.compare(one.spis, sa.spis) === 0;
  return { stage, node, sa, peer, peerSa: peer.ike.sas.find(same) ?? null };
}

/** What else is under way in the established state. */
export type Busy = '' | 'rekey' | 'probe';

/** Brings an SA of the initiator (the device) or the responder (the gateway) into `state`; null: there is no such SA. */
export function sceneOf(initiator: boolean, state: number, busy: Busy = ''): Scene | null {
  const { stage, device } = createStage((own, peer) => {
    if (state === STATE_INTERMEDIATE_SENT || (state === STATE_HALF_OPEN && busy === 'probe')) {
      for (const one of [own, peer]) {
        one.ppk = { id: Uint8Array.of(2, 1), key: new Uint8Array(32), mandatory: true, intermediate: true };
      }
    }
    if (state === STATE_RESUME_SENT) own.ticketLifetime = peer.ticketLifetime = 3600;
  });
  let sa = connect(stage.device.ike, device, path(), null, 0);
  if (state === STATE_INIT_SENT) {
    stage.deliver(1);
    return initiator ? scene(stage, stage.device, sa) : null;
  }
  if (state === STATE_RESUME_SENT) {
    stage.deliver();
    const session = sa.session;
    sa = connect(stage.device.ike, device, path(), session, 0);
    stage.deliver(1);
    return initiator ? scene(stage, stage.device, sa) : null;
  }
  if (state === STATE_HALF_OPEN) {
    stage.deliver(2);
    return initiator ? null : scene(stage, stage.gateway, stage.gateway.ike.sas[0]);
  }
  if (state === STATE_INTERMEDIATE_SENT) {
    stage.deliver(3);
    return initiator ? scene(stage, stage.device, sa) : null;
  }
  if (state === STATE_AUTH_SENT) {
    stage.deliver(3);
    return initiator ? scene(stage, stage.device, sa) : null;
  }
  stage.deliver();
  const node = initiator ? stage.device : stage.gateway;
  const peer = initiator ? stage.gateway : stage.device;
  const own = node.ike.sas[0];
  const other = peer.ike.sas[0];
  if (state === STATE_ESTABLISHED || state === STATE_REPLACED) {
    if (busy === 'rekey') rekeyChild(node.ike, own, own.children[0], 0);
    if (busy === 'probe') probe(node.ike, own, 0);
    stage.poll();
  }
  if (state === STATE_ESTABLISHED) {
    if (busy !== '') stage.deliver(1);
    return scene(stage, node, own);
  }
  if (state === STATE_REPLACED) {
    if (busy !== '') stage.deliver(1);
    const held = stage.letters.splice(0);
    rekeyIke(peer.ike, other, 0);
    stage.poll();
    stage.deliver(2);
    // The Delete of the old one is on its way.
    stage.letters.push(...held);
    return scene(stage, node, own);
  }
  if (state === STATE_CLOSING) {
    closeIke(node.ike, own, 0);
    const made = scene(stage, node, own);
    if (busy !== '') stage.deliver(1);
    return made;
  }
  if (state === STATE_ENDED) {
    closeIke(peer.ike, other, 0);
    const made = scene(stage, node, own);
    stage.deliver(1);
    return made;
  }
  if (state === STATE_FORMING) {
    if (!initiator) return null;
    rekeyIke(node.ike, own, 0);
    stage.poll();
    stage.deliver(1);
    return scene(stage, node, own.task!.next!);
  }
  return null;
}

const inner = new Uint8Array(0);

/** A message of the other side as the SA expects it: sealed where there are keys, with nothing inside. */
export function craft(one: Scene, exchange: number, isResponse: boolean, id: number): Uint8Array {
  const { sa } = one;
  const flags = (sa.initiator ? 0 : 8) | (isResponse ? 0x20 : 0);
  const octets = new Uint8Array(200);
  const writer = createWriter(octets);
  beginMessage(writer, 0, sa.spis, exchange, flags, id);
  const key = one.peerSa?.skOut ?? null;
  if (key === null || exchange === 34 || exchange === 38) {
    new DataView(octets.buffer).setUint32(24, 28);
    return octets.slice(0, 28);
  }
  return octets.slice(
    0,
    sealMessage(one.peer.ike.provider, key, octets, 0, inner, { first: 0, at: 0, size: 0, number: 0, total: 0 }),
  );
}

/** All of an endpoint and an SA that a message could change. */
export function picture(one: Scene): unknown {
  const { sa, node } = one;
  return {
    state: sa.state,
    outcome: sa.outcome,
    ids: [sa.nextId, sa.expectedId],
    spis: Buffer.from(sa.spis).toString('hex'),
    request: Buffer.from(sa.request).toString('hex'),
    response: Buffer.from(sa.response).toString('hex'),
    times: [sa.tries, sa.deadline, sa.heardAt, sa.endAt, sa.rekeyAt, sa.reauthAt, sa.dueAt],
    task: sa.task?.kind ?? 0,
    tasks: sa.tasks.map((task) => task.kind),
    children: sa.children.map((child) => [child.spiIn, child.retired, child.removeAt]),
    keys: [sa.skIn !== null, sa.skOut !== null, Buffer.from(sa.skD).toString('hex')],
    others: [sa.rival !== null, sa.successor !== null, sa.setup !== null, sa.fragments !== null],
    endpoint: [node.ike.sas.length, Object.keys(node.ike.bySpi).length, node.pairs.size, node.events.length],
    letters: one.stage.letters.length,
  };
}

export function take(one: Scene, octets: Uint8Array): number {
  return receiveIke(one.node.ike, one.sa.path, octets.slice(), 0, octets.length, one.stage.now);
}
