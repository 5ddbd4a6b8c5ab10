// A state directory that version 0.2.0 left when it was killed: this version goes on with its SAs. stores/0.2.0 has the directory,
// the last packets of the peer that were delivered before, and those that it sent afterwards.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { openState } from '../../targets/node/host/state/open.ts';

const OLD = join(import.meta.dirname, 'stores', '0.2.0');
/** Its records name the socket by address and port. */
const PORT = 29160;

interface Packets {
  delivered: string[];
  fresh: string[];
  /** The number that the first fresh packet carries; the next ones count on. */
  firstNumber: number;
}

test('SAs of a killed gateway of version 0.2.0 go on: no packet twice, none lost beyond what was reserved', async () => {
  const { delivered, fresh, firstNumber } = JSON.parse(readFileSync(join(OLD, 'packets.json'), 'utf8')) as Packets;
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-upgrade-'));
  const directory = join(folder, 'state');
  cpSync(join(OLD, 'state'), directory, { recursive: true });
  chmodSync(directory, 0o700);
  chmodSync(join(directory, 'seal.key'), 0o600);
  const server = createSocket('udp4');
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const numbers: number[] = [];
  let came = (): void => {};
  server.on('message', (octets) => {
    numbers.push(octets.readUInt32BE(0));
    came();
  });
  const { config } = readGateway(
    'gateway.yaml',
    JSON.stringify({
      udp: [{ address: '127.0.0.1', port: PORT, natPort: PORT + 1 }],
      flows: [{ destination: '2001:db8:2::1', port: 7000, to: `127.0.0.1:${server.address().port}` }],
      pool: ['2001:db8:1::/64'],
      connection: {
        localId: 'fqdn:gateway.example',
        auth: { psk: 'a key for tests, and nothing else' },
        child: { compression: { notify: 'none' } },
      },
    }),
  );
  const store = await openState('gateway', 'gateway.yaml', { directory, keyFile: '' }, undefined);
  assert.deepEqual(store!.problems, []);
  const gateway = await createGateway({ ...config, store: store! });
  const peer = createSocket('udp4');
  try {
    const [sa, ...others] = gateway.ikeSas();
    assert.equal(others.length, 0);
    assert.equal(sa.peer, 'keyid:01');
    assert.equal(sa.state, 'established');
    assert.equal(sa.children.length, 1);
    assert.equal(fresh[0].slice(0, 8), sa.children[0].spiIn.replace('0x', ''));
    const last = firstNumber + fresh.length - 1;
    const arrived = new Promise<void>((resolve) => {
      came = () => numbers.at(-1) === last && resolve();
    });
    for (const packet of [...delivered, ...fresh]) {
      peer.send(Buffer.from(packet, 'hex'), PORT + 1, '127.0.0.1');
      // In order, and each handled before the next comes.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await arrived;
    assert.deepEqual(
      numbers,
      Array.from({ length: numbers.length }, (_, index) => last - numbers.length + 1 + index),
    );
    // What was reserved counts as used: a sensor that sends each 0.3 s has two numbers in 0.4 s, and one more.
    assert.ok(numbers.length >= fresh.length - 4, numbers.join());
    const drops = gateway.metrics().esp.drops;
    assert.equal(drops.replay, delivered.length + fresh.length - numbers.length, JSON.stringify(drops));
  } finally {
    peer.close();
    server.close();
    await gateway.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
