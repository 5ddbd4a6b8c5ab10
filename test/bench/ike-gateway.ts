// The gateway of `npm run bench -- ike-scale`, a process of its own: it says where it listens, and what it measures.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { readGateway } from '../../targets/node/gateway/file.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import { openLevelStore } from '../../targets/node/host/state/level-store.ts';
import { heapKinds } from './heap-kinds.ts';

/** What the gateway answers to a question. */
export interface Measured {
  /** Longest stop of the event loop since the last question, milliseconds. */
  stop: number;
  /** Octets, after a collection. */
  rss: number;
  heap: number;
  /** Processor time since the start, milliseconds. */
  cpu: number;
  /** IKE SAs up, and half open. */
  sas: number;
  halfOpen: number;
}

/** What `dietesp gateway` gives it after SIGTERM, milliseconds. */
const LEAVE_TIME = 1200;

const [, , dpd, retransmit, tries, state = ''] = process.argv;
const store = state === '' ? {} : { store: await openLevelStore({ directory: state, kind: 'gateway' }) };
const gateway = await createGateway({
  ...readGateway(
    'gateway.yaml',
    `udp: [{ address: "127.0.0.1", port: 0, natPort: 0 }]
pool: ["2001:db8:1::/64"]
connection:
  localId: fqdn:gateway
  auth: { psk: secret }
  ike: { dpd: ${dpd}, retransmit: ${retransmit}, tries: ${tries} }
`,
  ).config,
  ...store,
});
let stop = monitorEventLoopDelay({ resolution: 1 });
stop.enable();

function measure(): Measured {
  stop.disable();
  const longest = stop.max / 1e6;
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const { ike } = gateway.metrics();
  stop = monitorEventLoopDelay({ resolution: 1 });
  stop.enable();
  return {
    stop: longest,
    rss,
    heap: heapUsed + arrayBuffers,
    cpu: (user + system) / 1000,
    sas: ike!.sas.length,
    halfOpen: ike!.halfOpen,
  };
}

process.on('disconnect', () => process.exit(0));
process.on('message', (question: string) => {
  if (question === 'measure') process.send!(measure());
  else if (question === 'kinds') void heapKinds().then((kinds) => process.send!(kinds));
  else {
    // The end, with the time that it took.
    const start = performance.now();
    void gateway.leave(LEAVE_TIME).then(() => {
      const took = performance.now() - start;
      process.send!({ took, stop: stop.max / 1e6 }, () => process.exit(0));
    });
  }
});
const [{ port, natPort }] = gateway.metrics().udp;
process.send!({ port, natPort });
