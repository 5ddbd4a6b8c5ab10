// Inner packets of specialised devices of every kind, against the general code with all of its parts: IPv4 and IPv6, tunnel and
// transport mode, UDP and UDP-Lite, several flows, compressed or whole. What is wrong is dropped for the same reason.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { transform } from 'esbuild';
import { pseudoSum, putChecksum } from '../../core/base/checksum.ts';
import { dropName } from '../../core/base/drop-name.ts';
import { IIPC_NOT_COMPRESSED, MODE_TRANSPORT } from '../../core/dietesp/attributes.ts';
import { addInbound, createEndpoint, type Endpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { outbound } from '../../core/esp/outbound.ts';
import { createSa, type Sa, type SaConfig } from '../../core/esp/sa.ts';
import { aesCcm8Iiv, aesGcm16 } from '../../core/esp/suites.ts';
import { answerEcho } from '../../core/wire/echo.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { espFacts, type Flow } from '../../targets/build/specialise/esp-facts.ts';
import { joinParts } from '../../targets/build/specialise/join.ts';
import { layOut } from '../../targets/build/specialise/layout.ts';
import { provider } from '../core/support.ts';
import { echo, packet, udp, udpLite } from '../naive/packets.ts';
import { Random } from '../naive/random.ts';
import { pairOf } from './manual-kit.ts';
import { board } from './packet-board.ts';
import { keymatOf } from './packet-kit.ts';

const SPECIAL = join(sourceRoot(), 'targets', 'special');
const HERE = join(sourceRoot(), 'test', 'special');
const OUTER = Buffer.from('fe80000000000000000000fffe000002', 'hex');
const GATEWAY = Buffer.from('fe80000000000000000000fffe000001', 'hex');
const ADDRESSES = {
  6: {
    own: 'fd00::2',
    peer: 'fd00::1',
    octets: ['fd000000000000000000000000000002', 'fd000000000000000000000000000001'],
  },
  4: { own: '10.0.0.2', peer: '10.0.0.1', octets: ['0a000002', '0a000001'] },
};

interface Inner {
  start(octets: Uint8Array): void;
  espSend(flow: number, payload: Uint8Array, offset: number, length: number, now: number): number;
  espReceive(buffer: Uint8Array, at: number, end: number, ecn: number, now: number): number;
}

interface World {
  device: Inner;
  /** ESP packets that the device sent. */
  sent: Buffer[];
  received: { payload: string; flow: number }[];
}

async function worldOf(constants: Record<string, boolean | number | string>, data: Uint8Array): Promise<World> {
  const text = await joinParts({
    entry: join(HERE, 'inner.entry.ts'),
    profile: constants,
    replace: {
      [join(SPECIAL, 'events.ts')]: join(SPECIAL, 'manual-events.ts'),
      [join(SPECIAL, 'link.ts')]: join(HERE, 'inner-link.ts'),
    },
  });
  const { code } = await transform(text, { loader: 'ts', format: 'cjs', target: 'es2015', minify: true });
  const world: World = { device: {} as Inner, sent: [], received: [] };
  const upper = {
    received: (buffer: Uint8Array, offset: number, length: number, flow: number) => {
      world.received.push({ payload: Buffer.from(buffer.subarray(offset, offset + length)).toString('hex'), flow });
    },
    done: () => {},
    reserve: () => {},
  };
  const sent = (buffer: Uint8Array, start: number, length: number): void => {
    world.sent.push(Buffer.from(buffer.slice(start, start + length)));
  };
  const module = { exports: {} };
  new Function('board', 'upper', 'sent', 'module', 'exports', code)(board, upper, sent, module, module.exports);
  world.device = module.exports as Inner;
  world.device.start(data);
  return world;
}

const word = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);

interface Pair {
  out: SaConfig;
  in: SaConfig;
}

function deviceOf(pair: Pair, own: Uint8Array, peer: Uint8Array, flows: readonly Flow[]): Promise<World> {
  const facts = espFacts({
    ...pair,
    own,
    peer,
    flows,
    maxPayload: 300,
    reserve: 0,
    search: { wraps: 0, rate: 0 },
  });
  const keys = [
    { name: 'SpiOut', octets: word(pair.out.attributes.espSpi) },
    { name: 'SpiIn', octets: word(pair.in.attributes.espSpi) },
    { name: 'KeyOut', octets: keymatOf(pair.out) },
    { name: 'KeyIn', octets: keymatOf(pair.in) },
  ];
  const native = { nativeCcm: true, nativeHmac: true, nativeX25519: false, ike: false };
  const profile = layOut([facts, { constants: {}, fields: keys }], native);
  return worldOf({ ...profile.constants, nativeGcm: true }, profile.data);
}

