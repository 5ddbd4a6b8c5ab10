// Names and numbers of the data model of SCHC rules (ietf-schc, RFC 9363) and of our private identities.
//
// SIDs are those of the working group's .sid file, marked unstable. Identities that the model lacks, or whose SIDs we do not
// know, are private: fields from 60000 on (core/wire/fid.ts, core/wire/coap.ts: 60100..60105 the CoAP header, 61000 + n the
// CoAP option n), and the field length functions 60900 and 60901.

import * as F from '../../../../core/schc/fid.ts';
import * as S from '../../../../core/schc/model.ts';
import * as C from '../../../../core/wire/coap.ts';
import * as W from '../../../../core/wire/fid.ts';
import * as H from '../../../../core/wire/header.ts';

/** A rule file or data item that cannot be read; the message names the place, the value and what is possible. */
export class SchcFormatError extends Error {}

export function refuse(where: string, value: unknown, limit: string): never {
  throw new SchcFormatError(`${where} ${typeof value === 'bigint' ? String(value) : JSON.stringify(value)}: ${limit}`);
}

/** One kind of identity: the core's constant, its name and SID. */
export interface Identity {
  value: number;
  name: string;
  sid: number;
}

function identities(list: [number, string, number][]): Identity[] {
  return list.map(([value, name, sid]) => ({ value, name, sid }));
}

export const OPERATORS = identities([
  [S.MO_EQUAL, 'equal', 2908],
  [S.MO_IGNORE, 'ignore', 2909],
  [S.MO_MSB, 'MSB', 2911],
  [S.MO_MATCH_MAPPING, 'match-mapping', 2910],
]);
export const ACTIONS = identities([
  [S.CDA_NOT_SENT, 'not-sent', 2899],
  [S.CDA_VALUE_SENT, 'value-sent', 2900],
  [S.CDA_MAPPING_SENT, 'mapping-sent', 2898],
  [S.CDA_LSB, 'LSB', 2897],
  [S.CDA_COMPUTE, 'compute', 2895],
  [S.CDA_DEV_IID, 'DevIID', 2896],
  [S.CDA_APP_IID, 'AppIID', 2894],
]);
export const DIRECTIONS = identities([
  [S.DI_BI, 'Bi', 2875],
  [S.DI_UP, 'Up', 2877],
  [S.DI_DW, 'Dw', 2876],
]);
export const LENGTHS = identities([
  [S.FL_VARIABLE, 'variable', 60900],
  [S.FL_TOKEN_LENGTH, 'token-length', 60901],
]);
export const NATURE_COMPRESSION = 2940;
export const NATURE_FRAGMENTATION = 2941;
export const NATURE_NO_COMPRESSION = 2942;

/** Where a computed field of Diet-ESP comes from; no SID. */
export const SLOTS = identities([
  [H.SLOT_DSCP, 'lower DSCP', 0],
  [H.SLOT_ECN, 'lower ECN', 0],
  [H.SLOT_FLOW, 'lower flow label', 0],
  [H.SLOT_HOPS, 'lower hop limit', 0],
  [H.SLOT_GENERATED, 'generated', 0],
]);

export function byValue(list: Identity[], value: number, where: string): Identity {
  return (
    list.find((identity) => identity.value === value) ??
    refuse(where, value, `one of ${list.map((i) => i.value).join(', ')}`)
  );
}

export function byName(list: Identity[], name: unknown, where: string): Identity {
  return (
    list.find((identity) => identity.name === name) ??
    refuse(where, name, `one of ${list.map((i) => i.name).join(', ')}`)
  );
}

export function bySid(list: Identity[], sid: unknown, where: string): Identity {
  const known = list.map((identity) => `${identity.sid} (${identity.name})`).join(', ');
  return list.find((identity) => identity.sid === sid) ?? refuse(where, sid, `unknown SID; one of ${known}`);
}

/** Field identifiers by constant: FID_IPV6_HOP_LIMIT is fid-ipv6-hop-limit, but for the model's own names. */
const MODEL_NAMES: Record<string, string> = {
  FID_IPV6_DSCP: 'fid-ipv6-trafficclass-ds',
  FID_IPV6_ECN: 'fid-ipv6-trafficclass-ecn',
  FID_IPV6_TRAFFIC_CLASS: 'fid-ipv6-trafficclass',
  FID_IPV6_FLOW_LABEL: 'fid-ipv6-flowlabel',
  FID_IPV6_NEXT_HEADER: 'fid-ipv6-nextheader',
  FID_IPV6_HOP_LIMIT: 'fid-ipv6-hoplimit',
  FID_IPV6_DEV_PREFIX: 'fid-ipv6-devprefix',
  FID_IPV6_DEV_IID: 'fid-ipv6-deviid',
  FID_IPV6_APP_PREFIX: 'fid-ipv6-appprefix',
  FID_IPV6_APP_IID: 'fid-ipv6-appiid',
};

const NAMES = new Map<number, string>();
for (const constants of [W, F, C] as unknown as Record<string, unknown>[]) {
  for (const [key, value] of Object.entries(constants)) {
    if (!key.startsWith('FID_') || typeof value !== 'number' || value === C.FID_COAP_OPTION) continue;
    NAMES.set(value, MODEL_NAMES[key] ?? key.toLowerCase().replaceAll('_', '-'));
  }
}
const OPTION = 'fid-coap-option-';
/** [RFC 7252 §12.2], Observe [RFC 7641], OSCORE [RFC 8613], Block [RFC 7959], No-Response [RFC 7967]. */
const OPTIONS: [number, string][] = [
  [1, 'if-match'],
  [3, 'uri-host'],
  [4, 'etag'],
  [5, 'if-none-match'],
  [6, 'observe'],
  [7, 'uri-port'],
  [8, 'location-path'],
  [9, 'oscore'],
  [11, 'uri-path'],
  [12, 'content-format'],
  [14, 'max-age'],
  [15, 'uri-query'],
  [17, 'accept'],
  [20, 'location-query'],
  [23, 'block2'],
  [27, 'block1'],
  [28, 'size2'],
  [35, 'proxy-uri'],
  [39, 'proxy-scheme'],
  [60, 'size1'],
  [258, 'no-response'],
];
for (const [number, name] of OPTIONS) NAMES.set(C.FID_COAP_OPTION + number, OPTION + name);
/** Names of field identifiers. */
export const FIELD_NAMES: ReadonlyMap<number, string> = NAMES;
const FIDS = new Map([...NAMES].map(([fid, name]) => [name, fid]));

/** Name of a field identifier; a CoAP option without a name is fid-coap-option-NUMBER. Undefined for an unknown one. */
export function fieldName(fid: number): string | undefined {
  const known = NAMES.get(fid);
  if (known !== undefined) return known;
  const number = fid - C.FID_COAP_OPTION;
  return Number.isInteger(number) && number >= 0 && number <= C.COAP_OPTION_MAX ? OPTION + number : undefined;
}

export function fieldId(name: unknown, where: string): number {
  const known = typeof name === 'string' ? FIDS.get(name) : undefined;
  if (known !== undefined) return known;
  const number =
    typeof name === 'string' && /^fid-coap-option-\d{1,5}$/.test(name) ? Number(name.slice(OPTION.length)) : -1;
  if (number >= 0 && number <= C.COAP_OPTION_MAX) return C.FID_COAP_OPTION + number;
  return refuse(where, name, 'unknown field; names are those of ietf-schc and of targets/node/host/rules/names.ts');
}
