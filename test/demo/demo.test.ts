// The demo as a user runs it: real processes, radio frames over UDP.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { checkFrame, FRAME_DATA, frameFcs } from '../../core/wire/ieee802154.ts';
import { type DemoResult, runDemo } from '../../targets/node/demo/run.ts';
import type { Comparison, Totals } from '../../targets/node/demo/view.ts';
import type { GatewayMetrics } from '../../targets/node/gateway/metrics.ts';
import { LINKTYPE_IEEE802_15_4, readCapture } from '../../targets/node/radio/pcap.ts';
import { dietesp, isOneLine, ROOT, scratch } from '../cli/run.ts';
import { packageMissing } from '../support/packages.ts';

const folder = scratch();
const MAIN = 'targets/node/cli/main.ts';

interface Report extends DemoResult {
  totals: Totals;
  comparison: Comparison[];
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
  for (const name of ['a', 'b', 'c']) {
    assert.equal(stdout.match(new RegExp(`^sensor ${name}  reading \\d  acknowledged`, 'gm'))?.length, 3);
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
  const readings = frames.filter(({ isData, to }) => isData && to === 0);
  // Each once, retries of the MAC left aside (a machine that is busy makes CoAP send again): PHY 6, MHR 9, IPHC and Next Header 3, ESP 2 + 18 + 8, FCS 2.
  const different = new Set(readings.map(({ octets }) => Buffer.from(octets).toString('hex')));
  assert.equal(different.size, 9 + (stdout.match(/no answer: sent again/g)?.length ?? 0));
  for (const { octets } of readings) assert.equal(octets.length + 6, 48);
  assert.deepEqual(new Set(readings.map(({ from }) => from)), new Set([1, 2, 3]));
  const answers = frames.filter(({ isData, from }) => isData && from === 0);
  for (const { octets } of answers) assert.equal(octets.length + 6, 35);
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
    const own = frames.filter(({ isData, from }) => isData && from === sensor.index);
    assert.equal(own.length, sensor.air.frames, `sensor ${sensor.name}: every frame is in the capture once`);
    assert.equal(sensor.air.octets, 48 * own.length);
    assert.equal(frames.filter(({ isData, to }) => isData && to === sensor.index).length, sensor.answers.frames);
    assert.ok(sensor.received >= sensor.acknowledged);
  }
  const answers = frames.filter(({ isData, from }) => isData && from === 0);
  assert.equal(gateway.radios[0].frames, answers.length);
  assert.ok(gateway.radios[0].acks < frames.filter(({ isData }) => !isData).length, 'sensors acknowledge too');
  assert.deepEqual(gateway.drops, {});
  assert.deepEqual(gateway.esp.drops, {});
});

test('readings that fail are told of; nothing but failures is a failure', async () => {
  const { code, report: result } = await report('--loss', '0.9', '--seed', '1', '--count', '1', '--sensors', '1');
  const { totals } = result;
  assert.equal(totals.acknowledged + totals.failed, 1);
  assert.equal(result.unaccounted, 0);
  assert.equal(code, totals.acknowledged > 0 ? 0 : 1);
  assert.ok(totals.retries > 0);
});

test('other providers, the same seed: the same frames but for what chance of the MAC adds', async () => {
  const runs: string[][] = [];
  // A busy machine makes CoAP send again: then only the first frames can be compared.
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
    isSlow ||= result.totals.retransmissions > 0;
    const payloads = framesOf(pcap).filter(({ isData }) => isData);
    runs.push([...new Set(payloads.map(({ octets }) => Buffer.from(octets.subarray(9, -2)).toString('hex')))]);
  }
  const [fast, ...others] = runs.map((run) => run.slice(0, isSlow ? 1 : 4));
  assert.ok(fast.length === (isSlow ? 1 : 4));
  for (const other of others) assert.deepEqual(other, fast);
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
});

/** A demo without end that gets `signal` after its first reading; with the ids of its processes. */
async function interrupted(signal: NodeJS.Signals, ...args: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'demo', '--interval', '20', ...args], {
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
  const options = { sensors: 2, count: 20, interval: 50, loss: 0, provider: 'fast', pcap: '' };
  let isKilled = false;
  const demo = runDemo(options, {
    started() {},
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

test('tshark dissects every frame of the demo', { skip: packageMissing('tshark') }, async () => {
  const pcap = folder.path('tshark.pcap');
  await report('--seed', '3', '--count', '2', '--loss', '0.1', '--pcap', pcap);
  const fields = ['frame.protocols', 'wpan.fcs_ok', '_ws.malformed', 'ipv6.src', 'ipv6.dst', 'ipv6.hlim', 'ipv6.plen'];
  const run = spawnSync(
    'tshark',
    [
      ...['-n', '-r', pcap, '-o', '6lowpan.context0:fd00::/64', '-T', 'fields', '-E', 'separator=|'],
      ...fields.flatMap((field) => ['-e', field]),
    ],
    { encoding: 'utf8' },
  );
  assert.equal(run.status, 0, run.stderr);
  const rows = run.stdout.trimEnd().split('\n');
  assert.equal(rows.length, framesOf(pcap).length);
  const GATEWAY = 'fd00::ff:fe00:0';
  let readings = 0;
  for (const row of rows) {
    const [protocols, fcs, malformed, src, dst, hops, length] = row.split('|');
    assert.match(fcs, /^(1|True)$/, row);
    assert.equal(malformed, '', row);
    if (src === '') {
      assert.equal(protocols, 'wpan', row);
      continue;
    }
    assert.equal(protocols, 'wpan:6lowpan:ipv6:esp', row);
    assert.equal(hops, '64', row);
    // ESP: SPI and SN 2, text 18 (answer: 5), ICV 8.
    if (dst === GATEWAY) assert.equal(length, '28', row);
    else assert.deepEqual([src, length], [GATEWAY, '15'], row);
    assert.match(dst === GATEWAY ? src : dst, /^fd00::ff:fe00:[123]$/, row);
    if (dst === GATEWAY) readings++;
  }
  assert.ok(readings >= 6);
});
