// The cases between our IKEv2 and strongSwan's, as data. Either we initiate as the device, or charon does and we are the
// gateway. strongSwan 5.9.8 with ESP in user space lacks transport mode, implicit IV and ESN, always encapsulates ESP in UDP,
// and ignores unknown status notifies.

import type { Section } from './config.ts';

/** How a handshake ends, as both sides are to see it. */
export type Outcome =
  | 'established'
  /** AUTHENTICATION_FAILED, whichever side found out; no IKE SA is left. */
  | 'authentication failed'
  /** NO_PROPOSAL_CHOSEN for the IKE SA. */
  | 'no proposal chosen'
  /** An IKE SA may stay, without a Child SA: NO_PROPOSAL_CHOSEN or TS_UNACCEPTABLE. */
  | 'child: no proposal chosen'
  | 'child: selectors unacceptable'
  /** Ours does not go on without: charon is left with a half-open SA. */
  | 'PPK missing'
  /** Ours ends what it got without compression. */
  | 'compression refused';

/** What is done after the handshake, in turn; traffic is tried both ways before the first and after each. */
export type Step =
  | 'ours rekeys child'
  | 'charon rekeys child'
  | 'both rekey child'
  | 'ours rekeys ike'
  | 'charon rekeys ike'
  | 'both rekey ike'
  /** A new IKE SA, with new Child SAs, takes the place of the old one. */
  | 'charon reauthenticates'
  | 'ours probes'
  | 'charon probes'
  | 'charon deletes child'
  | 'ours deletes child'
  | 'ours deletes ike'
  | 'charon deletes ike'
  /** Without a word; the other side finds out. */
  | 'ours dies'
  | 'charon dies';

/** Facts of one side's configuration; what is absent is as BASE has it. */
export interface Terms {
  /** A pre-shared key, raw keys, or certificates with keys of that kind under a common root. */
  auth: 'psk' | 'ed25519' | 'certificate p256' | 'certificate rsa' | 'certificate ed25519';
  /** Proposals in strongSwan's keywords. */
  ike: readonly string[];
  esp: readonly string[];
  /** Which of two pre-shared keys, PPKs or key pairs: 0, or another one that the peer does not know. */
  secret: number;
  /** Identities: own, and that of the peer. */
  id?: string;
  peerId?: string;
  ppk: 'none' | 'optional' | 'required';
  ppkSecret: number;
  /** Octets of an IKE message over which it is sent in fragments [RFC 7383]; 0: no fragments. */
  fragment: number;
  /** Answers IKE_SA_INIT with a COOKIE first. */
  cookie: boolean;
  /** Asks the peer, or gives it, an inner address [RFC 7296 §2.19]. Ours is the one that asks. */
  virtualIp: boolean;
  /** Selectors: number of the network 10.N.0.0/16 and fd0N::/16, the inner address alone, or several with protocols and ports. */
  local?: number | 'host' | 'lists';
  remote?: number | 'host' | 'lists';
}

export interface Case {
  name: string;
  initiator: 'ours' | 'charon';
  /** Outer addresses. */
  family: 4 | 6;
  /** What both agree on. */
  terms: Partial<Terms>;
  /** Where one of the sides differs. */
  ours: Partial<Terms>;
  charon: Partial<Terms>;
  /** Inner addresses that ours has: its Child SA is for one pair of selectors. charon has both. */
  inner: 4 | 6;
  /** The notify with which ours offers header compression (Diet-ESP), of which charon knows nothing. */
  compression: 'none' | 'hcp' | 'ehc';
  /** Subspaces that ours offers, a private transform of which charon knows nothing; 0: none. */
  subspaces: number;
  /** Child SAs with the same selectors that both sides have [RFC 9611]; 0: one. */
  perResource: number;
  /** Further keys for charon: the daemon, and its connection. */
  settings: Section;
  connection: Section;
  /** ESP in IP protocol 50, in place of UDP. */
  rawEsp: boolean;
  /** Worker threads of our gateway, which must have the packets. */
  workers: number;
  steps: readonly Step[];
  outcome: Outcome;
  /** What ours calls the reason of a failure, as initiator and as responder. */
  reason?: readonly [string, string];
  /** Ours names the peer that it expects (IDr). */
  naming: boolean;
  /** What charon's log shows when the case was what its name says. */
  log: readonly RegExp[];
}

