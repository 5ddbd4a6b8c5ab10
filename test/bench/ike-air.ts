// The cost of IKE on air: a device and a gateway on a virtual radio with short addresses. All figures are counted from the
// captured frames, by code that shares nothing with the core.

import type { Asymmetric } from '../../core/crypto/asymmetric.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { ID_KEY_ID } from '../../core/ike/codec/numbers.ts';
import { rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import type { Ike } from '../../core/ike/state/ike.ts';
import { type IkePolicy, NAT_OFF } from '../../core/ike/state/policy.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { policyFor } from '../../targets/node/host/config/ike-policy.ts';
import { createPcapWriter, LINKTYPE_IEEE802_15_4, readCapture } from '../../targets/node/host/radio/pcap.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { policy } from '../ike/pair.ts';
import { deviceOn, gatewayOn, outerOf } from '../ike/radio.ts';

/** One IKE message as it was on air. `air` counts the frames with their PHY headers; acknowledgements are apart. */
export interface AirMessage {
  exchange: number;
  isResponse: boolean;
  octets: number;
  frames: number;
  air: number;
}

export interface Air {
  messages: AirMessage[];
  /** Octets on air of the acknowledgements. */
  acks: number;
  /** X25519 operations of both sides: key pairs made, and secrets. */
  x25519: number;
}

// Intra-PAN data frames with short addresses: FCF, sequence number, PAN, destination, source; FCS; PHY header.
const MHR = 9;
const FCS = 2;
const PHY = 6;
const IPHC = 2;
const NHC = 7;
const IPV6_AND_UDP = 48;
const IKE_EXCHANGE = 18;
const IKE_FLAGS = 19;
const IKE_LENGTH = 24;

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`capture: ${what}`);
}

/** The IKE messages of a capture of 802.15.4 frames, which must hold nothing else. */
export function readAir(capture: Uint8Array): { messages: AirMessage[]; acks: number } {
  const messages: AirMessage[] = [];
  const open = new Map<string, AirMessage>();
  let acks = 0;
  for (const { linkType, data } of readCapture(capture)) {
    expect(linkType === LINKTYPE_IEEE802_15_4, 'link type');
    const frame = Buffer.from(data);
    const control = frame.readUInt16LE(0);
    if ((control & 7) === 2) {
      acks += frame.length + PHY;
      continue;
    }
    expect((control & 0xff5f) === 0x8841 || (control & 0xff5f) === 0x9841, `frame control ${control.toString(16)}`);
    const payload = frame.subarray(MHR, frame.length - FCS);
    const air = frame.length + PHY;
    const dispatch = payload[0] >>> 3;
    const key = frame.toString('hex', 5, MHR) + payload.toString('hex', 2, 4);
    if (dispatch === 0b11100) {
      const message = open.get(key);
      expect(message !== undefined, 'a fragment of nothing');
      message!.frames++;
      message!.air += air;
      continue;
    }
    const size = dispatch === 0b11000 ? payload.readUInt16BE(0) & 0x7ff : -1;
    const packet = payload.subarray(size < 0 ? 0 : 4);
    // TF, hop limit and both addresses elided, next header compressed, both by contexts; ports and checksum in line.
    expect(packet[0] >>> 2 === 0b011111 && packet[1] === 0x77 && packet[IPHC] === 0xf0, 'not IPHC with UDP');
    expect(packet.readUInt16BE(IPHC + 1) === 500 && packet.readUInt16BE(IPHC + 3) === 500, 'not port 500');
    const ike = packet.subarray(IPHC + NHC);
    const octets = ike.readUInt32BE(IKE_LENGTH);
    expect(size < 0 ? ike.length === octets : size === IPV6_AND_UDP + octets, 'length');
    const isResponse = (ike[IKE_FLAGS] & 0x20) !== 0;
    const message = { exchange: ike[IKE_EXCHANGE], isResponse, octets, frames: 1, air };
    messages.push(message);
    if (size >= 0) open.set(key, message);
  }
  return { messages, acks };
}

function frugalSide(own: number, peer: number, optimizedRekey: boolean): IkePolicy {
  const base = policy('', '', own, peer);
  const id = (number: number) => ({ type: ID_KEY_ID, data: Uint8Array.of(0, number) }) as const;
  return {
    ...base,
    localId: id(own),
    remoteId: id(peer),
    nameRemote: false,
    privateAlways: true,
    optimizedRekey,
    child: {
      ...base.child,
      esp: [{ protocol: 3, ciphers: [29], keyBits: [128], prf: [], integ: [], ke: [], sn: [0] }],
      suites: [aesCcm8Iiv],
      compression: { proposals: [], required: false, dscpList: [] },
    },
  };
}

