// A sensor's events as objects (for programs) and as lines (for people).

import type { Attempt } from '../../../core/device/uplink.ts';
import { outcomeName } from '../../../core/ike/state/outcome-name.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { addressText } from '../host/addresses.ts';
import { carriersOf, type SaCarriers } from '../host/carrier.ts';
import { declinedText, missingText } from '../host/child-keeper.ts';
import { announcedNames, identityText } from '../host/config/ike-names.ts';
import { keName } from '../host/config/ke-names.ts';
import { type ChildView, COAP_DECLINED, spisOf } from '../host/sa-view.ts';
import type { MobilityEvent } from './mobility.ts';
import { isStream, type Transport } from './transports.ts';

/** What became of a reading: the server acknowledged it, or nobody did. */
export type ReadingOutcome = 'acknowledged' | 'failed';

/** Hears of what happens to a sensor. */
export type Report = (event: SensorEvent) => void;

/** Connected. */
export interface EstablishedEvent extends SaCarriers {
  /** Tells it from other events. */
  event: 'established';
  /** Identity that the gateway proved, `fqdn:gateway.example`. */
  peer: string;
  /** SPI of the initiator, 16 hexadecimal digits. */
  spiI: string;
  /** SPI of the responder, 16 hexadecimal digits. */
  spiR: string;
  /** Name of the cipher of IKE messages. */
  cipher: string;
  /** Name of the key exchange, `x25519`. */
  ke: string;
  /** Milliseconds from the first message; IKE messages of this attempt, both ways, and their octets. */
  ms: number;
  /** IKE messages of this attempt, both ways. */
  messages: number;
  /** Octets of these messages, above UDP. */
  octets: number;
  /** Inner address from the gateway, or ''. */
  address: string;
  /** ESP goes in UDP [RFC 3948]. */
  encapsulated: boolean;
  /** The gateway took a ticket. */
  resumed: boolean;
  /** Both sides do IKE fragmentation [RFC 7383]. */
  fragmentation: boolean;
  /** The gateway sent our Vendor ID. */
  vendor: boolean;
  /** Both sides do optimized rekeys. */
  optimizedRekey: boolean;
  /** What the peer says it can verify [RFC 9593]; empty: nothing. */
  verifies: string[];
}

/** An event of a sensor. Times are milliseconds, SPIs hexadecimal digits, outcomes names of docs/outcomes.md. */
export type SensorEvent =
  /** `over`: `transport` of the file. */
  | { event: 'connecting'; local: string; remote: string; over: 'radio' | Transport }
  | EstablishedEvent
  | ({ event: 'child' } & ChildView)
  | { event: 'child-removed'; spiIn: string }
  | { event: 'child-failed'; outcome: string; problem: string }
  /** One of several Child SAs is missing; the others carry its packets. */
  | { event: 'child-missing'; child: string; retryMs: number }
  /** The gateway does not know what tells further Child SAs apart: there is one. */
  | { event: 'child-declined'; what: 'dscp' | 'resources' }
  | { event: 'rekeyed'; spiI: string; spiR: string }
  /** Addresses of this side and of the gateway: of a move, of another gateway, or of what is not done. */
  | MobilityEvent
  /** `peer`: '' where it did not prove who it is. `problem`: what is wrong with its certificate, which it is not told; else ''. */
  | { event: 'ended'; peer: string; outcome: string; retryMs: number; problem: string }
  | { event: 'reading'; reading: number; outcome: ReadingOutcome; ms: number; text: string }
  | { event: 'ping'; sequence: number; to: string; ms: number; problem: string };

export function establishedView(sa: IkeSa, attempt: Attempt): EstablishedEvent {
  const carriers = carriersOf(sa, isStream);
  return {
    event: 'established',
    peer: identityText(sa.peerIdType, sa.peerId),
    ...spisOf(sa),
    cipher: sa.cipher?.name ?? '',
    ke: keName(sa.ke, sa.transforms),
    ms: rounded(attempt.ms),
    messages: attempt.messages,
    octets: attempt.octets,
    address: sa.address.length === 0 ? '' : addressText(sa.address),
    encapsulated: carriers.espOver === 'udp',
    ...carriers,
    resumed: attempt.resumed,
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

function compressionText({ compression, protocol, coapDeclined }: ChildView): string {
  if (compression === null) return protocol ?? 'plain ESP';
  const pairs = Object.entries(compression).map(([name, value]) => `${name} ${value}`);
  return `Diet-ESP: ${pairs.join(', ')}${coapDeclined === true ? `; ${COAP_DECLINED}` : ''}`;
}

/** An event as a line; '' for one that nobody has to read. */
export function eventText(event: SensorEvent): string {
  switch (event.event) {
    case 'connecting':
      return `connecting from ${event.local} to ${event.remote} over ${event.over}`;
    case 'established': {
      const extra = [
        event.resumed ? 'resumed' : '',
        event.espOver === 'tcp' ? 'IKE and ESP over TCP' : event.ikeOver === 'tcp' ? 'IKE over TCP' : '',
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
        `child ${event.spiIn} in, ${event.spiOut} out: ${event.suite}, ` +
        `${event.subspaces === 0 ? '' : `${event.subspaces} subspaces, `}${event.mode}, ` +
        `${event.local} to ${event.remote}; ${compressionText(event)}` +
        (event.dscp.length === 0 ? '' : `; DSCP ${event.dscp.join(', ')}`)
      );
    case 'child-removed':
      return `child ${event.spiIn} removed`;
    case 'child-failed':
      return `child failed: ${event.outcome}${event.problem === '' ? '' : ` (${event.problem})`}`;
    case 'child-missing':
      return missingText(event.child, event.retryMs);
    case 'child-declined':
      return declinedText(event.what);
    case 'rekeyed':
      return `IKE SA rekeyed: ${event.spiI} ${event.spiR}`;
    case 'moved':
      return `moved: from ${event.local} to ${event.remote}`;
    case 'move-refused':
      return `the gateway refused the move to ${event.local}`;
    case 'redirected':
      return `sent to the gateway at ${event.remote}`;
    case 'redirect-refused':
      return `not going to the gateway ${event.remote}`;
    case 'ended':
      return `ended: ${event.outcome}${event.problem === '' ? '' : ` (${event.problem})`}${event.retryMs < 0 ? '' : `, next attempt in ${event.retryMs} ms`}`;
    case 'reading':
      return `reading ${event.reading} ${event.text}: ${event.outcome} in ${event.ms} ms`;
    case 'ping':
      if (event.problem !== '') return `ping ${event.sequence} to ${event.to}: ${event.problem}`;
      return `ping ${event.sequence} to ${event.to}: ${event.ms} ms`;
  }
}
