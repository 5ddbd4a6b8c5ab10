// Runs the examples of docs/api.md as they are printed, with two changes: the package's names become files, and fixed ports
// become free ones.

import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'docs/api.md'), 'utf8');

function example(name: string): string {
  const found = new RegExp('<!-- run by the tests: ' + name + ' -->\\n```ts\\n([^]*?)```').exec(readme);
  assert.ok(found, 'no example ' + name);
  return found[1];
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

test('the gateway and the device of docs/api.md talk', async () => {
  for (const name of ['gateway', 'device']) {
    const lines = example(name)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('import '));
    assert.ok(lines.length <= 20, name + ' has ' + lines.length + ' lines');
  }
  const server = await bound();
  const free = await bound();
  const zep = free.address().port;
  await new Promise<void>((resolve) => free.close(() => resolve()));
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-'));
  const load = async (name: string) => {
    const text = example(name)
      .replaceAll("'dietesp/node'", JSON.stringify(pathToFileURL(join(root, 'targets/node/index.ts')).href))
      .replaceAll("'dietesp/device'", JSON.stringify(pathToFileURL(join(root, 'core/device/index.ts')).href))
      .replaceAll("'targets/", "'" + root + '/targets/')
      .replaceAll('17754', String(zep))
      .replaceAll('127.0.0.1:5683', '127.0.0.1:' + server.address().port);
    const file = join(folder, name + '.mts');
    writeFileSync(file, text);
    return import(pathToFileURL(file).href);
  };
  const { gateway } = await load('gateway');
  const { send, driver, device, radio } = await load('device');
  try {
    const heard = once(server, 'message');
    send(Buffer.from('21.5 degrees'));
    const [message, from] = await heard;
    assert.equal(String(message), '21.5 degrees');
    server.send('thanks', from.port, from.address);
    while (device.endpoint.received === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(device.endpoint.received, 1);
  } finally {
    driver.stop();
    radio?.close();
    await gateway.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
});
