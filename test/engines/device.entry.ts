// Two device objects on one engine with a radio between them: a payload goes out and comes back. A case:
// [id, payload, octets of all frames on air], octets in hexadecimal digits.

import { copy } from '../../core/base/bytes.ts';
import { aesCcm } from '../../core/crypto/ccm.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import {
  aesCcm8Iiv,
  createDevice,
  type Device,
  defaultConfig,
  type SaConfig,
  sensorConfig,
} from '../../core/device/index.ts';
import { type Attributes, udpAttributes } from '../../core/dietesp/attributes.ts';
import { begin, createReport, end, expect, expectNumber, finish, hex, octets } from './report.ts';

const SENSOR = '20010db8000100000000000000000002';
const SERVER = '20010db8000200000000000000000001';
const SENSOR_OUTER = 'fe80000000000000000000fffe000002';
const SERVER_OUTER = 'fe80000000000000000000fffe000001';

function attributes(up: boolean): Attributes {
  const source = octets(up ? SENSOR : SERVER);
  const destination = octets(up ? SERVER : SENSOR);
  const result = udpAttributes(source, 5683, destination, 5683);
  result.tunnelSrc = octets(up ? SENSOR_OUTER : SERVER_OUTER);
  result.tunnelDst = octets(up ? SERVER_OUTER : SENSOR_OUTER);
  result.espSpi = up ? 4097 : 4098;
  return result;
}

function saConfig(up: boolean): SaConfig {
  const config = defaultConfig(attributes(up), aesCcm8Iiv);
  config.key = octets(up ? '000102030405060708090a0b0c0d0e0f' : '101112131415161718191a1b1c1d1e1f');
  config.salt = octets('a0a1a2');
  return config;
}

const air = new Uint8Array(128);
const heard = new Uint8Array(1280);
const state = { airLength: 0, heardLength: -1, done: 1 };
const log: string[] = [];

function random(buffer: Uint8Array, offset: number, length: number): void {
  for (let i = 0; i < length; i++) buffer[offset + i] = 7;
}

function createNode(short: number, peer: number, own: string): Device {
  const config = sensorConfig(
    createPortable([aesCcm], random),
    {
      clear: () => true,
      transmit: (buffer, offset, length) => {
        copy(air, 0, buffer, offset, length);
        state.airLength = length;
      },
    },
    {
      datagram: (buffer, offset, length) => {
        copy(heard, 0, buffer, offset, length);
        state.heardLength = length;
      },
      done: (_tag, result) => {
        state.done = result;
      },
    },
  );
  config.shortAddress = short;
  config.gateway = octets('000' + peer);
  config.address = octets(own);
  const device = createDevice(config);
  if (short === 2) device.addSas(saConfig(true), saConfig(false));
  else device.addSas(saConfig(false), saConfig(true));
  return device;
}

/** Runs both until nothing is due. */
function settle(sensor: Device, server: Device, start: number): number {
  let now = start;
  for (let steps = 0; steps < 400; steps++) {
    const a = sensor.nextTimeout();
    const b = server.nextTimeout();
    if (a < 0 && b < 0) break;
    const first = b < 0 || (a >= 0 && a <= b);
    now = first ? a : b;
    (first ? sensor : server).poll(now);
    if (state.airLength > 0) {
      const length = state.airLength;
      state.airLength = 0;
      log.push(hex(air, 0, length));
      (first ? server : sensor).receive(air, 0, length, now);
    }
  }
  return now;
}

/** A payload to the server and back: the frames on air, '' when one way fails. */
export function exchange(payload: string): string {
  while (log.length > 0) log.pop();
  const sensor = createNode(2, 1, SENSOR);
  const server = createNode(1, 2, SERVER);
  const sent = octets(payload);
  let now = 0;
  for (let way = 0; way < 2; way++) {
    state.heardLength = -1;
    state.done = 1;
    const from = way === 0 ? sensor : server;
    const tag = from.send(sent, 0, sent.length, 5683, octets(way === 0 ? SERVER : SENSOR), 5683, now);
    now = settle(sensor, server, now) + 1;
    if (tag <= 0 || state.done !== 0 || state.heardLength !== sent.length) return '';
    if (hex(heard, 0, sent.length) !== payload) return '';
  }
  let frames = '';
  for (let i = 0; i < log.length; i++) frames += log[i];
  return frames;
}

export function run(cases: string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    const frames = exchange(cases[i][1]);
    expectNumber(report, 'length', cases[i][2].length, frames.length);
    expect(report, 'frames', cases[i][2], frames);
    end(report);
  }
  finish(report);
}
