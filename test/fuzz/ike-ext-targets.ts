// Fuzz targets for the IKE extensions: a peer's notifies of compression, DSCP values and authentication methods. Each takes
// any octets. A throw is a finding, and so is a read outside the octets, or a choice that the other side would refuse.

import { defaultCompression, valuesOf } from '../../core/ike/child/compression.ts';
import { ehc } from '../../core/ike/child/ehc.ts';
import { hcp } from '../../core/ike/child/hcp.ts';
import { readDscp, writeDscp } from '../../core/ike/codec/dscp.ts';
import { beginChain, createPayloads, createWriter, parsePayloads, type Writer } from '../../core/ike/codec/message.ts';
import { mtuNumbers } from '../../core/ike/codec/private-numbers.ts';
import { readTsDscp } from '../../core/ike/codec/ts-dscp.ts';
import { announceEd25519, announceSharedKey, isEd25519, readAnnounced } from '../../core/ike/ext/announce.ts';
import { createMtu } from '../../core/ike/ext/mtu.ts';
import type { CompressionNotify, CompressionPolicy } from '../../core/ike/state/compression.ts';
import type { Ike } from '../../core/ike/state/ike.ts';
import type { IkeSa } from '../../core/ike/state/sa.ts';
import { STEP_INFORMATIONAL_REQUEST } from '../../core/ike/state/step.ts';
import type { FuzzTarget } from './link-targets.ts';

export interface IkeExtTarget extends FuzzTarget {
  seeds: Uint8Array[];
}

function ensure(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

const LONGEST = 1400;
const EDGE = 4;
const scratch = createWriter(new Uint8Array(2000));

function written(add: (w: Writer) => void): Uint8Array {
  beginChain(scratch, 0);
  add(scratch);
  ensure(!scratch.full, 'no room');
  return scratch.buffer.slice(0, scratch.at);
}

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/ /g, ''), 'hex'));

/** Runs with other octets round the input: all runs must say the same. */
function twice(octets: Uint8Array, run: (buffer: Uint8Array, at: number, size: number) => string): void {
  let before = '';
  for (const sentinel of [0x00, 0x80, 0xff]) {
    const buffer = new Uint8Array(octets.length + 2 * EDGE).fill(sentinel);
    buffer.set(octets, EDGE);
    const now = run(buffer, EDGE, octets.length);
    ensure(sentinel === 0 || now === before, 'the result depends on octets outside: ' + before + ' or ' + now);
    for (let i = 0; i < octets.length; i++) ensure(buffer[EDGE + i] === octets[i], 'the input was changed');
    before = now;
  }
}

const open: CompressionPolicy = { proposals: [], required: false, dscpList: [46, 0, 10] };
const example: CompressionPolicy = {
  proposals: [
    { allowed: [[1, 1], [1, 1], [1, 1, 3, 3], [0, 0], [0, 16], [8, 16], []] },
    { allowed: [[], [], [0, 1], [2, 2], [16, 32], [16, 32], [0, 1]] },
  ],
  required: true,
  dscpList: [],
};
const POLICIES = [defaultCompression(), example, open];

/** What any side may settle on. */
function sound(choice: ReturnType<CompressionNotify['choose']>, policy: CompressionPolicy): string {
  if (choice === null) return '';
  const values = valuesOf(choice);
  const most = [2, 1, 3, 3, 32, 32, 1];
  values.forEach((value, type) => {
    ensure(value >= 0 && value <= most[type], `attribute ${type}: ${value}`);
  });
  ensure((choice.espSpiLsb + choice.espSnLsb) % 8 === 0, 'no whole octets');
  ensure(choice.dscpCda !== 2 || policy.dscpList.length > 0, 'sa without a list');
  return choice.proposal + ' ' + values.join();
}

function request(kind: CompressionNotify, octets: Uint8Array): void {
  if (octets.length > LONGEST) return;
  for (const policy of POLICIES) {
    twice(octets, (buffer, at, size) => {
      const choice = kind.choose(policy, buffer, at, size);
      if (choice !== null) {
        // An answer with these values is one to an offer of the own policy, under some number.
        const answers = policy.proposals.length === 0 ? [1] : policy.proposals.map((_, index) => index + 1);
        const isTaken = answers.some((proposal) => {
          const answer = written((w) => kind.addAnswer(w, { ...choice, proposal }));
          return kind.check(policy, answer, 0, answer.length) !== null;
        });
        ensure(isTaken, 'a choice outside the own policy');
      }
      return sound(choice, policy);
    });
  }
}

function answer(kind: CompressionNotify, octets: Uint8Array): void {
  if (octets.length > LONGEST) return;
  for (const policy of POLICIES) {
    twice(octets, (buffer, at, size) => {
      const choice = kind.check(policy, buffer, at, size);
      if (choice !== null) {
        const again = written((w) => kind.addAnswer(w, choice));
        const same = kind.check(policy, again, 0, again.length);
        ensure(sound(same, policy) === sound(choice, policy), 'what was taken is not taken again');
      }
      return sound(choice, policy);
    });
  }
}

