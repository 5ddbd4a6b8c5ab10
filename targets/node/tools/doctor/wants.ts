// What a gateway's file wants of its host.

import { resolve } from 'node:path';
import type { LoadedGateway } from '../../gateway/file.ts';
import { SOCKET_BUFFER } from '../../host/socket-buffer.ts';
import { stateDirectory } from '../../host/state/open.ts';
import type { Wants } from './finding.ts';

/** Descriptors of a process beside its flows. */
const FILES = 64;
const SESSIONS = 16384;

/** Without a file: what a gateway with ordinary settings needs. */
export function usualWants(): Wants {
  return {
    file: '',
    tun: false,
    raw: false,
    mtu: false,
    serial: false,
    nats: false,
    ports: [500, 4500].map((port) => ({ protocol: 'udp', address: '0.0.0.0', port, field: 'udp' })),
    socketBuffer: SOCKET_BUFFER,
    files: SESSIONS + FILES,
    state: stateDirectory('gateway.yaml', '', undefined),
  };
}

export function wantsOf({ file, config, state }: LoadedGateway, directory?: string): Wants {
  const { ike, radios, flows = [] } = config;
  const ports: Wants['ports'] = ike.udp.flatMap(({ address, port, natPort }, index) =>
    [port, natPort].map((one) => ({ protocol: 'udp' as const, address, port: one, field: `udp[${index}]` })),
  );
  (ike.tcp ?? []).forEach(({ address, port }, index) => {
    ports.push({ protocol: 'tcp', address, port, field: `tcp[${index}]` });
  });
  radios.forEach(({ zep }, index) => {
    if (zep !== undefined) {
      ports.push({
        protocol: 'udp',
        address: zep.address ?? '0.0.0.0',
        port: zep.port ?? 17754,
        field: `radios[${index}].zep`,
      });
    }
  });
  return {
    file,
    tun: config.tun !== undefined,
    raw: ike.esp === 'raw',
    mtu: ike.mtu !== undefined,
    serial: false,
    nats: false,
    ports: ports.filter(({ port }) => port > 0),
    socketBuffer: config.socketBuffer ?? SOCKET_BUFFER,
    files: (flows.length === 0 ? 0 : (config.sessions ?? SESSIONS)) + FILES,
    state: stateDirectory(resolve(file), state.directory, directory),
  };
}
