// `dietesp gateway --control`: commands as JSON lines on stdin, an answer for each as a JSON line on stdout, in order.
// Events come between them: {"event":"up"}, {"event":"down"}, {"event":"child-failed"}, ...
//
//   {"cmd":"status"}                                  IKE SAs with their Child SAs, and the metrics
//   {"cmd":"rekey-child"} {"cmd":"rekey-ike"}         ok when the new SA is there
//   {"cmd":"delete-child"} {"cmd":"delete"}           ok when the peer has confirmed it
//   {"cmd":"probe"}                                   ok when the peer answered
//   {"cmd":"quit"}                                    tells the peers that their SAs end, and ends
//
// "peer" names one by its identity ("fqdn:sensor1.example"), where there is more than one; "id", where it is given, comes
// back.

import type { Readable } from 'node:stream';
import { closeChild, closeIke, probe, rekeyChild, rekeyIke } from '../../../core/ike/exchange/requests.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { addressText } from '../host/addresses.ts';
import { identityText } from '../host/config/ike-names.ts';
import { type ControlAnswer, type ControlCommand, failed, obeyLines } from '../host/lines.ts';
import { childView, spisOf } from '../host/sa-view.ts';
import type { Gateway, IkeRequest } from './events.ts';

/** Milliseconds to wait for the outcome of a command, and between looks. */
const LIMIT = 30000;
const STEP = 5;

function newest(sa: IkeSa | undefined): ChildSa | undefined {
  return sa?.children.find(({ retired }) => retired === 0);
}

function nameOf(sa: IkeSa): string {
  return sa.peerId.length === 0 ? '' : identityText(sa.peerIdType, sa.peerId);
}

function ikeView(sa: IkeSa): object {
  return {
    peer: nameOf(sa),
    state: sa.state === STATE_ESTABLISHED ? 'established' : sa.setup === null ? 'ending' : 'negotiating',
    ...spisOf(sa),
    cipher: sa.cipher?.name ?? '',
    remote: addressText(sa.path.remote),
    remotePort: sa.path.remotePort,
    address: sa.address.length === 0 ? '' : addressText(sa.address),
    children: sa.children.filter(({ retired }) => retired === 0).map(childView),
  };
}

async function obey(gateway: Gateway, command: ControlCommand): Promise<ControlAnswer> {
  const peer = command.peer === undefined ? undefined : String(command.peer);
  const current = (): IkeSa | undefined =>
    gateway.ikeSas().find((sa) => sa.state === STATE_ESTABLISHED && (peer === undefined || nameOf(sa) === peer));
  const sa = current();

  /** Asks for something and waits until `done`. */
  async function ask(request: IkeRequest, done: () => boolean, view: () => object): Promise<ControlAnswer> {
    gateway.askIke(sa!, request);
    const isGone = (): boolean => current() === undefined && !gateway.ikeSas().includes(sa!);
    for (let waited = 0; waited < LIMIT && !done() && !isGone(); waited += STEP) {
      await new Promise((resolve) => setTimeout(resolve, STEP));
    }
    if (done()) return { ok: true, ...view() };
    return failed(isGone() ? 'the IKE SA ended' : `nothing within ${LIMIT / 1000} s`);
  }

  if (command.cmd === 'status') return { ok: true, sas: gateway.ikeSas().map(ikeView), metrics: gateway.metrics() };
  if (command.cmd === 'quit') return { ok: true };
  if (!['rekey-child', 'rekey-ike', 'delete-child', 'delete', 'probe'].includes(command.cmd)) {
    return failed(`${command.cmd}: no such command`);
  }
  if (sa === undefined) return failed(peer === undefined ? 'no peer is connected' : `${peer} is not connected`);
  const child = newest(sa);
  const isIdle = (): boolean => sa.task === null && sa.tasks.length === 0;
  const nothing = (): object => ({});
  switch (command.cmd) {
    case 'rekey-ike':
      return ask(
        rekeyIke,
        () => current() !== undefined && current() !== sa,
        () => spisOf(current()!),
      );
    case 'delete':
      return ask(closeIke, () => !gateway.ikeSas().includes(sa), nothing);
    case 'probe': {
      const id = sa.nextId;
      return ask(probe, () => sa.nextId > id && sa.request.length === 0 && sa.state === STATE_ESTABLISHED, nothing);
    }
    default:
      if (child === undefined) return failed('no Child SA');
  }
  if (command.cmd === 'delete-child') return ask((ike, one, now) => closeChild(ike, one, child, now), isIdle, nothing);
  return ask(
    (ike, one, now) => rekeyChild(ike, one, child, now),
    () => newest(current()) !== undefined && newest(current())?.spiIn !== child.spiIn,
    () => childView(newest(current())!),
  );
}

/** Obeys commands until `quit` or the end of the input; `print` takes events and answers. */
export function controlGateway(gateway: Gateway, input: Readable, print: (line: object) => void): Promise<void> {
  gateway.on('up', (peer, name) => print({ event: 'up', peer, name }));
  gateway.on('down', (peer, reason) => print({ event: 'down', peer, reason }));
  gateway.on('childFailed', (peer, reason) => print({ event: 'child-failed', peer, reason }));
  gateway.on('lost', (address) => print({ event: 'lost', address }));
  gateway.on('back', (address) => print({ event: 'back', address }));
  print({ event: 'started' });
  return obeyLines(input, (command) => obey(gateway, command), print);
}
