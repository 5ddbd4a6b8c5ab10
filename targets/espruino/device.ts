// The data plane alone: a device with one pair of SAs keyed by hand (targets/board/manual.ts), run by Espruino's timers.
// It fits boards that have no room for IKEv2.

import type { Part } from '../../core/crypto/portable.ts';
import type { Device } from '../../core/device/device.ts';
import type { Board } from '../board/hooks.ts';
import { createManual, type ManualOptions } from '../board/manual.ts';
import { createRandom } from '../board/native.ts';
import { createClock, createRunner, type EspruinoRadio, type Runner } from './board.ts';
import { createSource } from './ccm.ts';

/** With the MRF24J40, `ackWait` must be TX_LIMIT. */
export interface DeviceOptions extends ManualOptions {
  radio: EspruinoRadio;
  /** Random octets, for the MAC's back-off only, if the board has no source of its own. */
  random?: Board['random'];
}

/** @noSelf */
export interface EspruinoDevice {
  device: Device;
  /** Sends a UDP payload; `done` gets 0, or a drop code. Returns a tag > 0, or a drop code. */
  send(payload: Uint8Array, done: ((result: number) => void) | null): number;
  stop(): void;
}

/** Makes and runs a device. Throws if a field is missing or out of range. */
export function createEspruinoDevice(o: DeviceOptions, ccm: Part): EspruinoDevice {
  const source = { random: o.random === undefined ? createSource() : o.random } as Board;
  const manual = createManual(o, o.radio, ccm, createRandom(source));
  const device = manual.device;
  const now = createClock();
  const runner: Runner = createRunner(
    { step: (time) => device.poll(time), nextTimeout: () => device.nextTimeout() },
    o.radio,
    now,
    () => false,
    (problem) => {
      throw problem;
    },
  );
  o.radio.onFrame = (frame, offset, length) => {
    device.receive(frame, offset, length, now());
    runner.wake();
  };
  return {
    device: device,
    send: (payload, done) => {
      const tag = manual.send(payload, done, now());
      runner.wake();
      return tag;
    },
    stop: () => {
      runner.stop();
      o.radio.onFrame = null;
    },
  };
}
