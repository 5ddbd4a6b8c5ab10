// ESP over IP protocol 50 between the gateway and a sensor on the loopback: both address families, plain ESP and Diet-ESP, with
// IKE over UDP and over TCP. It needs root rights (or CAP_NET_RAW) and koffi.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { mtuDefaults } from '../../targets/node/host/config/mtu.ts';
import { createMtuSockets } from '../../targets/node/host/mtu/sockets.ts';
import { openRawPorts } from '../../targets/node/host/raw-esp.ts';
import { scene, until } from './tcp-support.ts';

const skip = await openRawPorts([addressOctets('127.0.0.1')!]).then(
  async (ports) => {
    await ports.close();
    return false as const;
  },
  (error: Error) => error.message,
);

const PLAIN = '  child: { compression: { notify: none } }\n';

for (const [name, transport, esp, more, addresses] of [
  ['Diet-ESP, IPv4, IKE over UDP', 'udp', 'raw', '', ['127.0.0.1', '127.0.0.2']],
  ['plain ESP, IPv6, IKE over UDP', 'udp', 'auto', PLAIN, ['::1', '::1']],
  ['Diet-ESP, IPv4, IKE over TCP', 'tcp', 'auto', '', ['127.0.0.1', '127.0.0.2']],
] as const) {
  test(`${name}: ESP in IP itself, answers too, and through a rekey`, { skip }, async (t) => {
    const [address, own] = addresses;
    const s = await scene(t, transport, { esp, more, address, own });
    assert.equal(await s.sensor.connect(false), '');
    await s.talk('by protocol 50');
    s.sensor.rekey();
    s.sensor.wake();
    await until(() => s.told.filter((one) => one === 'child').length === 2);
    await s.talk('after a rekey');
    const { raw, udp } = s.started.gateway.metrics();
    assert.ok(raw!.received >= 2 && raw!.sent >= 2, JSON.stringify(raw));
    assert.equal(raw!.sendErrors, 0);
    // In UDP: IKE, and with `auto` perhaps a probe.
    const child = s.theirs().children.find(({ retired }) => retired === 0)!;
    assert.equal((child.path ?? s.theirs().espPath ?? s.theirs().path).encapsulated, false);
    assert.ok(udp[0].received < 12);
  });
}

test('a gateway that takes ESP in UDP alone refuses the Child SA of a peer in IP itself', { skip }, async (t) => {
  const s = await scene(t, 'udp', {
    esp: 'udp',
    sensorEsp: 'raw',
    address: '127.0.0.1',
    own: '127.0.0.2',
    retry: false,
  });
  const problem = await s.sensor.connect(false);
  // The gateway forces UDP by its NAT detection, which this sensor does not look at.
  assert.notEqual(problem, '');
});

test('an address that comes later gets a raw socket too', { skip }, async (t) => {
  const [first, later] = ['127.0.0.1', '127.0.0.3'].map((text) => addressOctets(text)!);
  const ports = await openRawPorts([first]);
  t.after(() => ports.close());
  // MTU detection finds the socket, to clear DF, and may watch beside it.
  const lines: unknown[] = [];
  const mtu = await createMtuSockets(mtuDefaults({}), (...line) => void lines.push(line));
  t.after(() => mtu.close());
  mtu.openedRaw(first);
  assert.deepEqual(lines, []);
  const got: string[] = [];
  ports.onPacket = (local, remote, octets, offset, length) => {
    got.push(`${local.join('.')} ${remote.join('.')} ${Buffer.from(octets).toString('hex', offset, offset + length)}`);
  };
  assert.equal(ports.send(new Uint8Array(12).fill(1), later, first), false, 'no socket yet');
  ports.open(later.slice());
  ports.open(later.slice());
  assert.equal(ports.send(new Uint8Array(12).fill(2), first, later), true);
  assert.equal(ports.send(new Uint8Array(12).fill(3), later, first), true);
  await until(() => got.length === 2);
  assert.deepEqual(got.sort(), [`127.0.0.1 127.0.0.3 ${'03'.repeat(12)}`, `127.0.0.3 127.0.0.1 ${'02'.repeat(12)}`]);
  assert.throws(() => ports.open(addressOctets('192.0.2.77')!), {
    message: '192.0.2.77: IP protocol 50: bind failed (errno 99)',
  });
});
