// Less common settings of a board's file: rekeys by packets and by time, rekeys with PFS, plain ESP, Ed25519 by the board's
// hooks, and a board that requires Diet-ESP with a gateway without it.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { NATIVE_ED25519 } from '../../targets/board/hooks.ts';
import type { GatewayConfig } from '../../targets/node/gateway/config.ts';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createNodeAsymmetric } from '../../targets/node/host/provider/asymmetric.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { ikeOf } from '../gateway/ike-support.ts';
import { blobOf, boardOn, coapServer, gatewayOn } from './app-support.ts';

async function world(seed: number, blob: Uint8Array, changes: Partial<GatewayConfig> = {}) {
  const medium = createMedium({ seed });
  const server = coapServer(medium);
  const gateway = await gatewayOn(medium, server, changes);
  const node = boardOn(medium, blob, seed + 1);
  return { medium, server, gateway, node };
}

const count = (lines: string[], start: string): number => lines.filter((line) => line.startsWith(start)).length;

test('rekeys by packets, and by time: no reading fails', async () => {
  const top = 'interval: 0.5\ncount: 100';
  // An SA that waits for late packets can stand in the way of the next one: not more often than it goes.
  const first = await world(1, blobOf(1, { top, connection: '  child: { rekeyPackets: 20 }' }));
  first.medium.run(70000);
  assert.ok(first.node.lines.includes('done 100 0'), first.node.lines.join('\n'));
  assert.ok(
    count(first.node.lines, 'child installed') >= 4,
    first.node.lines.filter((line) => !line.startsWith('reading')).join('\n'),
  );
  assert.equal(first.gateway.metrics().sas.length, 2);
  await first.gateway.close();

  const times = blobOf(1, { top, connection: '  ike: { rekey: 15 }\n  child: { rekey: 10, ke: [x25519] }' });
  const second = await world(2, times, { ike: ikeOf('  child: { ke: [x25519] }\n') });
  second.medium.run(60000);
  assert.ok(second.node.lines.includes('done 100 0'), second.node.lines.join('\n'));
  assert.ok(count(second.node.lines, 'child installed') >= 4);
  assert.ok(count(second.node.lines, 'ike rekeyed') >= 2);
  assert.deepEqual(second.gateway.told, ['up keyid:0001']);
  await second.gateway.close();
});

test('plain ESP where it is asked for; Diet-ESP that is required and refused ends the attempt', async () => {
  const plain = await world(
    3,
    blobOf(1, { top: 'count: 1', connection: '  child: { compression: { notify: none } }' }),
  );
  plain.medium.run(5000);
  assert.ok(plain.node.lines.includes('done 1 0'));
  assert.equal(plain.node.app.device!.uplink.current()!.children[0].compression, null);
  await plain.gateway.close();

  const without = { ike: ikeOf('  child: { compression: { notify: none } }\n') };
  const refused = await world(4, blobOf(1, { top: 'count: 1' }), without);
  refused.medium.run(1000);
  assert.ok(count(refused.node.lines, 'ike ended outcome=-5 retry=') >= 1, refused.node.lines.join('\n'));
  assert.deepEqual(refused.server.got, []);
  await refused.gateway.close();
});

test('Ed25519 by the hooks of a board', async () => {
  const pair = () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const of = (text: string | undefined) => Buffer.from(text!, 'base64url').toString('hex');
    return { own: of(privateKey.export({ format: 'jwk' }).d), open: of(publicKey.export({ format: 'jwk' }).x) };
  };
  const [board, peer] = [pair(), pair()];
  const file = `radios: [{ zep: { port: 0 }, panId: 1 }]
pool: ["2001:db8:1::/64"]
connection:
  localId: fqdn:gateway
  auth: { privateKey: ${peer.own}, publicKey: ${board.open} }
`;
  const { medium, gateway, server } = await world(5, new Uint8Array(0), {
    ike: readGateway('g.yaml', file).config.ike,
  });
  const node = createNodeAsymmetric();
  const blob = blobOf(1, {
    top: 'count: 2\ninterval: 1',
    auth: `{ privateKey: ${board.own}, publicKey: ${peer.open} }`,
  });
  const signing = boardOn(medium, blob, 7, { native: NATIVE_ED25519, sign: node.sign, verify: node.verify });
  medium.run(8000);
  assert.equal(signing.lines[0], 'dietesp 0.2.0 node native=8');
  assert.ok(signing.lines.includes('done 2 0'), signing.lines.join('\n'));
  assert.equal(server.got.length, 2);
  await gateway.close();
});

test('a given inner address, and the extended address alone', async () => {
  const top = 'count: 2\ninterval: 1\ninnerAddress: "2001:db8:1::77"';
  const blob = blobOf(1, { top, request: 'none' });
  const { medium, gateway, node, server } = await world(6, blob, {
    ike: ikeOf('  child: { remote: ["2001:db8:1::77"] }\n'),
  });
  medium.run(8000);
  assert.ok(node.lines.includes('done 2 0'), node.lines.join('\n'));
  assert.equal(server.got.length, 2);
  await gateway.close();
});
