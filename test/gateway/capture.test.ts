// `dietesp gateway --pcap`: the gateway as a program, with sensors on a radio and on UDP. tshark opens the files; a full disk, rotation
// and a restart lose packets of the capture alone, and all of them are counted.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { rekeyChild } from '../../core/ike/exchange/requests.ts';
import { CHILD_LIVE } from '../../core/ike/state/child.ts';
import { writeDissector } from '../../targets/build/wireshark.ts';
import { openCapture } from '../../targets/node/gateway/capture.ts';
import { type CaptureMetrics, createCaptureSide, type SideOptions } from '../../targets/node/host/capture/side.ts';
import { silent } from '../../targets/node/host/log.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { frameOf } from '../../targets/node/host/radio/captured-frame.ts';
import { LINKTYPE_IEEE802_15_4_TAP, LINKTYPE_RAW, readCapture } from '../../targets/node/host/radio/pcap.ts';
import type { CaptureRecord } from '../../targets/node/host/radio/source.ts';
import { startCoapServer } from '../../targets/node/lab/coap-server.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { openSensor } from '../../targets/node/sensor/sensor.ts';
import { ROOT, scratch } from '../cli/run.ts';
import { DIETESP } from '../support/command.ts';
import { freePorts } from '../support/free-ports.ts';
import { packageMissing } from '../support/packages.ts';

const noShark = packageMissing('tshark');
const files = scratch();

/** A gateway's file: a radio at port `at`, UDP at the two behind it; readings go to `coap`. */
function gatewayFile(name: string, at: number, coap: number): string {
  return files.file(
    name,
    `radios: [{ zep: { address: "127.0.0.1", port: ${at} }, panId: 0xabcd, shortAddress: 0 }]
addresses: ["fd00::ff:fe00:0"]
contexts: ["fd00::/64"]
udp: [{ address: "127.0.0.1", port: ${at + 1}, natPort: ${at + 2} }]
connection: { localId: fqdn:gateway, auth: { psk: secret } }
flows: [{ destination: "2001:db8:2::1", port: 5683, to: "127.0.0.1:${coap}" }]
pool: ["2001:db8:1::/64"]
state: "off"
control: { socket: "off" }
`,
  );
}

const REST = `connection: { localId: "keyid:01", auth: { psk: secret }, requestAddress: ipv6 }
server: { address: "2001:db8:2::1" }
`;
const onRadio = (at: number): string => `
radio: { zep: { address: "127.0.0.1", port: 0, peers: [{ address: 127.0.0.1, port: ${at} }] }, panId: 0xabcd, shortAddress: 1 }
address: "fd00::ff:fe00:1"
contexts: ["fd00::/64"]
gateway: { address: "fd00::ff:fe00:0", link: "0000" }
${REST}`;
const onUdp = (at: number): string => `
udp: { address: "127.0.0.1" }
gateway: { address: "127.0.0.1", port: ${at + 1}, natPort: ${at + 2} }
${REST}`;

/** Connects a sensor, posts a reading, where it `rekeys` another one under new SAs, and disconnects it. */
async function reading(text: string, rekeys = false): Promise<string> {
  const sensor = await openSensor(readSensor('sensor.yaml', text), {
    provider: createFastProvider(),
    keylog: null,
    echoPort: 0,
    retry: true,
    retryMax: 500,
    waits: true,
    report: () => {},
  });
  try {
    assert.equal(await sensor.connect(false), '');
    const { outcome } = await sensor.read('21.5');
    if (!rekeys) return outcome;
    const { ike, current } = sensor.host.uplink;
    const live = () => current()!.children.filter(({ retired }) => retired === CHILD_LIVE);
    const [old] = live();
    rekeyChild(ike, current()!, old, performance.now());
    sensor.wake();
    const end = performance.now() + 20000;
    while (live().length !== 1 || live()[0].spiIn === old.spiIn) {
      assert.ok(performance.now() < end, 'rekeyed');
      await new Promise((resolve) => setImmediate(resolve));
    }
    return (await sensor.read('21.6')).outcome;
  } finally {
    await sensor.close();
  }
}

/** Starts a gateway by `command`; `stop` ends it, and gives its last metrics and what it has logged. */
async function gatewayBy(t: TestContext, command: string, args: readonly string[]) {
  const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  const ended = once(child, 'close');
  const isUp = new Promise<void>((resolve) => {
    child.stderr.on('data', (text) => {
      stderr += text;
      if (stderr.includes('stop: Ctrl-C')) resolve();
    });
  });
  await Promise.race([isUp, ended.then(() => assert.fail(stderr))]);
  return {
    pid: child.pid!,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      const { capture } = JSON.parse(stdout) as { capture: CaptureMetrics[] };
      return { capture, stderr };
    },
  };
}

