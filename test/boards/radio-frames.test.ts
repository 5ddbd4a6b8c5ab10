// A radio that takes whole frames and acknowledges by itself (boards/common/radio_frames.c): a Linux program whose radio is a
// UDP socket on the loopback address connects with a gateway and sends readings.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { type Board, loadBoard } from '../../targets/build/board-file.ts';
import { buildFirmware } from '../../targets/build/firmware/firmware.ts';
import type { Radio } from '../../targets/node/host/radio/radio.ts';
import { createLab } from '../../targets/node/lab/boards/lab.ts';
import { openPlace, startProcess } from '../../targets/node/lab/boards/process.ts';
import { readProvision } from '../../targets/node/lab/boards/provision.ts';
import { missing, PATIENCE } from './firmware-kit.ts';

const COUNT = 20;
const RSSI = 200;

/** A board whose C is that of linux-program but for its radio. */
function framesBoard(): Board {
  const board = loadBoard('linux-program');
  const sources = ['posix.c', '../../test/boards/posixframes.c'];
  return { ...board, radio: { kind: 'frames' }, build: { kind: 'program', sources } };
}

test('readings through a radio that takes whole frames, at 10 % loss', {
  skip: missing('linux-program', 'lua'),
  timeout: 4 * PATIENCE,
}, async () => {
  const { elf } = await buildFirmware(framesBoard(), 'lua', { sanitize: true });
  const lab = await createLab({ nodes: 1, seed: 3, loss: 0.1, secret: 'frames', count: COUNT, interval: 0.02 });
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const place = openPlace('frames');
  const blob = place.file('provision', readProvision('node', lab.nodes[0].file));
  const words = [elf, `radio=${(socket.address() as AddressInfo).port}`, `provision=${blob}`];
  const board = startProcess(place, words, process.env, async () => {});
  const tuned: string[] = [];
  let port = 0;
  // Frames to the board that ask for an acknowledgement, and the board's.
  let asked = 0;
  let acks = 0;
  const radio: Radio = {
    onFrame: null,
    clear: () => true,
    transmit: (buffer, offset, length) => {
      const datagram = Buffer.concat([Buffer.of(RSSI), buffer.subarray(offset, offset + length)]);
      if (port === 0) return;
      if ((buffer[offset] & 0x20) !== 0) asked++;
      socket.send(datagram, port, '127.0.0.1');
    },
    close: () => {},
  };
  socket.on('message', (datagram, from) => {
    port = from.port;
    if (datagram.toString('latin1') === 'tuned') tuned.push('tuned');
    else {
      if ((datagram[0] & 7) === 2) acks++;
      radio.onFrame?.(datagram, 0, datagram.length);
    }
  });
  try {
    lab.bridge.join('board', radio);
    await board.console.waitFor(/^ike established .*$/, PATIENCE);
    const [done] = await board.console.waitFor(/^done .*$/, PATIENCE);
    assert.equal(done, `done ${COUNT} 0`);
    assert.deepEqual(tuned, ['tuned']);
    // One for each frame: the chip makes them, and the script's stay inside.
    assert.ok(asked >= COUNT);
    assert.equal(acks, asked);
    board.write('exit\n');
    assert.equal((await board.exited).code, 0);
  } finally {
    board.child.kill('SIGKILL');
    await board.exited;
    socket.close();
    await lab.close();
  }
});
