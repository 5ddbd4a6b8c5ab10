// What the gateway opens before it starts, and closes together: radios, sockets, a network interface.

import { lookup } from 'node:dns/promises';
import type { CheckedConfig, GatewayConfig } from './config.ts';
import type { Flow } from './flows.ts';
import { closeRadios, type OpenRadio, openRadios } from './port.ts';
import { openTun, type Tun } from './tun.ts';
import { openUdpPorts, type UdpPort } from './udp.ts';

export async function resolveFlows(flows: CheckedConfig['flows']): Promise<Flow[]> {
  return Promise.all(
    flows.map(async ({ destination, port, host, hostPort, field }) => {
      try {
        const { address, family } = await lookup(host);
        return { destination, port, target: { address, family: family === 6 ? 6 : 4, port: hostPort } };
      } catch {
        throw new Error(`${field}: ${host}: this host is not known`);
      }
    }),
  );
}

export interface Opened {
  radios: OpenRadio[];
  udp: UdpPort[];
  tun: Tun | null;
}

export async function closeAll({ radios, udp, tun }: Opened): Promise<void> {
  await Promise.all([closeRadios(radios), ...udp.map((port) => port.close()), tun?.close()]);
}

/** Opens everything, or nothing: then the error names the field. */
export async function openAll(config: GatewayConfig, checked: CheckedConfig): Promise<Opened> {
  const opened: Opened = { radios: await openRadios(checked.radios), udp: [], tun: null };
  try {
    opened.udp = await openUdpPorts(config.ike?.udp ?? []);
    if (config.tun !== undefined) opened.tun = await openTun(config.tun);
    return opened;
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}
