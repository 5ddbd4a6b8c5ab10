// Logs of the gateway: their form, their bounds, and their lines about failed negotiations.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createChild } from '../../core/ike/exchange/requests.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { createRefusals } from '../../targets/node/gateway/refusals.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { createBounded } from '../../targets/node/host/bounded.ts';
import { createLog, GATEWAY_NAMES, parseLog } from '../../targets/node/host/log.ts';
import { offerText } from '../../targets/node/host/offer.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { ikeOf, ikeSensorOn } from './ike-support.ts';
import { airOn, outerOf } from './support.ts';

const time = () => Date.UTC(2026, 10, 29, 20, 15, 0, 7);

test('JSON: an object a line, with time, level, name, message and fields', () => {
  const lines: string[] = [];
  const log = createLog({ format: 'json', sink: (line) => lines.push(line), time });
  log('warn', 'ike', () => 'a "text"', { peer: 'fqdn:a', count: 2 });
  assert.deepEqual(JSON.parse(lines[0]), {
    time: '2026-11-29T20:15:00.007Z',
    level: 'warn',
    name: 'ike',
    message: 'a "text"',
    peer: 'fqdn:a',
    count: 2,
  });
});

test('--log names levels and namespaces that there are', () => {
  assert.deepEqual(parseLog('debug', GATEWAY_NAMES), { level: 'debug' });
  assert.deepEqual(parseLog('debug:ike,esp', GATEWAY_NAMES), { level: 'debug', namespaces: ['ike', 'esp'] });
  assert.throws(() => parseLog('loud', GATEWAY_NAMES), /^CommandError: --log: loud: must be one of error, warn/);
  for (const text of ['debug:nosuch', 'debug:ike,nosuch', 'debug:', 'debug:ike:esp']) {
    assert.throws(
      () => parseLog(text, GATEWAY_NAMES),
      /must be one of gateway, peer, ike, esp, link, flow, tun, state, mtu$/,
    );
  }
});

test('lines that anybody can cause are bounded for each reason, and what is left out is counted', () => {
  const lines: string[] = [];
  const log = createLog({ sink: (line) => lines.push(line.slice(25)), time });
  // The difference of this and the end falls short of the window, by rounding.
  let now = 24.003;
  const bounded = createBounded(log, () => now);
  for (let i = 0; i < 10; i++) bounded.log('warn', 'ike', 'one', `one ${i}`);
  bounded.log('warn', 'ike', 'two', 'two');
  assert.deepEqual(lines.splice(0), ['warn ike: one 0', 'warn ike: one 1', 'warn ike: one 2', 'warn ike: two']);
  const end = bounded.nextTimeout();
  assert.ok(end - now < 1000);
  now = 999;
  bounded.poll(now);
  assert.deepEqual(lines, []);
  now = end;
  bounded.poll(now);
  assert.deepEqual(lines.splice(0), ['warn ike: one: 7 more lines suppressed']);
  assert.equal(bounded.nextTimeout(), -1);
  bounded.log('warn', 'ike', 'one', 'again');
  assert.deepEqual(lines, ['warn ike: again']);
});

/** The lines of a gateway in whose air a sensor tries to connect. */
async function linesOf(
  more: string,
  sensors: (Parameters<typeof ikeSensorOn>[2] & { index?: number })[],
): Promise<Record<string, unknown>[]> {
  const medium = createMedium({ seed: 12 });
  const lines: Record<string, unknown>[] = [];
  const gateway = await createGateway({
    ...airOn(medium),
    log: createLog({ format: 'json', sink: (line) => void lines.push(JSON.parse(line)) }),
    ike: ikeOf(more),
  });
  sensors.forEach(({ index, ...options }, i) => {
    const sensor = ikeSensorOn(medium, index ?? i + 1, options);
    sensor.host.uplink.connect(null, medium.now);
  });
  medium.run(medium.now + 20000);
  await gateway.close();
  return lines;
}

function lineWith(lines: Record<string, unknown>[], reason: string): Record<string, unknown> {
  const line = lines.find((one) => one.reason === reason && one.level === 'warn');
  assert.ok(line !== undefined, `${reason}: ${JSON.stringify(lines)}`);
  return line;
}

test('NO_PROPOSAL_CHOSEN for IKE: offer and configuration side by side', async () => {
  const lines = await linesOf('  ike: { proposals: [aes-gcm-16] }\n', [{ ike: ', proposals: [aes-ccm-8]' }]);
  const { message, at } = lineWith(lines, 'NO_PROPOSAL_CHOSEN');
  assert.equal(at, `[${outerOf(1)}]:500`);
  assert.match(
    String(message),
    /IKE_SA_INIT refused, NO_PROPOSAL_CHOSEN: offered .*AES_CCM_8.* \/ PRF_HMAC_SHA2_256 \/ .*X25519/,
  );
  assert.match(String(message), /; configured AES_GCM_16 \/ PRF_HMAC_SHA2_256 \/ .*X25519/);
});

