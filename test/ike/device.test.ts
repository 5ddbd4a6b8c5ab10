// A device sets up its SAs with a responder on a virtual radio, through losses, Deletes, rekeys and resumption.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DROP_NOT_FOR_US, DROP_UNSUPPORTED } from '../../core/base/drop.ts';
import { IKE_AUTH, IKE_SESSION_RESUME } from '../../core/ike/codec/numbers.ts';
import { closeChild, closeIke, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { OUTCOME_DELETED, OUTCOME_TIMEOUT } from '../../core/ike/state/outcome.ts';
import type { IkePolicy } from '../../core/ike/state/policy.ts';
import { createMedium, type MediumConfig } from '../../targets/node/lab/medium.ts';
import { address, policy } from './pair.ts';
import { deviceOn, gatewayOn, outerOf, passUdp } from './radio.ts';

interface Options {
  medium?: Partial<MediumConfig>;
  device?: Partial<IkePolicy>;
  gateway?: Partial<IkePolicy>;
  give?: Uint8Array;
}

function setUp(options: Options = {}) {
  const medium = createMedium({ seed: 1, ...options.medium });
  const gateway = gatewayOn(medium, { ...policy('gateway', 'sensor', 2, 1), ...options.gateway }, options.give ?? null);
  const sensor = deviceOn(medium, { ...policy('sensor', 'gateway', 1, 2), ...options.device });
  /** Runs for `ms`. */
  const run = (ms: number) => void medium.run(medium.now + ms);
  /** Both ways, once. */
  const talk = (text: string) => {
    sensor.heard.length = gateway.heard.length = 0;
    assert.ok(sensor.send(text) > 0);
    run(200);
    assert.deepEqual(gateway.heard, [text]);
    assert.ok(gateway.send(text + ' ok') > 0);
    run(200);
    assert.deepEqual(sensor.heard, [text + ' ok']);
  };
  return { medium, gateway, sensor, run, talk };
}

test('connects, and packets go both ways with compression', () => {
  const { sensor, gateway, run, talk, medium } = setUp();
  assert.ok(sensor.send('too early') < 0);
  sensor.device.uplink.connect(null, medium.now);
  run(1000);
  assert.deepEqual(sensor.events, ['installed', 'established']);
  assert.deepEqual(gateway.events, ['install', 'established']);
  talk('hello');
  const sa = sensor.device.uplink.current()!;
  assert.equal(sa.children.length, 1);
  assert.notEqual(sa.children[0].compression, null);
  assert.equal(sensor.device.endpoint.received, 1);
});

test('a tenth of the frames lost: connects all the same', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { sensor, run, medium } = setUp({ medium: { seed, loss: 0.1 } });
    sensor.device.uplink.connect(null, medium.now);
    run(120000);
    assert.ok(sensor.events.includes('established'), `seed ${seed}: ${sensor.events.join()}`);
  }
});

test('no gateway: attempts with back-off, and it connects when the gateway comes', () => {
  let isThere = false;
  const { sensor, run, talk, medium } = setUp({
    medium: { reaches: () => isThere },
    device: { retransmitTime: 500, retransmitTries: 2 },
  });
  sensor.device.uplink.connect(null, medium.now);
  const ends: number[] = [];
  for (let i = 0; i < 600 && ends.length < 4; i++) {
    run(100);
    if (sensor.events.length > ends.length) ends.push(medium.now);
  }
  assert.deepEqual(sensor.events, Array(4).fill(`ended ${OUTCOME_TIMEOUT}`));
  const gaps = ends.slice(1).map((end, i) => end - ends[i]);
  assert.ok(gaps[0] > 2000 && gaps[1] > gaps[0] + 1000 && gaps[2] > gaps[1] + 3000, gaps.join());
  isThere = true;
  run(40000);
  assert.equal(sensor.events.at(-1), 'established');
  talk('at last');
  assert.equal(sensor.device.uplink.retryAt(), -1);
});

