// A CoAP client that sends readings as confirmable POSTs, one at a time [RFC 7252 §4.2, §4.7 with NSTART 1], without a
// socket: the caller sends and hands in what came.
//
// A reading is 18 octets: header 4, token 1, Uri-Path 2, payload marker 1, payload 10 ({"t":21.5}).

import { generate, parse } from 'coap-packet';
import type { Outcome } from '../lab/demo/messages.ts';

/** [RFC 7252 §4.8]; ACK_TIMEOUT is 2000 ms there: on the loopback an answer takes a few. */
export const ACK_TIMEOUT = 250;
const ACK_RANDOM_FACTOR = 1.5;
const MAX_RETRANSMIT = 4;

export interface ReadingUpper {
  transmit(octets: Uint8Array, now: number): void;
  retried(reading: number): void;
  ended(reading: number, outcome: Outcome, ms: number): void;
}

export interface ReadingClient {
  /** Sends a reading once those before it have ended. `text` is the payload. */
  post(reading: number, text: string, now: number): void;
  /** A UDP payload from the server. Any octets are accepted. */
  receive(octets: Uint8Array, now: number): void;
  poll(now: number): void;
  nextTimeout(): number;
}

interface Exchange {
  reading: number;
  message: Buffer;
  messageId: number;
  token: number;
  begun: number;
  /** When to retransmit or to give up, and how long to wait then. */
  at: number;
  timeout: number;
  retransmits: number;
  /** An empty acknowledgement came: the response follows in a message of its own. */
  isAcked: boolean;
}

/** The message of a reading. */
export function readingMessage(path: string, text: string, messageId: number, token: number): Buffer {
  return generate({
    confirmable: true,
    code: 'POST',
    messageId,
    token: Buffer.of(token),
    options: [{ name: 'Uri-Path', value: Buffer.from(path) }],
    payload: Buffer.from(text),
  });
}

/** `random`: 0 <= x < 1; `firstId` the first Message ID. */
export function createReadingClient(
  path: string,
  upper: ReadingUpper,
  random: () => number,
  firstId: number,
): ReadingClient {
  const waiting: { reading: number; text: string }[] = [];
  let current: Exchange | null = null;
  let messageId = firstId & 0xffff;

  function begin(now: number): void {
    const next = waiting.shift();
    if (next === undefined) return;
    messageId = (messageId + 1) & 0xffff;
    const token = messageId & 0xff;
    const timeout = ACK_TIMEOUT * (1 + random() * (ACK_RANDOM_FACTOR - 1));
    current = {
      reading: next.reading,
      message: readingMessage(path, next.text, messageId, token),
      messageId,
      token,
      begun: now,
      at: now + timeout,
      timeout,
      retransmits: 0,
      isAcked: false,
    };
    upper.transmit(current.message, now);
  }

  function end(exchange: Exchange, outcome: Outcome, now: number): void {
    current = null;
    upper.ended(exchange.reading, outcome, now - exchange.begun);
    begin(now);
  }

  return {
    post(reading, text, now) {
      waiting.push({ reading, text });
      if (current === null) begin(now);
    },
    receive(octets, now) {
      let packet: ReturnType<typeof parse>;
      try {
        packet = parse(Buffer.from(octets));
      } catch {
        return;
      }
      const exchange = current;
      const isOwn = packet.messageId === exchange?.messageId;
      if (packet.reset) {
        if (exchange !== null && isOwn) end(exchange, 'failed', now);
        return;
      }
      if (packet.ack && packet.code === '0.00') {
        if (exchange !== null && isOwn) exchange.isAcked = true;
        return;
      }
      // A response on its own is confirmed, also a second time [RFC 7252 §5.2.2].
      if (packet.confirmable) upper.transmit(generate({ ack: true, code: '0.00', messageId: packet.messageId }), now);
      if (exchange === null || (packet.ack && !isOwn)) return;
      if (packet.token.length !== 1 || packet.token[0] !== exchange.token) return;
      end(exchange, packet.code.startsWith('2.') ? 'acknowledged' : 'failed', now);
    },
    poll(now) {
      const exchange = current;
      if (exchange === null || now < exchange.at) return;
      if (exchange.retransmits >= MAX_RETRANSMIT) {
        end(exchange, 'failed', now);
        return;
      }
      exchange.retransmits++;
      exchange.timeout *= 2;
      exchange.at = now + exchange.timeout;
      if (exchange.isAcked) return;
      upper.retried(exchange.reading);
      upper.transmit(exchange.message, now);
    },
    nextTimeout: () => (current === null ? -1 : current.at),
  };
}
