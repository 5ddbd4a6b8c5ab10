// A rule for CoAP requests, messages for it, and both ways at once.

import assert from 'node:assert/strict';
import { compileContext } from '../../core/schc/context.ts';
import * as S from '../../core/schc/model.ts';
import * as C from '../../core/wire/coap.ts';
import * as M from './make.ts';

export const HEAD = [
  M.notSent(C.FID_COAP_VERSION, 2, 1),
  M.notSent(C.FID_COAP_TYPE, 2, 0),
  M.sent(C.FID_COAP_TKL, 4),
  M.notSent(C.FID_COAP_CODE, 8, 1),
];
export const MID = M.sent(C.FID_COAP_MID, 16);

/** A message with message ID 7. */
export function coap(options: [number, Uint8Array][], token = '', payload = ''): Buffer {
  const head = Buffer.from('40010007', 'hex');
  head[0] += token.length / 2;
  const parts = [head, Buffer.from(token, 'hex')];
  let number = 0;
  for (const [n, value] of options) {
    const bytes = new Uint8Array(5);
    const at = C.putCoapHead(bytes, 0, n - number, value.length);
    assert.equal(at, C.coapHeadSize(n - number, value.length));
    parts.push(Buffer.from(bytes.subarray(0, at)), Buffer.from(value));
    number = n;
  }
  if (payload !== '') parts.push(Buffer.from('ff' + payload, 'hex'));
  return Buffer.concat(parts);
}

/** Compresses and restores; the SCHC packet, or the drop code of the compressor. */
export function both(fields: S.FieldDescriptor[], bytes: Uint8Array, direction = S.DI_UP, dev = M.NONE): string {
  const context = compileContext([M.rule(1, 8, fields)], M.HEADERS);
  const schc = M.compressed(context, direction, bytes, dev);
  if (typeof schc !== 'number') assert.equal(M.text(M.restored(context, direction, schc, dev)), M.hex(bytes));
  return M.text(schc);
}
