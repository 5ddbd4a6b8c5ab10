// Fuzz targets for the core: packets in both directions, the headers, the look-up, the SA files. Each takes any octets; a
// throw is a finding. Received octets must not change an SA unless they are a packet of its peer.

import { copyBits, putBits } from '../../core/base/bits.ts';
import type { Provider } from '../../core/crypto/provider.ts';
import { addInbound, createEndpoint, type Endpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { OUTBOUND_ROOM, outbound } from '../../core/esp/outbound.ts';
import type { Sa } from '../../core/esp/sa.ts';
import { createSa } from '../../core/esp/sa.ts';
import { createHash } from '../../core/esp/sa-hash.ts';
import { createList } from '../../core/esp/sa-table.ts';
import { checkEcho } from '../../core/wire/icmpv6.ts';
import { ipv4 } from '../../core/wire/ipv4.ts';
import { ipv6 } from '../../core/wire/ipv6.ts';
import { sctp } from '../../core/wire/sctp.ts';
import { tcp } from '../../core/wire/tcp.ts';
import { udp } from '../../core/wire/udp.ts';
import { udplite } from '../../core/wire/udplite.ts';
import { readSas } from '../../targets/node/host/config/sa.ts';
import { parseConfig } from '../../targets/node/host/document.ts';
import { CommandError } from '../../targets/node/host/errors.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createPortableProvider } from '../../targets/web/portable.ts';
import { configOf } from '../core/support.ts';
import { randomCase } from '../naive/random.ts';
import type { Sa as NaiveSa, Suite } from '../naive/types.ts';
import type { FuzzTarget } from './link-targets.ts';

export interface CoreTarget extends FuzzTarget {
  /** Inputs to begin with; the others have the octets of the vectors. */
  seeds?: Uint8Array[];
}

function ensure(condition: boolean, what: () => string): void {
  if (!condition) throw new Error(what());
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** SAs of every shape, one to an endpoint, all with a suite that is fast on the provider. */
interface Pair {
  naive: NaiveSa;
  sender: Sa;
  receiver: Sa;
  endpoint: Endpoint;
  inner: Uint8Array;
  /** ESP parts that the sender made. */
  genuine: Set<string>;
  print: string;
}

/** What its replay window keeps beside `recent`. */
function ringOf({ octets, base, form }: Sa): Uint8Array {
  return octets.subarray(base + form.windowAt, base + form.size);
}

/** What an input may not move, as text. */
function printOf(sa: Sa): string {
  let seen = 0;
  for (const octet of ringOf(sa)) seen = (seen * 31 + octet) % 4294967296;
  return `${sa.snHi} ${sa.snLo} ${sa.recent} ${sa.packets} ${sa.bytes} ${sa.since} ${sa.ended} ${seen}`;
}

function fastSa(sa: NaiveSa, suite: Suite): NaiveSa {
  return { ...sa, esp_encr: suite, key: '000102030405060708090a0b0c0d0e0f', salt: 'a0a1a2', akey: '', esp_sn: '41' };
}

const wires: Uint8Array[] = [];

function pairOf(naive: NaiveSa, inner: Uint8Array, provider: Provider): Pair {
  const sender = createSa(FULL_PARTS, provider, configOf(naive));
  const receiver = createSa(FULL_PARTS, provider, configOf(naive));
  const endpoint = createEndpoint(FULL_PARTS, provider);
  addInbound(endpoint, receiver);
  const genuine = new Set<string>();
  const dst = new Uint8Array(inner.length + OUTBOUND_ROOM);
  for (let i = 0; i < 3; i++) {
    const length = outbound(endpoint, sender, inner, 0, inner.length, dst, 0, 0);
    const wire = dst.slice(0, length);
    genuine.add(hex(espOf(wire)));
    if (wires.length < 400) wires.push(Uint8Array.of(0, ...wire));
  }
  return { naive, sender, receiver, endpoint, inner, genuine, print: printOf(receiver) };
}

function espOf(wire: Uint8Array): Uint8Array {
  return wire.subarray(wire[0] >>> 4 === 6 ? 40 : (wire[0] & 15) * 4);
}

/** Pairs from the generator of random cases: 60 shapes of SA. */
function pairs(provider: Provider): Pair[] {
  const list: Pair[] = [];
  for (let seed = 1; list.length < 60; seed++) {
    const made = randomCase(seed);
    if (made.broken !== null || made.inner.length > 300) continue;
    list.push(
      pairOf(fastSa(made.sa, seed % 2 === 0 ? 'AES_CCM_8_IIV' : 'AES_CCM_8'), Uint8Array.from(made.inner), provider),
    );
  }
  return list;
}

// Receivers of their own for packets from outside; the others follow their sender.
const fast = pairs(createFastProvider());
const portable = pairs(createPortableProvider());
const fastPeers = pairs(createFastProvider());
const portablePeers = pairs(createPortableProvider());

/** Lets the receiver expect the sender's next packet. */
function follow({ sender, receiver }: Pair): void {
  receiver.snHi = sender.snHi;
  receiver.snLo = sender.snLo;
  receiver.recent = 0xffffffff;
  ringOf(receiver).fill(0xff);
}

wires.forEach((wire, index) => {
  wire[0] = Math.floor(index / 3) % fast.length;
});
const inners = fast.map((pair, index) => Uint8Array.of(index, ...pair.inner));

const EDGE = 16;
const SENTINEL = 0xc3;
const space = new Uint8Array(66000);
const room = new Uint8Array(66000);

/** A copy of the input in the middle of other octets. */
function framed(bytes: Uint8Array): void {
  space.fill(0x3c, 0, EDGE + bytes.length + EDGE);
  space.set(bytes, EDGE);
}

function untouched(buffer: Uint8Array, from: number, to: number, what: string): void {
  for (let i = from; i < to; i++) ensure(buffer[i] === SENTINEL, () => `${what}: octet ${i} was written`);
}

/**
 * An array that throws when an element outside [from, to) is read or written. Slow: one trap an access.
 */
export function watched(octets: Uint8Array, from: number, to: number, name: string): Uint8Array {
  const at = (key: string | symbol): number => (typeof key === 'string' && /^-?\d/.test(key) ? Number(key) : -1);
  const check = (key: string | symbol, verb: string): void => {
    const index = at(key);
    if (typeof key === 'string' && (/^-?\d/.test(key) || key === 'NaN' || key === 'undefined')) {
      ensure(index >= from && index < to, () => `${name}: ${verb} at ${key}, outside ${from}..${to - 1}`);
    }
  };
  return new Proxy(octets, {
    get(target, key) {
      check(key, 'read');
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set(target, key, value) {
      check(key, 'write');
      ensure(value >= 0 && value <= 255 && Math.floor(value) === value, () => `${name}: wrote ${value}, not an octet`);
      return Reflect.set(target, key, value, target);
    },
  });
}

/** One packet in; `dst` ends at `size`. Whatever comes, the SA may move by genuine packets only. */
function receive(pair: Pair, src: Uint8Array, offset: number, length: number, dst: Uint8Array, at: number): void {
  const esp = length > 0 ? hex(espOf(src.subarray(offset, offset + length))) : '';
  const result = inbound(pair.endpoint, src, offset, length, dst, at, 0);
  const print = printOf(pair.receiver);
  if (print === pair.print) {
    ensure(result < 0, () => `a packet of ${result} octets, and the SA has not moved`);
    return;
  }
  ensure(pair.genuine.has(esp), () => `the SA moved: ${pair.print} to ${print}`);
  // Taken back, for the next input.
  const fresh = createSa(FULL_PARTS, pair.endpoint.provider, configOf(pair.naive));
  pair.endpoint.table.remove(pair.receiver);
  pair.receiver = fresh;
  pair.endpoint.table.insert(fresh);
}

/** Seals clear text as the peer's next packet: what an authentic but broken or hostile peer can send. */
function sealed(pair: Pair, clear: Uint8Array): Uint8Array {
  const { sender } = pair;
  const { suite, headerSize, spiLsb, snLsb } = sender.form;
  const six = sender.form.outer.version === 6;
  const header = six ? 40 : 20;
  const iv = header + headerSize;
  const wire = new Uint8Array(iv + suite.ivLength + clear.length + suite.icvLength);
  const dst = new Uint8Array(pair.inner.length + OUTBOUND_ROOM);
  follow(pair);
  ensure(outbound(pair.endpoint, sender, pair.inner, 0, pair.inner.length, dst, 0, 0) > 0, () => 'no model packet');
  wire.set(dst.subarray(0, header));
  wire.set(clear, iv + suite.ivLength);
  suite.seal(pair.endpoint.provider, sender, sender.snHi, sender.snLo, wire, iv, clear.length);
  putBits(wire, header * 8, spiLsb, sender.spi);
  putBits(wire, header * 8 + spiLsb, snLsb, sender.snLo);
  if (!six) wire[0] = 0x45;
  sender.form.outer.putLengths(wire, 0, wire.length);
  sender.form.outer.putChecksums(wire, 0, wire.length, 0);
  return wire;
}

function authentic(list: Pair[], bytes: Uint8Array, watch: boolean): void {
  if (bytes.length < 1 || bytes.length > 2000) return;
  const pair = list[bytes[0] % list.length];
  const wire = sealed(pair, bytes.subarray(1));
  const size = 100 + (bytes[0] >>> 4) * 100;
  room.fill(SENTINEL, 0, EDGE + size + 400);
  const dst = room.subarray(0, EDGE + size);
  const to = watch ? watched(dst, EDGE, EDGE + size, 'dst') : dst;
  const result = inbound(pair.endpoint, wire, 0, wire.length, to, EDGE, 0);
  ensure(result <= size, () => `${result} octets in ${size}`);
  untouched(room, 0, EDGE, 'in front of dst');
  if (result > 0) {
    const network = pair.receiver.form.shape.network;
    ensure(network.verify(room, EDGE, EDGE + result, EDGE) === 0, () => 'a restored packet that does not verify');
  }
  const sn = (pair.receiver.snHi - pair.sender.snHi) * 2 ** 32 + pair.receiver.snLo - pair.sender.snLo;
  ensure(sn === 0, () => `an authentic packet was not taken: ${result}`);
  pair.print = printOf(pair.receiver);
}

function send(list: Pair[], bytes: Uint8Array, watch: boolean): void {
  if (bytes.length < 1 || bytes.length > 2000) return;
  const pair = list[bytes[0] % list.length];
  const { sender, endpoint } = pair;
  const length = bytes.length - 1;
  framed(bytes.subarray(1));
  const end = EDGE + length + OUTBOUND_ROOM;
  room.fill(SENTINEL, 0, end + EDGE);
  follow(pair);
  const before = printOf(sender);
  const src = watch ? watched(space, EDGE, EDGE + length, 'src') : space;
  const dst = watch ? watched(room, EDGE, end, 'dst') : room;
  const result = outbound(endpoint, sender, src, EDGE, length, dst, EDGE, 0);
  untouched(room, 0, EDGE, 'in front of dst');
  untouched(room, end, end + EDGE, 'behind dst');
  for (let i = 0; i < length; i++) ensure(space[EDGE + i] === bytes[i + 1], () => 'src was changed');
  if (result < 0) {
    ensure(printOf(sender) === before, () => 'a refused packet moved the SA');
    return;
  }
  // What was accepted can be opened, and comes back the same but for what the rules lose.
  const wire = room.slice(EDGE, EDGE + result);
  space.fill(0);
  const back = inbound(endpoint, wire, 0, wire.length, space, 0, 0);
  ensure(back === length, () => `${length} octets came back as ${back}`);
  pair.print = printOf(pair.receiver);
}

const HEADERS = [udp, udplite, tcp, sctp];

/** Checks of headers: none reads outside the packet, and what they accept is what they would write. */
function headers(bytes: Uint8Array): void {
  if (bytes.length > 1500) return;
  const src = watched(bytes, 0, bytes.length, 'packet');
  for (const network of [ipv6, ipv4]) {
    if (network.verify(src, 0, bytes.length, 0) !== 0) continue;
    network.fragment(src, 0);
    const payload = network.headerSize(src, 0);
    ensure(payload <= bytes.length, () => 'header outside');
    const again = bytes.slice();
    network.putLengths(again, 0, again.length);
    network.putChecksums(again, 0, again.length, 0);
    ensure(hex(again) === hex(bytes), () => 'the IP header would be written otherwise');
    checkEcho(src, payload, bytes.length, 0);
    for (const header of HEADERS) {
      if (header.verify(src, payload, bytes.length, 0) !== 0) continue;
      ensure(payload + header.size <= bytes.length, () => 'transport header outside');
      const rest = bytes.slice();
      header.putLengths(rest, payload, rest.length);
      header.putChecksums(rest, payload, rest.length, 0);
      ensure(header.verify(rest, payload, rest.length, 0) === 0, () => 'what is written does not verify');
    }
  }
}

const everybody = fast.map((pair) => pair.receiver);
const tables = [createList(), createHash()];
for (const sa of everybody) {
  if (tables[0].conflict(sa, sa.spi, sa.form.spiLsb) !== null) continue;
  for (const table of tables) table.insert(sa);
}

function lookups(bytes: Uint8Array): void {
  const padded = new Uint8Array(48);
  padded.set(bytes.subarray(0, 40));
  // A known pair of addresses, so that the SPI bits count.
  const pair = fast[bytes.length === 0 ? 0 : bytes[bytes.length - 1] % fast.length];
  const { form, octets, base } = pair.receiver;
  const size = form.outer.addressSize;
  for (let i = 0; i < form.destinationSize; i++) padded[size + i] = octets[base + form.destinationAt + i];
  for (let i = 0; i < form.sourceSize; i++) padded[i] = octets[base + form.sourceAt + i];
  if (bytes.length > 45) copyBits(padded, 320, bytes, 320, 40);
  const length = bytes.length % 9;
  const found = tables.map((table) => table.find(padded, 0, size, size, 40, Math.min(length, 8)));
  ensure(found[0] === found[1], () => 'list and hash table differ');
}

const SA_TEXT = Buffer.from(JSON.stringify(randomCase(3).sa));

export const targets: CoreTarget[] = [
  {
    name: 'inbound',
    seeds: wires,
    run(bytes) {
      if (bytes.length < 1 || bytes.length > 3000) return;
      const pair = fast[bytes[0] % fast.length];
      framed(bytes.subarray(1));
      const size = 20 + ((bytes[0] * 7) % 400);
      room.fill(SENTINEL, 0, EDGE + 500);
      receive(pair, space, EDGE, bytes.length - 1, room.subarray(0, EDGE + size), EDGE);
      untouched(room, 0, EDGE, 'in front of dst');
      untouched(room, EDGE + size, EDGE + 500, 'behind dst');
    },
  },
  {
    name: 'inbound, every access watched',
    seeds: wires,
    run(bytes) {
      if (bytes.length < 1 || bytes.length > 600) return;
      const pair = portable[bytes[0] % portable.length];
      const copy = bytes.slice(1);
      const src = watched(copy, 0, copy.length, 'src');
      const dst = new Uint8Array(200);
      const esp = copy.length > 0 ? hex(espOf(copy)) : '';
      const result = inbound(pair.endpoint, src, 0, copy.length, watched(dst, 0, dst.length, 'dst'), 0, 0);
      if (printOf(pair.receiver) === pair.print) ensure(result < 0, () => 'accepted, and the SA has not moved');
      else {
        ensure(pair.genuine.has(esp), () => 'the SA moved');
        pair.print = printOf(pair.receiver);
      }
    },
  },
  { name: 'clear text of the peer', seeds: inners, run: (bytes) => authentic(fastPeers, bytes, false) },
  { name: 'clear text of the peer, watched', seeds: inners, run: (bytes) => authentic(portablePeers, bytes, true) },
  { name: 'outbound', seeds: inners, run: (bytes) => send(fastPeers, bytes, false) },
  { name: 'outbound, every access watched', seeds: inners, run: (bytes) => send(portablePeers, bytes, true) },
  { name: 'ip and transport headers', seeds: inners.map((inner) => inner.subarray(1)), run: headers },
  { name: 'sa look-up', run: lookups },
  {
    name: 'sa file',
    seeds: [SA_TEXT],
    run(bytes) {
      try {
        readSas(parseConfig('fuzz.json', Buffer.from(bytes).toString('latin1')));
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
      }
    },
  },
];
