// Fuzz targets for the IKE state machines: the input is a program for two endpoints and the link between them. Messages are
// delivered, held back, changed on the way, or changed before sealing by a peer with the keys. Time passes, hosts ask for
// rekeys and Deletes, and foreign datagrams arrive. Nothing may throw. An endpoint's state has limits, and after a long
// silence it is empty: a new connection then succeeds at the first attempt.

import { addNotify, beginChain, beginMessage, IKE_LENGTH } from '../../core/ike/codec/message.ts';
import { take } from '../../core/ike/codec/octets.ts';
import { sealMessage } from '../../core/ike/crypto/sk.ts';
import { COUNT_COOKIES, COUNT_HALF_OPEN_REFUSED } from '../../core/ike/exchange/registry.ts';
import { closeChild, closeIke, createChild, probe, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { ikeTimeout } from '../../core/ike/exchange/schedule.ts';
import { STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { type Node, path } from '../ike/pair.ts';
import type { CoreTarget } from './core-targets.ts';
import {
  create,
  ensure,
  hand,
  inside,
  keyed,
  limits,
  NONE,
  type Play,
  poll,
  provider,
  say,
  writer,
} from './ike-state-world.ts';

const EXCHANGES = [34, 35, 36, 37, 38, 43, 44];

function ask(play: Play, node: Node, kind: number): void {
  const list = node.ike.sas.filter((sa) => sa.state === STATE_ESTABLISHED);
  if (list.length === 0) return;
  const sa = list[kind % list.length];
  const child = sa.children.length > 0 ? sa.children[kind % sa.children.length] : null;
  const what = kind % 8;
  if (what < 2 && child !== null) rekeyChild(node.ike, sa, child, play.now);
  else if (what < 4) rekeyIke(node.ike, sa, play.now);
  else if (what === 4) probe(node.ike, sa, play.now);
  else if (what === 5 && child !== null) closeChild(node.ike, sa, child, play.now);
  else if (what === 6 && sa.tasks.length < 8) createChild(node.ike, sa, sa.policy.child, play.now);
  else if (what === 7) closeIke(node.ike, sa, play.now);
  poll(play);
}

const STEPS = 60;

function run(bytes: Uint8Array): void {
  if (bytes.length < 2) return;
  let at = 0;
  const next = (): number => (at < bytes.length ? bytes[at++] : 0);
  const { play, begin } = create(next(), 1 + bytes.length);
  const side = (value: number): Node => (value % 2 === 0 ? play.device : play.gateway);
  let sa = begin(null);
  for (let step = 0; step < STEPS && at < bytes.length; step++) {
    const code = next();
    switch (code & 15) {
      case 0:
      case 1:
      case 2: {
        // What is on its way arrives: one, or up to eight.
        for (let left = (code & 15) === 0 ? 1 : 8; left > 0 && play.letters.length > 0; left--)
          hand(play, play.letters.shift()!);
        break;
      }
      case 3:
        play.letters.shift();
        break;
      case 4: {
        const letter = play.letters.shift();
        if (letter === undefined) break;
        const octets = letter.octets.slice();
        octets[(next() | ((code >>> 4) << 8)) % octets.length] ^= next();
        hand(play, { ...letter, octets });
        break;
      }
      case 5:
        if (play.letters.length > 0) hand(play, play.letters[play.letters.length - 1]);
        break;
      case 6: {
        // Any octets, well sealed.
        const [how, first, size] = [next(), next(), next() % 100];
        beginChain(inside, 0);
        for (let i = 0; i < size; i++) inside.buffer[inside.at++] = next();
        const from = side(code >>> 4);
        const own = keyed(from, how);
        if (own === null) break;
        const isResponse = (how & 1) !== 0;
        const peer = from === play.device ? play.gateway : play.device;
        const other = peer.ike.sas.find((one) => Buffer.compare(one.spis, own.spis) === 0);
        const id = other === undefined ? 0 : isResponse ? Math.max(0, other.nextId - 1) : other.expectedId;
        say(play, from, how, EXCHANGES[(how >>> 1) % 7], isResponse, id, first);
        break;
      }
      case 7:
        play.position = next() | ((code >>> 4) << 8);
        play.change = next() | 1;
        break;
      case 8:
        play.now += 100 * next();
        poll(play);
        break;
      case 9:
        ask(play, side(code >>> 4), next());
        break;
      case 10: {
        // A datagram with a header that leads somewhere.
        const size = 28 + (next() % 80);
        const octets = new Uint8Array(size);
        for (let i = 16; i < size; i++) octets[i] = next();
        const known = side(code >>> 4).ike.sas[0];
        if (known !== undefined) octets.set(known.spis.subarray(0, (code & 32) === 0 ? 16 : 8));
        new DataView(octets.buffer).setUint32(IKE_LENGTH, size);
        octets[17] = 0x20;
        hand(play, { to: side(code >>> 5), path: path(), octets });
        break;
      }
      case 11:
        if (play.history.length > 0) hand(play, play.history[next() % play.history.length]);
        break;
      case 12: {
        // Another peer begins, by the first message of ours under another SPI.
        const octets = play.history[0].octets.slice();
        octets[next() % 8] ^= next() | 1;
        hand(play, { to: play.gateway, path: play.history[0].path, octets });
        break;
      }
      case 13: {
        // Many notifies.
        beginChain(inside, 0);
        for (let left = next() % 60; left >= 0; left--)
          addNotify(inside, 0, 16384 + next() * 3, NONE, take(bytes, 0, left % 9));
        const own = keyed(side(code >>> 4), 0);
        if (own !== null) say(play, side(code >>> 4), 0, EXCHANGES[next() % 7], false, own.nextId, inside.first);
        break;
      }
      case 14: {
        // A fragment that a peer made up.
        const own = keyed(side(code >>> 4), next());
        if (own === null || own.skOut === null) break;
        beginMessage(writer, 0, own.spis, EXCHANGES[next() % 7], own.initiator ? 8 : 0, next() % 8);
        const length = sealMessage(provider, own.skOut, writer.buffer, 0, bytes, {
          first: next(),
          at: 0,
          size: bytes.length % 50,
          number: next() % 40,
          total: (next() % 40) + 1,
        });
        if (length > 0)
          hand(play, {
            to: side((code >>> 4) + 1),
            path: { ...path(), local: path().remote, remote: path().local },
            octets: writer.buffer.slice(0, length),
          });
        break;
      }
      default:
        if (play.device.ike.sas.length < 8) sa = begin((code & 16) !== 0 ? sa.session : null);
    }
    limits(play.device);
    limits(play.gateway);
  }
  // Nothing arrives any more: all that there was ends.
  play.letters.length = 0;
  play.position = -1;
  for (let left = 400; left > 0 && play.device.ike.sas.length + play.gateway.ike.sas.length > 0; left--) {
    const times = [ikeTimeout(play.device.ike), ikeTimeout(play.gateway.ike)].filter((time) => time >= 0);
    ensure(times.length > 0, 'nothing is due, and SAs are left');
    play.now = Math.max(play.now, Math.min(...times));
    poll(play);
  }
  for (const node of [play.device, play.gateway]) {
    ensure(node.ike.sas.length === 0, `${node.name} keeps ${node.ike.sas.length} SAs, state ${node.ike.sas[0]?.state}`);
    limits(node);
  }
  play.letters.length = 0;
  const { counters } = play.gateway.ike;
  const refused = counters[COUNT_COOKIES] + counters[COUNT_HALF_OPEN_REFUSED];
  const last = begin(null);
  for (let left = 40; left > 0 && play.letters.length > 0; left--) hand(play, play.letters.shift()!);
  ensure(counters[COUNT_COOKIES] + counters[COUNT_HALF_OPEN_REFUSED] === refused, 'half-open SAs are still counted');
  ensure(last.state === STATE_ESTABLISHED, `state ${last.state}, outcome ${last.outcome}`);
  ensure(last.children.length === 1 && play.gateway.pairs.size === 1, 'no Child SA');
}

/** A programme. */
const of = (...octets: number[]): Uint8Array => Uint8Array.from(octets);

const ESTABLISH = [1, 1];
const programmes: Uint8Array[] = [];
for (const mode of [0, 1, 2, 4, 8 + 16, 8 + 32, 2 + 8 + 16 + 32, 64, 128]) {
  programmes.push(
    of(mode, 0, 0, 0, 0, 0, 0, 0, 0),
    of(mode, 7, 40, 1, 1, 1, 1),
    of(mode, ...ESTABLISH, 9, 0, 25, 0, 1, 1, 1, 9, 2, 25, 2, 1, 1, 1, 8, 30, 1),
    of(mode, ...ESTABLISH, 9, 0, 23, 20, 3, 1, 1, 8, 20, 1, 25, 3, 7, 30, 4, 1, 1, 8, 100, 1),
    of(
      mode,
      ...ESTABLISH,
      6,
      6,
      42,
      12,
      0,
      0,
      0,
      8,
      1,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      1,
      22,
      7,
      41,
      8,
      0,
      0,
      0,
      8,
      0,
      0,
      0,
      14,
      1,
    ),
    of(mode, 12, 1, 12, 2, 12, 3, 12, 4, 12, 5, 1, 1, 8, 200, 1, 1),
    of(mode, 0, 0, 14, 0, 1, 1, 36, 1, 2, 30, 0, 1, 1, 36, 2, 2, 1, 13, 40, 1, 2, 3, 9, 7, 1, 1, 15, 1, 1, 31, 1, 1),
    of(mode, ...ESTABLISH, 25, 7, 0, 11, 3, 11, 5, 26, 60, 1, 36, 1, 2, 3, 1, 9, 6, 25, 6, 1, 1, 9, 5, 1, 1, 1),
  );
}

export const targets: CoreTarget[] = [{ name: 'ike state machines', seeds: programmes, run }];
