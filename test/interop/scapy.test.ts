// Standard ESP with scapy, in both directions: scapy opens packets of our outbound(), our inbound() opens scapy's, both make
// the same octets with the same IV, and both refuse damaged ICVs. scapy 2.5 lacks implicit IV, and has ESN only for AEADs.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DROP_ICV } from '../../core/base/drop.ts';
import { addInbound } from '../../core/esp/endpoint.ts';
import { packageMissing, pythonWith } from '../support/packages.ts';
import {
  damaged,
  endpoint,
  hex,
  octetsOf,
  open,
  ordinary,
  protect,
  SUITES,
  saOf,
  udpPacket,
  type Values,
} from './associations.ts';

const SCRIPT = fileURLToPath(new URL('esp.py', import.meta.url));
/** Each residue of the padding, a packet of the size of a sensor's, and a large one. */
const SIZES = [0, 1, 2, 3, 28, 29, 600];

interface Answer {
  packet?: string;
  wire?: string;
  error?: string;
}

interface Case {
  name: string;
  suite: string;
  sa: Values;
  inner: Uint8Array;
  wire: Uint8Array;
  opened: number;
  refused: number;
  sealed: number;
  same: number;
}

const lines: string[] = [];
function ask(request: Values): number {
  return lines.push(JSON.stringify(request)) - 1;
}

/** The octets of `wire` behind its outer IP header of `version`. */
function espOf(wire: Uint8Array): Uint8Array {
  return wire.subarray(wire[0] >>> 4 === 6 ? 40 : 20);
}

function makeCases(): Case[] {
  const cases: Case[] = [];
  for (const suite of Object.keys(SUITES)) {
    const numbers: Values[] = [{ esp_sn: '1' }, { esp_sn: 'ffffffff' }];
    if (!suite.includes('HMAC')) numbers.push({ esp_sn: '2ffffffff', esn: true }, { esp_sn: '1', esn: true });
    for (const version of [6, 4]) {
      for (const outer of [6, 4, 0]) {
        for (const number of numbers) {
          for (const size of SIZES) {
            const sa = ordinary(suite, version, outer, 0x7000 + cases.length, number);
            const inner = udpPacket(version, size);
            const wire = protect(endpoint(), saOf(sa), inner);
            const ivLength = saOf(sa).form.suite.ivLength;
            const mode = outer === 0 ? 'transport' : 'tunnel in IPv' + outer;
            cases.push({
              name: [suite, 'IPv' + version, mode, JSON.stringify(number), size].join(' '),
              suite,
              sa,
              inner,
              wire,
              opened: ask({ op: 'open', sa, wire: hex(wire) }),
              refused: ask({ op: 'open', sa, wire: hex(damaged(wire)) }),
              sealed: ask({ op: 'seal', sa, packet: hex(inner), iv: '' }),
              same: ask({ op: 'seal', sa, packet: hex(inner), iv: hex(espOf(wire).subarray(8, 8 + ivLength)) }),
            });
          }
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
  const run = spawnSync(pythonWith('scapy')!, [SCRIPT], {
    input: lines.join('\n') + '\n',
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  answers = run.stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Answer);
  if (answers.length !== lines.length) throw new Error('esp.py answered ' + answers.length + ' times:\n' + run.stderr);
}

for (const suite of Object.keys(SUITES)) {
  const own = cases.filter((entry) => entry.suite === suite);

  test(suite + ': scapy opens our packets, and not damaged ones', { skip }, () => {
    assert.equal(own.length, 2 * 3 * (suite.includes('HMAC') ? 2 : 4) * SIZES.length);
    for (const { name, inner, opened, refused } of own) {
      assert.deepEqual(answers[opened], { packet: hex(inner) }, name);
      assert.match(answers[refused].error ?? 'opened', /^IPSecIntegrityError/, name);
    }
  });

  test(suite + ': we open packets of scapy, and not damaged ones', { skip }, () => {
    for (const { name, sa, inner, sealed } of own) {
      const wire = octetsOf(answers[sealed].wire ?? assert.fail(name + ': ' + answers[sealed].error));
      const to = endpoint();
      addInbound(to, saOf({ ...sa, esp_sn: before(sa) }));
      assert.equal(open(to, damaged(wire)), DROP_ICV, name);
      const back = open(to, wire);
      assert.equal(typeof back === 'number' ? back : hex(back), hex(inner), name);
    }
  });

  test(suite + ': with the same IV scapy makes the same octets', { skip }, () => {
    for (const { name, wire, same } of own) {
      const other = octetsOf(answers[same].wire ?? assert.fail(name + ': ' + answers[same].error));
      assert.equal(hex(espOf(other)), hex(espOf(wire)), name);
    }
  });
}

/** esp_sn of a receiver that has seen the numbers before the case's two ago, so that the case's own is new. */
function before(sa: Values): string {
  const number = BigInt('0x' + (sa['esp_sn'] as string));
  return (number > 2n ? number - 2n : 1n).toString(16);
}
