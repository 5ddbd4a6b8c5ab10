// Wrappers: radios made of a radio, with its interface, so that they stack in any order.

import type { CaptureWriter } from './pcap.ts';
import type { Radio, Signal } from './radio.ts';
import { createRandom } from './random.ts';

/** Passes everything through; `change` replaces what a wrapper does otherwise. */
function wrap(inner: Radio, onFrame: (radio: Radio) => NonNullable<Radio['onFrame']>, change: Partial<Radio>): Radio {
  const { signal, eui64, device, ready, closed } = inner;
  const radio: Radio = {
    onFrame: null,
    ...(inner.instant === undefined ? {} : { instant: inner.instant }),
    ...(signal === undefined ? {} : { signal: () => inner.signal!() }),
    ...(eui64 === undefined ? {} : { eui64: () => inner.eui64!() }),
    ...(device === undefined ? {} : { device: () => inner.device!() }),
    ...(ready === undefined ? {} : { ready }),
    ...(closed === undefined ? {} : { closed }),
    clear: () => inner.clear(),
    transmit: (buffer, offset, length) => inner.transmit(buffer, offset, length),
    close: () => {
      radio.onFrame = null;
      inner.close();
    },
    ...change,
  };
  for (const name of ['onEnd', 'onState'] as const) {
    // Whoever listens listens to the radio itself.
    Object.defineProperty(radio, name, {
      enumerable: true,
      get: () => inner[name],
      set: (listener) => {
        inner[name] = listener;
      },
    });
  }
  inner.onFrame = onFrame(radio);
  return radio;
}

/** Options of `withLoss`. */
export interface LossConfig {
  /** 32 bits from which all chances follow. */
  seed: number;
  /** Chance, 0..1, that a frame to send, or one received, is lost. */
  transmit: number;
  /** Chance that a received frame is lost. */
  receive: number;
}

/** A radio that loses frames by chance. */
export interface LossyRadio extends Radio {
  /** Frames lost both ways. */
  lost: number;
}

/** A radio that loses frames; the same seed loses the same ones. */
export function withLoss(inner: Radio, config: LossConfig): LossyRadio {
  const random = createRandom(config.seed);
  const radio = wrap(
    inner,
    (outer) => (frame, offset, length) => {
      if (random.next() < config.receive) radio.lost++;
      else outer.onFrame?.(frame, offset, length);
    },
    {
      transmit: (buffer, offset, length) => {
        if (random.next() < config.transmit) radio.lost++;
        else inner.transmit(buffer, offset, length);
      },
    },
  ) as LossyRadio;
  radio.lost = 0;
  return radio;
}

/** A radio whose frames are given to `take`: those received, with what is known of their reception, and those to send. */
export function withTap(
  inner: Radio,
  take: (direction: 'in' | 'out', frame: Uint8Array, offset: number, length: number, signal: Signal | null) => void,
): Radio {
  return wrap(
    inner,
    (outer) => (frame, offset, length) => {
      take('in', frame, offset, length, inner.signal?.() ?? null);
      outer.onFrame?.(frame, offset, length);
    },
    {
      transmit: (buffer, offset, length) => {
        take('out', buffer, offset, length, null);
        inner.transmit(buffer, offset, length);
      },
    },
  );
}

/** A radio whose frames, sent and received, are written to a capture. `clock` gives milliseconds. */
export function withCapture(inner: Radio, writer: CaptureWriter, clock: () => number): Radio {
  return withTap(inner, (_direction, frame, offset, length) => {
    writer.write(clock(), frame.subarray(offset, offset + length));
  });
}
