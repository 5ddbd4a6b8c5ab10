// IKE and ESP over TCP, and separate transports, between the gateway and a sensor on the loopback.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { test } from 'node:test';
import { rekeyIke } from '../../core/ike/exchange/requests.ts';
import { isSeparate } from '../../core/ike/ext/separate-transports.ts';
import { isStream } from '../../targets/node/gateway/streams.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { eventText } from '../../targets/node/sensor/describe.ts';
import { PORT, SERVER } from './support.ts';
import { relayTo, scene, until } from './tcp-support.ts';

for (const address of ['127.0.0.1', '::1']) {
  test(`tcp-only, ${address}: IKE and ESP in one connection, rekeys too`, async (t) => {
    const s = await scene(t, 'tcp-only', { address, own: address });
    assert.equal(await s.sensor.connect(false), '');
    await s.talk('hello');
    const { udp, tcp, drops } = s.started.gateway.metrics();
    assert.equal(udp[0].received, 0, 'nothing over UDP');
    assert.deepEqual([tcp[0].accepted, tcp[0].open, tcp[0].proved], [1, 1, 1]);
    assert.deepEqual(drops, {});
    assert.equal(isSeparate(s.theirs()), false);
    const before = s.ours();
    s.sensor.rekeyIke();
    s.sensor.wake();
    await until(() => s.ours() !== before && s.theirs().spis[0] === s.ours().spis[0]);
    s.sensor.rekey();
    s.sensor.wake();
    await until(() => s.told.filter((one) => one === 'child').length === 2);
    await s.talk('after rekeys');
    assert.equal(s.started.gateway.metrics().udp[0].received, 0);
    await s.sensor.close();
    await until(() => s.started.gateway.metrics().tcp[0].open === 0, 'the sensor closes its connection');
  });
}

test('separate: IKE_SA_INIT over UDP, all else over TCP, ESP over UDP; never back, and a rekey stays', async (t) => {
  const s = await scene(t, 'separate');
  assert.equal(await s.sensor.connect(false), '');
  const up = s.events.find((one) => one.event === 'established')!;
  assert.deepEqual([up.ikeOver, up.espOver, up.encapsulated], ['tcp', 'udp', true]);
  assert.match(eventText(up), /, IKE over TCP, ESP in UDP, inner address /);
  assert.match(eventText(s.events[0]), /over separate$/);
  const [{ ikeOver, espOver }] = s.started.gateway.ikeSas();
  assert.deepEqual([ikeOver, espOver], ['tcp', 'udp']);
  for (const sa of [s.ours(), s.theirs()]) {
    assert.equal(isSeparate(sa), true);
    assert.equal(sa.espPath!.port, 0);
    assert.equal(sa.espPath!.encapsulated, true);
  }
  assert.ok(isStream(s.theirs().path));
  assert.equal(s.started.gateway.metrics().udp[0].received, 1, 'IKE_SA_INIT');
  await s.talk('over UDP');
  assert.equal(s.started.gateway.metrics().udp[0].received, 2);
  const first = s.ours();
  // By the gateway.
  s.started.ike.ask(s.theirs(), rekeyIke);
  await until(() => s.ours() !== first && s.theirs().former !== null);
  assert.equal(isSeparate(s.ours()) && isSeparate(s.theirs()), true);
  await s.talk('after the rekey');
  assert.equal(s.started.gateway.metrics().udp[0].received, 3, 'the rekey went over TCP');
  // A message that comes over UDP is not even looked at, if it came from this peer or not.
  const received = s.started.gateway.metrics().ike!.received;
  const stray = new Uint8Array(40);
  stray.set(s.ours().spis);
  stray.set([46, 0x20, 37, s.ours().initiator ? 8 : 0, 0, 0, 0, 0, 0, 0, 0, 40], 16);
  const { udp } = s.started.gateway.metrics();
  const socket = createSocket('udp4');
  socket.send(Buffer.concat([Buffer.alloc(4), stray]), udp[0].natPort, '127.0.0.1');
  await until(() => s.started.gateway.metrics().drops['not-over-tcp'] === 1);
  socket.close();
  assert.equal(s.started.gateway.metrics().ike!.received, received);
});