test("the gateway's Delete: the SAs are gone at once, and a new connection follows", () => {
  const { sensor, gateway, run, talk, medium } = setUp();
  sensor.device.uplink.connect(null, medium.now);
  run(1000);
  closeIke(gateway.ike, gateway.sas[0], medium.now);
  run(500);
  assert.deepEqual(sensor.events.slice(2), ['removed', `ended ${OUTCOME_DELETED}`]);
  assert.equal(sensor.device.outgoing.length + sensor.device.incoming.length, 0);
  assert.equal(sensor.device.uplink.current(), null);
  run(4000);
  assert.deepEqual(sensor.events.slice(4), ['installed', 'established']);
  talk('again');
});

test('close: Delete goes out, and nothing is tried again', () => {
  const { sensor, gateway, run, medium } = setUp();
  sensor.device.uplink.connect(null, medium.now);
  run(1000);
  sensor.device.uplink.close(medium.now);
  run(100000);
  assert.equal(sensor.events.length, 4);
  assert.match(sensor.events[3], /^ended/);
  assert.equal(gateway.device.outgoing.length, 0);
  assert.equal(gateway.events.at(-1), `ended ${OUTCOME_DELETED}`);
});

test('rekeys of the Child SA and of the IKE SA, asked for by either side; traffic goes on', () => {
  const { sensor, gateway, run, talk, medium } = setUp();
  const { uplink } = sensor.device;
  uplink.connect(null, medium.now);
  run(1000);
  const first = uplink.current()!;
  rekeyChild(uplink.ike, first, first.children[0], medium.now);
  run(1000);
  assert.equal(sensor.events.filter((event) => event === 'installed').length, 2);
  talk('new keys');
  rekeyIke(uplink.ike, first, medium.now);
  run(1000);
  assert.ok(sensor.events.includes('replaced'));
  assert.notEqual(uplink.current(), first);
  talk('new IKE SA');
  const theirs = gateway.sas.at(-1)!;
  rekeyChild(gateway.ike, theirs, theirs.children.find(({ retired }) => retired === 0)!, medium.now);
  run(1000);
  talk('their turn');
  run(20000);
  talk('after all');
  assert.equal(sensor.device.outgoing.length, 1);
  assert.equal(gateway.device.outgoing.length, 1);
});

test('a number of packets: the device asks for a rekey', () => {
  const base = policy('sensor', 'gateway', 1, 2);
  const { sensor, run, talk, medium } = setUp({ device: { child: { ...base.child, rekeyPackets: 5 } } });
  sensor.device.uplink.connect(null, medium.now);
  run(1000);
  for (let i = 0; i < 4; i++) talk(`packet ${i}`);
  assert.equal(sensor.events.filter((event) => event === 'installed').length, 1);
  for (let i = 4; i < 7; i++) talk(`packet ${i}`);
  assert.equal(sensor.events.filter((event) => event === 'installed').length, 2);
});

test('the only Child SA is closed by the gateway: the device asks for another', () => {
  const { sensor, gateway, run, talk, medium } = setUp();
  sensor.device.uplink.connect(null, medium.now);
  run(1000);
  const theirs = gateway.sas[0];
  closeChild(gateway.ike, theirs, theirs.children[0], medium.now);
  run(500);
  assert.equal(sensor.device.outgoing.filter(({ ended }) => ended === 0).length, 0);
  run(5000);
  talk('back');
  assert.equal(sensor.events.filter((event) => event.startsWith('ended')).length, 0);
});

test('a silent gateway is probed; then the session is resumed, with its ticket once', () => {
  let isThere = true;
  const { sensor, gateway, run, talk, medium } = setUp({
    medium: { reaches: () => isThere },
    device: { ticketLifetime: 86400, dpdTime: 5000, retransmitTime: 500, retransmitTries: 3 },
    gateway: { ticketLifetime: 86400 },
  });
  const { uplink } = sensor.device;
  uplink.connect(null, medium.now);
  run(1000);
  assert.notEqual(uplink.current()!.session, null);
  isThere = false;
  for (let i = 0; i < 200 && !sensor.events.includes(`ended ${OUTCOME_TIMEOUT}`); i++) run(100);
  assert.equal(sensor.events.at(-1), `ended ${OUTCOME_TIMEOUT}`);
  isThere = true;
  gateway.exchanges.length = 0;
  run(5000);
  assert.equal(sensor.events.at(-1), 'established');
  assert.equal(gateway.sas.length, 2);
  assert.deepEqual(gateway.exchanges.slice(0, 2), [IKE_SESSION_RESUME, IKE_AUTH]);
  talk('resumed');
});

