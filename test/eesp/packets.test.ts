// EESP packets that are wrong in one way each, Sub SAs and their windows, limits, and what may not be configured.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DROP_SESSION } from '../../core/base/drop.ts';
import { dropName } from '../../core/base/drop-name.ts';
import type { Key, Provider } from '../../core/crypto/provider.ts';
import { addInboundEesp } from '../../core/eesp/endpoint.ts';
import { checkEesp, createHeader } from '../../core/eesp/header.ts';
import { outboundEesp } from '../../core/eesp/outbound.ts';
import { createEespSa, destroyEespSa, type EespSa, sendWith } from '../../core/eesp/sa.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { choose } from '../../core/esp/outbound.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { configOf, endpointOf, innerOf, type Kind, pairOf, provider, ROOT, receive, SPI, saOf, send } from './kit.ts';
import { CIPHERS, type NaiveFields, naiveEesp, subKeys } from './naive.ts';

const GCM = CIPHERS.find(({ name }) => name === 'AES_GCM_16_IIV')!;
const KIND: Kind = { suite: 'AES_GCM_16_IIV', version: 6, tunnel: true };
const INNER = innerOf(6, 11);

/** A packet for an SA of KIND. */
function forged(fields: Partial<NaiveFields>): Buffer {
  const session = fields.session ?? 0;
  const keys = subKeys(ROOT, session, GCM.key + GCM.salt);
  return naiveEesp({ cipher: GCM, keys, session, spi: SPI, sn: 1n, payload: INNER, ...fields });
}

/** Everything of an SA that a dropped packet must not change. */
function stateOf(sa: EespSa): string {
  const subs = sa.subs.map(({ id, snHi, snLo, recent, octets }) => [
    id,
    snHi,
    snLo,
    recent,
    Buffer.from(octets).toString('hex'),
  ]);
  return JSON.stringify([subs, sa.packets, sa.bytes, sa.snHi, sa.snLo, sa.last.id]);
}

/** What comes of a packet: '' for the inner packet, else the reason. */
function outcome(e: ReturnType<typeof endpointOf>, wire: Uint8Array): string {
  const back = receive(e, wire);
  if (typeof back === 'string') return back;
  assert.equal(Buffer.compare(back, INNER), 0);
  return '';
}

