// Several selectors in one SA between a gateway and a sensor, from their files, in virtual time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rekeyChild } from '../../core/ike/exchange/requests.ts';
import { CHILD_LIVE, type ChildSa } from '../../core/ike/state/child.ts';
import { type Gateway, startGateway } from '../../targets/node/gateway/gateway.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { writeDatagram } from '../../targets/node/host/datagram.ts';
import { attachNode } from '../../targets/node/host/full-ike.ts';
import { createMedium, type Medium } from '../../targets/node/lab/medium.ts';
import { type IkeSensor, ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn, echoFlow, memoryStore, PORT, SERVER } from './support.ts';

async function start(medium: Medium, gateway: string, records?: Map<string, Uint8Array>): Promise<Gateway> {
  const store = records === undefined ? {} : { store: memoryStore(records) };
  return (await startGateway({ ...airOn(medium), ...echoFlow(), ...store, ike: ikeOf(gateway) })).gateway;
}

async function lab(gatewayText: string, sensorText: string, records?: Map<string, Uint8Array>) {
  const medium = createMedium({ seed: 11 });
  const gateway = await start(medium, gatewayText, records);
  const sensor = ikeSensorOn(medium, 1, { top: sensorText, retry: 2000 });
  attachNode(sensor.host.uplink.ike, 4096);
  sensor.host.uplink.connect(null, medium.now);
  const run = (time: number): void => void medium.run(medium.now + time);
  run(10000);
  return { medium, gateway, sensor, run };
}

const live = (sensor: IkeSensor): ChildSa[] =>
  (sensor.sa()?.children ?? []).filter(({ retired }) => retired === CHILD_LIVE);

test('several selectors in one SA: what each side sends and takes, after rekeys and a restart too; Diet-ESP keeps one pair', async () => {
  const plain = 'selectors: lists, compression: { notify: none }';
  const servers = `["${SERVER}", { ip: "2001:db8:9::/64", proto: udp, ports: [7000, 7001] }, "192.0.2.0/24"]`;
  const records = new Map<string, Uint8Array>();
  const gatewayText = `  child: { ${plain}, local: [{ ip: "2001:db8:2::/48", proto: udp }, "2001:db8:9::/64"] }\n`;
  const one = await lab(gatewayText, `  child: { ${plain}, local: [dynamic], remote: ${servers} }`, records);
  const { medium, sensor } = one;
  const agreed = `${SERVER} udp, 2001:db8:9::-2001:db8:9:0:ffff:ffff:ffff:ffff udp 7000-7001`;
  const at = (gateway: Gateway): string => gateway.ikeSas()[0].children[0].local;
  // The store answers between steps of virtual time.
  const pass = async (steps: number): Promise<void> => {
    for (let n = 0; n < steps; n++) {
      one.run(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const check = async (gateway: Gateway, what: string): Promise<void> => {
    await pass(150);
    assert.equal(live(sensor).length, 1, sensor.told.join());
    assert.equal(at(gateway), agreed, what);
    const to = (destination: string, port: number): number => {
      const octets = new Uint8Array(1280);
      const source = sensor.sa()!.address;
      const payload = Buffer.from(what);
      const ends = { source, sourcePort: PORT, destination: addressOctets(destination)!, destinationPort: port };
      return sensor.host.send(octets, writeDatagram(octets, { ...ends, payload }));
    };
    const { received } = gateway.metrics().esp;
    for (const [destination, port, isTaken] of [
      [SERVER, PORT, true],
      [SERVER, 9, true],
      ['2001:db8:9::5', 7001, true],
      ['2001:db8:9::5', 7002, false],
      ['2001:db8:2::2', 7001, false],
      ['2001:db8:5::', 7001, false],
    ] as const) {
      assert.equal(to(destination, port) >= 0, isTaken, `${what}: ${destination} ${port}`);
      await pass(5);
    }
    assert.equal(gateway.metrics().esp.received, received + 3, what);
    assert.equal(sensor.heard.at(-1), `${what}!`);
  };
  await check(one.gateway, 'new');
  rekeyChild(sensor.host.uplink.ike, sensor.sa()!, live(sensor)[0], medium.now);
  await check(one.gateway, 'rekeyed');
  one.gateway.askIke(one.gateway.ikeSas()[0].id, 'rekey-child');
  await check(one.gateway, 'by the gateway');
  await pass(20);
  const copy = new Map(records);
  await one.gateway.close();
  const gateway = await start(medium, gatewayText, copy);
  await check(gateway, 'after a restart');
  await gateway.close();
  // Both have Diet-ESP: one pair, and the rest is dropped at the sender.
  const diet = await lab(
    '  child: { selectors: lists, local: [any] }\n',
    `  child: { selectors: lists, local: [dynamic], remote: ["${SERVER}", "2001:db8:9::/64"] }`,
  );
  assert.equal(at(diet.gateway), SERVER);
  assert.notEqual(diet.gateway.ikeSas()[0].children[0].compression, null);
  await diet.gateway.close();
});
