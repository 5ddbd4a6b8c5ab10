// Joins radios of every kind to one link, in real time: when one receives a frame from its node, all others send it to
// theirs. So a board's UART, a gateway in this process and sensors over ZEP share a link, with seeded loss and one capture.
//
// Nothing collides here, and no time passes on air; medium.ts has both, in virtual time. Frames are forwarded in the order
// of arrival, each from a copy, never inside the call that delivered it.

import type { CaptureWriter } from './pcap.ts';
import type { Radio } from './radio.ts';
import { type LossyRadio, withLoss } from './wrap.ts';

/** Options of `createBridge`. */
export interface BridgeConfig {
  /** 32 bits from which all chances follow: the same seed, the same losses. */
  seed: number;
  /** Chance, 0..1, that a node misses a frame. Each node has its own sequence of chances, which follows from the seed. */
  loss: number;
  /** Gets every frame once, as it goes on air. */
  capture?: CaptureWriter;
  /** Milliseconds for the capture; default those since 1970. */
  clock?: () => number;
}

/** A radio that was joined. */
export interface BridgePort {
  /** As given to `join`. */
  name: string;
  /** Frames that came from the node, and went to it; those of them that were lost. */
  from: number;
  /** Frames that went to the node. */
  to: number;
  /** Frames from and to the node that were lost. */
  lost(): number;
  /** The loss from now on, 0..1. */
  setLoss(loss: number): void;
  /** Takes the port away; its radio is closed. */
  remove(): void;
}

/** A radio of a node in this process. */
export interface LocalRadio extends Radio {
  /** Resolves when it is closed. */
  closed: Promise<void>;
}

/** Joins radios: what one sends, all others receive. */
export interface Bridge {
  /** Joins a radio that leads to one or more nodes; it belongs to the bridge from here on. */
  join(name: string, radio: Radio): BridgePort;
  /** A radio for a node of this process. Closing it takes its port away. */
  radio(name: string): LocalRadio;
  /** The radios joined, in the order in which they came. */
  ports(): BridgePort[];
  /** Frames on air so far. */
  frames(): number;
  /** Closes all radios. The capture is the caller's. */
  close(): void;
}

interface Member extends BridgePort {
  radio: Radio;
  loss: { transmit: number };
}

/** An air with no radios yet. */
export function createBridge(config: BridgeConfig): Bridge {
  const check = (loss: number): number => {
    if (!(loss >= 0 && loss <= 1)) throw new Error(`bridge.loss: ${loss}: must be 0..1`);
    return loss;
  };
  check(config.loss);
  const clock = config.clock ?? (() => performance.timeOrigin + performance.now());
  const members = new Set<Member>();
  const waiting: { frame: Uint8Array; from: Member }[] = [];
  let joined = 0;
  let frames = 0;
  let isScheduled = false;
  let isClosed = false;

  function onAir(from: Member, frame: Uint8Array): void {
    from.from++;
    frames++;
    config.capture?.write(clock(), frame);
    waiting.push({ frame, from });
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(deliver);
  }

  function deliver(): void {
    isScheduled = false;
    for (const { frame, from } of waiting.splice(0)) {
      for (const member of members) {
        if (member === from) continue;
        member.to++;
        member.radio.transmit(frame, 0, frame.length);
      }
    }
  }

  function join(name: string, inner: Radio): Member {
    if (isClosed) throw new Error('the bridge is closed');
    const loss = { seed: config.seed + joined++, transmit: config.loss, receive: 0 };
    const radio: LossyRadio = withLoss(inner, loss);
    const member: Member = {
      name,
      radio,
      loss,
      from: 0,
      to: 0,
      lost: () => radio.lost,
      setLoss: (value) => {
        loss.transmit = check(value);
      },
      remove: () => {
        if (members.delete(member)) radio.close();
      },
    };
    radio.onFrame = (frame, offset, length) => {
      if (members.has(member)) onAir(member, frame.slice(offset, offset + length));
    };
    members.add(member);
    return member;
  }

  return {
    join,
    radio(name) {
      let member: Member | null = null;
      const outer: Radio = {
        onFrame: null,
        clear: () => true,
        // What the air has for the node.
        transmit: (buffer, offset, length) => local.onFrame?.(buffer.slice(), offset, length),
        close: () => {
          outer.onFrame = null;
        },
      };
      const local: LocalRadio = {
        onFrame: null,
        instant: true,
        closed: Promise.resolve(),
        clear: () => true,
        transmit: (buffer, offset, length) => outer.onFrame?.(buffer, offset, length),
        close: () => {
          local.onFrame = null;
          member?.remove();
        },
      };
      member = join(name, outer);
      return local;
    },
    ports: () => [...members],
    frames: () => frames,
    close() {
      isClosed = true;
      for (const member of [...members]) member.remove();
      waiting.length = 0;
    },
  };
}