test('each fault of a packet has its reason, costs no cryptography where it can, and changes nothing', () => {
  const bad = (first: number): Buffer => forged({ first });
  const crypt = Buffer.of(2, 2, 0x10, 0x40);
  // biome-ignore format: a table
  const rows: [name: string, wire: Buffer, reason: string, trials: number][] = [
    ['empty', Buffer.alloc(0), 'short', 0],
    ['seven octets', forged({}).subarray(0, 7), 'short', 0],
    ['header alone', forged({}).subarray(0, 8), 'short', 0],
    ['without the whole ICV', forged({}).subarray(0, 16 + 12), 'short', 0],
    ['options beyond the end', forged({ optLen: 255 }).subarray(0, 60), 'short', 0],
    ['first bit 0', bad(0x00), 'version', 0],
    ['version 1', bad(0x88), 'version', 0],
    ['version 15', bad(0xf8), 'version', 0],
    ['R 1', bad(0x81), 'version', 0],
    ['R 4', bad(0x84), 'version', 0],
    ['another SPI', forged({ spi: SPI + 1 }), 'no-sa', 0],
    ['an option of one octet', forged({ options: Buffer.of(0, 0, 0, 1) }), 'option', 0],
    ['an option that ends late', forged({ options: Buffer.of(1, 3, 0, 0) }), 'option', 0],
    ['PadN that is not zero', forged({ options: Buffer.of(1, 2, 0, 1) }), 'option', 0],
    ['an unknown option', forged({ options: Buffer.of(3, 2, 0, 0) }), 'option', 0],
    ['a private option', forged({ options: Buffer.of(224, 2, 0, 0) }), 'option', 0],
    ['the last option', forged({ options: Buffer.of(255, 0, 0, 0) }), 'option', 0],
    ['Crypt Offset', forged({ options: crypt }), 'crypt-offset', 0],
    ['Crypt Offset after padding', forged({ options: Buffer.of(0, 0, 1, 0, ...crypt) }), 'crypt-offset', 0],
    ['Crypt Offset twice', forged({ options: Buffer.of(...crypt, ...crypt) }), 'option', 0],
    ['Crypt Offset with R', forged({ options: Buffer.of(2, 2, 0x10, 0x41) }), 'option', 0],
    ['Crypt Offset of 3 octets', forged({ options: Buffer.of(2, 3, 0x10, 0x40, 0, 0, 0, 0) }), 'option', 0],
    ['Session ID 8 of 7', forged({ session: 8 }), 'session', 0],
    ['Session ID 65535', forged({ session: 65535 }), 'session', 0],
    ['number 0', forged({ sn: 0n }), 'sequence', 0],
    ['not a multiple of 4', forged({ padding: Buffer.alloc(3) }), 'length', 0],
    ['wrong ICV', Buffer.concat([forged({}).subarray(0, -1), Buffer.of(forged({}).at(-1)! ^ 1)]), 'icv', 1],
    ['key of another Session ID', forged({ session: 2, keys: subKeys(ROOT, 3, 20) }), 'icv', 1],
    ['options changed on the way', Buffer.concat([Buffer.of(0x80, 4), forged({}).subarray(2, 8), Buffer.alloc(4), forged({}).subarray(8)]), 'icv', 1],
    ['the SPI of Session ID 1', Buffer.concat([forged({}).subarray(0, 2), Buffer.of(0, 1), forged({}).subarray(4)]), 'icv', 1],
  ];
  for (const [name, wire, reason, trials] of rows) {
    const { receiver, to } = pairOf(KIND);
    const before = stateOf(receiver);
    assert.equal(outcome(to, wire), reason, name);
    assert.equal(stateOf(receiver), before, name);
    assert.equal(to.esp.trials, trials, name);
    assert.equal(
      to.esp.drops.reduce((sum, one) => sum + one, 0),
      1,
      name,
    );
  }
  // Behind a good ICV.
  // biome-ignore format: a table
  const inside: [name: string, fields: Partial<NaiveFields>, reason: string][] = [
    ['IPv4 in an SA for IPv6', { payload: innerOf(4, 11) }, 'version'],
    ['the full format in a tunnel', { next: 41 }, 'version'],
    ['an inner packet that is longer', { payload: INNER.subarray(0, -4) }, 'length'],
    ['an inner packet of 4 octets', { payload: INNER.subarray(0, 4) }, 'short'],
  ];
  for (const [name, fields, reason] of inside) assert.equal(outcome(pairOf(KIND).to, forged(fields)), reason, name);
});

test('padding between options, and padding for traffic flow confidentiality, are taken', () => {
  const fine: Partial<NaiveFields>[] = [
    { options: Buffer.of(0, 0, 0, 0) },
    { options: Buffer.of(1, 2, 0, 0) },
    { options: Buffer.concat([Buffer.of(1, 250), Buffer.alloc(250)]) },
    { options: Buffer.of(0, 1, 0, 0, 0, 1, 0, 0) },
    { padding: Buffer.alloc(401 + ((4 - ((INNER.length + 401) % 4)) % 4)) },
  ];
  for (const fields of fine) assert.equal(outcome(pairOf(KIND).to, forged(fields)), '', JSON.stringify(fields));
});

test('the full format: Payload Info header and padding', () => {
  const kind: Kind = { ...KIND, tunnel: false };
  const payload = INNER.subarray(40);
  const options = Buffer.of(1, 2, 0, 0);
  const make = (fields: Partial<NaiveFields>): Buffer => forged({ payload, options, next: 17, ...fields });
  const ends = [INNER.subarray(8, 24), INNER.subarray(24, 40)] as const;
  // biome-ignore format: a table
  const rows: [name: string, wire: Buffer, reason: string][] = [
    ['version 4', make({ info: Buffer.of(0x40, 0, 17, 1) }), 'version'],
    ['reserved bits, which mean nothing', make({ info: Buffer.of(0x0f, 0xff, 17, 1) }), ''],
    ['Pad Length beyond the payload', make({ info: Buffer.of(0, 0, 17, 21) }), 'trailer'],
    ['padding that is not zero', make({ padding: Buffer.of(9) }), 'trailer'],
    ['Pad Length into the payload', make({ info: Buffer.of(0, 0, 17, 2) }), 'trailer'],
    ['a dummy packet', make({ next: 59 }), 'dummy'],
    ['no Payload Info header', make({ payload: Buffer.alloc(0), next: undefined, padding: Buffer.alloc(0) }), 'short'],
  ];
  for (const [name, wire, reason] of rows) {
    const back = receive(pairOf(kind).to, wire, ...ends);
    if (reason === '') assert.equal(Buffer.compare(back as Uint8Array, INNER), 0, name);
    else assert.equal(back, reason, name);
  }
  const { from, sender } = pairOf(kind);
  const dummy = innerOf(6, 3);
  dummy[6] = 59;
  assert.equal(send(from, sender, dummy), 'dummy');
});

