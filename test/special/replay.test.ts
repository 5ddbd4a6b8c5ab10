// Specialised devices with SAs keyed by hand on every engine: the same run on each prints the same lines. The run is recorded on
// Node, where manual.test.ts compares the device with the general one.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ENGINES, type Engine, engineMissing, runOn } from '../../targets/build/engines.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { engineText } from '../../targets/build/specialise/image.ts';
import { joinParts } from '../../targets/build/specialise/join.ts';
import { CASES, dice, OWN, PORT, world } from './manual-world.ts';

const LIMIT_MS = 240000;
const SPECIAL = join(sourceRoot(), 'targets', 'special');
const ENTRY = join(sourceRoot(), 'test', 'special', 'replay.entry.ts');
const folder = mkdtempSync(join(tmpdir(), 'dietesp-replay-'));
after(() => rmSync(folder, { recursive: true }));

/** Profiles that differ in what the code does. */
const NAMES = ['README', 'NULL and HMAC, ESN', 'ESN, window of 64', '3 + 13 bits', 'standard ESP', 'DSCP from a list'];

/** A run: payloads out, frames of the gateway, some damaged or repeated. */
async function runOf(name: string): Promise<{ run: string; constants: Record<string, boolean | number | string> }> {
  const one = CASES.find((candidate) => candidate.name === name)!;
  const { peer, logs, profile } = await world(one);
  const random = dice(11);
  const time = (now: number): string => now.toString(16).padStart(6, '0');
  let run = 'o' + Buffer.from(profile.data).toString('hex') + ' ';
  let now = 1000;
  for (let i = 0; i < 8; i++) {
    const size = i === 3 ? 200 : Math.floor(random() * 40);
    const payload = Uint8Array.from({ length: size }, () => Math.floor(random() * 256));
    run += 's' + time(now) + Buffer.from(payload).toString('hex') + ' ';
    // Without an acknowledgement: all repetitions, then the end.
    for (let k = 0; k < 10; k++) run += 'p' + time((now += 40)) + ' ';
    assert.ok(peer.send(payload, 0, size, PORT, OWN, PORT, now) > 0);
    for (let k = 0; k < 200; k++) {
      peer.poll(++now);
      for (const frame of logs.peer.frames.splice(0)) {
        const octets = Buffer.from(frame, 'hex');
        const sequence = octets[2];
        if (i === 5) octets[octets.length - 6] ^= 4;
        run += 'r' + time(now) + octets.toString('hex') + ' ';
        if (i === 6) run += 'r' + time(now) + octets.toString('hex') + ' ';
        now += 8;
        peer.poll(now);
        peer.receive(acknowledgement(sequence), 0, 5, now);
      }
    }
    now += 600;
  }
  return { run, constants: { ...profile.constants, run } };
}

function acknowledgement(sequence: number): Uint8Array {
  const octets = Uint8Array.of(2, 0, sequence, 0, 0);
  let crc = 0;
  for (const octet of octets.subarray(0, 3)) {
    crc ^= octet;
    crc = (crc >>> 4) ^ ((crc & 15) * 0x1081);
    crc = (crc >>> 4) ^ ((crc & 15) * 0x1081);
  }
  octets[3] = crc & 0xff;
  octets[4] = crc >>> 8;
  return octets;
}

async function played(
  engine: Engine,
  name: string,
  constants: Record<string, boolean | number | string>,
): Promise<string[]> {
  const adapter = engine === 'node' ? join('build', 'emit.ts') : join(engine, 'emit.ts');
  const joined = await joinParts({
    entry: ENTRY,
    profile: constants,
    replace: {
      [join(SPECIAL, 'events.ts')]: join(SPECIAL, 'manual-events.ts'),
      [join(sourceRoot(), 'targets', 'build', 'emit.ts')]: join(sourceRoot(), 'targets', adapter),
    },
  });
  const text =
    joined.replaceAll(/^declare const (board|upper): .*$/gm, '') +
    '\nconst board = replayBoard;\nconst upper = replayUpper;\nreplay();\n';
  const file = join(folder, `${engine}-${name.replaceAll(/\W+/g, '-')}.${engine === 'lua' ? 'lua' : 'js'}`);
  writeFileSync(file, await engineText(text, engine, { isMinified: engine !== 'node' }));
  const outcome = await runOn(engine, file, LIMIT_MS);
  assert.ok(outcome.ok, outcome.stderr + outcome.stdout.slice(-400));
  return outcome.stdout.split('\n').filter((line) => line !== '');
}

for (const name of NAMES) {
  const reference = runOf(name).then(async ({ constants }) => ({
    constants,
    lines: await played('node', name, constants),
  }));
  for (const engine of ENGINES) {
    test(`${name}: the same on ${engine}`, { skip: engineMissing(engine) }, async () => {
      const { constants, lines } = await reference;
      assert.equal(lines.at(-1), 'end sent received');
      assert.ok(lines.filter((line) => line.includes(' u')).length > 5, 'payloads came');
      if (engine !== 'node') assert.deepEqual(await played(engine, name, constants), lines);
    });
  }
}
