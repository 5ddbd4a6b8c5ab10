// IKE SAs and Child SAs as plain data with names, for status, events and lines, without live objects and keys.

import { u16 } from '../../../core/base/bytes.ts';
import { MODE_TUNNEL } from '../../../core/dietesp/attributes.ts';
import { SUBSPACES_MAX } from '../../../core/esp/subspaces.ts';
import { PROTOCOL_ESP, TRANSFORM_SN } from '../../../core/ike/codec/numbers.ts';
import type { Selector } from '../../../core/ike/codec/selectors.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import type { CompressionChoice } from '../../../core/ike/state/compression.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { selectorsOf } from '../../../core/ike/state/selector-note.ts';
import { addressText, isEvery } from './addresses.ts';
import { keName } from './config/ke-names.ts';
import { dscpValues } from './lanes.ts';

/** Names of the values of attributes, as in SA files. */
const DSCP = ['not_compressed', 'lower', 'sa'];
const FLOW = ['not_compressed', 'lower', '', 'generated', 'zero'];

/** A Child SA with names in place of numbers. */
export interface ChildView {
  /** Name of the connection, and behind a `/` that of one of several Child SAs. */
  name: string;
  /** Eight hexadecimal digits. */
  spiIn: string;
  /** SPI of packets to the peer. */
  spiOut: string;
  /** Name of the suite. */
  suite: string;
  /** Key length of the cipher in bits. */
  keyBits: number;
  /** Extended sequence numbers. */
  esn: boolean;
  /** Anti-replay subspaces; 0: one counter. */
  subspaces: number;
  /** `tunnel` or `transport`. */
  mode: string;
  /** Selectors of this side, as in configuration files, with `, ` between them. */
  local: string;
  /** Selectors of the peer. */
  remote: string;
  /** Key exchange of rekeys, `x25519`; `none`. */
  pfs: string;
  /** DSCP values that it is for, of this side's packets; empty: all. */
  dscp: number[];
  /** Null: plain ESP, or EESP. */
  compression: Record<string, string | number> | null;
  /** `EESP`; absent: ESP. */
  protocol?: string;
  /** Rules for CoAP are configured, and the peer has none or others. */
  coapDeclined?: true;
}

/** A line about `ChildView.coapDeclined`. */
export const COAP_DECLINED = 'without rules for CoAP: the peer has none, or others';

function declinesCoap({ policy, compression }: ChildSa): boolean {
  return policy.coap !== undefined && policy.coap !== null && compression?.coap === undefined;
}

export function spiText(spi: number): string {
  return spi.toString(16).padStart(8, '0');
}

/** A new Child SA in a line of the log. */
export function childText(child: ChildSa, suite: string): string {
  const { spiIn, spiOut, compression, protocol } = child;
  const dscp = dscpValues(child);
  const plain = protocol === PROTOCOL_ESP ? 'plain ESP' : 'EESP';
  const form = compression === null ? plain : `Diet-ESP ${compression.espSpiLsb}+${compression.espSnLsb} bits`;
  const name = compression?.coap === undefined ? '' : Buffer.from(compression.coap).toString('hex');
  const coap = name !== '' ? `, rules for CoAP ${name}` : declinesCoap(child) ? `, ${COAP_DECLINED}` : '';
  const values = dscp.length === 0 ? '' : `, DSCP ${dscp.join(' ')}`;
  return `Child SA ${spiText(spiIn)} in, ${spiText(spiOut)} out, ${suite}, ${form}${coap}${values}`;
}

export function spisOf(sa: IkeSa): { spiI: string; spiR: string } {
  const digits = Buffer.from(sa.spis).toString('hex');
  return { spiI: digits.slice(0, 16), spiR: digits.slice(16) };
}

/** `2001:db8::1 udp 5683`, `192.0.2.0-192.0.2.255`. */
export function selectorText({ protocol, startPort, endPort, start, end }: Selector): string {
  const first = addressText(start);
  const last = addressText(end);
  const isAny = isEvery(start, end);
  const ip = isAny ? (start.length === 4 ? 'any4' : 'any6') : first === last ? first : `${first}-${last}`;
  const known: Record<number, string> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6' };
  const proto = protocol === 0 ? '' : ` ${known[protocol] ?? protocol}`;
  const isAnyPort = startPort === 0 && endPort === 65535;
  const ports = isAnyPort
    ? ''
    : startPort > endPort
      ? ' opaque'
      : ` ${startPort}${startPort === endPort ? '' : `-${endPort}`}`;
  return ip + proto + ports;
}

function compressionView(choice: CompressionChoice | null): ChildView['compression'] {
  if (choice === null) return null;
  return {
    dscp_cda: DSCP[choice.dscpCda],
    ecn_cda: DSCP[choice.ecnCda],
    flow_label_cda: FLOW[choice.flowLabelCda],
    alignment: choice.alignment,
    esp_spi_lsb: choice.espSpiLsb,
    esp_sn_lsb: choice.espSnLsb,
    esp_trailer: choice.espTrailer === 0 ? 'Optional' : 'Mandatory',
    ...(choice.coap === undefined ? {} : { coap: Buffer.from(choice.coap).toString('hex') }),
  };
}

/** Agreed subspaces: the attribute of a transform of Sequence Numbers. */
function subspacesIn({ transforms }: ChildSa): number {
  const found = transforms.find(({ type, attributes }) => type === TRANSFORM_SN && attributes?.length === 4);
  if (found === undefined) return 0;
  return u16(found.attributes!, 2) || SUBSPACES_MAX;
}

export function childView(child: ChildSa): ChildView {
  const { local, remote } = selectorsOf(child);
  return {
    name: child.policy.name,
    spiIn: spiText(child.spiIn),
    spiOut: spiText(child.spiOut),
    suite: child.suite!.name,
    keyBits: child.keyBits,
    esn: child.esn !== 0,
    subspaces: subspacesIn(child),
    mode: child.mode === MODE_TUNNEL ? 'tunnel' : 'transport',
    local: local.map(selectorText).join(', '),
    remote: remote.map(selectorText).join(', '),
    pfs: keName(child.ke, child.transforms),
    dscp: dscpValues(child),
    compression: compressionView(child.compression),
    ...(child.protocol === PROTOCOL_ESP ? {} : { protocol: 'EESP' }),
    ...(declinesCoap(child) ? { coapDeclined: true as const } : {}),
  };
}
