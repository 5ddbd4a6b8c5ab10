// Rules for CoAP under an SA, on an engine. A case: [id, paths with `,` between them, direction (up, down), UDP payload, what it
// becomes, 1: without a RuleID, canonical octets of the rule set], octets in hexadecimal digits.

import { COAP_HASH, createCoapRules, packCoap, unpackCoap } from '../../core/dietesp/coap-rules.ts';
import { coapRuleSet } from '../../core/dietesp/coap-set.ts';
import { canonicalRules } from '../../core/schc/canonical.ts';
import { begin, createReport, end, expect, expectNumber, finish, hex, octets, type Report } from './report.ts';

const ROOM = 512;

function pathsOf(text: string): Uint8Array[] {
  const paths: Uint8Array[] = [];
  const parts = text.split(',');
  for (let i = 0; i < parts.length; i++) {
    const path = new Uint8Array(parts[i].length);
    for (let k = 0; k < path.length; k++) path[k] = parts[i].charCodeAt(k);
    paths.push(path);
  }
  return paths;
}

function one(report: Report, strings: readonly string[]): void {
  const rules = coapRuleSet(pathsOf(strings[1]));
  const isUp = strings[2] === 'up';
  const name = new Uint8Array(COAP_HASH);
  const sender = createCoapRules(rules, name, isUp, ROOM);
  const receiver = createCoapRules(rules, name, !isUp, ROOM);
  const payload = octets(strings[3]);
  const input = new Uint8Array(ROOM);
  for (let i = 0; i < payload.length; i++) input[i + 2] = payload[i];
  const out = new Uint8Array(ROOM);
  const size = packCoap(sender, input, 2, payload.length, out, 1);
  const isImplied = sender.context.isImplied;
  expect(report, 'packed', strings[4], hex(out, 1, size));
  expect(report, 'implied', strings[5], isImplied ? '1' : '0');
  const back = new Uint8Array(ROOM);
  const length = unpackCoap(receiver, isImplied, out, 1, size, back, 3);
  expectNumber(report, 'length', payload.length, length);
  expect(report, 'payload', strings[3], hex(back, 3, Math.max(0, length)));
  expect(report, 'canonical', strings[6], hex(canonicalRules(rules), 0, canonicalRules(rules).length));
}

export function run(cases: readonly string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    one(report, cases[i]);
    end(report);
  }
  finish(report);
}
