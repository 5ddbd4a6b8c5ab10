// A sensor of the demo, in a process of its own: the sensor of `dietesp sensor` on a radio over UDP (ZEP), with counted and
// lost frames and readings on command. run.ts starts it.

import { providerNamed } from '../../host/provider/by-name.ts';
import { createRandom } from '../../host/radio/random.ts';
import { withCapture, withLoss } from '../../host/radio/wrap.ts';
import { createZep } from '../../host/radio/zep.ts';
import type { ChildView } from '../../host/sa-view.ts';
import type { EstablishedEvent, SensorEvent } from '../../sensor/describe.ts';
import { readSensor } from '../../sensor/file.ts';
import { openSensor } from '../../sensor/sensor.ts';
import { createAirCounter } from './air.ts';
import { live, type ToSensor, tell } from './messages.ts';
import { demoSensorFile } from './plan.ts';
import { warmUp } from './warm.ts';

type Start = Extract<ToSensor, { type: 'sensor' }>;
type Go = Extract<ToSensor, { type: 'go' }>;

/** Milliseconds until a failed attempt of IKE is followed by another, at most. */
const RETRY_MAX = 4000;

interface DemoSensor {
  connect(delay: number): void;
  go(message: Go): void;
  stop(): Promise<void>;
}

async function start({ plan, provider: name, loss, seed, zepPort, hasCoap }: Start): Promise<DemoSensor> {
  warmUp();
  const { index } = plan;
  const loaded = readSensor(`sensor ${plan.name} of the demo`, demoSensorFile(plan, zepPort, hasCoap));
  const { notify } = loaded.connection.policy.child;

  // The radio: what is on air is counted before frames are lost.
  const zep = createZep({ ...loaded.radio!.zep, device: index });
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
    () => performance.now(),
  );
  const lossy = withLoss(counted, { seed: seed + 1000 + index, transmit: 0, receive: loss });

  let beginning: NodeJS.Timeout | undefined;
  let isReady = false;
  let up: EstablishedEvent | null = null;
  let child: ChildView | null = null;
  const tellReady = (): void => {
    // The first Child SA comes before its IKE SA is established.
    if (isReady || up === null || child === null) return;
    isReady = true;
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
        suite: child.suite,
        notify: notify?.name === 'hcp' ? 'HCP_PROPOSAL' : 'EHC_SUPPORTED',
        compression: child.compression,
      },
    });
  };
  const report = (event: SensorEvent): void => {
    if (event.event === 'established') {
      up = event;
      tellReady();
    } else if (event.event === 'child') {
      child = event;
      tellReady();
    } else if (event.event === 'ended') {
      up = null;
      child = null;
      const { outcome, retryMs } = event;
      if (retryMs >= 0) tell({ type: 'unconnected', index, outcome, retryMs });
    } else if (event.event === 'child-failed') {
      tell({ type: 'unconnected', index, outcome: event.outcome, retryMs: -1 });
    } else if (event.event === 'reading') {
      const { reading, outcome, ms } = event;
      tell({ type: 'end', index, reading, outcome, ms, first, air: { ...air.readings }, retries: air.retries });
      first = 0;
    }
  };
  const sensor = await openSensor(loaded, {
    provider: await providerNamed(name),
    keylog: null,
    echoPort: 0,
    retry: true,
    retryMax: RETRY_MAX,
    waits: false,
    report,
    radio: Object.assign(lossy, { closed: zep.closed }),
    random: createRandom(seed + index).fill,
    onTransmit(reading, text, repeat) {
      if (repeat > 0) tell({ type: 'retry', index, reading });
      else tell({ type: 'sent', index, reading, text });
    },
  });
  return {
    connect(delay) {
      beginning = setTimeout(() => void sensor.connect(false), delay);
    },
    go({ count, interval, delay }) {
      void sensor.readAll(count, interval, delay).then(() => tell({ type: 'done', index }));
    },
    async stop() {
      clearTimeout(beginning);
      await sensor.close();
      tell({ type: 'report', index, air: air.readings, retries: air.retries, lost: lossy.lost }, () => process.exit(0));
    },
  };
}

let sensor: DemoSensor | null = null;

live<ToSensor>(async (message) => {
  if (message.type === 'sensor') {
    sensor = await start(message);
    tell({ type: 'open', index: message.plan.index });
  } else if (message.type === 'connect') sensor?.connect(message.delay);
  else if (message.type === 'go') sensor?.go(message);
  else if (sensor === null) process.exit(0);
  else await sensor.stop();
});
