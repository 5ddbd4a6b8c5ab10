// The demo as a user runs it: real processes, radio frames over UDP.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { checkFrame, FRAME_DATA, frameFcs } from '../../core/wire/ieee802154.ts';
import type { GatewayMetrics } from '../../targets/node/gateway/views.ts';
import { LINKTYPE_IEEE802_15_4, readCapture } from '../../targets/node/host/radio/pcap.ts';
import type { Handshake } from '../../targets/node/lab/demo/messages.ts';
import { type DemoResult, runDemo } from '../../targets/node/lab/demo/run.ts';
import type { Comparison, Totals } from '../../targets/node/lab/demo/view.ts';
import { dietesp, isOneLine, ROOT, scratch } from '../cli/run.ts';
import { DIETESP } from '../support/command.ts';
import { packageMissing } from '../support/packages.ts';

const folder = scratch();

interface Report extends DemoResult {
  totals: Totals;
  comparison: Comparison[];
  handshakes: (Handshake & { name: string })[];
  gateway: GatewayMetrics;
}

async function report(...args: string[]): Promise<{ code: number | null; report: Report }> {
  const { code, stdout, stderr } = await dietesp('demo', '--json', '--interval', '50', ...args);
  assert.doesNotMatch(stderr, /\n {4}at /);
  assert.notEqual(stdout, '', stderr);
  return { code, report: JSON.parse(stdout) as Report };
}

interface Frame {
  octets: Uint8Array;
  isData: boolean;
  /** Data of IKE: behind the MHR there is a fragment, or IPHC with a compressed next header (UDP). */
  isIke: boolean;
  /** Short addresses. */
  from: number;
  to: number;
}

function framesOf(path: string): Frame[] {
  return [...readCapture(path)].map(({ linkType, data }) => {
    assert.equal(linkType, LINKTYPE_IEEE802_15_4);
    assert.equal(checkFrame(data, 0, data.length), 0);
    assert.equal(frameFcs(data, 0, data.length), 0, 'the FCS is right');
    const isData = (data[0] & 7) === FRAME_DATA;
    return {
      octets: data,
      isData,
      isIke: isData && (data[9] >>> 6 === 3 || (data[9] & 0xe4) === 0x64),
      from: isData ? data[7] | (data[8] << 8) : -1,
      to: isData ? data[5] | (data[6] << 8) : -1,
    };
  });
}

