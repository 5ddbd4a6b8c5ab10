// Rules compiled to functions against the interpreter: the same octets, bits and drop codes for packets that fit, that fit not,
// and that are no packets, both ways, at any offset and with little room. DIETESP_LONG=1: a million packets.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { schcCompress } from '../../core/schc/compress.ts';
import { type Context, compileContext } from '../../core/schc/context.ts';
import { schcDecompress } from '../../core/schc/decompress.ts';
import * as F from '../../core/schc/fid.ts';
import * as S from '../../core/schc/model.ts';
import * as W from '../../core/wire/fid.ts';
import { type GeneratedContext, generateContext } from '../../targets/build/specialise/context.ts';
import { packet, udp } from '../naive/packets.ts';
import * as M from './make.ts';
import { fidsOf, fittingRule, scenario } from './random.ts';

const PACKETS = process.env['DIETESP_LONG'] === '1' ? 1e6 : 20000;
const PER_CONTEXT = 20;
/** Octets around a result that nothing may touch. */
const AROUND = 3;

interface Outcome {
  result: number;
  octets: string;
  bits: number;
}

type Run = typeof schcCompress;

/** One call with copies of its input, at an offset, with `room` octets for the result. */
function outcome(run: Run, context: Context, way: S.Way, input: Uint8Array, room: number): Outcome {
  const from = new Uint8Array(input.length + 2 * AROUND).fill(0xa5);
  from.set(input, AROUND);
  const to = new Uint8Array(AROUND + room).fill(0x5a);
  context.bitLength = 0;
  const result = run(context, way, from, AROUND, input.length, to, AROUND);
  assert.equal(M.hex(to.subarray(0, AROUND)), '5a5a5a');
  assert.equal(M.hex(from.subarray(AROUND + input.length)), 'a5a5a5');
  const octets = M.hex(from) + ' ' + M.hex(to.subarray(AROUND, AROUND + Math.max(0, result)));
  return { result, octets, bits: context.bitLength };
}

/** Equal both ways; true when the packet was taken. */
function compare(context: Context, made: GeneratedContext, way: S.Way, input: Uint8Array, room: number): boolean[] {
  const compress: Run = (_, ...rest) => made.compress(...rest);
  const decompress: Run = (_, ...rest) => made.decompress(...rest);
  const out = outcome(schcCompress, context, way, input, room);
  assert.deepEqual(outcome(compress, context, way, input, room), out);
  const back = outcome(schcDecompress, context, way, input, room);
  assert.deepEqual(outcome(decompress, context, way, input, room), back);
  return [out.result > 0, back.result > 0];
}

/** Prefix-free RuleIDs for rules: `long` bits more than needed, behind a common beginning. */
function numbered(rules: readonly S.Rule[], draw: (most: number) => number): S.Rule[] {
  const more = draw(1) * 9;
  return rules.map((rule, i) => ({ ...rule, ruleIdLength: 3 + more, ruleId: i * 2 ** more + draw(2 ** more - 1) }));
}

test('random rules and packets: the same as the interpreter', () => {
  let taken = 0;
  let restored = 0;
  let generated = 0;
  let programs = 0;
  fc.assert(
    fc.property(
      fc.array(scenario, { minLength: 1, maxLength: 4 }),
      fc.infiniteStream(fc.nat(0x7fffffff)),
      (all, more) => {
        const draw = (most: number): number => more.next().value % (most + 1);
        const rules = all.map(({ stack, split, up, draws }) => {
          let n = 0;
          const own = (most: number): number => draws[n++ % draws.length] % (most + 1);
          return fittingRule(stack.bytes, fidsOf(stack, split), up ? S.DI_UP : S.DI_DW, own);
        });
        // Sometimes a rule for all other packets.
        if (draw(3) === 0) rules.push(M.rule(0, 1, []));
        const context = compileContext(numbered(rules, draw), M.HEADERS);
        context.isZeroAbsence = draw(1) === 1;
        const made = generateContext(context);
        generated += made.generated;
        programs += made.programs;
        const address = [M.NONE, Uint8Array.of(0x12, 0x34), new Uint8Array(8).fill(7)][draw(2)];
        for (let i = 0; i < PER_CONTEXT; i++) {
          const { stack, up } = all[draw(all.length - 1)];
          const direction = up === draw(7) > 0 ? S.DI_UP : S.DI_DW;
          const way: S.Way = { direction, dev: address, app: address };
          const schc = M.compressed(context, direction, stack.bytes);
          let input = new Uint8Array(draw(1) === 0 && typeof schc !== 'number' ? schc : stack.bytes);
          const damage = draw(5);
          if (damage === 0 && input.length > 0) input[draw(input.length - 1)] ^= 1 << draw(7);
          if (damage === 1) input = input.subarray(0, draw(input.length));
          if (damage === 2 && input.length > 0) input[draw(Math.min(12, input.length - 1))] = draw(255);
          const room = draw(3) === 0 ? draw(120) : 2000;
          const [out, back] = compare(context, made, way, input, room);
          if (out) taken++;
          if (back) restored++;
        }
      },
    ),
    { numRuns: PACKETS / PER_CONTEXT, includeErrorInReport: true },
  );
  // The test has seen what it is about.
  assert.ok(taken > PACKETS / 20 && restored > PACKETS / 20, `${taken} taken, ${restored} restored`);
  assert.ok(generated > programs / 4, `${generated} of ${programs}`);
});

