// A specialised device with SAs keyed by hand against the general device, as its gateway, and beside it: the same frames go
// out, the same payloads come in, under loss, repetition, damage and reordering. All in virtual time, seeded.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bare, CASES, dice, OWN, PEER, PORT, world } from './manual-world.ts';

for (const one of CASES) {
  test('as the general device: ' + one.name, async () => {
    const { special, general, peer, logs } = await world(one);
    const random = dice(42);
    let now = 1000;
    const ack = (frame: string, to: (octets: Uint8Array) => void): void => {
      const octets = Buffer.from(frame, 'hex');
      const answer = Buffer.from([2, 0, octets[2], 0, 0]);
      let crc = 0;
      for (const octet of answer.subarray(0, 3)) {
        crc ^= octet;
        crc = (crc >>> 4) ^ ((crc & 15) * 0x1081);
        crc = (crc >>> 4) ^ ((crc & 15) * 0x1081);
      }
      answer.writeUInt16LE(crc, 3);
      to(answer);
    };
    const drain = (frames: string[], run: (t: number) => void, to: (octets: Uint8Array) => void): string[] => {
      const out: string[] = [];
      for (let i = 0; i < 400; i++) {
        now += 1;
        run(now);
        while (frames.length > 0) {
          const frame = frames.shift()!;
          out.push(frame);
          if ((Buffer.from(frame, 'hex')[0] & 7) === 1) {
            now += 5;
            run(now);
            ack(frame, to);
          }
        }
      }
      return out;
    };
    let delivered = 0;
    const kept: string[] = [];
    for (let round = 0; round < 60; round++) {
      const size = Math.floor(random() * (random() < 0.3 ? 256 : 60));
      const payload = Uint8Array.from({ length: size }, () => Math.floor(random() * 256));
      // Out: both devices send the same.
      assert.equal(special.send(0, payload, 0, size, now), 1);
      assert.ok(general.send(payload, 0, size, PORT, PEER, PORT, now) > 0);
      const a = drain(
        logs.special.frames,
        (t) => special.poll(t),
        (f) => special.receive(f, f.length, now),
      );
      const b = drain(
        logs.general.frames,
        (t) => general.poll(t),
        (f) => general.receive(f, 0, f.length, now),
      );
      assert.deepEqual(a.map(bare), b.map(bare), `round ${round}: frames`);
      assert.deepEqual(logs.special.ends.splice(0), logs.general.ends.splice(0));
      // The peer gets it.
      for (const frame of a) {
        const f = Buffer.from(frame, 'hex');
        now += 3;
        peer.receive(f, 0, f.length, now);
        peer.poll(now + 1);
      }
      logs.peer.frames.length = 0;
      assert.deepEqual(
        logs.peer.payloads.splice(0),
        [Buffer.from(payload).toString('hex')],
        `round ${round}: at the peer`,
      );
      // In: frames of the peer, some lost, repeated, damaged, late.
      const down = Uint8Array.from({ length: Math.floor(random() * (random() < 0.3 ? 256 : 60)) }, () =>
        Math.floor(random() * 256),
      );
      assert.ok(peer.send(down, 0, down.length, PORT, OWN, PORT, now) > 0);
      const frames = drain(
        logs.peer.frames,
        (t) => peer.poll(t),
        (f) => peer.receive(f, 0, f.length, now),
      );
      logs.peer.ends.length = 0;
      const list: string[] = [];
      for (const frame of frames) {
        const what = random();
        // A specialised device takes fragments in the order in which they were sent: one hop with acknowledgements keeps it.
        if (what < 0.15) {
          if (frames.length === 1) kept.push(frame);
        } else if (what < 0.25) {
          const f = Buffer.from(frame, 'hex');
          f[Math.floor(random() * f.length)] ^= 1 << Math.floor(random() * 8);
          list.push(f.toString('hex'));
        } else if (what < 0.35) list.push(frame, frame);
        else list.push(frame);
      }
      if (frames.length === 1 && random() < 0.2 && kept.length > 0 && kept[0].length < 254) list.push(kept.shift()!);
      for (const frame of list) {
        now += 500;
        const f = Uint8Array.from(Buffer.from(frame, 'hex'));
        special.receive(Uint8Array.from(f), f.length, now);
        general.receive(Uint8Array.from(f), 0, f.length, now);
        general.poll(now + 1);
        assert.deepEqual(
          logs.special.frames.splice(0),
          logs.general.frames.splice(0),
          `round ${round}: acknowledgements`,
        );
        delivered += logs.special.payloads.length;
        assert.deepEqual(logs.special.payloads.splice(0), logs.general.payloads.splice(0), `round ${round}: payloads`);
      }
    }
    assert.ok(delivered > 25, `${delivered} payloads`);
    assert.equal(special.counter(1), general.endpoint.received);
    assert.equal(special.counter(0), general.endpoint.sent);
  });
}

test('a restart goes on after the numbers that were reserved; where storage fails, no number is used', async () => {
  const one = CASES[0];
  const { special, profile, reserved, make, logs } = await world(one);
  const payload = new Uint8Array(5);
  assert.equal(special.send(0, payload, 0, 5, 1000), 1);
  assert.deepEqual(reserved, [128, -1]);
  // The next run gets the number as the last one that may have been used.
  const octets = Uint8Array.from(profile.data);
  new DataView(octets.buffer).setUint32(
    (profile.constants.atKeyOut as number) + (profile.constants.keymatSize as number),
    128,
  );
  const store = { isBroken: true };
  const next = make(() => {
    if (store.isBroken) throw new Error('full');
  });
  next.start(octets);
  logs.special.frames.length = 0;
  assert.throws(() => next.send(0, payload, 0, 5, 1000), /full/);
  next.poll(2000);
  assert.equal(logs.special.frames.length, 0);
  assert.throws(() => next.send(0, payload, 0, 5, 2000), /full/);
  store.isBroken = false;
  assert.equal(next.send(0, payload, 0, 5, 3000), 1);
  next.poll(4000);
  // SPI bits, then the low bits of number 129.
  const frame = Buffer.from(logs.special.frames[0], 'hex');
  assert.deepEqual(reserved, [128, -1, 256, -1]);
  const esp = (profile.constants.headSize as number) + (profile.constants.iphcSize as number);
  assert.equal(frame[esp + 1], 129);
});

test('what came before a restart is not taken again', async () => {
  const { special, peer, logs, profile, reserved, make } = await world(CASES[0]);
  const payload = Uint8Array.of(1, 2, 3);
  assert.ok(peer.send(payload, 0, 3, PORT, OWN, PORT, 1000) > 0);
  for (let now = 1000; now < 1020; now++) peer.poll(now);
  const frame = Uint8Array.from(Buffer.from(logs.peer.frames[0], 'hex'));
  special.receive(Uint8Array.from(frame), frame.length, 1020);
  assert.deepEqual(logs.special.payloads.splice(0), ['010203']);
  assert.deepEqual(reserved, [-1, 129]);
  const octets = Uint8Array.from(profile.data);
  new DataView(octets.buffer).setUint32(
    (profile.constants.atKeyIn as number) + (profile.constants.keymatSize as number),
    129,
  );
  const next = make(() => {});
  next.start(octets);
  next.receive(Uint8Array.from(frame), frame.length, 3000);
  assert.deepEqual(logs.special.payloads, []);
  assert.equal(next.counter(2), 1);
});
