// `dietesp gateway --control`: commands as JSON lines on stdin, an answer for each as a JSON line on stdout, in order.
// Events come between them. docs/control.md has every command, answer and event.

import type { Readable } from 'node:stream';
import { type ControlAnswer, type ControlCommand, failed, obeyLines } from '../host/lines.ts';
import type { Gateway, IkeRequest } from './events.ts';
import type { Reloaded } from './reloaded.ts';
import type { IkeSaView } from './views.ts';

/** Milliseconds to wait for the outcome of a command, and between looks. */
const LIMIT = 30000;
const STEP = 5;

/** Reads the file again and applies it; rejects with all that is wrong with it. */
type Reload = () => Promise<Reloaded>;

function noFile(): Promise<never> {
  return Promise.reject(new Error('there is no file to read again'));
}

/** Events a second of attempts of which no identity was proved. */
const STRANGERS = 10;

const REQUESTS: readonly string[] = ['rekey-child', 'rekey-ike', 'delete-child', 'delete', 'probe'];

function isRequest(cmd: string): cmd is IkeRequest {
  return REQUESTS.includes(cmd);
}

/** The IKE SA that took the place of `sa`, as it looks now; undefined: the peer has none. */
type Look = (id: string) => IkeSaView | undefined;

/** What a request did, or null while it has not. `before` is the IKE SA as it was asked, `now` as it is. */
function resultOf(request: IkeRequest, before: IkeSaView, now: IkeSaView | undefined, newer: Look): object | null {
  const child = newer(before.id)?.children[0];
  switch (request) {
    case 'rekey-ike': {
      const next = newer('');
      if (next === undefined || next.id === before.id) return null;
      return { spiI: next.spiI, spiR: next.spiR };
    }
    case 'rekey-child':
      return child === undefined || child.spiIn === before.children[0].spiIn ? null : child;
    case 'delete-child':
      return now === undefined || now.isBusy ? null : {};
    case 'delete':
      return now === undefined ? {} : null;
    case 'probe':
      return now?.state === 'established' && !now.isBusy && now.requests > before.requests ? {} : null;
  }
}

async function obey(gateway: Gateway, reload: Reload, command: ControlCommand): Promise<ControlAnswer> {
  const { cmd } = command;
  if (cmd === 'status') return { ok: true, sas: gateway.ikeSas(), metrics: gateway.metrics() };
  if (cmd === 'reload') return { ok: true, ...(await reload()) };
  if (cmd === 'drain' || cmd === 'undrain') return { ok: true, told: gateway.drain(cmd === 'drain') };
  if (cmd === 'quit') return { ok: true };
  if (!isRequest(cmd)) return failed(`${cmd}: no such command`);
  const peer = command.peer === undefined ? undefined : String(command.peer);
  const established = (): IkeSaView | undefined =>
    gateway.ikeSas().find((sa) => sa.state === 'established' && (peer === undefined || sa.peer === peer));
  const byId = (id: string): IkeSaView | undefined => gateway.ikeSas().find((sa) => sa.id === id);
  const before = established();
  if (before === undefined) return failed(peer === undefined ? 'no peer is connected' : `${peer} is not connected`);
  const problem = gateway.askIke(before.id, cmd);
  if (problem !== '') return failed(problem === 'no-child' ? 'no Child SA' : problem);
  for (let waited = 0; ; waited += STEP) {
    const now = byId(before.id);
    const result = resultOf(cmd, before, now, (id) => byId(id) ?? established());
    if (result !== null) return { ok: true, ...result };
    if (now === undefined && established() === undefined) return failed('the IKE SA ended');
    if (waited >= LIMIT) return failed(`nothing within ${LIMIT / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, STEP));
  }
}

/** Obeys commands until `quit` or the end of the input; `print` takes events and answers, `reload` reads the file again. */
export function controlGateway(
  gateway: Gateway,
  input: Readable,
  print: (line: object) => void,
  reload: Reload = noFile,
): Promise<void> {
  gateway.on('up', (peer, name) => print({ event: 'up', peer, name }));
  const strangers = { until: 0, events: 0, more: 0 };
  gateway.on('down', (peer, reason) => {
    const now = performance.now();
    if (peer !== '') {
      print({ event: 'down', peer, reason });
      return;
    }
    if (now >= strangers.until) Object.assign(strangers, { until: now + 1000, events: 0 });
    if (strangers.events++ >= STRANGERS) {
      strangers.more++;
      return;
    }
    print({ event: 'down', peer, reason, ...(strangers.more === 0 ? {} : { suppressed: strangers.more }) });
    strangers.more = 0;
  });
  gateway.on('childFailed', (peer, reason) => print({ event: 'child-failed', peer, reason }));
  gateway.on('childMissing', (peer, child, wait) => print({ event: 'child-missing', peer, child, wait }));
  gateway.on('lost', (address) => print({ event: 'lost', address }));
  gateway.on('back', (address) => print({ event: 'back', address }));
  print({ event: 'started' });
  return obeyLines(input, (command) => obey(gateway, reload, command), print);
}
