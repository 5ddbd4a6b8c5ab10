// The table from addresses to ASes against a search through all prefixes; ROAs as rpki-client writes them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { asOf4, asOf6, asTable, NO_AS, type Route } from '../../targets/node/risav/rpki/as-table.ts';
import { type Family, rangeOf, widthOf } from '../../targets/node/risav/rpki/resources.ts';
import { readVrpCsv, readVrpJson } from '../../targets/node/risav/rpki/vrps.ts';
import { prefix } from './kit.ts';

const octetsOf = (family: Family, address: bigint): Uint8Array =>
  Uint8Array.from(Buffer.from(address.toString(16).padStart(widthOf(family) / 4, '0'), 'hex'));

/** The longest prefix; of equal ones the smallest AS. */
function search(routes: readonly Route[], family: Family, address: bigint): number {
  let best: Route | undefined;
  for (const one of routes) {
    const [from, to] = rangeOf(one);
    if (one.family !== family || address < from || address > to) continue;
    const isBetter = best === undefined || one.length > best.length || (one.length === best.length && one.as < best.as);
    if (isBetter) best = one;
  }
  return best?.as ?? NO_AS;
}

test('random tables, with prefixes inside each other, at their borders and between', () => {
  const random = createRandom(11);
  let hits = 0;
  for (let round = 0; round < 60; round++) {
    for (const family of ['v4', 'v6'] as const) {
      const width = widthOf(family);
      const value = (): bigint => {
        // A few bits differ: prefixes lie close together, some at the ends of the space.
        let out = 0n;
        for (let i = 0; i < width / 8; i++) {
          const octet = i < 2 || i > width / 8 - 2 ? random.below(4) * 85 : round % 2 === 0 ? 255 : 0;
          out = (out << 8n) | BigInt(octet);
        }
        return out;
      };
      const routes: Route[] = Array.from({ length: random.below(40) }, () => {
        const length = random.below(width + 1);
        const hosts = (1n << BigInt(width - length)) - 1n;
        return { family, address: value() & ~hosts, length, as: 1 + random.below(5) };
      });
      const table = asTable(routes);
      const look = family === 'v4' ? asOf4 : asOf6;
      const last = (1n << BigInt(width)) - 1n;
      const places = routes.flatMap((one) => rangeOf(one)).flatMap((at) => [at - 1n, at, at + 1n]);
      for (const at of [0n, last, value(), value(), ...places]) {
        if (at < 0n || at > last) continue;
        const wanted = search(routes, family, at);
        const spaced = Uint8Array.of(9, ...octetsOf(family, at), 9);
        assert.equal(look(table, spaced, 1), wanted, `${family} ${at.toString(16)}`);
        if (wanted !== NO_AS) hits++;
      }
    }
  }
  assert.ok(hits > 1000);
});

test('an empty table knows nobody, one of everything everybody', () => {
  assert.equal(asOf4(asTable([]), new Uint8Array(4), 0), NO_AS);
  assert.equal(asOf6(asTable([]), new Uint8Array(16).fill(255), 0), NO_AS);
  const all = asTable([
    { ...prefix('0.0.0.0/0'), as: 1 },
    { ...prefix('::/0'), as: 2 },
  ]);
  assert.deepEqual([asOf4(all, new Uint8Array(4).fill(255), 0), asOf6(all, new Uint8Array(16), 0)], [1, 2]);
});

const NOW = 1_800_000_000_000;
const CSV = `ASN,IP Prefix,Max Length,Trust Anchor,Expires
AS64500,192.0.2.0/24,24,test,1800000000
AS64501,2001:db8::/32,48,test,1799999999
AS64502,198.51.100.0/24,25,test,1800000001
`;
const JSON_TEXT = JSON.stringify({
  roas: [
    { asn: 64500, prefix: '192.0.2.0/24', maxLength: 24, ta: 'test', expires: 1800000000 },
    { asn: 'AS64501', prefix: '2001:db8::/32', maxLength: 48, expires: 1799999999 },
    { asn: 64502, prefix: '198.51.100.0/24', maxLength: 25 },
  ],
});

test('ROAs as rpki-client writes them; what has expired is left out', () => {
  const wanted = [
    { ...prefix('192.0.2.0/24'), as: 64500, maxLength: 24 },
    { ...prefix('198.51.100.0/24'), as: 64502, maxLength: 25 },
  ];
  assert.deepEqual(readVrpCsv(CSV, 'csv', NOW), wanted);
  assert.deepEqual(readVrpJson(JSON_TEXT, 'json', NOW), wanted);
  assert.equal(readVrpCsv(CSV.replaceAll('\n', '\r\n'), 'csv', NOW).length, 2);
});

const head = CSV.split('\n')[0];
for (const [text, why] of [
  ['', /csv: line 1/],
  ['AS1,192.0.2.0/24,24\n', /csv: line 1/],
  [`${head}\nAS1\n`, /csv: line 2/],
  [`${head}\nAS4294967296,192.0.2.0/24,24,t,\n`, /csv: line 2: the AS must be 0 to 4294967295/],
  [`${head}\nAS1,192.0.2.1/24,24,t,\n`, /csv: line 2: '192.0.2.1\/24' has bits behind its length/],
  [`${head}\nAS1,192.0.2.0/33,33,t,\n`, /length 33: must be 0 to 32/],
  [`${head}\nAS1,192.0.2.0/24,23,t,\n`, /longest prefix must be 24 to 32/],
  [`${head}\nAS1,fe80::%1/64,64,t,\n`, /must be a prefix/],
] as const) {
  test(`refused: ${JSON.stringify(text.slice(head.length)) || 'nothing'}`, () => {
    assert.throws(() => readVrpCsv(text, 'csv', NOW), why);
  });
}

for (const [text, why] of [
  ['', /is no JSON/],
  ['[]', /roas must be a list/],
  ['null', /roas must be a list/],
  ['{"roas":[null]}', /roas\[0\]: must have/],
  ['{"roas":[{"asn":"x","prefix":"192.0.2.0/24","maxLength":24}]}', /roas\[0\]: the AS/],
  ['{"roas":[{"asn":1,"prefix":"192.0.2.0","maxLength":24}]}', /roas\[0\]: '192.0.2.0' must be a prefix/],
  ['{"roas":[{"asn":1,"prefix":"192.0.2.0/24","maxLength":24.5}]}', /longest prefix/],
] as const) {
  test(`refused: ${text || 'no text'}`, () => assert.throws(() => readVrpJson(text, 'json', NOW), why));
}
