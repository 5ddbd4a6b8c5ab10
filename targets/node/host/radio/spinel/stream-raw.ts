// The values of STREAM_RAW: a frame with what the receiver measured, or with what the sender wants.
//
//   received   d frame, c RSSI, c noise, S flags, d(C channel, C LQI, X microseconds), d(i error), d(...)
//   to send    d frame, C channel, C back-offs, C repetitions, b CSMA-CA, b header updated, b a repetition, b secured
//   its end    i status, b frame pending, b header updated, and on success the acknowledgement as if received
//
// Whatever stands behind the frame may be missing [OpenThread: new fields come at the end].

import { createReader, createWriter, type Reader } from './packed.ts';

/** aMaxPHYPacketSize. */
export const PSDU_MAX = 127;
/** MHR and FCS of an acknowledgement. */
export const PSDU_MIN = 5;
/** macMaxCSMABackoffs and macMaxFrameRetries [IEEE 802.15.4-2006 §7.4.2]. */
const MAX_BACKOFFS = 4;
const MAX_RETRIES = 3;
const NOISE_UNKNOWN = -128;

/** A frame that was received. */
export interface RawFrame {
  /** MHR to FCS. What the last two octets are depends on the radio: some put other values there. */
  psdu: Uint8Array;
  /** dBm; null: not known. */
  rssi: number | null;
  /** dBm; null: not known. */
  noise: number | null;
  /** RAW_*. */
  flags: number;
  /** 0: not known. */
  channel: number;
  /** Link quality; null: not known. */
  lqi: number | null;
  /** Microseconds of the radio's clock; null: not known. */
  time: number | null;
}

function rawOf(reader: Reader): RawFrame | null {
  const psdu = reader.data();
  if (!reader.isWhole()) return null;
  const hasSignal = reader.left() >= 2;
  const rssi = reader.signed();
  const noise = reader.signed();
  const flags = reader.left() >= 2 ? reader.word() : 0;
  const phy = createReader(reader.left() >= 2 ? reader.data() : new Uint8Array(0));
  const channel = phy.left() > 0 ? phy.octet() : 0;
  const lqi = phy.octet();
  const time = phy.left() >= 8 ? phy.long64() : null;
  return {
    psdu,
    // 127 is the mark of a value that was not measured.
    rssi: hasSignal && rssi !== 127 ? rssi : null,
    noise: hasSignal && noise !== NOISE_UNKNOWN ? noise : null,
    flags,
    channel,
    // 0 is the mark of a radio that has none.
    lqi: lqi === 0 ? null : lqi,
    time,
  };
}

/** The frame of a received STREAM_RAW; null: malformed. */
export function parseRaw(value: Uint8Array): RawFrame | null {
  return rawOf(createReader(value));
}

/** The value that has a frame sent. The co-processor makes its FCS. */
export function rawToSend(psdu: Uint8Array, channel: number): Uint8Array {
  return createWriter()
    .data(psdu)
    .octet(channel)
    .octet(MAX_BACKOFFS)
    .octet(MAX_RETRIES)
    .octet(1)
    .octet(0)
    .octet(0)
    .octet(0)
    .octets();
}

/** What the end of a frame's transmission says. */
export interface RawEnd {
  /** STATUS_*. */
  status: number;
  /** The acknowledgement; null: none was told. */
  ack: RawFrame | null;
}

/** The end of a transmission, from the value of LAST_STATUS. */
export function parseEnd(value: Uint8Array): RawEnd {
  const reader = createReader(value);
  const status = reader.packed();
  if (reader.left() < 2) return { status, ack: null };
  reader.octet();
  reader.octet();
  const ack = reader.left() >= 2 ? rawOf(reader) : null;
  return { status, ack: ack !== null && ack.psdu.length >= PSDU_MIN ? ack : null };
}
