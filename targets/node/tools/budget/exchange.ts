// A confirmable reading and its ACK, in clear and under ESP, with and without rules for CoAP: octets on air of the frames that the
// core makes, for nodes with short addresses.

import type { Provider } from '../../../../core/crypto/provider.ts';
import * as A from '../../../../core/dietesp/attributes.ts';
import { aesCcm8Iiv } from '../../../../core/esp/suites.ts';
import { schcCompress } from '../../../../core/schc/compress.ts';
import { compileContext } from '../../../../core/schc/context.ts';
import { DI_DW, DI_UP } from '../../../../core/schc/model.ts';
import { coapPathRules, coapSet } from '../../host/config/coap.ts';
import { count, DIET, datagramOf, type Stack, shortPlan } from './measure.ts';
import type { Row } from './model.ts';

/** As sensors of the demo send it: CON POST, token, Uri-Path a, {"t":21.5}. */
export const READING = Buffer.from('4102000101b161ff7b2274223a32312e357d', 'hex');
/** Its answer: ACK 2.04. */
export const ACK = Buffer.from('6144000101', 'hex');

/** What a reading and its answer cost. */
export interface ExchangeRow {
  stack: string;
  reading: Omit<Row, 'source'>;
  ack: Omit<Row, 'source'>;
}

/** A message under the rules where nothing but itself carries the RuleID. */
function ruled(paths: readonly string[], message: Uint8Array, direction: number): Uint8Array {
  const context = compileContext(coapPathRules(paths), []);
  const none = new Uint8Array(0);
  const out = new Uint8Array(message.length + 8);
  const way = { direction, dev: none, app: none };
  return out.subarray(0, schcCompress(context, way, message, 0, message.length, out, 0));
}

/** Rows for a reading to the server and its answer, with the rules of `paths`. */
export function exchangeRows(reading: Uint8Array, ack: Uint8Array, paths: string[], provider: Provider): ExchangeRow[] {
  const plan = shortPlan();
  const cost = (stack: Stack, message: Uint8Array): Omit<Row, 'source'> => {
    const { cost: short, l3 } = count(datagramOf(stack, message, provider), plan, 'short');
    return { stack: stack.stack, l3, short, extended: short };
  };
  const row = (stack: Stack, up = reading, down = ack): ExchangeRow => {
    // Each side of the rules is compiled once and shared; what goes up is Dev's.
    const side = (isDev: boolean): Stack =>
      stack.coap === undefined ? stack : { ...stack, coap: coapSet(coapPathRules(paths), isDev) };
    return { stack: stack.stack, reading: cost(side(true), up), ack: cost(side(false), down) };
  };
  const rules = coapSet(coapPathRules(paths), true);
  const diet = (spi: number, more: Partial<Stack> = {}): Stack => ({
    stack: `Diet-ESP, SPI ${spi} + SN 8`,
    suite: aesCcm8Iiv,
    diet: { ...DIET, espSpiLsb: spi, espSnLsb: 8 },
    ...more,
  });
  const clear = 'clear UDP, CoAP by the rules';
  return [
    row({ stack: 'clear UDP (6LoWPAN)' }),
    row({ stack: clear }, ruled(paths, reading, DI_UP), ruled(paths, ack, DI_DW)),
    row(diet(8)),
    row(diet(0)),
    row(diet(8, { stack: 'Diet-ESP and rules for CoAP, SPI 8 + SN 8', coap: rules })),
    row(diet(0, { stack: 'Diet-ESP and rules for CoAP, SPI 0 + SN 8', coap: rules })),
    row({ stack: 'ESP transport, CCM-8 IIV', suite: aesCcm8Iiv, mode: A.MODE_TRANSPORT }),
    row({ stack: 'ESP tunnel, CCM-8 IIV', suite: aesCcm8Iiv, mode: A.MODE_TUNNEL }),
  ];
}
