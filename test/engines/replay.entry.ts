// The device of docs/api.md on every engine, and an attacker that plays old frames again, each under a fresh sequence number
// of the MAC. A case: [id, replay window, packets accepted, packets accepted again] or [id, window, what createSa says].

import { aesCcm } from '../../core/crypto/ccm.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import type { Provider } from '../../core/crypto/provider.ts';
import { createDevice, type Device, defaultConfig, type SaConfig, sensorConfig } from '../../core/device/index.ts';
import { udpAttributes } from '../../core/dietesp/attributes.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { putFcs } from '../../core/wire/ieee802154.ts';
import { begin, createReport, decimal, end, expect, finish, octets } from './report.ts';

/** Frames that are sent at first; the last of them, and FAR behind, are played again. */
const FRAMES = 230;
const FAR = 200;
/** Frames that got lost on air stay new: every tenth. */
const LOST = 10;

interface Node {
  device: Device;
  air: Uint8Array[];
  heard: number;
}

function createNode(provider: Provider, short: number, address: Uint8Array): Node {
  const node: Node = { device: {} as Device, air: [], heard: 0 };
  const phy = {
    clear: () => true,
    transmit: (buffer: Uint8Array, offset: number, length: number) => {
      const frame = new Uint8Array(length);
      for (let i = 0; i < length; i++) frame[i] = buffer[offset + i];
      node.air.push(frame);
    },
  };
  const upper = {
    datagram: () => {
      node.heard++;
    },
    done: () => {},
  };
  const config = sensorConfig(provider, phy, upper);
  config.shortAddress = short;
  config.gateway = octets(short === 2 ? '0001' : '0002');
  config.address = address;
  node.device = createDevice(config);
  return node;
}

const clock = { now: 0, number: 0 };

function quiet(node: Node): void {
  for (let i = 0; i < 50 && node.device.nextTimeout() >= 0; i++) {
    clock.now = Math.max(clock.now, node.device.nextTimeout());
    node.device.poll(clock.now);
  }
}

/** The frame arrives, under the MAC's next number. */
function give(node: Node, frame: Uint8Array): void {
  frame[2] = clock.number & 0xff;
  clock.number++;
  putFcs(frame, 0, frame.length - 2);
  clock.now++;
  node.device.receive(frame, 0, frame.length, clock.now);
  quiet(node);
}

/** Packets that the device with these SAs accepts, and those accepted again when frames 1 .. 200 behind come once more. */
export function replays(provider: Provider, up: SaConfig, down: SaConfig): [number, number] {
  const sensor = createNode(provider, 2, up.attributes.tsIpSrcStart);
  const gateway = createNode(provider, 1, down.attributes.tsIpSrcStart);
  sensor.device.addSas(up, down);
  gateway.device.addSas(down, up);
  clock.now = 0;
  clock.number = 0;
  const kept: Uint8Array[] = [];
  for (let n = 0; n < FRAMES; n++) {
    gateway.air = [];
    gateway.device.send(new Uint8Array(1), 0, 1, 5683, up.attributes.tsIpSrcStart, 5683, clock.now);
    quiet(gateway);
    const copy = new Uint8Array(gateway.air[0].length);
    for (let i = 0; i < copy.length; i++) copy[i] = gateway.air[0][i];
    kept.push(copy);
    if (n % LOST === 0) continue;
    give(sensor, gateway.air[0]);
  }
  const accepted = sensor.heard;
  for (let times = 0; times < 2; times++) {
    for (let behind = FAR; behind > 0; behind--) {
      const n = FRAMES - 1 - behind;
      if (n % LOST === 0) continue;
      const again = new Uint8Array(kept[n].length);
      for (let i = 0; i < again.length; i++) again[i] = kept[n][i];
      give(sensor, again);
    }
  }
  return [accepted, sensor.heard - accepted];
}

function saConfig(up: boolean, window: number): SaConfig {
  const inner = [octets('20010db8000100000000000000000002'), octets('20010db8000200000000000000000001')];
  const outer = [octets('fe80000000000000000000fffe000002'), octets('fe80000000000000000000fffe000001')];
  const from = up ? 0 : 1;
  const attributes = udpAttributes(inner[from], 5683, inner[1 - from], 5683);
  attributes.tunnelSrc = outer[from];
  attributes.tunnelDst = outer[1 - from];
  attributes.espSpi = up ? 4097 : 4098;
  const config = defaultConfig(attributes, aesCcm8Iiv);
  config.key = octets(up ? '000102030405060708090a0b0c0d0e0f' : '101112131415161718191a1b1c1d1e1f');
  config.salt = octets('a0a1a2');
  config.replayWindow = window;
  return config;
}

function random(buffer: Uint8Array, offset: number, length: number): void {
  for (let i = 0; i < length; i++) buffer[offset + i] = 7;
}

export function run(cases: string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    const window = cases[i][1] === '64' ? 64 : 32;
    let result = '';
    try {
      const counts = replays(createPortable([aesCcm], random), saConfig(true, window), saConfig(false, window));
      result = decimal(counts[0]) + ' ' + decimal(counts[1]);
    } catch (error) {
      result = (error as Error).message;
    }
    expect(report, 'result', cases[i][2], result);
    end(report);
  }
  finish(report);
}