test('the demo: every reading acknowledged, 48 octets on air each, all frames in the capture', async () => {
  const pcap = folder.path('demo.pcap');
  const { code, stdout, stderr } = await dietesp('demo', '--count', '3', '--interval', '200', '--pcap', pcap);
  assert.equal(stderr, '');
  assert.equal(code, 0, stdout);
  assert.match(stdout, /\n9 readings: 9 acknowledged, 0 failed; the CoAP server took 9; /);
  assert.match(stdout, /^3 of 3 sensors have SAs: [\d.]+ messages and \d+(\.\d)? octets of IKEv2 each, /m);
  for (const name of ['a', 'b', 'c']) {
    assert.equal(stdout.match(new RegExp(`^sensor ${name}  reading \\d  acknowledged`, 'gm'))?.length, 3);
    const setup = new RegExp(
      `^sensor ${name}  IKEv2 in \\d+ ms: (\\d+) messages, (\\d+) octets, (\\d+) frames on air( \\(\\d+ repeated\\))?; ` +
        'AES_CCM_8, X25519, PSK; Child SA AES_CCM_8_IIV, Diet-ESP by HCP_PROPOSAL: SPI 8 \\+ SN 8 bits, DSCP lower, ' +
        'ECN lower, flow label zero, alignment 8, trailer Optional$',
      'm',
    ).exec(stdout);
    assert.ok(setup, stdout);
    const [messages, octets, count] = setup.slice(1, 4).map(Number);
    // A busy machine makes IKE and the MAC repeat; plan.test.ts knows what a handshake costs without that.
    assert.ok(messages >= 4 && octets > 700 && count >= 10);
    // 800, and 24 of a gateway's QUICK_CRASH_DETECTION.
    if (messages === 4) assert.ok(octets <= 824);
    assert.match(stdout, new RegExp(`^server    POST /${name}  \\{"t":\\d\\d\\.\\d\\}$`, 'm'));
  }
  assert.match(stdout, /^Diet-ESP, one frame +1 +48 +1\.54 +\+9 % +on air$/m);
  assert.match(stdout, /^clear UDP \(6LoWPAN\) +1 +44 /m);
  assert.match(stdout, /^DTLS 1\.3, CID +1 +56 .*model$/m);
  assert.match(stdout, /^OSCORE request +1 +58 .*model$/m);
  assert.match(stdout, /^ESP transport, CCM-8 IIV +1 +64 .*counted$/m);
  assert.match(stdout, /^ESP tunnel, CCM-8 IIV +1 +104 .*counted$/m);

  const frames = framesOf(pcap);
  assert.match(stdout, new RegExp(` ${frames.length} frames on air in all\\.\n`));
  const readings = frames.filter(({ isData, isIke, to }) => isData && !isIke && to === 0);
  // Each once, retries of the MAC left aside (a machine that is busy makes CoAP send again): PHY 6, MHR 9, IPHC and Next Header 3, ESP 2 + 18 + 8, FCS 2.
  const different = new Set(readings.map(({ octets }) => Buffer.from(octets).toString('hex')));
  assert.equal(different.size, 9 + (stdout.match(/no answer: sent again/g)?.length ?? 0));
  for (const { octets } of readings) assert.equal(octets.length + 6, 48);
  assert.deepEqual(new Set(readings.map(({ from }) => from)), new Set([1, 2, 3]));
  const answers = frames.filter(({ isData, isIke, from }) => isData && !isIke && from === 0);
  assert.ok(answers.length >= 9);
  for (const { octets } of answers) assert.equal(octets.length + 6, 35);
  // A Delete of each sensor ends the capture, in one frame each way.
  for (const [from, to] of [1, 2, 3].flatMap((index) => [
    [index, 0],
    [0, index],
  ])) {
    const last = frames.findLast((frame) => frame.isData && frame.from === from && frame.to === to);
    assert.ok(last?.isIke === true && last.octets[9] >>> 6 !== 3, `${from} to ${to}`);
  }
});

test('a lossy link: retries and retransmissions, every reading has an outcome, the books agree with the capture', async () => {
  const pcap = folder.path('loss.pcap');
  const { code, report: result } = await report('--loss', '0.3', '--seed', '7', '--count', '4', '--pcap', pcap);
  const { totals, sensors, gateway } = result;
  assert.equal(result.seed, 7);
  assert.equal(result.unaccounted, 0);
  assert.equal(totals.sent, 12);
  assert.equal(totals.acknowledged + totals.failed, 12);
  assert.ok(totals.acknowledged > 0);
  assert.equal(code, 0);
  assert.ok(totals.retries > 0);
  assert.ok(totals.frames > 12 && totals.octetsPerReading > 48);
  assert.equal(totals.octetsFirst, 48);
  const frames = framesOf(pcap);
  assert.equal(frames.length, result.frames);
  for (const sensor of sensors) {
    const { index, handshake, ike } = sensor;
    const all = frames.filter(({ isData, from, to }) => isData && (from === index || to === index));
    const own = all.filter(({ isIke, from }) => !isIke && from === index);
    assert.equal(own.length, sensor.air.frames, `sensor ${sensor.name}: every frame is in the capture once`);
    assert.equal(sensor.air.octets, 48 * own.length);
    assert.equal(all.filter(({ isIke, to }) => !isIke && to === index).length, sensor.answers.frames);
    assert.equal(sensor.answers.octets, 35 * sensor.answers.frames);
    const setup = all.filter(({ isIke }) => isIke);
    assert.equal(setup.length, ike.frames);
    assert.equal(
      setup.reduce((sum, { octets }) => sum + octets.length + 6, 0),
      ike.octets,
    );
    assert.ok(handshake !== null && handshake.messages >= 4 && handshake.octets >= 790);
    assert.ok(handshake.air.frames >= 10 && handshake.air.frames < ike.frames, 'Delete comes after it');
    assert.ok(sensor.received >= sensor.acknowledged);
  }
  assert.deepEqual(
    result.handshakes,
    sensors.map(({ name, handshake }) => ({ name, ...handshake })),
  );
  const answers = frames.filter(({ isData, from }) => isData && from === 0);
  assert.equal(gateway.radios[0].frames, answers.length);
  assert.ok(gateway.radios[0].acks < frames.filter(({ isData }) => !isData).length, 'sensors acknowledge too');
  assert.deepEqual(gateway.drops, {});
  assert.deepEqual(gateway.esp.drops, {});
});

