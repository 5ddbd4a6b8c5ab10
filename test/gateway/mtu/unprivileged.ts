// mtu-path.test.ts runs this without CAP_NET_RAW: the sockets of MTU detection at one address. It prints what the log says.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mtuDefaults } from '../../../targets/node/host/config/mtu.ts';
import { createMtuSockets } from '../../../targets/node/host/mtu/sockets.ts';

const lines: string[] = [];
const socket = createSocket('udp4');
socket.bind(0, '127.0.0.1');
await once(socket, 'listening');
const local = Uint8Array.of(127, 0, 0, 1);
const sockets = await createMtuSockets(
  mtuDefaults(),
  (level, name, text) => void lines.push(`${level} ${name}: ${text}`),
);
// Said once, also where the address comes back.
for (let i = 0; i < 2; i++) sockets.opened(local, socket.address().port);
const taken = sockets.take(local, local, new Uint8Array(1400), true, 0);
sockets.close();
socket.close();
process.stdout.write(JSON.stringify({ lines, taken, late: sockets.late(0) }) + '\n');
