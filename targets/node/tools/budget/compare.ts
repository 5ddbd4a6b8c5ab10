// The demo's reading under other protocols, for its summary.

import { providerNamed } from '../../host/provider/by-name.ts';
import type { Comparison } from '../../lab/demo/view.ts';
import { ACK, exchangeRows, READING } from './exchange.ts';
import { countedRows } from './measure.ts';
import { modelRows, type Row } from './model.ts';

const SHOWN = [
  /^clear UDP \(/,
  /^clear UDP, /,
  /^DTLS 1\.3/,
  /^OSCORE request/,
  /^ESP transport, CCM-8 IIV$/,
  /^ESP tunnel, CCM-8 IIV$/,
];

/** The same reading under other protocols; `hasCoap`: also in clear with CoAP by the demo's rules. */
export async function otherStacks(hasCoap = false): Promise<Comparison[]> {
  const provider = await providerNamed('fast');
  const clear = hasCoap
    ? [{ ...exchangeRows(READING, ACK, ['a'], provider)[1].reading, source: 'counted' as const }]
    : [];
  const rows: Row[] = [...countedRows(READING, provider), ...clear, ...modelRows(READING.length)];
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