test('readings that fail are told of; nothing but failures is a failure', async () => {
  // IKE does not get through here; the readings begin all the same.
  const args = ['--loss', '0.9', '--seed', '1', '--count', '1', '--sensors', '1', '--wait', '0.5'];
  const { code, report: result } = await report(...args);
  const { totals } = result;
  assert.equal(totals.acknowledged + totals.failed, 1);
  assert.equal(result.unaccounted, 0);
  assert.equal(code, totals.acknowledged > 0 ? 0 : 1);
  assert.deepEqual(result.handshakes, []);
  assert.deepEqual([totals.frames, totals.octets], [0, 0], 'nothing goes out without an SA');
  assert.ok(result.sensors[0].ike.frames > 0);
});

test('other providers, the same seed: the same readings, and frames as long in the same order', async () => {
  const runs: { sizes: string[]; last: string }[] = [];
  // A busy machine makes CoAP or IKE send again: then only the first frames can be compared.
  let isSlow = false;
  for (const provider of ['fast', 'portable', 'node']) {
    const pcap = folder.path(`${provider}.pcap`);
    const { code, report: result } = await report(
      '--seed',
      '5',
      '--count',
      '2',
      '--sensors',
      '1',
      '--provider',
      provider,
      '--pcap',
      pcap,
    );
    assert.equal(code, 0);
    isSlow ||= result.totals.retransmissions > 0 || result.handshakes[0].messages > 4;
    // A retry of the MAC is the same frame again. Keys, nonces and SPIs are another in each run.
    const frames = framesOf(pcap).filter(({ isData }) => isData);
    const different = new Map(frames.map((frame) => [Buffer.from(frame.octets).toString('hex'), frame]));
    const sizes = [...different.values()].map(({ from, to, octets }) => `${from} to ${to}: ${octets.length}`);
    runs.push({ sizes, last: result.sensors[0].last });
  }
  // Handshake, two readings with answers; a Delete and its answer follow.
  const count = 10 + 4;
  const [fast, ...others] = runs;
  assert.ok(fast.sizes.length >= count + 2, fast.sizes.join());
  assert.match(fast.last, /^\{"t":\d\d\.\d\}$/);
  for (const other of others) {
    assert.equal(other.last, fast.last);
    assert.deepEqual(other.sizes.slice(0, isSlow ? 1 : count), fast.sizes.slice(0, isSlow ? 1 : count));
  }
});

