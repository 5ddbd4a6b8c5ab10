// The SCHC layer on every engine: an example of RFC 8824, and random packets with matching rules, from a fixed seed. Node's
// result becomes a case only after a check against the packet.

import fc from 'fast-check';
import { compileContext } from '../../core/schc/context.ts';
import { DI_DW, DI_UP, type Rule } from '../../core/schc/model.ts';
import * as M from '../schc/make.ts';
import { fidsOf, fittingRule, scenario } from '../schc/random.ts';
import { everywhere } from './everywhere.ts';

const SEED = 20240901;
const COUNT = 24;

function ruleText(rule: Rule): string {
  const fields = rule.fields.map((f) => [f.fid, f.fl, f.fp, f.di, f.mo, f.msb, f.cda, ...f.tv.map(M.hex)].join(','));
  return rule.ruleId + '/' + rule.ruleIdLength + ':' + fields.join(';');
}

// RFC 8824 §7.3, with a RuleID for packets that no rule fits.
const coap =
  '2/8:60100,2,1,0,0,0,0,01;60101,2,1,1,0,0,0,00;60101,2,1,2,0,0,0,02;60102,4,1,0,0,0,0,01;60103,8,1,1,0,0,0,01;' +
  '60103,8,1,2,3,0,2,45,84;60104,16,1,0,2,12,3,00;60105,-1,1,0,2,5,3,80;61011,0,1,1,0,0,0,74656d7065726174757265';
const cases = [
  ['rfc8824-get', '1', '', '', '4101000182bb74656d7065726174757265', '0214', coap],
  ['rfc8824-content', '2', '', '', '6145000182ff32332043', '020a32332043', coap, '7/3:'],
  ['no-rule', '2', '', '', '4101000182bb74656d7065726174757265', '-6', coap],
  ['no-compression', '2', '', '', '4101000182', 'e820200030' + '40', coap, '7/3:'],
];

// Observe, Content-Format and If-None-Match without octets, and a rule that has them.
const options =
  '5/8:60100,2,1,0,0,0,0,01;60101,2,1,0,0,0,0,00;60102,4,1,0,0,0,0,00;60103,8,1,0,1,0,1;60104,16,1,0,1,0,1';
for (const [name, fid, packet] of [
  ['if-none-match', 61005, '4001123450'],
  ['observe', 61006, '4001123460'],
  ['content-format', 61012, '40011234c0'],
] as const) {
  const rule = `${options};${fid},0,1,0,1,0,1`;
  cases.push([`empty-${name}`, '1', '', '', packet, '0501123400', rule]);
  cases.push([`empty-absent-${name}`, '1', '', '', '40011234', '-6', rule]);
  cases.push([`strict-${name}`, '1', '', '', packet, '-6', rule]);
  cases.push([`strict-absent-${name}`, '1', '', '', '40011234', '0501123400', rule]);
}

for (const [i, { stack, split, up, draws }] of fc.sample(scenario, { seed: SEED, numRuns: COUNT }).entries()) {
  let n = 0;
  const draw = (most: number): number => draws[n++ % draws.length] % (most + 1);
  const direction = up ? DI_UP : DI_DW;
  const rule = fittingRule(stack.bytes, fidsOf(stack, split), direction, draw);
  const schc = M.compressed(compileContext([rule], M.HEADERS), direction, stack.bytes);
  cases.push(['random-' + i, String(direction), '', '', M.hex(stack.bytes), M.text(schc), ruleText(rule)]);
}

everywhere('core/schc', 'test/engines/schc.entry.ts', cases);
everywhere('core/schc with mangled properties', 'test/engines/schc.entry.ts', cases, { mangle: true });