export const BASE: Terms = {
  auth: 'psk',
  ike: ['aes128ccm8-prfsha256-x25519'],
  esp: ['aes128ccm8'],
  secret: 0,
  ppk: 'none',
  ppkSecret: 0,
  fragment: 1280,
  cookie: false,
  virtualIp: false,
};

export type Row = Partial<Omit<Case, 'name' | 'initiator'>>;

export function row(name: string, initiator: 'ours' | 'charon', more: Row): Case {
  return {
    name: initiator + ' initiates: ' + name,
    initiator,
    family: 4,
    terms: {},
    ours: {},
    charon: {},
    inner: 6,
    compression: 'none',
    subspaces: 0,
    perResource: 0,
    settings: {},
    connection: {},
    rawEsp: false,
    workers: 0,
    steps: [],
    naming: true,
    outcome: 'established',
    log: [],
    ...more,
  };
}

const suite = (ike: string, esp: string): Row => ({ terms: { ike: [ike], esp: [esp] } });
const steps = (...list: Step[]): Row => ({ steps: list });

// AUTH is verified by the responder first.
const REFUSED = ['AUTHENTICATION_FAILED', 'peer-authentication'] as const;
const NO_PROPOSAL = ['NO_PROPOSAL_CHOSEN', 'NO_PROPOSAL_CHOSEN'] as const;