test('NO_PROPOSAL_CHOSEN and TS_UNACCEPTABLE for a Child SA name the peer, offer and configuration', async () => {
  const suites = await linesOf('  child: { esp: [aes-gcm-16] }\n', [{ top: '  child: { esp: [aes-ccm-8-iiv] }\n' }]);
  const line = lineWith(suites, 'NO_PROPOSAL_CHOSEN');
  assert.equal(line.peer, 'keyid:0001');
  assert.match(
    String(line.message),
    /^keyid:0001 at \[.*\]:500: Child SA failed, NO_PROPOSAL_CHOSEN: offered AES_CCM_8_IIV \/ .*; configured for peer1 AES_GCM_16 \//,
  );
  const selectors = await linesOf('  child: { local: ["2001:db8:77::1"] }\n', [{}]);
  assert.match(
    String(lineWith(selectors, 'TS_UNACCEPTABLE').message),
    /Child SA failed, TS_UNACCEPTABLE: offered .* to 2001:db8:2::1 udp 5683; configured for peer1 .* to 2001:db8:77::1$/,
  );
});

test('a refused CREATE_CHILD_SA is told: offer and configuration side by side, what the peer does again as info', async () => {
  const medium = createMedium({ seed: 12 });
  const lines: Record<string, unknown>[] = [];
  const gateway = await createGateway({
    ...airOn(medium),
    log: createLog({ format: 'json', sink: (line) => void lines.push(JSON.parse(line)) }),
    ike: ikeOf('  child: { local: ["2001:db8:2::1"], ke: [x25519] }\n'),
  });
  const sensor = ikeSensorOn(medium, 1, {});
  const { uplink } = sensor.host;
  uplink.connect(null, medium.now);
  medium.run(medium.now + 20000);
  const sa = uplink.current()!;
  const { child } = sa.policy;
  const [usual] = child.esp;
  const ask = (policy: Partial<typeof child>): void => {
    createChild(uplink.ike, sa, { ...child, ...policy }, medium.now);
    medium.run(medium.now + 20000);
  };
  ask({ esp: [{ ...usual, ciphers: [28], keyBits: [0] }] });
  const proposal = lineWith(lines, 'NO_PROPOSAL_CHOSEN');
  assert.equal(proposal.peer, 'keyid:0001');
  assert.match(
    String(proposal.message),
    /^keyid:0001 at \[.*\]:500: CREATE_CHILD_SA refused, NO_PROPOSAL_CHOSEN: offered CHACHA20_POLY1305 \/ .*; configured for peer1 .*AES_/,
  );
  const far = addressOctets('2001:db8:99::1')!;
  ask({ remote: [{ ...child.remote[0], start: far, end: far }] });
  assert.match(
    String(lineWith(lines, 'TS_UNACCEPTABLE').message),
    /: CREATE_CHILD_SA refused, TS_UNACCEPTABLE: offered .* to 2001:db8:99::1.*; configured for peer1 /,
  );
  ask({ esp: [{ ...usual, ke: [19, 31] }] });
  const other = lines.filter(({ message }) => String(message).includes('refused, INVALID_KE_PAYLOAD'));
  assert.deepEqual(
    other.map(({ level }) => level),
    ['info'],
  );
  await gateway.close();
});

test('a wrong pre-shared key, and an unknown identity, are named; the key is not', async () => {
  const lines = await linesOf('  remoteId: keyid:0001\n', [{ psk: 'another' }, {}]);
  const wrong = lineWith(lines, 'peer-authentication');
  assert.match(
    String(wrong.message),
    /^keyid:0001 at \[.*\]:500: down, peer-authentication, answered with AUTHENTICATION_FAILED: its AUTH payload does not verify: either the pre-shared key or an identity differs/,
  );
  const unknown = lineWith(lines, 'unknown-identity');
  assert.match(String(unknown.message), /^keyid:0002 at \[.*\]:500 is not known here$/);
  assert.doesNotMatch(JSON.stringify(lines), /another|secret/);
});

test('a flood of strangers is a few lines', () => {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ format: 'json', sink: (line) => void lines.push(JSON.parse(line)) });
  const bounded = createBounded(log, () => 0);
  const refusals = createRefusals(bounded, () => ikeOf().connections);
  const remote = addressOctets('192.0.2.1')!;
  const path = { local: remote, localPort: 500, remote, remotePort: 500, encapsulated: false, port: 0 };
  for (let i = 0; i < 5000; i++) refusals.claims(2, Buffer.from(`stranger${i}`), path as never, null);
  bounded.poll(1000);
  assert.deepEqual(
    lines.map(({ message }) => message),
    [
      ...[0, 1, 2].map((i) => `fqdn:stranger${i} at 192.0.2.1:500 is not known here`),
      'unknown-identity: 4997 more lines suppressed',
    ],
  );
});

test('an SA payload is read within its bounds', () => {
  const body = Buffer.from(
    '0000002801010403' + '0300000c0100000e800e0080' + '030000080200000500000008040000' + '1f',
    'hex',
  );
  const listed = (octets: Uint8Array) => ({
    buffer: octets,
    payloads: { count: 1, type: [33], at: [0], size: [octets.length], critical: 0 } as never,
  });
  body[2] = 0;
  for (let length = 0; length <= body.length; length++)
    assert.equal(typeof offerText(listed(body.subarray(0, length))), 'string');
});
