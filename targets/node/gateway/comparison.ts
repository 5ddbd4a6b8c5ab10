// Compares connections: what was negotiated or proved needs a new IKE SA, times and sizes do not.

import type { CoapPolicy } from '../../../core/ike/state/compression.ts';
import type { Connection } from '../host/config/ike-policy.ts';

/** Fields of a policy that an IKE SA reads when it needs them: it goes on with new ones. */
const SOFT = new Set([
  'name',
  'nameRemote',
  'rekeyTime',
  'reauthTime',
  'dpdTime',
  'retransmitTime',
  'retransmitTries',
  'ticketLifetime',
  'maxChildren',
  'fragmentSize',
  'nonceSize',
  'privateAlways',
  'initialContact',
  'announce',
  'counterSync',
  'optimizedRekey',
  'rekeyPackets',
]);

/** As JSON; `isHard`: without what an IKE SA goes on with. */
export function jsonText(value: unknown, isHard: boolean): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (isHard && SOFT.has(key)) return undefined;
    // Compiled rules hold counters and scratch memory. Their name says what they are.
    if (key === 'coap' && typeof inner === 'object' && inner !== null && 'rules' in inner) {
      const { rules, required } = inner as CoapPolicy;
      return [rules.hash, rules.isDev, required];
    }
    return inner instanceof Uint8Array ? Buffer.from(inner).toString('hex') : inner;
  });
}

/** What an IKE SA with this connection has negotiated or proved. */
export function hardText(connection: Connection): string {
  return jsonText(partsOf(connection), true);
}

/** What of a connection is compared; what is not there leaves no trace, so that digests of earlier versions hold. */
function partsOf({ policy, local, remote, eesp, more }: Connection): unknown[] {
  const own = more.filter(({ isOwn }) => isOwn).map((one) => [one.local, one.remote]);
  return [policy, local, remote, ...(eesp === null ? [] : [eesp]), ...(own.length === 0 ? [] : [own])];
}

interface Print {
  hard: string;
  whole: string;
}

export type Difference = 'same' | 'soft' | 'hard';

export type Comparison = (old: Connection, next: Connection) => Difference;

/** Compares connections; each is written down once. */
export function createComparison(): Comparison {
  const prints = new Map<Connection, Print>();
  function printOf(connection: Connection): Print {
    let print = prints.get(connection);
    if (print === undefined) {
      print = { hard: hardText(connection), whole: jsonText(partsOf(connection), false) };
      prints.set(connection, print);
    }
    return print;
  }
  return (old, next) => {
    if (old === next) return 'same';
    const [a, b] = [printOf(old), printOf(next)];
    if (a.hard !== b.hard) return 'hard';
    return a.whole === b.whole ? 'same' : 'soft';
  };
}
