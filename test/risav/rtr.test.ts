// The client of RPKI-to-Router: with StayRTR in both versions, and with a cache that says what it must not.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { openRtr, type Rtr, type Upper } from '../../targets/node/risav/rpki/rtr.ts';
import { createReader, RtrError } from '../../targets/node/risav/rpki/rtr-pdu.ts';
import { openRtrOverTcp } from '../../targets/node/risav/rpki/rtr-tcp.ts';
import type { Vrp } from '../../targets/node/risav/rpki/vrps.ts';
import { scratch } from '../cli/run.ts';
import { until } from '../cluster/kit.ts';
import { freePorts } from '../support/free-ports.ts';
import { packageMissing } from '../support/packages.ts';

const files = scratch();
const textOf = (list: readonly Vrp[]): string[] =>
  list.map((one) => `${one.as} ${one.address.toString(16)}/${one.length}-${one.maxLength}`).sort();

const vrpsJson = (list: [number, string, number][]): string =>
  JSON.stringify({
    roas: list.map(([asn, prefix, maxLength]) => ({ asn: `AS${asn}`, prefix, maxLength, ta: 'test' })),
  });
const FIRST = vrpsJson([
  [64500, '192.0.2.0/24', 24],
  [64500, '2001:db8:1::/48', 64],
]);
const SECOND = vrpsJson([
  [64500, '192.0.2.0/24', 24],
  [64501, '198.51.100.0/24', 26],
]);

for (const version of [0, 1, 2]) {
  test(`StayRTR, version ${version} at most`, { skip: packageMissing('stayrtr') }, async (t) => {
    const port = await freePorts(2);
    const file = files.file(`vrps-${version}.json`, FIRST);
    const args = ['-bind', `127.0.0.1:${port}`, '-metrics.addr', `127.0.0.1:${port + 1}`, '-cache', file];
    const options = ['-checktime=false', '-protocol', String(version), '-refresh', '3600', '-loglevel', 'error'];
    const cache = spawn('stayrtr', [...args, ...options], { stdio: 'ignore' });
    t.after(async () => {
      cache.kill('SIGKILL');
      await once(cache, 'close');
    });
    const seen: string[][] = [];
    const said: string[] = [];
    const open = (): Rtr =>
      openRtrOverTcp(
        { host: '127.0.0.1', port },
        { changed: (list) => void seen.push(textOf(list)), told: (line) => void said.push(line) },
      );
    // It listens when it has read its file: the client's own pause would be ten minutes.
    let rtr = open();
    t.after(() => rtr.close());
    await until('its ROAs', () => {
      if (seen.length > 0) return true;
      if (said.length > 0) {
        said.length = 0;
        rtr.close();
        rtr = open();
      }
      return false;
    });
    assert.deepEqual(seen, [['64500 20010db8000100000000000000000000/48-64', '64500 c0000200/24-24']]);
    writeFileSync(file, SECOND);
    cache.kill('SIGHUP');
    await until('a change', () => seen.length > 1);
    assert.deepEqual(seen[1], ['64500 c0000200/24-24', '64501 c6336400/24-26']);
    assert.equal(rtr.count(), 2);
    assert.deepEqual(said, []);
  });
}

function pdu(version: number, type: number, session: number, ...words: number[]): Buffer {
  const out = Buffer.alloc(8 + 4 * words.length);
  out[0] = version;
  out[1] = type;
  out.writeUInt16BE(session, 2);
  out.writeUInt32BE(out.length, 4);
  for (const [at, word] of words.entries()) out.writeUInt32BE(word >>> 0, 8 + 4 * at);
  return out;
}
const v4 = (isAnnounced: boolean, address: number, length: number, as: number, version = 1): Buffer =>
  pdu(version, 4, 0, ((isAnnounced ? 1 : 0) << 24) | (length << 16) | (length << 8), address, as);
const response = (session: number, version = 1): Buffer => pdu(version, 3, session);
const end = (session: number, serial: number): Buffer => pdu(1, 7, session, serial, 100, 10, 1000);
const A = [0xc0000200, 24, 64500] as const;
const B = [0xc6336400, 24, 64501] as const;

