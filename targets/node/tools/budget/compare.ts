// The demo's reading under other protocols, for its summary.

import { providerNamed } from '../../host/provider/by-name.ts';
import type { Comparison } from '../../lab/demo/view.ts';
import { countedRows } from './measure.ts';
import { modelRows, type Row } from './model.ts';

/** As sensors send it: CON POST, token, Uri-Path a, {"t":21.5}. */
const READING = Buffer.from('4102000101b161ff7b2274223a32312e357d', 'hex');

const SHOWN = [/^clear UDP/, /^DTLS 1\.3/, /^OSCORE request/, /^ESP transport, CCM-8 IIV$/, /^ESP tunnel, CCM-8 IIV$/];

/** The same reading under other protocols. */
export async function otherStacks(): Promise<Comparison[]> {
  const rows: Row[] = [...countedRows(READING, await providerNamed('fast')), ...modelRows(READING.length)];
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
