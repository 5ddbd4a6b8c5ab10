// Driver of the MRF24J40 on an SPI, as the core's Phy [Microchip DS39776C].
//
// The chip itself does what an interpreter is too slow for: it acknowledges data frames within 192 us, filters by PAN and
// address, makes and checks the FCS, does CSMA-CA, waits for an acknowledgement and repeats a frame up to 3 times. So here
//
//   transmit(data)   gives the frame without FCS to the chip and triggers it. When the chip says that the frame was
//                    acknowledged, the driver hands an acknowledgement to the MAC above. Otherwise the MAC tries again
//                    after its `ackWait`; set that to TX_LIMIT, the most that the chip needs.
//   transmit(ACK)    does nothing: the chip has sent it.
//   clear()          is false while the chip has a frame: the MAC backs off.
//
// Call `interrupt` at each falling edge of INT, `poll` from a timer. The driver counts a transmission without an end and
// resets the chip.

import { copy } from '../../core/base/bytes.ts';
import { checkRange } from '../../core/base/refuse.ts';
import {
  ACK_SIZE,
  copyReversed,
  emitAck,
  FCS_SIZE,
  FRAME_ACK,
  FRAME_ACK_REQUEST,
  FRAME_MAX,
  frameHeaderLength,
} from '../../core/wire/ieee802154.ts';
import type { Octets } from './globals.ts';
import type { Mrf24j40, Mrf24j40Config, Mrf24j40Counters } from './mrf24j40-api.ts';
import {
  BBREG1,
  BBREG2,
  BBREG6,
  CCAEDTH,
  EADR0,
  IMMEDIATE_WAKE,
  INT_RX,
  INT_TX,
  INTCON,
  INTSTAT,
  PACON2,
  PANIDL,
  REGISTER_WAKE,
  RESET_ALL,
  RESET_POWER,
  RF_RESET,
  RFCON0,
  RFCON1,
  RFCON2,
  RFCON3,
  RFCON6,
  RFCON7,
  RFCON8,
  RFCTL,
  RX_FIFO,
  RX_FLUSH,
  RX_OFF,
  RXFLUSH,
  RXMCR,
  SADRL,
  SLEEP_NOW,
  SLPACK,
  SLPCON1,
  SOFTRST,
  TX_ACK_REQUEST,
  TX_CHANNEL_BUSY,
  TX_FAILED,
  TX_FIFO,
  TX_TRIGGER,
  TXNCON,
  TXSTAT,
  TXSTBL,
  WAKECON,
} from './mrf24j40-registers.ts';

/**
 * Milliseconds until a transmission has ended: 4 times 5 back-offs (36.8 ms), the longest frame (4.3 ms) and the wait for its
 * acknowledgement (0.9 ms), and some time for the host.
 */
export const TX_LIMIT = 250;

/** Most questions to the chip whether its reset is over, 1 ms apart. */
const RESET_TRIES = 10;
/** Value to write and read back, to see that there is a chip. */
const PROBE = 0x5a;

