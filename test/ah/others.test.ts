// AH with what others wrote: scapy opens our packets and ours open its, in both modes, with options and extension headers; tshark
// shows the fields. scapy 2.5 has neither GMAC nor the Scope.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AH_SUITES, ahAesCmac, ahHmacSha256 } from '../../core/ah/suites.ts';
import { DROP_ICV } from '../../core/base/drop.ts';
import { LINKTYPE_RAW } from '../../targets/node/host/radio/pcap.ts';
import { OUTER } from '../interop/associations.ts';
import { tshark } from '../interop/tshark.ts';
import { packageMissing, pythonWith } from '../support/packages.ts';
import { deliver, type Given, keyOf, SPI, saOf, send } from './kit.ts';
import { join, parts } from './naive.ts';
import { destination, FIXED_OPTIONS, four, hop, MUTABLE_OPTIONS, route, six } from './packets.ts';

const SCRIPT = fileURLToPath(new URL('ah.py', import.meta.url));
/** The last stop of routes. */
const FINAL = ['2001:db8:7::1'];
const OPTIONS = '3e 04 01020304 1e 02 aabb 00';

/** `hasOwnPlace`: scapy puts AH behind Destination Options that no route follows. */
const PACKETS: [name: string, packet: Buffer, hasOwnPlace?: boolean][] = [
  ['IPv4', four()],
  ['IPv4, no payload', four('', 0)],
  ['IPv4, 1,400 octets', four('', 1372)],
  ['IPv4, fixed options', four(FIXED_OPTIONS)],
  ['IPv4, mutable options', four(MUTABLE_OPTIONS)],
  ['IPv6', six()],
  ['IPv6, 1,400 octets', six([], 1352)],
  ['IPv6, Hop-by-Hop', six([hop(OPTIONS)])],
  ['IPv6, Destination Options', six([destination(OPTIONS)]), true],
  ['IPv6, a route', six([route(0, 1, FINAL)])],
  ['IPv6, a route at its end', six([route(0, 0, FINAL)])],
  ['IPv6, all of them', six([hop(OPTIONS), destination(OPTIONS), route(0, 1, FINAL), destination(OPTIONS)])],
];

interface Answer {
  packet?: string;
  wire?: string;
  error?: string;
}

interface Case {
  name: string;
  given: Given;
  inner: Buffer;
  wire: Buffer;
  hasOwnPlace: boolean;
  opened: number;
  refused: number;
  sealed: number;
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
const versionOf = (octets: Uint8Array): number => octets[0]! >>> 4;
const damaged = (wire: Buffer): Buffer => {
  const copy = Buffer.from(wire);
  copy[copy.length - 1]! ^= 1;
  return copy;
};

/** The packet at the end of its route: scapy looks at what comes in as the last of the way does. */
function arrived(octets: Buffer): Buffer {
  const list = parts(octets);
  const head = Buffer.from(list[0]!.octets);
  const swapped = list.map(({ proto, octets: all }) => {
    const copy = Buffer.from(all);
    if (proto !== 43 || copy[3] === 0) return { proto, octets: copy };
    copy.copy(head, 24, 8, 24);
    octets.copy(copy, 8, 24, 40);
    copy[3] = 0;
    return { proto, octets: copy };
  });
  return versionOf(octets) === 4 ? octets : join([{ proto: 41, octets: head }, ...swapped.slice(1)]);
}

const lines: string[] = [];
const ask = (request: object): number => lines.push(JSON.stringify(request)) - 1;

function makeCases(): Case[] {
  const cases: Case[] = [];
  for (const [suite, algorithm] of [
    [ahHmacSha256, 'SHA2-256-128'],
    [ahAesCmac, 'AES-CMAC-96'],
  ] as const) {
    for (const [numbers, number] of [
      [0, 0xfffffffen],
      [1, 0x2ffffffffn],
    ] as const) {
      for (const outer of [0, 4, 6]) {
        for (const [name, inner, hasOwnPlace = false] of PACKETS) {
          const version = versionOf(inner);
          const config = { snHi: Number((number - 1n) >> 32n), snLo: Number((number - 1n) & 0xffffffffn) };
          const given: Given = { suite, version, outer, ah: { numbers }, config };
          const wire = send(saOf(given), inner);
          if (typeof wire === 'number') throw new Error(`${name}: dropped with ${wire}`);
          const sa = {
            algorithm,
            key: hex(keyOf(suite)),
            spi: SPI,
            number: number.toString(16),
            esn: numbers === 1,
            tunnel: outer === 0 ? null : OUTER[outer],
          };
          cases.push({
            name: `${algorithm} ${name} ${outer} ${number}`,
            given,
            inner,
            wire,
            hasOwnPlace,
            opened: ask({ op: 'open', sa, wire: hex(outer === 0 ? arrived(wire) : wire) }),
            refused: ask({ op: 'open', sa, wire: hex(damaged(wire)) }),
            sealed: ask({ op: 'seal', sa, packet: hex(inner) }),
          });
        }
      }
    }
  }
  return cases;
}

const skip = packageMissing('python3-scapy');
const cases = skip === false ? makeCases() : [];
let answers: Answer[] = [];
if (skip === false) {
  const input = `${lines.join('\n')}\n`;
  const run = spawnSync(pythonWith('scapy')!, [SCRIPT], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: 120000,
  });
  answers = run.stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Answer);
  if (answers.length !== lines.length) throw new Error(`ah.py answered ${answers.length} times:\n${run.stderr}`);
}