function shark(file: string, args: readonly string[], folder = files.path('none')): string[] {
  const run = spawnSync('tshark', ['-n', '-r', file, ...args], {
    env: { ...process.env, WIRESHARK_CONFIG_DIR: folder },
    encoding: 'utf8',
    timeout: 60000,
  });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout.split('\n').slice(0, -1);
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

test('a gateway with peers on a radio and on UDP: three captures, which tshark opens with the key log', async (t) => {
  const at = await freePorts(3);
  const server = await startCoapServer(() => {});
  t.after(() => server.close());
  const [folder, keys] = [files.path('captures'), files.path('keys')];
  const program = [...DIETESP, 'gateway', '--config', gatewayFile('gw.yaml', at, server.port), '--json'];
  const { pid: _, stop } = await gatewayBy(t, process.execPath, [...program, '--pcap', folder, '--keylog', keys]);
  assert.deepEqual(
    await Promise.all([reading(onRadio(at)), reading(onUdp(at).replace('01', '02'), true)]),
    Array(2).fill('acknowledged'),
  );
  const { capture, stderr } = await stop();
  assert.match(stderr, /warning: packets go to .*captures, also in clear: whoever reads it reads all readings/);
  assert.deepEqual(
    capture.map(({ name, crowded, failed, problem }) => [name, crowded, failed, problem]),
    ['air-radio0', 'outer', 'inner'].map((name) => [name, 0, 0, '']),
  );
  assert.deepEqual(readdirSync(folder), ['air-radio0-000001.pcapng', 'inner-000001.pcapng', 'outer-000001.pcapng']);
  assert.equal(modeOf(folder), 0o700);
  for (const name of readdirSync(folder)) assert.equal(modeOf(join(folder, name)), 0o600);
  const [air, inner, outer] = readdirSync(folder).map((name) => join(folder, name));
  const records = [...readCapture(air)];
  // The last packets go to the file after the metrics were printed.
  assert.ok(records.length >= capture[0].packets && capture[0].packets > 20);
  assert.ok(
    records.every((record) => frameOf(record, 'crc').reason === ''),
    'whole frames with their FCS',
  );
  if (noShark !== false) return;
  await t.test('tshark', async () => {
    const script = await writeDissector();
    const lua = ['-X', `lua_script:${script}`];
    const fields = (...names: string[]): string[] => ['-T', 'fields', ...names.flatMap((name) => ['-e', name])];
    const checked = ['-o', 'udp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE'];
    const names = ['frame.packet_flags_direction', 'coap.code', 'udp.checksum.status'];
    const [request, answer] = ['0x00000001\t2\t1', '0x00000002\t68\t1'];
    assert.deepEqual(shark(inner, [...checked, ...fields(...names)]), Array(3).fill([request, answer]).flat());
    // What the dissector restores, of frames and of datagrams, is what is in the inner capture.
    assert.equal(shark(air, [...lua, '-Y', 'coap'], keys).length, 2);
    const ports = ['-d', `udp.port==${at + 2},dietesp_udp`, '-d', `udp.port==${at + 1},isakmp`];
    const ike = ['dietesp.ike.notify', 'dietesp.ike.attribute'];
    const seen = ['_ws.col.Protocol', 'udp.checksum.status', 'ip.checksum.status', 'dietesp.spi', ...ike];
    const both = shark(outer, [...lua, ...ports, ...checked, ...fields(...seen)], keys).map((line) => line.split('\t'));
    const of = (protocol: string): string[][] => both.filter(([first]) => first === protocol);
    assert.deepEqual([of('CoAP').length, of('ISAKMP').length], [4, 10], both.join('\n'));
    for (const [, udp, ip] of both) assert.match(`${udp} ${ip}`, /^1(,1)* 1$/);
    // Behind the rekey each direction has another SA.
    assert.equal(new Set(of('CoAP').map(([, , , spi]) => spi)).size, 4, both.join('\n'));
    const [offer, chosen] = both.flatMap(([, , , , notifies, content]) => (/HCP/.test(notifies) ? [content] : []));
    assert.match(
      offer,
      /^proposal 1, Diet-ESP,dscp_cda: .*,esp_sn_lsb: 8 to 16,proposal 2, Diet-ESP,.*flow_label_cda: 3 \(zero\)/,
    );
    assert.equal(chosen, 'proposal 1, Diet-ESP,alignment: 0 (8 bits),esp_sn_lsb: 8');
  });
});

test('a folder that cannot be used is an error that names the field', () => {
  for (const [path, problem] of [
    ['/dev/full', 'must be a folder'],
    ['/dev/full/x', 'not a directory'],
    ['/proc/x', 'no such file or directory'],
  ]) {
    assert.throws(() => openCapture({ path }, ['radio0'], true, silent, undefined), {
      message: `pcap.path: ${path}: ${problem}`,
    });
  }
});

/** Whether a file system in memory can be mounted. */
function noMount(): string | false {
  if (process.platform !== 'linux') return 'Linux not found';
  const run = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', '-o', 'size=16k', 'none', '/mnt']);
  return run.status === 0 ? false : 'the right to mount a file system not found';
}

test('a full disk: said once, counted, and packets go on', { skip: noMount() }, async (t) => {
  const at = await freePorts(3);
  const server = await startCoapServer(() => {});
  t.after(() => server.close());
  const folder = files.path('small');
  mkdirSync(folder);
  // Two pages for all files and their folder.
  const script = `mount -t tmpfs -o size=8k none ${folder} && exec "$@"`;
  const program = [process.execPath, ...DIETESP, 'gateway', '--json', '--pcap', folder];
  const config = gatewayFile('full.yaml', at, server.port);
  const gateway = await gatewayBy(t, 'unshare', ['-m', 'sh', '-c', script, 'sh', ...program, '--config', config]);
  const own = files.path('copies');
  assert.equal(await reading(onRadio(at)), 'acknowledged');
  assert.equal(await reading(onUdp(at)), 'acknowledged');
  cpSync(`/proc/${gateway.pid}/root${folder}`, own, { recursive: true });
  const { capture, stderr } = await gateway.stop();
  const told = stderr.split('\n').filter((line) => /pcap: .*: packets are not captured: no space left/.test(line));
  const failing = capture.filter(({ failed }) => failed > 0);
  assert.ok(failing.length > 0);
  assert.equal(told.length, failing.length, stderr);
  assert.match(stderr, /captures may take 1536 MiB, there is room for 0 MiB/);
  // One that is just being made has nothing yet.
  const copies = readdirSync(own).filter((name) => statSync(join(own, name)).size > 0);
  assert.ok(copies.length > 0);
  for (const name of copies) assert.doesNotThrow(() => [...readCapture(join(own, name))], name);
});

const PACKET = new Uint8Array(1000).fill(0x45);
const sideIn = (folder: string, more: Partial<SideOptions> = {}) =>
  createCaptureSide({
    folder,
    name: 'inner',
    title: 'inner',
    linkType: LINKTYPE_RAW,
    size: 1 << 20,
    files: 3,
    tell: () => {},
    ...more,
  });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const recordsIn = (folder: string): CaptureRecord[] =>
  readdirSync(folder).flatMap((name) => [...readCapture(new Uint8Array(readFileSync(join(folder, name))))]);

/** Puts `count` packets, no more at a time than there is room for; their first octets are their number. */
async function fill(side: ReturnType<typeof sideIn>, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    new DataView(PACKET.buffer).setUint32(0, i);
    side.put({ time: i }, PACKET, 0, PACKET.length);
    while (i % 200 === 199 && side.metrics().packets + side.metrics().failed < i + 1) await turn();
  }
}