/** The other end: what the device sends comes in, and an SA to it. */
function gatewayOf(pair: Pair): { endpoint: Endpoint; sender: Sa } {
  const endpoint = createEndpoint({ ...FULL_PARTS, search: null }, provider);
  addInbound(endpoint, createSa(endpoint.parts, provider, pair.out));
  return { endpoint, sender: createSa(endpoint.parts, provider, pair.in) };
}

/** Writes the ICMPv6 checksum of an IPv6 packet. */
function fixEcho(packet: Buffer): void {
  putChecksum(packet, 42, 40, packet.length - 40, pseudoSum(packet, 0, 58, packet.length - 40), 0);
}

interface Kind {
  version: 4 | 6;
  isTransport: boolean;
  proto: 17 | 136;
  isWhole: boolean;
  flows: number;
  isGcm?: boolean;
}

const KINDS: Kind[] = [];
for (const version of [6, 4] as const) {
  for (const isTransport of [false, true]) {
    for (const proto of [17, 136] as const) {
      for (const isWhole of [false, true]) KINDS.push({ version, isTransport, proto, isWhole, flows: isWhole ? 1 : 3 });
    }
  }
}
KINDS.push({ version: 6, isTransport: false, proto: 17, isWhole: true, flows: 2 });
KINDS.push({ version: 6, isTransport: false, proto: 17, isWhole: false, flows: 2, isGcm: true });

const FLOWS = [
  { ownPort: 5683, peerPort: 5683 },
  { ownPort: 5684, peerPort: 5683 },
  { ownPort: 5690, peerPort: 5699 },
];

function titleOf({ version, isTransport, proto, isWhole, flows, isGcm }: Kind): string {
  const parts = [`IPv${version}`, isTransport ? 'transport' : 'tunnel', proto === 17 ? 'UDP' : 'UDP-Lite'];
  return [...parts, isWhole ? 'whole' : 'compressed', `${flows} flows`, ...(isGcm === true ? ['AES-GCM'] : [])].join(
    ', ',
  );
}

for (const kind of KINDS) {
  test(`inner packets: ${titleOf(kind)}`, async () => {
    const { version, isTransport, proto, isWhole } = kind;
    const { own, peer, octets } = ADDRESSES[version];
    const [ownOctets, peerOctets] = octets.map((text) => Uint8Array.from(Buffer.from(text!, 'hex')));
    const flows = FLOWS.slice(0, kind.flows);
    const pair = pairOf(
      kind.isGcm === true ? aesGcm16 : aesCcm8Iiv,
      ownOctets!,
      peerOctets!,
      OUTER,
      GATEWAY,
      (a, isUp) => {
        a.tsIpVersion = version;
        a.tsProto = proto;
        if (isTransport) a.ipsecMode = MODE_TRANSPORT;
        if (isWhole) {
          a.iipcProfile = IIPC_NOT_COMPRESSED;
          a.dscpCda = 0;
          a.ecnCda = 0;
          a.flowLabelCda = 0;
        }
        if (kind.flows > 1) {
          [a.tsPortSrcStart, a.tsPortSrcEnd, a.tsPortDstStart, a.tsPortDstEnd] = isUp
            ? [5680, 5690, 5683, 5699]
            : [5683, 5699, 5680, 5690];
        }
      },
    );
    const { device, sent, received } = await deviceOf(pair, ownOctets!, peerOctets!, flows);
    const { endpoint, sender } = gatewayOf(pair);
    const random = new Random(version * 1000 + proto);
    const outer = isTransport ? { src: own, dst: peer } : { src: 'fe80::ff:fe00:2', dst: 'fe80::ff:fe00:1' };
    for (let i = 0; i < 60; i++) {
      // Out: the gateway restores the datagram.
      const flow = random.below(flows.length);
      const payload = random.octets(random.below(random.chance(5) ? 300 : 30));
      assert.equal(device.espSend(flow, payload, 0, payload.length, 0), 1);
      const esp = sent.pop()!;
      const wire = packet({ ...outer, hops: 64 }, { proto: 50, octets: esp });
      const back = new Uint8Array(500);
      const size = inbound(endpoint, wire, 0, wire.length, back, 0, 0);
      const { ownPort, peerPort } = flows[flow]!;
      const segment = proto === 17 ? udp(ownPort, peerPort, payload) : udpLite(ownPort, peerPort, payload);
      const want = packet({ src: own, dst: peer, hops: 64, flags: version === 4 && !isTransport ? 2 : 0 }, segment);
      const made = Buffer.from(back.subarray(0, Math.max(size, 0)));
      // The IP header of IPv4 in tunnel mode has flags and identification of the device's choice.
      const from = version === 4 ? 20 : 40;
      assert.equal(made.subarray(from).toString('hex'), want.subarray(from).toString('hex'), dropName(size));
      assert.equal(made.subarray(from - (version === 4 ? 8 : 32), from).toString('hex'), octets.join(''));
      // In: a datagram of a flow, or of another port, or damaged.
      const what = random.below(6);
      const down = random.octets(random.below(random.chance(5) ? 300 : 30));
      const [to, by] = what === 0 ? [5688, 5690] : [ownPort, peerPort];
      const sentDown =
        proto === 17 ? udp(by, to, down, random.chance(4)) : udpLite(by, to, down, random.chance(4) ? 0 : undefined);
      const inner = packet({ src: peer, dst: own, hops: 64 }, sentDown);
      if (what === 1 && isWhole) inner[inner.length - 1]! ^= 1;
      const protectedPacket = Buffer.alloc(600);
      const length = outbound(endpoint, sender, inner, 0, inner.length, protectedPacket, 0, 0);
      if (length < 0) {
        // Outside of a single pair of ports: the gateway does not send it.
        assert.ok(what === 0 && flows.length === 1, dropName(length));
        continue;
      }
      const head = protectedPacket[0]! >> 4 === 6 ? 40 : 20;
      const code = device.espReceive(protectedPacket.subarray(0, length), head, length, 0, 0);
      if (what === 0) assert.equal(dropName(code), 'selector');
      else if (what === 1 && isWhole) {
        const isUnsummed = proto === 17 && inner.readUInt16BE(from + 6) === 0;
        if (isUnsummed) received.pop();
        else assert.equal(dropName(code), 'checksum');
      } else {
        assert.equal(code, 0, dropName(code));
        assert.deepEqual(received.pop(), { payload: down.toString('hex'), flow });
      }
      assert.equal(received.length, 0);
    }
  });
}

