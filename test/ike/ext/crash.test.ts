// Quick crash detection [RFC 6290] and INVALID_SPI as advice [RFC 7296 §1.5, §2.4], between two endpoints: who gets a token and
// who does not, what a token ends, and that nothing else ends anything.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { clearIke } from '../../../core/ike/exchange/clear.ts';
import { receiveIke } from '../../../core/ike/exchange/endpoint.ts';
import { closeIke, probe, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import { createCrashMaker, invalidSpi } from '../../../core/ike/ext/crash-maker.ts';
import { crashTaker } from '../../../core/ike/ext/crash-taker.ts';
import { noteOf } from '../../../core/ike/state/child.ts';
import { type IkeSa, STATE_ENDED, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { outcomes, type Scene, scene } from '../kit.ts';
import { address, path } from '../pair.ts';

const SECRET = new Uint8Array(32).fill(0x5e);

/** The token that a device keeps for an IKE SA; none where what it has is of another. */
function keptFor(sa: IkeSa): Uint8Array {
  const note = noteOf(sa.notes, 'crash-token');
  return Buffer.compare(note.subarray(0, 16), sa.spis) === 0 ? note.subarray(16) : new Uint8Array(0);
}

/** The formula of this side's documentation, by node:crypto. */
const tokenOf = (spis: Uint8Array): Buffer =>
  createHmac('sha256', SECRET).update(spis).update(address(2)).digest().subarray(0, 16);

interface Crash {
  s: Scene;
  /** Unprotected messages of the gateway. */
  told: Uint8Array[];
  limits: { allowed: number; held: Uint8Array[] };
}

const SK = 46;

function crashing(secret: Uint8Array | null = SECRET, options: Parameters<typeof scene>[0] = {}): Crash {
  const told: Uint8Array[] = [];
  const s = scene({
    device: { dpdTime: 0 },
    unobserved: true,
    ...options,
    filter: (d, self) => {
      const isProtected = d.octets[16] === SK || d.octets[18] === 34;
      if (d.from.name === 'gateway' && !isProtected) told.push(d.octets);
      return options.filter === undefined ? [d] : options.filter(d, self);
    },
  });
  const limits = { allowed: Number.POSITIVE_INFINITY, held: [] as Uint8Array[] };
  const maker = createCrashMaker({
    provider: s.world.gateway.ike.provider,
    secret,
    isHeld: (spis) => limits.held.some((one) => Buffer.compare(one, spis) === 0),
    allows: () => limits.allowed-- > 0,
  });
  s.world.gateway.ike.extensions.push(maker.extension);
  s.world.gateway.ike.unprotected = maker.unprotected;
  s.world.device.ike.unprotected = crashTaker;
  return { s, told, limits };
}

/** The gateway forgets everything, like a process that was killed. */
function kill({ s }: Crash): void {
  clearIke(s.world.gateway.ike);
  s.world.gateway.pairs.clear();
}

function ask({ s }: Crash, sa: IkeSa): void {
  probe(s.world.device.ike, sa, s.world.now);
  s.world.settle();
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

test('the token comes with AUTH, and ends the SA of a device whose gateway has crashed, at once', () => {
  const c = crashing();
  const sa = c.s.connect();
  assert.deepEqual(Buffer.from(keptFor(sa)), tokenOf(sa.spis));
  kill(c);
  ask(c, sa);
  // SPIs, exchange and Message ID of the request; a response; INVALID_IKE_SPI; QCD_TOKEN of the IKE SA.
  const id = '00000002';
  assert.deepEqual(c.told.map(hex), [
    hex(sa.spis) +
      `292025${'20'}${id}0000003c` +
      '29000008' +
      '00000004' +
      '00000018' +
      '01004023' +
      hex(tokenOf(sa.spis)),
  ]);
  assert.equal(sa.state, STATE_ENDED);
  assert.deepEqual(outcomes(c.s).device, ['peer-crashed']);
  assert.equal(c.s.world.device.pairs.size, 0);
  assert.deepEqual(c.s.world.device.ike.sas, []);
});

for (const [name, changed] of [
  ['another token', (o: Uint8Array) => (o[o.length - 1] ^= 1)],
  ['a shorter token', (o: Uint8Array) => (o[39] -= 1)],
  ['another error', (o: Uint8Array) => (o[35] = 11)],
  ['another Message ID', (o: Uint8Array) => (o[23] ^= 1)],
  ['another SPI of the peer', (o: Uint8Array) => (o[8] ^= 1)],
  ['the flag of a request', (o: Uint8Array) => (o[19] = 0)],
] as const) {
  test(`an answer with ${name} ends nothing`, () => {
    let isOn = false;
    const c = crashing(SECRET, {
      filter: (d) => {
        if (!isOn || d.from.name === 'device') return [d];
        const octets = d.octets.slice();
        changed(octets);
        return [{ ...d, octets }];
      },
    });
    const sa = c.s.connect();
    kill(c);
    isOn = true;
    ask(c, sa);
    assert.equal(c.told.length, 1);
    assert.equal(sa.state, STATE_ESTABLISHED);
    assert.deepEqual(c.s.world.device.outcomes, []);
  });
}

test('without a token every repetition is made, but sooner: all within 12 s', () => {
  const c = crashing(null);
  const sa = c.s.connect();
  assert.equal(keptFor(sa).length, 0);
  kill(c);
  const from = c.s.world.now;
  ask(c, sa);
  const before = c.s.world.log.length;
  while (sa.state === STATE_ESTABLISHED) c.s.wait(500);
  assert.ok(c.s.world.now - from <= 12500, `${c.s.world.now - from} ms`);
  assert.deepEqual(outcomes(c.s).device, ['timeout']);
  const repeated = c.s.world.log.slice(before).filter((m) => m.from === 'device');
  assert.equal(repeated.length, 5, 'the policy has six tries');
  assert.ok(c.told.every((octets) => octets.length === 36));
});

test('a forged INVALID_IKE_SPI ends nothing, and the next request has its usual pauses', () => {
  let forged = 0;
  const c = crashing(SECRET, {
    filter: (d) => {
      if (d.from.name !== 'device' || d.octets[18] !== 37) return [d];
      forged++;
      const octets = Buffer.from(d.octets.subarray(0, 36));
      octets[16] = 41;
      octets[19] = 0x20;
      Buffer.from('0000000800000004', 'hex').copy(octets, 28);
      octets.writeUInt32BE(36, 24);
      return [{ ...d, from: c.s.world.gateway, octets }, d];
    },
  });
  const sa = c.s.connect();
  ask(c, sa);
  assert.equal(forged, 1);
  assert.equal(sa.state, STATE_ESTABLISHED);
  assert.equal(sa.request.length, 0, 'the genuine answer was taken');
  assert.equal(sa.hurried, false);
});

test('no token and no answer while an SA with either SPI is here, whatever the flags and the other SPI', () => {
  const c = crashing();
  const sa = c.s.connect();
  const other = c.s.world.gateway.ike.sas[0]!;
  assert.equal(other.state, STATE_ESTABLISHED);

  function send(change: (octets: Buffer) => void): number {
    const octets = Buffer.alloc(28 + 4 + 24);
    Buffer.from(sa.spis).copy(octets);
    Buffer.from('2e202508000000070000003800000000', 'hex').copy(octets, 16);
    octets.writeUInt16BE(28, 30);
    octets[28] = 0;
    change(octets);
    const before = c.told.length;
    receiveIke(
      c.s.world.gateway.ike,
      { ...path(), local: address(2), remote: address(1) },
      octets,
      0,
      octets.length,
      0,
    );
    c.s.world.queue.length = 0;
    return c.told.length - before;
  }
  const strange = (octets: Buffer): void => void octets.fill(9, 0, 16);
  assert.equal(send(strange), 1, 'a request under unknown SPIs is answered');
  for (const [isKnown, ...changes] of [
    [1],
    [1, [19, 0]],
    [1, [0, 9], [1, 9]],
    [1, [0, 9], [19, 0]],
    // Responses, first messages and requests without protection.
    [0, [19, 0x28]],
    [0, [18, 34]],
    [0, [18, 38]],
    [0, [16, 41]],
    [0, [16, 0]],
    [0, ...[8, 9, 10, 11, 12, 13, 14, 15].map((at): [number, number] => [at, 0])],
    [0, [31, 27]],
  ] as [number, ...[number, number][]][]) {
    const change = (octets: Buffer): void => {
      if (isKnown === 0) strange(octets);
      for (const [at, value] of changes) octets[at] = value;
    };
    assert.equal(send(change), 0, `${isKnown} ${changes.join(' ')}`);
  }
  // Another endpoint of the host has it.
  c.limits.held.push(new Uint8Array(16).fill(9));
  assert.equal(send(strange), 0);
  c.limits.held.length = 0;
  c.limits.allowed = 1;
  assert.deepEqual([send(strange), send(strange)], [1, 0], 'the limit');
});

test('an SA that lingers after its end, or is half open, is still here', () => {
  const c = crashing();
  const sa = c.s.connect();
  closeIke(c.s.world.device.ike, sa, c.s.world.now);
  const request = c.s.world.queue[0]!.octets.slice();
  c.s.world.settle();
  const over = { ...path(), local: address(2), remote: address(1) };
  const again = (): number => {
    const before = c.told.length;
    receiveIke(c.s.world.gateway.ike, over, request.slice(), 0, request.length, c.s.world.now);
    c.s.world.queue.length = 0;
    return c.told.length - before;
  };
  assert.equal(again(), 0, 'the answer is repeated');
  c.s.wait(300000);
  assert.equal(again(), 1, 'nothing is here any more');
});

for (const by of ['device', 'gateway'] as const) {
  test(`after a rekey of the IKE SA by the ${by} the token is that of the new one`, () => {
    const c = crashing();
    const sa = c.s.connect();
    const first = keptFor(sa);
    const gateway = c.s.world.gateway;
    gateway.ike.upper.replaced = (_old, next, now) => {
      gateway.established.push(next);
      if (next.initiator) probe(gateway.ike, next, now);
    };
    const owner = by === 'device' ? sa : gateway.ike.sas[0]!;
    rekeyIke(c.s.world[by].ike, owner, c.s.world.now);
    c.s.world.settle();
    const next = c.s.world.device.established.at(-1)!;
    assert.notEqual(next, sa);
    assert.equal(next.initiator, by === 'device');
    const token = keptFor(next);
    assert.notDeepEqual(token, first);
    assert.deepEqual(Buffer.from(token), tokenOf(next.spis));
    c.s.wait(1000);
    kill(c);
    ask(c, next);
    assert.deepEqual(outcomes(c.s).device, ['peer-crashed']);
    assert.equal(c.told.at(-1)![19], by === 'device' ? 0x20 : 0x28, 'the flag of the original initiator');
  });
}

test('the token of an IKE SA that a rekey has replaced ends nothing, also before that of the new one is known', () => {
  let held: Uint8Array | null = null;
  let isOn = false;
  const c = crashing(SECRET, {
    filter: (d) => {
      if (!isOn || d.from.name !== 'device') return [d];
      held = d.octets;
      return [];
    },
  });
  const old = c.s.connect();
  const { device, gateway } = c.s.world;
  rekeyIke(gateway.ike, gateway.ike.sas[0]!, c.s.world.now);
  c.s.world.settle();
  const next = device.established.at(-1)!;
  c.s.wait(2000);
  // Anybody who saw the old SPIs gets the token of what is gone, and shows it under the SPIs of what lives.
  const request = Buffer.alloc(28 + 4 + 24);
  Buffer.from(old.spis).copy(request);
  Buffer.from('2e202508000000070000003800000000', 'hex').copy(request, 16);
  request.writeUInt16BE(28, 30);
  const over = { ...path(), local: address(2), remote: address(1) };
  receiveIke(gateway.ike, over, request, 0, request.length, c.s.world.now);
  c.s.world.queue.length = 0;
  const forged = Buffer.from(c.told.at(-1)!);
  assert.deepEqual(forged.subarray(-16), tokenOf(old.spis));
  isOn = true;
  probe(device.ike, next, c.s.world.now);
  c.s.world.settle();
  forged.set(held!.subarray(0, 16));
  forged.set(held!.subarray(20, 24), 20);
  forged[19] = 0x28;
  receiveIke(device.ike, path(), forged, 0, forged.length, c.s.world.now);
  assert.equal(next.hurried, true, 'it was read');
  assert.equal(next.state, STATE_ESTABLISHED);
  assert.deepEqual(device.outcomes, []);
});

test('after each of several rekeys by the gateway the device has the token of the newest', () => {
  const c = crashing();
  c.s.connect();
  const { device, gateway } = c.s.world;
  gateway.ike.upper.replaced = (_old, next, now) => {
    gateway.established.push(next);
    if (next.initiator) probe(gateway.ike, next, now);
  };
  for (let i = 0; i < 3; i++) {
    rekeyIke(gateway.ike, gateway.established.at(-1)!, c.s.world.now);
    c.s.world.settle();
    const next = device.established.at(-1)!;
    assert.deepEqual(Buffer.from(keptFor(next)), tokenOf(next.spis), `rekey ${i}`);
    c.s.wait(c.s.world.now + 1000);
  }
});

/** INVALID_SPI of the gateway, for what the device sent under `spi`. */
function advise(c: Crash, spi: number, change: (octets: Uint8Array) => void = () => {}, from = address(2)): number {
  const octets = invalidSpi(c.s.world.gateway.ike, spi);
  change(octets);
  const over = { ...path(), remote: from };
  const before = c.s.world.log.length;
  receiveIke(c.s.world.device.ike, over, octets, 0, octets.length, c.s.world.now);
  c.s.world.settle();
  return c.s.world.log.slice(before).filter((m) => m.from === 'device').length;
}

test('INVALID_SPI: octets, and one question to a silent gateway, at most every 30 s', () => {
  const c = crashing(null, { deviceChild: { notify: null, compression: null } });
  const sa = c.s.connect();
  const spi = sa.children[0]!.spiOut;
  assert.equal(
    hex(invalidSpi(c.s.world.gateway.ike, spi)),
    '0'.repeat(32) + '29202508' + '00000000' + '00000028' + '0000000c' + '0000000b' + spi.toString(16).padStart(8, '0'),
  );
  assert.equal(advise(c, spi), 0, 'it was heard of just now');
  c.s.wait(5000);
  for (const one of [
    () => advise(c, spi ^ 1),
    () => advise(c, spi, () => {}, address(3)),
    () => advise(c, spi, (octets) => (octets[18] = 36)),
    () => advise(c, spi, (octets) => (octets[35] = 4)),
  ]) {
    assert.equal(one(), 0, String(one));
  }
  assert.equal(advise(c, spi), 1);
  assert.equal(sa.state, STATE_ESTABLISHED);
  for (let i = 0; i < 20; i++) assert.equal(advise(c, spi), 0);
  c.s.wait(c.s.world.now + 29000 - 5000);
  assert.deepEqual(c.s.world.device.outcomes, []);
  c.s.wait(30000);
  assert.equal(advise(c, spi), 1, 'later once more');
});

test('INVALID_SPI of a gateway that lost everything: the SA is over within 15 s', () => {
  const c = crashing(null);
  const sa = c.s.connect();
  kill(c);
  c.s.wait(60000);
  const from = c.s.world.now;
  advise(c, sa.children[0]!.spiOut);
  while (sa.state === STATE_ESTABLISHED) c.s.wait(500);
  assert.ok(c.s.world.now - from <= 15000, `${c.s.world.now - from} ms`);
  assert.deepEqual(outcomes(c.s).device, ['timeout']);
});
