import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { createPipeDecoder, GAP_TIME, PIPE_FRAME_MAX, pipeOctets, SFD } from '../../targets/node/host/radio/pipe.ts';
import { createUartRadio, type UartLine, type UartRadio } from '../../targets/node/host/radio/uart.ts';
import {
  listenLine,
  openSerial,
  serialLine,
  socketLine,
  terminalLine,
} from '../../targets/node/host/radio/uart-line.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const text = (octets: Uint8Array) => Buffer.from(octets).toString('hex');
const ACK = hex('02006ae479');
const folder = mkdtempSync(join(tmpdir(), 'dietesp-uart-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const FRAME = fc.uint8Array({ minLength: 5, maxLength: PIPE_FRAME_MAX });
const NOISE = fc.uint8Array({ maxLength: 300 });
/** Octets without a delimiter among them. */
const PLAIN_NOISE = fc
  .uint8Array({ maxLength: 40 })
  .map((octets) => octets.map((octet) => (octet === SFD ? 0 : octet)));

function decoder() {
  const frames: string[] = [];
  const { push, reset, counters } = createPipeDecoder((frame, offset, length) => {
    frames.push(text(frame.subarray(offset, offset + length)));
    frame.fill(0xff);
  });
  return { frames, push, reset, counters };
}

function onPipe(frame: Uint8Array): Uint8Array {
  return pipeOctets(frame, 0, frame.length)!;
}

test('a frame on the pipe, and lengths that it cannot carry', () => {
  assert.equal(text(pipeOctets(hex('ff 02006ae479 ff'), 1, 5)!), 'a70502006ae479');
  for (const length of [0, 4, 128]) assert.equal(pipeOctets(new Uint8Array(200), 0, length), null);
  const { push, frames, counters } = decoder();
  push(hex('00 a704 a780 a7a7 05 02006ae479 33'), 0);
  assert.deepEqual(frames, ['02006ae479']);
  assert.deepEqual(counters, { frames: 1, garbage: 7, badLength: 3, interrupted: 0 });
});

test('garbage without a delimiter between frames costs no frame, wherever the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(PLAIN_NOISE, FRAME), { maxLength: 8 }),
      fc.infiniteStream(fc.nat(200)),
      (parts, cuts) => {
        const { push, frames, counters } = decoder();
        const stream = Buffer.concat(parts.flatMap(([noise, frame]) => [noise, onPipe(frame)]));
        for (let at = 0; at < stream.length; ) {
          const size = 1 + cuts.next().value;
          push(stream.subarray(at, at + size), at);
          at += size;
        }
        assert.deepEqual(
          frames,
          parts.map(([, frame]) => text(frame)),
        );
        assert.equal(
          counters.garbage,
          parts.reduce((sum, [noise]) => sum + noise.length, 0),
        );
      },
    ),
  );
});

test('cut at every octet, octet by octet too', () => {
  const frames = [ACK, new Uint8Array(127).fill(SFD), Uint8Array.from({ length: 60 }, (_value, i) => i)];
  const stream = Buffer.concat(frames.map(onPipe));
  for (let cut = 0; cut <= stream.length; cut++) {
    const { push, frames: got } = decoder();
    push(stream.subarray(0, cut), 0);
    push(stream.subarray(cut), GAP_TIME);
    assert.deepEqual(got, frames.map(text), `cut at ${cut}`);
  }
  const { push, frames: got } = decoder();
  stream.forEach((octet, i) => void push(Uint8Array.of(octet), i * GAP_TIME));
  assert.deepEqual(got, frames.map(text));
});

test('whatever came before, a frame after a pause is read', () => {
  fc.assert(
    fc.property(NOISE, FRAME, (noise, frame) => {
      const { push, frames } = decoder();
      push(noise, 1000);
      push(onPipe(frame), 1001 + GAP_TIME);
      assert.equal(frames.at(-1), text(frame));
    }),
  );
});

