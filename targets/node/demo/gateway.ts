// The gateway's process of the demo: the gateway with a radio over UDP (ZEP), and a CoAP server (npm `coap`) that the
// sensors' readings are for. Every frame on air passes its radio once: there they are counted and captured. Started by
// run.ts.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import coap from 'coap';
import {
  checkFrame,
  FRAME_DATA,
  frameDst,
  frameDstLength,
  frameSrc,
  frameSrcLength,
} from '../../../core/wire/ieee802154.ts';
import { PHY_OCTETS } from '../budget/model.ts';
import { providerNamed } from '../cli/providers.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import { type CaptureWriter, createPcapWriter, LINKTYPE_IEEE802_15_4 } from '../radio/pcap.ts';
import { withCapture, withLoss } from '../radio/wrap.ts';
import { createZep } from '../radio/zep.ts';
import { type Air, live, type SensorPlan, type ToGateway, tell } from './messages.ts';
import {
  ACK_WAIT,
  COAP_PORT,
  CONTEXT,
  GATEWAY_ADDRESS,
  GATEWAY_LINK,
  PAN_ID,
  SENSORS_MAX,
  SERVER_ADDRESS,
  saOf,
} from './plan.ts';

type Start = Extract<ToGateway, { type: 'gateway' }>;

/** Takes every frame on air: to the capture file, and counts the gateway's data frames by the sensor they are for. */
function createTap(sensors: SensorPlan[], pcap: string) {
  const file = pcap === '' ? null : createPcapWriter(pcap, LINKTYPE_IEEE802_15_4);
  const answers: Record<string, Air> = {};
  for (const { name } of sensors) answers[name] = { frames: 0, octets: 0 };
  let frames = 0;
  const writer: CaptureWriter = {
    write(time, frame) {
      frames++;
      file?.write(time, frame);
      if (checkFrame(frame, 0, frame.length) < 0 || (frame[0] & 7) !== FRAME_DATA) return;
      if (frameSrcLength(frame, 0) !== 2 || frameDstLength(frame, 0) !== 2) return;
      const shortAt = (at: number) => frame[at] | (frame[at + 1] << 8);
      const sensor = sensors.find(({ index }) => index === shortAt(frameDst(frame, 0) + 2));
      if (sensor === undefined || shortAt(frameSrc(frame, 0)) !== GATEWAY_LINK) return;
      answers[sensor.name].frames++;
      answers[sensor.name].octets += frame.length + PHY_OCTETS;
    },
    close: () => file?.close(),
  };
  return { writer, report: () => ({ answers, frames }) };
}

/** A CoAP server on a port of its own, for readings as POST to /a, /b, ... */
async function startServer(): Promise<{ port: number; close(): void }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const server = coap.createServer((request, response) => {
    if (request.method !== 'POST') response.code = '4.05';
    else {
      tell({ type: 'reading', name: request.url.slice(1), text: request.payload.toString() });
      response.code = '2.04';
    }
    response.end();
  });
  server.listen(socket);
  return {
    port: socket.address().port,
    close() {
      server.close();
      socket.close();
    },
  };
}

async function start({ sensors, provider, loss, seed, pcap }: Start) {
  const tap = createTap(sensors, pcap);
  const zep = createZep({ port: 0, maxPeers: SENSORS_MAX });
  const zepPort = await zep.ready;
  const server = await startServer();
  const captured = withCapture(zep, tap.writer, () => performance.timeOrigin + performance.now());
  const gateway: Gateway = await createGateway({
    radios: [
      {
        name: 'zep',
        radio: withLoss(captured, { seed: seed + 2000, transmit: 0, receive: loss }),
        panId: PAN_ID,
        shortAddress: GATEWAY_LINK,
        ackWait: ACK_WAIT,
      },
    ],
    addresses: [GATEWAY_ADDRESS],
    contexts: [CONTEXT],
    sas: sensors.flatMap(({ up, down }) => [saOf(up), saOf(down)]),
    flows: [{ destination: SERVER_ADDRESS, port: COAP_PORT, to: `127.0.0.1:${server.port}` }],
    provider: await providerNamed(provider),
  });
  return {
    zepPort,
    async stop() {
      const metrics = gateway.metrics();
      await gateway.close();
      await zep.closed;
      server.close();
      tap.writer.close();
      tell({ type: 'report', ...tap.report(), metrics }, () => process.exit(0));
    },
  };
}

let running: Awaited<ReturnType<typeof start>> | null = null;

live<ToGateway>(async (message) => {
  if (message.type === 'gateway') {
    running = await start(message);
    tell({ type: 'ready', zepPort: running.zepPort });
  } else if (running === null) process.exit(0);
  else await running.stop();
});
