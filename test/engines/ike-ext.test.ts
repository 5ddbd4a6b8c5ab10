// Examples of both compression notifies, of DSCP lists and of announced methods on every engine. With damaged offers and
// answers every engine must give Node's result.

import { valuesOf } from '../../core/ike/child/compression.ts';
import { ehc } from '../../core/ike/child/ehc.ts';
import { hcp } from '../../core/ike/child/hcp.ts';
import type { CompressionNotify, CompressionPolicy } from '../../core/ike/state/compression.ts';
import { bytes, check, choose, damaged, hex, written } from '../ike/ext/support.ts';
import { everywhere } from './everywhere.ts';

const HCP_POLICY = '1,1;1,1;1,1,3,3;0,0;0,16;8,16;-|-;-;-;2,2;16,16;16,16;-#-';
const HCP_OFFER =
  '0100002c8000000180010001800200018002000380030000' +
  '7fff000880040000800400107fff00088005000880050010' +
  '0200000c800300028004001080050010';
const HCP_ANSWER = '010000188000000180010001800200038003000080040008' + '80050008';
const EHC_POLICY = '-;-;1,1;0,0;8,16;8,16;-|-;-;0,1;2,2;32,32;32,32;-#-';
const EHC_OFFER = '001480000000800100028002000c8003000c80040001' + '001080010001800200018003000180040003';
const EHC_ANSWER = '8000000080010002800200048003000480040001';
const SPI = '0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16';
const ADDRESS = '070000100000ffff00000000ffffffff';

const cases: string[][] = [
  ['hcp-offer', 'hcp offer', HCP_POLICY, '', HCP_OFFER + ' ' + SPI],
  ['hcp-zero', 'hcp answer', '-;-;3,3;-;8,8;8,8;-#-', HCP_OFFER, HCP_ANSWER],
  ['hcp-second', 'hcp answer', '0,0;0,0;0,0;-;-;-;-#-', HCP_OFFER, '0200000c800300028004001080050010'],
  ['hcp-none', 'hcp answer', '-;-;2,2;1,1;-;-;-#-', HCP_OFFER, 'none'],
  ['hcp-check', 'hcp check', HCP_POLICY, HCP_ANSWER, '1 1,1,3,0,8,8,1'],
  ['hcp-check-2', 'hcp check', HCP_POLICY, '0200000c800300028004001080050010', '2 0,0,0,2,16,16,1'],
  ['hcp-outside', 'hcp check', HCP_POLICY, '0200000c800300018004001080050010', 'none'],
  [
    'hcp-ffff',
    'hcp answer',
    '-;-;-;-;6,6;2,2;-#-',
    '0100000cffff00048004000680040008',
    '0100001880000001800100018002000180030000' + '8004000680050002',
  ],
  [
    'hcp-sa',
    'hcp answer',
    '2,2;-;-;-;8,8;8,8;-#46,0,10',
    '01000000',
    '0100001880000002800100018002000180030000' + '8004000880050008',
  ],
  ['ehc-offer', 'ehc offer', EHC_POLICY, '', EHC_OFFER + ' 8,9,10,11,12,13,14,15,16,32'],
  ['ehc-empty', 'ehc offer', '-#-', '', ' ' + Array.from({ length: 33 }, (_, i) => i).join()],
  ['ehc-answer', 'ehc answer', '-;-;-;-;16,16;16,16;-#-', EHC_OFFER, EHC_ANSWER],
  ['ehc-any', 'ehc answer', '-#-', '', '8000000080010002800200088003000880040001'],
  ['ehc-check', 'ehc check', EHC_POLICY, EHC_ANSWER, '1 1,1,1,0,16,16,1'],
  ['ehc-wrapped', 'ehc check', EHC_POLICY, '0014' + EHC_ANSWER, '1 1,1,1,0,16,16,1'],
  ['ehc-defaults', 'ehc check', EHC_POLICY, '', '2 1,1,1,2,32,32,1'],
  ['dscp', 'dscp', '28,10', '0a1c', '0a1c 10,28'],
  ['dscp-differs', 'dscp', '10', '1c400aff0a', '0a1c -'],
  [
    'ts-dscp',
    'ts',
    '-',
    '02000000' + ADDRESS + 'f10000070a0c2e',
    '10,12,46 0000001f02000000' + ADDRESS + 'f10000070a0c2e',
  ],
  [
    'ts-narrow',
    'ts',
    '46,0',
    '02000000' + ADDRESS + 'f10000070a0c2e',
    '10,12,46 0000001d02000000' + ADDRESS + 'f10000052e',
  ],
  ['ts-alone', 'ts', '-', '01000000f10000050a', '38'],
  ['ts-short', 'ts', '-', '02000000' + ADDRESS, '7'],
  ['auth', 'auth', '-', '0a0e00300506032b65700202', '0 2 0a0e00300506032b65700202'],
  ['auth-cut', 'auth', '-', '02020a0e00300506032b65', '7 1 0202'],
];

