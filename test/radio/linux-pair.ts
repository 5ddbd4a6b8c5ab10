// A gateway and a sensor from the text of their files, which say what is below them: the sensor sets up its SAs, and sends a
// datagram that comes back.

import { readGateway } from '../../targets/node/gateway/file.ts';
import { startGateway } from '../../targets/node/gateway/gateway.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { openSensor } from '../../targets/node/sensor/sensor.ts';
import { echoFlow, PORT, SERVER } from '../gateway/support.ts';
import { until } from '../gateway/tcp-support.ts';

export interface PairSeen {
  /** Why the sensor did not connect, or ''. */
  problem: string;
  answers: string[];
  /** The radio of the gateway and its interface, where it has one. */
  radio: { kind: string; isUp: boolean; text: string } | null;
  /** Packets of IP protocol 50 at the gateway: came, went. */
  raw: boolean[] | null;
  /** Events of radios at the gateway. */
  events: string[];
}

/** `cut`: takes the gateway's radio away, and `mend` brings it back, between two datagrams. */
export async function runPair(
  gatewayLink: string,
  sensorLink: string,
  cut?: () => void,
  mend?: () => void,
): Promise<PairSeen> {
  const { config } = readGateway(
    'gateway.yaml',
    `${gatewayLink}
pool: ["2001:db8:1::/64"]
connection: { localId: fqdn:gateway, auth: { psk: secret } }
`,
  );
  const started = await startGateway({ ...config, ...echoFlow() });
  const { gateway } = started;
  const events: string[] = [];
  gateway.on('radio', (name, state) => void events.push(`${name} ${state}`));
  const loaded = readSensor(
    'sensor.yaml',
    `${sensorLink}
server: { address: "${SERVER}", port: ${PORT}, sourcePort: ${PORT} }
connection: { localId: fqdn:pump, remoteId: fqdn:gateway, requestAddress: ipv6, auth: { psk: secret } }
`,
  );
  const sensor = await openSensor(loaded, {
    provider: createFastProvider(),
    keylog: null,
    echoPort: 0,
    retry: false,
    report() {},
    waits: false,
  });
  const answers: string[] = [];
  const to = addressOctets(SERVER)!;
  const talk = async (text: string): Promise<void> => {
    const before = answers.length;
    const problem = sensor.send(Buffer.from(text), to, PORT, PORT);
    if (problem !== '') throw new Error(problem);
    await until(() => answers.length > before, `no answer to ${text}`);
  };
  try {
    sensor.inner.listen(PORT, (payload) => void answers.push(Buffer.from(payload).toString()));
    const problem = await sensor.connect(false);
    if (problem === '') {
      await talk('one');
      if (cut !== undefined) {
        cut();
        await until(() => events.includes('roof lost'));
        mend?.();
        await until(() => events.includes('roof back'));
      }
      // Longer than a frame.
      await talk('two '.repeat(60));
    }
    const { radios, raw } = gateway.metrics();
    const device = radios[0]?.device ?? null;
    return {
      problem,
      answers: answers.map((text) => text.slice(0, 4)),
      radio: device === null ? null : { kind: device.kind, isUp: device.isUp, text: device.firmware },
      raw: raw === null ? null : [raw.received > 0, raw.sent > 0],
      events,
    };
  } finally {
    await sensor.close();
    await gateway.close();
  }
}

/** The part of the files about a radio: `linux` is its text. */
export const gatewayRadio = (linux: string): string =>
  `radios: [{ name: roof, ${linux}, panId: 0x1234, shortAddress: 0 }]
addresses: ["fd00::ff:fe00:0"]
contexts: ["fd00::/64"]`;
export const sensorRadio = (linux: string): string =>
  `radio: { ${linux}, panId: 0x1234, shortAddress: 1 }
address: "fd00::ff:fe00:1"
contexts: ["fd00::/64"]
gateway: { address: "fd00::ff:fe00:0", link: "0000" }`;
