// What the demo's processes tell each other over the channel that `fork` gives them, and how a child process lives: it
// ends when it is told to, or when its parent is gone. Ctrl-C reaches every process of a terminal: here the parent alone
// acts on it.

import { errorText } from '../config/errors.ts';

/** Values of one SA, as in an SA file. */
export type SaValues = Record<string, unknown>;

/** What both ends know of a sensor. */
export interface SensorPlan {
  /** 1, 2, ...: also its short address. */
  index: number;
  /** One character: its Uri-Path at the server. */
  name: string;
  outer: string;
  inner: string;
  /** Sensor to gateway, and back. */
  up: SaValues;
  down: SaValues;
}

/** What every process is told first. */
export interface Common {
  provider: string;
  /** Chance, 0..1, that a radio misses a frame. */
  loss: number;
  seed: number;
}

export type ToGateway = ({ type: 'gateway'; sensors: SensorPlan[]; pcap: string } & Common) | { type: 'stop' };

export type ToSensor =
  | ({ type: 'sensor'; plan: SensorPlan; zepPort: number } & Common)
  /** Begin: readings (0: without end), milliseconds between them and before the first. */
  | { type: 'go'; count: number; interval: number; delay: number }
  | { type: 'stop' };

/** Octets and frames that a node put on air: data frames, PHY header to FCS. */
export interface Air {
  frames: number;
  octets: number;
}

export type FromGateway =
  | { type: 'ready'; zepPort: number }
  /** The CoAP server took a reading. */
  | { type: 'reading'; name: string; text: string }
  /** After `stop`: data frames to each sensor, and the gateway's metrics. */
  | { type: 'report'; answers: Record<string, Air>; frames: number; metrics: unknown }
  | { type: 'failed'; text: string };

export type Outcome = 'acknowledged' | 'failed';

export type FromSensor =
  | { type: 'ready'; index: number }
  | { type: 'sent'; index: number; reading: number; text: string }
  | { type: 'retry'; index: number; reading: number }
  /** The end of a reading; `first`: octets on air of its first frame; `air`: the sensor's frames so far. */
  | {
      type: 'end';
      index: number;
      reading: number;
      outcome: Outcome;
      ms: number;
      first: number;
      air: Air;
      retries: number;
    }
  | { type: 'done'; index: number }
  /** After `stop`: frames and MAC retries in all. */
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