const PREFIX = '0x20010db800000000';

function iidRule(): S.Rule {
  return M.rule(5, 4, [
    M.notSent(W.FID_IPV6_VERSION, 4, 6),
    M.mapped(F.FID_IPV6_TRAFFIC_CLASS, 8, [0, 4, 0xb8]),
    M.lsb(W.FID_IPV6_FLOW_LABEL, 20, 0, 17),
    M.computed(W.FID_IPV6_PAYLOAD_LENGTH, 16),
    M.notSent(W.FID_IPV6_NEXT_HEADER, 8, 17),
    M.assumed(W.FID_IPV6_HOP_LIMIT, 8, 64),
    M.mapped(F.FID_IPV6_DEV_PREFIX, 64, [PREFIX, '0xfe80000000000000']),
    { ...M.sent(F.FID_IPV6_DEV_IID, 64), cda: S.CDA_DEV_IID },
    M.notSent(F.FID_IPV6_APP_PREFIX, 64, PREFIX),
    { ...M.sent(F.FID_IPV6_APP_IID, 64), cda: S.CDA_APP_IID },
    M.lsb(F.FID_UDP_DEV_PORT, 16, 0xf0b0, 12),
    M.lsb(F.FID_UDP_APP_PORT, 16, 0xf0b0, 12),
    M.computed(W.FID_UDP_LENGTH, 16),
    M.computed(W.FID_UDP_CHECKSUM, 16),
  ]);
}

test('interface identifiers of link-layer addresses, lists of wide values, unaligned payload', () => {
  const context = compileContext([iidRule()], M.HEADERS);
  const made = generateContext(context);
  assert.equal(made.generated, 2);
  const dev = Uint8Array.of(0x12, 0x34);
  const app = Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 1);
  const way: S.Way = { direction: S.DI_UP, dev, app };
  const bytes = packet(
    { src: 'fe80::ff:fe00:1234', dst: '2001:db8::1', dscp: 46, label: 5 },
    udp(0xf0b1, 0xf0b2, Buffer.from('payload')),
  );
  const out = new Uint8Array(100);
  const size = made.compress(way, bytes, 0, bytes.length, out, 0);
  // 4 of RuleID, 2 of list, 3 of flow label, 1 of list, twice 4 of port: 18 bits, then the payload.
  assert.equal(context.bitLength, 18 + 7 * 8);
  assert.equal(size, 10);
  const back = new Uint8Array(200);
  assert.equal(made.decompress(way, out, 0, size, back, 0), bytes.length);
  // The hop limit is taken for granted.
  assert.equal(M.hex(back.subarray(0, bytes.length)), M.hex(bytes));
  for (const address of [M.NONE, new Uint8Array(3), dev, app]) {
    compare(context, made, { ...way, dev: address }, bytes, 200);
    compare(context, made, { ...way, app: address }, out.subarray(0, size), 200);
  }
});

test('where the engine makes no functions from text, the interpreter works', () => {
  const program = `
    import { generateContext } from './targets/build/specialise/context.ts';
    import { compileContext } from './core/schc/context.ts';
    const context = compileContext([{ ruleId: 1, ruleIdLength: 8, fields: [] }], []);
    const made = generateContext(context);
    const out = new Uint8Array(9);
    const way = { direction: 1, dev: out, app: out };
    console.log(made.generated, made.compress(way, Uint8Array.of(7, 8), 0, 2, out, 0), made.decompress(way, out, 0, 3, out, 5));
  `;
  const args = ['--disallow-code-generation-from-strings', '--import', 'tsx', '--input-type=module', '-e', program];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(stdout, '0 3 2\n', stderr);
});