for (const isWhole of [false, true]) {
  test(`echo requests are answered where the SA takes any protocol${isWhole ? ', whole' : ''}`, async () => {
    const { own, peer, octets } = ADDRESSES[6];
    const [ownOctets, peerOctets] = octets.map((text) => Uint8Array.from(Buffer.from(text!, 'hex')));
    const pair = pairOf(aesCcm8Iiv, ownOctets!, peerOctets!, OUTER, GATEWAY, (a) => {
      a.tsProto = 0;
      a.ecnCda = 0;
      [a.tsPortSrcStart, a.tsPortSrcEnd, a.tsPortDstStart, a.tsPortDstEnd] = [0, 65535, 0, 65535];
      if (isWhole) Object.assign(a, { iipcProfile: IIPC_NOT_COMPRESSED, dscpCda: 0, flowLabelCda: 0 });
    });
    const { device, sent, received } = await deviceOf(pair, ownOctets!, peerOctets!, FLOWS.slice(0, 1));
    const { endpoint, sender } = gatewayOf(pair);
    const random = new Random(9);
    for (let i = 0; i < 60; i++) {
      const data = random.octets(random.below(60));
      const request = packet({ src: peer, dst: own, hops: 64 }, echo(6, 77, i, data));
      const what = random.below(5);
      if (what === 0) request[41] = 3;
      if (what === 1) request[40] = 129;
      if (what === 2) request[request.length - 1]! ^= 1;
      // A message of a known type is damaged: the checksum is right again for the first two.
      if (what < 2) fixEcho(request);
      const wire = Buffer.alloc(400);
      const length = outbound(endpoint, sender, request, 0, request.length, wire, 0, 0);
      const code = device.espReceive(wire.subarray(0, length), 40, length, 0, 0);
      if (what < 3) {
        assert.equal(dropName(code), what < 2 ? 'unsupported' : 'checksum');
        assert.equal(sent.length, 0);
        continue;
      }
      assert.equal(code, 0, dropName(code));
      const back = new Uint8Array(400);
      const outer = packet(
        { src: 'fe80::ff:fe00:2', dst: 'fe80::ff:fe00:1', hops: 64 },
        { proto: 50, octets: sent.pop()! },
      );
      const size = inbound(endpoint, outer, 0, outer.length, back, 0, 0);
      assert.equal(answerEcho(request, request.length), request.length);
      assert.equal(
        Buffer.from(back.subarray(0, Math.max(size, 0))).toString('hex'),
        request.toString('hex'),
        dropName(size),
      );
      // Payloads go beside them.
      assert.equal(device.espSend(0, data, 0, data.length, 0), 1);
      sent.pop();
      const datagram = packet({ src: peer, dst: own, hops: 64 }, udp(5683, 5683, data));
      const size2 = outbound(endpoint, sender, datagram, 0, datagram.length, wire, 0, 0);
      assert.equal(device.espReceive(wire.subarray(0, size2), 40, size2, 0, 0), 0);
      assert.deepEqual(received.pop(), { payload: data.toString('hex'), flow: 0 });
    }
  });
}