const TS_DSCP = 241;
const ADDRESS = '07000010 0000ffff 00000000 ffffffff';

function selectors(octets: Uint8Array): void {
  twice(octets, (buffer, at, size) => {
    const list: number[] = [];
    const result = readTsDscp(buffer, at, size, TS_DSCP, list);
    if (result !== 0) return String(result);
    list.forEach((dscp, i) => {
      ensure(dscp < 64 && (i === 0 || list[i - 1] < dscp), 'not in order');
    });
    return list.join();
  });
}

function dscp(octets: Uint8Array): void {
  twice(octets, (buffer, at, size) => {
    const list = readDscp(buffer, at, size);
    const again = written((w) => writeDscp(w, list));
    ensure([...again].join() === list.join(), 'not written as it was read');
    ensure(
      octets.every((value) => value > 63 || list.includes(value)),
      'a value is missing',
    );
    return list.join();
  });
}

function methods(octets: Uint8Array): void {
  twice(octets, (buffer, at, size) => {
    const list: { method: number; certLink: number; algorithmAt: number; algorithmSize: number }[] = [];
    const result = readAnnounced(buffer, at, size, list);
    ensure(list.length <= 16, 'too many');
    for (const { algorithmAt, algorithmSize } of list) {
      ensure(algorithmSize >= 0, 'size below 0');
      ensure(algorithmSize === 0 || (algorithmAt > at && algorithmAt + algorithmSize <= at + size), 'outside');
    }
    const found = list.map((one) => `${one.method} ${one.certLink} ${one.algorithmSize} ${isEd25519(buffer, one)}`);
    return result + ' ' + found.join();
  });
}

const agreed = { notes: [{ name: 'mtu', octets: Uint8Array.of(0) }] } as unknown as IkeSa;
const mtuPayloads = createPayloads();

/** A chain of payloads that begins with Notify. */
function mtu(octets: Uint8Array): void {
  twice(octets, (buffer, at, size) => {
    if (parsePayloads(mtuPayloads, buffer, 41, at, at + size) !== 0) return '';
    let told = '';
    const extension = createMtu(mtuNumbers(), {
      wants: () => true,
      lmap: (_sa, version, length) => {
        ensure((version === 4 || version === 6) && length >= 0 && length < 65536, `lmap ${version} ${length}`);
        told += `lmap ${version} ${length};`;
      },
      ptb: (_sa, lmtu, emtuR) => void (told += `ptb ${lmtu} ${emtuR};`),
      malformed: () => void (told += 'malformed;'),
    });
    const message = { buffer, payloads: mtuPayloads, at, size, first: 41 };
    ensure(extension.read({} as Ike, agreed, STEP_INFORMATIONAL_REQUEST, null, message) === 0, 'refused');
    return told;
  });
}

const offers = (kind: CompressionNotify): Uint8Array[] => [
  ...POLICIES.map((policy) => written((w) => kind.addOffer(w, policy))),
];

export const targets: IkeExtTarget[] = [
  {
    name: 'hcp request',
    seeds: [...offers(hcp), bytes('0100000c 7fff0004 80040006 80040008 02000004 80060000 0501000180')],
    run: (octets) => request(hcp, octets),
  },
  {
    name: 'hcp answer',
    seeds: [
      bytes('01000018 80000001 80010001 80020003 80030000 80040008 80050008'),
      bytes('02000008 80030002 80040020'),
    ],
    run: (octets) => answer(hcp, octets),
  },
  {
    name: 'ehc request',
    seeds: [...offers(ehc), bytes('0014 80000000 80010002 8002000c 8003000c 80040001 0010 80010001 80020010 80030001')],
    run: (octets) => request(ehc, octets),
  },
  {
    name: 'ehc answer',
    seeds: [
      bytes('80000000 80010002 80020004 80030004 80040001'),
      bytes('0014 80000000 80010002 80020004 80030004 80040001'),
    ],
    run: (octets) => answer(ehc, octets),
  },
  { name: 'dscp notify', seeds: [bytes('0a1c'), bytes('2e00ff400a')], run: dscp },
  {
    name: 'ts dscp',
    seeds: [bytes('02000000' + ADDRESS + 'f1000007 0a0c2e'), bytes('03000000 f1000005 0a f1000005 0b' + ADDRESS)],
    run: selectors,
  },
  {
    name: 'mtu notifies',
    seeds: [
      bytes('0000000c 0000c4f5 40000578'),
      bytes('29000014 0304c4f6 01020304 000005dc 00002328 0000000c 0000c4f5 600004d0'),
    ],
    run: mtu,
  },
  {
    name: 'announced methods',
    seeds: [
      written((w) => {
        announceEd25519(w, 0);
        announceSharedKey(w);
      }),
      bytes('030902 020d 0f0e01300a06082a8648ce3d040302'),
    ],
    run: methods,
  },
];
