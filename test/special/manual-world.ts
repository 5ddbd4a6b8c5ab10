// Profiles of SAs keyed by hand, and for each: a specialised device, the general one beside it, the gateway's end of the SAs.

import { sensorConfig } from '../../core/device/config.ts';
import { createDevice, type Device } from '../../core/device/device.ts';
import type { Attributes } from '../../core/dietesp/attributes.ts';
import * as A from '../../core/dietesp/attributes.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import type { SaConfig } from '../../core/esp/sa.ts';
import { createSearch } from '../../core/esp/search.ts';
import { aesCcm8, aesCcm16, nullHmacSha256, type Suite } from '../../core/esp/suites.ts';
import { createReassembly } from '../../core/link/fragment.ts';
import { createContexts, setContext } from '../../core/wire/sixlowpan.ts';
import type { Specialised } from '../../targets/build/specialise/layout.ts';
import type { LinkInput } from '../../targets/build/specialise/link-facts.ts';
import { reserveMax } from '../../targets/build/specialise/sa-facts.ts';
import { createNodeProvider } from '../../targets/node/host/provider/node-crypto.ts';
import {
  type ManualDevice,
  manualMaker,
  manualProfile,
  manualText,
  pairOf,
  README_LINK,
  README_SUITE,
} from './manual-kit.ts';

export const OWN = hex('fd000000000000000000000000000002');
export const PEER = hex('fd000000000000000000000000000001');
export const PORT = 5683;

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

/** Numbers of a seed. */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

export interface Case {
  name: string;
  suite?: Suite;
  change?: (a: Attributes, isUp: boolean) => void;
  link?: Partial<LinkInput>;
  window?: number;
  maxPayload?: number;
  /** The last numbers that were used. */
  sn?: { out: number; in: number };
}

export const CASES: Case[] = [
  { name: 'README' },
  { name: 'AES-CCM-16, explicit IV', suite: aesCcm16 },
  { name: 'NULL and HMAC', suite: nullHmacSha256 },
  {
    name: 'NULL and HMAC, ESN',
    suite: nullHmacSha256,
    change: (a) => {
      a.esn = 1;
    },
  },
  {
    name: 'ESN, window of 64',
    change: (a) => {
      a.esn = 1;
    },
    window: 64,
  },
  { name: 'no window', window: 0 },
  {
    name: 'whole numbers',
    change: (a) => {
      a.espSpiLsb = 32;
      a.espSnLsb = 32;
    },
  },
  {
    name: '4 + 4 bits',
    change: (a) => {
      a.espSpiLsb = 4;
      a.espSnLsb = 4;
    },
  },
  {
    name: '3 + 13 bits',
    change: (a) => {
      a.espSpiLsb = 3;
      a.espSnLsb = 13;
    },
  },
  {
    name: 'no bits of the SPI',
    change: (a) => {
      a.espSpiLsb = 0;
      a.espSnLsb = 8;
    },
  },
  {
    name: 'no bits of the number',
    change: (a) => {
      a.espSpiLsb = 8;
      a.espSnLsb = 0;
    },
  },
  {
    name: 'trailer mandatory, alignment 32',
    change: (a) => {
      a.espTrailer = A.TRAILER_MANDATORY;
      a.alignment = 32;
    },
  },
  {
    name: 'alignment 64',
    change: (a) => {
      a.alignment = 64;
    },
  },
  {
    name: 'standard ESP',
    suite: aesCcm8,
    change: (a) => {
      a.iipcProfile = A.IIPC_NOT_COMPRESSED;
      a.espTrailer = A.TRAILER_MANDATORY;
      a.espSpiLsb = 32;
      a.espSnLsb = 32;
      a.alignment = 32;
      a.dscpCda = 0;
      a.ecnCda = 0;
      a.flowLabelCda = 0;
    },
  },
  {
    name: 'everything sent',
    change: (a) => {
      a.dscpCda = 0;
      a.ecnCda = 0;
      a.flowLabelCda = 0;
    },
  },
  {
    name: 'DSCP from a list',
    change: (a) => {
      a.dscpCda = A.CDA_SA;
      a.dscpList = [0, 10, 46];
    },
  },
  {
    name: 'flow label lower',
    change: (a) => {
      a.flowLabelCda = A.CDA_LOWER;
    },
  },
  {
    name: 'flow label generated',
    change: (a) => {
      a.flowLabelCda = A.CDA_GENERATED;
    },
  },
  {
    name: 'ranges of ports',
    change: (a) => {
      a.tsPortSrcEnd = 5690;
      a.tsPortDstStart = 5600;
      a.tsPortDstEnd = 5700;
    },
  },
  {
    name: 'any protocol',
    change: (a) => {
      a.tsProto = 0;
      a.tsPortSrcStart = 0;
      a.tsPortSrcEnd = 65535;
      a.tsPortDstStart = 0;
      a.tsPortDstEnd = 65535;
    },
  },
  { name: 'extended addresses', link: { ownLink: hex('0200000000000002'), gatewayLink: hex('0200000000000001') } },
  {
    name: 'other outer addresses',
    link: { outer: hex('20010db8000000000000000000000002'), gateway: hex('20010db8000000000000000000000001') },
  },
  {
    name: 'a context',
    link: {
      outer: hex('20010db800000000000000fffe000002'),
      gateway: hex('20010db8000000000000000000000001'),
      contexts: contextOf('20010db8000000000000000000000000'),
    },
  },
];

function contextOf(prefix: string): Uint8Array {
  const contexts = createContexts(1);
  setContext(contexts, 0, hex(prefix), 0, 64);
  return contexts;
}

