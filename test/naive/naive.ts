// The naive second implementation of Diet-ESP, as tests import it. Slow on purpose, without any code of core/.
import { compress } from './compress.ts';
import { decompress, type Receiver, receiverOf, recoverSn } from './decompress.ts';
import type { Sa, VectorFields } from './types.ts';

/** All intermediate values of one packet. Throws Dropped when section 4.8 refuses it. `iv`: the explicit IV, where the suite has one. */
export function protect(sa: Sa, inner: Buffer, iv?: Buffer): VectorFields {
  const fields = compress(sa, inner, iv);
  const back = decompress(sa, Buffer.from(fields.wire, 'hex'));
  if (back.equals(inner)) return { ...fields, lossless: true };
  return { ...fields, lossless: false, decompressed: back.toString('hex') };
}

/** The inner packet. Throws Dropped for a packet section 11 drops. */
export function unprotect(sa: Sa, wire: Buffer, state?: Receiver): Buffer {
  return decompress(sa, wire, state);
}

export { type Receiver, receiverOf, recoverSn };
