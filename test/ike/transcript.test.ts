// Downgrade prevention: an attacker on the path, without keys, changes IKE_SA_INIT, and both sides react. Without the
// extension AUTH covers each side's own message, with it both messages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertUp, nothingLeft, outcomes, type Scene, scene } from './kit.ts';

/** A message without the notify of this type. */
function strip(octets: Uint8Array, type: number): Buffer {
  const parts: { type: number; octets: Buffer }[] = [];
  const message = Buffer.from(octets);
  let next = message[16]!;
  for (let at = 28; next !== 0; ) {
    const length = message.readUInt16BE(at + 2);
    parts.push({ type: next, octets: Buffer.from(message.subarray(at, at + length)) });
    next = message[at]!;
    at += length;
  }
  const kept = parts.filter((part) => part.type !== 41 || part.octets.readUInt16BE(6) !== type);
  for (let i = 0; i < kept.length; i++) kept[i]!.octets[0] = kept[i + 1]?.type ?? 0;
  const out = Buffer.concat([message.subarray(0, 28), ...kept.map((part) => part.octets)]);
  out[16] = kept[0]!.type;
  out.writeUInt32BE(out.length, 24);
  return out;
}

/** The attacker strips a notify from the messages of one side. */
function attacked(from: string, type: number, transcript: [boolean, boolean]): Scene {
  return scene({
    unobserved: true,
    device: { transcript: transcript[0], fragmentSize: 400 },
    gateway: { transcript: transcript[1], fragmentSize: 400 },
    filter: (d) => (d.from.name === from && d.octets[18] === 34 ? [{ ...d, octets: strip(d.octets, type) }] : [d]),
  });
}

const TRANSCRIPT = 16447;
const FRAGMENTATION = 16430;

for (const from of ['device', 'gateway']) {
  for (const type of [TRANSCRIPT, FRAGMENTATION]) {
    for (const transcript of [
      [true, true],
      [true, false],
      [false, true],
      [false, false],
    ] as [boolean, boolean][]) {
      test(`${type} is stripped from what the ${from} says, downgrade prevention ${transcript}`, () => {
        const s = attacked(from, type, transcript);
        const sends = type === FRAGMENTATION || transcript[from === 'device' ? 0 : 1];
        const sa = s.connect();
        if (!sends) {
          // There was nothing to strip.
          assertUp(s, sa);
          s.close();
          return;
        }
        s.wait(300000);
        assert.equal(s.world.device.established.length, 0);
        assert.ok(['AUTHENTICATION_FAILED', 'peer-authentication'].includes(outcomes(s).device[0]!));
        nothingLeft(s);
      });
    }
  }
}

test('any octet of IKE_SA_INIT that is changed on its way ends in no SA', () => {
  for (const transcript of [true, false]) {
    const whole = scene({ device: { transcript }, gateway: { transcript } });
    whole.connect();
    for (const from of ['device', 'gateway']) {
      const size = whole.world.log.find((m) => m.from === from)!.octets.length;
      for (let at = 0; at < size; at += 7) {
        const s = scene({
          unobserved: true,
          device: { transcript },
          gateway: { transcript },
          filter: (d) => {
            if (d.from.name !== from || d.octets[18] !== 34) return [d];
            const octets = Buffer.from(d.octets);
            octets[at]! ^= 1;
            return [{ ...d, octets }];
          },
        });
        s.connect();
        assert.equal(s.world.device.established.length, 0, `${from} ${at}`);
        s.wait(300000);
        assert.equal(s.world.device.outcomes.length, 1);
        nothingLeft(s);
      }
    }
  }
});
