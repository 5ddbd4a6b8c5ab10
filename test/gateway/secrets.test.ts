// Secrets do not leave through logs, events, metrics or errors, whatever happens to the SAs. Without a secure source of
// random octets nothing starts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Provider } from '../../core/crypto/provider.ts';
import { rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { createLog } from '../../targets/node/host/log.ts';
import { childView } from '../../targets/node/host/sa-view.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { establishedView } from '../../targets/node/sensor/describe.ts';
import { ikeOf, ikeSensorOn, udpConfig } from './ike-support.ts';
import { clockOf, GATEWAY, PAN, seeded } from './support.ts';

const PSK = 'nobody-may-ever-read-this';
const PPK = new Uint8Array(32).map((_, i) => 7 * i + 3);

/** A provider that remembers every key that it was given. */
function watching(provider: Provider, keys: Set<string>): Provider {
  return {
    ...provider,
    key: (alg, octets) => {
      if (octets.length >= 16) keys.add(Buffer.from(octets).toString('hex'));
      return provider.key(alg, octets);
    },
  };
}

test('no key in logs at any level, events, metrics and errors', async () => {
  const medium = createMedium({ seed: 8 });
  const keys = new Set<string>([Buffer.from(PSK).toString('hex'), Buffer.from(PPK).toString('hex')]);
  const said: string[] = [];
  const ike = ikeOf(`  ppk: { id: p, key: ${Buffer.from(PPK).toString('hex')} }\n`);
  ike.connections[0].policy.psk = Uint8Array.from(Buffer.from(PSK));
  ike.ticketKey = new Uint8Array(16).map((_, i) => 200 + i);
  keys.add(Buffer.from(ike.ticketKey).toString('hex'));
  const gateway = await createGateway({
    radios: [{ radio: medium.radio(), panId: PAN, shortAddress: 0, extendedAddress: '02000000000000f0' }],
    addresses: [GATEWAY],
    contexts: ['fd00::/64'],
    sas: [],
    provider: watching(seeded(99), keys),
    clock: clockOf(medium),
    log: createLog({ level: 'debug', sink: (line) => void said.push(line) }),
    ike,
  });
  for (const name of ['up', 'down', 'childFailed', 'peer', 'lost'] as const) {
    gateway.on(name, (...all: unknown[]) => void said.push(JSON.stringify(all)));
  }
  const ppk = `  ppk: { id: p, key: ${Buffer.from(PPK).toString('hex')} }\n`;
  const good = ikeSensorOn(medium, 1, { psk: PSK, top: ppk });
  const bad = ikeSensorOn(medium, 2, { psk: `${PSK}-not` });
  const run = (time: number) => medium.run(medium.now + time);
  const { uplink } = good.host;
  uplink.connect(null, medium.now);
  bad.host.uplink.connect(null, medium.now);
  run(9000);
  const tell = (): void => {
    const sa = good.sa()!;
    said.push(
      JSON.stringify([
        establishedView(sa, { resumed: false, messages: 4, octets: 800, ms: 1 }),
        sa.children.map(childView),
      ]),
    );
    said.push(JSON.stringify(gateway.metrics()));
  };
  tell();
  rekeyChild(uplink.ike, good.sa()!, good.sa()!.children[0], medium.now);
  run(5000);
  rekeyIke(uplink.ike, good.sa()!, medium.now);
  run(5000);
  tell();
  uplink.connect(good.sa()!.session, medium.now);
  run(5000);
  good.send('hello');
  run(1000);
  tell();
  uplink.close(medium.now);
  run(5000);
  await gateway.leave(10);
  said.push(JSON.stringify(gateway.metrics()));

  const text = said.join('\n');
  // It would have been seen: much was said, and much was secret.
  assert.match(text, /keyid:0001 at .*: up/);
  assert.match(text, /keyid:0002.*peer-authentication|down, peer-authentication/);
  assert.match(text, /Z debug ike: .*rekeyed$/m);
  assert.ok(keys.size > 30, `${keys.size} keys`);
  for (const key of keys) {
    const octets = Buffer.from(key, 'hex');
    for (const form of [key, key.toUpperCase(), octets.toString('base64'), octets.toString('latin1'), octets.join()]) {
      assert.ok(!text.includes(form), `a key: ${form}`);
    }
    // Nor the half of one.
    assert.ok(!text.includes(key.slice(0, 24)), `a part of a key: ${key}`);
  }
});

test('without a secure random source neither a gateway nor a sensor starts', async () => {
  const provider: Provider = {
    ...seeded(1),
    random: () => {
      throw new Error('no secure random source');
    },
  };
  const medium = createMedium({ seed: 1 });
  const common = { sas: [], provider, clock: clockOf(medium), addresses: [GATEWAY], contexts: ['fd00::/64'] };
  const radios = [{ radio: medium.radio(), panId: PAN, shortAddress: 0 }];
  await assert.rejects(createGateway({ ...common, radios, ike: ikeOf() }), /random/);
  await assert.rejects(createGateway({ ...udpConfig('127.0.0.1'), provider }), /random/);
  assert.throws(() => ikeSensorOn(medium, 1, { provider }), /random/);
});
