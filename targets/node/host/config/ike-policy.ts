// Turns a file's connection into the core's IkePolicy. `policyFor` adds what depends on the peer's path (its address, ESP in
// UDP or not) when there is one.

import { hcp } from '../../../../core/ike/child/hcp.ts';
import type { Identity } from '../../../../core/ike/codec/ident.ts';
import {
  type AddressType,
  AUTH_DIGITAL_SIGNATURE,
  AUTH_SHARED_KEY,
  CP_INTERNAL_IP4_ADDRESS,
  CP_INTERNAL_IP6_ADDRESS,
  ID_FQDN,
} from '../../../../core/ike/codec/numbers.ts';
import type { Selector } from '../../../../core/ike/codec/selectors.ts';
import type { CompressionPolicy } from '../../../../core/ike/state/compression.ts';
import {
  type ChildPolicy,
  type IkePolicy,
  NAT_AUTO,
  NAT_FORCE,
  NAT_OFF,
  type Nat,
  type Ppk,
} from '../../../../core/ike/state/policy.ts';
import { signaturesOf, usesSignatures } from './certificates.ts';
import {
  type FurtherChild,
  furtherChildren,
  type Initial,
  mostChildren,
  readChild,
  type Templates,
} from './child-policy.ts';
import { type EespSettings, readEesp } from './eesp.ts';
import { attempt, type Field, fieldError, filled, inside, keepError, type Values } from './field.ts';
import { hex, identityOf, ikeProposals, keyOf, type SelectorTemplate } from './ike-names.ts';
import { CONNECTION_PROPERTIES } from './ike-schema.ts';
import { type KeOffer, keOffersOf } from './ke-names.ts';

/** A checked connection. */
export interface Connection {
  /** Name in the file, for events, metrics and errors. */
  name: string;
  /** With selectors that hold every address where they are dynamic. */
  policy: IkePolicy;
  /** Selectors of this side. */
  local: SelectorTemplate[];
  /** Selectors of the peer. */
  remote: SelectorTemplate[];
  /** Where those of `policy.children` come from, in their order. */
  more: FurtherChild[];
  /** EESP beside or in place of ESP; null: not at all. */
  eesp: EespSettings | null;
  /** Line of the connection's fields, for errors. */
  field: Field;
  /** Of a named peer: whose settings it shares. */
  profile?: Connection;
}

const NATS: Record<string, Nat> = { off: NAT_OFF, auto: NAT_AUTO, force: NAT_FORCE };
const ADDRESS_TYPES: Record<string, AddressType | 0> = {
  none: 0,
  ipv4: CP_INTERNAL_IP4_ADDRESS,
  ipv6: CP_INTERNAL_IP6_ADDRESS,
};
const SPI_LSB = 4;
const SN_LSB = 5;
/** With fewer bits one lost packet stops the SA. */
const UDP_SN_LSB = [8, 32];
/** By type, values of dscp_cda, ecn_cda and flow_label_cda beside 1, which is `lower`; dscp_cda `sa` needs a list. */
const BESIDE_LOWER = [[0, 2], [0], [0, 2, 3]];

/** What stands for a part that is wrong: the file as a whole is refused then. */
const NOBODY: Identity = { type: ID_FQDN, data: new Uint8Array(0) };
const NO_AUTH: ReturnType<typeof authOf> = {
  localAuth: AUTH_SHARED_KEY,
  remoteAuth: AUTH_SHARED_KEY,
  psk: NOBODY.data,
  privateKey: NOBODY.data,
  publicKey: NOBODY.data,
};

function ppkOf(field: Field): Ppk | null {
  if (field.value === undefined) return null;
  const values = field.value as Values;
  return {
    // PPK_ID_FIXED [RFC 8784 §5.1].
    id: Uint8Array.from([2, ...Buffer.from(String(values.id))]),
    key: hex(String(values.key)),
    mandatory: values.mandatory === true,
    intermediate: values.intermediate !== false,
  };
}

/** Authentication by certificates or other keys than Ed25519, of one side or of both. */
function certifiedAuth(field: Field, psk: Uint8Array): ReturnType<typeof authOf> {
  const { signatures, signs, verifies } = signaturesOf(field, Date.now);
  if (psk.length === 0 && !signs) throw fieldError(inside(field, 'privateKey'), 'is required without psk');
  if (psk.length === 0 && !verifies) throw fieldError(inside(field, 'ca'), 'is required without psk, or publicKey');
  return {
    ...NO_AUTH,
    localAuth: signs ? AUTH_DIGITAL_SIGNATURE : AUTH_SHARED_KEY,
    remoteAuth: verifies ? AUTH_DIGITAL_SIGNATURE : AUTH_SHARED_KEY,
    psk: Uint8Array.from(psk),
    signatures,
  };
}

