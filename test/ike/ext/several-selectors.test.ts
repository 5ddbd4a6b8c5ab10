// Several traffic selectors in one SA: what is on the wire, rekeys, a restart, peers without them; and the data path against a
// check of packets that is written here anew.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DROP_SELECTOR } from '../../../core/base/drop.ts';
import { addInbound, createEndpoint } from '../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../core/esp/full-parts.ts';
import { inbound } from '../../../core/esp/inbound.ts';
import { createLane, laneFor } from '../../../core/esp/lanes.ts';
import { outbound } from '../../../core/esp/outbound.ts';
import { createSa, defaultConfig } from '../../../core/esp/sa.ts';
import { aesGcm16 } from '../../../core/esp/suites.ts';
import { defaultCompression } from '../../../core/ike/child/compression.ts';
import { hcp } from '../../../core/ike/child/hcp.ts';
import { attributesOf } from '../../../core/ike/child/install.ts';
import { recordChild } from '../../../core/ike/child/restore.ts';
import type { Selector } from '../../../core/ike/codec/selectors.ts';
import { rekeyChild } from '../../../core/ike/exchange/requests.ts';
import { severalSelectors } from '../../../core/ike/ext/several-selectors.ts';
import { CHILD_LIVE, type ChildSa, type Draft } from '../../../core/ike/state/child.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { noteSelectors, selectorsOf } from '../../../core/ike/state/selector-note.ts';
import { addressOctets } from '../../../targets/node/host/addresses.ts';
import { addressRange } from '../../../targets/node/host/config/ike-names.ts';
import { createNodeProvider } from '../../../targets/node/host/provider/node-crypto.ts';
import { createRandom } from '../../../targets/node/host/radio/random.ts';
import { selectorText } from '../../../targets/node/host/sa-view.ts';
import { limitSa, widenConfigs } from '../../../targets/node/host/selectors.ts';
import { assertUp, type Options, outcomes, type Scene, scene } from '../kit.ts';
import { notifyOf } from '../observer.ts';

/** `10.1.0.0/16 17 53-99`. */
function selector(text: string): Selector {
  const [range, protocol = '0', ports = '0-65535'] = text.split(' ');
  const [start, end] = addressRange(range)!;
  const [startPort, endPort] = ports.split('-').map(Number);
  return { protocol: Number(protocol), startPort, endPort: endPort ?? startPort, start, end };
}
const list = (...texts: string[]): Selector[] => texts.map(selector);

const N_ADDITIONAL_TS_POSSIBLE = 16386;
const PLAIN = { notify: null, compression: null, several: true };
const OWN = list('10.1.0.0/16', '10.3.0.0/24 17 5683', '10.3.1.0/24 6 80-81');
const PEERS = list('192.0.2.0/25', '198.51.100.7 17');

/** Both sides with the extension; `lacks`: the gateway has none of it. */
function both(options: Options, lacks = false): { s: Scene; sa: IkeSa } {
  const s = scene(options);
  s.world.device.ike.extensions.push(severalSelectors);
  if (!lacks) s.world.gateway.ike.extensions.push(severalSelectors);
  for (const { ike } of [s.world.device, s.world.gateway]) {
    const { install } = ike.upper;
    ike.upper.install = (sa, child, outgoing, incoming, first, now) => {
      widenConfigs(child, outgoing, incoming);
      return install(sa, child, outgoing, incoming, first, now);
    };
  }
  return { s, sa: s.connect() };
}

const live = (sa: IkeSa): ChildSa[] => sa.children.filter(({ retired }) => retired === CHILD_LIVE);
function textOf(sa: IkeSa): { local: string[]; remote: string[] } {
  const [child, more] = live(sa);
  assert.equal(more, undefined);
  const { local, remote } = selectorsOf(child);
  return { local: local.map(selectorText), remote: remote.map(selectorText) };
}

/** TSi and TSr of the last two messages that have them, in hexadecimal. */
function wire(s: Scene): string[] {
  const messages = s.sent().filter(({ payloads }) => payloads.some(({ type }) => type === 44));
  return messages.flatMap(({ payloads }) =>
    payloads.filter(({ type }) => type === 44 || type === 45).map(({ body }) => body.toString('hex')),
  );
}
/** The body of a payload of IPv4 selectors. */
function naive(...selectors: [protocol: number, first: number, last: number, start: string, end: string][]): string {
  const two = (n: number): string => n.toString(16).padStart(4, '0');
  const four = (text: string): string => Buffer.from(text.split('.').map(Number)).toString('hex');
  const head = `${selectors.length.toString(16).padStart(2, '0')}000000`;
  const one = selectors.map(([protocol, first, last, start, end]) => {
    return `07${protocol.toString(16).padStart(2, '0')}0010${two(first)}${two(last)}${four(start)}${four(end)}`;
  });
  return head + one.join('');
}

