// The cost of the demo's handshake: its files on a virtual medium, where only the protocol takes time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attempt, UplinkEvents } from '../../core/device/uplink.ts';
import { NAT_OFF } from '../../core/ike/state/policy.ts';
import { ACK_WAIT } from '../../core/link/mac.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { policyFor } from '../../targets/node/host/config/ike-policy.ts';
import { fullIke } from '../../targets/node/host/full-ike.ts';
import { checkContexts } from '../../targets/node/host/radio/config.ts';
import { childView } from '../../targets/node/host/sa-view.ts';
import { createAirCounter } from '../../targets/node/lab/demo/air.ts';
import { demoGatewayFile, demoSensorFile, planSensors } from '../../targets/node/lab/demo/plan.ts';
import { createMedium, type Medium } from '../../targets/node/lab/medium.ts';
import { NODES_MAX } from '../../targets/node/lab/network.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import type { IkeHost } from '../../targets/node/sensor/host.ts';
import { createInnerHost } from '../../targets/node/sensor/inner.ts';
import { createRadioHost } from '../../targets/node/sensor/radio-host.ts';
import { clockOf, fakeSockets, seeded } from '../gateway/support.ts';

const nothing: UplinkEvents = {
  connecting() {},
  established() {},
  ended() {},
  replaced() {},
  installed() {},
  removed() {},
  childFailed() {},
  keys() {},
};

/** A sensor of the demo on a medium. */
function sensorOn(medium: Medium, plan: ReturnType<typeof planSensors>[number]) {
  const loaded = readSensor('sensor', demoSensorFile(plan, 17754));
  const { zep: _zep, ...settings } = loaded.radio!;
  const own = loaded.innerAddress!;
  const radio = medium.radio();
  const heard: string[] = [];
  const attempts: Attempt[] = [];
  const host: IkeHost = createRadioHost({
    provider: seeded(plan.index),
    ike: {
      ...fullIke(),
      policy: { ...policyFor(loaded.connection, own, loaded.gateway.address, false), nat: NAT_OFF },
      numbers: loaded.numbers,
      keylog: false,
      retryTime: 0,
      retryMax: 0,
      events: { ...nothing, established: (_sa, attempt) => void attempts.push({ ...attempt }) },
    },
    local: loaded.address!,
    remote: loaded.gateway.address,
    inner: (packet, length, now) => inner.take(packet, length, now),
    now: () => medium.now,
    wake() {},
    radio,
    settings: { ...settings, ackWait: ACK_WAIT },
    link: loaded.gateway.link!,
    contexts: checkContexts(loaded.contexts),
  });
  const inner = createInnerHost(
    own,
    (packet, length) => host.send(packet, length),
    () => medium.now,
  );
  const { address, port, sourcePort } = loaded.server!;
  inner.listen(sourcePort, (payload) => void heard.push(Buffer.from(payload).toString()));
  medium.attach(radio, host);
  return { host, heard, attempts, send: (text: string) => inner.send(Buffer.from(text), sourcePort, address, port) };
}

test('a handshake of the demo: 4 messages, 800 octets and 10 frames at most; then readings of one frame', async () => {
  const counter = createAirCounter();
  const medium = createMedium({ seed: 1, tap: (_now, frame) => counter.take(frame) });
  const plans = planSensors(2, 'test');
  const { config } = readGateway('gateway', demoGatewayFile(plans, 5683));
  const [{ zep: _zep, ...radio }] = config.radios;
  const { sockets, openSocket } = fakeSockets();
  const gateway = await createGateway({
    ...config,
    radios: [{ ...radio, radio: medium.radio(), ackWait: ACK_WAIT }],
    provider: seeded(99),
    clock: clockOf(medium),
    openSocket,
  });
  for (const plan of plans) {
    const { host, heard, attempts, send } = sensorOn(medium, plan);
    const { uplink } = host;
    uplink.connect(null, medium.now);
    medium.run(medium.now + 400);
    const [child] = uplink.current()!.children;
    const view = childView(child);
    assert.equal(view.suite, 'AES_CCM_8_IIV');
    assert.deepEqual(view.compression, {
      dscp_cda: 'lower',
      ecn_cda: 'lower',
      flow_label_cda: 'zero',
      alignment: 8,
      esp_spi_lsb: 8,
      esp_sn_lsb: 8,
      esp_trailer: 'Optional',
    });
    assert.equal(view.remote, '2001:db8:2::1 udp 5683');
    assert.equal(uplink.current()!.optimizedRekey, true);

    const air = counter.of(plan.index);
    const [{ messages, octets: total, resumed }] = attempts;
    assert.deepEqual([attempts.length, messages, resumed], [1, 4, false]);
    assert.ok(total <= 800, `${total} octets`);
    assert.ok(air.ike.frames <= 10, `${air.ike.frames} frames`);
    // 6LoWPAN and MAC add some 23 octets to each frame, and PHY header and FCS belong to it.
    assert.ok(air.ike.octets > total && air.ike.octets < total + 30 * air.ike.frames);
    assert.equal(air.ikeRetries, 0);

    assert.ok(send('123456789012345678') > 0);
    medium.run(medium.now + 100);
    assert.deepEqual(sockets[plan.index - 1].sent, ['123456789012345678']);
    sockets[plan.index - 1].upper.message(Buffer.from('12345'));
    medium.run(medium.now + 100);
    assert.deepEqual(heard, ['12345']);
    assert.deepEqual(air.readings, { frames: 1, octets: 48 });
    assert.deepEqual(air.answers, { frames: 1, octets: 35 });

    const before = air.ike.frames;
    uplink.close(medium.now);
    medium.run(medium.now + 100);
    assert.equal(uplink.current(), null);
    assert.equal(air.ike.frames, before + 2, 'Delete and its answer');
  }
  assert.deepEqual(gateway.metrics().ike?.sas, []);
  await gateway.close();
});

test('keys: one for each sensor, the same for a secret, others for another', () => {
  const keys = planSensors(NODES_MAX, 'one').map(({ psk }) => psk);
  assert.equal(new Set(keys).size, NODES_MAX);
  assert.deepEqual(
    planSensors(2, 'one').map(({ psk }) => psk),
    keys.slice(0, 2),
  );
  assert.ok(planSensors(2, 'two').every(({ psk }) => !keys.includes(psk)));
  assert.ok(keys.every((key) => /^[0-9a-f]{64}$/.test(key)));
});

test('a sensor with another key gets no SA', async () => {
  const medium = createMedium({ seed: 1 });
  const [plan] = planSensors(1, 'test');
  const { config } = readGateway('gateway', demoGatewayFile([plan], 5683));
  const [{ zep: _zep, ...radio }] = config.radios;
  const gateway = await createGateway({
    ...config,
    radios: [{ ...radio, radio: medium.radio(), ackWait: ACK_WAIT }],
    provider: seeded(99),
    clock: clockOf(medium),
    openSocket: fakeSockets().openSocket,
  });
  const { host } = sensorOn(medium, { ...plan, psk: planSensors(1, 'other')[0].psk });
  host.uplink.connect(null, medium.now);
  medium.run(medium.now + 2000);
  assert.equal(host.uplink.current(), null);
  const { ike } = gateway.metrics();
  assert.equal(ike?.established, 0);
  await gateway.close();
});
