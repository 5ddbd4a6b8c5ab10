// Wrappers: radios made of a radio, with its interface, so that they stack in any order.

import type { CaptureWriter } from './pcap.ts';
import type { Radio } from './radio.ts';
import { createRandom } from './random.ts';

/** Passes everything through; `change` replaces what a wrapper does otherwise. */
function wrap(inner: Radio, onFrame: (radio: Radio) => NonNullable<Radio['onFrame']>, change: Partial<Radio>): Radio {
  const radio: Radio = {
    onFrame: null,
    ...(inner.instant === undefined ? {} : { instant: inner.instant }),
    clear: () => inner.clear(),
    transmit: (buffer, offset, length) => inner.transmit(buffer, offset, length),
    close: () => {
      radio.onFrame = null;
      inner.close();
    },
    ...change,
  };
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

/** A radio whose frames, sent and received, are written to a capture. `clock` gives milliseconds. */
export function withCapture(inner: Radio, writer: CaptureWriter, clock: () => number): Radio {
  return wrap(
    inner,
    (outer) => (frame, offset, length) => {
      writer.write(clock(), frame.subarray(offset, offset + length));
      outer.onFrame?.(frame, offset, length);
    },
    {
      transmit: (buffer, offset, length) => {
        writer.write(clock(), buffer.subarray(offset, offset + length));
        inner.transmit(buffer, offset, length);
      },
    },
  );
}
