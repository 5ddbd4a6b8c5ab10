// Checks a radio end to end, step by step, and measures the energy on channels.

import { setTimeout as wait } from 'node:timers/promises';
import { addressOf } from '../../../../core/base/address.ts';
import {
  emitHeader,
  FRAME_ACK_REQUEST,
  FRAME_DATA,
  FRAME_VERSION_2006,
  frameFcs,
  putFcs,
} from '../../../../core/wire/ieee802154.ts';
import { errorText } from '../../host/errors.ts';
import { kindOf, type OpenOptions, openReadyRadio } from '../../host/radio/kinds.ts';
import type { Radio, Signal } from '../../host/radio/radio.ts';
import type { CheckedRadio } from '../../host/radio/settings.ts';
import {
  PROP_MAC_ENERGY_SCAN_RESULT,
  PROP_MAC_SCAN_MASK,
  PROP_MAC_SCAN_PERIOD,
  PROP_MAC_SCAN_STATE,
  PROP_PHY_CHAN,
  PROP_PHY_RSSI,
  RADIO_ENERGY_SCAN,
  SCAN_ENERGY,
} from '../../host/radio/spinel/numbers.ts';
import type { SpinelRadio } from '../../host/radio/spinel/radio.ts';
import { radioCapsText } from '../../host/radio/spinel/setup.ts';
import type { UartRadio } from '../../host/radio/uart.ts';

/** One step of a check. */
export interface Step {
  name: string;
  /** `skip`: this kind of radio cannot tell. */
  verdict: 'good' | 'bad' | 'skip';
  text: string;
}

/** NALP of RFC 4944 §5.1: a frame that no 6LoWPAN node takes for one of its own. */
const NOT_LOWPAN = 0;
const BROADCAST = Uint8Array.of(0xff, 0xff);
const FRAME_TIME = 4000;
const LISTEN_TIME = 1000;
const SAMPLE_TIME = 5;

function isSpinel(radio: Radio): radio is SpinelRadio {
  return radio.device?.().kind === 'spinel';
}

/** A stream of octets: only a valid frame tells that a board is there. */
function isUart(radio: Radio): radio is UartRadio {
  return 'sendOctets' in radio;
}

/** A data frame to `to`; MHR to FCS. */
function testFrame({ panId, shortAddress }: CheckedRadio, to: Uint8Array, own: Uint8Array): Uint8Array {
  const frame = new Uint8Array(64);
  const asks = to.length > 2 || Buffer.compare(to, BROADCAST) !== 0;
  const source = shortAddress === undefined ? own : Uint8Array.of(shortAddress >> 8, shortAddress & 0xff);
  const kind = FRAME_DATA | FRAME_VERSION_2006 | (asks ? FRAME_ACK_REQUEST : 0);
  const size = emitHeader(frame, 0, kind, Math.floor(Math.random() * 256), panId, addressOf(to), addressOf(source));
  frame[size] = NOT_LOWPAN;
  return frame.slice(0, putFcs(frame, 0, size + 1));
}

async function rssiOf(radio: SpinelRadio): Promise<number> {
  const [value] = await radio.rcp().get(PROP_PHY_RSSI);
  return (value << 24) >> 24;
}

/** Sends a frame: what became of it. */
async function sendOne(radio: Radio, checked: CheckedRadio, peer: Uint8Array | null): Promise<Step> {
  const name = peer === null ? 'frame to all' : 'frame to the peer';
  const frame = testFrame(checked, peer ?? BROADCAST, checked.address ?? radio.eui64?.() ?? new Uint8Array(8));
  if (!isSpinel(radio)) {
    radio.transmit(frame, 0, frame.length);
    return { name, verdict: 'skip', text: 'handed over; this kind of radio does not tell what becomes of a frame' };
  }
  const before = { ...radio.counters };
  radio.transmit(frame, 0, frame.length);
  const end = performance.now() + FRAME_TIME;
  while (performance.now() < end) {
    const { sent, noAck, channelBusy, refused } = radio.counters;
    if (sent > before.sent) return { name, verdict: 'good', text: peer === null ? 'sent' : 'acknowledged' };
    if (noAck > before.noAck) return { name, verdict: 'bad', text: 'nobody acknowledged it' };
    if (channelBusy > before.channelBusy) return { name, verdict: 'bad', text: 'the channel was never clear' };
    if (refused > before.refused) return { name, verdict: 'bad', text: 'the co-processor refused it' };
    await wait(SAMPLE_TIME);
  }
  return { name, verdict: 'bad', text: `no end in ${FRAME_TIME} ms` };
}

