// Loads a gateway's file and indexes its peers, and says what that took (peers.ts).

import { createConnections } from '../../targets/node/gateway/connections.ts';
import { loadGatewayFile } from '../../targets/node/gateway/file.ts';

const start = performance.now();
const begun = process.cpuUsage();
const { ike } = loadGatewayFile(process.argv[2]).config;
const connections = createConnections(ike, 1);
const ms = performance.now() - start;
const { user, system } = process.cpuUsage(begun);
globalThis.gc?.();
const { rss, heapUsed } = process.memoryUsage();
const peers = ike.named?.size ?? ike.connections.length;
process.stdout.write(
  JSON.stringify({ ms, cpu: (user + system) / 1000, rss, heap: heapUsed, peers, profiles: connections.list.length }),
);
