// Counts octets on air by sensor and by purpose: it sees every data frame at a radio, and counts from PHY header to FCS.

import {
  checkFrame,
  FRAME_DATA,
  frameDst,
  frameDstLength,
  frameHeaderLength,
  frameSrc,
  frameSrcLength,
} from '../../../../core/wire/ieee802154.ts';
import { DISPATCH_FRAG1 } from '../../../../core/wire/sixlowpan.ts';
import { PHY_OCTETS } from '../../host/radio/air-time.ts';
import { GATEWAY_LINK } from '../network.ts';
import type { Air } from './messages.ts';

/** IPHC [RFC 6282 §3.1.1]: its dispatch, and the bit for a compressed next header. */
const IPHC_MASK = 0xe4;
const IPHC_NHC = 0x64;
/** Where the sequence number of a frame is. */
const SEQUENCE = 2;

/** The data frames between a sensor and the gateway. */
export interface SensorAir {
  /** From the sensor under ESP, and to it. */
  readings: Air;
  answers: Air;
  /** IKE, both ways. */
  ike: Air;
  /** Frames that a MAC repeated: of the readings, and of IKE both ways. */
  retries: number;
  ikeRetries: number;
}

export interface AirCounter {
  take(frame: Uint8Array): void;
  /** Of the sensor with this short address. */
  of(index: number): SensorAir;
}

/** True for IKE: UDP is compressed, ESP is not; fragments are of IKE, since a reading takes one frame. */
function isIke(frame: Uint8Array, at: number): boolean {
  return (frame[at] & IPHC_MASK) === IPHC_NHC || (frame[at] & DISPATCH_FRAG1) === DISPATCH_FRAG1;
}

export function createAirCounter(): AirCounter {
  const sensors = new Map<number, SensorAir>();
  const last = new Map<number, number>();

  function of(index: number): SensorAir {
    const none = (): Air => ({ frames: 0, octets: 0 });
    const air = sensors.get(index) ?? { readings: none(), answers: none(), ike: none(), retries: 0, ikeRetries: 0 };
    sensors.set(index, air);
    return air;
  }

  return {
    of,
    take(frame) {
      if (checkFrame(frame, 0, frame.length) < 0 || (frame[0] & 7) !== FRAME_DATA) return;
      if (frameSrcLength(frame, 0) !== 2 || frameDstLength(frame, 0) !== 2) return;
      const shortAt = (at: number): number => frame[at] | (frame[at + 1] << 8);
      const source = shortAt(frameSrc(frame, 0));
      const destination = shortAt(frameDst(frame, 0) + 2);
      const isUp = destination === GATEWAY_LINK;
      if (!isUp && source !== GATEWAY_LINK) return;
      const sensor = of(isUp ? source : destination);
      const ike = isIke(frame, frameHeaderLength(frame, 0));
      const air = ike ? sensor.ike : isUp ? sensor.readings : sensor.answers;
      air.frames++;
      air.octets += frame.length + PHY_OCTETS;
      if (last.get(source) === frame[SEQUENCE]) {
        if (ike) sensor.ikeRetries++;
        else if (isUp) sensor.retries++;
      }
      last.set(source, frame[SEQUENCE]);
    },
  };
}