test('every Sub SA has its own numbers and window; one begins with its first good packet', () => {
  const { sender, receiver, from, to } = pairOf(KIND);
  const wires = new Map<string, Uint8Array>();
  for (const session of [0, 3, 7, 3, 0, 3]) {
    assert.ok(sendWith(sender, session));
    const wire = send(from, sender, INNER) as Uint8Array;
    const sn = Buffer.from(wire).readBigUInt64BE(8);
    wires.set(`${session} ${sn}`, wire);
  }
  assert.deepEqual([...wires.keys()], ['0 1', '3 1', '7 1', '3 2', '0 2', '3 3']);
  assert.deepEqual(
    receiver.subs.map(({ id }) => id),
    [0],
  );
  // A forged first packet leaves nothing behind.
  assert.equal(outcome(to, forged({ session: 5, keys: Buffer.alloc(20) })), 'icv');
  assert.deepEqual(
    receiver.subs.map(({ id }) => id),
    [0],
  );
  // In any order: number 1 of one is not number 1 of the other, and each comes once.
  for (const key of ['3 3', '7 1', '0 2', '3 1', '0 1', '3 2']) {
    assert.equal(outcome(to, wires.get(key)!), '', key);
    assert.equal(outcome(to, wires.get(key)!), 'replay', key);
  }
  for (const wire of wires.values()) assert.equal(outcome(to, wire), 'replay');
  assert.deepEqual(
    receiver.subs.map(({ id, snLo }) => [id, snLo]),
    [
      [0, 2],
      [3, 3],
      [7, 1],
    ],
  );
  assert.equal(receiver.packets, 6);
  assert.deepEqual([receiver.snHi, receiver.snLo], [0, 3]);
});

test('Sub SAs by class of service: a class that overtakes another by more than a window loses nothing', () => {
  const kind: Kind = { ...KIND, eesp: { maxId: 4, perClass: true } };
  const sender = saOf(kind);
  const { receiver, from, to } = pairOf({ ...KIND, eesp: { maxId: 4 } });
  const sent = Array.from({ length: 64 * 12 }, (_, i) => {
    const inner = INNER.slice();
    inner[0] = 0x60 | ((i % 64) >> 2);
    inner[1] = ((i % 4) << 6) | (inner[1] & 63);
    const wire = send(from, sender, inner) as Uint8Array;
    assert.equal(wire[3], ((i % 64) >> 3) % 5, 'the Session ID');
    return wire;
  });
  assert.equal(sender.subs.length, 5);
  // The last class first, and all of it.
  const late = [...sent].sort((a, b) => b[3] - a[3]);
  for (const wire of late) assert.notEqual(typeof receive(to, wire), 'string');
  for (const wire of late) assert.equal(receive(to, wire), 'replay');
  assert.equal(receiver.packets, sent.length);
});

test('a random order of packets of eight Sub SAs, some twice, some left of the window', () => {
  const { next: random } = createRandom(11);
  const { sender, receiver, from, to } = pairOf({ ...KIND, change: { replayWindow: 32 } });
  const made: { session: number; sn: number; wire: Uint8Array }[] = [];
  for (let i = 0; i < 600; i++) {
    const session = Math.floor(random() * 8);
    sendWith(sender, session);
    const wire = send(from, sender, INNER) as Uint8Array;
    made.push({ session, sn: Number(Buffer.from(wire).readBigUInt64BE(8)), wire });
  }
  const highest = new Array(8).fill(0);
  const seen = new Set<string>();
  let late = 0;
  for (let i = 0; i < 3000; i++) {
    // Near the front, so that the order is wild but most are in the window.
    const at = Math.min(
      made.length - 1,
      Math.floor(i / 5) + Math.floor((random() - 0.5) * 700 * (i % 7 === 0 ? 1 : 0.1)),
    );
    const { session, sn, wire } = made[Math.max(0, at)];
    const isLeft = sn <= highest[session] - 32;
    const expected = isLeft || seen.has(`${session} ${sn}`) ? 'replay' : '';
    if (isLeft) late++;
    assert.equal(outcome(to, wire), expected, `${session} ${sn}`);
    if (expected !== '') continue;
    seen.add(`${session} ${sn}`);
    highest[session] = Math.max(highest[session], sn);
  }
  assert.ok(seen.size > 300 && late > 50, `${seen.size} ${late}`);
  assert.equal(receiver.packets, seen.size);
});

