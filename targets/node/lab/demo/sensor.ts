// A sensor of the demo, in a process of its own: the device object of the core on a radio over UDP (ZEP), which sets up
// its SAs with IKE, and a CoAP client that posts readings. Started by run.ts.

import type { UplinkEvents } from '../../../../core/device/uplink.ts';
import type { ChildSa } from '../../../../core/ike/state/child.ts';
import { NAT_OFF } from '../../../../core/ike/state/policy.ts';
import { createReadingClient } from '../../host/coap.ts';
import { policyFor } from '../../host/config/ike-policy.ts';
import { fullIke } from '../../host/full-ike.ts';
import { providerNamed } from '../../host/provider/by-name.ts';
import { drive } from '../../host/radio/drive.ts';
import { type Pollable, stack } from '../../host/radio/radio.ts';
import { createRandom } from '../../host/radio/random.ts';
import { withCapture, withLoss } from '../../host/radio/wrap.ts';
import { createZep } from '../../host/radio/zep.ts';
import { childView } from '../../host/sa-view.ts';
import { type EstablishedEvent, establishedView, outcomeName } from '../../sensor/describe.ts';
import { readSensor } from '../../sensor/file.ts';
import type { IkeHost } from '../../sensor/host.ts';
import { createInnerHost, type InnerHost } from '../../sensor/inner.ts';
import { createRadioHost } from '../../sensor/radio-host.ts';
import { createAirCounter } from './air.ts';
import { live, type ToSensor, tell } from './messages.ts';
import { demoContexts, sensorFile } from './plan.ts';
import { warmUp } from './warm.ts';

type Start = Extract<ToSensor, { type: 'sensor' }>;
type Go = Extract<ToSensor, { type: 'go' }>;

/** Milliseconds until a failed attempt of IKE is followed by another, and at most. */
const RETRY_TIME = 1000;
const RETRY_MAX = 4000;
/** Milliseconds that the gateway has to confirm our Delete, and for the last acknowledgement. */
const CLOSE_TIME = 1000;
const LAST_TIME = 20;

interface Sensor {
  connect(delay: number): void;
  go(message: Go): void;
  stop(): Promise<void>;
}