/** Tried with either side as initiator. */
const BOTH: Record<string, Row> = {
  'PSK, AES-CCM-8, X25519': {},
  'AES-CCM-16': suite('aes128ccm16-prfsha256-x25519', 'aes128ccm16'),
  'AES-GCM-16': suite('aes128gcm16-prfsha256-x25519', 'aes128gcm16'),
  'AES-256-GCM-16': suite('aes256gcm16-prfsha256-x25519', 'aes256gcm16'),
  'ChaCha20-Poly1305': suite('chacha20poly1305-prfsha256-x25519', 'chacha20poly1305'),
  'AES-CBC with HMAC-SHA-256': suite('aes128-sha256-x25519', 'aes128-sha256'),
  'AES-CBC with HMAC-SHA-256, ESP without encryption': suite('aes128-sha256-x25519', 'null-sha256'),
  'ECP-256': suite('aes128ccm8-prfsha256-ecp256', 'aes128ccm8'),
  'Ed25519, raw keys': { terms: { auth: 'ed25519' }, log: [/ED25519 successful/] },
  'ECDSA certificates under an intermediate authority': {
    terms: { auth: 'certificate p256' },
    log: [/with ECDSA_WITH_SHA256_DER successful/],
  },
  'RSA certificates, PSS': {
    terms: { auth: 'certificate rsa' },
    settings: { rsa_pss: true },
    log: [/with RSA_EMSA_PSS_SHA2_256\w* successful/],
  },
  'Ed25519 certificates': { terms: { auth: 'certificate ed25519' }, log: [/with ED25519 successful/] },
  'certificate of charon under an unknown authority': {
    terms: { auth: 'certificate p256' },
    charon: { secret: 1 },
    outcome: 'authentication failed',
    reason: ['peer-authentication', 'peer-authentication'],
  },
  'IPv6 outside': { family: 6 },
  'IPv6 in IPv4': { inner: 6 },
  'IPv4 in IPv4': { inner: 4 },
  'IPv4 in IPv6': { family: 6, inner: 4 },
  'IKE fragments': {
    terms: { fragment: 256 },
    ours: { fragment: 160 },
    log: [/splitting IKE message/, /received fragment #1 of/],
  },
  'no IKE fragments': { charon: { fragment: 0 } },
  'PPK required': { terms: { ppk: 'required' }, log: [/using PPK/] },
  'PPK known to one side': { ours: { ppk: 'optional' }, log: [/established/] },
  'wrong PPK': {
    terms: { ppk: 'required' },
    charon: { ppkSecret: 1 },
    outcome: 'authentication failed',
    reason: REFUSED,
  },
  'one of several proposals': {
    ours: { ike: ['aes128gcm16-prfsha256-ecp256', 'aes128ccm8-prfsha256-x25519'], esp: ['aes128gcm16', 'aes128ccm8'] },
  },
  'narrower selectors at charon': { charon: { local: 'host', remote: 'host' } },
  'narrower selectors at ours': { ours: { local: 'host', remote: 'host' } },
  'several selectors on each side, rekeyed by both': {
    terms: { local: 'lists', remote: 'lists' },
    steps: ['ours rekeys child', 'charon rekeys child', 'charon rekeys ike', 'ours rekeys child'],
    log: [/and TS (fd\S+ ){4}=== (fd\S+ ?){4}/],
  },
  'several selectors in IPv4': {
    terms: { local: 'lists', remote: 'lists' },
    inner: 4,
    log: [/and TS (10\S+ ){4}=== (10\S+ ?){4}/],
  },
  'child rekeyed by ours': steps('ours rekeys child', 'ours rekeys child'),
  'child rekeyed by charon': steps('charon rekeys child', 'charon rekeys child'),
  'child rekeyed with key exchange': {
    terms: { esp: ['aes128ccm8-x25519'] },
    steps: ['ours rekeys child', 'charon rekeys child'],
    log: [/CREATE_CHILD_SA request \d+ \[ N\(REKEY_SA\)[^\]]* KE /],
  },
  'child rekeyed by both at once': steps('both rekey child'),
  'IKE SA rekeyed by ours': steps('ours rekeys ike', 'charon rekeys child', 'ours rekeys child'),
  'IKE SA rekeyed by charon': steps('charon rekeys ike', 'ours rekeys child', 'charon rekeys child'),
  'IKE SA rekeyed by both at once': steps('both rekey ike', 'ours rekeys child'),
  'dead peer detection by ours': { ...steps('ours probes'), log: [/generating INFORMATIONAL response \d+ \[ \]/] },
  'dead peer detection by charon': {
    steps: ['charon probes'],
    connection: { dpd_delay: 1 },
    log: [/parsed INFORMATIONAL response \d+ \[ \]/],
  },
  'child deleted by ours': steps('ours deletes child'),
  'child deleted by charon': steps('charon deletes child'),
  'IKE SA deleted by ours': steps('ours deletes ike'),
  'IKE SA deleted by charon': steps('charon deletes ike'),
  'wrong PSK': { charon: { secret: 1 }, outcome: 'authentication failed', reason: REFUSED },
  'wrong Ed25519 key': {
    terms: { auth: 'ed25519' },
    charon: { secret: 1 },
    outcome: 'authentication failed',
    reason: ['peer-authentication', 'peer-authentication'],
  },
  'identity of ours unknown': { ours: { id: 'stranger.test' }, outcome: 'authentication failed', reason: REFUSED },
  'identity of charon unexpected': {
    charon: { id: 'stranger.test' },
    outcome: 'authentication failed',
    reason: REFUSED,
  },
  'no common IKE proposal': {
    charon: { ike: ['aes256gcm16-prfsha384-x25519'] },
    outcome: 'no proposal chosen',
    reason: NO_PROPOSAL,
  },
  'no common ESP proposal': {
    charon: { esp: ['aes256ccm12'] },
    outcome: 'child: no proposal chosen',
    reason: NO_PROPOSAL,
  },
  'selectors without overlap': {
    charon: { local: 7, remote: 8 },
    outcome: 'child: selectors unacceptable',
    reason: ['TS_UNACCEPTABLE', 'TS_UNACCEPTABLE'],
  },
  'charon dies': steps('charon dies'),
  'ours dies': {
    steps: ['ours dies'],
    connection: { dpd_delay: 1 },
    settings: { retransmit_timeout: 0.5, retransmit_tries: 1 },
    log: [/giving up after 1 retransmits/],
  },
};

const OURS: Record<string, Row> = {
  'cookie asked for by charon': { charon: { cookie: true }, log: [/N\(COOKIE\)/] },
  'PPK missing at charon': { ours: { ppk: 'required' }, outcome: 'PPK missing', reason: ['ppk', ''] },
  'KE method of charon is another': {
    terms: { ike: ['aes128ccm8-prfsha256-x25519-ecp256'] },
    charon: { ike: ['aes128ccm8-prfsha256-ecp256'] },
    log: [/N\(INVAL_KE\)/],
  },
  'inner address from charon': { inner: 4, terms: { virtualIp: true } },
  'compression offered, HCP_PROPOSAL': { compression: 'hcp', log: [/IKE_AUTH request 1 \[.*N\(\(53735\)\)/] },
  'compression offered, EHC_SUPPORTED': { compression: 'ehc', log: [/IKE_AUTH request 1 \[.*N\(\(53733\)\)/] },
  'subspaces offered': {
    subspaces: 16,
    ...steps('ours rekeys child'),
    log: [/selected proposal: ESP:AES_CCM_8_128\/NO_EXT_SEQ/],
  },
  'identity of charon unexpected, and not asked for': {
    charon: { id: 'stranger.test' },
    naming: false,
    outcome: 'authentication failed',
    reason: ['peer-identity', ''],
  },
  'identity of charon not asked for': { naming: false },
  'compression required': { compression: 'hcp', outcome: 'compression refused', reason: ['compression-refused', ''] },
};

const CHARON: Record<string, Row> = {
  'new authentication': {
    ...steps('charon reauthenticates', 'ours rekeys child'),
    log: [/reauthenticating IKE_SA/],
  },
  'new authentication, the old IKE SA deleted last': {
    ...steps('charon reauthenticates', 'ours rekeys child'),
    settings: { make_before_break: true },
    log: [/IKE_AUTH request 1 [\s\S]*IKE_AUTH request 1 [\s\S]*sending DELETE for IKE_SA/],
  },
  'inner address from ours': { inner: 4, terms: { virtualIp: true } },
  'cookie asked for by ours': { ours: { cookie: true }, log: [/N\(COOKIE\)/] },
  'worker threads': {
    ...steps('charon rekeys child', 'ours rekeys child', 'charon rekeys ike', 'ours rekeys ike'),
    inner: 4,
    ours: { remote: 'host' },
    workers: 2,
  },
  'PPK missing at charon': {
    ours: { ppk: 'required' },
    outcome: 'authentication failed',
    reason: ['', 'peer-authentication'],
  },
  'KE method of ours is another': {
    terms: { ike: ['aes128ccm8-prfsha256-x25519-ecp256'] },
    ours: { ike: ['aes128ccm8-prfsha256-ecp256'] },
    log: [/N\(INVAL_KE\)/],
  },
};

/**
 * For `skip`: what is tried with either side as initiator runs with one of them, in turn, and with both where DIETESP_LONG=1. `cases` is the
 * list that `entry` is in.
 */
export function skippedOf(entry: Case, cases: readonly Case[]): string | false {
  const own = cases.filter(({ initiator }) => initiator === entry.initiator);
  const isTurn = own.indexOf(entry) % 2 === (entry.initiator === 'ours' ? 0 : 1);
  return process.env.DIETESP_LONG === '1' || isTurn ? false : 'with DIETESP_LONG=1';
}

/** Every case, ours as initiator first. */
export const CASES: readonly Case[] = [
  ...Object.entries({ ...BOTH, ...OURS }).map(([name, more]) => row(name, 'ours', more)),
  ...Object.entries({ ...BOTH, ...CHARON }).map(([name, more]) => row(name, 'charon', more)),
];