test('a flood of Session IDs that nobody has costs one trial each, and no memory', () => {
  let live = 0;
  const counting: Provider = {
    ...provider,
    key: (alg: number, octets: Uint8Array): Key => {
      live++;
      return provider.key(alg, octets);
    },
    wipe: (key: Key): void => {
      live--;
      provider.wipe(key);
    },
  };
  const { receiver, to } = pairOf({ ...KIND, provider: counting, eesp: { maxId: 255 } });
  const before = live;
  for (let session = 1; session < 256; session++) {
    assert.equal(outcome(to, forged({ session, keys: Buffer.alloc(20) })), 'icv');
    assert.ok(live <= before + 1);
  }
  for (let session = 256; session < 1000; session++) assert.equal(outcome(to, forged({ session })), 'session');
  assert.equal(to.esp.drops[-DROP_SESSION], 744);
  assert.equal(receiver.subs.length, 1);
  for (let session = 0; session < 256; session++) assert.equal(outcome(to, forged({ session })), '');
  assert.equal(receiver.subs.length, 256);
  destroyEespSa(counting, receiver);
  // The sender of the pair has a root key and the key of Session ID 0.
  assert.equal(live, 2);
});

test('numbers never wrap; what may be sent and for how long counts over all Sub SAs', () => {
  const end = { snHi: 0xffffffff, snLo: 0xfffffffe };
  const { sender, from } = pairOf({ ...KIND, change: end });
  assert.equal(typeof send(from, sender, INNER), 'object');
  assert.equal(send(from, sender, INNER), 'exhausted');
  const limited = pairOf({ ...KIND, change: { softPackets: 2, hardPackets: 4 } });
  for (const [session, reason] of [
    [0, ''],
    [1, ''],
    [2, ''],
    [1, ''],
    [5, 'lifetime'],
    [0, 'lifetime'],
  ] as const) {
    sendWith(limited.sender, session);
    const wire = send(limited.from, limited.sender, INNER);
    assert.equal(typeof wire === 'string' ? wire : '', reason);
    if (typeof wire !== 'string') assert.equal(outcome(limited.to, wire), '');
  }
  assert.equal(outcome(limited.to, forged({ sn: 9n })), 'lifetime');
  assert.equal(choose([limited.sender], INNER, 0, INNER.length, 0), limited.sender);
  for (const wrong of [-1, 8, 0.5, Number.NaN]) assert.equal(sendWith(limited.sender, wrong), false);
  assert.equal(limited.sender.session, 0);
});

test('without an SSKDF the Session ID says nothing; 0 is sent', () => {
  const kind: Kind = { ...KIND, keys: new Uint8Array(20).fill(7) };
  const { sender, from, to, receiver } = pairOf(kind);
  const wire = send(from, sender, INNER) as Uint8Array;
  assert.equal(Buffer.from(wire).readUInt16BE(2), 0);
  assert.equal(outcome(to, forged({ session: 4711, keys: Buffer.alloc(20, 7) })), '');
  assert.equal(outcome(to, wire), 'replay');
  assert.equal(receiver.subs.length, 1);
  // With one, Session ID 0 has a derived key too.
  assert.equal(outcome(pairOf(KIND).to, forged({ keys: Buffer.from(ROOT.subarray(0, 20)) })), 'icv');
});

test('an SA that continues repeats no number and takes none twice, in Sub SAs that it makes later too', () => {
  const change = { snHi: 1, snLo: 5 };
  const { sender, from, to } = pairOf({ ...KIND, change });
  for (const session of [0, 6]) {
    sendWith(sender, session);
    const wire = send(from, sender, INNER) as Uint8Array;
    assert.equal(Buffer.from(wire).readBigUInt64BE(8), 0x1_0000_0006n);
    assert.equal(outcome(to, forged({ session, sn: 0x1_0000_0005n })), 'replay');
    assert.equal(outcome(to, wire), '');
  }
});

