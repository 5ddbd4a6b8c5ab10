// A gateway with UDP and TCP on the loopback, a sensor with its IKE over either, and a TCP relay between them that can cut.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { IkeSa } from '../../core/ike/state/sa.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { type Started, startGateway } from '../../targets/node/gateway/gateway.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import type { StateStore } from '../../targets/node/host/state/store.ts';
import type { SensorEvent } from '../../targets/node/sensor/describe.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { openSensor, type Sensor } from '../../targets/node/sensor/sensor.ts';
import { fakeSockets, memoryStore, PORT, SERVER } from './support.ts';

export const LIMIT = 15000;
const TO = addressOctets(SERVER)!;

/** Waits until `done`, or fails. */
export async function until(done: () => boolean, what = 'nothing came of it'): Promise<void> {
  const end = performance.now() + LIMIT;
  while (!done()) {
    if (performance.now() > end) throw new Error(what);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export interface Relay {
  port: number;
  /** Resets all connections; `refuse`: and takes no others. */
  cut(refuse?: boolean): void;
  /** Resets all connections; those that come get these octets, and are closed. */
  spoil(octets: Uint8Array): void;
  /** Connections so far. */
  count(): number;
  open(): void;
}

/** Passes connections on to `port`. */
export async function relayTo(t: TestContext, port: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  let isRefusing = false;
  let answer: Uint8Array | null = null;
  let count = 0;
  const server = createServer((one) => {
    if (isRefusing) {
      one.resetAndDestroy();
      return;
    }
    count++;
    if (answer !== null) {
      one.on('error', () => {});
      one.end(answer);
      return;
    }
    const other = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [one, other],
      [other, one],
    ]) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const one of sockets) one.destroy();
    server.close();
  });
  return {
    port: (server.address() as { port: number }).port,
    cut(refuse = false) {
      isRefusing = refuse;
      for (const one of sockets) one.resetAndDestroy();
    },
    spoil(octets) {
      answer = octets;
      for (const one of sockets) one.resetAndDestroy();
    },
    open() {
      isRefusing = false;
      answer = null;
    },
    count: () => count,
  };
}

export interface Scene {
  started: Started;
  /** The gateway's SA of the only peer. */
  theirs(): IkeSa;
  sensor: Sensor;
  told: string[];
  events: SensorEvent[];
  ours(): IkeSa;
  tcpPort: number;
  /** The gateway stops without a word and starts again from its store, at the same ports. */
  restart(): Promise<void>;
  /** Sends a datagram to the echo server and waits for the answer; `again`: milliseconds until it is sent once more. */
  talk(text: string, again?: number): Promise<void>;
}

/** `top`: more of the gateway's file; `more`: of the sensor's connection; `tcpPort`: in place of the gateway's. */
export async function scene(
  t: TestContext,
  transport: string,
  options: {
    tcp?: boolean;
    tcpPort?: (own: number) => Promise<number>;
    top?: string;
    more?: string;
    retry?: boolean;
    /** What carries ESP at both, or at the sensor; the gateway's address and the sensor's. */
    esp?: string;
    sensorEsp?: string;
    address?: string;
    own?: string;
    /** It has a store. */
    keeps?: boolean;
  } = {},
): Promise<Scene> {
  const { tcp = true, top = '', more = '', esp = 'udp', address = '127.0.0.1', own = '127.0.0.1' } = options;
  const { config } = readGateway(
    'gateway.yaml',
    `udp: [{ address: "${address}", port: 0, natPort: 0 }]
esp: ${esp}
tcp: [${tcp ? `{ address: "${address}", port: 0 }` : ''}]
pool: ["2001:db8:1::/64"]
flows: [{ destination: "${SERVER}", port: ${PORT}, to: "127.0.0.1:9" }]
${top}connection:
  localId: fqdn:gateway
  auth: { psk: secret }
`,
  );
  const { openSocket } = fakeSockets((socket, text) => socket.upper.message(Buffer.from(`${text}!`)));
  const records = new Map<string, Uint8Array>();
  const stored = (): { store?: StateStore } => (options.keeps === true ? { store: memoryStore(records) } : {});
  let started = await startGateway({ ...config, openSocket, ...stored() });
  const { udp, tcp: listeners } = started.gateway.metrics();
  const tcpPort = listeners[0]?.port ?? 9;
  const loaded = readSensor(
    'sensor.yaml',
    `udp: { address: "${own}" }
esp: ${options.sensorEsp ?? esp}
gateway: { address: "${address}", port: ${udp[0].port}, natPort: ${udp[0].natPort}, tcpPort: ${(await options.tcpPort?.(tcpPort)) ?? tcpPort} }
server: { address: "${SERVER}", port: ${PORT}, sourcePort: ${PORT} }
transport: ${transport}
connection:
  localId: fqdn:pump
  remoteId: fqdn:gateway
  requestAddress: ipv6
  auth: { psk: secret }
${more}`,
  );
  const told: string[] = [];
  const events: SensorEvent[] = [];
  const sensor = await openSensor(loaded, {
    provider: createFastProvider(),
    keylog: null,
    echoPort: 0,
    retry: options.retry ?? true,
    report(event) {
      events.push(event);
      told.push(event.event === 'ended' ? `ended ${event.outcome}` : event.event);
    },
    waits: false,
  });
  t.after(async () => {
    await sensor.close();
    await started.gateway.close();
  });
  const heard: string[] = [];
  sensor.inner.listen(PORT, (payload) => void heard.push(Buffer.from(payload).toString()));
  return {
    get started() {
      return started;
    },
    async restart() {
      const { port, natPort } = started.gateway.metrics().udp[0];
      await started.gateway.close();
      const ike = { ...config.ike, udp: [{ address, port, natPort }], tcp: [{ address, port: tcpPort }] };
      started = await startGateway({ ...config, ike, openSocket, ...stored() });
    },
    sensor,
    told,
    events,
    tcpPort,
    theirs: () => started.ike.sas().find(({ state }) => state === 5)!,
    ours: () => sensor.host.uplink.current()!,
    async talk(text, again = LIMIT) {
      let at = -again;
      const isAnswered = (): boolean => {
        if (performance.now() - at >= again) {
          at = performance.now();
          const problem = sensor.send(Buffer.from(text), TO, PORT, PORT);
          if (problem !== '') throw new Error(problem);
        }
        return heard.includes(`${text}!`);
      };
      await until(isAnswered, `no answer to ${text}`);
    },
  };
}
