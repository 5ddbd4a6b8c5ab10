// The program of a worker: see serve.ts.

import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerData } from './messages.ts';
import { runWorker } from './serve.ts';

runWorker(parentPort!, workerData as WorkerData);