test('scapy opens our packets, and not damaged ones', { skip }, () => {
  assert.equal(cases.length, 2 * 2 * 3 * PACKETS.length);
  for (const { name, given, inner, opened, refused } of cases) {
    const packet = hex(given.outer === 0 ? arrived(inner) : inner);
    assert.deepEqual(answers[opened], { packet }, name);
    assert.match(answers[refused]!.error ?? 'opened', /^IPSecIntegrityError/, name);
  }
});

test('ours open packets of scapy, and not damaged ones; in transport mode they are the same octets', { skip }, () => {
  for (const { name, given, inner, wire, hasOwnPlace, sealed } of cases) {
    // scapy takes every route that it sends for one that has not begun.
    if (name.includes('at its end') && given.outer === 0) continue;
    const theirs = Buffer.from(answers[sealed]!.wire ?? assert.fail(`${name}: ${answers[sealed]!.error}`), 'hex');
    assert.equal(deliver(given, damaged(theirs)), DROP_ICV, name);
    assert.deepEqual(deliver(given, theirs), inner, name);
    if (given.outer === 0 && !hasOwnPlace) assert.deepEqual(theirs, wire, name);
  }
});

test('tshark: AH with its SPI, number, length and ICV, and what is behind it', {
  skip: packageMissing('tshark'),
}, () => {
  const wires: Buffer[] = [];
  const expected: string[][] = [];
  for (const suite of AH_SUITES) {
    for (const outer of [0, 4, 6]) {
      for (const [, inner] of PACKETS.filter(([name]) => !name.includes('route') && !name.includes('all'))) {
        const version = versionOf(inner);
        const wire = send(saOf({ suite, version, outer }), inner) as Buffer;
        const size = wire.length - inner.length - (outer === 0 ? 0 : outer === 4 ? 20 : 40);
        const at = wire.indexOf(Buffer.from('0123456700000001', 'hex')) + 8;
        wires.push(wire);
        expected.push([
          `0x${SPI.toString(16).padStart(8, '0')}`,
          '1',
          String(size / 4 - 2),
          hex(wire.subarray(at, at + size - 12)),
          '4501',
        ]);
      }
    }
  }
  const fields = ['ah.spi', 'ah.sequence', 'ah.length', 'ah.icv', 'udp.dstport', '_ws.malformed'];
  const rows = tshark(LINKTYPE_RAW, wires, { fields });
  const found = rows.map(([spi, number, length, icv, port, malformed]) => {
    assert.equal(malformed, '');
    return [spi, number, length!.split(' ')[0], icv!.replaceAll(':', ''), port];
  });
  assert.deepEqual(found, expected);
});
