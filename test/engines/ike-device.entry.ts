// A device that sets up its SAs with IKEv2, and the gateway that answers it, on one engine with a radio between them:
// handshake, a payload each way, a rekey, a payload each way, Delete. Random octets are repeatable, so that every engine
// sends the same octets. A case: [id, events, octets of all frames on air].

import { copy, equal } from '../../core/base/bytes.ts';
import { aesCcm } from '../../core/crypto/ccm.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { createPortableKe } from '../../core/crypto/portable-asymmetric.ts';
import { createDeviceWith, type Device, type DeviceUpper, earlier } from '../../core/device/device.ts';
import type { IkeDevice } from '../../core/device/ike-device.ts';
import { sensorConfig } from '../../core/device/index.ts';
import { sensorPolicy } from '../../core/device/policy.ts';
import type { UplinkEvents } from '../../core/device/uplink.ts';
import { addPair, preferLast, removePair, retirePair } from '../../core/esp/pairs.ts';
import { scopeOf } from '../../core/esp/sa-table.ts';
import { allocateSpi } from '../../core/esp/spi.ts';
import { privateNumbers } from '../../core/ike/codec/private-numbers.ts';
import { createIke, receiveIke } from '../../core/ike/exchange/endpoint.ts';
import { rekeyChild } from '../../core/ike/exchange/requests.ts';
import { ikeTimeout } from '../../core/ike/exchange/schedule.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import { downgradePrevention } from '../../core/ike/ext/downgrade.ts';
import { headerCompression } from '../../core/ike/ext/header-compression.ts';
import { optimizedRekeys } from '../../core/ike/ext/optimized-rekey.ts';
import { vendorId } from '../../core/ike/ext/vendor.ts';
import { createResponder } from '../../core/ike/setup/responder.ts';
import type { Ike } from '../../core/ike/state/ike.ts';
import type { Path } from '../../core/ike/state/path.ts';
import type { IkePolicy } from '../../core/ike/state/policy.ts';
import type { Phy } from '../../core/link/mac.ts';
import { emitIpv6, IPV6_DST, IPV6_SIZE, IPV6_SRC } from '../../core/wire/ipv6.ts';
import { createUdpCompression } from '../../core/wire/sixlowpan-udp.ts';
import { emitUdp, PROTO_UDP, UDP_SIZE } from '../../core/wire/udp.ts';
import { createSensor } from '../support/ike-entry.ts';
import { begin, createReport, end, expect, finish, hex, octets } from './report.ts';

const PSK = '00112233445566778899aabbccddeeff';
const ID = '73656e736f7231';
const PORT = 5683;
const SENSOR = '20010db8000100000000000000000002';
const SERVER = '20010db8000200000000000000000001';

export interface Air {
  frames: { fromSensor: boolean; octets: Uint8Array }[];
  log: string;
}

/** Chance that is the same everywhere. Not for keys. */
export function createChance(seed: number): (buffer: Uint8Array, offset: number, length: number) => void {
  let state = seed;
  return (buffer, offset, length) => {
    for (let i = 0; i < length; i++) {
      state = (state * 1103 + 12345) % 65521;
      buffer[offset + i] = (state >>> 5) & 0xff;
    }
  };
}

export function createPhy(air: Air, fromSensor: boolean): Phy {
  return {
    clear: () => true,
    transmit: (buffer, offset, length) => {
      const frame = new Uint8Array(length);
      copy(frame, 0, buffer, offset, length);
      air.frames.push({ fromSensor: fromSensor, octets: frame });
      air.log += hex(frame, 0, length);
    },
  };
}

/** What the device of ike-entry.ts meets. */
export function gatewayPolicy(own: Uint8Array, peer: Uint8Array): IkePolicy {
  const policy = sensorPolicy(octets('6777'), octets(PSK), own, peer);
  policy.nameRemote = false;
  policy.child.narrow = true;
  policy.ticketLifetime = 0;
  policy.initialContact = false;
  return policy;
}

export interface Gateway {
  device: Device;
  ike: Ike;
}