test('dummy packets are no garbage, however many come in a row', async (t) => {
  const s = await scene(t, 'tcp-only', { more: '  child: { compression: { notify: none } }\n' });
  assert.equal(await s.sensor.connect(false), '');
  const [sa] = s.sensor.host.sas.outgoing;
  const { form } = sa;
  // IPv6-NoNxt [RFC 4303 §2.6]. Both sides have the same form.
  sa.form = { ...form, trailer: { ...form.trailer, next: 59 } };
  for (let i = 0; i < 1100; i++) s.sensor.send(new Uint8Array(8), addressOctets(SERVER)!, PORT, PORT);
  await until(() => s.started.gateway.metrics().esp.drops.dummy === 1100);
  sa.form = form;
  await s.talk('and one that is none');
  assert.equal(s.started.gateway.metrics().tcp[0].accepted, 1);
});

test('an IKE SA on UDP: whoever brings one of its messages over TCP does not take it away', async (t) => {
  const s = await scene(t, 'udp');
  assert.equal(await s.sensor.connect(false), '');
  const { upper } = s.sensor.host.uplink.ike;
  const { transmit } = upper;
  let taken: Buffer | null = null;
  upper.transmit = (_path, _replyTo, buffer, offset, length) => {
    taken = Buffer.from(buffer.slice(offset, offset + length));
  };
  s.sensor.probe();
  s.sensor.wake();
  await until(() => taken !== null);
  upper.transmit = transmit;
  const before = s.theirs().path;
  const thief = connect(s.tcpPort, '127.0.0.1');
  t.after(() => thief.destroy());
  thief.write(Buffer.concat([Buffer.from('IKETCP'), Buffer.from([0, 6 + taken!.length, 0, 0, 0, 0]), taken!]));
  await until(() => s.started.gateway.metrics().drops['over-tcp'] === 1);
  assert.equal(s.theirs().path, before);
  assert.equal(s.theirs().expectedId, 2, 'nobody has asked anything yet');
  const ours = s.ours();
  transmit(ours.path, null, taken!, 0, taken!.length, 0);
  await until(() => ours.request.length === 0, 'the answer over UDP');
  await s.talk('still here');
});

test('tcp: IKE over TCP from the first message, ESP beside it: the probe proves it, its port is learned', async (t) => {
  const s = await scene(t, 'tcp');
  assert.equal(await s.sensor.connect(false), '');
  assert.equal(isSeparate(s.ours()) && isSeparate(s.theirs()), true);
  await until(() => s.theirs().espPath!.remotePort !== 4500, 'the port of ESP is learned from the probe');
  assert.equal(s.sensor.host.link().espProbes, 1);
  await s.talk('beside');
  const { udp, tcp } = s.started.gateway.metrics();
  assert.equal(udp[0].received, 2, 'the probe and a datagram');
  assert.equal(tcp[0].accepted, 1);
});

test('a gateway without TCP, or whose TCP cannot be reached: all goes over UDP', async (t) => {
  await t.test('without the notify in the answer', async (t) => {
    const s = await scene(t, 'separate', { tcp: false });
    assert.equal(await s.sensor.connect(false), '');
    assert.equal(isSeparate(s.ours()) || isSeparate(s.theirs()), false);
    await s.talk('as ever');
    assert.equal(s.sensor.host.link().connections, 0);
  });
  await t.test('TCP is refused: the IKE SA is given up, and begun anew without the notify', async (t) => {
    const s = await scene(t, 'separate', {
      tcpPort: async (own) => {
        const relay = await relayTo(t, own);
        relay.cut(true);
        return relay.port;
      },
    });
    assert.equal(await s.sensor.connect(false), '');
    assert.equal(isSeparate(s.ours()) || isSeparate(s.theirs()), false);
    assert.deepEqual(
      s.told.filter((one) => one.startsWith('ended')),
      [],
      'one attempt for whoever asked',
    );
    assert.ok(Number(s.sensor.host.link().tcpFailed) + Number(s.sensor.host.link().tcpLost) > 0);
    await s.talk('without');
  });
});

