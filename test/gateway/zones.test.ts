// Zones of IPv6 addresses [RFC 4007 §11]: sockets take them; where no interface makes sense, that is said.

import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { openUdpPorts } from '../../targets/node/gateway/udp.ts';
import { socketOctets, socketText, zoneOf } from '../../targets/node/host/addresses.ts';
import { createZep } from '../../targets/node/host/radio/zep.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { openUdpSockets } from '../../targets/node/sensor/udp-link.ts';

const hasLo = networkInterfaces().lo?.some(({ address }) => address === '::1') ?? false;
const skip = hasLo ? false : 'no ::1 on lo';

const gatewayOf = (address: string, top = '') =>
  readGateway(
    'g.yaml',
    `udp: [{ address: "${address}", port: 0, natPort: 0 }]\n${top}connection: { localId: fqdn:x, auth: { psk: a } }\n`,
  );
const sensorOf = (own: string, peer: string) =>
  readSensor(
    's.yaml',
    `udp: { address: "${own}" }\ngateway: { address: "${peer}" }\nconnection: { localId: fqdn:x, auth: { psk: a } }\n`,
  );

test('octets and text', () => {
  assert.equal(socketText(socketOctets('fe80::1%eth0')!, zoneOf('fe80::1%eth0')), 'fe80::1%eth0');
  assert.equal(socketText(socketOctets('2001:db8::1%eth0')!, '%eth0'), '2001:db8::1');
  for (const text of ['127.0.0.1%lo', '::%lo', 'fe80::1%', '%lo', 'x%lo'])
    assert.equal(socketOctets(text), undefined, text);
});

test('gateway and sensor on UDP take a zone in their own address and in the gateway of a sensor', {
  skip,
}, async () => {
  const { udp } = gatewayOf('::1%lo').config.ike!;
  const ports = await openUdpPorts(udp);
  const { udp: own, gateway } = sensorOf('::1%lo', 'fe80::1%lo');
  assert.equal(gateway.zone, '%lo');
  const heard = new Promise<string>((resolve) => {
    ports.onDatagram = (_index, octets, offset, length) =>
      resolve(Buffer.from(octets.subarray(offset, offset + length)).toString());
  });
  const { port, natPort } = ports.ports[0];
  const { ike, nat, local } = await openUdpSockets(own!.address, own!, ports.ports[0].local, {
    port,
    natPort,
    zone: '%lo',
  });
  try {
    assert.deepEqual(local, ports.ports[0].local);
    ike.send('hello', port, '::1%lo');
    assert.equal(await heard, 'hello');
  } finally {
    ike.close();
    nat.close();
    await ports.close();
  }
});

test('ZEP takes a zone in its own address and in those of its peers', { skip }, async () => {
  const a = createZep({ address: '::1%lo', port: 0 });
  const b = createZep({ address: '::1%lo', port: 0, peers: [{ address: '::1%lo', port: await a.ready }] });
  try {
    await b.ready;
    const heard = new Promise<number>((resolve) => {
      a.onFrame = (_frame, _offset, length) => resolve(length);
    });
    b.transmit(Uint8Array.of(2, 0, 0x6a, 0xe4, 0x79), 0, 5);
    assert.equal(await heard, 5);
  } finally {
    a.close();
    b.close();
  }
});

test('a zone that does not exist, and one where no interface is meant', async () => {
  await assert.rejects(
    openUdpPorts(gatewayOf('fe80::1%nosuch').config.ike!.udp),
    /udp\[0\]: \[fe80::1%nosuch\]:0 and 0: /,
  );
  assert.throws(
    () => gatewayOf('::%lo'),
    /g\.yaml:1: udp\[0\]\.address: ::%lo: must be an IP address without a zone \(%lo\)$/,
  );
  assert.throws(() => sensorOf('::1', '::%lo'), /gateway\.address: ::%lo: must be an IP address without a zone/);
  assert.throws(
    () => gatewayOf('::1', 'flows: [{ destination: "fe80::1%lo", port: 1, to: "[::1]:1" }]\n'),
    /flows\[0\]\.destination: fe80::1%lo: must be an IP address without a zone \(%lo\)/,
  );
  assert.throws(() => gatewayOf('::1', 'tun: { addresses: ["fe80::1%lo/64"] }\n'), /fe80::1%lo\/64/);
});
