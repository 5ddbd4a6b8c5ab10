// Parts of the gateway alone: datagrams, the neighbour table; and SAs whose selectors are ranges.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkIpv4 } from '../../core/wire/ipv4.ts';
import { checkIpv6 } from '../../core/wire/ipv6.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { createPeers } from '../../targets/node/gateway/peers.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { type Datagram, endpointText, readDatagram, writeDatagram } from '../../targets/node/host/datagram.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { clockOf, fakeSockets, GATEWAY, outerOf, PAN, PORT, saOf, seeded, sensorOn } from './support.ts';

function datagram(six: boolean, length: number): Datagram {
  return {
    source: addressOctets(six ? '2001:db8::1' : '192.0.2.1')!,
    sourcePort: 5683,
    destination: addressOctets(six ? '2001:db8::2' : '198.51.100.2')!,
    destinationPort: 61616,
    payload: new Uint8Array(length).map((_octet, i) => i),
  };
}

test('datagrams are written and read back; damaged, cut and other packets are not datagrams', () => {
  for (const six of [true, false]) {
    for (const length of [0, 1, 18, 1000]) {
      const packet = new Uint8Array(1100);
      const sent = datagram(six, length);
      const size = writeDatagram(packet, sent);
      assert.equal(size, (six ? 48 : 28) + length);
      assert.equal((six ? checkIpv6 : checkIpv4)(packet, 0, size), 0);
      assert.deepEqual(readDatagram(packet, size), {
        ...sent,
        source: packet.subarray(six ? 8 : 12, six ? 24 : 16),
        destination: packet.subarray(six ? 24 : 16, six ? 40 : 20),
        payload: packet.subarray(size - length, size),
      });
      assert.deepEqual([...readDatagram(packet, size)!.source], [...sent.source]);
      assert.deepEqual([...readDatagram(packet, size)!.payload], [...sent.payload]);
      for (let cut = six ? 40 : 20; cut < size; cut++) assert.equal(readDatagram(packet, cut), null, `cut at ${cut}`);
      for (let bit = (six ? 40 : 20) * 8; bit < Math.min(size, 80) * 8; bit++) {
        // A checksum of 0 would mean "none"; no single bit makes it so here.
        packet[bit >>> 3] ^= 0x80 >>> (bit & 7);
        assert.equal(readDatagram(packet, size), null, `bit ${bit}`);
        packet[bit >>> 3] ^= 0x80 >>> (bit & 7);
      }
      packet[six ? 6 : 9] = 6;
      assert.equal(readDatagram(packet, size), null, 'TCP');
    }
    assert.equal(writeDatagram(new Uint8Array(100), datagram(six, 100)), -1);
  }
  const packet = new Uint8Array(100);
  const size = writeDatagram(packet, datagram(false, 8));
  packet[6] = 0x20;
  assert.equal(readDatagram(packet, size), null, 'a fragment');
  assert.equal(endpointText(addressOctets('2001:db8::2')!, 7), '[2001:db8::2]:7');
  assert.equal(endpointText(addressOctets('192.0.2.1')!, 7), '192.0.2.1:7');
});

test('the neighbour table is bounded: the learned entry unheard for longest goes, configured ones stay', () => {
  const peers = createPeers(3);
  const address = (n: number) => addressOctets(outerOf(n))!;
  const link = (n: number) => Uint8Array.of(0, n);
  const learn = (n: number, now: number) => peers.learn(address(n), 0, 0, link(n), now).moved;
  peers.configure(address(9), 1, link(9));
  assert.deepEqual([learn(1, 1), learn(2, 2), learn(1, 3)], [true, true, false]);
  // A configured link address stays, whatever the packet came with.
  assert.equal(peers.learn(address(9), 0, 0, link(7), 4).moved, false);
  assert.deepEqual(peers.get(address(9), 0)?.link, link(9));
  assert.equal(learn(3, 5), true);
  assert.equal(peers.get(address(2), 0), undefined);
  assert.deepEqual(
    peers.all().map((peer) => [peer.link[1], peer.heard]),
    [
      [9, 4],
      [1, 3],
      [3, 5],
    ],
  );
});

test('one pair of SAs in transport mode for a range of sensors', async () => {
  const medium = createMedium({ seed: 1 });
  const range = (up: boolean) => {
    const sensors = [outerOf(0x100), outerOf(0x1ff)];
    const gateway = [GATEWAY, GATEWAY];
    return saOf(1, up, {
      ipsec_mode: 'transport',
      tunnel_ip: undefined,
      ts_ip_src: up ? sensors : gateway,
      ts_ip_dst: up ? gateway : sensors,
      esp_spi_lsb: 16,
      any_remote: up,
    });
  };
  const { sockets, openSocket } = fakeSockets((socket, text) => socket.upper.message(Buffer.from(text + '!')));
  const gateway = await createGateway({
    radios: [{ radio: medium.radio(), panId: PAN, shortAddress: 0 }],
    addresses: [GATEWAY],
    contexts: ['fd00::/64'],
    sas: [range(true), range(false)],
    flows: [{ destination: GATEWAY, port: PORT, to: '127.0.0.1:9' }],
    provider: seeded(3),
    clock: clockOf(medium),
    openSocket,
  });
  // The device object is for inner addresses: here the inner one is the outer one.
  const one = sensorOn(medium, 0x101, { sas: [range(true), range(false)], address: outerOf(0x101) });
  const payload = Buffer.from('transport');
  assert.ok(one.device.send(payload, 0, payload.length, PORT, addressOctets(GATEWAY)!, PORT, medium.now) > 0);
  medium.settle(1000);
  assert.deepEqual(sockets[0].sent, ['transport']);
  assert.deepEqual(one.heard, ['transport!']);
  await gateway.close();
});