/** Unprotected INFORMATIONAL under the SPIs of the entry, flags 20: the answer to request 5. */
function unprotected(spis: string, flags: string, payloads: string): string {
  return spis + '292025' + flags + (flags === '20' ? '00000005' : '00000000') + length(payloads) + payloads;
}

const length = (payloads: string): string => (28 + payloads.length / 2).toString(16).padStart(8, '0');
const SPIS = '01010101010101010202020202020202';
const TOKEN = 'a0a1a2a3a4a5a6a7a8a9aaabacadaeaf';
const AUTH = '0000001801004023' + TOKEN;
const NOBODY = '2900000800000004';
cases.push(
  ['crash-token', 'crash', AUTH, unprotected(SPIS, '20', NOBODY + AUTH), '13 0 0'],
  ['crash-other', 'crash', AUTH, unprotected(SPIS, '20', NOBODY + AUTH.slice(0, -1) + 'e'), '- 1 0'],
  ['crash-cut', 'crash', AUTH, unprotected(SPIS, '20', NOBODY + '0000001701004023' + TOKEN.slice(2)), '- 1 0'],
  ['crash-none', 'crash', AUTH, unprotected(SPIS, '20', '0000000800000004'), '- 1 0'],
  ['crash-alone', 'crash', AUTH, unprotected(SPIS, '20', AUTH), '- 0 0'],
  ['crash-short', 'crash', '0000001701004023' + TOKEN.slice(2), unprotected(SPIS, '20', NOBODY + AUTH), '- 1 0'],
  ['crash-spi', 'crash', AUTH, unprotected('0'.repeat(32), '08', '0000000c0000000bfedcba98'), '- 1 1'],
  ['crash-other-spi', 'crash', AUTH, unprotected('0'.repeat(32), '08', '0000000c0000000bfedcba99'), '- 0 0'],
);

const policies: Record<string, CompressionPolicy> = {
  [HCP_POLICY]: {
    proposals: [
      { allowed: [[1, 1], [1, 1], [1, 1, 3, 3], [0, 0], [0, 16], [8, 16], []] },
      { allowed: [[], [], [], [2, 2], [16, 16], [16, 16], []] },
    ],
    required: false,
    dscpList: [],
  },
  [EHC_POLICY]: {
    proposals: [
      { allowed: [[], [], [1, 1], [0, 0], [8, 16], [8, 16], []] },
      { allowed: [[], [], [0, 1], [2, 2], [32, 32], [32, 32], []] },
    ],
    required: false,
    dscpList: [],
  },
};

/** Some of the damaged forms; every one is for Node alone. */
function damagedCases(kind: CompressionNotify, policyText: string, offer: string, answer: string): void {
  const policy = policies[policyText];
  for (const [index, octets] of [...damaged(bytes(offer))].entries()) {
    if (index % 13 !== 0) continue;
    const choice = choose(kind, policy, octets);
    const expected = choice === null ? 'none' : hex(written((w) => kind.addAnswer(w, choice)));
    cases.push([`${kind.name}-offer-${index}`, kind.name + ' answer', policyText, hex(octets), expected]);
  }
  for (const [index, octets] of [...damaged(bytes(answer))].entries()) {
    if (index % 7 !== 0) continue;
    const choice = check(kind, policy, octets);
    const expected = choice === null ? 'none' : choice.proposal + ' ' + valuesOf(choice).join();
    cases.push([`${kind.name}-answer-${index}`, kind.name + ' check', policyText, hex(octets), expected]);
  }
}

damagedCases(hcp, HCP_POLICY, HCP_OFFER, HCP_ANSWER);
damagedCases(ehc, EHC_POLICY, EHC_OFFER, EHC_ANSWER);

everywhere('core/ike/ext', 'test/engines/ike-ext.entry.ts', cases);
everywhere('core/ike/ext with mangled properties', 'test/engines/ike-ext.entry.ts', cases, { mangle: true });
