// A night in two minutes: 50 sensors over a lossy radio and a gateway that is a process, with rekeys all the time, reloads,
// kills and restarts. DIETESP_SOAK=SECONDS: as long as wanted. At the end every sensor still delivers, none is stuck, no
// reading came that was not sent, and the gateway's memory is flat.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { withLoss } from '../../targets/node/host/radio/wrap.ts';
import { createZep } from '../../targets/node/host/radio/zep.ts';
import { startCoapServer } from '../../targets/node/lab/coap-server.ts';
import { readSensor } from '../../targets/node/sensor/file.ts';
import { openSensor, type Sensor } from '../../targets/node/sensor/sensor.ts';
import { ROOT, scratch } from '../cli/run.ts';
import { DIETESP } from '../support/command.ts';
import { freePort } from '../support/free-ports.ts';

const { file } = scratch();
const STATE = join(process.env.STATE_DIRECTORY!, `soak-${process.pid}`);
const SENSORS = 50;
const SECONDS = Number(process.env.DIETESP_SOAK ?? '120');
const LOSS = 0.03;
const SERVER = '2001:db8:2::1';
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const hex = (value: number): string => value.toString(16).padStart(2, '0');
const psk = (index: number): string => hex(index).repeat(16);

const TIMES = { retransmit: 0.5, dpd: 10 };

/** `guests`: peers that come and go with reloads. */
function gatewayText(zep: number, coap: number, guests: number): string {
  const peers = Array.from({ length: SENSORS + guests }, (_, i) => ({
    name: `s${i + 1}`,
    remoteId: `keyid:${hex(i + 1)}`,
    auth: { pskHex: psk(i + 1) },
  }));
  return JSON.stringify({
    radios: [{ zep: { port: zep }, panId: 0xabcd, shortAddress: 0, ackWait: 40 }],
    addresses: ['fd00::ff:fe00:0'],
    contexts: ['fd00::/64'],
    flows: [{ destination: SERVER, port: 5683, to: `127.0.0.1:${coap}` }],
    pool: ['2001:db8:1::/64'],
    connection: {
      localId: 'fqdn:gateway.example',
      ike: { ...TIMES, rekey: 45 },
      child: { rekey: 20, compression: { required: true } },
    },
    peers,
  });
}

function sensorText(index: number, zep: number): string {
  return JSON.stringify({
    radio: {
      zep: { port: 0, peers: [{ address: '127.0.0.1', port: zep }] },
      panId: 0xabcd,
      shortAddress: index,
      ackWait: 40,
    },
    address: `fd00::ff:fe00:${index.toString(16)}`,
    contexts: ['fd00::/64'],
    gateway: { address: 'fd00::ff:fe00:0', link: '0000' },
    server: { address: SERVER, path: `s${index}`, ackTimeout: 0.25 },
    connection: {
      localId: `keyid:${hex(index)}`,
      remoteId: 'fqdn:gateway.example',
      auth: { pskHex: psk(index) },
      requestAddress: 'ipv6',
      ike: { ...TIMES, rekey: 60 },
      child: { rekey: 30, compression: { required: true } },
    },
  });
}

interface Gateway {
  child: ChildProcess;
  log: string[];
}

async function startGateway(config: string): Promise<Gateway> {
  const args = ['gateway', '--config', config, '--state', STATE, '--log', 'info'];
  const child = spawn(process.execPath, [...DIETESP, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log: string[] = [];
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      log.push(...part.trimEnd().split('\n'));
      if (log.length > 4000) log.splice(0, 2000);
      if (part.includes('stop: Ctrl-C')) resolve();
    });
    child.once('exit', () => reject(new Error(log.slice(-20).join('\n'))));
  });
  return { child, log };
}

/** Octets in memory. */
function memoryOf({ child }: Gateway): number {
  const text = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)![1]) * 1024;
}

async function end({ child }: Gateway, signal: NodeJS.Signals): Promise<void> {
  child.removeAllListeners('exit');
  child.kill(signal);
  await once(child, 'close');
}