test('a connection is lost: the SAs stay, the sensor opens another, and what was asked is asked again there', async (t) => {
  let relay!: Awaited<ReturnType<typeof relayTo>>;
  const s = await scene(t, 'separate', {
    tcpPort: async (own) => {
      relay = await relayTo(t, own);
      return relay.port;
    },
  });
  assert.equal(await s.sensor.connect(false), '');
  await s.talk('one');
  const [ours, theirs] = [s.ours(), s.theirs()];
  const place = theirs.path;
  relay.cut();
  await s.talk('ESP does not need it');
  await until(() => theirs.path !== place && relay.count() === 2, 'a sign of life in a new connection');
  // Each side asks while there is no connection.
  relay.cut(true);
  await until(() => s.started.gateway.metrics().tcp[0].open === 0);
  s.sensor.rekey();
  s.sensor.wake();
  relay.open();
  await until(() => s.told.filter((one) => one === 'child').length === 2, 'the rekey');
  assert.equal(s.ours(), ours);
  // While the old Child SA's Delete is on its way, the rekey below would get TEMPORARY_FAILURE [RFC 7296 §2.25.2].
  await until(() => ours.request.length === 0 && ours.tasks.length === 0, 'the Delete of the old Child SA');
  relay.cut(true);
  await until(() => s.started.gateway.metrics().tcp[0].open === 0);
  s.started.ike.ask(theirs, rekeyIke);
  await until(() => Number(s.started.gateway.metrics().drops['tcp-no-connection']) > 0);
  relay.open();
  await until(() => s.ours() !== ours, 'that of the gateway');
  const isQuiet = (): boolean => s.started.ike.sas().every(({ request, tasks }) => request.length + tasks.length === 0);
  await until(isQuiet, 'what the gateway asks in the new IKE SA, and in the old one, is answered');
  await s.talk('two');
  assert.equal(s.started.gateway.metrics().ike!.sas.length, 1);
});

test('who takes the connections and says nothing true does not have the sensor connect without pauses', async (t) => {
  let relay!: Awaited<ReturnType<typeof relayTo>>;
  const s = await scene(t, 'tcp-only', {
    tcpPort: async (own) => {
      relay = await relayTo(t, own);
      return relay.port;
    },
  });
  assert.equal(await s.sensor.connect(false), '');
  // IKE of no SA, and ESP.
  relay.spoil(Buffer.concat([Buffer.from([0, 40]), Buffer.alloc(38), Buffer.from([0, 20]), Buffer.alloc(18, 9)]));
  await until(() => relay.count() === 2);
  const begun = performance.now();
  await until(() => relay.count() === 3);
  assert.ok(performance.now() - begun >= 700, 'the first pause is 750 ms or longer');
  relay.open();
  await until(() => relay.count() === 4 && s.started.gateway.metrics().tcp[0].proved === 1);
  await s.talk('the SA is still here');
});

test('a gateway that starts again from its store: the sensor connects again, and neither SA is set up anew', async (t) => {
  const s = await scene(t, 'separate', { keeps: true });
  assert.equal(await s.sensor.connect(false), '');
  await s.talk('one');
  const before = s.ours();
  await s.restart();
  await until(() => s.started.gateway.metrics().tcp[0].proved === 1, 'a new connection');
  assert.equal(isSeparate(s.theirs()), true);
  // The numbers that were reserved count as used: one packet is refused.
  await s.talk('two', 300);
  s.sensor.rekey();
  s.sensor.wake();
  await until(() => s.told.filter((one) => one === 'child').length === 2, 'the rekey');
  assert.equal(s.ours(), before);
  assert.equal(s.told.filter((one) => one === 'established').length, 1);
});
