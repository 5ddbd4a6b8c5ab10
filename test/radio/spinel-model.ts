// A model of a radio co-processor, for tests: it speaks Spinel on a stream and sends and hears frames on an air in this process,
// acknowledges what is for it, and repeats what nobody acknowledges.

import { Duplex } from 'node:stream';
import { ACK_SIZE, checkFrame, emitAck, FRAME_ACK, frameDstLength } from '../../core/wire/ieee802154.ts';
import type { UartLine } from '../../targets/node/host/radio/line-keeper.ts';
import type { Radio } from '../../targets/node/host/radio/radio.ts';
import { createHdlcDecoder, hdlcFrame } from '../../targets/node/host/radio/spinel/hdlc.ts';
import * as n from '../../targets/node/host/radio/spinel/numbers.ts';
import { createReader, createWriter } from '../../targets/node/host/radio/spinel/packed.ts';

const ACK_TIME = 30;
const RSSI = -61;

export interface Model {
  line: UartLine;
  /** Values of properties; null: refused as unknown. */
  values: Map<number, Uint8Array | null>;
  /** It answers nothing. */
  isMute: boolean;
  /** Frames are taken, and their ends not told. */
  holdsEnds: boolean;
  /** Streams that were opened. */
  opened: number;
  /** Frames that it was told to send. */
  asked: Uint8Array[];
  /** Puts octets on the stream as they are. */
  say(octets: Uint8Array): void;
  /** A frame of Spinel. */
  tell(header: number, command: number, property: number, value: Uint8Array): void;
  /** It starts anew, as by its watchdog: settings are gone. */
  reset(status: number): void;
  /** The stream ends, as of a dongle that is pulled out; while `isGone`, none can be opened. */
  unplug(): void;
  isGone: boolean;
}

const packed = (...values: number[]): Uint8Array =>
  values.reduce((writer, value) => writer.packed(value), createWriter()).octets();

