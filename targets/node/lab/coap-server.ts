// The CoAP server behind the gateways of demo and board runs [RFC 7252]: it takes readings as POST and answers 2.04. It
// answers a repeated reading, whose answer was lost, again, but takes it once [§4.5].

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  COAP_CHANGED,
  COAP_CON,
  COAP_IGNORED,
  COAP_OPTION_MAX,
  COAP_POST,
  COAP_REFUSED,
  COAP_REQUEST,
  COAP_RESPONSE,
  COAP_SIZE,
  COAP_URI_PATH,
  coapKind,
  coapOption,
  coapType,
  OPTION_DELTA,
  OPTION_LENGTH,
  OPTION_VALUE,
} from '../../../core/wire/coap.ts';

const VERSION_ACK = 0x60;
const VERSION_NON = 0x50;
const VERSION_RST = 0x70;
const BAD_OPTION = 0x82;
const METHOD_NOT_ALLOWED = 0x85;
const PROXYING_NOT_SUPPORTED = 0xa5;
/** What it understands: number, octets of a value at least and at most, whether it may come again [§5.10]. */
const KNOWN: [number, number, number, boolean][] = [
  // Uri-Host, Uri-Port, Uri-Path, Uri-Query.
  [3, 1, 255, false],
  [7, 0, 2, false],
  [COAP_URI_PATH, 0, 255, true],
  [15, 0, 255, true],
];
/** Proxy-Uri, Proxy-Scheme. */
const PROXY = [35, 39];
/** Milliseconds: EXCHANGE_LIFETIME [RFC 7252 §4.8.2]. */
const LIFETIME = 247000;
const EXCHANGES_MAX = 10000;

/** A request's options and payload; `problem`: the code of the answer, 0 none, -1 a format error. */
interface Content {
  path: string;
  payload: Buffer;
  problem: number;
}

/** An option of another length, or once more than it may come, is as one that is unknown [§5.4.3, §5.4.5]. */
function isKnown(number: number, length: number, isAgain: boolean): boolean {
  return KNOWN.some(([of, least, most, mayRepeat]) => {
    return number === of && length >= least && length <= most && (mayRepeat || !isAgain);
  });
}

function contentOf(message: Buffer): Content {
  const option = new Int32Array(3);
  const parts: string[] = [];
  let problem = 0;
  let number = 0;
  let at = COAP_SIZE + (message[0] & 15);
  let next = coapOption(message, at, message.length, option);
  for (; next > at; next = coapOption(message, at, message.length, option)) {
    at = next;
    number += option[OPTION_DELTA];
    const length = option[OPTION_LENGTH];
    if (PROXY.includes(number)) problem = PROXYING_NOT_SUPPORTED;
    else if (number % 2 === 1 && !isKnown(number, length, option[OPTION_DELTA] === 0)) problem ||= BAD_OPTION;
    else if (number === COAP_URI_PATH)
      parts.push(message.toString('utf8', option[OPTION_VALUE], option[OPTION_VALUE] + length));
  }
  if (next < 0 || number > COAP_OPTION_MAX) problem = -1;
  return { path: parts.join('/'), payload: message.subarray(at + 1), problem };
}

export interface CoapServer {
  /** A datagram of `from` at `now` (ms), any octets: the answer, or null. */
  receive(octets: Uint8Array, from: string, now: number): Uint8Array | null;
}

/** `take` gets each reading once: its path without the slash in front, and its payload as text. */
export function createCoapServer(take: (path: string, text: string) => void): CoapServer {
  const answers = new Map<string, { answer: Uint8Array | null; end: number }>();
  let messageId = 0;

  function forget(now: number): void {
    for (const [key, { end }] of answers) {
      if (end > now && answers.size < EXCHANGES_MAX) break;
      answers.delete(key);
    }
  }

  function reset(message: Buffer): Uint8Array | null {
    return coapType(message, 0) === COAP_CON ? Uint8Array.of(VERSION_RST, 0, message[2], message[3]) : null;
  }

  /** The answer to a request that is new; null: none. */
  function answerTo(message: Buffer): Uint8Array | null {
    const isConfirmable = coapType(message, 0) === COAP_CON;
    const { path, payload, problem } = contentOf(message);
    // What cannot be processed and is not confirmable is ignored [§4.3].
    if (problem < 0 || (problem > 0 && !isConfirmable)) return reset(message);
    const code = problem !== 0 ? problem : message[1] === COAP_POST ? COAP_CHANGED : METHOD_NOT_ALLOWED;
    if (code === COAP_CHANGED) take(path, payload.toString());
    const size = message[0] & 15;
    const answer = Buffer.alloc(COAP_SIZE + size);
    answer[0] = (isConfirmable ? VERSION_ACK : VERSION_NON) + size;
    answer[1] = code;
    if (isConfirmable) message.copy(answer, 2, 2, 4);
    else {
      messageId = (messageId + 1) & 0xffff;
      answer.writeUInt16BE(messageId, 2);
    }
    message.copy(answer, COAP_SIZE, COAP_SIZE, COAP_SIZE + size);
    return answer;
  }

  return {
    receive(octets, from, now) {
      const message = Buffer.from(octets);
      const kind = coapKind(message, 0, message.length);
      if (kind === COAP_REFUSED || kind === COAP_RESPONSE) return reset(message);
      if (kind === COAP_IGNORED || kind !== COAP_REQUEST) return null;
      const key = `${from} ${message.readUInt16BE(2)}`;
      const known = answers.get(key);
      if (known !== undefined && known.end > now) return coapType(message, 0) === COAP_CON ? known.answer : null;
      answers.delete(key);
      forget(now);
      const answer = answerTo(message);
      answers.set(key, { answer, end: now + LIFETIME });
      return answer;
    },
  };
}

/** A server on a port of its own on the loopback. */
export async function startCoapServer(take: (path: string, text: string) => void): Promise<{
  port: number;
  close(): void;
}> {
  const server = createCoapServer(take);
  const socket = createSocket('udp4');
  socket.on('message', (octets, { address, port }) => {
    // Whoever sends from port 0 wants no answer [RFC 768], and none could be sent.
    if (port === 0) return;
    const answer = server.receive(octets, `${address} ${port}`, performance.now());
    if (answer !== null) socket.send(answer, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, close: () => void socket.close() };
}
