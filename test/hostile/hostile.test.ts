// A path that blocks UDP from the start, blocks it later, passes no IP protocol 50, and loses one packet in twenty, in network
// namespaces with the system's own TCP.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { namespaceMissing } from '../support/namespaces.ts';
import { type Lab, openLab } from './lab.ts';

const missing = namespaceMissing();
/** The others wait for what has to be given up first. */
const LONG = process.env.DIETESP_LONG === '1';
const skip = missing || (LONG ? false : 'DIETESP_LONG=1 not set');

async function labOf(t: TestContext, options: Parameters<typeof openLab>[0]): Promise<Lab> {
  const lab = await openLab(options);
  t.after(() => lab.close());
  return lab;
}

test('UDP blocked from the start: auto comes up over TCP, and its ESP goes in TCP as well', { skip }, async (t) => {
  const lab = await labOf(t, { seed: 1 });
  lab.path.blocksUdp = true;
  const { up, ms, link } = await lab.connect('auto');
  assert.ok(up && ms > 5000, `over TCP after the patience with UDP: ${ms}`);
  assert.ok(link.tcpConnections >= 1);
  assert.ok(
    await lab.talk('in TCP', 20000),
    'the probe finds no UDP, and an SA without separate transports takes its place',
  );
  assert.ok(lab.path.counts.blocked > 0);
});

test('UDP blocked later: IKE goes on over TCP, ESP moves into it; and back when UDP is there', { skip }, async (t) => {
  const lab = await labOf(t, { seed: 2 });
  assert.ok((await lab.connect('separate')).up);
  assert.ok(await lab.talk('in UDP'));
  lab.path.blocksUdp = true;
  assert.ok(await lab.talk('in TCP now', 40000));
  assert.equal((await lab.link()).espToTcp, 1);
  const { ike } = (await lab.metrics()) as { ike: { established: number } };
  assert.equal(ike.established, 1, 'the same IKE SA');
});

test('IP protocol 50: taken where it passes; where it does not, the probe in UDP wins', {
  skip: missing,
}, async (t) => {
  for (const family of LONG ? ([4, 6] as const) : ([6] as const)) {
    const lab = await labOf(t, { seed: 3, esp: 'auto', family });
    assert.ok((await lab.connect('separate')).up);
    assert.ok(await lab.talk('in IP'));
    const { raw } = (await lab.metrics()) as { raw: { received: number; sent: number } };
    assert.ok(raw.received > 0 && raw.sent > 0, JSON.stringify(raw));
    lab.path.blocksEsp = true;
    assert.ok((await lab.connect('separate')).up);
    assert.ok(await lab.talk('in UDP'));
    const after = ((await lab.metrics()) as { raw: { received: number } }).raw;
    assert.equal(after.received, raw.received, 'nothing more came in IP');
    await lab.close();
  }
});

test('one packet in twenty lost, ML-KEM-768 beside X25519: every handshake completes, over each', {
  skip,
}, async (t) => {
  const lab = await labOf(t, { seed: 4, ke: 'x25519-mlkem768' });
  lab.path.loss = 0.05;
  lab.path.delay = 10;
  for (const transport of ['udp', 'separate', 'tcp']) {
    for (let i = 0; i < 3; i++) assert.ok((await lab.connect(transport)).up, transport);
    assert.ok(await lab.talk(transport, 20000));
  }
});