/** Checks a radio: opens it, asks what it is, listens, sends a frame; `peer`: also one to this address, which has to acknowledge it. */
export async function checkRadioEnd(
  checked: CheckedRadio,
  peer: Uint8Array | null,
  options: OpenOptions,
  onStep: (step: Step) => void,
): Promise<boolean> {
  let isGood = true;
  const step = (name: string, verdict: Step['verdict'], text: string): void => {
    if (verdict === 'bad') isGood = false;
    onStep({ name, verdict, text });
  };
  let radio: Radio;
  try {
    radio = await openReadyRadio(checked, options);
  } catch (error) {
    step('open', 'bad', errorText(error));
    return false;
  }
  try {
    step('open', 'good', kindOf(checked) ?? 'radio');
    if (isSpinel(radio)) {
      const info = radio.info()!;
      step('firmware', 'good', info.firmware);
      step(
        'versions',
        'good',
        `Spinel ${info.protocol}, RCP API ${info.api ?? 'unknown'}, hosts from ${info.apiOldest ?? 'unknown'}`,
      );
      step('capabilities', 'good', radioCapsText(info.radioCaps).join(', '));
      step('EUI-64', 'good', Buffer.from(info.eui64).toString('hex'));
      step(
        'receiver',
        'good',
        info.sensitivity === null ? 'sensitivity unknown' : `sensitivity ${info.sensitivity} dBm`,
      );
      step('transmitter', 'good', info.txPower === null ? 'power unknown' : `${info.txPower} dBm`);
      try {
        const rssi = await rssiOf(radio);
        step('noise', 'good', `${rssi} dBm on channel ${checked.spinel!.channel ?? 26}`);
      } catch (error) {
        step('noise', 'skip', errorText(error));
      }
    }
    let frames = 0;
    let damaged = 0;
    radio.onFrame = (frame, offset, length) => {
      if (isUart(radio) && frameFcs(frame, offset, length) !== 0) damaged++;
      else frames++;
    };
    for (const to of peer === null ? [null] : [null, peer]) {
      const { name, verdict, text } = await sendOne(radio, checked, to);
      step(name, verdict, text);
    }
    await wait(LISTEN_TIME);
    const noise = isUart(radio) ? radio.counters.garbage + damaged : 0;
    if (frames === 0 && noise > 0) {
      const text = `no valid one: ${noise - damaged} octets outside of frames, ${damaged} frames with a wrong FCS`;
      step('frames heard', 'bad', `${text}; is it a board, and is the baud rate right?`);
    } else step('frames heard', frames > 0 ? 'good' : 'skip', `${frames} for this PAN in ${LISTEN_TIME} ms`);
    return isGood;
  } finally {
    radio.close();
    await radio.closed;
  }
}

/** Energy on a channel: the highest, dBm. */
export interface Energy {
  channel: number;
  rssi: number;
}

/** Measures channels of a radio behind Spinel, `time` ms each. Throws where the radio cannot. */
export async function scanEnergy(radio: Radio, channels: number[], time: number): Promise<Energy[]> {
  if (!isSpinel(radio)) throw new Error('this kind of radio does not measure energy');
  const rcp = radio.rcp();
  const list: Energy[] = [];
  for (const channel of channels) {
    if ((radio.info()!.radioCaps & RADIO_ENERGY_SCAN) !== 0) {
      const result = new Promise<number>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`channel ${channel}: no result`)), time + FRAME_TIME);
        radio.onProperty = (property, value) => {
          if (property !== PROP_MAC_ENERGY_SCAN_RESULT || value.length < 2 || value[0] !== channel) return;
          clearTimeout(timer);
          resolve((value[1] << 24) >> 24);
        };
      });
      result.catch(() => {});
      await rcp.set(PROP_MAC_SCAN_MASK, Uint8Array.of(channel));
      await rcp.set(PROP_MAC_SCAN_PERIOD, Uint8Array.of(time & 0xff, time >> 8));
      await rcp.set(PROP_MAC_SCAN_STATE, Uint8Array.of(SCAN_ENERGY));
      list.push({ channel, rssi: await result });
      radio.onProperty = null;
    } else {
      // Without scans of its own: samples.
      await rcp.set(PROP_PHY_CHAN, Uint8Array.of(channel));
      let rssi = -128;
      for (const end = performance.now() + time; performance.now() < end; await wait(SAMPLE_TIME)) {
        rssi = Math.max(rssi, await rssiOf(radio));
      }
      list.push({ channel, rssi });
    }
  }
  return list;
}

const BAR_FROM = -110;
const BAR_TO = -20;
const BAR_WIDTH = 45;

/** A table with bars. */
export function scanText(list: Energy[]): string {
  return list
    .map(({ channel, rssi }) => {
      const part = (Math.min(Math.max(rssi, BAR_FROM), BAR_TO) - BAR_FROM) / (BAR_TO - BAR_FROM);
      return `${channel}  ${String(rssi).padStart(4)} dBm  ${'#'.repeat(Math.round(part * BAR_WIDTH))}\n`;
    })
    .join('');
}

/** A frame as a line. */
export function frameText(time: number, frame: Uint8Array, signal: Signal | null): string {
  const types = ['beacon', 'data', 'ack', 'command', 'reserved', 'multipurpose', 'fragment', 'extended'];
  const measured = [
    signal?.channel === null || signal === null ? [] : [`channel ${signal.channel}`],
    signal?.rssi === null || signal === null ? [] : [`${signal.rssi} dBm`],
  ].flat();
  const clock = new Date(time).toISOString().slice(11, 23);
  const hex = Buffer.from(frame).toString('hex');
  return [clock, ...measured, types[frame[0] & 7], `${frame.length} octets`, hex].join('  ') + '\n';
}
