// Speed of the SCHC layer with a user's rule for IPv6 and UDP: one octet of RuleID, 8 bits of residue, 32 octets of payload,
// computed lengths and checksum. The best of several rounds.
//   node --import tsx test/bench/schc.ts

import { fileURLToPath } from 'node:url';
import { schcCompress } from '../../core/schc/compress.ts';
import { compileContext } from '../../core/schc/context.ts';
import { schcDecompress } from '../../core/schc/decompress.ts';
import * as F from '../../core/schc/fid.ts';
import { DI_UP } from '../../core/schc/model.ts';
import * as W from '../../core/wire/fid.ts';
import { generateContext } from '../../targets/build/specialise/context.ts';
import { packet, udp } from '../naive/packets.ts';
import * as M from '../schc/make.ts';

const PREFIX = '0x20010db800000000';
const ROUNDS = 5;
const CALLS = 20000;

const RULE = M.rule(1, 8, [
  M.notSent(W.FID_IPV6_VERSION, 4, 6),
  M.notSent(F.FID_IPV6_TRAFFIC_CLASS, 8, 0),
  M.notSent(W.FID_IPV6_FLOW_LABEL, 20, 0),
  M.computed(W.FID_IPV6_PAYLOAD_LENGTH, 16),
  M.notSent(W.FID_IPV6_NEXT_HEADER, 8, 17),
  M.notSent(W.FID_IPV6_HOP_LIMIT, 8, 64),
  M.notSent(F.FID_IPV6_DEV_PREFIX, 64, PREFIX),
  M.notSent(F.FID_IPV6_DEV_IID, 64, 1),
  M.notSent(F.FID_IPV6_APP_PREFIX, 64, PREFIX),
  M.notSent(F.FID_IPV6_APP_IID, 64, 2),
  M.lsb(F.FID_UDP_DEV_PORT, 16, 0xf0b0, 12),
  M.lsb(F.FID_UDP_APP_PORT, 16, 0xf0b0, 12),
  M.computed(W.FID_UDP_LENGTH, 16),
  M.computed(W.FID_UDP_CHECKSUM, 16),
]);

const WAY = { direction: DI_UP, dev: M.NONE, app: M.NONE };

function perSecond(run: () => void): number {
  let best = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < CALLS; i++) run();
    const rate = CALLS / (Number(process.hrtime.bigint() - start) / 1e9);
    // The first round warms up.
    if (round > 0) best = Math.max(best, rate);
  }
  return Math.round(best);
}

export function benchSchc(): { name: string; value: number; unit: string }[] {
  const context = compileContext([RULE], M.HEADERS);
  const bytes = packet({ src: '2001:db8::1', dst: '2001:db8::2' }, udp(0xf0b1, 0xf0b2, Buffer.alloc(32, 7)));
  const schc = M.compressed(context, DI_UP, bytes);
  if (typeof schc === 'number') throw new Error('bench: drop code ' + schc);
  const out = new Uint8Array(200);
  const compress = perSecond(() => {
    schcCompress(context, WAY, bytes, 0, bytes.length, out, 0);
  });
  const restore = perSecond(() => {
    schcDecompress(context, WAY, schc, 0, schc.length, out, 0);
  });
  const made = generateContext(context);
  const compressMade = perSecond(() => {
    made.compress(WAY, bytes, 0, bytes.length, out, 0);
  });
  const restoreMade = perSecond(() => {
    made.decompress(WAY, schc, 0, schc.length, out, 0);
  });
  return [
    { name: 'SCHC compress, IPv6 and UDP', value: compress, unit: 'packets/s' },
    { name: 'SCHC decompress, IPv6 and UDP', value: restore, unit: 'packets/s' },
    { name: 'SCHC compress, rules as functions', value: compressMade, unit: 'packets/s' },
    { name: 'SCHC decompress, rules as functions', value: restoreMade, unit: 'packets/s' },
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, value, unit } of benchSchc()) console.log(name + ': ' + value + ' ' + unit);
}
