// The host's side of Spinel on one line: asks for properties, sets them, has frames sent, and hears what the co-processor says
// by itself. A transaction id (1..15) joins an answer to its question; id 0 is what nobody asked for.
//
//   80 | tid    command (i)    property (i)    value

import { createHdlcDecoder, type HdlcCounters, hdlcFrame } from './hdlc.ts';
import {
  CMD_GET,
  CMD_INSERT,
  CMD_INSERTED,
  CMD_IS,
  CMD_REMOVED,
  CMD_RESET,
  CMD_SET,
  isReset,
  PROP_LAST_STATUS,
  PROP_NAMES,
  PROP_STREAM_RAW,
  RESET_STACK,
  STATUS_OK,
  statusText,
} from './numbers.ts';
import { createReader, createWriter } from './packed.ts';
import { parseEnd, type RawEnd, rawToSend } from './stream-raw.ts';

const FLAG = 0x80;
const FLAG_MASK = 0xc0;
const INTERFACE_MASK = 0x30;
const TID_MASK = 0x0f;
/** Milliseconds for the answer to a question; the end of a frame may take twice as long, CSMA-CA and 4 attempts take less. */
const ANSWER_TIME = 1500;

/** The co-processor refused, with a status of Spinel. */
export class StatusError extends Error {
  readonly status: number;
  constructor(property: number, status: number) {
    super(`${propertyText(property)}: ${statusText(status)}`);
    this.name = 'StatusError';
    this.status = status;
  }
}

/** No answer came. */
export class SilentError extends Error {}

/** Counters of one line. */
export interface RcpCounters extends HdlcCounters {
  /** Frames that are no Spinel, or hold less than they should. */
  malformed: number;
  /** Answers that nobody waits for. */
  stray: number;
}

/** What the co-processor says by itself. */
export interface RcpEvents {
  /** Puts octets on the line. */
  write(octets: Uint8Array): void;
  /** The value of a property. */
  is(property: number, value: Uint8Array): void;
  /** It has started anew, for this reason; what was set is lost. */
  reset(status: number): void;
}

export interface Rcp {
  /** Takes octets of the line. */
  push(octets: Uint8Array): void;
  /** Asks for a reset of the stack; `reset` hears when it is done. */
  resetStack(): void;
  /** The value of a property. Rejects with a StatusError or a SilentError. */
  get(property: number): Promise<Uint8Array>;
  /** Sets a property. */
  set(property: number, value: Uint8Array): Promise<void>;
  /** Adds to the list of a property. */
  insert(property: number, value: Uint8Array): Promise<void>;
  /** Has a frame sent, MHR to FCS: its end. Rejects with a SilentError. */
  transmit(psdu: Uint8Array, channel: number): Promise<RawEnd>;
  /** Nothing more comes: whoever waits gets a SilentError. */
  end(reason: string): void;
}

interface Waiting {
  property: number;
  resolve(value: Uint8Array): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

/** `PHY_CHAN`, or `property 0x4711`. */
export function propertyText(property: number): string {
  return PROP_NAMES[property] ?? `property 0x${property.toString(16)}`;
}

/** The host's side of one line. */
export function createRcp(events: RcpEvents, counters: RcpCounters, answerTime = ANSWER_TIME): Rcp {
  const waiting = new Map<number, Waiting>();
  let lastTid = 0;
  const decoder = createHdlcDecoder(take, counters);

  function send(tid: number, command: number, rest: Uint8Array): void {
    events.write(
      hdlcFrame(
        createWriter()
          .octet(FLAG | tid)
          .packed(command)
          .raw(rest)
          .octets(),
      ),
    );
  }

  function ask(command: number, property: number, value: Uint8Array, time: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      let tid = lastTid;
      do tid = (tid % TID_MASK) + 1;
      while (waiting.has(tid) && tid !== lastTid);
      if (waiting.has(tid)) {
        reject(new SilentError('too many questions wait for answers'));
        return;
      }
      lastTid = tid;
      const timer = setTimeout(() => {
        waiting.delete(tid);
        reject(new SilentError(`${propertyText(property)}: no answer in ${time} ms`));
      }, time);
      waiting.set(tid, { property, resolve, reject, timer });
      send(tid, command, createWriter().packed(property).raw(value).octets());
    });
  }

  function take(octets: Uint8Array): void {
    const reader = createReader(octets);
    const header = reader.octet();
    const command = reader.packed();
    const isAnswer = command === CMD_IS || command === CMD_INSERTED || command === CMD_REMOVED;
    const property = reader.packed();
    if (!reader.isWhole() || (header & FLAG_MASK) !== FLAG || (header & INTERFACE_MASK) !== 0 || !isAnswer) {
      counters.malformed++;
      return;
    }
    const tid = header & TID_MASK;
    const value = reader.rest();
    const question = tid === 0 ? undefined : waiting.get(tid);
    if (question === undefined) {
      const status = property === PROP_LAST_STATUS ? createReader(value).packed() : -1;
      if (isReset(status)) events.reset(status);
      else if (tid === 0) events.is(property, value);
      else counters.stray++;
      return;
    }
    if (property !== question.property && property !== PROP_LAST_STATUS) {
      counters.stray++;
      return;
    }
    clearTimeout(question.timer);
    waiting.delete(tid);
    if (property === question.property || question.property === PROP_STREAM_RAW) {
      question.resolve(value);
      return;
    }
    const status = createReader(value).packed();
    if (status === STATUS_OK) question.resolve(new Uint8Array(0));
    else question.reject(new StatusError(question.property, status));
  }

  return {
    push: (octets) => decoder.push(octets),
    resetStack: () => send(0, CMD_RESET, Uint8Array.of(RESET_STACK)),
    get: (property) => ask(CMD_GET, property, new Uint8Array(0), answerTime),
    async set(property, value) {
      await ask(CMD_SET, property, value, answerTime);
    },
    async insert(property, value) {
      await ask(CMD_INSERT, property, value, answerTime);
    },
    async transmit(psdu, channel) {
      return parseEnd(await ask(CMD_SET, PROP_STREAM_RAW, rawToSend(psdu, channel), 2 * answerTime));
    },
    end(reason) {
      decoder.reset();
      for (const { timer, reject } of waiting.values()) {
        clearTimeout(timer);
        reject(new SilentError(reason));
      }
      waiting.clear();
    },
  };
}