/** Sets up the chip. Throws if a field is out of range. Counts a chip that does not answer. */
export function createMrf24j40(config: Mrf24j40Config): Mrf24j40 {
  const spi = config.spi;
  const cs = config.cs;
  const short = new Uint8Array(2);
  const long = new Uint8Array(3);
  // Address, header length, frame length, frame; address, frame, LQI, RSSI.
  const out = new Uint8Array(4 + FRAME_MAX);
  const sent = out as unknown as Octets;
  const blank = new Uint8Array(2 + FRAME_MAX + 2);
  const frame = new Uint8Array(FRAME_MAX);
  const ack = new Uint8Array(ACK_SIZE);
  const extended = new Uint8Array(8);
  let channel = config.channel;
  let panId = config.panId;
  let shortAddress = config.shortAddress;
  let isThere = false;
  let isAsleep = false;
  let isSending = false;
  let wantsAck = false;
  let sequence = 0;
  // When the current transmission, or the wait for a chip that does not answer, is over.
  let limit = -1;
  const counters: Mrf24j40Counters = {
    sent: 0,
    received: 0,
    channelBusy: 0,
    notAcknowledged: 0,
    refused: 0,
    badLength: 0,
    missed: 0,
    stuck: 0,
    silent: 0,
  };

  function transfer(octets: Uint8Array): Octets {
    return spi.send(octets as unknown as Octets, cs);
  }

  // [§2.14] A short address: 0, 6 bits, 1 to write; a long one: 1, 10 bits, 1 to write, 4 bits of nothing.
  function read(address: number): number {
    short[0] = address << 1;
    short[1] = 0;
    return transfer(short)[1];
  }

  function write(address: number, value: number): void {
    short[0] = (address << 1) | 1;
    short[1] = value;
    transfer(short);
  }

  function putLong(to: Uint8Array, address: number, writes: number): void {
    to[0] = 0x80 | (address >>> 3);
    to[1] = ((address << 5) & 0xe0) | (writes << 4);
  }

  function writeLong(address: number, value: number): void {
    putLong(long, address, 1);
    long[2] = value;
    transfer(long);
  }

  function readLong(address: number): number {
    putLong(long, address, 0);
    long[2] = 0;
    return transfer(long)[2];
  }

  // [§3.4] After a change of the channel.
  function resetRf(): void {
    write(RFCTL, RF_RESET);
    write(RFCTL, 0);
    config.delay(1);
  }

  function applyChannel(): void {
    writeLong(RFCON0, ((channel - 11) << 4) | 3);
    resetRf();
  }

  function applyAddress(): void {
    write(PANIDL, panId & 0xff);
    write(PANIDL + 1, panId >>> 8);
    write(SADRL, shortAddress & 0xff);
    write(SADRL + 1, shortAddress >>> 8);
    for (let i = 0; i < 8; i++) write(EADR0 + i, extended[i]);
  }

  function answers(): boolean {
    write(SOFTRST, RESET_ALL);
    let tries = 0;
    while (read(SOFTRST) !== 0) {
      if (++tries > RESET_TRIES) return false;
      config.delay(1);
    }
    write(PANIDL, PROBE);
    return read(PANIDL) === PROBE;
  }

  function reset(): boolean {
    isSending = false;
    isAsleep = false;
    limit = -1;
    if (config.reset !== null) {
      config.reset.write(0);
      config.delay(1);
      config.reset.write(1);
      config.delay(3);
    }
    isThere = answers();
    if (!isThere) {
      counters.silent++;
      limit = config.now() + TX_LIMIT;
      return false;
    }
    // [§3.2, example 3-1]
    write(PACON2, 0x98);
    write(TXSTBL, 0x95);
    writeLong(RFCON1, 0x01);
    writeLong(RFCON2, 0x80);
    writeLong(RFCON3, 0x00);
    writeLong(RFCON6, 0x90);
    writeLong(RFCON7, 0x80);
    writeLong(RFCON8, 0x10);
    writeLong(SLPCON1, 0x21);
    // Clear channel: energy below -69 dBm [§3.6]; RSSI behind each frame.
    write(BBREG2, 0x80);
    write(CCAEDTH, 0x60);
    write(BBREG6, 0x40);
    // Accept only frames for us with a correct FCS; the chip acknowledges them.
    write(RXMCR, 0);
    applyAddress();
    read(INTSTAT);
    write(INTCON, 0xff - INT_TX - INT_RX);
    write(WAKECON, IMMEDIATE_WAKE);
    applyChannel();
    return true;
  }

  function takeFrame(): void {
    // [§3.11] Keep new frames out of the FIFO while reading it.
    write(BBREG1, RX_OFF);
    const length = readLong(RX_FIFO);
    if (length < ACK_SIZE || length > FRAME_MAX) {
      counters.badLength++;
      write(RXFLUSH, RX_FLUSH);
      write(BBREG1, 0);
      return;
    }
    putLong(blank, RX_FIFO + 1, 0);
    const octets = spi.send((blank as unknown as Octets).subarray(0, 2 + length + 2), cs);
    write(BBREG1, 0);
    for (let i = 0; i < length; i++) frame[i] = octets[2 + i];
    radio.lqi = octets[2 + length];
    radio.rssi = octets[3 + length];
    counters.received++;
    if (radio.onFrame !== null) radio.onFrame(frame, 0, length);
  }

  function endTransmission(): void {
    const status = read(TXSTAT);
    if (!isSending) return;
    isSending = false;
    limit = -1;
    if ((status & TX_FAILED) === 0) {
      counters.sent++;
      if (!wantsAck) return;
      emitAck(ack, 0, 0, sequence);
      if (radio.onFrame !== null) radio.onFrame(ack, 0, ACK_SIZE);
    } else if ((status & TX_CHANNEL_BUSY) !== 0) counters.channelBusy++;
    else counters.notAcknowledged++;
  }

  function interrupt(): void {
    if (!isThere || isAsleep) return;
    const what = read(INTSTAT);
    if ((what & INT_RX) !== 0) takeFrame();
    if ((what & INT_TX) !== 0) endTransmission();
  }

  const radio: Mrf24j40 = {
    onFrame: null,
    lqi: 0,
    rssi: 0,
    counters: counters,
    reset: reset,
    interrupt: interrupt,
    clear: () => isThere && !isAsleep && !isSending,
    transmit: (buffer, offset, length) => {
      if (length < ACK_SIZE || length > FRAME_MAX || (buffer[offset] & 7) === FRAME_ACK) return;
      if (!isThere || isAsleep || isSending) {
        counters.refused++;
        return;
      }
      const size = length - FCS_SIZE;
      putLong(out, TX_FIFO, 1);
      out[2] = frameHeaderLength(buffer, offset);
      out[3] = size;
      copy(out, 4, buffer, offset, size);
      spi.send(sent.subarray(0, 4 + size), cs);
      wantsAck = (buffer[offset] & FRAME_ACK_REQUEST) !== 0;
      sequence = buffer[offset + 2];
      isSending = true;
      limit = config.now() + TX_LIMIT;
      write(TXNCON, TX_TRIGGER | (wantsAck ? TX_ACK_REQUEST : 0));
    },
    poll: (now) => {
      if (isThere && !isAsleep && !config.irq.read()) {
        counters.missed++;
        interrupt();
      }
      if (limit < 0 || now < limit) return;
      if (isSending) counters.stuck++;
      reset();
    },
    nextTimeout: () => limit,
    setChannel: (number) => {
      checkRange('channel', number, 11, 26);
      channel = number;
      applyChannel();
    },
    setAddress: (pan, address, eui64) => {
      checkRange('panId', pan, 0, 0xffff);
      checkRange('shortAddress', address, 0, 0xffff);
      checkRange('extendedAddress.length', eui64.length, 8, 8);
      panId = pan;
      shortAddress = address;
      copyReversed(extended, 0, eui64, 0, 8);
      applyAddress();
    },
    // [§3.15.2]
    sleep: () => {
      if (isSending) return false;
      write(SOFTRST, RESET_POWER);
      write(SLPACK, SLEEP_NOW);
      isAsleep = true;
      return true;
    },
    wake: () => {
      if (!isAsleep) return;
      write(WAKECON, IMMEDIATE_WAKE | REGISTER_WAKE);
      write(WAKECON, IMMEDIATE_WAKE);
      config.delay(2);
      isAsleep = false;
      resetRf();
    },
  };
  checkRange('channel', channel, 11, 26);
  checkRange('panId', panId, 0, 0xffff);
  checkRange('shortAddress', shortAddress, 0, 0xffff);
  checkRange('extendedAddress.length', config.extendedAddress.length, 8, 8);
  copyReversed(extended, 0, config.extendedAddress, 0, 8);
  reset();
  return radio;
}
