// Frames over real loopback ZEP: how many are acknowledged, and what one costs the process that receives it; beside it what a
// bare socket costs that answers each datagram with one as long as an acknowledgement, and does nothing else.

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createMac, MAC_RECEIVED } from '../../core/link/mac.ts';
import { drive } from '../../targets/node/host/radio/drive.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { createZep } from '../../targets/node/host/radio/zep.ts';
import { lookupAddress, widenBuffers } from '../../targets/node/host/socket-buffer.ts';
import type { Figure } from './ike.ts';

const SENDER = fileURLToPath(new URL('mac-sender.ts', import.meta.url));

/** Octets of an acknowledgement in ZEP. */
const ACK_SIZE = 37;

interface Sent {
  sent: number;
  acknowledged: number;
  elapsed: number;
}

/** What the senders tell of their frames to a port. */
async function sendTo(port: number, rate: number, seconds: number): Promise<Sent> {
  const args = [port, 1000, rate, seconds].map(String);
  const sender = spawn(process.execPath, ['--import', 'tsx', SENDER, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  sender.stdout.on('data', (octets) => {
    text += octets;
  });
  await once(sender, 'close');
  return JSON.parse(text);
}

/** Processor time from the first frame to the last one, which `frame` is told of; microseconds. */
function meter(): { frame(): void; used(): number } {
  let begin: NodeJS.CpuUsage | null = null;
  let used = process.cpuUsage();
  return {
    frame() {
      begin ??= process.cpuUsage();
      used = process.cpuUsage(begin);
    },
    used: () => used.user + used.system,
  };
}

/** Microseconds of a bare socket for each datagram. */
async function bare(rate: number, seconds: number): Promise<number> {
  const socket = createSocket({ type: 'udp4', lookup: lookupAddress });
  const answer = new Uint8Array(ACK_SIZE);
  const { frame, used } = meter();
  let count = 0;
  socket.on('message', (_octets, { port, address }) => {
    socket.send(answer, port, address);
    count++;
    frame();
  });
  // It may listen before the next turn.
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  widenBuffers(socket, 4194304, () => {});
  await sendTo(socket.address().port, rate, seconds);
  socket.close();
  return used() / count;
}

async function run(rate: number, seconds: number): Promise<Figure[]> {
  const floor = await bare(rate, seconds);
  const zep = createZep({ port: 0, buffer: 4194304 });
  const port = await zep.ready;
  const mac = createMac({
    panId: 0xabcd,
    shortAddress: 0,
    extendedAddress: new Uint8Array(8).fill(2),
    phy: zep,
    upper: { received() {}, sent() {} },
    random: createRandom(1).fill,
    queue: 1,
    neighbours: 16384,
    ackWait: 20,
  });
  const driver = drive(mac);
  const { frame: isTaken, used } = meter();
  zep.onFrame = (frame, offset, length) => {
    mac.receive(frame, offset, length, driver.now());
    driver.wake();
    isTaken();
  };
  const { sent, acknowledged, elapsed } = await sendTo(port, rate, seconds);
  driver.stop();
  zep.close();
  await zep.closed;
  const at = `1,000 senders, ${rate} frames/s`;
  const each = used() / mac.counters[MAC_RECEIVED];
  return [
    {
      name: `acknowledged, ${at}`,
      value: (100 * acknowledged) / sent,
      unit: '%',
      beside: `${acknowledged} of ${sent} in ${Math.round(elapsed)} ms`,
    },
    {
      name: `CPU of the receiver, ${at}`,
      value: each,
      unit: 'us/frame',
      beside: `a bare socket that answers: ${floor.toFixed(1)}, so ours: ${(each - floor).toFixed(1)}`,
    },
  ];
}

/** Acknowledgements of the MAC over UDP. */
export async function benchMac(): Promise<Figure[]> {
  // The engine compiles what it runs often.
  await run(3000, 2);
  const figures: Figure[] = [];
  for (const rate of [1000, 3000, 10000]) figures.push(...(await run(rate, 5)));
  return figures;
}
