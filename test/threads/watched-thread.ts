// A thread whose provider keeps every nonce that it seals with, and answers a batch without packets with them: their length,
// then all.

import { MessageChannel, parentPort, workerData } from 'node:worker_threads';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { type Job, serve, type ThreadData } from '../../targets/node/host/threads/serve.ts';

const provider = createFastProvider();
const { seal } = provider;
const nonces: Uint8Array[] = [];
provider.seal = (key, aead, buffer, offset, length) => {
  nonces.push(aead.nonce.slice(0, aead.nonceLength));
  seal(key, aead, buffer, offset, length);
};

const { port1, port2 } = new MessageChannel();
serve(port1, workerData as ThreadData, provider);
port2.on('message', (answer: Job) => parentPort!.postMessage(answer));
parentPort!.on('message', (job: Job | null) => {
  if (job !== null && job.lengths.length === 0) {
    const octets = Uint8Array.from(Buffer.concat([Uint8Array.of(nonces[0].length), ...nonces]));
    parentPort!.postMessage({ ...job, octets });
    return;
  }
  port2.postMessage(job);
  if (job === null) {
    port2.close();
    parentPort!.close();
  }
});
