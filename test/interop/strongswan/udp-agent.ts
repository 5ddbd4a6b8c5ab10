// Runs inside a namespace: answers UDP echoes, sends them, and sends single datagrams. It reads a JSON command per line of
// standard input and answers each, in order, with a line of JSON.

import { createSocket, type Socket } from 'node:dgram';
import { createInterface } from 'node:readline';

export type AgentCommand =
  | { op: 'serve'; address: string; port: number }
  | { op: 'served'; port: number }
  | {
      op: 'echo';
      from: string;
      fromPort: number;
      to: string;
      port: number;
      size: number;
      count: number;
      limitMs: number;
    }
  | { op: 'send'; from: string; fromPort: number; to: string; port: number; hex: string };

export interface EchoResult {
  sent: number;
  /** Answers that were octet for octet what was sent. */
  received: number;
  milliseconds: number;
}

const servers: Record<number, { received: number; octets: number }> = {};

function open(address: string, port: number): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  return new Promise((done, fail) => {
    socket.once('error', fail);
    socket.bind({ address, port, exclusive: true }, () => done(socket));
  });
}

function answer(socket: Socket, wanted: Buffer, limitMs: number): Promise<boolean> {
  return new Promise((done) => {
    const end = (isGood: boolean): void => {
      clearTimeout(limit);
      socket.off('message', look);
      done(isGood);
    };
    const look = (octets: Buffer): void => {
      if (octets.equals(wanted)) end(true);
    };
    const limit = setTimeout(() => end(false), limitMs);
    socket.on('message', look);
  });
}

async function perform(command: AgentCommand): Promise<unknown> {
  if (command.op === 'served') return servers[command.port] ?? { received: 0, octets: 0 };
  if (command.op === 'serve') {
    const state = (servers[command.port] ??= { received: 0, octets: 0 });
    const socket = await open(command.address, command.port);
    socket.on('message', (octets, from) => {
      state.received++;
      state.octets += octets.length;
      socket.send(octets, from.port, from.address);
    });
    return {};
  }
  const socket = await open(command.from, command.fromPort);
  try {
    if (command.op === 'send') {
      await new Promise((done) => socket.send(Buffer.from(command.hex, 'hex'), command.port, command.to, done));
      return {};
    }
    const result: EchoResult = { sent: 0, received: 0, milliseconds: 0 };
    const begun = process.hrtime.bigint();
    for (let n = 0; n < command.count; n++) {
      const payload = Buffer.from(Uint8Array.from({ length: command.size }, (_, i) => (i * 29 + n) & 0xff));
      const answered = answer(socket, payload, command.limitMs);
      socket.send(payload, command.port, command.to);
      result.sent++;
      if (await answered) result.received++;
    }
    result.milliseconds = Number(process.hrtime.bigint() - begun) / 1e6;
    return result;
  } finally {
    socket.close();
  }
}

const lines = createInterface({ input: process.stdin });
for await (const line of lines) {
  let result: unknown;
  try {
    result = await perform(JSON.parse(line) as AgentCommand);
  } catch (error) {
    result = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(result) + '\n');
}
process.exit(0);
