// Traffic inside namespaces: ICMP and UDP echoes, single datagrams, and captures of the link.

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { startAgent } from './agent.ts';
import { until } from './charon.ts';
import { type Namespace, runIn, spawnIn } from './namespaces.ts';
import type { AgentCommand, EchoResult } from './udp-agent.ts';

export type { EchoResult } from './udp-agent.ts';

const LIMIT_MS = 2000;

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
  const { ask, close } = startAgent<AgentCommand>(space, 'udp-agent.ts', []);
  return {
    async serve(address, port) {
      await ask({ op: 'serve', address, port });
    },
    served: (port) => ask({ op: 'served', port }),
    udpEcho: (from, to, port, size = 64, count = 1, fromPort = 0) =>
      ask({ op: 'echo', from, fromPort, to, port, size, count, limitMs: LIMIT_MS }, 10000 + count * LIMIT_MS),
    async ping(from, to, size = 56, count = 1) {
      const result: EchoResult = { sent: 0, received: 0, milliseconds: 0 };
      // One at a time: having had an answer, ping waits for the others only twice as long as that took.
      for (let n = 0; n < count; n++) {
        const args = ['-n', '-q', '-c', '1', '-W', String(LIMIT_MS / 1000), '-s', String(size), '-I', from, to];
        const ended = await runIn(space, 'ping', args);
        const found = /1 packets transmitted, (\d+) received/.exec(ended.stdout);
        if (found === null) throw new Error('ping: ' + ended.stdout + ended.stderr);
        result.sent++;
        result.received += Number(found[1]);
        result.milliseconds += Number(/= [\d.]+\/([\d.]+)\//.exec(ended.stdout)?.[1] ?? 0);
      }
      return result;
    },
    async send(from, fromPort, to, port, octets) {
      await ask({ op: 'send', from, fromPort, to, port, hex: Buffer.from(octets).toString('hex') });
    },
    close,
  };
}

export interface Capture {
  /** Ends the capture; the file is whole then. */
  stop(): Promise<void>;
}

/**
 * Writes what goes over the link of `space` to a pcap file, with dumpcap of Wireshark (package tshark). First and last
 * in it are datagrams to `peer`, port 9, that `traffic` (of `space`) sends for this.
 */
export async function capture(traffic: Traffic, space: Namespace, peer: Namespace, path: string): Promise<Capture> {
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
  // It takes packets from the kernel in blocks, now and then, and loses what it has not taken when it ends; nor does it
  // say when it has begun.
  const has = (mark: Buffer): true | undefined => {
    if (child.exitCode !== null) throw new Error('dumpcap: ' + said);
    return existsSync(path) && readFileSync(path).includes(mark) ? true : undefined;
  };
  const send = (mark: Buffer): Promise<void> => traffic.send(space.outer[4], 9, peer.outer[4], 9, mark);
  const [first, last] = [randomBytes(16), randomBytes(16)];
  await until('dumpcap to begin', async () => {
    await send(first);
    return has(first);
  });
  return {
    async stop() {
      await send(last);
      await until('dumpcap to have all', () => has(last));
      child.kill('SIGINT');
      await exited;
    },
  };
}