test('wrong options: exit code 2 and one line', async () => {
  const wrong = [
    ['--count', '0'],
    ['--count', 'many'],
    ['--sensors', '0'],
    ['--sensors', '33'],
    ['--interval', '1'],
    ['--loss', '0.91'],
    ['--loss', '-0.1'],
    ['--seed', '1.5'],
    ['--wait', '-1'],
    ['--wait', '3601'],
    ['--provider', 'noble'],
    ['--no-such-option'],
  ];
  for (const args of wrong) {
    const { code, stdout, stderr } = await dietesp('demo', ...args);
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.ok(isOneLine(stderr), stderr);
    assert.ok(stderr.includes(args[0]), stderr);
  }
  const { code, stderr } = await dietesp('demo', '--pcap', folder.path('no/such/folder'));
  assert.equal(code, 1);
  assert.match(stderr, /^error: .*no\/such\/folder: no such file or directory\n$/);
  const taken = await dietesp('demo', '--keylog', folder.file('file', ''));
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /^error: .*\/file: [^\n]+\n$/);
});

/** A demo without end that gets `signal` after its first reading; with the ids of its processes. */
async function interrupted(signal: NodeJS.Signals, ...args: string[]) {
  const child = spawn(process.execPath, [...DIETESP, 'demo', '--interval', '20', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  let isSent = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (!isSent && stdout.includes('acknowledged')) {
      isSent = true;
      child.kill(signal);
    }
  });
  const [code] = await once(child, 'close');
  return { code, stdout };
}

test('signals end the demo and its processes; without --forever the exit code tells', async () => {
  const forever = await interrupted('SIGINT', '--forever');
  assert.equal(forever.code, 0);
  assert.match(forever.stdout, /\n\d+ readings: \d+ acknowledged, 0 failed/);
  const cut = await interrupted('SIGTERM', '--count', '100000');
  assert.equal(cut.code, 143);
  assert.match(cut.stdout, /\n\d+ readings: /);
});

/** Runs a demo in this process and kills one of its processes after the first reading. */
async function killed(what: string): Promise<DemoResult> {
  const options = { sensors: 2, count: 20, interval: 50, loss: 0, provider: 'fast', pcap: '', keylog: '', wait: 30000 };
  let isKilled = false;
  const demo = runDemo(options, {
    started() {},
    opened() {},
    connected() {},
    begun() {},
    changed(line) {
      if (isKilled || !line.includes('acknowledged')) return;
      isKilled = true;
      const { pid } = demo.processes().find((entry) => entry.what === what)!;
      process.kill(pid!, 'SIGKILL');
    },
  });
  const result = await demo.result;
  for (const { pid } of demo.processes()) assert.throws(() => process.kill(pid!, 0), 'no process is left');
  return result;
}

test('a sensor that dies: the others go on, its readings are without an outcome', async () => {
  const { sensors, unaccounted, problems } = await killed('sensor a');
  assert.ok(unaccounted > 0);
  assert.equal(sensors[1].acknowledged, 20);
  assert.deepEqual(problems, ['sensor a ended early (SIGKILL)']);
});

test('a gateway that dies ends the demo', async () => {
  const { unaccounted, problems } = await killed('gateway');
  assert.ok(unaccounted > 0);
  assert.deepEqual(problems, ['gateway ended early (SIGKILL)']);
});

const skipTshark = packageMissing('tshark');
const GATEWAY = 'fd00::ff:fe00:0';

/** Rows of tshark: these fields of each frame; `keys`: a folder of keys. */
function tshark(pcap: string, fields: string[], keys = ''): string[][] {
  const run = spawnSync(
    'tshark',
    [
      ...['-n', '-r', pcap, '-o', '6lowpan.context0:fd00::/64', '-T', 'fields', '-E', 'separator=|'],
      ...fields.flatMap((field) => ['-e', field]),
    ],
    { encoding: 'utf8', env: { ...process.env, WIRESHARK_CONFIG_DIR: keys === '' ? folder.path('none') : keys } },
  );
  assert.equal(run.status, 0, run.stderr);
  return run.stdout
    .split('\n')
    .slice(0, -1)
    .map((row) => row.split('|'));
}

