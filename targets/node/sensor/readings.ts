// The readings of a sensor on Node: those asked for one by one, and those of a schedule, through the application of every
// sensor (core/device/sensor.ts).

import type { Random } from '../../../core/crypto/portable.ts';
import type { Provider } from '../../../core/crypto/provider.ts';
import { type Sensor as CoreSensor, createSensor } from '../../../core/device/sensor.ts';
import type { ReadingOutcome, Report } from './describe.ts';
import { rounded } from './describe.ts';
import type { LoadedSensor } from './file.ts';
import type { IkeHost } from './host.ts';
import type { InnerHost } from './inner.ts';
import { createThermometer } from './thermometer.ts';

/** Octets of the longest reading. */
const READING_MAX = 1024;

/** The end of a reading. */
export interface ReadingEnd {
  /** Whether it was acknowledged. */
  outcome: ReadingOutcome;
  /** Milliseconds since it first went out. */
  ms: number;
}

/** What readings need of the options of a sensor. */
export interface ReadingOptions {
  /** Cryptography and random octets. */
  provider: Provider;
  /** Readings of a schedule wait for an SA; else they fail without one. */
  waits: boolean;
  /** Chance for readings and their repetition; default the provider's. */
  random?: Random;
  /** A reading goes out: 0 the first time, n its nth repetition. */
  onTransmit?: (reading: number, text: string, repeat: number) => void;
}

/** What posts readings. */
export interface Readings {
  core: CoreSensor;
  /** As `Sensor.read`. */
  read(text: string): Promise<ReadingEnd>;
  /** As `Sensor.readAll`; the first reading is due at `at`. */
  readAll(count: number, interval: number, at: number): Promise<boolean>;
}

export function createReadings(
  { server }: LoadedSensor,
  options: ReadingOptions,
  host: IkeHost,
  inner: InnerHost,
  report: Report,
): Readings {
  const random = options.random ?? options.provider.random;
  const next = createThermometer(random);
  const asked: { text: string; done: (end: ReadingEnd) => void }[] = [];
  let current = { text: '', done: (_end: ReadingEnd): void => {} };
  let allRead: (good: boolean) => void = () => {};
  let failedBefore = 0;
  let reading = 0;
  const core = createSensor(
    {
      server: server?.address ?? new Uint8Array(inner.address.length),
      serverPort: server?.port ?? 0,
      path: Buffer.from(server?.path ?? ''),
      // Without a server nothing is posted.
      ackTimeout: server?.ackTimeout ?? 2000,
      maxRetransmit: server?.maxRetransmit ?? 4,
      maxPayload: READING_MAX,
      random,
      waits: options.waits,
    },
    {
      transmit(buffer, offset, length, destination, port, repeat) {
        // A packet that does not go out is as one that is lost: the timer sends it again.
        inner.send(buffer.subarray(offset, offset + length), server!.sourcePort, destination, port);
        if (repeat > 0) options.onTransmit?.(reading, current.text, repeat);
      },
      payload(number, buffer, at) {
        current = asked.shift() ?? { text: next(), done: () => {} };
        reading = number;
        options.onTransmit?.(reading, current.text, 0);
        const octets = Buffer.from(current.text);
        buffer.set(octets, at);
        return at + octets.length;
      },
      ended(number, acknowledged, ms) {
        const { text, done } = current;
        const end: ReadingEnd = { outcome: acknowledged ? 'acknowledged' : 'failed', ms: rounded(ms) };
        report({ event: 'reading', reading: number, text, ...end });
        done(end);
      },
      done(_acknowledged, failed) {
        allRead(failed === failedBefore);
        failedBefore = failed;
      },
    },
  );
  core.attach(host.uplink, host.endpoint);
  if (server !== null) {
    inner.listen(server.sourcePort, (payload, source, port, time) => {
      core.receive(payload, 0, payload.length, source, 0, port, time);
    });
  }
  return {
    core,
    read(text) {
      if (server === null) throw new Error('server: (missing): is required for readings');
      const size = Buffer.byteLength(text);
      if (size > READING_MAX) throw new Error(`text: ${size} octets: must be ${READING_MAX} at most`);
      return new Promise((done) => {
        asked.push({ text, done });
        core.post(1);
      });
    },
    readAll: (count, interval, at) =>
      new Promise((done) => {
        allRead = done;
        core.schedule(count, interval, at);
      }),
  };
}
