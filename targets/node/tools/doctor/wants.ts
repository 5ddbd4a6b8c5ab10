// What a gateway's file wants of its host.

import { resolve } from 'node:path';
import { capturesMost } from '../../gateway/capture.ts';
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
    serial: [],
    interfaces: [],
    programs: [],
    portServers: [],
    nats: [],
    captures: null,
    ports: [500, 4500].map((port) => ({ protocol: 'udp', address: '0.0.0.0', port, field: 'udp' })),
    socketBuffer: SOCKET_BUFFER,
    files: SESSIONS + FILES,
    state: stateDirectory('gateway.yaml', '', undefined),
  };
}

export function wantsOf({ file, config, state, cluster }: LoadedGateway, directory?: string): Wants {
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
    // `auto` opens the sockets at the start as well.
    raw: ike.esp === 'raw' || ike.esp === 'auto',
    mtu: ike.mtu !== undefined,
    serial: radios.flatMap(({ spinel, uart }, index) => [
      ...(spinel?.path === undefined ? [] : [{ name: spinel.path, field: `radios[${index}].spinel.path` }]),
      ...(uart === undefined ? [] : [{ name: uart.path, field: `radios[${index}].uart.path` }]),
    ]),
    interfaces: radios.flatMap(({ linux }, index) =>
      linux === undefined ? [] : [{ name: linux.interface, field: `radios[${index}].linux.interface` }],
    ),
    programs: radios.flatMap(({ spinel }, index) =>
      spinel?.command === undefined ? [] : [{ name: spinel.command[0], field: `radios[${index}].spinel.command` }],
    ),
    portServers: radios.flatMap(({ spinel }, index) =>
      spinel?.tcp === undefined ? [] : [{ name: spinel.tcp, field: `radios[${index}].spinel.tcp` }],
    ),
    nats: (cluster?.servers ?? []).map((name, index) => ({ name, field: `cluster.servers[${index}]` })),
    captures:
      config.pcap === undefined
        ? null
        : { path: config.pcap.path, most: capturesMost(config.pcap, radios.length, ike.udp.length > 0) },
    ports: ports.filter(({ port }) => port > 0),
    socketBuffer: config.socketBuffer ?? SOCKET_BUFFER,
    files: (flows.length === 0 ? 0 : (config.sessions ?? SESSIONS)) + FILES,
    state: stateDirectory(resolve(file), state.directory, directory),
  };
}