test('the octets of both messages; every kind of rekey keeps the lists, also those of a record', () => {
  const { s, sa } = both({
    deviceChild: { ...PLAIN, local: OWN, remote: list('0.0.0.0/0') },
    gatewayChild: { ...PLAIN, local: PEERS, remote: list('10.0.0.0/8 17', '10.1.4.0/22') },
  });
  const other = assertUp(s, sa);
  const tsi = naive(
    [0, 0, 65535, '10.1.0.0', '10.1.255.255'],
    [17, 5683, 5683, '10.3.0.0', '10.3.0.255'],
    [6, 80, 81, '10.3.1.0', '10.3.1.255'],
  );
  const answered = naive(
    [17, 0, 65535, '10.1.0.0', '10.1.255.255'],
    [0, 0, 65535, '10.1.4.0', '10.1.7.255'],
    [17, 5683, 5683, '10.3.0.0', '10.3.0.255'],
  );
  const tsr = naive([0, 0, 65535, '192.0.2.0', '192.0.2.127'], [17, 0, 65535, '198.51.100.7', '198.51.100.7']);
  const any = naive([0, 0, 65535, '0.0.0.0', '255.255.255.255']);
  assert.deepEqual(wire(s), [tsi, any, answered, tsr]);
  const agreed = textOf(sa);
  assert.deepEqual(agreed, {
    local: ['10.1.0.0-10.1.255.255 udp', '10.1.4.0-10.1.7.255', '10.3.0.0-10.3.0.255 udp 5683'],
    remote: ['192.0.2.0-192.0.2.127', '198.51.100.7 udp'],
  });
  const swapped = (): unknown => ({ local: textOf(other).remote, remote: textOf(other).local });
  assert.deepEqual(swapped(), agreed);
  for (const isOptimized of [true, false]) {
    for (const one of [sa, other]) one.optimizedRekey = isOptimized;
    for (const [{ ike }, one] of [
      [s.world.device, sa],
      [s.world.gateway, other],
    ] as const) {
      rekeyChild(ike, one, live(one)[0], s.world.now);
      s.wait(20000);
      assert.deepEqual(
        [textOf(sa), swapped()],
        [agreed, agreed],
        `optimized ${isOptimized}, ${ike.responder === null}`,
      );
      const octets = wire(s);
      assert.deepEqual(
        octets,
        isOptimized ? [] : ike.responder === null ? [answered, tsr, answered, tsr] : [tsr, answered, tsr, answered],
      );
    }
  }
  // What a store keeps is enough.
  const [child] = live(other);
  const { local, remote, notes } = structuredClone(recordChild(child, new Uint8Array(0), new Uint8Array(0), 0));
  assert.deepEqual(selectorsOf({ local, remote, notes, replaces: null } as unknown as ChildSa), selectorsOf(child));
  s.close();
});

