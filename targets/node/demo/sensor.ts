// A sensor of the demo, in a process of its own: the device object of the core on a radio over UDP (ZEP), and a CoAP
// client that posts readings. Started by run.ts.

import { createDevice, type Device } from '../../../core/device.ts';
import { FULL_PARTS } from '../../../core/esp/fullparts.ts';
import { MAC_RETRIES } from '../../../core/link/mac.ts';
import { FRAME_DATA } from '../../../core/wire/ieee802154.ts';
import { PHY_OCTETS } from '../budget/model.ts';
import { providerNamed } from '../cli/providers.ts';
import { addressOctets } from '../config/addresses.ts';
import { type Driver, drive } from '../radio/drive.ts';
import { type Pollable, stack } from '../radio/radio.ts';
import { createRandom } from '../radio/random.ts';
import { type LossyRadio, withLoss } from '../radio/wrap.ts';
import { createZep } from '../radio/zep.ts';
import { createReadingClient } from './coap.ts';
import { type Air, live, type ToSensor, tell } from './messages.ts';
import { ACK_WAIT, COAP_PORT, demoContexts, GATEWAY_LINK, PAN_ID, SERVER_ADDRESS, saOf } from './plan.ts';

type Start = Extract<ToSensor, { type: 'sensor' }>;
type Go = Extract<ToSensor, { type: 'go' }>;

interface Sensor {
  go(message: Go): void;
  stop(): void;
}

/** Counts data frames that go out of `radio`. */
function countAir(radio: LossyRadio, air: Air, onFrame: (octets: number) => void): LossyRadio {
  const { transmit } = radio;
  radio.transmit = (buffer, offset, length) => {
    if ((buffer[offset] & 7) === FRAME_DATA) {
      air.frames++;
      air.octets += length + PHY_OCTETS;
      onFrame(length + PHY_OCTETS);
    }
    transmit(buffer, offset, length);
  };
  return radio;
}

async function start({ plan, provider: name, loss, seed, zepPort }: Start): Promise<Sensor> {
  const { index } = plan;
  const random = createRandom(seed + index);
  const zep = createZep({ port: 0, peers: [{ address: '127.0.0.1', port: zepPort }], device: index });
  await zep.ready;
  const air: Air = { frames: 0, octets: 0 };
  let first = 0;
  const lossy = withLoss(zep, { seed: seed + 1000 + index, transmit: 0, receive: loss });
  const radio = countAir(lossy, air, (octets) => {
    if (first === 0) first = octets;
  });
  const provider = await providerNamed(name);
  const server = addressOctets(SERVER_ADDRESS)!;
  let driver: Driver | null = null;

  const client = createReadingClient(
    plan.name,
    {
      transmit: (octets, now) => {
        // A packet that does not go out is as one that is lost: the timer sends it again.
        device.send(octets, 0, octets.length, COAP_PORT, server, COAP_PORT, now);
      },
      retried: (reading) => tell({ type: 'retry', index, reading }),
      ended: (reading, outcome, ms) => {
        const retries = device.mac.counters[MAC_RETRIES];
        tell({ type: 'end', index, reading, outcome, ms, first, air: { ...air }, retries });
        first = 0;
        if (--left === 0) tell({ type: 'done', index });
      },
    },
    random.next,
    random.below(65536),
  );
  let left = 0;

  const device: Device = createDevice({
    provider,
    parts: FULL_PARTS,
    phy: radio,
    upper: {
      datagram: (buffer, offset, length, _source, _at, _from, _to, now) =>
        client.receive(buffer.slice(offset, offset + length), now),
      done: () => {},
    },
    panId: PAN_ID,
    shortAddress: index,
    extendedAddress: Uint8Array.of(2, 0, 0, 0, 0, 0, 0, index),
    gateway: Uint8Array.of(GATEWAY_LINK >>> 8, GATEWAY_LINK & 0xff),
    address: addressOctets(plan.inner)!,
    contexts: demoContexts(),
    reassembly: null,
    echo: null,
    maxSize: 128,
    queue: 4,
    ackWait: ACK_WAIT,
  });
  device.addSas(saOf(plan.up).config, saOf(plan.down).config);

  // The readings: a temperature that wanders, always three digits.
  let degrees = 150 + random.below(100);
  let reading = 0;
  let nextAt = -1;
  let interval = 0;
  let count = 0;
  const clockwork: Pollable = {
    poll(now) {
      if (nextAt < 0 || now < nextAt) return;
      reading++;
      degrees = Math.min(399, Math.max(100, degrees + random.below(9) - 4));
      const text = `{"t":${(degrees / 10).toFixed(1)}}`;
      tell({ type: 'sent', index, reading, text });
      if (count === 0) left = -1;
      client.post(reading, text, now);
      nextAt = count !== 0 && reading >= count ? -1 : nextAt + interval;
    },
    nextTimeout: () => nextAt,
  };
  driver = drive(stack(device, clockwork, client));
  radio.onFrame = (frame, offset, length) => {
    device.receive(frame, offset, length, driver!.now());
    driver!.wake();
  };
  return {
    go(message) {
      count = message.count;
      left = count;
      interval = message.interval;
      nextAt = driver!.now() + message.delay;
      driver!.wake();
    },
    stop() {
      driver!.stop();
      radio.close();
      const report = { index, air, retries: device.mac.counters[MAC_RETRIES], lost: lossy.lost };
      void zep.closed.then(() => tell({ type: 'report', ...report }, () => process.exit(0)));
    },
  };
}

let sensor: Sensor | null = null;

live<ToSensor>(async (message) => {
  if (message.type === 'sensor') {
    sensor = await start(message);
    tell({ type: 'ready', index: message.plan.index });
  } else if (message.type === 'go') sensor?.go(message);
  else if (sensor === null) process.exit(0);
  else sensor.stop();
});
