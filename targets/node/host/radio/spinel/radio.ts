// A radio behind Spinel: a co-processor (RCP) of OpenThread, by serial line, TCP, terminal or a program's pipes. It does
// CSMA-CA, repeats frames, waits for acknowledgements and makes them, so frames go to it one at a time and `onEnd` has their
// ends. Acknowledgements that the MAC makes are not sent: the co-processor has sent its own.
//
//   WAITING  --stream-->  STARTING  --set up-->  UP  --reset by itself-->  STARTING
//      ^                      |                   |
//      +----- stream ended, no answer, unfit -----+
//
// Frames wait while it is not up, and the one whose end is unknown is sent again: its receiver knows a repetition by its
// sequence number.

import { FCS_SIZE, putFcs } from '../../../../../core/wire/ieee802154.ts';
import { errorText } from '../../errors.ts';
import { keepLine, type LineCounters, type UartLine } from '../line-keeper.ts';
import type { Radio, RadioDevice, Signal } from '../radio.ts';
import {
  PROP_PHY_RSSI,
  PROP_STREAM_DEBUG,
  PROP_STREAM_LOG,
  PROP_STREAM_RAW,
  RAW_BAD_FCS,
  RAW_SENT,
  statusText,
} from './numbers.ts';
import { createOutgoing, type OutgoingCounters } from './outgoing.ts';
import { createReader } from './packed.ts';
import { createRcp, type Rcp, type RcpCounters, SilentError } from './rcp.ts';
import { askInfo, checkFit, configure, infoText, type RcpInfo, type RcpSettings, UnfitError } from './setup.ts';
import { PSDU_MAX, PSDU_MIN, parseRaw } from './stream-raw.ts';

/** Options of `createSpinelRadio`. */
export interface SpinelConfig extends Omit<RcpSettings, 'isPromiscuous'> {
  /** Where the stream comes from. */
  line: UartLine;
  /** Receives every frame on the channel, and acknowledges none: for a sniffer. */
  isPromiscuous?: boolean;
  /** Hears of versions, resets, and what the firmware logs. */
  log?: (level: 'info' | 'warn' | 'debug', text: string) => void;
  /** Milliseconds until a line is opened again, the first time; each further wait is twice as long, at most 30 s. Default 250. */
  reopenAfter?: number;
  /** Milliseconds for the answer to a question, default 1500. */
  answerTime?: number;
  /** Milliseconds between looks whether it still answers, default 10000. */
  watch?: number;
  /** Milliseconds, monotonic. */
  clock?: () => number;
}

/** Counters of a radio behind Spinel. */
export interface SpinelCounters extends OutgoingCounters, RcpCounters, LineCounters {
  /** Frames received. */
  received: number;
  /** Frames received with a wrong FCS, or that no radio can send. */
  badFrames: number;
  /** Times that the co-processor started anew by itself. */
  resets: number;
  /** Times that it was gone. */
  lost: number;
  /** Times that it came back. */
  back: number;
}

/** A radio behind Spinel. */
export interface SpinelRadio extends Radio {
  /** Live. */
  counters: SpinelCounters;
  /** Resolves when it is set up the first time; rejects when it cannot be opened, or cannot be used. */
  ready: Promise<RcpInfo>;
  /** Resolves when the line is closed. */
  closed: Promise<void>;
  /** What it is; null: not up yet. */
  info(): RcpInfo | null;
  /** Properties, for tools; throws while it is not up. @internal */
  rcp(): Rcp;
  /** Hears values that the co-processor tells by itself. @internal */
  onProperty: ((property: number, value: Uint8Array) => void) | null;
}

const REOPEN_AFTER = 250;
const REOPEN_MAX = 30000;
const WATCH = 10000;
/** Octets that may wait for the line. */
const ROOM = 8192;
/** Resets in a row, without a frame or an answer to `watch` between them, after which the line is opened anew. */
const RESETS_MAX = 5;
/** Lines of the firmware's own log: at most so many in so many milliseconds. */
const LINES_MAX = 20;
const LINES_TIME = 60000;
const LINE_SIZE = 256;