test('files rotate by size; the oldest go, also those of an earlier run; others stay', async () => {
  const folder = files.path('rotating');
  mkdirSync(folder);
  for (const name of [
    'inner-000007.pcapng',
    'inner-000008.pcapng',
    'inner-000009.pcapng',
    'inner-1.pcapng',
    'x.pcapng',
  ])
    writeFileSync(join(folder, name), '');
  // What would lead elsewhere is passed by.
  const victim = files.file('victim', 'mine');
  symlinkSync(victim, join(folder, 'outer-000001.pcapng'));
  // So is a folder with the name of one.
  mkdirSync(join(folder, 'inner-000006.pcapng'));
  const told: [boolean, string][] = [];
  const side = sideIn(folder, { tell: (isGood, text) => void told.push([isGood, text]) });
  await fill(side, 5000);
  await side.close();
  assert.deepEqual(told, [[false, 'inner: inner-000006.pcapng: is no file, and is left alone']]);
  rmdirSync(join(folder, 'inner-000006.pcapng'));
  const own = readdirSync(folder).filter((name) => /^inner-\d{6}/.test(name));
  assert.deepEqual(own, ['inner-000012.pcapng', 'inner-000013.pcapng', 'inner-000014.pcapng']);
  for (const name of own) {
    const { size } = statSync(join(folder, name));
    assert.ok(size <= 1 << 20, `${name}: ${size}`);
  }
  assert.deepEqual(
    readdirSync(folder).filter((name) => !own.includes(name)),
    ['inner-1.pcapng', 'outer-000001.pcapng', 'x.pcapng'],
  );
  const numbers = own.flatMap((name) =>
    [...readCapture(join(folder, name))].map(({ data }) => new DataView(data.buffer, data.byteOffset).getUint32(0)),
  );
  assert.deepEqual(
    numbers,
    Array.from(numbers, (_, i) => 5000 - numbers.length + i),
    'in order, none is missing',
  );
  const { packets, crowded, failed } = side.metrics();
  assert.deepEqual([packets, crowded, failed], [5000, 0, 0]);
  const other = sideIn(folder, { name: 'outer' });
  other.put({ time: 0 }, PACKET, 0, PACKET.length);
  await other.close();
  assert.equal(readFileSync(victim, 'utf8'), 'mine');
  assert.equal(other.metrics().file, join(folder, 'outer-000002.pcapng'));
});

