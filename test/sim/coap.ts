// A confirmable exchange of CoAP [RFC 7252 §4.2], as small as a simulation needs: one message at a time, retransmission
// with exponential back-off in virtual time, de-duplication by message ID at the server [RFC 7252 §4.5].
//
//   IDLE --reading--> WAITING --ACK--> IDLE (delivered)
//                      |  ^ time-out, up to 4 times: sent again, time-out doubled
//                      +--+ fifth time-out: IDLE (failed)

import type { Random } from '../../targets/node/host/radio/random.ts';

const ACK_TIMEOUT = 2000;
const ACK_RANDOM_FACTOR = 1.5;
const MAX_RETRANSMIT = 4;
/** MAX_TRANSMIT_WAIT: the longest that one message takes. */
export const MAX_TRANSMIT_WAIT = 93000;

const VERSION_CON = 0x40;
const VERSION_ACK = 0x60;
const POST = 0x02;
const CHANGED = 0x44;

export interface Outcome {
  reading: string;
  delivered: boolean;
  transmissions: number;
}

export interface Client {
  /** Takes a reading to be sent when those before it are over. */
  add(reading: string, now: number): void;
  /** A datagram from the server. */
  received(datagram: Uint8Array, now: number): void;
  poll(now: number): void;
  nextTimeout(): number;
  outcomes: Outcome[];
}

export function createClient(random: Random, transmit: (datagram: Uint8Array, now: number) => void): Client {
  const waiting: string[] = [];
  const outcomes: Outcome[] = [];
  let messageId = random.below(65536);
  let current: string | null = null;
  let deadline = -1;
  let timeout = 0;
  let transmissions = 0;

  function send(now: number): void {
    transmissions++;
    deadline = now + timeout;
    const head = [VERSION_CON | 1, POST, messageId >>> 8, messageId & 255, 0x7a, 0xff];
    transmit(Uint8Array.from([...head, ...Buffer.from(current!)]), now);
  }

  function next(now: number): void {
    deadline = -1;
    current = waiting.shift() ?? null;
    if (current === null) return;
    messageId = (messageId + 1) & 0xffff;
    transmissions = 0;
    timeout = ACK_TIMEOUT * (1 + random.next() * (ACK_RANDOM_FACTOR - 1));
    send(now);
  }

  function over(delivered: boolean, now: number): void {
    outcomes.push({ reading: current!, delivered, transmissions });
    next(now);
  }

  return {
    add: (reading, now) => {
      waiting.push(reading);
      if (current === null) next(now);
    },
    received: (datagram, now) => {
      if (current === null || datagram.length < 4 || (datagram[0] & 0xf0) !== VERSION_ACK) return;
      if (((datagram[2] << 8) | datagram[3]) === messageId) over(true, now);
    },
    poll: (now) => {
      if (deadline < 0 || now < deadline) return;
      if (transmissions > MAX_RETRANSMIT) {
        over(false, now);
        return;
      }
      timeout *= 2;
      send(now);
    },
    nextTimeout: () => deadline,
    outcomes,
  };
}

export interface Server {
  /** A datagram from a client: the answer, or null. */
  received(client: string, datagram: Uint8Array): Uint8Array | null;
  /** Readings as they were taken, in order, each `client reading`. */
  readings: string[];
  duplicates: number;
}

export function createServer(): Server {
  const seen = new Set<string>();
  const server: Server = {
    readings: [],
    duplicates: 0,
    received: (client, datagram) => {
      if (datagram.length < 6 || datagram[0] !== (VERSION_CON | 1) || datagram[1] !== POST) return null;
      const key = `${client} ${datagram[2]} ${datagram[3]}`;
      if (seen.has(key)) server.duplicates++;
      else server.readings.push(`${client} ${Buffer.from(datagram.subarray(6)).toString()}`);
      seen.add(key);
      return Uint8Array.of(VERSION_ACK, CHANGED, datagram[2], datagram[3]);
    },
  };
  return server;
}
