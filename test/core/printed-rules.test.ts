// The three rules that `dietesp rules` prints are those that run. The test executes them as printed, field by field on texts of
// bits: the result must equal the output of `outbound`, octet for octet, and reading that output with them must give the
// packet's fields. A provider that does not encrypt shows the clear text.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Provider } from '../../core/crypto/provider.ts';
import { createEndpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { createSa, type SaConfig } from '../../core/esp/sa.ts';
import { type FieldView, type RuleView, rulesOf, TRANSPORTS } from '../../targets/node/host/explain/rules-view.ts';
import { randomCase } from '../naive/random.ts';
import type { Sa as NaiveSa, VectorFile } from '../naive/types.ts';
import { configOf, provider, send } from './support.ts';

const clear: Provider = { ...provider, seal: () => {}, cbc: () => {}, mac: () => {} };

const bitsOf = (octets: Uint8Array): string =>
  Array.from(octets, (octet) => octet.toString(2).padStart(8, '0')).join('');
const numberBits = (value: number, width: number): string => value.toString(2).padStart(width, '0').slice(-width);
/** Target values are right-aligned. */
const targets = ({ descriptor, fl }: FieldView): string[] =>
  descriptor.tv.map((value) => bitsOf(value).padStart(fl, '0').slice(-fl));

/** The residue of a field with this value, by the texts of its matching operator and action. */
function sent(field: FieldView, value: string): string {
  const values = targets(field);
  const msb = Number(/^MSB\((\d+)\)$/.exec(field.mo)?.[1] ?? 0);
  const where = `${field.name} ${value}`;
  if (field.mo === 'equal') assert.deepEqual(values, [value], where);
  else if (field.mo === 'match-mapping') assert.ok(values.includes(value), where);
  else if (field.mo === 'ignore') assert.deepEqual(values, [], where);
  // The target value of the sequence number is what the receiver infers.
  else for (const target of values) assert.equal(value.slice(0, msb), target.slice(0, msb), where);
  if (field.cda === 'value-sent') return value;
  if (field.cda === 'LSB') return value.slice(msb);
  if (field.cda === 'mapping-sent') return numberBits(values.indexOf(value), Math.ceil(Math.log2(values.length)));
  assert.ok(field.cda === 'not-sent' || field.cda.startsWith('compute'), field.cda);
  return '';
}

/** The value that `bits`, which begin with the field's residue, stand for; null: computed. */
function restored(field: FieldView, bits: string): string | null {
  const values = targets(field);
  if (field.cda === 'value-sent') return bits.slice(0, field.fl);
  if (field.cda === 'LSB') return values[0].slice(0, field.fl - field.bits!) + bits.slice(0, field.bits!);
  if (field.cda === 'mapping-sent') return values[Number.parseInt(`0${bits.slice(0, field.bits!)}`, 2)];
  return field.cda === 'not-sent' ? values[0] : null;
}

/** The headers of a packet that the IIPC rule describes, by name, and where each begins. */
function headersOf(rule: RuleView, tunnel: boolean, inner: Buffer): { name: string; at: number }[] {
  const six = inner[0] >> 4 === 6;
  const size = six ? 40 : (inner[0] & 15) * 4;
  const found: { name: string; at: number }[] = [];
  if (tunnel) found.push({ name: six ? 'IPv6' : 'IPv4', at: 0 });
  // HDR-EXTENT: with options and in fragments the transport header is payload.
  const isWhole = six || (inner.readUInt16BE(6) & 0x3fff) === 0;
  const proto = inner[six ? 6 : 9];
  const transport = TRANSPORTS.find(({ header }) => header.proto === proto);
  if (transport !== undefined && isWhole && (!tunnel || six || size === 20))
    found.push({ name: transport.name, at: size });
  return found.filter(({ name }) => rule.fields.some(({ header }) => header === name));
}

/** Runs the printed rules of an SA on a packet beside `outbound`; false where it refuses the packet. */
function execute(naive: NaiveSa, inner: Buffer): boolean {
  const config: SaConfig = configOf(naive);
  const { attributes: a, suite } = config;
  const sa = createSa(FULL_PARTS, clear, config);
  const made = send(createEndpoint(FULL_PARTS, clear), sa, inner);
  if (typeof made === 'string') return false;
  const [iipc, ctec, eec] = rulesOf(a, suite);
  assert.deepEqual([iipc.name, ctec.name, eec.name], ['IIPC', 'CTEC', 'EEC']);
  const tunnel = naive.ipsec_mode === 'tunnel';

  // IIPC: residue of each header, alignment, payload.
  const six = inner[0] >> 4 === 6;
  const innerBits = bitsOf(inner);
  const headers = headersOf(iipc, tunnel, inner);
  let text = iipc.ruleIdLength > 0 ? numberBits(iipc.ruleId, iipc.ruleIdLength) : '';
  let payload = tunnel ? 0 : six ? 40 : (inner[0] & 15) * 4;
  const values: [FieldView, string][] = [];
  for (const { name, at } of headers) {
    let bit = at * 8;
    for (const field of iipc.fields.filter(({ header }) => header === name)) {
      values.push([field, innerBits.slice(bit, bit + field.fl)]);
      bit += field.fl;
    }
    payload = bit / 8;
  }
  for (const [field, value] of values) {
    const residue = sent(field, value);
    assert.equal(residue.length, field.bits, `${field.name}: the bits that are printed`);
    text += residue;
  }
  while (text.length % 8 !== 0) text += '0';
  text += innerBits.slice(payload * 8);

  // CTEC: padding 1, 2, 3, ... and its length, Next Header.
  const next = ctec.fields[1];
  const nextValue = numberBits(tunnel ? (six ? 41 : 4) : inner[six ? 6 : 9], 8);
  const trailer = sent(next, nextValue);
  if (ctec.fields[0].cda === 'value-sent') {
    const block = Math.max(a.alignment, suite.blockSize * 8);
    let count = 0;
    while ((text.length + 8 + trailer.length) % block !== 0) text += numberBits(++count, 8);
    text += numberBits(count, 8);
  }
  text += trailer;

  // EEC: low bits of SPI and sequence number.
  const spi = numberBits(a.espSpi, 32);
  const sn = BigInt(`0x${naive.esp_sn}`).toString(2).padStart(32, '0').slice(-32);
  const esp = sent(eec.fields[0], spi) + sent(eec.fields[1], sn);

  const outer = made[0] >> 4 === 6 ? 40 : (made[0] & 15) * 4;
  const head = outer + esp.length / 8;
  const carried = bitsOf(made.subarray(head + suite.ivLength, made.length - suite.icvLength));
  assert.equal(bitsOf(made.subarray(outer, head)), esp, 'EEC');
  assert.equal(carried, text, 'IIPC and CTEC');

  // The other way: the printed rules read what was sent.
  let at = iipc.ruleIdLength;
  for (const [field, value] of values) {
    const back = restored(field, carried.slice(at));
    if (back !== null) assert.equal(back, value, `${field.name} restored`);
    at += field.bits!;
  }
  return true;
}

test('the printed rules make the octets of every golden vector', () => {
  let count = 0;
  for (const name of ['diet-esp.json', 'own.json']) {
    const file = JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8')) as VectorFile;
    for (const { id, sa, inner } of file.vectors) {
      assert.ok(execute(sa, Buffer.from(inner, 'hex')), `${name} ${id} is refused`);
      count++;
    }
  }
  assert.ok(count > 150, `${count} vectors`);
});

test('property: the printed rules make the octets of random SAs and packets', () => {
  let run = 0;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (seed) => {
      const { sa, inner } = randomCase(seed);
      if (execute(sa, inner)) run++;
    }),
    { numRuns: 1500, seed: 11, includeErrorInReport: true },
  );
  assert.ok(run > 1000, `${run} packets`);
});

test('a printed rule that differs from what runs is seen', () => {
  const config = configOf(randomCase(1).sa);
  const [, , eec] = rulesOf(config.attributes, config.suite);
  const spi = eec.fields[0];
  const value = numberBits(config.attributes.espSpi, 32);
  assert.equal(sent(spi, value).length, spi.bits);
  assert.throws(() => sent({ ...spi, mo: 'equal' }, numberBits(config.attributes.espSpi + 1, 32)), /SPI/);
});