test('without a pause too, noise costs no more than the octets it announced', () => {
  fc.assert(
    fc.property(NOISE, (noise) => {
      const { push, frames } = decoder();
      push(noise, 0);
      // A false start takes 127 octets at most: the end of the frames is out of its reach.
      const quiet = new Uint8Array(20);
      for (let i = 0; i < 8; i++) push(onPipe(quiet), 0);
      assert.equal(frames.at(-1), text(quiet));
    }),
  );
});

test('a frame is given up after the gap, at every place in it, and counted', () => {
  const stream = onPipe(ACK);
  for (let cut = 1; cut < stream.length; cut++) {
    const { push, frames, counters, reset } = decoder();
    push(stream.subarray(0, cut), 5000);
    push(stream, 5001 + GAP_TIME);
    assert.deepEqual([frames, counters.interrupted], [[text(ACK)], 1], `cut at ${cut}`);
    push(stream.subarray(0, cut), 6000);
    reset();
    reset();
    push(stream, 6000);
    assert.deepEqual([frames.length, counters.interrupted], [2, 2]);
  }
});

/** The next `count` frames of a radio. */
function nextFrames(radio: UartRadio, count = 1): Promise<string[]> {
  return new Promise((resolve) => {
    const got: string[] = [];
    radio.onFrame = (frame, offset, length) => {
      got.push(text(frame.subarray(offset, offset + length)));
      if (got.length === count) resolve(got);
    };
  });
}

