// A thread with one Sub SA of an SA whose root key it is given: it makes packets, or opens those that it made, and tells the
// nonces under which it sealed.

import { parentPort, workerData } from 'node:worker_threads';
import { inboundEesp } from '../../core/eesp/inbound.ts';
import { outboundEesp } from '../../core/eesp/outbound.ts';
import { OUTBOUND_ROOM } from '../../core/esp/outbound.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { endpointOf, innerOf, type Kind, saOf } from './kit.ts';

export interface ThreadJob {
  /** `prepare` makes packets that `receive` opens. */
  what: 'send' | 'prepare' | 'receive' | 'nonces';
  count: number;
}

const { session, payload, suite, isWatched } = workerData as {
  session: number;
  payload: number;
  suite: string;
  isWatched: boolean;
};
const provider = createFastProvider();
const nonces: string[] = [];
if (isWatched) {
  const { seal } = provider;
  provider.seal = (key, aead, buffer, offset, length) => {
    nonces.push(Buffer.from(aead.nonce.subarray(0, aead.nonceLength)).toString('hex'));
    seal(key, aead, buffer, offset, length);
  };
}
const kind: Kind = { suite, version: 6, tunnel: true, provider, eesp: { session }, change: { replayWindow: 4096 } };
const sender = saOf(kind);
const receiver = saOf({ ...kind, eesp: { session: 0 } });
const from = endpointOf(null, provider);
const to = endpointOf(receiver, provider);
const inner = innerOf(6, payload);
const outer = new Uint8Array(inner.length + OUTBOUND_ROOM);
const restored = new Uint8Array(inner.length + OUTBOUND_ROOM);
let prepared: Uint8Array[] = [];

parentPort!.on('message', ({ what, count }: ThreadJob) => {
  let good = 0;
  if (what === 'prepare') prepared = [];
  for (let i = 0; i < count && what !== 'nonces'; i++) {
    if (what === 'receive') {
      const wire = prepared[i];
      if (inboundEesp(to, wire, 0, wire.length, restored, 0, 0) === inner.length) good++;
      continue;
    }
    const size = outboundEesp(from, sender, inner, 0, inner.length, outer, 0, 0);
    if (size > 0) good++;
    if (what === 'prepare') prepared.push(outer.slice(0, size));
  }
  // A Sub SA is its Session ID: under one root key that stands for its key.
  parentPort!.postMessage({ good, nonces: what === 'nonces' ? nonces.map((one) => `${session} ${one}`) : [] });
});
