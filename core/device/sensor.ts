// A sensor's application, the same on boards and on Node. It posts readings with CoAP through its SAs, by a schedule or at
// once, and asks IKE to connect, resume, rekey or probe. The host provides the readings, sends packets and takes reports.
//
// Readings find a gateway that lost its state: when three transmissions stay unanswered and nothing else arrives, the sensor
// asks IKE whether the gateway is there [RFC 7296 §2.4]. Without an answer the uplink connects again, with back-off. When the
// gateway is there and readings stay unanswered, the Child SA has lost its sequence numbers: the sensor asks for its rekey.

import { copy, equal } from '../base/bytes.ts';
import type { Random } from '../crypto/portable.ts';
import type { Endpoint } from '../esp/endpoint.ts';
import { probe, rekeyChild, rekeyIke } from '../ike/exchange/requests.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../ike/state/sa.ts';
import { createCoapClient } from './coap.ts';
import { earlier } from './device.ts';
import type { Uplink } from './uplink.ts';

/** After so many transmissions without an answer the sensor asks whether the gateway is there. */
const DOUBT = 3;
/** Most immediate readings that wait. */
const EXTRA_MAX = 65535;

/** Options of `createSensor`. */
export interface SensorConfig {
  /** Inner address (4 or 16 octets) and UDP port of the CoAP server. */
  server: Uint8Array;
  /** UDP port of the CoAP server, 5683 as a rule. */
  serverPort: number;
  /** See CoapConfig. */
  path: Uint8Array;
  /** ACK_TIMEOUT in milliseconds. */
  ackTimeout: number;
  /** Repetitions of a reading at most. */
  maxRetransmit: number;
  /** Octets of the longest reading. */
  maxPayload: number;
  /** See CoapConfig. */
  random: Random;
  /** True: readings wait for a Child SA. False: they fail without one. */
  waits: boolean;
}

/**
 * What a sensor asks of its application. Buffers are valid during the call only; times are milliseconds.
 *
 * @noSelf
 */
export interface SensorUpper {
  /**
   * Sends a CoAP message in UDP through the SAs. `repeat`: 0 for a new reading, n > 0 for its nth repetition, -1 for an ACK or
   * RST. `destination` is valid during the call only.
   */
  transmit(
    buffer: Uint8Array,
    offset: number,
    length: number,
    destination: Uint8Array,
    port: number,
    repeat: number,
    now: number,
  ): void;
  /** Writes reading `reading` (1, 2, ...) to buffer[at..at + maxPayload). Returns the offset after it. */
  payload(reading: number, buffer: Uint8Array, at: number): number;
  /** The end of a reading: whether the server took it, after `ms`. */
  ended(reading: number, acknowledged: boolean, ms: number, now: number): void;
  /** All readings of the schedule, and those at once, have ended; with the numbers since the start. Told once a schedule. */
  done(acknowledged: number, failed: number, now: number): void;
}

/**
 * A sensor: readings by schedule, and an uplink that is kept alive. Times are milliseconds.
 *
 * @noSelf
 */
export interface Sensor {
  /** Gives the sensor its uplink and the SAs' counters. Call it first. */
  attach(uplink: Uplink, endpoint: Endpoint): void;
  /** The authenticated IKE SA, or null. */
  established(): IkeSa | null;
  /** Connects and forgets the current SA. `resumes`: with that SA's ticket, if it has one. */
  connect(resumes: boolean, now: number): void;
  /** Asks for a rekey of every Child SA, a rekey of the IKE SA, or a sign of life. Does nothing without an IKE SA. */
  rekey(now: number): void;
  /** Asks for a rekey of the IKE SA. */
  rekeyIke(now: number): void;
  /** Asks for a sign of life [RFC 7296 §2.4]. */
  probe(now: number): void;
  /** `count` readings (0: without end), `interval` ms apart, the first at `at`, -1: as soon as one can go out. */
  schedule(count: number, interval: number, at: number): void;
  /** `count` more readings, as soon as they can go out, one after the other. */
  post(count: number): void;
  /** Takes a UDP payload to the CoAP port; any octets. Returns 0, or a drop code. */
  receive(
    buffer: Uint8Array,
    offset: number,
    length: number,
    source: Uint8Array,
    sourceOffset: number,
    sourcePort: number,
    now: number,
  ): number;
  /** Does the work that is due. Call it after the device's or host's own. */
  poll(now: number): void;
  /** When to call `poll`, or -1. */
  nextTimeout(): number;
}

