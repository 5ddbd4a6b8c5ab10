// The demo's gateway process: a gateway with a radio over UDP (ZEP) that answers IKE, and a CoAP server for the sensors'
// readings. Every frame on air passes its radio once, where it is counted and captured. run.ts starts it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readGateway } from '../../gateway/file.ts';
import { createGateway, type Gateway } from '../../gateway/gateway.ts';
import { createKeyLog } from '../../host/keylog.ts';
import { createLogHub } from '../../host/log-hub.ts';
import { providerNamed } from '../../host/provider/by-name.ts';
import { type CaptureWriter, createPcapWriter, LINKTYPE_IEEE802_15_4 } from '../../host/radio/pcap.ts';
import { withCapture, withLoss } from '../../host/radio/wrap.ts';
import { createZep } from '../../host/radio/zep.ts';
import { openLevelStore } from '../../host/state/level-store.ts';
import { startCoapServer } from '../coap-server.ts';
import { NODES_MAX, type NodePlan } from '../network.ts';
import { createAirCounter } from './air.ts';
import { live, type ToGateway, tell } from './messages.ts';
import { servePage } from './page.ts';
import { demoGatewayFile } from './plan.ts';
import { warmUp } from './warm.ts';

type Start = Extract<ToGateway, { type: 'gateway' }>;

/** Takes every frame on air: to the capture file, and to the books. */
function createTap(sensors: NodePlan[], pcap: string) {
  const file = pcap === '' ? null : createPcapWriter(pcap, LINKTYPE_IEEE802_15_4);
  const counter = createAirCounter();
  let frames = 0;
  const writer: CaptureWriter = {
    write(time, frame) {
      frames++;
      file?.write(time, frame);
      counter.take(frame);
    },
    close: () => file?.close(),
  };
  const byName = (part: 'answers' | 'ike') =>
    Object.fromEntries(sensors.map(({ name, index }) => [name, counter.of(index)[part]]));
  const capture = (): string => (file === null || file.problem() === '' ? '' : `${pcap}: ${file.problem()}`);
  return { writer, report: () => ({ answers: byName('answers'), ike: byName('ike'), frames, capture: capture() }) };
}

async function start({ sensors, provider, loss, seed, pcap, keylog, hasCoap, web }: Start) {
  warmUp();
  const tap = createTap(sensors, pcap);
  const server = await startCoapServer((name, text) => tell({ type: 'reading', name, text }));
  const { config } = readGateway('the gateway of the demo', demoGatewayFile(sensors, server.port, hasCoap));
  const [{ zep: settings, ...radio }] = config.radios;
  const zep = createZep({ ...settings, maxPeers: NODES_MAX });
  const zepPort = await zep.ready;
  const captured = withCapture(zep, tap.writer, () => performance.timeOrigin + performance.now());
  const state = mkdtempSync(join(tmpdir(), 'dietesp-demo-'));
  process.on('exit', () => rmSync(state, { recursive: true, force: true }));
  const logs = web === null ? null : createLogHub({ level: 'error' });
  const gateway: Gateway = await createGateway({
    ...config,
    radios: [{ ...radio, radio: withLoss(captured, { seed: seed + 2000, transmit: 0, receive: loss }) }],
    ike: { ...config.ike, ...(keylog === '' ? {} : { keylog: createKeyLog(keylog) }) },
    ...(logs === null ? {} : { log: logs.log }),
    provider: await providerNamed(provider),
    store: await openLevelStore({ directory: state, kind: 'gateway', sync: false }),
  });
  const page = logs === null || web === null ? null : await servePage(gateway, logs, web);
  return {
    zepPort,
    page: page?.url ?? '',
    async stop() {
      await page?.close();
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
    tell({ type: 'ready', zepPort: running.zepPort, page: running.page });
  } else if (running === null) process.exit(0);
  else await running.stop();
});
