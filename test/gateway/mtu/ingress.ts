// The ingress: a gateway with a network interface, and an application behind it that sends numbered datagrams.

import { createSocket, type Socket } from 'node:dgram';
import { readGateway } from '../../../targets/node/gateway/file.ts';
import { createGateway } from '../../../targets/node/gateway/gateway.ts';
import { createLog } from '../../../targets/node/host/log.ts';
import { kernelCount, serve } from './program.ts';

let gateway: Awaited<ReturnType<typeof createGateway>> | null = null;
let socket: Socket | null = null;
let timer: NodeJS.Timeout | undefined;
let sent = 0;

await serve(
  async (command) => {
    if (typeof command.config === 'object') {
      clearInterval(timer);
      socket?.close();
      socket = null;
      sent = 0;
      await gateway?.close();
      const loaded = readGateway('ingress.yaml', JSON.stringify(command.config));
      const log = createLog({ level: process.env['MTU_LOG'] === '1' ? 'info' : 'warn' });
      gateway = await createGateway({ ...loaded.config, log });
    } else if (command.send !== undefined) {
      // `send`: octets of the inner packets; every `every` ms to `to`, `burst` of them.
      clearInterval(timer);
      const to = String(command.to);
      const isSix = to.includes(':');
      socket ??= createSocket(isSix ? 'udp6' : 'udp4');
      socket.on('error', () => {});
      const payload = Buffer.alloc(Number(command.send) - (isSix ? 48 : 28));
      timer = setInterval(() => {
        for (let n = Number(command.burst ?? 1); n > 1; n--) socket!.send(Buffer.from(payload), 5001, to, () => {});
        payload.writeUInt32BE(sent++);
        // The system refuses the packet that it was told of a smaller MTU for: the next one is cut.
        socket!.send(payload, 5001, to, () => {});
      }, Number(command.every));
    } else if (command.stop === true) {
      clearInterval(timer);
    }
    if (gateway === null) return {};
    const { mtu, drops, ike } = gateway.metrics();
    return { mtu, drops, up: ike?.sas.length ?? 0, sent, made: kernelCount('FragCreates') };
  },
  async () => {
    clearInterval(timer);
    socket?.close();
    await gateway?.close();
  },
);
