// The demo's output: a line for each handshake, a table that is redrawn on a terminal or lines elsewhere, and a summary with
// the same reading under other protocols.

import { costOf } from '../../host/radio/air-time.ts';
import { table } from '../../host/table.ts';
import { PLAIN, type Screen, type Stream, screenOf } from '../../host/terminal.ts';
import type { Handshake } from './messages.ts';
import type { DemoResult, DemoWatcher, SensorState } from './run.ts';

const REDRAW_MS = 100;
/** Lines of a terminal that does not say, or says 0. */
const ROWS_ELSE = 24;

/** Octets on air of a reading. */
export interface Comparison {
  stack: string;
  frames: number;
  octets: number;
  ms: number;
  source: 'on air' | 'counted' | 'model';
}

function sum(states: SensorState[], of: (state: SensorState) => number): number {
  return states.reduce((total, state) => total + of(state), 0);
}

export interface Totals {
  sent: number;
  acknowledged: number;
  failed: number;
  received: number;
  retransmissions: number;
  retries: number;
  frames: number;
  octets: number;
  /** Octets on air of a reading that has ended: its first frame, and all its frames. */
  octetsFirst: number;
  octetsPerReading: number;
  /** Readings with an outcome. */
  ended: number;
}

export function totalsOf(states: SensorState[]): Totals {
  const firsts = states.flatMap(({ first }) => first.filter((octets) => octets > 0));
  const acknowledged = sum(states, (state) => state.acknowledged);
  const failed = sum(states, (state) => state.failed);
  const ended = acknowledged + failed;
  const octets = sum(states, (state) => state.air.octets);
  return {
    sent: sum(states, (state) => state.sent),
    acknowledged,
    failed,
    received: sum(states, (state) => state.received),
    retransmissions: sum(states, (state) => state.retransmissions),
    retries: sum(states, (state) => state.retries),
    frames: sum(states, (state) => state.air.frames),
    octets,
    octetsFirst: firsts.length === 0 ? 0 : sum(states, (s) => s.first.reduce((a, b) => a + b, 0)) / firsts.length,
    octetsPerReading: ended === 0 ? 0 : octets / ended,
    ended,
  };
}

/** Rows of what was sent here, in front of the others. */
export function comparisonOf(states: SensorState[], others: Comparison[]): Comparison[] {
  const { octetsFirst, octetsPerReading, frames, ended } = totalsOf(states);
  if (octetsFirst === 0) return others;
  const hasCoap = states.some(({ handshake }) => handshake?.compression?.coap !== undefined);
  const name = hasCoap ? 'Diet-ESP and rules for CoAP' : 'Diet-ESP';
  const own = (stack: string, count: number, octets: number): Comparison => {
    return { stack, frames: count, octets, ms: costOf(count, octets).ms, source: 'on air' };
  };
  return [
    own(`${name}, one frame`, 1, octetsFirst),
    own(`${name}, with all repetitions`, frames / ended, octetsPerReading),
    ...others,
  ];
}

/** How each sensor that has an SA got it. */
export function handshakesOf(states: SensorState[]): (Handshake & { name: string })[] {
  return states.flatMap(({ name, handshake }) => (handshake === null ? [] : [{ name, ...handshake }]));
}

function compressionText({ notify, compression }: Handshake): string {
  if (compression === null) return 'plain ESP';
  const { dscp_cda, ecn_cda, flow_label_cda, alignment, esp_spi_lsb, esp_sn_lsb, esp_trailer, coap } = compression;
  return (
    `Diet-ESP by ${notify}: SPI ${esp_spi_lsb} + SN ${esp_sn_lsb} bits, DSCP ${dscp_cda}, ECN ${ecn_cda}, ` +
    `flow label ${flow_label_cda}, alignment ${alignment}, trailer ${esp_trailer}` +
    (coap === undefined ? '' : `, rules for CoAP ${coap}`)
  );
}

export function handshakeText(name: string, handshake: Handshake): string {
  const { ms, messages, octets, air, repeated, cipher, ke, auth, suite } = handshake;
  const again = repeated === 0 ? '' : ` (${repeated} repeated)`;
  return (
    `sensor ${name}  IKEv2 in ${Math.round(ms)} ms: ${messages} messages, ${octets} octets, ${air.frames} frames on air${again}; ` +
    `${cipher}, ${ke}, ${auth}; Child SA ${suite}, ${compressionText(handshake)}`
  );
}

/** A number with a decimal only where it has one. */
function plain(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}

const HEAD = ['path', 'address', 'setup', 'sent', 'acked', 'failed', 'resent', 'retries', 'octets each', 'last'];

export function sensorTable(states: SensorState[], screen: Screen = PLAIN): string {
  const rows = states.map((state) => [
    `/${state.name}`,
    state.inner,
    state.handshake === null ? '-' : String(state.handshake.air.octets),
    String(state.sent),
    String(state.acknowledged),
    String(state.failed),
    String(state.retransmissions),
    String(state.retries),
    plain(state.first.length === 0 ? 0 : state.air.octets / state.first.length),
    state.isDead ? 'dead' : state.last.replace(/[^\d.]/g, ''),
  ]);
  return table(HEAD, rows, screen);
}