test('what does not fit is counted, and the next packet says how many are missing', async () => {
  const folder = files.path('crowded');
  mkdirSync(folder);
  const side = sideIn(folder, { name: 'air', linkType: LINKTYPE_IEEE802_15_4_TAP });
  for (let i = 0; i < 2200; i++) side.put({ time: i, signal: null, direction: 'in' }, PACKET, 0, PACKET.length);
  const { crowded } = side.metrics();
  assert.ok(crowded > 200 && crowded < 400, String(crowded));
  while (side.metrics().packets < 2200 - crowded) await turn();
  side.put({ time: 2200, signal: null }, PACKET, 0, PACKET.length);
  // Longer than all room.
  side.put({ time: 2201 }, new Uint8Array(1 << 20), 0, 1 << 20);
  await side.close();
  side.put({ time: 2202 }, PACKET, 0, PACKET.length);
  assert.equal(side.metrics().packets, 2201 - crowded);
  assert.equal(side.metrics().crowded, crowded + 1);
  assert.equal(recordsIn(folder).length, 2201 - crowded);
  // A file system that does not answer keeps nobody.
  const stuck = sideIn(folder, { turn: () => new Promise(() => {}) });
  for (let i = 0; i < 4000; i++) stuck.put({ time: i }, PACKET, 0, PACKET.length);
  await turn();
  stuck.put({ time: 0 }, PACKET, 0, PACKET.length);
  assert.ok(stuck.metrics().crowded > 1000 && stuck.metrics().packets === 0);
  if (noShark !== false) return;
  const drops = readdirSync(folder).flatMap((name) =>
    shark(join(folder, name), ['-T', 'fields', '-e', 'frame.drop_count']),
  );
  assert.deepEqual(
    drops.filter((text) => text !== ''),
    [String(crowded)],
  );
});

test('a folder that cannot be written any more: counted, told once, and taken up again', async () => {
  const folder = files.path('closed');
  writeFileSync(folder, '');
  const told: [boolean, string][] = [];
  const side = sideIn(folder, { pause: 0, tell: (isGood, text) => void told.push([isGood, text]) });
  for (let i = 0; i < 3; i++) {
    side.put({ time: i }, PACKET, 0, PACKET.length);
    while (side.metrics().failed < i + 1) await turn();
  }
  assert.deepEqual(told, [[false, 'inner: packets are not captured: not a directory']]);
  rmSync(folder);
  side.put({ time: 3 }, PACKET, 0, PACKET.length);
  await side.close();
  assert.deepEqual(told.at(-1), [true, 'inner: packets are captured again']);
  assert.deepEqual([recordsIn(folder).length, side.metrics().packets, side.metrics().failed], [1, 1, 3]);
});

test('a file that is removed while it is written: the next packets have another', async () => {
  const folder = files.path('removed');
  mkdirSync(folder);
  const side = sideIn(folder, { look: 0 });
  for (let i = 0; i < 2; i++) {
    side.put({ time: i }, PACKET, 0, PACKET.length);
    while (side.metrics().packets < i + 1) await turn();
    if (i === 0) rmSync(join(folder, 'inner-000001.pcapng'));
  }
  await side.close();
  assert.deepEqual(readdirSync(folder), ['inner-000002.pcapng']);
  assert.equal(recordsIn(folder).length, 1);
});