test('what may not be configured is refused by its field', () => {
  const refused = (kind: Partial<Kind>, message: RegExp): void => {
    let live = 0;
    const counting: Provider = {
      ...provider,
      key: (alg, octets) => {
        live++;
        return provider.key(alg, octets);
      },
      wipe: (key) => {
        live--;
        provider.wipe(key);
      },
    };
    assert.throws(() => createEespSa(FULL_PARTS, counting, configOf({ ...KIND, ...kind })), message);
    assert.equal(live, 0);
  };
  refused({ eesp: { maxId: 256 } }, /eesp\.max_id: 256: must be 0\.\.255/);
  refused({ eesp: { session: 8 } }, /eesp\.session: 8: must be 0\.\.7/);
  refused({ eesp: { hasSn: false } }, /eesp\.sn: none: an implicit IV/);
  refused({ suite: 'AES_GCM_16', eesp: { hasSn: false }, change: { replayWindow: 64 } }, /replay_window: 64/);
  refused({ suite: 'AES_CBC_HMAC_SHA2_256_128' }, /esp_encr: AES_CBC.*must be an AEAD/);
  refused({ suite: 'NULL_HMAC_SHA2_256_128' }, /must be an AEAD/);
  refused({ change: { key: new Uint8Array(16) } }, /key: 16 octets: a root key has 32/);
  refused({ change: { salt: new Uint8Array(4) } }, /salt: 4 octets/);
  refused({ keys: new Uint8Array(20), eesp: { maxId: 1 } }, /eesp\.max_id: 1: must be 0 without an SSKDF/);
  refused({ change: { replayWindow: 33 } }, /replay_window: 33/);
  refused({ keys: new Uint8Array(19) }, /salt: 3 octets/);
  const e = endpointOf(saOf(KIND));
  assert.throws(() => addInboundEesp(e, saOf(KIND)), /eesp_spi: 16909060: an SA has it already/);
});

test('nothing of a hundred thousand inputs gets through, throws, or changes an SA', () => {
  const { next: random } = createRandom(2026);
  const header = createHeader();
  const { receiver, to, sender, from } = pairOf(KIND);
  const good = send(from, sender, INNER) as Uint8Array;
  const before = stateOf(receiver);
  const octets = new Uint8Array(300);
  const reasons = new Set<string>();
  for (let i = 0; i < 100000; i++) {
    let size = Math.floor(random() * 90);
    if (i % 2 === 0) {
      // The good packet with one to three octets changed, or cut.
      size = random() < 0.1 ? Math.floor(random() * good.length) : good.length;
      octets.set(good.subarray(0, size));
      for (let n = Math.floor(random() * 3); n >= 0 && size > 0; n--) {
        octets[Math.floor(random() * Math.min(size, 24))] ^= 1 << Math.floor(random() * 8);
      }
    } else {
      for (let at = 0; at < size; at++) octets[at] = Math.floor(random() * 256);
      if (size > 1 && random() < 0.8) {
        octets[0] = 0x80;
        octets[1] = Math.floor(random() * 40);
      }
    }
    const wire = octets.subarray(0, size);
    const code = checkEesp(octets, 0, size, header);
    if (code === 0) assert.ok(8 + header.optionsSize <= size);
    else reasons.add(dropName(code));
    if (i % 5 !== 0 || Buffer.compare(wire, good) === 0) continue;
    const back = receive(to, wire);
    assert.equal(typeof back, 'string');
    reasons.add(back as string);
  }
  assert.equal(stateOf(receiver), before);
  const expected = ['icv', 'length', 'no-sa', 'option', 'session', 'short', 'version'];
  assert.deepEqual(
    expected.filter((name) => !reasons.has(name)),
    [],
  );
  assert.equal(outcome(to, good), '');
});

test('outgoing packets that do not fit: too long, none, outside the selectors', () => {
  const { sender, from } = pairOf(KIND);
  const dst = new Uint8Array(100);
  assert.equal(dropName(outboundEesp(from, sender, INNER, 0, INNER.length, dst, 0, 0)), 'too-long');
  assert.equal(send(from, sender, new Uint8Array(0)), 'short');
  assert.equal(send(from, sender, innerOf(4, 5)), 'version');
  assert.equal(sender.last.snLo, 0);
});