export function comparisonTable(rows: Comparison[], screen: Screen = PLAIN): string {
  const clear = rows.find(({ stack }) => stack.startsWith('clear'))?.octets ?? 0;
  return table(
    ['one reading (18 octets of CoAP)', 'frames', 'octets on air', 'ms', 'to clear', 'source'],
    rows.map(({ stack, frames, octets, ms, source }) => [
      stack,
      plain(frames),
      plain(octets),
      ms.toFixed(2),
      octets === clear ? '' : `${octets > clear ? '+' : ''}${(((octets - clear) / clear) * 100).toFixed(0)} %`,
      source,
    ]),
    screen,
  );
}

/** The handshakes on average. */
function handshakeSummary(states: SensorState[]): string {
  const all = handshakesOf(states);
  const mean = (of: (handshake: Handshake) => number): string =>
    plain(all.reduce((total, handshake) => total + of(handshake), 0) / all.length);
  const each =
    all.length === 0
      ? ''
      : `: ${mean((one) => one.messages)} messages and ${mean((one) => one.octets)} octets of IKEv2 each, ` +
        `${mean((one) => one.air.frames)} frames with ${mean((one) => one.air.octets)} octets on air`;
  return `${all.length} of ${states.length} sensors have SAs${each}.\n`;
}

export function summary(result: DemoResult, pcap: string, keylog: string): string {
  const totals = totalsOf(result.sensors);
  const parts = [
    `${totals.sent} readings: ${totals.acknowledged} acknowledged, ${totals.failed} failed` +
      (result.unaccounted > 0 ? `, ${result.unaccounted} without an outcome` : '') +
      (result.interrupted > 0 ? `, ${result.interrupted} interrupted` : ''),
    `the CoAP server took ${totals.received}`,
    `${totals.frames} data frames with readings, ${result.frames} frames on air in all`,
  ];
  return (
    handshakeSummary(result.sensors) +
    `${parts.join('; ')}.\n` +
    (pcap === '' ? '' : `Frames are in ${pcap} (link type 195).\n`) +
    (keylog === '' ? '' : `Keys are in ${keylog}: whoever reads it reads everything.\n`)
  );
}

export interface View extends DemoWatcher {
  end(result: DemoResult): void;
}

const LEGEND =
  'Sensor processes set up their SAs with IKEv2 (pre-shared keys), and post readings with CoAP to a server behind the\n' +
  'gateway process, over Diet-ESP in tunnel mode on emulated IEEE 802.15.4. on air: PHY header to FCS, without the\n' +
  'answers and acknowledgements; counted: frames made by this code; model: computed from the formats.\n' +
  'setup: octets on air of the handshake, both ways; resent: by CoAP; retries: by the MAC; octets each: on air for one\n' +
  'reading, all frames.\n\n';

/** Where it goes: standard output. */
export interface Terminal extends Stream {
  rows?: number;
  write(text: string): unknown;
}

/** Tables on a terminal, lines elsewhere. */
export function createView(stream: Terminal, others: Comparison[], pcap: string, keylog: string): View {
  let states: SensorState[] = [];
  let isBegun = false;
  let drawn = 0;
  let next = 0;

  function text(): string {
    const { width, isColour } = screenOf(stream);
    // A line as long as the terminal is wide leaves the cursor nowhere certain.
    const screen = { width: width - 1, isColour };
    return `${sensorTable(states, screen)}\n${comparisonTable(comparisonOf(states, others), screen)}`;
  }
  /** What is taller than the terminal cannot be drawn over: it is shown whole at the end. */
  function draw(isLast: boolean): void {
    const up = drawn > 0 ? `\x1b[${drawn}A` : '';
    const all = text().split('\n');
    const lines = isLast ? all : all.slice(0, Math.max(1, (stream.rows || ROWS_ELSE) - 1));
    stream.write(`${up}${lines.map((line) => `${line}\x1b[K`).join('\n')}\x1b[J`);
    drawn = lines.length - 1;
  }
  const view: View = {
    started(all, seed) {
      states = all;
      stream.write(
        `${LEGEND}${all.length} sensor${all.length === 1 ? '' : 's'} and a gateway are starting, seed ${seed}.\n\n`,
      );
    },
    opened(page) {
      stream.write(
        `The gateway's page: ${page}\n\nIt shows packets in clear to whoever has this address. Ctrl-C ends the demo.\n\n`,
      );
    },
    connected({ name }, handshake) {
      view.changed(handshakeText(name, handshake));
    },
    begun() {
      isBegun = true;
      stream.write('\n');
      if (stream.isTTY === true) draw(false);
    },
    changed(line) {
      if (stream.isTTY !== true || !isBegun) {
        if (line !== '') stream.write(line + '\n');
      } else if (Date.now() >= next) {
        next = Date.now() + REDRAW_MS;
        draw(false);
      }
    },
    end(result) {
      if (stream.isTTY === true && drawn > 0) draw(true);
      else stream.write(`\n${text()}`);
      stream.write(`\n${summary(result, pcap, keylog)}`);
    },
  };
  return view;
}
