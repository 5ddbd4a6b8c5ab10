// Rekeys, Deletes and probes from both sides, at random moments and at once, under real ESP traffic. On a link without loss
// a rekey loses no packet. On any link both sides have the same SAs in the end.

import assert from 'node:assert/strict';
import { createEndpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { choose, OUTBOUND_ROOM, outbound } from '../../core/esp/outbound.ts';
import { addPair, type Pairs, preferLast, removePair, retirePair } from '../../core/esp/pairs.ts';
import { scopeOf } from '../../core/esp/sa-table.ts';
import { allocateSpi } from '../../core/esp/spi.ts';
import { defaultCompression, openProposal } from '../../core/ike/child/compression.ts';
import { ehc } from '../../core/ike/child/ehc.ts';
import { CP_INTERNAL_IP6_ADDRESS } from '../../core/ike/codec/numbers.ts';
import { heard } from '../../core/ike/exchange/endpoint.ts';
import { closeChild, closeIke, createChild, probe, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { connect } from '../../core/ike/setup/initiator.ts';
import { createResponder } from '../../core/ike/setup/responder.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import { emitIpv6, IPV6_DST, IPV6_SIZE, IPV6_SRC } from '../../core/wire/ipv6.ts';
import { emitUdp } from '../../core/wire/udp.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createRandom, type Random } from '../../targets/node/host/radio/random.ts';
import { address, type Node, path, policy } from './pair.ts';
import { settled } from './sim-handshake.ts';
import { createNet, type Faults, type Net } from './sim-world.ts';

const UDP = 17;
const PAYLOAD = 16;
const SIZE = IPV6_SIZE + 8 + PAYLOAD;
/** Operations end, and faults with them; then packets. */
const BUSY = 30000;
const END = 240000;

interface Host {
  node: Node;
  sas: Pairs;
  /** Numbers of the packets that came in. */
  received: Set<number>;
  send(number: number): boolean;
  refused: number;
  /** The host at the other end. */
  other: Host | null;
  /** A packet arrives. */
  take(octets: Uint8Array): void;
}

const provider = createFastProvider();

/** Packet `number` from one inner address to another. */
function packetOf(number: number, from: number, to: number): Uint8Array {
  const packet = new Uint8Array(SIZE);
  new DataView(packet.buffer).setUint32(IPV6_SIZE + 8, number);
  packet.set(address(from), IPV6_SRC);
  packet.set(address(to), IPV6_DST);
  emitIpv6(packet, 0, 0, 0, SIZE - IPV6_SIZE, UDP, 64);
  emitUdp(packet, IPV6_SIZE, SIZE, 0, 5683, 5683);
  return packet;
}

/** Puts SAs of core/esp behind an IKE endpoint, as core/device/uplink.ts does. */
function hostOf(net: Net, node: Node, own: number, peer: number, random: Random, refuses: number): Host {
  const sas: Pairs = {
    endpoint: createEndpoint(FULL_PARTS, { ...provider, random: random.fill }),
    outgoing: [],
    incoming: [],
  };
  const before = node.ike.upper;
  const clear = new Uint8Array(SIZE + 100);
  const host: Host = {
    node,
    sas,
    received: new Set(),
    refused: 0,
    send(number) {
      const packet = packetOf(number, own, peer);
      const sa = choose(sas.outgoing, packet, 0, SIZE, net.now);
      if (sa === null) return false;
      const sealed = new Uint8Array(SIZE + OUTBOUND_ROOM);
      const size = outbound(sas.endpoint, sa, packet, 0, SIZE, sealed, 0, net.now);
      if (size < 0) return false;
      const octets = sealed.slice(0, size);
      net.carry(() => host.other!.take(octets.slice()));
      return true;
    },
    other: null,
    take(octets) {
      const size = inbound(sas.endpoint, octets, 0, octets.length, clear, 0, net.now);
      if (size < 0) return;
      assert.equal(size, SIZE, 'a packet of another size');
      const number = new DataView(clear.buffer).getUint32(IPV6_SIZE + 8);
      assert.ok(!host.received.has(number), `packet ${number} twice`);
      host.received.add(number);
      for (const sa of node.ike.sas) if (sa.state === STATE_ESTABLISHED) heard(sa, net.now);
    },
  };
  node.ike.upper = {
    ...before,
    allocateSpi: (ends, offers) => allocateSpi(sas.endpoint, scopeOf(ends.local, ends.remote, 0), offers),
    install: (sa, child, outgoing, incoming, first, now) => {
      if (random.next() < refuses && net.now < BUSY && node.events.includes('established')) return false;
      try {
        addPair(sas, outgoing, incoming);
      } catch {
        host.refused++;
        return false;
      }
      if (first) preferLast(sas);
      return before.install(sa, child, outgoing, incoming, first, now);
    },
    retire: (sa, child, now) => {
      retirePair(sas, child.spiIn);
      before.retire(sa, child, now);
    },
    remove: (sa, child, now) => {
      removePair(sas, child.spiIn);
      before.remove(sa, child, now);
    },
  };
  return host;
}

interface Plan {
  faults: Faults;
  /** Rekeys and probes only: one Child SA must be left, unless the IKE SA was lost. */
  keeps: boolean;
  /** Nothing is lost or late. */
  clean: boolean;
  refuses: number;
}

function planOf(seed: number, random: Random): Plan {
  const clean = seed % 3 === 0;
  const keeps = clean || seed % 2 === 0;
  return {
    faults: {
      loss: clean ? 0 : random.below(5) * 0.08,
      reorder: clean ? 0 : random.below(2) * 0.3,
      duplicate: clean ? 0 : random.below(2) * 0.2,
      corrupt: 0,
      truncate: 0,
      attack: 0,
      until: clean ? 0 : BUSY,
      latency: 5 + random.below(100),
    },
    keeps,
    clean,
    refuses: !clean && seed % 7 === 0 ? 0.2 : 0,
  };
}

export interface Sum {
  packets: number;
  rekeys: number;
  survived: number;
  lost: number;
}

/** The SA that works at a node; the newest. */
function current(node: Node): IkeSa | null {
  const list = node.established.filter((sa) => sa.state === STATE_ESTABLISHED);
  return list.length > 0 ? list[list.length - 1] : null;
}

function operate(net: Net, node: Node, kind: number): void {
  const sa = current(node);
  if (sa === null) return;
  const { ike } = node;
  const live = sa.children.filter((child) => child.retired === 0);
  const child = live.length > 0 ? live[net.random.below(live.length)] : null;
  if (kind <= 3 && child !== null) rekeyChild(ike, sa, child, net.now);
  else if (kind <= 6) rekeyIke(ike, sa, net.now);
  else if (kind === 7) probe(ike, sa, net.now);
  else if (kind === 8 && child !== null) closeChild(ike, sa, child, net.now);
  else if (kind === 9 && child === null && node === net.device) createChild(ike, sa, sa.policy.child, net.now);
  else if (kind === 10) closeIke(ike, sa, net.now);
}

export function play(seed: number, sum: Sum): void {
  const random = createRandom(seed * 7919 + 3);
  const plan = planOf(seed, random);
  const device = policy('device', 'gateway', 1, 2);
  const gateway = policy('gateway', 'device', 2, 1);
  const pfs = random.below(3) === 0;
  const optimized = random.below(2) === 0;
  for (const one of [device, gateway]) {
    one.retransmitTime = 1000;
    one.retransmitTries = 6;
    one.dpdTime = 20000;
    one.optimizedRekey = optimized;
    one.fragmentSize = seed % 5 === 0 ? 150 : 0;
    if (pfs) one.child.esp = [{ ...one.child.esp[0], ke: [31] }];
    if (random.below(3) === 0) one.child.rekeyTime = 9000;
    if (random.below(3) === 0) one.rekeyTime = 12000;
  }
  const form = random.below(4);
  // An inner address from the gateway, which stays through all rekeys.
  const inner = random.below(5) === 0 ? 77 : 1;
  if (inner === 77) {
    device.requestAddress = CP_INTERNAL_IP6_ADDRESS;
    device.child.local = [{ ...device.child.local[0], start: address(70), end: address(80) }];
    gateway.child.remote = [{ ...gateway.child.remote[0], start: address(90), end: address(90) }];
  }
  if (form === 0) device.child.notify = gateway.child.notify = ehc;
  if (form === 1) device.child.notify = null;
  if (form === 2) {
    const wide = openProposal();
    wide.allowed[4] = [16, 16];
    device.child.compression = { ...defaultCompression(), proposals: [wide] };
  }
  const net = createNet(
    seed,
    { ...plan.faults, until: 0 },
    {},
    {
      responder: createResponder({
        fallback: gateway,
        findPolicy: () => gateway,
        halfOpenMax: 8,
        cookieThreshold: 100,
        halfOpenTime: 30000,
        tickets: null,
      }),
    },
  );
  const hosts = [
    hostOf(net, net.device, inner, 2, random, plan.refuses),
    hostOf(net, net.gateway, 2, inner, random, plan.refuses),
  ];
  hosts[0].other = hosts[1];
  hosts[1].other = hosts[0];
  connect(net.device.ike, device, path(), null, 0);
  net.run(2000);
  net.faults.until = plan.faults.until;
  const label = `seed ${seed}: ${JSON.stringify(plan)}${pfs ? ' pfs' : ''}${optimized ? ' optimized' : ''} form ${form}`;

  const sent: Set<number>[] = [new Set(), new Set()];
  let number = 0;
  const traffic = (side: number): void => {
    number++;
    if (hosts[side].send(number)) sent[side].add(number);
    else if (plan.clean) assert.fail(`${label}: no SA for a packet of side ${side} at ${net.now}`);
    if (net.now < BUSY + 2000) net.at(net.now + 20 + random.below(60), () => traffic(side));
  };
  traffic(0);
  traffic(1);
  for (let left = 2 + random.below(10); left > 0; left--) {
    const at = 2000 + random.below(BUSY - 2000);
    const side = random.below(2);
    const kind = random.below(plan.keeps ? 8 : 11);
    net.at(at, () => operate(net, hosts[side].node, kind));
    // The other side at the same moment, or about.
    if (random.below(2) === 0) {
      const other = random.below(2) === 0 ? kind : random.below(plan.keeps ? 8 : 11);
      net.at(at + random.below(3) * random.below(200), () => operate(net, hosts[1 - side].node, other));
    }
  }
  net.at(BUSY + 5000, () => {
    // No more rekeys by the clock, or it is never quiet.
    for (const one of [device, gateway]) one.rekeyTime = one.child.rekeyTime = 0;
    for (const { node } of hosts) {
      for (const sa of node.ike.sas) {
        sa.rekeyAt = -1;
        for (const child of sa.children) child.rekeyAt = -1;
      }
    }
  });
  try {
    net.run(END);
  } catch (error) {
    throw new Error(`${label}: ${(error as Error).message}`, { cause: error });
  }

  const own = settled(net.device, label);
  const theirs = settled(net.gateway, label);
  const spis = (list: IkeSa[]): string[] => list.map((sa) => Buffer.from(sa.spis).toString('hex')).sort();
  assert.deepEqual(spis(own), spis(theirs), `${label}: IKE SAs`);
  assert.ok(own.length <= 1, `${label}: ${own.length} IKE SAs`);
  const children = own.flatMap((sa) => sa.children);
  const others = theirs.flatMap((sa) => sa.children);
  assert.deepEqual(
    children.map((child) => [child.spiIn, child.spiOut]).sort(),
    others.map((child) => [child.spiOut, child.spiIn]).sort(),
    `${label}: Child SAs`,
  );
  assert.ok(children.length <= 1, `${label}: ${children.length} Child SAs`);
  hosts.forEach((host) => {
    assert.equal(host.sas.outgoing.length, children.length, `${label}: SAs left at ${host.node.name}`);
    assert.equal(host.sas.incoming.length, children.length, `${label}: SAs left at ${host.node.name}`);
    assert.equal(host.sas.endpoint.table.all().length, children.length, `${label}: in the look-up`);
  });
  if (own.length === 1 && plan.keeps) assert.equal(children.length, 1, `${label}: no Child SA`);
  if (plan.clean) assert.equal(own.length, 1, `${label}: the IKE SA is lost`);
  if (plan.clean) {
    // (Without SPI bits, two rekeys within the time that an old SA lingers are too many for the look-up.)
    const failures = hosts.flatMap(({ node }) => node.events.filter((event) => event.startsWith('childFailed')));
    if (form === 1 || form === 2) assert.deepEqual(failures, [], `${label}: a rekey failed`);
    for (const side of [0, 1]) {
      const missing = [...sent[side]].filter((one) => !hosts[1 - side].received.has(one));
      assert.deepEqual(missing, [], `${label}: packets of side ${side} lost`);
    }
  }
  if (children.length === 1) {
    for (const side of [0, 1]) {
      const last = ++number;
      assert.ok(hosts[side].send(last), `${label}: cannot send`);
      net.run(net.now + 1000);
      assert.ok(hosts[1 - side].received.has(last), `${label}: side ${side} is not heard`);
    }
  }
  sum.packets += number;
  sum.rekeys += net.device.events.filter((event) => event === 'install' || event === 'replaced').length - 1;
  if (children.length === 1) sum.survived++;
  else sum.lost++;
}
