// tun.test.ts runs this in a network namespace of its own: an interface, a packet out of it and one into it. It prints the
// events as one line of JSON.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { openTun } from '../../targets/node/gateway/tun.ts';
import { addressText } from '../../targets/node/host/addresses.ts';
import { readDatagram, writeDatagram } from '../../targets/node/host/datagram.ts';

const tun = await openTun({
  name: 'test0',
  addresses: ['2001:db8:1::1/64', '10.9.0.254/24'],
  routes: ['2001:db8:7::/64'],
  mtu: 1400,
});
const seen: string[] = [];
const packet = new Uint8Array(2048);
tun.onPacket = (octets, length) => {
  const datagram = readDatagram(octets.subarray(0, length), length);
  if (datagram === null) return;
  const { source, sourcePort, destination, destinationPort, payload } = datagram;
  seen.push(`${addressText(destination)} ${destinationPort} ${Buffer.from(payload)}`);
  // The answer, as from a peer.
  const size = writeDatagram(packet, {
    source: destination,
    sourcePort: destinationPort,
    destination: source,
    destinationPort: sourcePort,
    payload: Buffer.from(`${Buffer.from(payload)}!`),
  });
  tun.write(packet, size);
};
tun.start();
const answers: string[] = [];
for (const [type, address] of [
  ['udp6', '2001:db8:7::5'],
  ['udp4', '10.9.0.5'],
] as const) {
  const socket = createSocket(type);
  const answer = once(socket, 'message');
  socket.send('hello', 5683, address);
  const [octets] = (await answer) as [Buffer];
  answers.push(octets.toString());
  socket.close();
}
// A TUN interface takes whole IP packets only.
const taken = tun.write(Uint8Array.of(0), 1);
let problem = '';
await openTun({ name: 'test0', addresses: [], routes: [], mtu: 1400 }).then(
  (other) => other.close(),
  (error: Error) => {
    problem = error.message;
  },
);
await tun.close();
await tun.close();
const left = networkInterfaces().test0 !== undefined;
process.stdout.write(JSON.stringify({ seen, answers, taken, problem, left }) + '\n');
