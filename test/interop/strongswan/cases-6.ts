// Cases for strongSwan 6: what 5.9.8 does not have.

import { type Case, type Row, row } from './cases.ts';

const HYBRID: Row = {
  terms: { ike: ['aes128ccm8-prfsha256-x25519-ke1_ecp256'], esp: ['aes128ccm8-x25519-ke1_ecp256'] },
  log: [/IKE_INTERMEDIATE request 1 \[ KE \]/],
};

const mlKem = (words: string, method: string): Row => ({
  terms: { ike: [`aes128ccm8-prfsha256-${words}`], esp: [`aes128ccm8-${words}`] },
  log: [new RegExp(method)],
});

/** Tried with either side as initiator against strongSwan 6.0. */
const BOTH_6: Record<string, Row> = {
  'additional key exchange': HYBRID,
  'additional key exchange, both SAs rekeyed by ours': {
    ...HYBRID,
    steps: ['ours rekeys child', 'ours rekeys ike', 'charon rekeys child'],
    log: [/IKE_FOLLOWUP_KE/],
  },
  'additional key exchange, both SAs rekeyed by charon': {
    ...HYBRID,
    steps: ['charon rekeys child', 'charon rekeys ike', 'ours rekeys child'],
    log: [/IKE_FOLLOWUP_KE/],
  },
  'additional key exchange, child rekeyed by both at once': { ...HYBRID, steps: ['both rekey child'] },
  'additional key exchange, IKE SA rekeyed by both at once': {
    ...HYBRID,
    steps: ['both rekey ike', 'ours rekeys child'],
  },
  'additional key exchange and PPK': {
    terms: { ...HYBRID.terms, ppk: 'required' },
    log: [/using PPK/],
  },
  'additional key exchange that charon does not have': {
    ours: { ike: ['aes128ccm8-prfsha256-x25519-ke1_ecp256', 'aes128ccm8-prfsha256-x25519'] },
  },
  'additional key exchange that ours does not have': {
    charon: { ike: ['aes128ccm8-prfsha256-x25519-ke1_ecp256', 'aes128ccm8-prfsha256-x25519'] },
  },
};

/** ESP in IP itself, where NAT detection finds none: strongSwan's user-space ESP has it since 6.0. */
const RAW: Row = { rawEsp: true, steps: ['ours rekeys child', 'charon rekeys child'], log: [/raw ESP packet/] };

/** Against strongSwan 6.1, whose Debian package has ML-KEM. */
const BOTH_6_1: Record<string, Row> = {
  'X25519 and ML-KEM-768, both SAs rekeyed': {
    ...mlKem('x25519-ke1_mlkem768', 'ML_KEM_768'),
    steps: ['ours rekeys child', 'charon rekeys ike', 'charon rekeys child', 'ours rekeys ike'],
  },
  'ML-KEM-512 alone': mlKem('mlkem512', 'ML_KEM_512'),
  'P-256 and ML-KEM-1024': mlKem('ecp256-ke1_mlkem1024', 'ML_KEM_1024'),
};

function both(rows: Record<string, Row>): Case[] {
  const initiators = ['ours', 'charon'] as const;
  return initiators.flatMap((initiator) => Object.entries(rows).map(([name, more]) => row(name, initiator, more)));
}

/** Cases for strongSwan 6.0. */
export const RELEASE_6: readonly Case[] = [
  ...both(BOTH_6),
  row('ESP in IP itself, IPv6', 'ours', { ...RAW, family: 6 }),
  row('ESP in IP itself, IPv4', 'charon', RAW),
];
/** Cases for strongSwan 6.1. */
export const RELEASE_6_1: readonly Case[] = both(BOTH_6_1);
