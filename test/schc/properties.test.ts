// Properties of the SCHC layer over random packets and rules: compressed packets are restored; every truncation and any
// octets give a packet or a drop code; the field table lies within the packet.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { schcCompress } from '../../core/schc/compress.ts';
import { compileContext } from '../../core/schc/context.ts';
import { schcDecompress } from '../../core/schc/decompress.ts';
import * as S from '../../core/schc/model.ts';
import { createFields, createLayout, LAYER_PAYLOAD, parseFields } from '../../core/schc/parse.ts';
import { TARGETS } from '../fuzz/schc-targets.ts';
import * as M from './make.ts';
import { bytes, coapMessage, fidsOf, fittingRule, scenario, stack } from './random.ts';

const RUNS = 300;

test('decompress(compress(p)) = p, for random packets and rules that fit them', () => {
  let fitted = 0;
  fc.assert(
    fc.property(scenario, ({ stack: s, split, up, draws }) => {
      let n = 0;
      const draw = (most: number) => draws[n++ % draws.length] % (most + 1);
      const direction = up ? S.DI_UP : S.DI_DW;
      const rule = fittingRule(s.bytes, fidsOf(s, split), direction, draw);
      const context = compileContext([rule], M.HEADERS);
      const schc = M.compressed(context, direction, s.bytes);
      // A UDP checksum of zero, and IPv4 checksums and the like that no computation gives, fit no compute.
      if (schc === -6) return;
      fitted++;
      assert.notEqual(typeof schc, 'number', 'drop code ' + schc);
      assert.ok((schc as Uint8Array).length * 8 - context.bitLength < 8);
      assert.equal(M.text(M.restored(context, direction, schc as Uint8Array)), M.hex(s.bytes));
      // Shorter: less payload, or a drop code; never the packet.
      for (let length = 0; length < Math.min((schc as Uint8Array).length, 40); length++) {
        const cut = M.restored(context, direction, (schc as Uint8Array).subarray(0, length));
        assert.notEqual(M.text(cut), M.hex(s.bytes));
      }
      // Room one octet short on either side.
      const bytes = schc as Uint8Array;
      const out = new Uint8Array(bytes.length - 1);
      assert.equal(
        schcCompress(context, { direction, dev: M.NONE, app: M.NONE }, s.bytes, 0, s.bytes.length, out, 0),
        -8,
      );
      const room = new Uint8Array(s.bytes.length - 1);
      assert.equal(
        schcDecompress(context, { direction, dev: M.NONE, app: M.NONE }, bytes, 0, bytes.length, room, 0),
        -8,
      );
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  );
  assert.ok(fitted > RUNS / 2, fitted + ' of ' + RUNS);
});

test('a changed bit in a field that is not sent fits the rule no more, or comes back changed', () => {
  fc.assert(
    fc.property(scenario, fc.nat(), ({ stack: s, split, up, draws }, at) => {
      let n = 0;
      const draw = (most: number) => draws[n++ % draws.length] % (most + 1);
      const direction = up ? S.DI_UP : S.DI_DW;
      const context = compileContext([fittingRule(s.bytes, fidsOf(s, split), direction, draw)], M.HEADERS);
      const bad = Buffer.from(s.bytes);
      bad[(at >>> 3) % bad.length] ^= 0x80 >>> (at & 7);
      const schc = M.compressed(context, direction, bad);
      if (typeof schc !== 'number') assert.equal(M.text(M.restored(context, direction, schc)), M.hex(bad));
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  );
});

test('fields of a parsed packet lie within it, do not overlap, and cover the header', () => {
  fc.assert(
    fc.property(stack, fc.boolean(), fc.boolean(), fc.nat(80), (s, split, up, cut) => {
      const fields = createFields();
      const layout = createLayout(fidsOf(s, split), M.HEADERS, up ? S.DI_UP : S.DI_DW);
      const length = Math.max(0, s.bytes.length - cut);
      const code = parseFields(fields, layout, s.bytes.subarray(0, length), 0, length);
      if (code !== 0) {
        assert.ok(code < 0 && cut > 0, 'code ' + code + ' cut ' + cut);
        return;
      }
      assert.equal(cut, 0);
      const ends: [number, number][] = [];
      for (let i = 0; i < fields.count; i++) ends.push([fields.bit[i], fields.bit[i] + fields.bits[i]]);
      ends.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      let last = 0;
      for (const [from, to] of ends) {
        assert.ok(from >= last && to >= from);
        last = to;
      }
      assert.ok(last <= fields.starts[LAYER_PAYLOAD] * 8 && fields.starts[LAYER_PAYLOAD] <= length);
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  );
});

test('any octets: a result or a drop code from every fuzz target', () => {
  for (const target of TARGETS) {
    fc.assert(
      fc.property(
        fc.oneof(
          bytes(12),
          bytes(120),
          stack.map((s) => new Uint8Array(s.bytes)),
          coapMessage.map((m) => new Uint8Array(m)),
        ),
        (input) => {
          target.run(input);
        },
      ),
      { numRuns: RUNS, includeErrorInReport: true },
    );
  }
});
