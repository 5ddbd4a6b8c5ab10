// Residues of size 0 for CoAP options: an empty value, or absence.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileContext } from '../../core/schc/context.ts';
import { DI_UP, FL_VARIABLE } from '../../core/schc/model.ts';
import * as C from '../../core/wire/coap.ts';
import { both, coap, HEAD, MID } from './coap-rule.ts';
import * as M from './make.ts';

test('an empty CoAP option: size 0 is its value, or means absence everywhere', () => {
  const empty = Buffer.alloc(0);
  // If-None-Match, Observe 0, Content-Format 0, Accept 0, an option that nobody knows: head of the option in the packet.
  for (const number of [1, 5, 6, 7, 9, 12, 14, 17, 23, 27, 28, 60, 258, 4711]) {
    const fid = C.FID_COAP_OPTION + number;
    const fields = [...HEAD, MID, M.sent(fid, FL_VARIABLE)];
    assert.equal(both(fields, coap([[number, empty]])), '01000070', `${number}`);
    assert.equal(both(fields, coap([[number, Buffer.from('2a', 'hex')]])), '010000712a');
    // A rule with it does not take a packet without it: size 0 would bring one in.
    assert.equal(both(fields, coap([])), '-6', `${number}`);
    for (const [packet, schc] of [
      [coap([]), '01000070'],
      [coap([[number, empty]]), '-6'],
    ] as const) {
      const context = compileContext([M.rule(1, 8, fields)], M.HEADERS);
      context.isZeroAbsence = true;
      const result = M.compressed(context, DI_UP, packet);
      assert.equal(M.text(result), schc, `strict ${number}`);
      if (typeof result !== 'number') assert.equal(M.text(M.restored(context, DI_UP, result)), M.hex(packet));
    }
  }
  // Several of one number, and others between.
  const many = [6, 12, 12].map((number, i) => M.sent(C.FID_COAP_OPTION + number, FL_VARIABLE, { fp: i === 2 ? 2 : 1 }));
  const octet = Buffer.from('01', 'hex');
  assert.equal(
    both(
      [...HEAD, MID, ...many],
      coap([
        [6, empty],
        [12, octet],
        [12, empty],
      ]),
    ),
    '010000701010',
  );
});
