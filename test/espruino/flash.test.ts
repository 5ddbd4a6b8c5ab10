// Flashing Espruino: the uploader of the Espruino project writes to its Linux build over TCP, and the data is there after a
// restart. Other uploads must be refused before an octet is sent, or given up in time.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Board, loadBoard } from '../../targets/build/board-file.ts';
import { flashEspruino } from '../../targets/node/lab/boards/espruino-flash.ts';
import { provideUploader } from './uploader.ts';

const found = provideUploader();
const uploader = 'folder' in found ? found.folder : '';
const skip = 'missing' in found ? found.missing : false;
const LIMIT = 120000;

const folder = mkdtempSync(join(tmpdir(), 'dietesp-flash-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Interpreter {
  child: ChildProcess;
  output: () => string;
  until(pattern: RegExp): Promise<void>;
  quit(): Promise<void>;
}

/** The interpreter with its Storage in `folder`; it runs what is there as boot code. */
function interpreter(): Interpreter {
  const child = spawn('espruino', [], { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] });
  let output = '';
  const waiting = new Set<() => void>();
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    output += text;
    for (const look of waiting) look();
  });
  child.stdin.on('error', () => {});
  const gone = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    child,
    output: () => output,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const limit = setTimeout(() => reject(new Error(`no ${pattern} in: ${output.slice(-400)}`)), LIMIT);
        const look = (): void => {
          if (!pattern.test(output)) return;
          clearTimeout(limit);
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    quit: () => {
      child.kill('SIGKILL');
      return gone;
    },
  };
}

interface Bridge {
  port: string;
  connections: () => number;
  close(): void;
}

/** A TCP port for the console of an interpreter, or for nobody. */
async function bridge(to: Interpreter | null): Promise<Bridge> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server: Server = createServer((socket) => {
    count++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    if (to !== null) socket.on('data', (data) => void to.child.stdin?.write(data));
  });
  to?.child.stdout?.on('data', (text: string) => {
    for (const socket of sockets) socket.write(Buffer.from(text, 'latin1'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => count,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function scriptOf(text: string): string {
  const file = join(folder, 'script.js');
  writeFileSync(file, text);
  return file;
}

/** Longer than a piece, with everything that a console or a string might trip over. */
const AWKWARD = `var all=${JSON.stringify(Array.from({ length: 128 }, (_, i) => String.fromCharCode(i)).join(''))};\n`;
const SCRIPT = `${AWKWARD.repeat(4)}print("booted",all.length,E.CRC32(require("Storage").read("desp.blb")),`;

test('a script, its settings and a blob: there after a restart; the next one replaces it', { skip }, async () => {
  const board = loadBoard('espruino-linux');
  const blob = Uint8Array.from({ length: 300 }, (_, i) => (i * 7) & 0xff);
  let running = interpreter();
  const place = { kind: 'uart-pipe', path: '/dev/null' };
  for (const round of [1, 2]) {
    const line = await bridge(running);
    const file = scriptOf(`${SCRIPT}"round",${round},require("Storage").readJSON("desp.jsn").path);`);
    try {
      await flashEspruino({ board, file, port: line.port, blob, radio: place, limit: LIMIT, uploader });
    } finally {
      line.close();
    }
    await running.until(new RegExp(`booted 128 \\d+ round ${round} /dev/null`));
    await running.quit();
    running = interpreter();
    await running.until(new RegExp(`booted 128 \\d+ round ${round} /dev/null`));
  }
  await running.quit();
});

test('what is too large for the Storage is refused before a connection is made', async () => {
  const line = await bridge(null);
  const board: Board = { ...loadBoard('mdbt42q'), flash: { origin: 0, size: 1000 } };
  const options = { port: line.port, uploader: 'there is none', limit: 1000 };
  try {
    const file = scriptOf('x'.repeat(900));
    await assert.rejects(
      flashEspruino({ board, file, blob: new Uint8Array(100), ...options }),
      /mdbt42q: dietlite 900, desp\.jsn \d+, desp\.blb 100: \d+ octets with their heads: its Storage has 1000/,
    );
    await assert.rejects(flashEspruino({ board, file: scriptOf(''), ...options }), /Storage|is empty/);
    assert.equal(line.connections(), 0);
  } finally {
    line.close();
  }
});

test('no uploader: the line that installs it', async () => {
  const line = await bridge(null);
  try {
    const options = { board: loadBoard('espruino-linux'), file: scriptOf('1'), port: line.port, limit: 1000 };
    await assert.rejects(
      flashEspruino({ ...options, uploader: join(folder, 'nowhere') }),
      /npm install --no-save espruino@/,
    );
    assert.equal(line.connections(), 0);
  } finally {
    line.close();
  }
});

test('a board that never answers is given up after the limit', { skip }, async () => {
  const line = await bridge(null);
  try {
    const options = { board: loadBoard('espruino-linux'), file: scriptOf('1'), port: line.port, uploader };
    await assert.rejects(
      flashEspruino({ ...options, limit: 4000 }),
      /tcp:\/\/127\.0\.0\.1:\d+: no answer within 4000 ms/,
    );
    assert.ok(line.connections() > 0);
  } finally {
    line.close();
  }
});