test('one IP version, and ADDITIONAL_TS_POSSIBLE for the rest; nothing of it where all were taken or nothing is on', () => {
  const told = (s: Scene): boolean => s.sent().some((message) => notifyOf(message, N_ADDITIONAL_TS_POSSIBLE) !== null);
  const mixed = list('10.1.0.0/16', '2001:db8::/64', '10.3.0.0/16');
  const dual = { local: mixed, remote: list('::/0', '0.0.0.0/0') };
  const gateway = { local: list('::/0', '0.0.0.0/0'), remote: mixed };
  const { s, sa } = both({ deviceChild: { ...PLAIN, ...dual }, gatewayChild: { ...PLAIN, ...gateway } });
  assertUp(s, sa);
  assert.deepEqual(textOf(sa), { local: ['10.1.0.0-10.1.255.255', '10.3.0.0-10.3.255.255'], remote: ['any4'] });
  assert.equal(told(s), true);
  s.close();
  // Diet-ESP is agreed: its rules follow from one pair.
  const diet = { ...PLAIN, notify: hcp, compression: defaultCompression() };
  const six = list('2001:db8::/64', '2001:db8:5::1');
  for (const isRefused of [false, true]) {
    const one = both({
      deviceChild: { ...diet, local: six, remote: list('::/0') },
      gatewayChild: { ...(isRefused ? PLAIN : diet), local: list('::/0'), remote: list('::/0') },
    });
    assertUp(one.s, one.sa);
    assert.equal(live(one.sa)[0].compression === null, isRefused);
    const pair = ['2001:db8::-2001:db8::ffff:ffff:ffff:ffff'];
    assert.deepEqual(textOf(one.sa).local, isRefused ? [...pair, '2001:db8:5::1'] : pair);
    assert.equal(told(one.s), !isRefused);
    one.s.close();
  }
  // A peer that takes one pair, with the extension off or without it, gets one pair, and so does its rekey.
  for (const lacks of [false, true]) {
    for (const [device, other] of [
      [PLAIN, { ...PLAIN, several: false }],
      [{ ...PLAIN, several: false }, PLAIN],
    ]) {
      const local = list('10.1.0.0/16', '10.3.0.0/16');
      const old = both(
        {
          deviceChild: { ...device, local, remote: list('0.0.0.0/0') },
          gatewayChild: { ...other, local: list('0.0.0.0/0'), remote: local },
        },
        lacks,
      );
      assertUp(old.s, old.sa);
      rekeyChild(old.s.world.device.ike, old.sa, live(old.sa)[0], old.s.world.now);
      old.s.wait(20000);
      assert.equal(textOf(old.sa).local[0], '10.1.0.0-10.1.255.255');
      assert.equal(told(old.s), false);
      old.s.close();
    }
  }
});

test('narrow: false wants all of them; what no SA can have is left out', () => {
  const local = list('10.1.0.0/16', '10.3.0.0/16');
  const wanted = { ...PLAIN, local, remote: list('0.0.0.0/0'), narrow: false };
  const all = both({ deviceChild: wanted, gatewayChild: { ...PLAIN, local: list('0.0.0.0/0'), remote: local } });
  assertUp(all.s, all.sa);
  assert.equal(textOf(all.sa).local.length, 2);
  all.s.close();
  const less = both({
    deviceChild: wanted,
    gatewayChild: { ...PLAIN, local: list('0.0.0.0/0'), remote: local.slice(1) },
    unobserved: true,
  });
  assert.deepEqual(outcomes(less.s).device, ['selectors']);
  // OPAQUE, and ports of a protocol that has none.
  const odd = [selector('10.7.0.0/16'), { ...selector('10.8.0.0/16 17'), startPort: 65535, endPort: 0 }];
  const strange = both({
    deviceChild: { ...PLAIN, local: [...odd, selector('10.9.0.0/16 1 0-7'), ...local], remote: list('0.0.0.0/0') },
    gatewayChild: { ...PLAIN, local: list('0.0.0.0/0'), remote: list('0.0.0.0/0') },
  });
  assertUp(strange.s, strange.sa);
  assert.deepEqual(textOf(strange.sa).local, [
    '10.7.0.0-10.7.255.255',
    '10.1.0.0-10.1.255.255',
    '10.3.0.0-10.3.255.255',
  ]);
  strange.s.close();
});

// The data path.

const provider = createNodeProvider();

/** A Child SA with these selectors. */
function childWith(local: Selector[], remote: Selector[]): ChildSa {
  const child = {
    local: local[0],
    remote: remote[0],
    mode: 0,
    compression: null,
    dscpList: [],
    esn: 0,
    spiIn: 4097,
    spiOut: 4098,
    notes: [],
    replaces: null,
  };
  noteSelectors({ ...child, local, remote } as unknown as Draft);
  return child as unknown as ChildSa;
}

/** An IPv4 packet; `fragment`: offset in units of 8 octets. */
function packetOf(
  source: string,
  destination: string,
  protocol: number,
  ports: [number, number],
  fragment = 0,
): Uint8Array {
  const packet = Buffer.alloc(40);
  packet.writeUInt16BE(0x4500, 0);
  packet.writeUInt16BE(40, 2);
  packet.writeUInt16BE(fragment, 6);
  packet[8] = 64;
  packet[9] = protocol;
  packet.set(addressOctets(source)!, 12);
  packet.set(addressOctets(destination)!, 16);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += packet.readUInt16BE(at);
  sum = (sum & 0xffff) + (sum >>> 16);
  packet.writeUInt16BE(~((sum & 0xffff) + (sum >>> 16)) & 0xffff, 10);
  packet.writeUInt16BE(ports[0], 20);
  packet.writeUInt16BE(ports[1], 22);
  return packet;
}

