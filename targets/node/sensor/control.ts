// `dietesp sensor --control`: commands as JSON lines on stdin, an answer for each as a JSON line on stdout, in order.
//
//   {"cmd":"status"}                                  state, SAs and counters
//   {"cmd":"rekey-child"} {"cmd":"rekey-ike"}         ok when the new SA is there
//   {"cmd":"delete-child"}                            ok when the Child SA has ended
//   {"cmd":"probe"}                                   ok when the gateway answered
//   {"cmd":"delete"}                                  ok when the IKE SA has ended; {"cmd":"connect"} sets up another
//   {"cmd":"resume"}                                  connects with the session's ticket, as after a restart
//   {"cmd":"ping","to":"2001:db8::1","count":3}       ok when every reply came
//   {"cmd":"send","to":"2001:db8::1","port":7,"text":"hello"}  a UDP payload; the answer tells what came back
//   {"cmd":"send"}                                    a reading
//   {"cmd":"quit"}
//
// The answer repeats an "id".

import type { Readable } from 'node:stream';
import { closeChild } from '../../../core/ike/exchange/requests.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import { type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { addressOctets } from '../host/addresses.ts';
import { type ControlAnswer, type ControlCommand, failed, obeyLines } from '../host/lines.ts';
import { childView, spisOf, spiText } from '../host/sa-view.ts';
import type { Sensor } from './sensor.ts';

/** Milliseconds to wait for the outcome of a command. */
const LIMIT = 30000;
/** Source port of payloads that `send` sends. */
const ECHO_SOURCE = 40007;
const ECHO_TIME = 3000;

function current(sensor: Sensor): IkeSa | null {
  const sa = sensor.host.uplink.current();
  return sa !== null && sa.state === STATE_ESTABLISHED ? sa : null;
}

function newest(sa: IkeSa | null): ChildSa | undefined {
  return sa?.children.find(({ retired }) => retired === 0);
}

function numberOf(command: ControlCommand, name: string, initial: number): number {
  const value = command[name] ?? initial;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 65535) {
    throw new Error(`${name}: ${JSON.stringify(value)}: must be 0..65535`);
  }
  return value;
}

function addressOf(command: ControlCommand): Uint8Array {
  const octets = addressOctets(String(command.to));
  if (octets === undefined) throw new Error(`to: ${String(command.to)}: must be an IP address`);
  return octets;
}

/** Asks for something and waits until `done`. */
async function ask(sensor: Sensor, begin: () => void, done: () => boolean, view: () => object): Promise<ControlAnswer> {
  const failures = sensor.failures();
  begin();
  sensor.wake();
  const isOver = () => done() || sensor.failures() > failures || current(sensor) === null;
  const ok = await sensor.until(isOver, LIMIT);
  if (done()) return { ok: true, ...view() };
  if (!ok) return failed(`nothing within ${LIMIT / 1000} s`);
  return failed(current(sensor) === null ? 'the IKE SA ended' : 'the Child SA failed');
}

async function sendTo(sensor: Sensor, command: ControlCommand): Promise<ControlAnswer> {
  const { inner } = sensor;
  let answer: string | null = null;
  const begin = sensor.now();
  let ms = -1;
  inner.listen(ECHO_SOURCE, (payload, _source, _port, now) => {
    answer = Buffer.from(payload).toString();
    ms = Math.round((now - begin) * 10) / 10;
  });
  const payload = Buffer.from(String(command.text ?? 'hello'));
  const problem = sensor.send(payload, addressOf(command), numberOf(command, 'port', 7), ECHO_SOURCE);
  if (problem !== '') return failed(problem);
  await sensor.until(() => answer !== null, numberOf(command, 'wait', ECHO_TIME));
  return answer === null ? failed('no answer') : { ok: true, answer, ms };
}

async function obey(sensor: Sensor, command: ControlCommand): Promise<ControlAnswer> {
  const { uplink } = sensor.host;
  const sa = current(sensor);
  const needsSa = ['rekey-child', 'rekey-ike', 'delete-child', 'probe', 'delete', 'resume'].includes(command.cmd);
  if (needsSa && sa === null) return failed('not connected');
  switch (command.cmd) {
    case 'status':
      return { ok: true, ...sensor.status() };
    case 'rekey-child': {
      const old = newest(sa);
      if (old === undefined) return failed('no Child SA');
      const done = () => newest(current(sensor)) !== undefined && newest(current(sensor))?.spiIn !== old.spiIn;
      const view = () => childView(newest(current(sensor))!);
      return ask(sensor, sensor.rekey, done, view);
    }
    case 'rekey-ike': {
      const done = () => current(sensor) !== null && current(sensor) !== sa;
      return ask(sensor, sensor.rekeyIke, done, () => spisOf(current(sensor)!));
    }
    case 'delete-child': {
      const old = newest(sa);
      if (old === undefined) return failed('no Child SA');
      return ask(
        sensor,
        () => closeChild(uplink.ike, sa!, old, sensor.now()),
        () => sa!.task === null && sa!.tasks.length === 0,
        () => ({ spiIn: spiText(old.spiIn) }),
      );
    }
    case 'probe': {
      const id = sa!.nextId;
      const done = () => sa!.nextId > id && sa!.request.length === 0 && sa!.state === STATE_ESTABLISHED;
      const begun = sensor.now();
      return ask(sensor, sensor.probe, done, () => ({ ms: Math.round(sensor.now() - begun) }));
    }
    case 'delete':
      uplink.close(sensor.now());
      sensor.wake();
      if (await sensor.until(() => uplink.current() === null, LIMIT)) return { ok: true };
      return failed('no end');
    case 'connect':
    case 'resume': {
      if (command.cmd === 'resume' && sa!.session === null) return failed('no ticket');
      const problem = await sensor.connect(command.cmd === 'resume');
      return problem === '' ? { ok: true, ...sensor.status() } : failed(problem);
    }
    case 'ping': {
      const count = numberOf(command, 'count', 1);
      const times = await sensor.ping(addressOf(command), count, numberOf(command, 'interval', 100));
      return { ok: times.length === count, sent: count, received: times.length, ms: times };
    }
    case 'send': {
      if (command.to !== undefined) return sendTo(sensor, command);
      const { outcome, ms } = await sensor.read(String(command.text ?? '{"t":21.5}'));
      return { ok: outcome === 'acknowledged', outcome, ms };
    }
    case 'quit':
      return { ok: true };
    default:
      return failed(`${command.cmd}: no such command`);
  }
}

/** Obeys commands until `quit` or the end of the input; `answer` takes each line's answer. */
export function control(sensor: Sensor, input: Readable, answer: (line: object) => void): Promise<void> {
  return obeyLines(input, (command) => obey(sensor, command), answer);
}
