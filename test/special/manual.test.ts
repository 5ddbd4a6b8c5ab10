// A specialised device with SAs keyed by hand against the general device, as its gateway, and beside it: the same frames go
// out, the same payloads come in, under loss, repetition, damage and reordering. All in virtual time, seeded.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DROP_EXHAUSTED, DROP_SELECTOR, DROP_SHORT, DROP_TOO_LONG } from '../../core/base/drop.ts';
import type { Specialised } from '../../targets/build/specialise/layout.ts';
import { reserveMax } from '../../targets/build/specialise/sa-facts.ts';
import { bare, CASES, type Case, dice, OWN, PEER, PORT, world } from './manual-world.ts';

/** The octets of a device after a restart: with the last numbers that may have been used; -1: as they were. */
function restarted({ constants, data }: Specialised, out: number, back: number): Uint8Array {
  const octets = Uint8Array.from(data);
  const put = (at: unknown, number: number): void => {
    const view = new DataView(octets.buffer, (at as number) + (constants.keymatSize as number), 8);
    view.setBigUint64(0, BigInt(number));
  };
  if (out >= 0) put(constants.atKeyOut, out);
  if (back >= 0) put(constants.atKeyIn, back);
  return octets;
}

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
  const octets = restarted(profile, 128, -1);
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
  assert.deepEqual(reserved, [-1, 9]);
  const octets = restarted(profile, -1, 9);
  const next = make(() => {});
  next.start(octets);
  next.receive(Uint8Array.from(frame), frame.length, 3000);
  assert.deepEqual(logs.special.payloads, []);
  assert.equal(next.counter(2), 1);
});

/** A restart after every few packets: what comes through, out at once and in after the reservation of the last run. */
for (const one of CASES) {
  test('restarts heal: ' + one.name, async () => {
    const { special, peer, logs, profile, make, reserved } = await world(one);
    const reserveIn = profile.constants.reserveIn as number;
    let now = 1000;
    const up = (device: typeof special): number => {
      assert.equal(device.send(0, Uint8Array.of(1, 2, 3), 0, 3, now), 1);
      for (let i = 0; i < 8; i++) device.poll((now += 3));
      const frame = Buffer.from(logs.special.frames.splice(0)[0], 'hex');
      peer.receive(frame, 0, frame.length, (now += 2000));
      peer.poll(now + 1);
      const ack = Uint8Array.from(Buffer.from(logs.peer.frames.splice(0)[0], 'hex'));
      device.receive(ack, ack.length, now);
      for (let i = 0; i < 300; i++) device.poll((now += 3));
      logs.special.frames.length = 0;
      return logs.peer.payloads.splice(0).length;
    };
    const down = (device: typeof special): number => {
      assert.ok(peer.send(Uint8Array.of(4, 5), 0, 2, PORT, OWN, PORT, now) > 0);
      while (logs.peer.frames.length === 0) peer.poll((now += 1));
      const frame = Uint8Array.from(Buffer.from(logs.peer.frames.splice(0)[0], 'hex'));
      device.receive(frame, frame.length, (now += 2000));
      const ack = Buffer.from(logs.special.frames.splice(0)[0], 'hex');
      peer.receive(ack, 0, ack.length, now + 1);
      for (let i = 0; i < 300; i++) peer.poll((now += 3));
      logs.peer.frames.length = 0;
      return logs.special.payloads.splice(0).length;
    };
    let device = special;
    for (let run = 0; run < 4; run++) {
      assert.equal(up(device), 1, `run ${run}: the first packet out`);
      let lost = 0;
      while (down(device) === 0) lost++;
      assert.ok(lost <= (run === 0 ? 0 : reserveIn), `run ${run}: ${lost} packets in were lost`);
      assert.equal(up(device), 1);
      assert.equal(down(device), 1);
      const last = (first: number): number =>
        Math.max(...reserved.filter((number, i) => i % 2 === first && number >= 0));
      const octets = restarted(profile, last(0), last(1));
      device = make(() => {});
      assert.equal(device.start(octets), true);
    }
  });
}

test('the bound of reservations is what the smallest search reaches, halved', () => {
  assert.deepEqual([0, 2, 4, 7, 8, 13, 14, 32].map(reserveMax), [16, 64, 256, 2048, 1024, 32768, 65536, 65536]);
});

test('a reservation that the gateway could not follow is refused', async () => {
  const none = CASES.find(({ name }) => name === 'no bits of the number')!;
  const { profile } = await world(none);
  assert.equal(profile.constants.reserve, 16);
});

const ESN: Case = {
  name: 'ESN',
  change: (a) => {
    a.esn = 1;
    a.espSnLsb = 32;
    a.espSpiLsb = 32;
  },
};
const PLAIN: Case = {
  name: 'no ESN',
  change: (a) => {
    a.espSnLsb = 32;
    a.espSpiLsb = 32;
  },
};

