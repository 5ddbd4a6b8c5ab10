// The gateway's page in the demo: of this run alone, with a token in its address, and with packets in clear.

import { randomBytes } from 'node:crypto';
import { createRunning } from '../../gateway/commands/running.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { pageAssets } from '../../gateway/http/page.ts';
import { openHttp } from '../../gateway/http/server.ts';
import { createMetrics } from '../../gateway/metrics/prometheus.ts';
import type { LogHub } from '../../host/log-hub.ts';
import { VERSION } from '../../host/package-root.ts';

const TOKEN_SIZE = 18;

export interface DemoPage {
  /** With the token behind `#`, which browsers tell nobody. */
  url: string;
  close(): Promise<void>;
}

/** Serves the page on the loopback; `port` 0: the system chooses. Rejects with a CommandError. */
export async function servePage(gateway: Gateway, logs: LogHub, port: number): Promise<DemoPage> {
  const running = createRunning(gateway, logs, { version: VERSION, file: '' });
  const token = randomBytes(TOKEN_SIZE).toString('base64url');
  const server = await openHttp(running, {
    config: { address: '127.0.0.1', port, token, tokenFile: '', hosts: [], packets: true, peerMetrics: 0 },
    token,
    assets: await pageAssets(),
    metrics: (counters) => createMetrics(running, counters, 0),
  });
  return {
    url: `${server.url}/#token=${token}`,
    async close() {
      running.close();
      await server.close();
    },
  };
}