test('tshark dissects every frame of the demo', { skip: skipTshark }, async () => {
  const pcap = folder.path('tshark.pcap');
  await report('--seed', '3', '--count', '2', '--loss', '0.1', '--pcap', pcap);
  const fields = ['frame.protocols', 'wpan.fcs_ok', '_ws.malformed', 'ipv6.src', 'ipv6.dst', 'ipv6.hlim', 'ipv6.plen'];
  const rows = tshark(pcap, fields);
  const frames = framesOf(pcap);
  assert.equal(rows.length, frames.length);
  let readings = 0;
  let messages = 0;
  for (const [at, columns] of rows.entries()) {
    const [protocols, fcs, malformed, src, dst, hops, length] = columns;
    const row = columns.join('|');
    const { isData, isIke } = frames[at];
    assert.match(fcs, /^(1|True)$/, row);
    assert.equal(malformed, '', row);
    if (src === '') {
      assert.equal(protocols, isData ? 'wpan:6lowpan:data' : 'wpan', row);
      assert.equal(isIke, isData, row);
      continue;
    }
    assert.equal(protocols, isIke ? 'wpan:6lowpan:ipv6:udp:isakmp' : 'wpan:6lowpan:ipv6:esp', row);
    assert.equal(hops, '64', row);
    assert.ok(dst === GATEWAY || src === GATEWAY, row);
    assert.match(dst === GATEWAY ? src : dst, /^fd00::ff:fe00:[123]$/, row);
    if (isIke) {
      messages++;
      continue;
    }
    // ESP: SPI and SN 2, text 18 (answer: 5), ICV 8.
    assert.equal(length, dst === GATEWAY ? '28' : '15', row);
    if (dst === GATEWAY) readings++;
  }
  assert.ok(readings >= 6);
  assert.ok(messages >= 3 * 6, 'IKE_SA_INIT, IKE_AUTH, and Delete, both ways');
});

test('tshark decrypts the IKE of the demo with its key log, and not without', { skip: skipTshark }, async () => {
  const pcap = folder.path('keys.pcap');
  const keys = folder.path('keys');
  const { report: result } = await report('--count', '1', '--pcap', pcap, '--keylog', keys);
  assert.equal(result.handshakes.length, 3);
  const fields = [
    ...['ipv6.src', 'ipv6.dst', 'isakmp.exchangetype', 'isakmp.enc.pad_length', 'isakmp.id.data.key_id'],
    ...['isakmp.notify.msgtype', 'isakmp.tf.id.encr', 'isakmp.ts.start_ipv6', 'isakmp.ts.start_port'],
    ...['_ws.malformed', '_ws.expert.message'],
  ];
  const all = (folderOfKeys: string) => tshark(pcap, fields, folderOfKeys).filter((row) => row[2] !== '');
  const IKE_AUTH = '35';
  const rows = all(keys);
  for (const row of rows) assert.deepEqual(row.slice(-2), ['', ''], row.join('|'));
  for (const { outer, inner, name } of [1, 2, 3].map((index) => ({
    outer: `fd00::ff:fe00:${index}`,
    inner: `2001:db8:1::${index}`,
    name: Buffer.from([0x60 + index]).toString('hex'),
  }))) {
    for (const [src, dst, id] of [
      [outer, GATEWAY, name],
      [GATEWAY, outer, '00'],
    ]) {
      const row = rows.find((one) => one[0] === src && one[1] === dst && one[2] === IKE_AUTH);
      assert.ok(row, `${src} to ${dst}`);
      const [, , , padding, identity, notifies, encr, addresses, ports] = row;
      assert.deepEqual([padding, identity], ['0', id]);
      assert.ok(notifies.split(',').includes('53735'), 'HCP_PROPOSAL');
      // AES_CCM_8_IIV, and no other.
      assert.equal(encr, '29');
      assert.equal(addresses, `${inner},2001:db8:2::1`);
      assert.equal(ports, '5683,5683');
    }
  }
  for (const row of all('')) assert.deepEqual(row.slice(4, 5).concat(row.slice(7, 9)), ['', '', ''], row.join('|'));
});
