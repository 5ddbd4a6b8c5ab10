// The steps of a compiled rule with all that is known of them before a packet comes: places, lengths, target values.

import {
  type Context,
  type RuleProgram,
  STEP_CDA,
  STEP_COUNT,
  STEP_FID,
  STEP_FIELD,
  STEP_FL,
  STEP_MO,
  STEP_MSB,
  STEP_STRIDE,
  STEP_VALUE,
} from '../../../core/schc/context.ts';
import { CDA_LSB, CDA_MAPPING_SENT, CDA_VALUE_SENT, indexBits } from '../../../core/schc/model.ts';
import { COAP_NONE, LAYER_NETWORK, type Layout } from '../../../core/schc/parse.ts';

/** Most target values of a rule that becomes text. */
const VALUES_MAX = 256;

/** One field descriptor of a program, with its constant places. */
export interface Step {
  fid: number;
  bits: number;
  mo: number;
  msb: number;
  cda: number;
  /** Target values, right-aligned. */
  values: Uint8Array[];
  /** First octet of the first value in the context's. */
  firstOctet: number;
  layer: number;
  /** First bit in the packet. */
  bit: number;
}

/** Octets of the network header, 0 without one. */
export function networkSize(layout: Layout): number {
  return layout.network === null ? 0 : layout.network.size;
}

export function headersSize(layout: Layout): number {
  return networkSize(layout) + (layout.transport === null ? 0 : layout.transport.size);
}

/** True for a program whose fields all have a fixed place, with lists that are worth a comparison each. */
export function isPlain(program: RuleProgram): boolean {
  if (program.layout.coap !== COAP_NONE) return false;
  let values = 0;
  for (let s = 0; s < program.steps.length; s += STEP_STRIDE) {
    if (program.steps[s + STEP_FIELD] < 0 || program.steps[s + STEP_FL] <= 0) return false;
    values += program.steps[s + STEP_COUNT];
  }
  return values <= VALUES_MAX;
}

export function stepsOf(context: Context, program: RuleProgram): Step[] {
  const { steps, layout } = program;
  const result: Step[] = [];
  for (let s = 0; s < steps.length; s += STEP_STRIDE) {
    const field = steps[s + STEP_FIELD];
    const first = steps[s + STEP_VALUE];
    const values: Uint8Array[] = [];
    for (let k = first; k < first + steps[s + STEP_COUNT]; k++) {
      const end = (context.valueBit[k] + context.valueBits[k]) >>> 3;
      values.push(context.values.slice(context.valueBit[k] >>> 3, end));
    }
    const layer = layout.layer[field];
    result.push({
      fid: steps[s + STEP_FID],
      bits: layout.bits[field],
      mo: steps[s + STEP_MO],
      msb: steps[s + STEP_MSB],
      cda: steps[s + STEP_CDA],
      values,
      firstOctet: values.length === 0 ? 0 : context.valueBit[first] >>> 3,
      layer,
      bit: (layer === LAYER_NETWORK ? 0 : networkSize(layout) * 8) + layout.first[field],
    });
  }
  return result;
}

/** Bits of residue of a field. */
export function sentBits(step: Step): number {
  if (step.cda === CDA_VALUE_SENT) return step.bits;
  if (step.cda === CDA_LSB) return step.bits - step.msb;
  return step.cda === CDA_MAPPING_SENT ? indexBits(step.values.length) : 0;
}

/** Bits of a SCHC packet before its payload: RuleID and residues. */
export function prefixBits(context: Context, program: RuleProgram, steps: readonly Step[]): number {
  return steps.reduce((sum, step) => sum + sentBits(step), context.ruleIdLength[program.rule]);
}
