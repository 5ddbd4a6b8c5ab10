// A thread of which the first fails at its first packets.

import { parentPort, workerData } from 'node:worker_threads';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { serve, type ThreadData } from '../../targets/node/host/threads/serve.ts';

const data = workerData as ThreadData;
const provider = createFastProvider();
if (data.index === 0) {
  provider.seal = () => {
    throw new Error('fails');
  };
}
serve(parentPort!, data, provider);
