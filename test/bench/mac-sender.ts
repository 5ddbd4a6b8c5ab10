// The senders of the MAC's bench: one process, many link-layer addresses over one UDP socket. Prints frames sent, their
// acknowledgements, and milliseconds. Arguments: port, senders, frames a second, seconds.

import { createSocket } from 'node:dgram';
import { addressOf } from '../../core/base/address.ts';
import { emitHeader, putFcs } from '../../core/wire/ieee802154.ts';
import { zepDatagram } from '../../targets/node/host/radio/zep-datagram.ts';
import { lookupAddress, widenBuffers } from '../../targets/node/host/socket-buffer.ts';

const [port, senders, rate, seconds] = process.argv.slice(2).map(Number);
const socket = createSocket({ type: 'udp4', lookup: lookupAddress });
const datagrams = Array.from({ length: senders }, (_, i) => {
  const frame = new Uint8Array(80);
  const source = addressOf(Uint8Array.of((i + 1) >>> 8, (i + 1) & 255));
  const size = emitHeader(frame, 0, 0x1021, 0, 0xabcd, addressOf(new Uint8Array(2)), source);
  return zepDatagram(frame.subarray(0, putFcs(frame, 0, size + 40)), 26, 0, 0, 0);
});
const total = rate * seconds;
let sent = 0;
let acknowledged = 0;
socket.on('message', () => void acknowledged++);
socket.bind(0, '127.0.0.1', () => {
  widenBuffers(socket, 4194304, () => {});
  const begin = performance.now();
  const timer = setInterval(() => {
    const due = Math.min(total, ((performance.now() - begin) * rate) / 1000);
    for (; sent < due; sent++) {
      const datagram = datagrams[sent % senders];
      datagram[34] = Math.floor(sent / senders) & 255;
      putFcs(datagram, 32, datagram.length - 34);
      socket.send(datagram.slice(), port, '127.0.0.1');
    }
    if (sent < total) return;
    clearInterval(timer);
    const elapsed = performance.now() - begin;
    setTimeout(() => {
      process.stdout.write(`${JSON.stringify({ sent, acknowledged, elapsed })}\n`);
      socket.close();
    }, 500);
  }, 1);
});