/**
 * Both sides' policies, the least that there is with a pre-shared key and X25519: identities of two octets, one
 * transform of each type, nonces of 16 octets, one proposal of Diet-ESP with every value.
 */
export function frugal(optimizedRekey: boolean): [IkePolicy, IkePolicy] {
  return [frugalSide(1, 2, optimizedRekey), frugalSide(2, 1, optimizedRekey)];
}

/** As `frugal`, with plain ESP. */
export function plain([device, gateway]: [IkePolicy, IkePolicy]): [IkePolicy, IkePolicy] {
  const without = (p: IkePolicy): IkePolicy => ({ ...p, child: { ...p.child, notify: null, compression: null } });
  return [without(device), without(gateway)];
}

/** With tickets for session resumption. */
export function ticketed([device, gateway]: [IkePolicy, IkePolicy]): [IkePolicy, IkePolicy] {
  return [
    { ...device, ticketLifetime: 86400 },
    { ...gateway, ticketLifetime: 86400 },
  ];
}

/** What the command line's files of a sensor on a radio and of its gateway mean where they say no more than they must. */
export function defaults(): [IkePolicy, IkePolicy] {
  const sensor = readSensor(
    'sensor.yaml',
    `radio: { zep: { port: 0 }, panId: 0xabcd, shortAddress: 2 }
address: fd00::ff:fe00:2
gateway: { address: "fd00::ff:fe00:1", link: "0001" }
server: { address: "fd00:1::1" }
connection: { localId: "fqdn:sensor1.example", remoteId: "fqdn:gateway.example", auth: { psk: secret } }
`,
  );
  const gateway = readGateway(
    'gateway.yaml',
    `radios: [{ zep: { port: 0 }, panId: 0xabcd, shortAddress: 1 }]
addresses: ["fd00::ff:fe00:1"]
connection: { localId: "fqdn:gateway.example", auth: { psk: secret } }
`,
  );
  const own = policyFor(sensor.connection, outerOf(2), outerOf(1), false);
  const theirs = policyFor(gateway.config.ike!.connections[0], outerOf(1), outerOf(2), false);
  return [
    { ...own, nat: NAT_OFF },
    { ...theirs, nat: NAT_OFF },
  ];
}

/** Sums over the messages of one exchange, or of all. */
export function sumOf(air: Air, field: 'octets' | 'frames' | 'air', exchange = 0): number {
  let sum = 0;
  for (const message of air.messages) if (exchange === 0 || message.exchange === exchange) sum += message[field];
  return sum;
}

export interface Scene {
  /** Connects; `resume`: once more, with the ticket of the connection that is there. */
  connect(resume: boolean): Air;
  rekeyChild(): Air;
  rekeyIke(): Air;
}

/**
 * A device and a gateway alone on a radio channel; every call gives what it took on air. `attach` gives an extension to both.
 */
export function openScene([own, theirs]: [IkePolicy, IkePolicy], attach: (ike: Ike) => void = () => {}): Scene {
  const chunks: Uint8Array[] = [];
  const writer = createPcapWriter((octets) => void chunks.push(octets.slice()), LINKTYPE_IEEE802_15_4);
  const medium = createMedium({ seed: 1, tap: (now, frame) => writer.write(now, frame) });
  const gateway = gatewayOn(medium, theirs);
  const { device, events } = deviceOn(medium, own);
  const { uplink } = device;
  let x25519 = 0;
  const watch = (ike: Ike): void => {
    const { keStart, keFinish } = ike.asymmetric;
    const watched: Asymmetric = {
      ...ike.asymmetric,
      keStart: (...args) => {
        x25519++;
        return keStart(...args);
      },
      keFinish: (...args) => {
        x25519++;
        return keFinish(...args);
      },
    };
    ike.asymmetric = watched;
  };
  for (const ike of [uplink.ike, gateway.ike]) {
    attach(ike);
    watch(ike);
  }

  /** Half a minute, at whose end `event` must have happened. */
  function take(event: string, action: () => void): Air {
    chunks.length = 1;
    events.length = x25519 = 0;
    action();
    medium.run(medium.now + 30000);
    expect(events.filter((one) => one === event).length === 1, `${event}: ${events.join()}`);
    const { messages, acks } = readAir(Buffer.concat(chunks));
    return { messages, acks, x25519 };
  }
  const current = () => uplink.current()!;
  return {
    connect: (resume) => {
      const session = resume ? current().session : null;
      expect(!resume || session !== null, 'no ticket');
      return take('established', () => uplink.connect(session, medium.now));
    },
    rekeyChild: () =>
      take('installed', () => {
        const child = current().children.find(({ retired }) => retired === 0)!;
        rekeyChild(uplink.ike, current(), child, medium.now);
      }),
    rekeyIke: () => take('replaced', () => rekeyIke(uplink.ike, current(), medium.now)),
  };
}
