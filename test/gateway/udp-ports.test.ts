// The gateway's UDP sockets where the configuration says "all addresses": addresses come and go.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { openUdpPorts, type UdpOptions } from '../../targets/node/gateway/udp.ts';
import { addressText } from '../../targets/node/host/addresses.ts';

/** Interfaces with these addresses; all of 127.0.0.0/8 can be bound. */
function host(...addresses: string[]) {
  const state = { addresses };
  const interfaces = (() => ({
    lo0: state.addresses.map((address) => ({
      address,
      family: address.includes(':') ? 'IPv6' : 'IPv4',
      scopeid: address.startsWith('fe80') ? 2 : 0,
    })),
  })) as unknown as () => NodeJS.Dict<NetworkInterfaceInfo[]>;
  return Object.assign(state, { interfaces });
}

const ANY = [{ address: '0.0.0.0', port: 0, natPort: 0 }];

function logged(): { lines: string[]; log: NonNullable<UdpOptions['log']> } {
  const lines: string[] = [];
  return {
    lines,
    log: (level, _name, text) => void lines.push(`${level} ${typeof text === 'string' ? text : text()}`),
  };
}

async function ask(port: number, address: string): Promise<void> {
  const client = createSocket('udp4');
  client.send(new Uint8Array(40).fill(1), port, address);
  await once(client, 'listening');
  await new Promise(setImmediate);
  client.close();
}

test('an address that comes later is served, one that goes loses its sockets and keeps its place', async () => {
  const here = host('127.0.0.1', 'fe80::1', '::1');
  const { lines, log } = logged();
  const sockets = await openUdpPorts(ANY, { interfaces: here.interfaces, log });
  const got: string[] = [];
  let arrived: () => void = () => {};
  sockets.onDatagram = (index, _octets, _offset, length, _kind, remote) => {
    got.push(`${index} ${length} ${addressText(remote)}`);
    arrived();
  };
  const served = () => sockets.ports.map(({ local, isOpen }) => `${addressText(local)} ${isOpen}`);
  const heard = async (index: number, address: string) => {
    const came = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    await ask(sockets.ports[index].port, address);
    await came;
  };
  try {
    assert.deepEqual(served(), ['127.0.0.1 true']);
    await heard(0, '127.0.0.1');
    here.addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
    await sockets.refresh();
    assert.deepEqual(served(), ['127.0.0.1 true', '127.0.0.2 true', '127.0.0.3 true']);
    await heard(2, '127.0.0.3');
    here.addresses = ['127.0.0.1', '127.0.0.3'];
    await sockets.refresh();
    assert.deepEqual(served(), ['127.0.0.1 true', '127.0.0.2 false', '127.0.0.3 true']);
    sockets.ports[1].send(new Uint8Array(5), Uint8Array.of(127, 0, 0, 1), 9, true);
    assert.deepEqual([sockets.ports[1].counters.sent, sockets.ports[1].counters.sendErrors], [0, 1]);
    here.addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
    await Promise.all([sockets.refresh(), sockets.refresh()]);
    assert.deepEqual(served(), ['127.0.0.1 true', '127.0.0.2 true', '127.0.0.3 true'], 'the same place');
    await heard(1, '127.0.0.2');
    assert.deepEqual(got, ['0 40 127.0.0.1', '2 40 127.0.0.1', '1 40 127.0.0.1']);
    const told = lines.filter((line) => line.includes('the address is')).map((line) => line.replace(/^.*: /, ''));
    assert.equal(told.filter((line) => line === 'the address is there now').length, 3);
    assert.equal(told.filter((line) => line === 'the address is gone').length, 1);
  } finally {
    await sockets.close();
  }
});

test('an address that cannot be bound stops nothing, is told once, and is tried again', async () => {
  const here = host('127.0.0.1', '192.0.2.77');
  const { lines, log } = logged();
  const sockets = await openUdpPorts(ANY, { interfaces: here.interfaces, log });
  try {
    for (let i = 0; i < 3; i++) await sockets.refresh();
    assert.deepEqual(
      sockets.ports.map(({ isOpen }) => isOpen),
      [true, false],
    );
    assert.equal(lines.filter((line) => /warn.*192\.0\.2\.77.*EADDRNOTAVAIL/.test(line)).length, 1);
    assert.equal(sockets.ports[1].counters.socketErrors, 4);
  } finally {
    await sockets.close();
  }
});

test('no address at the start is no error; a port in use at all of them is', async () => {
  const here = host();
  const sockets = await openUdpPorts(ANY, { interfaces: here.interfaces });
  assert.equal(sockets.ports.length, 0);
  here.addresses = ['127.0.0.4'];
  await sockets.refresh();
  assert.equal(sockets.ports[0].isOpen, true);
  const { port } = sockets.ports[0];
  const taken = [{ address: '0.0.0.0', port, natPort: 0 }];
  await assert.rejects(openUdpPorts(taken, { interfaces: here.interfaces }), /^Error: udp\[0\]: .*EADDRINUSE/);
  await sockets.close();
  here.addresses = ['127.0.0.4', '127.0.0.5'];
  await sockets.refresh();
  assert.equal(sockets.ports.length, 1, 'closed: nothing is opened any more');
});

test('a buffer that the system keeps smaller is told once, with the name of its limit', async () => {
  const { lines, log } = logged();
  const sockets = await openUdpPorts([{ address: '127.0.0.1', port: 0, natPort: 0 }], { log, buffer: 1 << 30 });
  await sockets.close();
  const small = lines.filter((line) => line.includes(' buffer'));
  if (process.platform === 'linux') {
    assert.match(
      small[0],
      /^warn UDP: the system gives \d+ octets of 1073741824 for the receive buffer: .*rmem_max=1073741824$/,
    );
    assert.match(small[1], /wmem_max/);
  }
  assert.equal(small.length, 2, 'of four, once each');
});
