// Prints the octets allocated per packet on Node, as JSON. Run it with --expose-gc and a young generation (also its minimum)
// that no run fills, so that nothing is collected in between. Arguments: provider, packets, first sequence number, `leak`.

import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createPortableProvider } from '../../targets/web/portable.ts';
import { createPipeline, receive, send } from './pipeline.ts';

const [which, packets, from, leak] = process.argv.slice(2);
const BATCH = 50000;
const provider = which === 'fast' ? createFastProvider() : createPortableProvider();
const pipeline = createPipeline(provider, aesCcm8Iiv, BATCH, Number(from));
const kept: number[][] = [];
const collect = (globalThis as unknown as { gc: () => void }).gc;

let sent = 0;
let received = 0;
const octets = { out: 0, in: 0 };

function batch(): void {
  const start = process.memoryUsage().heapUsed;
  sent += send(pipeline, BATCH);
  if (leak === 'leak') for (let i = 0; i < BATCH; i++) kept.push([i]);
  const middle = process.memoryUsage().heapUsed;
  received += receive(pipeline, BATCH);
  octets.out += middle - start;
  octets.in += process.memoryUsage().heapUsed - middle;
}

// Until everything is compiled.
for (let i = 0; i < 3; i++) batch();
collect();
sent = received = octets.out = octets.in = 0;
const before = process.memoryUsage().heapUsed;
const batches = Number(packets) / BATCH;
for (let i = 0; i < batches; i++) batch();
collect();
const after = process.memoryUsage().heapUsed;
const count = batches * BATCH;
process.stdout.write(
  JSON.stringify({
    sent,
    received,
    outPerPacket: octets.out / count,
    inPerPacket: octets.in / count,
    growth: after - before,
  }) + '\n',
);
