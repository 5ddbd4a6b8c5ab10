// Requests about the IKE SA of a peer, and their results.

import type { IkeRequest } from '../events.ts';
import type { IkeSaView } from '../ike-view.ts';
import { Refused } from './refused.ts';
import type { Running } from './running.ts';

/** Milliseconds to wait for the result, and between looks. */
const LIMIT = 30000;
const STEP = 10;

/** What a request did, or null while it has not. `before` is the IKE SA as it was asked, `now` as it is, `next` what took its place. */
function resultOf(
  request: IkeRequest,
  before: IkeSaView,
  now: IkeSaView | undefined,
  next: () => IkeSaView | undefined,
): object | null {
  switch (request) {
    case 'rekey-ike': {
      const newer = next();
      if (newer === undefined || newer.id === before.id) return null;
      return { spiI: newer.spiI, spiR: newer.spiR };
    }
    case 'rekey-child': {
      const child = (now ?? next())?.children[0];
      return child === undefined || child.spiIn === before.children[0].spiIn ? null : child;
    }
    case 'delete-child':
      return now === undefined || now.isBusy ? null : {};
    case 'delete':
      return now === undefined ? {} : null;
    case 'probe':
      return now?.state === 'established' && !now.isBusy && now.requests > before.requests ? {} : null;
  }
}

/** Asks the peer (any, where none is named), waits for the result, and gives it. Throws Refused. */
export async function request({ gateway }: Running, what: IkeRequest, peer: string | undefined): Promise<object> {
  const before = gateway.establishedIke(peer);
  if (before === undefined) {
    throw new Refused(peer === undefined ? 'no peer is connected' : `${peer} is not connected`, 'absent');
  }
  const next = (): IkeSaView | undefined => gateway.establishedIke(before.peer);
  const problem = gateway.askIke(before.id, what);
  if (problem !== '') throw new Refused(problem === 'no-child' ? 'no Child SA' : problem);
  for (let waited = 0; ; waited += STEP) {
    const now = gateway.ikeSa(before.id);
    const result = resultOf(what, before, now, next);
    if (result !== null) return result;
    if (now === undefined && next() === undefined) throw new Refused('the IKE SA ended');
    if (waited >= LIMIT) throw new Refused(`nothing within ${LIMIT / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, STEP));
  }
}