for (const [one, out, reserve] of [
  [ESN, 2 ** 32 + 5, 2 ** 32 + 5 + 128],
  [ESN, 2 ** 53 - 10, 2 ** 53 - 1],
  [PLAIN, 2 ** 32 - 17, 2 ** 32 - 1],
] as const) {
  test(`numbers of 8 octets, none above the largest: ${one.name}, after ${out}`, async () => {
    const { special, peer, logs, reserved, profile, make } = await world({ ...one, sn: { out, in: out } });
    const esp = (profile.constants.headSize as number) + (profile.constants.iphcSize as number);
    const low = (): number => Buffer.from(logs.special.frames.splice(0)[0], 'hex').readUInt32BE(esp + 4);
    assert.equal(special.send(0, Uint8Array.of(1), 0, 1, 1000), 1);
    special.poll(1100);
    const [frame] = logs.special.frames;
    assert.equal(low(), (out + 1) % 2 ** 32);
    assert.deepEqual(reserved.splice(0), [reserve, -1]);
    // The number's high half is in the ICV.
    const octets = Buffer.from(frame, 'hex');
    peer.receive(octets, 0, octets.length, 1200);
    peer.poll(1201);
    assert.deepEqual(logs.peer.payloads.splice(0), ['01']);
    logs.peer.frames.length = 0;
    assert.ok(peer.send(Uint8Array.of(2), 0, 1, PORT, OWN, PORT, 1300) > 0);
    for (let now = 1300; logs.peer.frames.length === 0; now++) peer.poll(now);
    const back = Uint8Array.from(Buffer.from(logs.peer.frames[0], 'hex'));
    special.receive(back, back.length, 1400);
    assert.deepEqual(logs.special.payloads.splice(0), ['02']);
    assert.deepEqual(reserved.splice(0), [-1, Math.min(out + 1 + 8, reserve > out + 20 ? Infinity : reserve)]);
    logs.special.frames.length = 0;
    const next = make(() => {});
    assert.equal(next.start(restarted(profile, reserve, reserve)), true);
    const code = next.send(0, Uint8Array.of(1), 0, 1, 2000);
    if (reserve === 2 ** 32 - 1 || reserve === 2 ** 53 - 1) assert.equal(code, DROP_EXHAUSTED);
    else {
      next.poll(2100);
      assert.equal(low(), (reserve + 1) % 2 ** 32);
    }
  });
}

test('what start refuses: nothing is sent or acknowledged after it', async () => {
  const { peer, logs, profile, make, special } = await world(CASES[0]);
  const { data } = profile;
  const other = (await world(CASES[1])).profile.data;
  const longer = new Uint8Array(data.length + 1);
  longer.set(data);
  for (const octets of [new Uint8Array(0), data.slice(0, -1), longer, other, new Uint8Array(data.length)]) {
    const device = make(() => {});
    assert.equal(device.start(octets), false);
    assert.equal(device.send(0, Uint8Array.of(1), 0, 1, 1000), DROP_SELECTOR);
    device.poll(1100);
    assert.equal(device.nextTimeout(), -1);
  }
  // Zeros in every place that is compared, and a right FCS.
  const device = make(() => {});
  device.start(new Uint8Array(0));
  assert.ok(peer.send(Uint8Array.of(1), 0, 1, PORT, OWN, PORT, 1000) > 0);
  for (let now = 1000; logs.peer.frames.length === 0; now++) peer.poll(now);
  const frame = Uint8Array.from(Buffer.from(logs.peer.frames[0], 'hex'));
  assert.ok(device.receive(frame, frame.length, 1100) < 0);
  assert.deepEqual(logs.special.frames, []);
  // A device that has its octets keeps them.
  assert.equal(special.start(data), false);
  assert.equal(special.start(other), false);
  assert.equal(special.send(0, Uint8Array.of(1), 0, 1, 1000), 1);
  // Refused octets may be followed by the right ones.
  assert.equal(device.start(data), true);
  assert.equal(device.send(0, Uint8Array.of(1), 0, 1, 1000), 1);
});

test('a flow that there is not, and a payload that is shorter than it says, take no number', async () => {
  for (const one of [
    CASES[0],
    CASES.find(({ name }) => name === 'standard ESP')!,
    CASES.find(({ name }) => name === 'any protocol')!,
  ]) {
    const { special, reserved } = await world({ ...one, maxPayload: 20 });
    const payload = new Uint8Array(8);
    for (const flow of [1, 2, 7, -1, 0.5, NaN, Infinity]) {
      assert.equal(special.send(flow, payload, 0, 8, 1000), DROP_SELECTOR, `${one.name}: flow ${flow}`);
    }
    for (const [offset, length] of [
      [0, 9],
      [1, 8],
      [-1, 4],
      [0, -1],
      [0.5, 1],
      [0, 1.5],
      [NaN, 1],
      [0, NaN],
      [0, Infinity],
    ]) {
      assert.equal(special.send(0, payload, offset, length, 1000), DROP_SHORT, `${offset} ${length}`);
    }
    assert.equal(special.send(0, new Uint8Array(30), 0, 21, 1000), DROP_TOO_LONG);
    assert.deepEqual(reserved, []);
    assert.equal(special.counter(0), 0);
    assert.equal(special.send(0, payload, 0, 8, 1000), 1);
  }
});