export function createModel(air: Radio | null, id: number): Model {
  const eui64 = Uint8Array.of(2, 0, 0, 0, 0, 0, 0, id);
  let stream: Duplex | null = null;
  let settings = new Map<number, Uint8Array>();
  let waiting: { dsn: number; done: (isAcked: boolean) => void } | null = null;

  const hex = (property: number): string => Buffer.from(settings.get(property) ?? []).toString('hex');

  /** Whether a frame on air is for this radio. */
  function isMine(frame: Uint8Array): boolean {
    const size = frameDstLength(frame, 0);
    const address = Buffer.from(frame.slice(5, 5 + size));
    if (size === 2 && address.toString('hex') === 'ffff') return true;
    if (Buffer.from(frame.slice(3, 5)).toString('hex') !== hex(n.PROP_MAC_PANID)) return false;
    return (
      address.toString('hex') === (size === 2 ? hex(n.PROP_MAC_SADDR) : '') ||
      (size === 8 && Buffer.from(address).reverse().toString('hex') === hex(n.PROP_MAC_LADDR))
    );
  }

  function heard(frame: Uint8Array): void {
    if (settings.get(n.PROP_MAC_RAW_STREAM_ENABLED)?.[0] !== 1) return;
    const isAck = frame.length === ACK_SIZE && (frame[0] & 7) === FRAME_ACK;
    const isPromiscuous = (settings.get(n.PROP_MAC_PROMISCUOUS_MODE)?.[0] ?? 0) !== 0;
    if (isAck && waiting?.dsn === frame[2]) {
      const { done } = waiting;
      waiting = null;
      done(true);
    }
    if (!isPromiscuous) {
      if (isAck || checkFrame(frame, 0, frame.length) < 0 || !isMine(frame)) return;
      if ((frame[0] & 0x20) !== 0 && frame[5] + frame[6] !== 510) {
        const ack = new Uint8Array(ACK_SIZE);
        emitAck(ack, 0, 0, frame[2]);
        air?.transmit(ack, 0, ACK_SIZE);
      }
    }
    // Some radios have other values in the place of the FCS.
    const psdu = frame.slice();
    psdu.fill(0xee, psdu.length - 2);
    model.tell(0x80, n.CMD_IS, n.PROP_STREAM_RAW, received(psdu));
  }

  function received(psdu: Uint8Array): Uint8Array {
    const phy = createWriter().octet(26).octet(200).raw(new Uint8Array(8)).octets();
    return createWriter().data(psdu).octet(RSSI).octet(-128).word(0).data(phy).data(packed(0)).octets();
  }

  function send(tid: number, value: Uint8Array): void {
    const reader = createReader(value);
    const psdu = reader.data().slice();
    reader.octet();
    reader.octet();
    const retries = reader.octet();
    model.asked.push(psdu);
    const end = (status: number): void => {
      if (!model.holdsEnds) model.tell(0x80 | tid, n.CMD_IS, n.PROP_LAST_STATUS, packed(status, 0, 0));
    };
    const attempt = (left: number): void => {
      air?.transmit(psdu, 0, psdu.length);
      if ((psdu[0] & 0x20) === 0) {
        end(n.STATUS_OK);
        return;
      }
      const timer = setTimeout(() => {
        waiting = null;
        if (left > 0) attempt(left - 1);
        else end(n.STATUS_NO_ACK);
      }, ACK_TIME);
      waiting = {
        dsn: psdu[2],
        done: () => {
          clearTimeout(timer);
          end(n.STATUS_OK);
        },
      };
    };
    attempt(retries);
  }

  function take(octets: Uint8Array): void {
    if (model.isMute) return;
    const reader = createReader(octets);
    const tid = reader.octet() & 15;
    const command = reader.packed();
    if (command === n.CMD_RESET) {
      model.reset(n.STATUS_RESET_SOFTWARE);
      return;
    }
    const property = reader.packed();
    const value = reader.rest();
    const header = 0x80 | tid;
    if (property === n.PROP_STREAM_RAW && command === n.CMD_SET) send(tid, value);
    else if (property === n.PROP_MAC_SCAN_STATE && command === n.CMD_SET) {
      model.tell(header, n.CMD_IS, property, value);
      for (const channel of settings.get(n.PROP_MAC_SCAN_MASK) ?? []) {
        model.tell(0x80, n.CMD_IS, n.PROP_MAC_ENERGY_SCAN_RESULT, Uint8Array.of(channel, 0x100 - 90 + channel));
      }
      model.tell(0x80, n.CMD_IS, property, Uint8Array.of(n.SCAN_IDLE));
    } else if (command === n.CMD_SET || command === n.CMD_INSERT) {
      settings.set(property, value.slice());
      model.tell(header, n.CMD_IS, property, value);
    } else {
      const found = settings.get(property) ?? model.values.get(property) ?? null;
      if (found === null) model.tell(header, n.CMD_IS, n.PROP_LAST_STATUS, packed(n.STATUS_PROP_NOT_FOUND));
      else model.tell(header, n.CMD_IS, property, found);
    }
  }

  const model: Model = {
    values: new Map<number, Uint8Array | null>([
      [n.PROP_PROTOCOL_VERSION, packed(4, 3)],
      [n.PROP_NCP_VERSION, createWriter().text(`MODEL/${id}; tests`).octets()],
      [n.PROP_INTERFACE_TYPE, packed(3)],
      [n.PROP_CAPS, packed(n.CAP_CONFIG_RADIO, n.CAP_MAC_RAW, n.CAP_RCP_API_VERSION, n.CAP_RCP_MIN_HOST_API_VERSION)],
      [n.PROP_RCP_API_VERSION, packed(10)],
      [n.PROP_RCP_MIN_HOST_API_VERSION, packed(4)],
      [n.PROP_HWADDR, eui64],
      [n.PROP_RADIO_CAPS, packed(0x0f)],
      [n.PROP_PHY_CHAN_SUPPORTED, Uint8Array.from({ length: 16 }, (_, i) => 11 + i)],
      [n.PROP_PHY_RX_SENSITIVITY, Uint8Array.of(0x100 - 100)],
      [n.PROP_PHY_TX_POWER, Uint8Array.of(0)],
      [n.PROP_PHY_RSSI, Uint8Array.of(0x100 - 95)],
    ]),
    isMute: false,
    holdsEnds: false,
    opened: 0,
    asked: [],
    isGone: false,
    say: (octets) => void stream?.push(octets),
    tell(header, command, property, value) {
      model.say(hdlcFrame(createWriter().octet(header).packed(command).packed(property).raw(value).octets()));
    },
    reset(status) {
      settings = new Map();
      waiting = null;
      model.tell(0x80, n.CMD_IS, n.PROP_LAST_STATUS, packed(status));
    },
    unplug() {
      model.isGone = true;
      stream?.destroy();
    },
    line: {
      listens: false,
      open(onStream, onError) {
        setImmediate(() => {
          if (model.isGone) {
            onError(new Error('no such port'));
            return;
          }
          const decoder = createHdlcDecoder(take, { frames: 0, damaged: 0, oversized: 0 });
          stream = new Duplex({
            read() {},
            write(octets: Uint8Array, _encoding, done) {
              decoder.push(octets);
              done();
            },
          });
          model.opened++;
          onStream(stream);
        });
        return async () => {};
      },
    },
  };
  if (air !== null) air.onFrame = (frame, offset, length) => heard(frame.slice(offset, offset + length));
  return model;
}