/** `isWhole`: false where each peer adds what is its own. */
function authOf(
  field: Field,
  isWhole: boolean,
): Pick<IkePolicy, 'localAuth' | 'remoteAuth' | 'psk' | 'privateKey' | 'publicKey' | 'signatures'> {
  if (field.value === undefined && !isWhole) return NO_AUTH;
  if (field.value === undefined) throw fieldError(field, 'is required: psk, pskHex, or privateKey and publicKey');
  const { psk, pskHex } = field.value as Record<string, string | undefined>;
  if (psk !== undefined && pskHex !== undefined) throw fieldError(inside(field, 'pskHex'), 'psk is given too');
  if (usesSignatures(field)) return certifiedAuth(field, psk === undefined ? hex(pskHex ?? '') : Buffer.from(psk));
  const key = (name: string, isPrivate: boolean): Uint8Array =>
    attempt(field, () => keyOf(inside(field, name), isPrivate), NOBODY.data);
  const privateKey = key('privateKey', true);
  const publicKey = key('publicKey', false);
  // What is refused is not missing too.
  if (field.document.hasError(field.path)) return NO_AUTH;
  const octets = psk === undefined ? hex(pskHex ?? '') : Uint8Array.from(Buffer.from(psk));
  if (octets.length === 0 && isWhole) {
    if (privateKey.length === 0) throw fieldError(inside(field, 'privateKey'), 'is required without psk');
    if (publicKey.length === 0) throw fieldError(inside(field, 'publicKey'), 'is required without psk');
  }
  return {
    localAuth: privateKey.length > 0 ? AUTH_DIGITAL_SIGNATURE : AUTH_SHARED_KEY,
    remoteAuth: publicKey.length > 0 ? AUTH_DIGITAL_SIGNATURE : AUTH_SHARED_KEY,
    psk: octets,
    privateKey,
    publicKey,
  };
}

/**
 * Reads a connection from `field`, whose fields lie over those of `defaults` (objects in it field by field).
 * `selectors`: what holds where the file does not say: selectors, as the file would say them, and whether this side is the device.
 * `isWhole`: false for settings to which each peer adds its credentials.
 */
export function readConnection(
  field: Field,
  defaults: Field | null,
  name: string,
  selectors: Initial,
  isWhole = true,
): Connection {
  // A field is where it was written: an error names that line.
  const at = (...path: string[]): Field => {
    const own = inside(field, ...path);
    if (own.value !== undefined || defaults === null) return own;
    const common = inside(defaults, ...path);
    return common.value === undefined ? own : common;
  };
  const merged = (part: 'ike' | 'child'): { values: Values; of(name: string): Field } => {
    const properties = CONNECTION_PROPERTIES[part].properties!;
    const common = defaults === null ? undefined : (inside(defaults, part).value as Values | undefined);
    const values = filled({ ...common, ...(inside(field, part).value as Values | undefined) }, properties);
    return { values, of: (key) => ({ ...at(part, key), value: values[key] }) };
  };
  const ikePart = merged('ike');
  const childPart = merged('child');
  const number = (values: Values, key: string): number => values[key] as number;
  const localId = at('localId');
  if (localId.value === undefined) keepError(localId, fieldError(localId, 'is required'));
  const remoteId = at('remoteId');
  const ke = attempt(ikePart.of('ke'), (): KeOffer[] => keOffersOf(ikePart.of('ke')), [{ ke: [] }]);
  const top = (key: string): unknown => at(key).value ?? CONNECTION_PROPERTIES[key].default;
  const requestAddress = ADDRESS_TYPES[String(top('requestAddress'))];
  const sizes = requestAddress === 0 ? [16, 4] : [requestAddress === CP_INTERNAL_IP4_ADDRESS ? 4 : 16];
  const first = readChild(childPart, name, selectors, sizes);
  const more = furtherChildren(
    first,
    childPart,
    at('children'),
    selectors,
    sizes,
    top('openChildren') ?? selectors.isDev,
  );
  const auth = attempt(at('auth'), () => authOf(at('auth'), isWhole), NO_AUTH);
  // A pre-shared key or a public key is of one gateway; an authority certifies many.
  if (selectors.isDev && remoteId.value === undefined && inside(at('auth'), 'ca').value !== undefined)
    keepError(
      remoteId,
      fieldError(remoteId, 'is required with ca: any other device under it could pose as the gateway ("*": let it)'),
    );
  const i = ikePart.values;
  const policy: IkePolicy = {
    name,
    ...attempt(ikePart.of('proposals'), () => ikeProposals(ikePart.of('proposals'), ke), { ike: [], ciphers: [] }),
    localId: localId.value === undefined ? NOBODY : attempt(localId, () => identityOf(localId), NOBODY),
    remoteId: (remoteId.value ?? '*') === '*' ? null : attempt(remoteId, () => identityOf(remoteId), NOBODY),
    nameRemote: i.nameRemote === true,
    ...auth,
    ppk: ppkOf(at('ppk')),
    child: first.policy,
    ...(more.length === 0 ? {} : { children: more.map(({ policy: one }) => one) }),
    requestAddress,
    maxChildren: mostChildren(at('maxChildren'), more.length),
    transcript: i.downgradePrevention === true,
    fragmentSize: number(i, 'fragmentSize'),
    nat: NATS[String(i.nat)],
    optimizedRekey: top('optimizedRekey') === true,
    ticketLifetime: Math.floor(top('resumption') as number),
    privateAlways: top('privateAlways') === true,
    initialContact: i.initialContact === true,
    counterSync: i.counterSync === true,
    announce: i.announceAuth === true ? [auth.remoteAuth] : [],
    nonceSize: number(i, 'nonceSize'),
    retransmitTime: number(i, 'retransmit') * 1000,
    retransmitTries: number(i, 'tries'),
    rekeyTime: number(i, 'rekey') * 1000,
    reauthTime: number(i, 'reauth') * 1000,
    dpdTime: number(i, 'dpd') * 1000,
  };
  const eespField = childPart.of('eesp');
  const given = (childPart.values.eesp ?? {}) as Values;
  const eesp = attempt(eespField, () => readEesp(eespField, given, policy.child.esp), null);
  const { local, remote } = first;
  return { name, policy, local, remote, more, eesp, field };
}

