// Frames on their way to a co-processor, one at a time. One whose end is unknown is sent again.

import { DROP_CHANNEL, DROP_NO_ACK } from '../../../../../core/base/drop.ts';
import { ACK_SIZE, FRAME_ACK, FRAME_ACK_REQUEST } from '../../../../../core/wire/ieee802154.ts';
import { STATUS_CCA_FAILURE, STATUS_NO_ACK, STATUS_OK } from './numbers.ts';
import type { Rcp } from './rcp.ts';
import { PSDU_MAX, PSDU_MIN } from './stream-raw.ts';

/** Counters of frames to send. */
export interface OutgoingCounters {
  /** Frames sent, and acknowledged if they asked for it. */
  sent: number;
  /** Frames that nobody acknowledged, after all repetitions. */
  noAck: number;
  /** Frames not sent because the channel was never clear. */
  channelBusy: number;
  /** Frames that the co-processor refused. */
  refused: number;
  /** Frames that were not taken, of a length that no radio can send. */
  badLength: number;
  /** Frames that were not taken for want of room. */
  congested: number;
  /** Frames that waited too long for the device. */
  expired: number;
}

/** Frames that may wait, and milliseconds that they may: then whoever sent them has given up. */
const QUEUE = 64;
const EXPIRE = 5000;

interface Waiting {
  psdu: Uint8Array;
  since: number;
}

export interface Outgoing {
  /** Takes a frame, MHR to FCS. */
  add(buffer: Uint8Array, offset: number, length: number): void;
  /** The co-processor can take a frame. */
  next(): void;
  clear(): void;
}

export interface OutgoingConfig {
  channel: number;
  /** Null: not now. */
  rcp(): Rcp | null;
  clock(): number;
  counters: OutgoingCounters;
  /** The end of a frame that asked for an acknowledgement. */
  ended(sequence: number, result: number): void;
  /** No end came from a co-processor that is still there. */
  failed(error: Error): void;
}

export function createOutgoing({ channel, rcp, clock, counters, ended, failed }: OutgoingConfig): Outgoing {
  const queue: Waiting[] = [];
  let inFlight: Waiting | null = null;

  function end({ psdu }: Waiting, status: number): void {
    if (status === STATUS_OK) counters.sent++;
    else if (status === STATUS_NO_ACK) counters.noAck++;
    else if (status === STATUS_CCA_FAILURE) counters.channelBusy++;
    else counters.refused++;
    if ((psdu[0] & FRAME_ACK_REQUEST) === 0) return;
    ended(psdu[2], status === STATUS_OK ? 0 : status === STATUS_NO_ACK ? DROP_NO_ACK : DROP_CHANNEL);
  }

  function next(): void {
    const asked = rcp();
    while (asked !== null && inFlight === null && queue.length > 0) {
      const frame = queue.shift()!;
      if (clock() - frame.since > EXPIRE) {
        counters.expired++;
        continue;
      }
      inFlight = frame;
      asked.transmit(frame.psdu, channel).then(
        ({ status }) => {
          inFlight = null;
          end(frame, status);
          next();
        },
        (error: Error) => {
          inFlight = null;
          queue.unshift(frame);
          if (asked === rcp()) failed(error);
          else next();
        },
      );
    }
  }

  return {
    next,
    add(buffer, offset, length) {
      if (length < PSDU_MIN || length > PSDU_MAX) {
        counters.badLength++;
        return;
      }
      // The co-processor has sent its own.
      if (length === ACK_SIZE && (buffer[offset] & 7) === FRAME_ACK) return;
      const psdu = buffer.slice(offset, offset + length);
      // The MAC repeats what it knows no end of.
      const isSame = (frame: Waiting | null): boolean => frame !== null && Buffer.compare(frame.psdu, psdu) === 0;
      if (isSame(inFlight) || queue.some(isSame)) return;
      if (queue.length >= QUEUE) {
        counters.congested++;
        return;
      }
      queue.push({ psdu, since: clock() });
      next();
    },
    clear() {
      queue.length = 0;
    },
  };
}
