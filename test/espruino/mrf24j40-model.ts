// An MRF24J40 at the level of its registers, written from its data sheet (Microchip DS39776C), on a medium in virtual
// time: the SPI protocol, what reading and writing does, INT, CSMA-CA, acknowledgements, retries, filters, FIFOs, sleep.
//
// A chip without set-up does not work: it needs its PLL to send and to hear, and a reset of the RF part to change its channel.

import { airTime } from '../../core/link/mac.ts';
import { frameFcs } from '../../core/wire/ieee802154.ts';
import type { Octets, Pin, Spi } from '../../targets/espruino/globals.ts';
import type { Radio } from '../../targets/node/host/radio/radio.ts';
import type { Medium } from '../../targets/node/lab/medium.ts';

const SYMBOL = 0.016;
const TURNAROUND = 12 * SYMBOL;
const ACK_WAIT = 54 * SYMBOL;
const BACKOFF = 20 * SYMBOL;
const CCA = 8 * SYMBOL;

const RXIF = 0x08;
const TXNIF = 0x01;

export class Chip {
  readonly short = new Uint8Array(64);
  readonly long = new Uint8Array(1024);
  readonly radio: Radio;
  /** The channel in use, 11..26; 0 before the first. */
  channel = 0;
  isAsleep = false;
  /** Faults: SPI that gives 0xff; transmissions that never end; falling edges of INT that nobody sees. */
  isMute = false;
  isStuck = false;
  losesEdges = false;
  /** Reads of SOFTRST that still show a reset under way. */
  resetReads = 1;
  hardResets = 0;
  /** Acknowledgements sent, tries of transmissions, frames lost because the FIFO was full. */
  acks = 0;
  tries = 0;
  overruns = 0;
  onEdge: (() => void) | null = null;
  readonly cs: Pin = { read: () => true, write: () => {} };
  readonly irq: Pin = { read: () => !this.isInterrupting(), write: () => {} };
  readonly reset: Pin = { read: () => true, write: (value) => this.hardReset(value) };
  readonly spi: Spi = { setup: () => {}, send: (octets, cs) => this.transfer(octets, cs) };
  private readonly medium: Medium;
  private resetLeft = 0;
  private isFull = false;
  private waiting: { sequence: number; acked: () => void } | null = null;
  private isBusy = false;
  private generation = 0;

  constructor(medium: Medium) {
    this.medium = medium;
    this.radio = medium.radio();
    this.radio.onFrame = (frame, offset, length) => this.hear(frame.subarray(offset, offset + length));
    this.powerOn();
  }

  private powerOn(): void {
    this.generation++;
    this.short.fill(0);
    this.long.fill(0);
    // Values after power-on that matter here: interrupts off, TX states.
    this.short[0x32] = 0xff;
    this.short[0x11] = 0x1c;
    this.isAsleep = false;
    this.isFull = false;
    this.isBusy = false;
    this.waiting = null;
    this.channel = 0;
  }

  private hardReset(value: boolean | number): void {
    if (value) return;
    this.hardResets++;
    this.isStuck = false;
    this.powerOn();
  }

  private isInterrupting(): boolean {
    return (this.short[0x31] & ~this.short[0x32]) !== 0;
  }

  private raise(bit: number): void {
    const before = this.isInterrupting();
    this.short[0x31] |= bit;
    if (before || !this.isInterrupting() || this.losesEdges) return;
    const generation = this.generation;
    // What an interpreter takes to run a handler.
    this.medium.at(this.medium.now + 0.5, () => {
      if (generation === this.generation) this.onEdge?.();
    });
  }

  private transfer(octets: Octets | number[], cs?: Pin): Octets {
    if (cs !== this.cs) throw new Error('SPI without the chip selected');
    const out = new Uint8Array(octets.length).fill(this.isMute ? 0xff : 0);
    if (this.isMute || octets.length < 2) return out as unknown as Octets;
    if ((octets[0] & 0x80) === 0) {
      if (octets.length !== 2) throw new Error('a short access is 2 octets');
      const address = (octets[0] >>> 1) & 0x3f;
      if ((octets[0] & 1) !== 0) this.writeShort(address, octets[1]);
      else out[1] = this.readShort(address);
    } else {
      let address = ((octets[0] & 0x7f) << 3) | (octets[1] >>> 5);
      for (let i = 2; i < octets.length; i++, address++) {
        if ((octets[1] & 0x10) !== 0) this.long[address] = octets[i];
        else out[i] = this.readLong(address);
      }
    }
    return out as unknown as Octets;
  }

  private readShort(address: number): number {
    const value = this.short[address];
    // INTSTAT is cleared by reading; SOFTRST clears itself.
    if (address === 0x31) this.short[0x31] = 0;
    if (address === 0x2a && this.resetLeft > 0) {
      this.resetLeft--;
      return 0x07;
    }
    return address === 0x2a ? 0 : value;
  }