async function start({ plan, provider: name, loss, seed, zepPort }: Start): Promise<Sensor> {
  warmUp();
  const { index } = plan;
  const loaded = readSensor(`sensor ${plan.name} of the demo`, sensorFile(plan, zepPort));
  const settings = loaded.radio!;
  const server = loaded.server!;
  const own = loaded.innerAddress!;
  const random = createRandom(seed + index);
  const provider = await providerNamed(name);
  const now = (): number => performance.now();
  const wake = (): void => driver?.wake();
  let driver: ReturnType<typeof drive> | null = null;

  // The radio: what is on air is counted before frames are lost.
  const zep = createZep({ ...settings.zep, device: index });
  await zep.ready;
  const counter = createAirCounter();
  const air = counter.of(index);
  let first = 0;
  const counted = withCapture(
    zep,
    {
      write(_time, frame) {
        const before = air.readings.octets;
        counter.take(frame);
        if (first === 0) first = air.readings.octets - before;
      },
      close() {},
    },
    now,
  );
  const lossy = withLoss(counted, { seed: seed + 1000 + index, transmit: 0, receive: loss });

  // IKE.
  let beginning: NodeJS.Timeout | undefined;
  let up: EstablishedEvent | null = null;
  let isReady = false;
  let gone: () => void = () => {};
  const takeOver = (child: ChildSa): void => {
    if (isReady || up === null) return;
    isReady = true;
    const { suite, compression } = childView(child);
    const isHcp = loaded.connection.policy.child.notify?.name === 'hcp';
    tell({
      type: 'ready',
      index,
      handshake: {
        ms: up.ms,
        messages: up.messages,
        octets: up.octets,
        air: { ...air.ike },
        repeated: air.ikeRetries,
        cipher: up.cipher,
        ke: up.ke.toUpperCase(),
        auth: 'PSK',
        suite,
        notify: isHcp ? 'HCP_PROPOSAL' : 'EHC_SUPPORTED',
        compression,
      },
    });
  };
  const events: UplinkEvents = {
    connecting() {},
    established(sa, attempt) {
      up = establishedView(sa, attempt);
      if (sa.children.length > 0) takeOver(sa.children[0]);
    },
    ended(_sa, outcome, at, time) {
      up = null;
      gone();
      const retryMs = at < 0 ? -1 : Math.round(at - time);
      if (retryMs >= 0) tell({ type: 'unconnected', index, outcome: outcomeName(outcome), retryMs });
    },
    installed(_sa, child) {
      // The first one comes before its IKE SA is established.
      takeOver(child);
    },
    replaced() {},
    removed() {},
    childFailed: (_sa, outcome) => {
      tell({ type: 'unconnected', index, outcome: outcomeName(outcome), retryMs: -1 });
    },
    keys() {},
  };
  const policy = policyFor(loaded.connection, own, loaded.gateway.address, false);
  const host: IkeHost = createRadioHost({
    provider,
    ike: {
      ...fullIke(),
      policy: { ...policy, nat: NAT_OFF },
      numbers: loaded.numbers,
      keylog: false,
      retryTime: RETRY_TIME,
      retryMax: RETRY_MAX,
      events,
    },
    local: loaded.address!,
    remote: loaded.gateway.address,
    inner: (packet, length, time) => inner.take(packet, length, time),
    now,
    wake,
    radio: lossy,
    settings,
    link: loaded.gateway.link!,
    contexts: demoContexts(),
  });
  const inner: InnerHost = createInnerHost(own, (packet, length) => host.send(packet, length), now);

  // CoAP.
  const client = createReadingClient(
    server.path,
    {
      // A packet that does not go out is as one that is lost: the timer sends it again.
      transmit: (message) => void inner.send(message, server.sourcePort, server.address, server.port),
      retried: (reading) => tell({ type: 'retry', index, reading }),
      ended: (reading, outcome, ms) => {
        tell({ type: 'end', index, reading, outcome, ms, first, air: { ...air.readings }, retries: air.retries });
        first = 0;
        if (--left === 0) tell({ type: 'done', index });
      },
    },
    random.next,
    random.below(65536),
  );
  let left = 0;
  inner.listen(server.sourcePort, (payload, _source, _port, time) => client.receive(payload.slice(), time));

  // The readings: a temperature that wanders, always three digits.
  let degrees = 150 + random.below(100);
  let reading = 0;
  let nextAt = -1;
  let interval = 0;
  let count = 0;
  const clockwork: Pollable = {
    poll(time) {
      if (nextAt < 0 || time < nextAt) return;
      reading++;
      degrees = Math.min(399, Math.max(100, degrees + random.below(9) - 4));
      const text = `{"t":${(degrees / 10).toFixed(1)}}`;
      tell({ type: 'sent', index, reading, text });
      if (count === 0) left = -1;
      client.post(reading, text, time);
      nextAt = count !== 0 && reading >= count ? -1 : nextAt + interval;
    },
    nextTimeout: () => nextAt,
  };
  driver = drive(stack(host, clockwork, client), now);
  return {
    connect(delay) {
      beginning = setTimeout(() => {
        host.uplink.connect(null, now());
        wake();
      }, delay);
    },
    go(message) {
      count = message.count;
      left = count;
      interval = message.interval;
      nextAt = now() + message.delay;
      wake();
    },
    async stop() {
      clearTimeout(beginning);
      if (host.uplink.current() !== null) {
        await new Promise<void>((resolve) => {
          gone = () => setTimeout(resolve, LAST_TIME);
          setTimeout(resolve, CLOSE_TIME);
          host.uplink.close(now());
          wake();
        });
      }
      driver!.stop();
      await host.close();
      await zep.closed;
      const report = { index, air: air.readings, retries: air.retries, lost: lossy.lost };
      tell({ type: 'report', ...report }, () => process.exit(0));
    },
  };
}

let sensor: Sensor | null = null;

live<ToSensor>(async (message) => {
  if (message.type === 'sensor') {
    sensor = await start(message);
    tell({ type: 'open', index: message.plan.index });
  } else if (message.type === 'connect') sensor?.connect(message.delay);
  else if (message.type === 'go') sensor?.go(message);
  else if (sensor === null) process.exit(0);
  else await sensor.stop();
});
