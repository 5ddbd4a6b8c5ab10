import assert from 'node:assert/strict';
import { test } from 'node:test';
import { putFcs } from '../../core/wire/ieee802154.ts';
import { createPcapWriter, readCapture } from '../../targets/node/host/radio/pcap.ts';
import type { Radio } from '../../targets/node/host/radio/radio.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { withCapture, withLoss } from '../../targets/node/host/radio/wrap.ts';
import { createMedium, type MediumConfig } from '../../targets/node/lab/medium.ts';

const frameOf = (size: number, value: number) => new Uint8Array(size).fill(value);

/** Radios that note what they hear, with its time. */
function radiosOf(config: MediumConfig, count: number) {
  const medium = createMedium(config);
  const heard: string[][] = [];
  const radios: Radio[] = [];
  for (let i = 0; i < count; i++) {
    const radio = medium.radio();
    heard.push([]);
    radio.onFrame = (frame, offset, length) =>
      heard[i].push(`${medium.now.toFixed(3)} ${Buffer.from(frame.subarray(offset, offset + length)).toString('hex')}`);
    radios.push(radio);
  }
  return { medium, radios, heard };
}

test('a frame arrives after its air time at all that hear it; the channel is busy meanwhile', () => {
  const { medium, radios, heard } = radiosOf({ seed: 1, delay: 1, reaches: (_from, to) => to !== 2 }, 4);
  medium.at(10, () => radios[0].transmit(frameOf(4, 1), 1, 3));
  const clear: string[] = [];
  for (const time of [9.9, 10.1, 10.28, 10.29]) {
    medium.at(time, () => clear.push(`${time}: ${radios.map((radio) => (radio.clear() ? 'c' : 'b')).join('')}`));
  }
  medium.settle(100);
  assert.deepEqual(clear, ['9.9: cccc', '10.1: bbcb', '10.28: bbcb', '10.29: cccc']);
  assert.deepEqual(heard, [[], ['11.288 010101'], [], ['11.288 010101']]);
});

test('overlapping frames destroy each other, also from hidden nodes; a sender hears nothing', () => {
  const { medium, radios, heard } = radiosOf({ seed: 1, reaches: (from, to) => from + to !== 3 }, 4);
  // 1 and 2 do not hear each other (nor 0 and 3).
  medium.at(0, () => radios[1].transmit(frameOf(20, 1), 0, 20));
  medium.at(0.5, () => radios[2].transmit(frameOf(20, 2), 0, 20));
  medium.at(0.6, () => radios[0].transmit(frameOf(20, 3), 0, 20));
  medium.settle(100);
  assert.equal(medium.counters.collided, 2, JSON.stringify(medium.counters));
  assert.equal(medium.counters.deaf, 4);
  for (const list of heard) for (const line of list) assert.doesNotMatch(line, /(01){20}|(02){20}|(03){20}/);
});

test('loss, duplicates, reordering and corruption happen about as often as asked, and repeat with the seed', () => {
  const run = (seed: number) => {
    const config = { seed, loss: 0.3, duplicate: 0.2, reorder: 0.25, corrupt: 0.1, spread: 30 };
    const { medium, radios, heard } = radiosOf(config, 2);
    for (let i = 0; i < 2000; i++) medium.at(i * 10, () => radios[0].transmit(frameOf(10, i & 0xff), 0, 10));
    medium.settle(1e6);
    return { counters: medium.counters, heard: heard[1] };
  };
  const { counters, heard } = run(5);
  const near = (value: number, wanted: number) =>
    assert.ok(Math.abs(value - wanted) < 0.15 * wanted + 20, `${value} ${wanted}`);
  near(counters.lost, 600);
  near(counters.duplicated, 280);
  near(counters.reordered, 350);
  near(counters.corrupted, 140);
  assert.equal(counters.delivered, heard.length);
  assert.equal(counters.delivered, counters.sent - counters.lost + counters.duplicated);
  assert.deepEqual(run(5), { counters, heard });
  assert.notDeepEqual(run(6).heard, heard);
});

test('corruption is always found by the FCS', async () => {
  const { checkFrame } = await import('../../core/wire/ieee802154.ts');
  const { medium, radios } = radiosOf({ seed: 3, corrupt: 1 }, 2);
  let bad = 0;
  radios[1].onFrame = (frame, offset, length) => {
    assert.ok(checkFrame(frame, offset, length) < 0);
    bad++;
  };
  const frame = frameOf(60, 0x21);
  putFcs(frame, 0, 58);
  for (let i = 0; i < 3000; i++) medium.at(i * 10, () => radios[0].transmit(frame, 0, 60));
  medium.settle(1e6);
  assert.equal(bad, 3000);
});

test('a node that makes no progress ends the run', () => {
  const medium = createMedium({ seed: 1 });
  medium.attach(medium.radio(), { poll() {}, nextTimeout: () => 5 });
  assert.throws(() => medium.run(10), /no progress at 5 ms/);
});

test('wrappers stack: capture outside of loss', () => {
  const { medium, radios } = radiosOf({ seed: 1 }, 2);
  const pieces: Uint8Array[] = [];
  const lossy = withLoss(radios[0], { seed: 9, transmit: 0.5, receive: 0.5 });
  const writer = createPcapWriter((octets) => pieces.push(octets.slice()), 195);
  const radio = withCapture(lossy, writer, () => medium.now);
  let got = 0;
  let arrived = 0;
  radio.onFrame = () => got++;
  radios[1].onFrame = () => arrived++;
  for (let i = 0; i < 100; i++) {
    medium.at(i * 10, () => radio.transmit(frameOf(9, i), 0, 9));
    medium.at(i * 10 + 5, () => radios[1].transmit(frameOf(7, i), 0, 7));
  }
  medium.settle(1e6);
  const records = [...readCapture(new Uint8Array(Buffer.concat(pieces)))];
  assert.equal(records.length, 100 + got);
  assert.equal(lossy.lost, 200 - got - arrived);
  assert.ok(arrived > 30 && arrived < 70 && got > 30 && got < 70);
  assert.ok(radio.clear());
  radio.close();
  medium.at(medium.now, () => radios[1].transmit(frameOf(7, 1), 0, 7));
  medium.settle(1e6);
  assert.equal(records.length, 100 + got);
});

test('the generator is the same everywhere', () => {
  const random = createRandom(1);
  const octets = new Uint8Array(8);
  random.fill(octets, 2, 4);
  assert.equal(octets[0] + octets[1] + octets[6] + octets[7], 0);
  assert.deepEqual(
    [...octets.subarray(2, 6)],
    [
      ...(() => {
        const again = new Uint8Array(4);
        createRandom(1).fill(again, 0, 4);
        return again;
      })(),
    ],
  );
  for (let i = 0; i < 1000; i++) {
    const x = random.next();
    assert.ok(x >= 0 && x < 1);
    assert.ok(random.below(3) < 3);
  }
});
