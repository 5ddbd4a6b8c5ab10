// The messages between the demo's processes, over the channel of `fork`, and the life of a child process: it ends when it is
// told to, or when its parent is gone. Ctrl-C reaches every process of a terminal, but only the parent acts on it.

import { errorText } from '../../host/errors.ts';
import type { ReadingOutcome } from '../../sensor/describe.ts';
import type { NodePlan } from '../network.ts';

/** What every process is told first. */
export interface Common {
  provider: string;
  /** Chance, 0..1, that a radio misses a frame. */
  loss: number;
  seed: number;
  /** With rules for CoAP. */
  hasCoap: boolean;
}

export type ToGateway =
  /** `pcap`: a file, or ''; `keylog`: a folder, or ''; `web`: TCP port of the page, 0: the system chooses; null: no page. */
  | ({ type: 'gateway'; sensors: NodePlan[]; pcap: string; keylog: string; web: number | null } & Common)
  | { type: 'stop' };

export type ToSensor =
  | ({ type: 'sensor'; plan: NodePlan; zepPort: number } & Common)
  /** Begin with IKE; milliseconds before that. */
  | { type: 'connect'; delay: number }
  /** Begin with readings: their number (0: without end), milliseconds between them and before the first. */
  | { type: 'go'; count: number; interval: number; delay: number }
  | { type: 'stop' };

/** Octets and frames that a node put on air: data frames, PHY header to FCS. */
export interface Air {
  frames: number;
  octets: number;
}

/** How a sensor got its first Child SA. */
export interface Handshake {
  /** Milliseconds from the first message to the Child SA. */
  ms: number;
  /** IKE messages, both ways, and their octets. */
  messages: number;
  octets: number;
  /** Data frames that carried them, both ways, and how many of these were repeated ones of a MAC. */
  air: Air;
  repeated: number;
  cipher: string;
  ke: string;
  auth: string;
  /** The Child SA. */
  suite: string;
  /** The notify that negotiated Diet-ESP, and the attributes; null: plain ESP. */
  notify: string;
  compression: Record<string, string | number> | null;
}

export type FromGateway =
  /** `page`: the address of the page with its token, or ''. */
  | { type: 'ready'; zepPort: number; page: string }
  /** The CoAP server took a reading. */
  | { type: 'reading'; name: string; text: string }
  /**
   * After `stop`: by sensor, data frames to it with answers, and those of IKE both ways; the gateway's metrics; what was wrong
   * with the capture, or ''.
   */
  | {
      type: 'report';
      answers: Record<string, Air>;
      ike: Record<string, Air>;
      frames: number;
      metrics: unknown;
      capture: string;
    }
  | { type: 'failed'; text: string };

export type FromSensor =
  /** Its radio is there. */
  | { type: 'open'; index: number }
  /** An attempt of IKE failed; milliseconds until the next, -1: none. */
  | { type: 'unconnected'; index: number; outcome: string; retryMs: number }
  /** It has a Child SA. */
  | { type: 'ready'; index: number; handshake: Handshake }
  | { type: 'sent'; index: number; reading: number; text: string }
  | { type: 'retry'; index: number; reading: number }
  /** The end of a reading; `first`: octets on air of its first frame; `air`: the sensor's frames so far, without IKE. */
  | {
      type: 'end';
      index: number;
      reading: number;
      outcome: ReadingOutcome;
      ms: number;
      first: number;
      air: Air;
      retries: number;
    }
  | { type: 'done'; index: number }
  /** After `stop`: frames and MAC retries in all, without those of IKE. */
  | { type: 'report'; index: number; air: Air; retries: number; lost: number }
  | { type: 'failed'; text: string };

/** Sends to the parent; a parent that is gone is no error. */
export function tell(message: FromGateway | FromSensor, sent: () => void = () => {}): void {
  if (!process.connected) sent();
  else process.send!(message, undefined, undefined, () => sent());
}

/** Runs a child process: `take` gets each message; what it throws is told to the parent and ends the process. */
export function live<Message>(take: (message: Message) => void | Promise<void>): void {
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit(1));
  const fail = (error: unknown): void => {
    tell({ type: 'failed', text: errorText(error) }, () => process.exit(1));
  };
  process.on('uncaughtException', fail);
  process.on('message', (message) => {
    void Promise.resolve(message as Message)
      .then(take)
      .catch(fail);
  });
}