  private writeShort(address: number, value: number): void {
    if (address === 0x2a) {
      if ((value & 1) !== 0) {
        this.powerOn();
        this.resetLeft = this.resetReads;
      }
      return;
    }
    const before = this.short[address];
    if (address === 0x0d) {
      if ((value & 1) !== 0) this.isFull = false;
      value &= 0xfe;
    }
    this.short[address] = value;
    if (address === 0x35 && (value & 0x80) !== 0) {
      this.isAsleep = true;
      this.short[0x35] &= 0x7f;
    }
    if (address === 0x22 && (before & 0x40) !== 0 && (value & 0x40) === 0) this.isAsleep = false;
    if (address === 0x36 && (before & 4) !== 0 && (value & 4) === 0 && (this.long[0x200] & 15) === 3) {
      this.channel = (this.long[0x200] >>> 4) + 11;
    }
    if (address === 0x1b && (value & 1) !== 0) this.trigger();
  }

  private readLong(address: number): number {
    const value = this.long[address];
    // Reading the last octet, RSSI, makes room.
    if (this.isFull && address === 0x300 + this.long[0x300] + 2) this.isFull = false;
    return value;
  }

  /** RF works: PLL on, a channel, not asleep. */
  get isOn(): boolean {
    const isSetUp = (this.long[0x202] & 0x80) !== 0 && this.long[0x206] === 0x90 && this.short[0x18] === 0x98;
    return isSetUp && this.channel > 0 && !this.isAsleep;
  }

  private trigger(): void {
    if (this.isBusy || !this.isOn || this.isStuck) return;
    this.isBusy = true;
    const length = this.long[1];
    const frame = new Uint8Array(length + 2);
    frame.set(this.long.subarray(2, 2 + length));
    const fcs = frameFcs(frame, 0, length);
    frame[length] = fcs & 0xff;
    frame[length + 1] = fcs >>> 8;
    this.attempt(frame, (this.short[0x1b] & 4) !== 0, 0);
  }

  private later(ms: number, run: () => void): void {
    const generation = this.generation;
    this.medium.at(this.medium.now + ms, () => {
      if (generation === this.generation) run();
    });
  }

  private attempt(frame: Uint8Array, wantsAck: boolean, retries: number): void {
    const contend = (backoffs: number): void => {
      const exponent = Math.min(3 + backoffs, 5);
      this.later(this.medium.random.below(1 << exponent) * BACKOFF + CCA, () => {
        if (this.radio.clear()) this.later(TURNAROUND, () => send());
        else if (backoffs < 4) contend(backoffs + 1);
        else this.end(0x21 | (retries << 6));
      });
    };
    const send = (): void => {
      this.tries++;
      this.radio.transmit(frame, 0, frame.length);
      this.later(airTime(frame.length), () => {
        if (!wantsAck) {
          this.end(0);
          return;
        }
        this.waiting = { sequence: frame[2], acked: () => this.end(retries << 6) };
        const waiting = this.waiting;
        this.later(ACK_WAIT, () => {
          if (this.waiting !== waiting) return;
          this.waiting = null;
          if (retries < 3) this.attempt(frame, wantsAck, retries + 1);
          else this.end(0xc1);
        });
      });
    };
    contend(0);
  }

  private end(status: number): void {
    this.isBusy = false;
    this.short[0x1b] &= 0xfe;
    this.short[0x24] = status;
    this.raise(TXNIF);
  }

  private isForUs(frame: Uint8Array): boolean {
    if ((this.short[0] & 1) !== 0) return true;
    const mode = (frame[1] >>> 2) & 3;
    const isPan = (frame[3] === this.short[1] && frame[4] === this.short[2]) || (frame[3] & frame[4]) === 0xff;
    if (mode === 2) {
      const isOwn = frame[5] === this.short[3] && frame[6] === this.short[4];
      return isPan && (isOwn || (frame[5] & frame[6]) === 0xff);
    }
    return mode === 3 && isPan && frame.subarray(5, 13).every((octet, i) => octet === this.short[5 + i]);
  }

  private hear(frame: Uint8Array): void {
    if (!this.isOn || (this.short[0x39] & 4) !== 0 || frame.length < 5) return;
    if (frameFcs(frame, 0, frame.length) !== 0) return;
    if ((frame[0] & 7) === 2) {
      if (this.waiting === null || this.waiting.sequence !== frame[2]) return;
      const { acked } = this.waiting;
      this.waiting = null;
      acked();
      return;
    }
    if (!this.isForUs(frame)) return;
    if (this.isFull) {
      this.overruns++;
      return;
    }
    const isBroadcast = ((frame[1] >>> 2) & 3) === 2 && (frame[5] & frame[6]) === 0xff;
    if ((frame[0] & 0x20) !== 0 && !isBroadcast && (this.short[0] & 0x20) === 0) this.acknowledge(frame[2]);
    this.isFull = true;
    this.long[0x300] = frame.length;
    this.long.set(frame, 0x301);
    // LQI, and RSSI where BBREG6 asks for it.
    this.long[0x301 + frame.length] = 0x6b;
    this.long[0x302 + frame.length] = (this.short[0x3e] & 0x40) !== 0 ? 0x94 : 0;
    this.raise(RXIF);
  }

  private acknowledge(sequence: number): void {
    const ack = Uint8Array.of(2, 0, sequence, 0, 0);
    const fcs = frameFcs(ack, 0, 3);
    ack[3] = fcs & 0xff;
    ack[4] = fcs >>> 8;
    this.acks++;
    this.later(TURNAROUND, () => this.radio.transmit(ack, 0, 5));
  }
}
