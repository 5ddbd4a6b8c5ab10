// The program of a worker: see work.ts.

import { parentPort, workerData } from 'node:worker_threads';
import { work } from './work.ts';

work(parentPort!, workerData);