/** What comes out of a device: frames, payloads, ends of packets. */
export interface Log {
  frames: string[];
  payloads: string[];
  ends: number[];
}

function generalDevice(log: Log, link: LinkInput, isPeer: boolean, random: () => number): Device {
  const provider = createNodeProvider();
  const config = sensorConfig(
    {
      ...provider,
      random: (buffer, offset, length) => {
        for (let i = 0; i < length; i++) buffer[offset + i] = Math.floor(random() * 256);
      },
    },
    {
      clear: () => true,
      transmit: (buffer, offset, length) => {
        log.frames.push(Buffer.from(buffer.subarray(offset, offset + length)).toString('hex'));
      },
    },
    {
      datagram: (buffer, offset, length) => {
        log.payloads.push(Buffer.from(buffer.subarray(offset, offset + length)).toString('hex'));
      },
      done: (_tag, result) => {
        log.ends.push(result);
      },
    },
  );
  const own = isPeer ? link.gatewayLink : link.ownLink;
  config.parts = { ...FULL_PARTS, check: null, search: createSearch(8, 8), shapes: {}, forms: {} };
  config.panId = link.panId;
  config.shortAddress = own.length === 2 ? own[0] * 256 + own[1] : 0xffff;
  config.extendedAddress = own.length === 8 ? own : new Uint8Array(8);
  config.gateway = isPeer ? link.ownLink : link.gatewayLink;
  config.contexts = link.contexts;
  config.address = isPeer ? PEER : OWN;
  config.ackWait = link.ackWait;
  config.reassembly = createReassembly(1, 1280, 10000);
  config.queue = 2;
  return createDevice(config);
}

/** Sequence number and FCS of a frame are not compared, nor the tag of a fragment: they begin with dice. */
export function bare(frame: string): string {
  const octets = Buffer.from(frame, 'hex').subarray(0, frame.length / 2 - 2);
  if ((octets[0] & 7) === 2) return 'ack ' + octets.toString('hex');
  octets[2] = 0;
  const head =
    5 + ((octets[1] >>> 2) & 3 ? (((octets[1] >>> 2) & 3) === 3 ? 8 : 2) : 0) + (octets[1] >>> 6 === 3 ? 8 : 2);
  if ((octets[head] & 0xc0) === 0xc0) octets.fill(0, head + 2, head + 4);
  return octets.toString('hex');
}

export async function world(one: Case): Promise<{
  special: ManualDevice;
  general: Device;
  peer: Device;
  logs: Record<'special' | 'general' | 'peer', Log>;
  reserved: number[];
  profile: Specialised;
  /** Another device of the profile; the function is called before a reservation is noted. */
  make: (onReserve: () => void) => ManualDevice;
  pair: { out: SaConfig; in: SaConfig };
}> {
  const link: LinkInput = { ...README_LINK, ...one.link };
  const pair = pairOf(one.suite ?? README_SUITE, OWN, PEER, link.outer, link.gateway, (a, isUp) => {
    one.change?.(a, isUp);
    if (!isUp && one.change !== undefined) {
      // Ranges are those of the other direction.
      const up = structuredClone(a);
      [a.tsPortSrcStart, a.tsPortSrcEnd, a.tsPortDstStart, a.tsPortDstEnd] = [
        up.tsPortDstStart,
        up.tsPortDstEnd,
        up.tsPortSrcStart,
        up.tsPortSrcEnd,
      ];
    }
  });
  pair.in.replayWindow = one.window ?? 32;
  pair.out.replayWindow = one.window ?? 32;
  for (const side of ['out', 'in'] as const) {
    const last = one.sn?.[side] ?? 0;
    pair[side].snHi = Math.floor(last / 2 ** 32);
    pair[side].snLo = last % 2 ** 32;
  }
  const profile = manualProfile(
    {
      ...pair,
      own: OWN,
      peer: PEER,
      flows: [{ ownPort: PORT, peerPort: PORT }],
      maxPayload: one.maxPayload ?? 256,
      reserve: Math.min(128, reserveMax(pair.out.attributes.espSnLsb)),
      search: { wraps: 8, rate: 8 },
    },
    link,
  );
  const maker = await manualMaker(await manualText(profile));
  const logs = { special: log(), general: log(), peer: log() };
  const random = dice(7);
  const reserved: number[] = [];
  const make = (onReserve: () => void): ManualDevice =>
    maker(
      {
        random: (buffer: Uint8Array, offset: number, length: number) => {
          for (let i = 0; i < length; i++) buffer[offset + i] = Math.floor(random() * 256);
          return true;
        },
        transmit: (buffer: Uint8Array, offset: number, length: number) => {
          logs.special.frames.push(Buffer.from(buffer.subarray(offset, offset + length)).toString('hex'));
        },
      },
      {
        received: (buffer: Uint8Array, offset: number, length: number) => {
          logs.special.payloads.push(Buffer.from(buffer.subarray(offset, offset + length)).toString('hex'));
        },
        done: (result: number) => {
          logs.special.ends.push(result);
        },
        reserve: (out: number, back: number) => {
          onReserve();
          reserved.push(out, back);
        },
      },
    );
  const special = make(() => {});
  if (!special.start(profile.data)) throw new Error('refused');
  const general = generalDevice(logs.general, link, false, dice(8));
  general.addSas(pair.out, pair.in);
  const peer = generalDevice(logs.peer, link, true, dice(9));
  peer.addSas(pair.in, pair.out);
  return { special, general, peer, logs, reserved, profile, make, pair };
}

function log(): Log {
  return { frames: [], payloads: [], ends: [] };
}
