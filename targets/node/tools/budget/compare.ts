// The reading of the demo under other protocols, for its summary.

import { readingMessage } from '../../host/coap.ts';
import { providerNamed } from '../../host/provider/by-name.ts';
import type { Comparison } from '../../lab/demo/view.ts';
import { countedRows } from './measure.ts';
import { modelRows, type Row } from './model.ts';

const SHOWN = [/^clear UDP/, /^DTLS 1\.3/, /^OSCORE request/, /^ESP transport, CCM-8 IIV$/, /^ESP tunnel, CCM-8 IIV$/];

/** The same reading under other protocols. */
export async function otherStacks(): Promise<Comparison[]> {
  const message = readingMessage('a', '{"t":21.5}', 1, 1);
  const rows: Row[] = [...countedRows(message, await providerNamed('fast')), ...modelRows(message.length)];
  return SHOWN.flatMap((pattern) => rows.filter(({ stack }) => pattern.test(stack))).map(
    ({ stack, short, source }) => ({
      stack,
      frames: short.frames,
      octets: short.octets,
      ms: short.ms,
      source,
    }),
  );
}
