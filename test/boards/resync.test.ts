// A board whose gateway lost its state, and a board under a forger, in virtual time: the gateway's advice and token make it begin
// anew [RFC 7296 §1.5, RFC 6290]; lost sequence numbers that it cannot search for heal by a rekey.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DROP_ICV } from '../../core/base/drop.ts';
import { advanceSn } from '../../core/esp/sa.ts';
import { OUTCOME_PEER_CRASHED, OUTCOME_TIMEOUT } from '../../core/ike/state/outcome.ts';
import { putFcs } from '../../core/wire/ieee802154.ts';
import { startGateway } from '../../targets/node/gateway/gateway.ts';
import { createMedium, type Medium } from '../../targets/node/lab/medium.ts';
import { ikeOf } from '../gateway/ike-support.ts';
import { airOn, PORT, SERVER, seeded } from '../gateway/support.ts';
import { type BoardNode, blobOf, boardOn, coapServer, gatewayOn } from './app-support.ts';

type Gateway = Awaited<ReturnType<typeof gatewayOn>>;

const KEY = 'ticketKey: 000102030405060708090a0b0c0d0e0f\n';

/** From the first transmission of a confirmable message to its last, in milliseconds [RFC 7252 §4.8.2]. */
const TRANSMIT_SPAN = 45000;

/** Milliseconds until a board prints a line that begins so. */
function until(medium: Medium, node: BoardNode, text: string, most: number): number {
  const from = medium.now;
  node.take();
  while (medium.now - from < most) {
    medium.run(medium.now + 100);
    if (node.lines.some((line) => line.startsWith(text))) return medium.now - from;
  }
  return -1;
}

/** The gateway ends without a word, as by `kill -9`. */
function kill({ radio }: Gateway): void {
  radio.onFrame = () => {};
  radio.transmit = () => {};
}

for (const interval of [1, 10, 60]) {
  for (const hasKey of [false, true]) {
    const what = hasKey ? 'with tokens, by a key in the file' : 'without tokens';
    test(`a gateway that is killed and lost its SAs, ${what}, a reading each ${interval} s`, async () => {
      const medium = createMedium({ seed: 7 });
      const ike = ikeOf('', hasKey ? KEY : '');
      const first = await gatewayOn(medium, coapServer(medium), { ike });
      const node = boardOn(medium, blobOf(1, { top: `interval: ${interval}\ncount: 0` }), 8);
      medium.run(medium.now + 3 * interval * 1000 + 5000);
      assert.ok(node.lines.some((line) => /^reading \d+ acknowledged/.test(line)));
      kill(first);
      const second = await gatewayOn(medium, coapServer(medium), { ike, provider: seeded(100) });
      const found = until(medium, node, 'ike ended', interval * 1000 + 30000);
      assert.ok(found >= 0, 'the board found out');
      const [, outcome] = node.lines.join('\n').match(/^ike ended outcome=(-?\d+)/m)!;
      assert.equal(Number(outcome), hasKey ? OUTCOME_PEER_CRASHED : OUTCOME_TIMEOUT);
      const more = until(medium, node, 'reading', TRANSMIT_SPAN);
      assert.match(node.lines.at(-1)!, /^reading \d+ acknowledged/);
      // The next reading is the first word to the new gateway. It may need its last repetition where the handshake ends after
      // the one before.
      const most = interval * 1000 + (hasKey ? 12000 : TRANSMIT_SPAN);
      assert.ok(more >= 0 && found + more <= most, `${found} + ${more} ms`);
      assert.equal(second.ikeSas().length, 1);
      await first.close();
      await second.close();
    });
  }
}

test('a forger of INVALID_SPI and of answers ends nothing', async () => {
  const medium = createMedium({ seed: 9 });
  const gateway = await gatewayOn(medium, coapServer(medium));
  const node = boardOn(medium, blobOf(1, { top: 'interval: 5\ncount: 0' }), 10);
  medium.run(medium.now + 10000);
  node.take();
  const path = node.app.device!.uplink.current()!.path;
  const advice = Buffer.from('0'.repeat(32) + '29202508' + '0000000000000028' + '0000000c0000000b' + '01020304', 'hex');
  for (let i = 0; i < 1000; i++) {
    medium.run(medium.now + 60);
    node.app.device!.uplink.receive(path, advice.slice(), 0, advice.length, medium.now);
  }
  assert.deepEqual(
    node.lines.filter((line) => !/^reading \d+ acknowledged/.test(line)),
    [],
  );
  assert.ok(node.lines.length >= 11);
  await gateway.close();
});

test('a forger of 1,000 packets a second on its SPI: an outage that the search cannot bridge heals by a rekey within 10 s', async () => {
  const medium = createMedium({ seed: 11 });
  const { gateway, sas } = await startGateway({
    ...airOn(medium),
    flows: [{ destination: SERVER, port: PORT, to: '127.0.0.1:9' }],
    openSocket: coapServer(medium).openSocket,
    ike: ikeOf(),
  });
  const node = boardOn(medium, blobOf(1, { top: 'interval: 1\ncount: 0' }), 12);
  const heard: Uint8Array[] = [];
  const receive = node.radio.onFrame!;
  node.radio.onFrame = (frame, offset, length) => {
    heard.push(frame.slice(offset, offset + length));
    receive(frame, offset, length);
  };
  medium.run(medium.now + 20000);
  const genuine = heard.filter((frame) => frame.length > 12).at(-1)!;
  // No acknowledgements for the forger.
  genuine[0] &= ~0x20;
  let number = 0;
  let isOn = true;
  // Straight into the radio: the air does not carry so many.
  const forge = (): void => {
    if (!isOn) return;
    const copy = genuine.slice();
    copy[2] = number & 0xff;
    copy[copy.length - 6] ^= 1 + (number % 255);
    copy[copy.length - 7] ^= number >>> 8;
    number++;
    putFcs(copy, 0, copy.length - 2);
    receive(copy, 0, copy.length);
    medium.at(medium.now + 1, forge);
  };
  forge();
  for (const outage of [0, 5000, 20000, 100000, 1000000]) {
    const down = [...sas.all()].filter(({ direction }) => direction === 'out').at(-1)!.sa;
    assert.ok(advanceSn(down, 0, down.snLo + outage));
    if (outage > 0) {
      const ms = until(medium, node, 'child installed', 10000);
      assert.ok(ms >= 0, `${outage} lost: no rekey within 10 s`);
    }
    assert.ok(until(medium, node, 'reading', 15000) >= 0);
    assert.match(node.lines.at(-1)!, /^reading \d+ acknowledged/);
    // Time for the forger to use up what packets that fail may ask for.
    medium.run(medium.now + 600000);
    const said = node.take();
    assert.ok(said.length >= 590, `${said.length} readings`);
    assert.ok(
      said.every((line) => !line.startsWith('ike') && !line.endsWith('failed')),
      said.join('\n'),
    );
  }
  const { endpoint } = node.app.device!;
  assert.ok(number > 3000000);
  assert.ok(endpoint.drops[-DROP_ICV] > 2000000, 'forged packets reach the SA');
  const [, , , , , trials] = endpoint.search!;
  // 8 ICVs a second for an SA, four times that for all: a burst, then no more.
  assert.ok(trials < 300 + (32 * medium.now) / 1000, `${trials} ICVs`);
  isOn = false;
  await gateway.close();
});
