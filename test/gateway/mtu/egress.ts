// The egress: a sensor, which notes each inner packet that comes, and when the kernel had fragments.

import { createLog } from '../../../targets/node/host/log.ts';
import { createNodeProvider } from '../../../targets/node/host/provider/node-crypto.ts';
import { readSensor } from '../../../targets/node/sensor/file.ts';
import { openSensor, type Sensor } from '../../../targets/node/sensor/sensor.ts';
import { busyMs, type Command, kernelCount, serve } from './program.ts';

let sensor: Sensor | null = null;
let packets: { at: number; size: number; number: number }[] = [];
/** Packets of which each is remembered. */
const MOST = 20000;
const total = { packets: 0, octets: 0 };
let fragments = 0;
let fragmentAt = 0;
const timer = setInterval(() => {
  const now = kernelCount('ReasmReqds');
  if (now !== fragments) fragmentAt = Date.now();
  fragments = now;
}, 10);

await serve(
  async (command) => {
    if (typeof command.config === 'object') {
      await sensor?.close();
      packets = [];
      const log = createLog({ level: process.env['MTU_LOG'] === '1' ? 'info' : 'warn' });
      sensor = await openSensor(readSensor('egress.yaml', JSON.stringify(command.config)), {
        provider: createNodeProvider(),
        keylog: null,
        echoPort: 0,
        retry: false,
        waits: false,
        report: () => {},
        log,
      });
      const { inner } = sensor;
      inner.take = (packet, size) => {
        const at = packet[0] >>> 4 === 6 ? 40 : 20;
        const isLater =
          packet[0] >>> 4 === 6
            ? packet[6] === 44 && (packet[42] || packet[43] & 0xf8)
            : (packet[6] & 0x1f) + packet[7];
        const data = packet[0] >>> 4 === 6 && packet[6] === 44 ? at + 16 : at + 8;
        const number = isLater ? -1 : Buffer.from(packet).readUInt32BE(data);
        total.packets++;
        total.octets += size;
        if (packets.length < MOST) packets.push({ at: Date.now(), size, number });
      };
      const problem = await sensor.connect(false);
      if (problem !== '') throw new Error(problem);
    } else if (command.clear === true) packets = [];
    else if (command.send !== undefined) {
      return {
        said: sensor!.send(
          new Uint8Array(Number(command.send)),
          Buffer.from(String(command.to).split('.').map(Number)),
          5001,
          5001,
        ),
      };
    }
    if (sensor === null) return {};
    const { children, mtu } = sensor.status() as { children: { spiIn: string }[]; mtu: Command };
    if (command.load === true) {
      const { user, system } = process.cpuUsage();
      return { ...total, cpu: (user + system) / 1000, busy: busyMs(), fragments, now: performance.now(), mtu };
    }
    return { packets, fragments, fragmentAt, now: Date.now(), spi: children[0]?.spiIn, mtu };
  },
  async () => {
    clearInterval(timer);
    await sensor?.close();
  },
);