/** Waits for something that will come; the test's own limit bounds it. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function closeAll(...radios: UartRadio[]): Promise<void> {
  for (const radio of radios) radio.close();
  await Promise.all(radios.map((radio) => radio.closed));
}

const LIMIT = { timeout: 60000 };

test('unix sockets: both ends, either may come first, and each may start again', LIMIT, async () => {
  const path = join(folder, 'pipe');
  const client = createUartRadio({ line: socketLine(path), reopenAfter: 10 });
  await until(() => client.counters.errors > 0);
  assert.match(client.problem(), /ENOENT/);
  client.transmit(ACK, 0, 5);
  assert.equal(client.counters.unconnected, 1);
  let server = createUartRadio({ line: listenLine(path) });
  for (let turn = 1; turn <= 3; turn++) {
    await Promise.all([client.ready, server.ready]);
    await until(() => client.isConnected() && server.isConnected());
    const up = nextFrames(server);
    const down = nextFrames(client, 2);
    client.transmit(hex(`ff 0102030405${text(Uint8Array.of(turn))} ff`), 1, 6);
    assert.deepEqual(await up, [`01020304050${turn}`]);
    server.transmit(ACK, 0, 5);
    server.transmit(new Uint8Array(127), 0, 127);
    assert.deepEqual(await down, ['02006ae479', '00'.repeat(127)]);
    await closeAll(server);
    await until(() => !client.isConnected());
    server = createUartRadio({ line: listenLine(path) });
  }
  await until(() => client.isConnected());
  assert.equal(client.counters.opened, 4);
  await closeAll(client);
  await until(() => !server.isConnected());
  // Another client takes the place of one that is still there.
  const first = createUartRadio({ line: socketLine(path), reopenAfter: 1e6 });
  await until(() => server.isConnected());
  const second = createUartRadio({ line: socketLine(path) });
  await until(() => server.counters.opened === 3 && !first.isConnected());
  const heard = nextFrames(second);
  server.transmit(ACK, 0, 5);
  assert.deepEqual(await heard, ['02006ae479']);
  await closeAll(first, second, server);
});

test('a frame cut off by the end of a stream does not reach into the next one', LIMIT, async () => {
  const path = join(folder, 'cut');
  const radio = createUartRadio({ line: listenLine(path) });
  const first = connect(path);
  await radio.ready;
  first.write(hex('a7 05 0200'));
  first.end();
  await until(() => radio.counters.interrupted === 1 && !radio.isConnected());
  const heard = nextFrames(radio);
  const second = connect(path);
  second.write(onPipe(ACK));
  assert.deepEqual(await heard, ['02006ae479']);
  second.destroy();
  await closeAll(radio);
});

test('a reader that does not read: frames are dropped and counted, then it goes on', LIMIT, async () => {
  const path = join(folder, 'slow');
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    socket.pause();
    accepted.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const radio = createUartRadio({ line: socketLine(path), room: 1000 });
  await radio.ready;
  const frame = new Uint8Array(127).fill(1);
  // More than any socket's buffer; without a limit all of it would lie in this process.
  for (let i = 0; i < 200000 && radio.counters.congested < 10; i++) {
    radio.transmit(frame, 0, 127);
    if (i % 64 === 0) await new Promise(setImmediate);
  }
  assert.ok(radio.counters.congested >= 10, 'something was dropped');
  let octets = 0;
  await until(() => accepted.length === 1);
  accepted[0].on('data', (piece: Buffer) => {
    octets += piece.length;
  });
  accepted[0].resume();
  await until(() => octets === 129 * radio.counters.sent);
  radio.transmit(ACK, 0, 5);
  await until(() => octets === 129 * (radio.counters.sent - 1) + 7);
  await closeAll(radio);
  server.close();
});

test('closed radios send nothing, frames of a wrong length are refused, a line that cannot listen says so', async () => {
  const line: UartLine = {
    listens: true,
    open(onStream) {
      onStream(new Duplex({ read() {}, write: (_octets, _encoding, done) => done() }));
      return async () => {};
    },
  };
  const radio = createUartRadio({ line });
  await radio.ready;
  radio.transmit(ACK, 0, 4);
  radio.transmit(new Uint8Array(200), 0, 128);
  radio.transmit(ACK, 0, 5);
  assert.deepEqual([radio.counters.refused, radio.counters.sent, radio.clear()], [2, 1, true]);
  await closeAll(radio);
  radio.close();
  radio.transmit(ACK, 0, 5);
  assert.equal(radio.counters.sent, 1);
  const nowhere = createUartRadio({ line: listenLine(join(folder, 'none', 'socket')) });
  await assert.rejects(nowhere.ready, /ENOENT|EACCES/);
  await closeAll(nowhere);
  const early = createUartRadio({ line: socketLine(join(folder, 'nobody')) });
  early.close();
  await assert.rejects(early.ready, /closed/);
  assert.throws(() => createUartRadio({ line, room: 100 }), /^Error: uart\.room: 100: must be 129 or more$/);
});

const noScript = spawnSync('script', ['--version']).status === 0 ? false : 'script (bsdutils) not found';

test('a pseudo terminal: every octet value passes, both ways', { ...LIMIT, skip: noScript }, async (t) => {
  // `script` makes the terminal and carries its master side over its own input and output.
  const child = spawn('script', ['-q', '-c', 'stty raw -echo; tty; exec sleep 600', join(folder, 'typescript')], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  t.after(() => child.kill('SIGKILL'));
  let out = Buffer.alloc(0);
  child.stdout.on('data', (piece: Buffer) => {
    out = Buffer.concat([out, piece]);
  });
  await until(() => out.includes(0x0a));
  const path = out.toString('latin1').trim();
  out = Buffer.alloc(0);
  for (const line of [terminalLine(path), serialLine(path)]) {
    const radio = createUartRadio({ line });
    await radio.ready;
    for (let start = 0; start < 256; start += 64) {
      const frame = Uint8Array.from({ length: 64 }, (_value, i) => start + i);
      const heard = nextFrames(radio);
      child.stdin.write(onPipe(frame));
      assert.deepEqual(await heard, [text(frame)]);
      out = Buffer.alloc(0);
      radio.transmit(frame, 0, 64);
      await until(() => out.length >= 66);
      assert.equal(text(out), text(onPipe(frame)));
    }
    await closeAll(radio);
  }
});

test('what is no terminal, and ports that are not there', LIMIT, async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  for (const [line, pattern] of [
    [terminalLine(file), /file: .*(ioctl|not a terminal)/],
    [terminalLine(join(folder, 'none')), /none/],
    [serialLine(join(folder, 'none')), /No such file/],
  ] as const) {
    const radio = createUartRadio({ line, reopenAfter: 1e6 });
    await until(() => radio.counters.errors > 0);
    assert.match(radio.problem(), pattern);
    await closeAll(radio);
  }
  await assert.rejects(openSerial(join(folder, 'none'), 115200), /No such file/);
});
