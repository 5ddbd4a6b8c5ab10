// Rules for CoAP under an SA on every engine: the vectors of a second implementation (test/coap).

import { coapRuleSet } from '../../core/dietesp/coap-set.ts';
import { canonicalRules } from '../../core/schc/canonical.ts';
import { stored } from '../coap/make-vectors.ts';
import { hex } from '../schc/make.ts';
import { everywhere } from './everywhere.ts';

const cases = stored()
  .vectors.filter((_vector, i) => i % 2 === 0)
  .map(({ name, paths, direction, payload, packed, implied }, i) => {
    const canonical = hex(canonicalRules(coapRuleSet(paths.map((path) => Uint8Array.from(Buffer.from(path))))));
    const id = `${i}-${name.replaceAll(/[^a-z0-9]+/gi, '-')}`;
    return [id, paths.join(), direction, payload, packed, implied ? '1' : '0', canonical];
  });

everywhere('rules for CoAP', 'test/engines/coap-profile.entry.ts', cases);
