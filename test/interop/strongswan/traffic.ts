// Traffic inside namespaces: ICMP and UDP echoes, single datagrams, and captures of the link.

import { fileURLToPath } from 'node:url';
import { sourceRoot } from '../../../targets/build/root.ts';
import { until } from './charon.ts';
import { type Namespace, runIn, spawnIn } from './namespaces.ts';
import type { AgentCommand, EchoResult } from './udpagent.ts';

export type { EchoResult } from './udpagent.ts';

const LIMIT_MS = 1000;

export interface Traffic {
  /** Echoes whatever comes to the UDP port. */
  serve(address: string, port: number): Promise<void>;
  /** Datagrams, and octets of payload, that came to a served port. */
  served(port: number): Promise<{ received: number; octets: number }>;
  /** Sends datagrams of `size` octets one after the other, each when the one before was answered or is lost. */
  udpEcho(
    from: string,
    to: string,
    port: number,
    size?: number,
    count?: number,
    fromPort?: number,
  ): Promise<EchoResult>;
  ping(from: string, to: string, size?: number, count?: number): Promise<EchoResult>;
  send(from: string, fromPort: number, to: string, port: number, octets: Uint8Array): Promise<void>;
  close(): void;
}

/** Starts the agent for a namespace, which ends with `close` or with the site. */
export async function openTraffic(space: Namespace): Promise<Traffic> {
  const script = fileURLToPath(new URL('./udpagent.ts', import.meta.url));
  // The agent finds tsx from the project's root, which is this process's folder or not.
  const loader = import.meta.resolve('tsx', 'file://' + sourceRoot() + '/');
  const child = spawnIn(space, process.execPath, ['--import', loader, script]);
  let output = '';
  let complaint = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  child.on('error', (error) => {
    complaint += error.message;
  });
  child.stdin?.on('error', () => {});
  let turn: Promise<unknown> = Promise.resolve();
  const ask = <T>(command: AgentCommand, limitMs = 10000): Promise<T> => {
    const answered = turn.then(async () => {
      output = '';
      child.stdin?.write(JSON.stringify(command) + '\n');
      const line = await until(
        'the agent in ' + space.name,
        () => {
          if (child.exitCode !== null) throw new Error('the agent ended: ' + complaint);
          return output.endsWith('\n') ? output : undefined;
        },
        limitMs,
      );
      const result = JSON.parse(line) as T & { error?: string };
      if (result.error !== undefined) throw new Error('agent in ' + space.name + ': ' + result.error);
      return result;
    });
    turn = answered.catch(() => undefined);
    return answered;
  };
  return {
    async serve(address, port) {
      await ask({ op: 'serve', address, port });
    },
    served: (port) => ask({ op: 'served', port }),
    udpEcho: (from, to, port, size = 64, count = 1, fromPort = 0) =>
      ask({ op: 'echo', from, fromPort, to, port, size, count, limitMs: LIMIT_MS }, 10000 + count * LIMIT_MS),
    async ping(from, to, size = 56, count = 1) {
      // biome-ignore format: one option a pair
      const ended = await runIn(space, 'ping', [
        '-n', '-q', '-c', String(count), '-i', '0.01', '-W', String(LIMIT_MS / 1000), '-s', String(size), '-I', from, to,
      ]);
      const found = /(\d+) packets transmitted, (\d+) received.* time (\d+)ms/.exec(ended.stdout);
      if (found === null) throw new Error('ping: ' + ended.stdout + ended.stderr);
      const average = /= [\d.]+\/([\d.]+)\//.exec(ended.stdout);
      const received = Number(found[2]);
      return { sent: Number(found[1]), received, milliseconds: received * Number(average?.[1] ?? 0) };
    },
    async send(from, fromPort, to, port, octets) {
      await ask({ op: 'send', from, fromPort, to, port, hex: Buffer.from(octets).toString('hex') });
    },
    close() {
      child.stdin?.end();
    },
  };
}

export interface Capture {
  /** Ends the capture; the file is whole then. */
  stop(): Promise<void>;
}

/** Writes what goes over the link to a pcap file, with dumpcap of Wireshark (package tshark). */
export async function capture(space: Namespace, path: string): Promise<Capture> {
  const child = spawnIn(space, 'dumpcap', ['-q', '-P', '-i', space.link, '-w', path]);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdout?.resume();
  const exited = new Promise<void>((done) => {
    child.on('exit', () => done());
    child.on('error', () => done());
  });
  await until('dumpcap', () => {
    if (child.exitCode !== null) throw new Error('dumpcap: ' + said);
    return /File: /.test(said) ? true : undefined;
  });
  return {
    async stop() {
      child.kill('SIGINT');
      await exited;
    },
  };
}
