// What happens to a sensor, as objects (for programs) and as lines (for people).

import { MODE_TUNNEL } from '../../../core/dietesp/attributes.ts';
import type { CompressionChoice } from '../../../core/ike/child/compression.ts';
import type { Selector } from '../../../core/ike/codec/selectors.ts';
import { espPathOf } from '../../../core/ike/exchange/exchange.ts';
import { outcomeName } from '../../../core/ike/state/outcome-name.ts';
import type { ChildSa, IkeSa } from '../../../core/ike/state/sa.ts';
import { addressText } from '../host/addresses.ts';
import { announcedNames, identityText, KE_METHODS } from '../host/config/ike-names.ts';

export type Report = (event: SensorEvent) => void;

/** Names of the values of attributes, as in SA files. */
const DSCP = ['not_compressed', 'lower', 'sa'];
const FLOW = ['not_compressed', 'lower', '', 'generated', 'zero'];

export interface ChildView {
  /** Eight hexadecimal digits. */
  spiIn: string;
  spiOut: string;
  suite: string;
  keyBits: number;
  esn: boolean;
  mode: string;
  local: string;
  remote: string;
  pfs: string;
  /** Null: plain ESP. */
  compression: Record<string, string | number> | null;
}

export type SensorEvent =
  | { event: 'connecting'; local: string; remote: string; over: 'radio' | 'udp' }
  | {
      event: 'established';
      peer: string;
      spiI: string;
      spiR: string;
      cipher: string;
      ke: string;
      /** Milliseconds from the first message; IKE messages sent and received so far. */
      ms: number;
      messages: number;
      address: string;
      encapsulated: boolean;
      resumed: boolean;
      fragmentation: boolean;
      vendor: boolean;
      optimizedRekey: boolean;
      /** What the peer says it can verify [RFC 9593]; empty: nothing. */
      verifies: string[];
    }
  | ({ event: 'child' } & ChildView)
  | { event: 'child-removed'; spiIn: string }
  | { event: 'child-failed'; outcome: string; problem: string }
  | { event: 'rekeyed'; spiI: string; spiR: string }
  /** `peer`: '' where it did not prove who it is. */
  | { event: 'ended'; peer: string; outcome: string; retryMs: number }
  | { event: 'reading'; reading: number; outcome: string; ms: number; text: string }
  | { event: 'ping'; sequence: number; to: string; ms: number; problem: string };

export function spiText(spi: number): string {
  return spi.toString(16).padStart(8, '0');
}

export function spisOf(sa: IkeSa): { spiI: string; spiR: string } {
  const digits = Buffer.from(sa.spis).toString('hex');
  return { spiI: digits.slice(0, 16), spiR: digits.slice(16) };
}

function keName(method: number): string {
  return (
    Object.keys(KE_METHODS).find((name) => KE_METHODS[name] === method) ?? (method === 0 ? 'none' : String(method))
  );
}

/** `2001:db8::1 udp 5683`, `192.0.2.0-192.0.2.255`. */
export function selectorText({ protocol, startPort, endPort, start, end }: Selector): string {
  const first = addressText(start);
  const last = addressText(end);
  const isAny = start.every((octet) => octet === 0) && end.every((octet) => octet === 255);
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
  };
}

export function childView(child: ChildSa): ChildView {
  return {
    spiIn: spiText(child.spiIn),
    spiOut: spiText(child.spiOut),
    suite: child.suite.name,
    keyBits: child.keyBits,
    esn: child.esn !== 0,
    mode: child.mode === MODE_TUNNEL ? 'tunnel' : 'transport',
    local: selectorText(child.local),
    remote: selectorText(child.remote),
    pfs: keName(child.ke),
    compression: compressionView(child.compression),
  };
}

export function establishedView(sa: IkeSa, ms: number, messages: number, resumed: boolean): SensorEvent {
  return {
    event: 'established',
    peer: identityText(sa.peerIdType, sa.peerId),
    ...spisOf(sa),
    cipher: sa.cipher?.name ?? '',
    ke: keName(sa.ke),
    ms: rounded(ms),
    messages,
    address: sa.address.length === 0 ? '' : addressText(sa.address),
    encapsulated: espPathOf(sa).encapsulated,
    resumed,
    fragmentation: sa.fragmentation,
    vendor: sa.vendor,
    optimizedRekey: sa.optimizedRekey,
    verifies: announcedNames(sa.announced),
  };
}

export function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

export { outcomeName };

function compressionText(view: ChildView['compression']): string {
  if (view === null) return 'plain ESP';
  const pairs = Object.entries(view).map(([name, value]) => `${name} ${value}`);
  return `Diet-ESP: ${pairs.join(', ')}`;
}

/** An event as a line; '' for one that nobody has to read. */
export function eventText(event: SensorEvent): string {
  switch (event.event) {
    case 'connecting':
      return `connecting from ${event.local} to ${event.remote} over ${event.over}`;
    case 'established': {
      const extra = [
        event.resumed ? 'resumed' : '',
        event.encapsulated ? 'ESP in UDP' : '',
        event.address === '' ? '' : `inner address ${event.address}`,
        event.verifies.length === 0 ? '' : `the peer verifies ${event.verifies.join(' and ')}`,
      ].filter((text) => text !== '');
      return (
        `established with ${event.peer}: ${event.cipher}, ${event.ke}, ${event.messages} messages in ${event.ms} ms` +
        extra.map((text) => `, ${text}`).join('')
      );
    }
    case 'child':
      return (
        `child ${event.spiIn} in, ${event.spiOut} out: ${event.suite}, ${event.mode}, ` +
        `${event.local} to ${event.remote}; ${compressionText(event.compression)}`
      );
    case 'child-removed':
      return `child ${event.spiIn} removed`;
    case 'child-failed':
      return `child failed: ${event.outcome}${event.problem === '' ? '' : ` (${event.problem})`}`;
    case 'rekeyed':
      return `IKE SA rekeyed: ${event.spiI} ${event.spiR}`;
    case 'ended':
      return `ended: ${event.outcome}${event.retryMs < 0 ? '' : `, next attempt in ${event.retryMs} ms`}`;
    case 'reading':
      return `reading ${event.reading} ${event.text}: ${event.outcome} in ${event.ms} ms`;
    case 'ping':
      if (event.problem !== '') return `ping ${event.sequence} to ${event.to}: ${event.problem}`;
      return `ping ${event.sequence} to ${event.to}: ${event.ms} ms`;
  }
}