test('what an attempt took: a ticket that is taken, one that is refused, a reauthentication between rekeys', () => {
  const medium = createMedium({ seed: 1 });
  const changes = { ticketLifetime: 86400 };
  const gateway = gatewayOn(medium, { ...policy('gateway', 'sensor', 2, 1), ...changes });
  const told: string[] = [];
  const octets: number[] = [];
  let begins = 0;
  const sensor = deviceOn(
    medium,
    { ...policy('sensor', 'gateway', 1, 2), ...changes, reauthTime: 60000, rekeyTime: 40000 },
    {
      events: {
        connecting: () => void begins++,
        established: (_sa, attempt, now) => {
          told.push(`${attempt.messages} ${attempt.resumed}`);
          octets.push(attempt.octets);
          assert.ok(attempt.ms > 0 && attempt.ms < 1000 && attempt.ms <= now, `${attempt.ms} ms`);
        },
      },
    },
  );
  const { uplink } = sensor.device;
  const run = (ms: number) => void medium.run(medium.now + ms);
  uplink.connect(null, medium.now);
  run(2000);
  const session = uplink.current()!.session!;
  const ticket = session.ticket.slice();
  ticket[20] ^= 1;
  uplink.connect({ ...session, ticket }, medium.now);
  run(2000);
  uplink.connect(session, medium.now);
  run(2000);
  assert.deepEqual(told, ['4 false', '6 false', '4 true']);
  assert.ok(octets[1] > octets[0] && octets[2] < octets[0], octets.join());
  assert.equal(begins, 3);
  run(120000);
  assert.ok(told.length > 3 && sensor.events.includes('replaced'), told.join());
  assert.deepEqual(new Set(told.slice(3)), new Set(['4 false']));
  assert.equal(begins, 3, 'a reauthentication is not a connection that was lost');
  assert.ok(gateway.sas.length >= told.length);
});

test('packets of the gateway are signs of life: no probes while it talks', () => {
  const { sensor, gateway, run, talk, medium } = setUp({ device: { dpdTime: 2000 } });
  sensor.device.uplink.connect(null, medium.now);
  run(500);
  const sent = () => sensor.device.uplink.ike.counters.slice();
  const before = sent();
  for (let i = 0; i < 10; i++) {
    talk(`${i}`);
    run(1000);
  }
  assert.deepEqual(sent(), before);
  run(5000);
  assert.notDeepEqual(sent(), before);
  assert.ok(gateway.events.length > 0);
});

test('an inner address from the gateway becomes the own one', () => {
  const base = policy('sensor', 'gateway', 1, 2);
  const any = { ...base.child.local[0], start: address(0), end: address(255) };
  const given = address(9);
  const { sensor, gateway, run, medium } = setUp({
    device: { requestAddress: 8, child: { ...base.child, local: [any] } },
    gateway: { child: { ...policy('gateway', 'sensor', 2, 1).child, remote: [any] } },
    give: given,
  });
  sensor.device.uplink.connect(null, medium.now);
  run(1000);
  assert.equal(sensor.events.at(-1), 'established');
  assert.deepEqual(sensor.address, given);
  assert.ok(sensor.send('mine') > 0);
  run(200);
  assert.deepEqual(gateway.heard, ['mine']);
});

test('unprotected packets: only IKE of the gateway is taken, others are counted', () => {
  const { sensor, gateway, run, medium } = setUp();
  const drops = sensor.device.endpoint.drops;
  const octets = new Uint8Array(40);
  passUdp(gateway.device, outerOf(1), outerOf(2), 5683, octets, medium.now);
  run(100);
  assert.equal(drops[-DROP_NOT_FOR_US], 1);
  passUdp(gateway.device, outerOf(3), outerOf(2), 500, octets, medium.now);
  run(100);
  assert.equal(drops[-DROP_NOT_FOR_US], 2);
  passUdp(gateway.device, outerOf(1), outerOf(2), 500, octets, medium.now);
  run(100);
  assert.equal(drops[-DROP_NOT_FOR_US], 2);
  gateway.device.outer[6] = 59;
  gateway.device.pass(88, medium.now);
  run(100);
  assert.equal(drops[-DROP_UNSUPPORTED], 1);
  assert.deepEqual(sensor.heard, []);
});