/** A radio on a co-processor that speaks Spinel over HDLC. */
export function createSpinelRadio(config: SpinelConfig): SpinelRadio {
  const { log = () => {}, isPromiscuous = false } = config;
  const clock = config.clock ?? (() => performance.now());
  const reopenAfter = config.reopenAfter ?? REOPEN_AFTER;
  const counters: SpinelCounters = {
    sent: 0,
    received: 0,
    noAck: 0,
    channelBusy: 0,
    refused: 0,
    badLength: 0,
    congested: 0,
    expired: 0,
    badFrames: 0,
    frames: 0,
    damaged: 0,
    oversized: 0,
    malformed: 0,
    stray: 0,
    resets: 0,
    lost: 0,
    back: 0,
    opened: 0,
    errors: 0,
  };
  const settings: RcpSettings = { ...config, isPromiscuous };
  let rcp: Rcp | null = null;
  let info: RcpInfo | null = null;
  let isUp = false;
  let wasUp = false;
  let isClosed = false;
  let problem = '';
  let noise: number | null = null;
  let signal: Signal | null = null;
  let resetsInRow = 0;
  let heardReset: ((status: number) => void) | null = null;
  let watching: NodeJS.Timeout | undefined;
  let lines = 0;
  let linesSince = 0;
  let onReady: (info: RcpInfo) => void = () => {};
  let onFailed: (error: Error) => void = () => {};

  function down(reason: string): void {
    problem = reason;
    clearTimeout(watching);
    rcp?.end(reason);
    rcp = null;
    if (!isUp) return;
    isUp = false;
    counters.lost++;
    log('warn', `lost: ${reason}`);
    radio.onState?.(false, reason);
  }

  /** The firmware's own words, few and short. */
  function firmwareSays(value: Uint8Array): void {
    const now = clock();
    if (now - linesSince > LINES_TIME) {
      linesSince = now;
      lines = 0;
    }
    if (lines++ >= LINES_MAX) return;
    const text = createReader(value.subarray(0, LINE_SIZE))
      .text()
      .replace(/[^\x20-\x7e]+/g, ' ')
      .trim();
    if (text !== '') log('debug', `firmware: ${text}`);
  }

  function receive(value: Uint8Array): void {
    const raw = parseRaw(value);
    if (raw === null) {
      counters.malformed++;
      return;
    }
    if ((raw.flags & RAW_SENT) !== 0) return;
    const { length } = raw.psdu;
    if (length < PSDU_MIN || length > PSDU_MAX || (raw.flags & RAW_BAD_FCS) !== 0) {
      counters.badFrames++;
      return;
    }
    resetsInRow = 0;
    counters.received++;
    // The radio has checked the FCS, and some have other values in its place.
    const frame = raw.psdu.slice();
    putFcs(frame, 0, length - FCS_SIZE);
    signal = {
      rssi: raw.rssi,
      noise: raw.noise ?? noise,
      lqi: raw.lqi,
      channel: raw.channel === 0 ? null : raw.channel,
    };
    try {
      radio.onFrame?.(frame, 0, length);
    } finally {
      signal = null;
    }
  }

  function says(property: number, value: Uint8Array): void {
    if (property === PROP_STREAM_RAW) receive(value);
    else if (property === PROP_STREAM_DEBUG || property === PROP_STREAM_LOG) firmwareSays(value);
    else radio.onProperty?.(property, value);
  }

  function wasReset(status: number): void {
    if (heardReset !== null) {
      heardReset(status);
      return;
    }
    // A program that was just started says so, and again after the reset that was asked for.
    if (isUp) {
      counters.resets++;
      log('warn', `it started anew (${statusText(status)}): it is set up again`);
    }
    if (++resetsInRow > RESETS_MAX) {
      keeper.restart(`it starts anew again and again (${statusText(status)})`);
      return;
    }
    const before = rcp;
    rcp = null;
    clearTimeout(watching);
    before?.end('it started anew');
    void start(false);
  }

  /** Asks for a reset and waits for it: what a program before this one left behind is gone then. */
  async function resetFirst(asked: Rcp, time: number): Promise<void> {
    for (let attempt = 0; attempt < 2; attempt++) {
      const isDone = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), time);
        heardReset = () => {
          clearTimeout(timer);
          resolve(true);
        };
        asked.resetStack();
      });
      heardReset = null;
      if (isDone || rcp !== asked) return;
    }
    throw new SilentError('nothing answers in Spinel: is it an RCP, and is the baud rate right?');
  }

  async function start(withReset: boolean): Promise<void> {
    const { answerTime = 1500 } = config;
    const asked = createRcp(
      {
        write: (octets) => {
          // What does not go out is missed as an answer.
          keeper.write(octets, ROOM);
        },
        is: (property, value) => {
          if (asked === rcp) says(property, value);
        },
        reset: (status) => {
          if (asked === rcp) wasReset(status);
        },
      },
      counters,
      answerTime,
    );
    rcp = asked;
    try {
      if (withReset) await resetFirst(asked, answerTime);
      const found = await askInfo(asked);
      checkFit(found, settings);
      settings.extendedAddress ??= found.eui64;
      await configure(asked, found, settings);
      if (asked !== rcp) return;
      up(found);
    } catch (error) {
      // Another start, or the end of the stream, came between.
      if (asked !== rcp || isClosed) return;
      const text = errorText(error);
      if (error instanceof UnfitError && wasUp) log('warn', text);
      onFailed(error as Error);
      keeper.restart(text);
    }
  }

  function up(found: RcpInfo): void {
    const isNew = !isUp;
    info = found;
    isUp = true;
    problem = '';
    keeper.settled();
    if (isNew) log('info', infoText(found));
    if (isNew && wasUp) {
      counters.back++;
      radio.onState?.(true, infoText(found));
    }
    wasUp = true;
    onReady(found);
    watch();
    outgoing.next();
  }

  /** A device can be dead and its line open: it is asked for the noise now and then, and has to answer. */
  function watch(): void {
    clearTimeout(watching);
    watching = setTimeout(async () => {
      const asked = rcp;
      try {
        const value = await asked?.get(PROP_PHY_RSSI);
        if (value !== undefined && value.length > 0) noise = (value[0] << 24) >> 24;
        resetsInRow = 0;
      } catch (error) {
        if (asked === rcp && error instanceof SilentError) keeper.restart(errorText(error));
      }
      if (asked === rcp && asked !== null) watch();
    }, config.watch ?? WATCH);
  }

  const outgoing = createOutgoing({
    channel: config.channel,
    rcp: () => (isUp ? rcp : null),
    clock,
    counters,
    ended: (sequence, result) => radio.onEnd?.(sequence, result),
    failed: (error) => keeper.restart(errorText(error)),
  });

  const ready = new Promise<RcpInfo>((resolve, reject) => {
    onReady = resolve;
    onFailed = reject;
  });
  // A failure is for who waits for it; nobody has to.
  ready.catch(() => {});
  const wait = (failures: number): number => Math.min(reopenAfter * 2 ** Math.min(failures, 16), REOPEN_MAX);
  const radio: SpinelRadio = {
    onFrame: null,
    onEnd: null,
    onState: null,
    onProperty: null,
    counters,
    ready,
    get closed() {
      return keeper.closed;
    },
    instant: true,
    clear: () => true,
    signal: () => signal,
    eui64: () => info?.eui64 ?? null,
    info: () => info,
    rcp() {
      if (rcp === null || !isUp) throw new SilentError(problem === '' ? 'the radio is not up' : problem);
      return rcp;
    },
    device(): RadioDevice {
      return { kind: 'spinel', isUp, firmware: info?.firmware ?? '', problem, noise, counters: { ...counters } };
    },
    transmit(buffer, offset, length) {
      if (!isClosed) outgoing.add(buffer, offset, length);
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      radio.onFrame = null;
      radio.onEnd = null;
      radio.onState = null;
      clearTimeout(watching);
      rcp?.end('the radio was closed');
      rcp = null;
      outgoing.clear();
      onFailed(new Error('the radio was closed'));
      keeper.close();
    },
  };
  const keeper = keepLine(config.line, wait, counters, {
    opened: () => void start(true),
    octets: (octets) => rcp?.push(octets),
    lost() {
      const text = keeper.problem() === '' ? 'the line ended' : keeper.problem();
      down(text);
      onFailed(new Error(text));
    },
    failed: (error) => {
      problem = error.message;
      onFailed(error);
    },
  });
  return radio;
}
