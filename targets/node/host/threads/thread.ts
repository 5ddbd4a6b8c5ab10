// The program of a thread: see serve.ts.

import { parentPort, workerData } from 'node:worker_threads';
import { createFastProvider } from '../provider/fast.ts';
import { serve, type ThreadData } from './serve.ts';

serve(parentPort!, workerData as ThreadData, createFastProvider());
