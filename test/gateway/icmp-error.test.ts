// ICMP errors to the network interface: their octets as tshark reads them, and what gets none.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createIcmpErrors } from '../../targets/node/gateway/icmp-error.ts';
import { volatileProblem } from '../../targets/node/gateway/volatile.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { writeDatagram } from '../../targets/node/host/datagram.ts';
import { writeEcho } from '../../targets/node/host/icmp.ts';
import { createPcapWriter, LINKTYPE_RAW } from '../../targets/node/host/radio/pcap.ts';
import { scratch } from '../cli/run.ts';

const files = scratch();
const OWN = ['2001:db8:7::1', '10.9.0.254'].map((text) => addressOctets(text)!);
const noTshark = spawnSync('tshark', ['-v']).status === 0 ? false : 'tshark not found';

function datagram(source: string, destination: string, size: number): Uint8Array {
  const packet = new Uint8Array(4096);
  const length = writeDatagram(packet, {
    source: addressOctets(source)!,
    sourcePort: 1000,
    destination: addressOctets(destination)!,
    destinationPort: 5683,
    payload: new Uint8Array(size).fill(7),
  });
  return packet.slice(0, length);
}

test('errors are what they say, to tshark', { skip: noTshark }, () => {
  const icmp = createIcmpErrors(OWN, () => 0);
  const file = files.path('errors.pcap');
  const capture = createPcapWriter(file, LINKTYPE_RAW);
  for (const [source, destination, size, mtu] of [
    ['2001:db8:7::9', '2001:db8:1::5', 20, 0],
    ['2001:db8:7::9', '2001:db8:1::5', 3000, 1290],
    ['10.9.0.1', '10.8.0.5', 20, 0],
    ['10.9.0.1', '10.8.0.5', 2000, 700],
  ] as const) {
    const packet = datagram(source, destination, size);
    const length = icmp.about(packet, packet.length, mtu);
    assert.ok(length > 0 && length <= (source.includes(':') ? 1280 : 576));
    capture.write(0, icmp.error.slice(0, length));
  }
  capture.close();
  const fields = ['ipv6.src', 'ip.src', 'icmpv6.type', 'icmpv6.code', 'icmpv6.mtu', 'icmpv6.checksum.status'];
  fields.push('icmp.type', 'icmp.code', 'icmp.mtu', 'icmp.checksum.status');
  const { stdout, stderr } = spawnSync(
    'tshark',
    [
      '-r',
      file,
      '-T',
      'fields',
      '-E',
      'occurrence=f',
      '-E',
      'separator=|',
      ...fields.flatMap((field) => ['-e', field]),
    ],
    { encoding: 'utf8' },
  );
  assert.deepEqual(
    stdout.trim().split('\n'),
    ['2001:db8:7::1||1|3||1||||', '2001:db8:7::1||2|0|1290|1||||', '|10.8.0.5|||||3|1||1', '|10.8.0.5|||||3|4|700|1'],
    stderr,
  );
});

test('no error about errors, multicast, fragments, unspecified sources, and what is cut', () => {
  const icmp = createIcmpErrors(OWN, () => 0);
  const silent = (packet: Uint8Array): void => assert.equal(icmp.about(packet, packet.length, 0), 0);
  for (const [source, destination] of [
    ['2001:db8:7::9', 'ff02::1'],
    ['::', '2001:db8:1::5'],
    ['ff02::1', '2001:db8:1::5'],
    ['10.9.0.1', '224.0.0.1'],
    ['10.9.0.1', '255.255.255.255'],
    ['0.0.0.0', '10.8.0.5'],
    ['127.0.0.1', '10.8.0.5'],
  ]) {
    silent(datagram(source, destination, 10));
  }
  const fragment = datagram('10.9.0.1', '10.8.0.5', 10);
  fragment[7] = 1;
  silent(fragment);
  silent(new Uint8Array(0));
  silent(datagram('2001:db8:7::9', '2001:db8:1::5', 10).slice(0, 39));
  for (const address of ['2001:db8:7::9', '10.9.0.1']) {
    const own = createIcmpErrors(OWN, () => 0);
    const six = address.includes(':');
    const packet = datagram(address, six ? '2001:db8:1::5' : '10.8.0.5', 10);
    silent(own.error.slice(0, own.about(packet, packet.length, 0)));
    const echo = new Uint8Array(200);
    const length = writeEcho(echo, {
      isRequest: true,
      source: addressOctets(address)!,
      destination: addressOctets(six ? '2001:db8:1::5' : '10.8.0.5')!,
      identifier: 1,
      sequence: 1,
      data: new Uint8Array(8),
    });
    assert.ok(own.about(echo, length, 0) > 0, 'a ping is answered');
  }
});

test('ten at once, then a hundred a second', () => {
  let now = 0;
  const icmp = createIcmpErrors(OWN, () => now);
  const packet = datagram('2001:db8:7::9', '2001:db8:1::5', 10);
  const count = (tries: number): number =>
    Array.from({ length: tries }, () => icmp.about(packet, packet.length, 0)).filter((length) => length > 0).length;
  assert.equal(count(1000), 10);
  now = 50;
  assert.equal(count(1000), 5);
  now = 100000;
  assert.equal(count(1000), 10);
});

test('manual SAs without a store are refused, unless the file wants them', () => {
  const text =
    'radios: [{ panId: 1, zep: {} }]\naddresses: ["fd00::1"]\nconnection: { localId: "fqdn:g", auth: { psk: x } }\n';
  const loaded = readGateway('g.yaml', text);
  const one = { ...loaded, config: { ...loaded.config, sas: [{} as never] } };
  assert.equal(volatileProblem(loaded, false), '');
  assert.match(volatileProblem(one, false), /^sas: after a crash .*unsafeVolatile: true/);
  assert.equal(volatileProblem(one, true), '');
  const { unsafeVolatile } = readGateway('g.yaml', `${text}unsafeVolatile: true\n`);
  assert.equal(volatileProblem({ ...one, unsafeVolatile }, false), '');
});