/** What any of a connection's Child SAs allows the peer. */
export function remotesOf({ remote, more }: Connection): SelectorTemplate[] {
  return [...remote, ...more.flatMap((one) => (one.isOwn ? one.remote : []))];
}

function resolved(list: SelectorTemplate[], address: Uint8Array): Selector[] {
  return list.map(({ isDynamic, protocol, startPort, endPort, start, end }) => {
    return { protocol, startPort, endPort, start: isDynamic ? address : start, end: isDynamic ? address : end };
  });
}

/** The ones of `known` among the values of an attribute; not compressed, where there is none. */
function among(values: number[], known: number[]): number[] {
  const has = (value: number): boolean => {
    return values.length === 0 || values.some((from, at) => at % 2 === 0 && from <= value && value <= values[at + 1]);
  };
  const rest = known.filter(has);
  return (rest.length === 0 ? [0] : rest).flatMap((value) => [value, value]);
}

/**
 * What compression may be with ESP in UDP. The first 32 bits say whether a datagram is IKE [RFC 3948 §2.2]. Sockets carry no
 * DSCP, ECN and flow label, so what the outer header shall restore would be lost; EHC_SUPPORTED has no other values.
 */
function overUdp(policy: CompressionPolicy, isLossless: boolean): CompressionPolicy {
  return {
    ...policy,
    proposals: policy.proposals.map(({ allowed }) => {
      const list = allowed.map((values, index) => {
        if (index === SPI_LSB) return [32, 32];
        if (!isLossless || index >= BESIDE_LOWER.length) return values;
        const isListed = index > 0 || policy.dscpList.length > 0;
        return among(values, isListed ? BESIDE_LOWER[index] : [0]);
      });
      // A range for small headers need not hold whole octets beside 32.
      const fits = [8, 16, 24, 32].some((bits) => {
        for (let at = 0; at < list[SN_LSB].length; at += 2) {
          if (bits >= list[SN_LSB][at] && bits <= list[SN_LSB][at + 1]) return true;
        }
        return list[SN_LSB].length === 0;
      });
      if (!fits) list[SN_LSB] = UDP_SN_LSB;
      return { allowed: list };
    }),
  };
}

/**
 * The policy for one path: dynamic selectors become `local` and `remote` (empty: every address, where CP gives one),
 * and with `udp` (UDP sockets, not a radio) what compression cannot do there is left out.
 */
export function policyFor(connection: Connection, local: Uint8Array, remote: Uint8Array, udp: boolean): IkePolicy {
  const { policy, more } = connection;
  const on = (child: ChildPolicy, templates: Templates): ChildPolicy => ({
    ...child,
    local: local.length === 0 ? child.local : resolved(templates.local, local),
    remote: remote.length === 0 ? child.remote : resolved(templates.remote, remote),
    compression:
      udp && child.compression !== null ? overUdp(child.compression, child.notify === hcp) : child.compression,
  });
  const children = policy.children?.map((child, index) => on(child, more[index].isOwn ? more[index] : connection));
  return { ...policy, child: on(policy.child, connection), ...(children === undefined ? {} : { children }) };
}
