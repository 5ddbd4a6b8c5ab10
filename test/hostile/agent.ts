// One end of a hostile path, in its namespace: a gateway with an echo server behind it, or a sensor that does what lines of JSON on
// standard input say. Answers are lines of JSON.

import { createInterface } from 'node:readline';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { openSensor, type Sensor } from '../../targets/node/sensor/sensor.ts';
import { fakeSockets, PORT, SERVER } from '../gateway/support.ts';

export interface Setting {
  gateway: string;
  address: string;
  transport: string;
  esp: string;
  ke: string;
}

/** A question to the sensor's end. */
export type Ask =
  | { ask: 'connect'; setting: Setting; limit: number }
  | { ask: 'talk'; text: string; limit: number }
  | { ask: 'link' }
  | { ask: 'close' };

const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

function connectionOf(id: string, ke: string, more = ''): string {
  return `connection:
  localId: fqdn:${id}
  auth: { psk: secret }
  ike: { ke: [${ke}], retransmit: 0.5, tries: 8, fragmentSize: 1280 }
${more}`;
}

async function gateway(address: string, esp: string, ke: string): Promise<void> {
  const { config } = readGateway(
    'gateway.yaml',
    `udp: [{ address: "${address}" }]
tcp: [{ address: "${address}" }]
esp: ${esp}
pool: ["2001:db8:1::/64"]
flows: [{ destination: "${SERVER}", port: ${PORT}, to: "127.0.0.1:9" }]
${connectionOf('gateway', ke)}`,
  );
  const { openSocket } = fakeSockets((socket, text) => socket.upper.message(Buffer.from(`${text}!`)));
  const made = await createGateway({ ...config, openSocket });
  say({ ready: true });
  for await (const _line of createInterface({ input: process.stdin })) say(made.metrics());
  await made.close();
}

let sensor: Sensor | null = null;
const heard = new Set<string>();

async function connect({ gateway: to, address, transport, esp, ke }: Setting, limit: number): Promise<unknown> {
  await sensor?.close();
  const loaded = readSensor(
    'sensor.yaml',
    `udp: { address: "${address}", port: 0, natPort: ${esp === 'udp' ? 0 : 4500} }
gateway: { address: "${to}" }
server: { address: "${SERVER}", port: ${PORT}, sourcePort: ${PORT} }
transport: ${transport}
esp: ${esp}
${connectionOf('pump', ke, '  remoteId: fqdn:gateway\n  requestAddress: ipv6\n')}`,
  );
  let messages = 0;
  sensor = await openSensor(loaded, {
    provider: createFastProvider(),
    keylog: null,
    echoPort: 0,
    retry: true,
    waits: false,
    report: (event) => {
      if (event.event === 'established') messages = event.messages;
    },
  });
  heard.clear();
  sensor.inner.listen(PORT, (payload) => void heard.add(Buffer.from(payload).toString()));
  const begin = performance.now();
  const { connect: dial, until, host } = sensor;
  let problem = '';
  void dial(false).then((text) => {
    problem = text;
  });
  const isUp = await until(() => host.uplink.isReady(), limit);
  return { up: isUp, ms: performance.now() - begin, messages, problem, link: host.link() };
}

async function answer(ask: Ask): Promise<unknown> {
  if (ask.ask === 'connect') return connect(ask.setting, ask.limit);
  if (ask.ask === 'link') return sensor!.host.link();
  if (ask.ask === 'close') {
    await sensor?.close();
    sensor = null;
    return {};
  }
  const to = Buffer.from('20010db8000200000000000000000001', 'hex');
  const end = performance.now() + ask.limit;
  let tries = 0;
  while (performance.now() < end) {
    tries++;
    sensor!.send(Buffer.from(ask.text), to, PORT, PORT);
    if (await sensor!.until(() => heard.has(`${ask.text}!`), 1000)) return { answered: true, tries };
  }
  return { answered: false, tries };
}

if (process.argv[2] === 'gateway') {
  const [address, esp, ke] = process.argv.slice(3);
  await gateway(address, esp, ke);
} else {
  say({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) say(await answer(JSON.parse(line) as Ask));
  const last = sensor as Sensor | null;
  await last?.close();
}
process.exit(0);
