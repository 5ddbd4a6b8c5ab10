// What a profile's application makes known: its schedule, and a reading's message, which the core's CoAP client writes.

import { createCoapClient } from '../../../core/device/coap.ts';
import { putReading, READING_MAX } from '../../board/reading.ts';
import type { Facts } from './layout.ts';

/** What a specialised device's application is made from. Times are milliseconds. */
export interface AppInput {
  /** UTF-8; `/` separates its parts. */
  path: Uint8Array;
  ackTimeout: number;
  maxRetransmit: number;
  count: number;
  interval: number;
  /** The session is kept over a restart. */
  keeps: boolean;
  /** For radios that filter and acknowledge by themselves. A short address of 0xffff: none. */
  channel: number;
  panId: number;
  shortAddress: number;
  extendedAddress: Uint8Array;
}

/** Reading 1 as the core's client sends it. */
function firstMessage({ path, ackTimeout, maxRetransmit }: AppInput): Uint8Array {
  let message = new Uint8Array(0);
  const client = createCoapClient(
    { path, ackTimeout, maxRetransmit, maxPayload: READING_MAX, random: () => {} },
    {
      transmit: (buffer, offset, length) => {
        message = buffer.slice(offset, offset + length);
      },
      answer: () => {},
      payload: putReading,
      ended: () => {},
    },
  );
  client.post(1, 0);
  return message;
}

/** Octets of the longest reading's message. */
export function appMaxPayload(input: AppInput): number {
  return firstMessage(input).length - 2 + READING_ROOM;
}

/** Sixteen digits and the brace. */
const READING_ROOM = 17;

/** Constants and octets. */
export function appFacts(input: AppInput): Facts {
  const message = firstMessage(input);
  const { ackTimeout, maxRetransmit, count, interval, keeps, channel, panId, shortAddress, extendedAddress } = input;
  return {
    constants: {
      // Without the digit and the brace.
      coapHead: Buffer.from(message.subarray(0, message.length - 2)).toString('hex'),
      ackTimeout,
      maxRetransmit,
      count,
      interval,
      keeps,
      channel,
      panId,
    },
    fields: [
      { name: 'Short', octets: Uint8Array.of(shortAddress >>> 8, shortAddress & 0xff) },
      { name: 'Extended', octets: extendedAddress },
    ],
  };
}