export function createGateway(air: Air, heard: string[], policy: IkePolicy, path: Path): Gateway {
  const chance = createChance(2);
  const provider = createPortable([aesCcm, hmacSha256], chance);
  const base = sensorConfig(provider, createPhy(air, false), {
    datagram: (buffer, offset, length) => {
      heard.push(hex(buffer, offset, length));
    },
    done: () => {},
  });
  base.shortAddress = 0;
  base.gateway = octets('0002');
  base.address = policy.child.local[0].start;
  base.queue = 4;
  const device: Device = createDeviceWith(base, {
    nhc: createUdpCompression(false),
    inner: null,
    clear: (buffer, offset, length, now) => {
      if (!equal(buffer, offset + IPV6_SRC, path.remote, 0, 16)) return 0;
      const at = offset + IPV6_SIZE + UDP_SIZE;
      receiveIke(ike, path, buffer, at, length - IPV6_SIZE - UDP_SIZE, now);
      return 0;
    },
  });
  const ike: Ike = createIke({
    provider: provider,
    asymmetric: createPortableKe(chance),
    upper: {
      proved: () => {},
      transmit: (_path, _replyTo, buffer, offset, length, now) => {
        const packet = device.outer;
        copy(packet, IPV6_SIZE + UDP_SIZE, buffer, offset, length);
        copy(packet, IPV6_SRC, path.local, 0, 16);
        copy(packet, IPV6_DST, path.remote, 0, 16);
        emitIpv6(packet, 0, 0, 0, UDP_SIZE + length, PROTO_UDP, 64);
        emitUdp(packet, IPV6_SIZE, IPV6_SIZE + UDP_SIZE + length, 0, 500, 500);
        device.pass(IPV6_SIZE + UDP_SIZE + length, now);
      },
      allocateSpi: (ends, offers) => allocateSpi(device.endpoint, scopeOf(ends.local, ends.remote, 0), offers),
      install: (_sa, _child, outgoing, incoming, first) => {
        addPair(device, outgoing, incoming);
        if (first) preferLast(device);
        return true;
      },
      retire: (_sa, child) => retirePair(device, child.spiIn),
      remove: (_sa, child) => removePair(device, child.spiIn),
      established: () => {},
      replaced: () => {},
      ended: () => {
        heard.push('end');
      },
      childFailed: () => {},
      refused: () => {},
      keys: () => {},
      address: () => null,
    },
    extensions: [vendorId, downgradePrevention, optimizedRekeys, headerCompression],
    numbers: privateNumbers(),
    responder: createResponder({
      fallback: policy,
      findPolicy: () => policy,
      halfOpenMax: 4,
      cookieThreshold: 4,
      halfOpenTime: 30000,
      tickets: null,
    }),
    intermediate: null,
    resumption: null,
    reassembly: null,
    maxMessage: 1280,
    keylog: false,
    linger: 1000,
  });
  return { device: device, ike: ike };
}

/** Hands over frames and polls both sides until nothing is due before `until`. */
function go(air: Air, sensor: IkeDevice, gateway: Gateway, start: number, until: number): number {
  let now = start;
  for (let steps = 0; steps < 2000; steps++) {
    if (air.frames.length > 0) {
      const frames = air.frames;
      air.frames = [];
      for (let i = 0; i < frames.length; i++) {
        const frame = frames[i].octets;
        if (frames[i].fromSensor) gateway.device.receive(frame, 0, frame.length, now);
        else sensor.receive(frame, 0, frame.length, now);
      }
      continue;
    }
    const a = sensor.nextTimeout();
    const b = earlier(gateway.device.nextTimeout(), ikeTimeout(gateway.ike));
    const next = earlier(a, b);
    if (next < 0 || next > until) return until;
    now = Math.max(now, next);
    if (next === a) {
      sensor.poll(now);
    } else {
      gateway.device.poll(now);
      pollIke(gateway.ike, now);
    }
  }
  return now;
}

/** A payload each way. */
function talk(air: Air, sensor: IkeDevice, gateway: Gateway, text: string, start: number): number {
  const payload = octets(text);
  sensor.send(payload, 0, payload.length, PORT, octets(SERVER), PORT, start);
  const now = go(air, sensor, gateway, start, start + 500);
  gateway.device.send(payload, 0, payload.length, PORT, octets(SENSOR), PORT, now);
  return go(air, sensor, gateway, now, now + 500);
}

function createEvents(told: string[]): UplinkEvents {
  return {
    connecting: () => {},
    established: () => {
      told.push('established');
    },
    ended: () => {
      told.push('ended');
    },
    replaced: () => {
      told.push('replaced');
    },
    installed: () => {
      told.push('installed');
    },
    removed: () => {
      told.push('removed');
    },
    childFailed: () => {
      told.push('failed');
    },
    keys: () => {},
  };
}

function createUpper(told: string[]): DeviceUpper {
  return {
    datagram: (buffer, offset, length) => {
      told.push(hex(buffer, offset, length));
    },
    done: () => {},
  };
}

/** What happened, a word for each step, and the frames. */
export function handshake(): string[] {
  const own = octets(SENSOR);
  const peer = octets(SERVER);
  const outer = octets('fe80000000000000000000fffe000002');
  const gatewayOuter = octets('fe80000000000000000000fffe000000');
  const air: Air = { frames: [], log: '' };
  const told: string[] = [];
  const heard: string[] = [];
  const sensor = createSensor(
    createPhy(air, true),
    createUpper(told),
    createEvents(told),
    createChance(1),
    octets(PSK),
    octets(ID),
    own,
    peer,
    outer,
    gatewayOuter,
  );
  const path: Path = {
    local: gatewayOuter,
    localPort: 500,
    remote: outer,
    remotePort: 500,
    encapsulated: false,
    port: 0,
    link: new Uint8Array(0),
  };
  const gateway = createGateway(air, heard, gatewayPolicy(peer, own), path);
  let now = 0;

  sensor.uplink.connect(null, now);
  now = go(air, sensor, gateway, now, now + 1000);
  now = talk(air, sensor, gateway, 'aabbcc', now);
  const sa = sensor.uplink.current();
  if (sa !== null) rekeyChild(sensor.uplink.ike, sa, sa.children[0], now);
  now = go(air, sensor, gateway, now, now + 1000);
  now = talk(air, sensor, gateway, 'ddeeff', now);
  sensor.uplink.close(now);
  now = go(air, sensor, gateway, now, now + 10000);
  let words = '';
  for (let i = 0; i < told.length; i++) words += told[i] + '.';
  words += '/';
  for (let i = 0; i < heard.length; i++) words += heard[i] + '.';
  return [words, air.log];
}

export function run(cases: string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    const result = handshake();
    expect(report, 'steps', cases[i][1], result[0]);
    expect(report, 'frames', cases[i][2], result[1]);
    end(report);
  }
  finish(report);
}
