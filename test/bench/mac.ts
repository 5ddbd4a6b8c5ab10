// Frames over real loopback ZEP: how many are acknowledged, and what one costs the process that receives it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createMac, MAC_RECEIVED } from '../../core/link/mac.ts';
import { drive } from '../../targets/node/host/radio/drive.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { createZep } from '../../targets/node/host/radio/zep.ts';
import type { Figure } from './ike.ts';

const SENDER = fileURLToPath(new URL('mac-sender.ts', import.meta.url));

async function run(rate: number, seconds: number): Promise<Figure[]> {
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
  // From the first frame to the last one.
  let begin: NodeJS.CpuUsage | null = null;
  let used = process.cpuUsage();
  zep.onFrame = (frame, offset, length) => {
    begin ??= process.cpuUsage();
    mac.receive(frame, offset, length, driver.now());
    driver.wake();
    used = process.cpuUsage(begin);
  };
  const sender = spawn(
    process.execPath,
    ['--import', 'tsx', SENDER, String(port), '1000', String(rate), String(seconds)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let text = '';
  sender.stdout.on('data', (octets) => {
    text += octets;
  });
  await once(sender, 'close');
  driver.stop();
  zep.close();
  await zep.closed;
  const { sent, acknowledged, elapsed } = JSON.parse(text);
  const at = `1,000 senders, ${rate} frames/s`;
  return [
    {
      name: `acknowledged, ${at}`,
      value: (100 * acknowledged) / sent,
      unit: '%',
      beside: `${acknowledged} of ${sent} in ${Math.round(elapsed)} ms`,
    },
    {
      name: `CPU of the receiver, ${at}`,
      value: (used.user + used.system) / mac.counters[MAC_RECEIVED],
      unit: 'us/frame',
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