/** A cache that the test plays, and a clock. */
function stage() {
  let now = 0;
  let timers: { at: number; work: () => void }[] = [];
  const lines: { upper: Upper; sent: Buffer[]; isOpen: boolean }[] = [];
  const seen: string[][] = [];
  const said: string[] = [];
  const rtr = openRtr({
    connect(upper) {
      const line = { upper, sent: [] as Buffer[], isOpen: true };
      lines.push(line);
      return {
        send: (octets) => void line.sent.push(Buffer.from(octets)),
        close: () => {
          line.isOpen = false;
        },
      };
    },
    after(time, work) {
      const timer = { at: now + time, work };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    changed: (list) => void seen.push(textOf(list)),
    told: (line) => void said.push(line),
  });
  const last = () => lines[lines.length - 1];
  return {
    rtr,
    lines,
    seen,
    said,
    say: (...octets: Buffer[]) => last().upper.came(Buffer.concat(octets)),
    /** What it sent last: type and session, of version and serial those that count. */
    asked: () => last().sent.map((one) => [one[0], one[1], one.length > 8 ? one.readUInt32BE(8) : -1]),
    /** Goes on by milliseconds. */
    wait(time: number) {
      const until = now + time;
      for (;;) {
        const due = timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers = timers.filter((one) => one !== due);
        now = due.at;
        due.work();
      }
      now = until;
    },
  };
}

test('changes count together, at the end of the data, and are asked for by their number', () => {
  const s = stage();
  assert.deepEqual(s.asked(), [[1, 2, -1]]);
  s.say(response(5), v4(true, ...A), v4(true, ...B));
  assert.deepEqual(s.seen, []);
  s.say(end(5, 1));
  assert.deepEqual(s.seen, [['64500 c0000200/24-24', '64501 c6336400/24-24']]);
  s.wait(100_000);
  assert.deepEqual(s.asked().at(-1), [1, 1, 1]);
  s.say(response(5), v4(false, ...B), end(5, 2));
  assert.deepEqual(s.seen[1], ['64500 c0000200/24-24']);
  s.say(pdu(1, 0, 5, 3));
  assert.deepEqual(s.asked().at(-1), [1, 1, 2]);
  // Octet by octet.
  for (const octet of Buffer.concat([response(5), v4(true, ...B), end(5, 3)])) s.say(Buffer.of(octet));
  assert.equal(s.rtr.count(), 2);
  assert.deepEqual([s.said, s.rtr.serial(), s.lines.length], [[], 3, 1]);
});

test('a cache that tells of changes while it is asked is asked once', () => {
  const s = stage();
  s.say(pdu(1, 0, 5, 1), response(5), pdu(1, 0, 5, 2), v4(true, ...A), end(5, 1));
  s.say(pdu(1, 0, 5, 2), pdu(1, 0, 5, 2));
  assert.deepEqual(s.asked(), [
    [1, 2, -1],
    [1, 1, 1],
  ]);
  s.say(response(5), v4(true, ...B), end(5, 2));
  assert.deepEqual([s.rtr.count(), s.said], [2, []]);
});

test('nothing is new: nobody is told', () => {
  const s = stage();
  s.say(response(5), v4(true, ...A), end(5, 1));
  s.wait(100_000);
  s.say(response(5), end(5, 1));
  assert.equal(s.seen.length, 1);
});

test('the cache begins anew: another session, or a reset', () => {
  const s = stage();
  s.say(response(5), v4(true, ...A), end(5, 1));
  s.say(pdu(1, 0, 6, 1));
  assert.deepEqual(s.asked().at(-1), [1, 2, -1]);
  s.say(response(6), v4(true, ...B), end(6, 1));
  assert.deepEqual(s.seen.at(-1), ['64501 c6336400/24-24']);
  s.wait(100_000);
  s.say(pdu(1, 8, 0));
  assert.deepEqual(s.asked().at(-1), [1, 2, -1]);
  s.say(response(6), v4(true, ...A), end(6, 9));
  assert.deepEqual(s.seen.at(-1), ['64500 c0000200/24-24']);
});

test('without the cache its ROAs count until they expire', () => {
  const s = stage();
  s.say(response(5), v4(true, ...A), end(5, 1));
  s.lines[0].upper.ended('');
  s.wait(9_999);
  assert.equal(s.lines.length, 1);
  s.wait(1);
  assert.equal(s.lines.length, 2);
  assert.deepEqual(s.asked(), [[1, 1, 1]]);
  s.lines[1].upper.ended('refused');
  s.wait(989_999);
  assert.deepEqual([s.rtr.count(), s.seen.length], [1, 1]);
  s.wait(1);
  assert.deepEqual([s.rtr.count(), s.seen.at(-1)], [0, []]);
  assert.ok(s.said.includes('the ROAs have expired'), s.said.join());
});

test('a cache of version 0', () => {
  const s = stage();
  s.say(pdu(0, 10, 4, 0, 0));
  s.wait(0);
  assert.deepEqual(s.asked(), [[0, 2, -1]]);
  s.say(response(5, 0), v4(true, ...A, 0), pdu(0, 7, 5, 1));
  assert.deepEqual(s.seen, [['64500 c0000200/24-24']]);
  assert.deepEqual(s.said, []);
});

test('a cache that answers in version 0 at once', () => {
  const s = stage();
  s.say(response(5, 0), v4(true, ...A, 0), pdu(0, 7, 5, 1));
  assert.deepEqual(s.seen, [['64500 c0000200/24-24']]);
  s.wait(3_600_000);
  assert.deepEqual(s.asked().at(-1), [0, 1, 1]);
  s.say(response(5), v4(true, ...B));
  assert.deepEqual([s.lines[0].sent.at(-1)![1], s.lines[0].sent.at(-1)!.readUInt16BE(2)], [10, 8]);
});

test('a cache without data, and one that stops in the middle', () => {
  const s = stage();
  s.say(pdu(1, 10, 2, 0, 0));
  assert.deepEqual(s.said, ['the cache has no data yet']);
  s.wait(600_000);
  s.say(response(5), v4(true, ...A));
  s.wait(30_000);
  assert.match(s.said.at(-1)!, /stopped in the middle/);
  assert.deepEqual([s.seen, s.lines[1].isOpen], [[], false]);
});

const bad: Record<string, [Buffer[], number]> = {
  'a prefix outside of an answer': [[v4(true, ...A)], 0],
  'End of Data without data': [[end(5, 1)], 0],
  'End of Data of another session': [[response(5), end(6, 1)], 0],
  'a prefix twice': [[response(5), v4(true, ...A), v4(true, ...A)], 7],
  'a withdrawal of what was not announced': [[response(5), v4(false, ...A)], 6],
  'bits behind the length': [[response(5), v4(true, 0xc0000201, 24, 1)], 0],
  'a length of 33': [[response(5), v4(true, 0xc0000200, 33, 1)], 0],
  'a PDU of another version': [[response(5, 0)], 8],
  'an unknown PDU': [[pdu(1, 77, 0)], 5],
  'a PDU of 4 GB': [[Buffer.from('0103000500000000ffffffff', 'hex').fill(0xff, 4, 8)], 0],
  'a PDU of 4 octets': [[Buffer.from('0103000500000004', 'hex')], 0],
  'an answer in an answer': [[response(5), response(5)], 0],
};
for (const [name, [octets, code]] of Object.entries(bad)) {
  test(`left with an Error Report: ${name}`, () => {
    const s = stage();
    s.say(response(5), v4(true, ...B), end(5, 1));
    s.wait(100_000);
    s.say(...octets);
    const report = s.lines[0].sent.at(-1)!;
    assert.deepEqual([report[1], report.readUInt16BE(2)], [10, code]);
    assert.equal(s.lines[0].isOpen, false);
    // What was there counts on, and all is asked for next time.
    assert.deepEqual([s.rtr.count(), s.seen.length], [1, 1]);
    s.wait(10_000);
    assert.deepEqual(s.asked(), [[1, 2, -1]]);
    s.say(response(9), v4(true, ...A), end(9, 1));
    assert.deepEqual(s.seen.at(-1), ['64500 c0000200/24-24']);
  });
}

test('random octets: PDUs, or an RtrError', () => {
  let seed = 3;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * limit);
  };
  let errors = 0;
  for (let round = 0; round < 3000; round++) {
    const reader = createReader(round & 1);
    const octets = Buffer.from(Array.from({ length: 8 + below(60) }, () => below(256)));
    octets[0] = round & 1;
    octets[1] = below(12);
    octets.writeUInt32BE(below(3) === 0 ? below(70) : octets.length, 4);
    try {
      for (const _ of reader.take(octets));
    } catch (error) {
      assert.ok(error instanceof RtrError, String(error));
      errors++;
    }
  }
  assert.ok(errors > 500);
});
