// IP packets of one profile as emitted code: what its SAs make known, and the text of its rules.

import { join } from 'node:path';
import { refuse } from '../../../core/base/refuse.ts';
import type { Provider } from '../../../core/crypto/provider.ts';
import {
  type Attributes,
  CDA_GENERATED,
  CDA_LOWER,
  IIPC_DIET_ESP,
  MODE_TUNNEL,
} from '../../../core/dietesp/attributes.ts';
import { SA_CHECKS } from '../../../core/esp/check.ts';
import { FULL_PARTS } from '../../../core/esp/full-parts.ts';
import type { SaConfig } from '../../../core/esp/sa.ts';
import { sourceRoot } from '../root.ts';
import { named, PROFILE_FIELD } from './blob-of.ts';
import { iipcText } from './iipc-text.ts';
import { joinParts } from './join.ts';
import { type DataField, layOut, type Specialised } from './layout.ts';
import { inSa, type SaInput, saFacts } from './sa-facts.ts';

/** What a module for IP packets is made from. */
export interface PacketInput extends SaInput {
  /** Octets of the longest inner packet. */
  maxPacket: number;
  /** The board's AES-CCM, AES-GCM and HMAC instead of portable code. Default: none. */
  native?: { ccm?: boolean; gcm?: boolean; hmac?: boolean };
}

/** A profile of packets: constants, the octets of one device, and the text of its rules. */
export interface PacketProfileOf extends Specialised {
  rules: string;
}

const DF_POLICIES = ['', 'clear', 'copy'];

function isSingle(start: Uint8Array, end: Uint8Array): boolean {
  return Buffer.compare(start, end) === 0;
}

/** As `SaForm.scope`: by which outer addresses packets are found. */
function scopeOf(a: Attributes, anyRemote: number): number {
  if (a.ipsecMode === MODE_TUNNEL) return anyRemote !== 0 ? 1 : 0;
  if (!isSingle(a.tsIpDstStart, a.tsIpDstEnd)) return 2;
  return anyRemote !== 0 || !isSingle(a.tsIpSrcStart, a.tsIpSrcEnd) ? 1 : 0;
}

/** Keys are given when SAs are made. */
const ANY = { has: () => true } as unknown as Provider;

/** Keys are not used; where they are given, they tell which size is meant. */
function checkKeySize({ key, suite }: SaConfig): void {
  if (key.length === 0 || suite.alg === 0 || key.length === suite.keyLength) return;
  refuse('key', `${key.length} octets`, `must be ${suite.keyLength} octets with ${suite.name} in a specialised module`);
}

/** What is wrong with an SA whoever has it. */
function checkSa(config: SaConfig): void {
  const { keyLength, saltLength, authKeyLength } = config.suite;
  const keys = {
    key: new Uint8Array(keyLength),
    salt: new Uint8Array(saltLength),
    authKey: new Uint8Array(authKeyLength),
  };
  for (const check of SA_CHECKS) check({ ...config, ...keys }, FULL_PARTS, ANY);
}

/** Throws a Refusal for what is wrong, and for what a specialised module does not have. */
export function packetProfile(input: PacketInput): PacketProfileOf {
  const { out, in: back, native = {} } = input;
  for (const sa of [out, back]) inSa(sa, () => checkSa(sa));
  const facts = saFacts(input);
  for (const sa of [out, back]) inSa(sa, () => checkKeySize(sa));
  const a = out.attributes;
  const b = back.attributes;
  const isTunnel = a.ipsecMode === MODE_TUNNEL;
  if (isTunnel && a.tunnelSrc.length !== b.tunnelSrc.length) {
    refuse('tunnel_ip', `${b.tunnelSrc.length} octets`, 'both directions must have the same IP version');
  }
  if (!(input.maxPacket > 0 && input.maxPacket <= 65535)) refuse('max_packet', input.maxPacket, 'must be 1..65535');
  const { text, fields } = iipcText(a, b);
  const size = isTunnel ? a.tunnelSrc.length : a.tsIpSrcStart.length;
  const outer: DataField[] = [
    { name: 'OuterSrc', octets: isTunnel ? a.tunnelSrc : new Uint8Array(0) },
    { name: 'OuterDst', octets: isTunnel ? a.tunnelDst : new Uint8Array(0) },
    { name: 'OuterSrcIn', octets: isTunnel ? b.tunnelSrc : b.tsIpSrcStart },
    { name: 'OuterDstIn', octets: isTunnel ? b.tunnelDst : b.tsIpDstStart },
  ];
  const isWhole = b.iipcProfile !== IIPC_DIET_ESP;
  const df = isTunnel && size === 4 && out.df !== null ? DF_POLICIES.indexOf(out.df.name) : 0;
  if (df < 0) refuse('df', String(out.df?.name), 'must be set, clear or copy');
  const constants = {
    ...facts,
    packets: true,
    // Echoes are the program's.
    echo: false,
    echoOutSize: 0,
    echoInSize: 0,
    flows: 1,
    // The newest pair sends.
    ike: true,
    maxPayload: input.maxPacket,
    // A residue is never longer than the header it stands for, but for the RuleID.
    outSize: 8,
    inSize: 0,
    tunnel: isTunnel,
    innerVersion: a.tsIpVersion,
    outerVersion: size === 16 ? 6 : 4,
    scope: scopeOf(b, back.anyRemote),
    flowLower: a.flowLabelCda === CDA_LOWER,
    df,
    generates: b.flowLabelCda === CDA_GENERATED,
    combinesEcn: isTunnel && (isWhole || b.ecnCda !== CDA_LOWER),
    nativeCcm: native.ccm === true,
    nativeGcm: native.gcm === true,
    nativeHmac: native.hmac === true,
    nativeX25519: false,
  };
  return { ...named(layOut([{ constants, fields: [PROFILE_FIELD, ...outer, ...fields] }], {}), text), rules: text };
}

function partOf(name: string): string {
  return join(sourceRoot(), 'targets', 'special', name);
}

/**
 * The joined TypeScript text of a profile: exports start, addSas, resumeSas, outbound, inbound and others (packet.entry.ts).
 * `texts`: other texts of parts, by absolute path. `isShrunk` as in JoinOptions.
 */
export function joinPackets(
  { constants, rules }: PacketProfileOf,
  texts: Readonly<Record<string, string>> = {},
  isShrunk = true,
): Promise<string> {
  return joinParts({
    entry: partOf('packet.entry.ts'),
    profile: constants,
    replace: {
      [partOf('events.ts')]: partOf('packet-events.ts'),
      [partOf('inner.ts')]: partOf('packet-inner.ts'),
      [partOf('link.ts')]: partOf('packet-link.ts'),
    },
    texts: { ...texts, [partOf('packet-rules.ts')]: rules },
    isShrunk,
  });
}