test('nothing is stuck, memory is flat', { timeout: (SECONDS + 180) * 1000 }, async () => {
  const random = createRandom(11);
  const zep = await freePort();
  const taken = new Map<string, { readings: string[]; at: number }>();
  const server = await startCoapServer((name, text) => {
    const one = taken.get(name) ?? { readings: [], at: 0 };
    one.readings.push(text);
    one.at = performance.now();
    taken.set(name, one);
  });
  const config = file('gateway.yaml', gatewayText(zep, server.port, 0));
  let gateway = await startGateway(config);
  const sensors: Sensor[] = [];
  const sent = new Map<string, Set<string>>();
  let isOver = false;

  async function live(index: number): Promise<void> {
    const name = `s${index}`;
    const texts = new Set<string>();
    sent.set(name, texts);
    const socket = createZep({ port: 0, peers: [{ address: '127.0.0.1', port: zep }] });
    await socket.ready;
    const sensor = await openSensor(readSensor(`${name}.yaml`, sensorText(index, zep)), {
      provider: createFastProvider(),
      keylog: null,
      echoPort: 0,
      retry: true,
      retryMax: 4000,
      waits: true,
      report() {},
      radio: withLoss(socket, { seed: 100 + index, transmit: LOSS, receive: LOSS }),
    });
    sensors.push(sensor);
    void sensor.connect(false);
    for (let n = 1; !isOver; n++) {
      const text = `{"s":${index},"n":${n}}`;
      texts.add(text);
      await sensor.read(text);
      await pause(500 + random.below(1500));
    }
  }

  const lives = Array.from({ length: SENSORS }, (_, i) => live(i + 1));
  const start = performance.now();
  const memory: number[] = [];
  let round = 0;
  try {
    while (performance.now() - start < SECONDS * 1000) {
      round++;
      await pause(10000);
      memory.push(memoryOf(gateway));
      if (round % 5 === 3) {
        // A crash, and a second in which nobody is there.
        await end(gateway, 'SIGKILL');
        await pause(1000);
        gateway = await startGateway(config);
      } else if (round % 5 === 0) {
        await end(gateway, 'SIGTERM');
        gateway = await startGateway(config);
      } else {
        // A broken file changes nothing; a right one is taken.
        writeFileSync(config, round % 2 === 0 ? gatewayText(zep, server.port, round % 7) : 'radios: 1\n');
        gateway.child.kill('SIGHUP');
        await pause(500);
        writeFileSync(config, gatewayText(zep, server.port, 0));
        gateway.child.kill('SIGHUP');
      }
    }
    // Whatever happened last: each delivers again.
    const from = performance.now();
    const isBack = (index: number): boolean => (taken.get(`s${index}`)?.at ?? 0) > from;
    const all = Array.from({ length: SENSORS }, (_, i) => i + 1);
    while (!all.every(isBack) && performance.now() - from < 60000) await pause(200);
    const stuck = all.filter((index) => !isBack(index));
    assert.deepEqual(stuck, [], gateway.log.slice(-20).join('\n'));
    for (const [name, { readings }] of taken) {
      const known = sent.get(name)!;
      assert.ok(
        readings.every((text) => known.has(text)),
        name,
      );
      assert.ok(readings.length >= SECONDS / 8, `${name}: ${readings.length} readings`);
    }
    const text = gateway.log.join('\n');
    assert.doesNotMatch(text, /internal| {4}at /);
    if (SECONDS >= 600) {
      const half = memory.slice(Math.floor(memory.length / 2));
      const early = Math.max(...memory.slice(3, Math.floor(memory.length / 2)));
      assert.ok(Math.max(...half) < 1.3 * early, `${memory}`);
    }
    assert.ok(Math.max(...memory) < 400e6, `${memory}`);
  } finally {
    isOver = true;
    for (const sensor of sensors) await sensor.close();
    await Promise.race([Promise.all(lives), pause(5000)]);
    await end(gateway, 'SIGKILL');
    server.close();
  }
});