/** Makes the application of a sensor: readings by a schedule, posted with CoAP through an uplink. */
export function createSensor(config: SensorConfig, upper: SensorUpper): Sensor {
  const server = config.server;
  const serverPort = config.serverPort;
  // Whose datagram is being received.
  const asker = new Uint8Array(server.length);
  let askerPort = 0;
  let uplink: Uplink | null = null;
  let endpoint: Endpoint | null = null;
  // Readings: `left` of `count` by the clock (count -1: none), `extra` at once.
  let reading = 0;
  let count = -1;
  let left = 0;
  let interval = 0;
  let nextAt = -1;
  let extra = 0;
  let acknowledged = 0;
  let failed = 0;
  let isDone = true;
  // Transmissions since the last answer, under which IKE SA; packets that had come in before them; when IKE was asked because
  // of them, -1: not yet.
  let unanswered = 0;
  let watched: IkeSa | null = null;
  let heard = 0;
  let doubtedAt = -1;

  function established(): IkeSa | null {
    const sa = uplink!.current();
    return sa !== null && sa.state === STATE_ESTABLISHED ? sa : null;
  }

  function doubt(now: number): void {
    const sa = established();
    if (sa === null || unanswered < DOUBT) return;
    // The gateway lives: it answered the question, or its packets come.
    if (endpoint!.received !== heard || (doubtedAt >= 0 && sa.heardAt > doubtedAt)) uplink!.suspect(now);
    else if (doubtedAt < 0) {
      doubtedAt = now;
      probe(uplink!.ike, sa, now);
    }
  }

  const client = createCoapClient(config, {
    transmit: (buffer, offset, length, repeat, now) => {
      const sa = established();
      if (sa !== watched) unanswered = 0;
      watched = sa;
      if (unanswered === 0) {
        heard = endpoint!.received;
        doubtedAt = -1;
      }
      unanswered++;
      upper.transmit(buffer, offset, length, server, serverPort, repeat, now);
      doubt(now);
    },
    answer: (buffer, offset, length, now) => {
      upper.transmit(buffer, offset, length, asker, askerPort, -1, now);
    },
    payload: upper.payload,
    ended: (number, isTaken, ms, now) => {
      if (isTaken) acknowledged++;
      else failed++;
      upper.ended(number, isTaken, ms, now);
      if (unanswered > 0) {
        doubt(now);
        // The next reading asks again.
        heard = endpoint!.received;
        doubtedAt = -1;
      }
      if (count > 0 && left === 0 && extra === 0 && !isDone) {
        isDone = true;
        upper.done(acknowledged, failed, now);
      }
    },
  });

  /** A reading could go out now, if its time has come. */
  function isReady(): boolean {
    return !client.isBusy() && (!config.waits || uplink!.isReady());
  }

  function isTimed(): boolean {
    return count === 0 || left > 0;
  }

  return {
    attach: (given, counters) => {
      uplink = given;
      endpoint = counters;
    },
    established: established,
    connect: (resumes, now) => {
      const sa = established();
      uplink!.connect(resumes && sa !== null ? sa.session : null, now);
    },
    rekey: (now) => {
      const sa = established();
      for (let i = 0; sa !== null && i < sa.children.length; i++) rekeyChild(uplink!.ike, sa, sa.children[i], now);
    },
    rekeyIke: (now) => {
      const sa = established();
      if (sa !== null) rekeyIke(uplink!.ike, sa, now);
    },
    probe: (now) => {
      const sa = established();
      if (sa !== null) probe(uplink!.ike, sa, now);
    },
    schedule: (number, time, at) => {
      count = number;
      left = number;
      interval = time;
      nextAt = at;
      isDone = false;
    },
    post: (number) => {
      extra = Math.min(EXTRA_MAX, extra + number);
    },
    receive: (buffer, offset, length, source, sourceOffset, sourcePort, now) => {
      copy(asker, 0, source, sourceOffset, asker.length);
      askerPort = sourcePort;
      const isServer = sourcePort === serverPort && equal(asker, 0, server, 0, server.length);
      // What answers a reading comes before its end is told.
      const before = unanswered;
      unanswered = 0;
      const code = client.receive(buffer, offset, length, isServer, now);
      if (code !== 0) unanswered = before;
      return code;
    },
    poll: (now) => {
      client.poll(now);
      // The question may be answered by now.
      if (doubtedAt >= 0) doubt(now);
      if (!isReady()) return;
      if (extra > 0) extra--;
      else if (isTimed() && now >= nextAt) {
        if (left > 0) left--;
        nextAt = nextAt < 0 ? now + interval : Math.max(now, nextAt + interval);
      } else return;
      reading++;
      client.post(reading, now);
    },
    nextTimeout: () => {
      const at = client.nextTimeout();
      if (!isReady()) return at;
      if (extra > 0) return 0;
      if (!isTimed()) return at;
      return nextAt < 0 ? 0 : earlier(at, nextAt);
    },
  };
}