/** The check anew, with addresses as numbers. */
function isWithin(
  selectors: Selector[],
  address: string,
  protocol: number,
  port: number,
  isFragment: boolean,
): boolean {
  const number = (octets: Uint8Array): number => Buffer.from(octets).readUInt32BE(0);
  const value = number(addressOctets(address)!);
  return selectors.some((one) => {
    const isAny = one.startPort === 0 && one.endPort === 65535;
    const isPort = isAny || (!isFragment && one.startPort <= port && port <= one.endPort);
    return (
      (one.protocol === 0 || one.protocol === protocol) &&
      number(one.start) <= value &&
      value <= number(one.end) &&
      isPort
    );
  });
}

test('packets: chosen, sent, and after decryption taken, only within one selector of each side', () => {
  const random = createRandom(9);
  const pick = <T>(from: T[]): T => from[random.below(from.length)];
  const local = list('10.1.0.0/16', '10.3.0.0/24 17 5683-5690', '10.3.0.9 6', '10.4.0.1 6 443');
  const remote = list('192.0.2.0/25', '198.51.100.7 17 53', '203.0.113.0/24 6 80');
  const child = childWith(local, remote);
  const none = new Uint8Array(0);
  const ends = ['192.0.2.200', '192.0.2.201'].map((text) => addressOctets(text)!);
  const make = (isOut: boolean, of: ChildSa, [here, there]: Uint8Array[]) => {
    const suite = aesGcm16;
    const configs = [true, false].map((out) => {
      const config = defaultConfig(attributesOf(of, out, here, there), suite);
      return { ...config, key: new Uint8Array(16).fill(1), salt: new Uint8Array(4), authKey: none };
    });
    widenConfigs(of, configs[0], configs[1]);
    return createSa(FULL_PARTS, provider, configs[isOut ? 0 : 1]);
  };
  const out = make(true, child, ends);
  limitSa(out, child, 'out');
  // The peer sends whatever it likes: its own SA is for everything.
  const wide = childWith(list('0.0.0.0/0'), list('0.0.0.0/0'));
  const far = make(true, { ...wide, spiOut: child.spiIn } as ChildSa, ends.toReversed());
  const into = make(false, child, ends);
  limitSa(into, child, 'in');
  const endpoint = createEndpoint(FULL_PARTS, provider);
  addInbound(endpoint, into);
  const swap = new Uint8Array(2048);
  const back = new Uint8Array(2048);
  const lanes = [createLane(out)];
  const seen = { taken: 0, dropped: 0 };
  const owns = ['10.1.2.3', '10.3.0.9', '10.3.0.10', '10.3.1.1', '10.4.0.1', '10.2.0.0', '10.0.255.255', '10.4.0.2'];
  const peers = ['192.0.2.1', '192.0.2.128', '198.51.100.7', '198.51.100.8', '203.0.113.5', '192.0.1.255'];
  for (let n = 0; n < 4000; n++) {
    const [own, peer, protocol] = [pick(owns), pick(peers), pick([17, 6, 1, 132])];
    const ports: [number, number] = [pick([5683, 5690, 5691, 443, 80, 0]), pick([53, 80, 54, 65535])];
    const fragment = pick([0, 0, 0, 3, 0x2000]);
    const isFragment = fragment !== 0;
    const isMeant =
      isWithin(local, own, protocol, ports[0], isFragment) && isWithin(remote, peer, protocol, ports[1], isFragment);
    const packet = packetOf(own, peer, protocol, ports, fragment);
    const what = `${own} ${peer} ${protocol} ${ports} ${fragment}`;
    assert.equal(laneFor(lanes, packet, 0, packet.length, n) !== null, isMeant, what);
    const size = outbound(endpoint, out, packet, 0, packet.length, swap, 0, n);
    assert.equal(size > 0, isMeant, what);
    if (!isMeant) assert.equal(size, DROP_SELECTOR);
    const answer = packetOf(peer, own, protocol, [ports[1], ports[0]], fragment);
    const length = outbound(endpoint, far, answer, 0, answer.length, swap, 0, n);
    assert.ok(length > 0);
    const { dropSelector } = into;
    const got = inbound(endpoint, swap, 0, length, back, 0, n);
    assert.equal(got, isMeant ? answer.length : DROP_SELECTOR, what);
    assert.equal(into.dropSelector - dropSelector, isMeant ? 0 : 1);
    if (isMeant) assert.deepEqual(back.subarray(0, got), Uint8Array.from(answer));
    seen[isMeant ? 'taken' : 'dropped']++;
  }
  assert.ok(seen.taken > 100 && seen.dropped > 1000, JSON.stringify(seen));
});
