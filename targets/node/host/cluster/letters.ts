// Messages between the gateways of a cluster, over NATS without its store: each comes once or never. They are sealed with a key
// that all gateways have, for one receiver, by its session, and are numbered by the session that sends them. So nobody else can
// write one, and one that is sent again, or later to another life of a gateway, is not taken.

import { hkdfSync } from 'node:crypto';
import { SEAL_KEY_SIZE, seal, unseal } from '../state/seal.ts';
import type { Letters } from '../state/shared.ts';
import type { Messages } from './bucket.ts';
import type { Session } from './session.ts';

/** Octets of a session in front of a letter. */
const SESSION_SIZE = 8;
/** Octets of its number behind that. */
const NUMBER_SIZE = 8;
/** The largest letter: a datagram, and what says where it came from. */
const LETTER_MAX = 66000;
/** Numbers that may be late. */
const WINDOW = 4096;

/** Which numbers of one session came; as RFC 6479. */
interface Window {
  highest: number;
  bits: Uint32Array;
}

function mayCome({ highest, bits }: Window, number: number): boolean {
  if (number > highest) return true;
  return number > highest - WINDOW && (bits[(number % (2 * WINDOW)) >>> 5] & (1 << (number & 31))) === 0;
}

function note(window: Window, number: number): void {
  const { bits } = window;
  for (let next = window.highest + 1; next <= Math.min(number, window.highest + 2 * WINDOW); next++) {
    bits[(next % (2 * WINDOW)) >>> 5] &= ~(1 << (next & 31));
  }
  window.highest = Math.max(window.highest, number);
  bits[(number % (2 * WINDOW)) >>> 5] |= 1 << (number & 31);
}

export interface LettersConfig {
  messages: Messages;
  session: Pick<Session, 'id' | 'isLive'>;
  secret: Uint8Array;
  /** Name of the store. */
  scope: string;
}

export interface OwnLetters extends Letters {
  /** The session is new: from now on letters to it are taken. */
  begin(): void;
  close(): void;
}

export function createLetters({ messages, session, secret, scope }: LettersConfig): OwnLetters {
  const info = 'dietesp cluster letters';
  const key = new Uint8Array(hkdfSync('sha256', secret, Buffer.from(scope), info, SEAL_KEY_SIZE));
  const windows = new Map<string, Window>();
  let number = 0;
  let stop: () => void = () => {};

  const letters: OwnLetters = {
    counters: { refused: 0 },
    take() {},
    send(to, octets) {
      const from = session.id();
      if (from === '' || octets.length > LETTER_MAX) return false;
      const sealed = seal(key, `${from} ${to}`, ++number, octets);
      return messages.send(to, Buffer.concat([Buffer.from(from, 'hex'), sealed]));
    },
    begin() {
      stop();
      windows.clear();
      const own = session.id();
      stop = messages.listen(own, (octets) => {
        const refuse = (): void => void letters.counters.refused++;
        if (octets.length < SESSION_SIZE + NUMBER_SIZE || octets.length > 2 * LETTER_MAX) return refuse();
        const sender = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
        const from = sender.toString('hex', 0, SESSION_SIZE);
        if (session.id() !== own || from === own || !session.isLive(from)) return refuse();
        const sequence = Number(sender.readBigUInt64BE(SESSION_SIZE));
        const window = windows.get(from) ?? { highest: 0, bits: new Uint32Array((2 * WINDOW) / 32) };
        if (sequence < 1 || sequence > Number.MAX_SAFE_INTEGER || !mayCome(window, sequence)) return refuse();
        const opened = unseal(key, `${from} ${own}`, octets.subarray(SESSION_SIZE));
        if (!opened?.value) return refuse();
        if (!windows.has(from)) {
          for (const one of windows.keys()) if (!session.isLive(one)) windows.delete(one);
          windows.set(from, window);
        }
        note(window, sequence);
        letters.take(from, opened.value);
      });
    },
    close() {
      stop();
      stop = () => {};
    },
  };
  return letters;
}
