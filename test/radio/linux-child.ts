// linux.test.ts runs this in a network namespace of its own: radios on interfaces that wpan-interface.ts makes. It prints what it
// saw as one line of JSON.

import { createLinuxRadio, type LinuxConfig, type LinuxRadio } from '../../targets/node/host/radio/linux/radio.ts';
import { until } from '../gateway/tcp-support.ts';
import { gatewayRadio, type PairSeen, runPair, sensorRadio } from './linux-pair.ts';
import { createWpanInterface, ip, MONITOR, NODE, withFcs } from './wpan-interface.ts';

const hexes = (list: Uint8Array[]): string[] => list.map((one) => Buffer.from(one).toString('hex'));
/** A data frame to 0001 with a request for an acknowledgement, and an acknowledgement; without FCS. */
const DATA = Buffer.from('61980734120100020041', 'hex');
const ACK = Buffer.from('020007', 'hex');

function radioOn(name: string, more: Partial<LinuxConfig> = {}): LinuxRadio {
  const addresses = { panId: 0x1234, shortAddress: 1, extendedAddress: null };
  return createLinuxRadio({ interface: name, ...addresses, reopenAfter: 5, ...more });
}

async function refusal(name: string, more: Partial<LinuxConfig> = {}): Promise<string> {
  const radio = radioOn(name, more);
  const problem = await radio.ready.then(String, (error: Error) => error.message);
  radio.close();
  await radio.closed;
  return problem;
}

function send(radio: LinuxRadio, frame: Uint8Array): void {
  radio.transmit(Buffer.concat([Buffer.alloc(3), frame, Buffer.alloc(3)]), 3, frame.length);
}

async function refusals(): Promise<string[]> {
  ip('link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'veth1');
  const down = await createWpanInterface('down0', MONITOR);
  const lowpan = await createWpanInterface('lowpan0', 825);
  const node = await createWpanInterface('node0', NODE);
  ip('link', 'set', 'down0', 'down');
  const said = [];
  for (const name of ['nosuch0', 'lo', 'veth0', 'down0', 'lowpan0']) said.push(await refusal(name));
  process.seteuid!('nobody');
  said.push(await refusal('node0'));
  process.seteuid!(0);
  said.push(await refusal('node0', { isPromiscuous: true }));
  for (const one of [down, lowpan, node]) one.close();
  return said;
}

async function monitor(): Promise<Record<string, unknown>> {
  const wpan = await createWpanInterface('monitor0', MONITOR);
  const sent: Buffer[] = [];
  wpan.onSent = (frame) => void sent.push(frame);
  const states: string[] = [];
  const radio = radioOn('monitor0');
  const text = await radio.ready;
  const received: Buffer[] = [];
  radio.onFrame = (frame, offset, length) => void received.push(Buffer.from(frame.subarray(offset, offset + length)));
  radio.onState = (isUp) => void states.push(isUp ? 'back' : 'lost');
  radio.onEnd = () => void states.push('end');
  send(radio, withFcs(DATA));
  send(radio, withFcs(ACK));
  await until(() => sent.length === 2);
  wpan.deliver(withFcs(DATA));
  // Wrong FCS, too short, the longest, too long by one and by far.
  for (const size of [10, 4, 127, 128, 1000])
    wpan.deliver(size === 127 ? withFcs(Buffer.alloc(125, 7)) : Buffer.alloc(size, 9));
  wpan.deliver(withFcs(ACK));
  await until(() => received.length === 3);
  // The cable is pulled, and comes back; then the interface goes, and another takes its name.
  ip('link', 'set', 'monitor0', 'down');
  await until(() => states.length === 1);
  send(radio, withFcs(DATA));
  const whileDown = radio.device!();
  ip('link', 'set', 'monitor0', 'up');
  await until(() => states.length === 2);
  wpan.deliver(withFcs(ACK));
  await until(() => received.length === 4);
  wpan.close();
  await until(() => states.length === 3);
  const again = await createWpanInterface('monitor0', MONITOR);
  again.onSent = (frame) => void sent.push(frame);
  await until(() => states.length === 4);
  send(radio, withFcs(DATA));
  await until(() => sent.length === 3);
  // Another kind of interface takes its name: it is not taken for the radio.
  again.close();
  await until(() => states.length === 5);
  ip('link', 'add', 'monitor0', 'type', 'veth', 'peer', 'name', 'veth2');
  await until(() => /Ethernet/.test(radio.device!().problem));
  const { problem, isUp } = radio.device!();
  radio.close();
  radio.close();
  await radio.closed;
  send(radio, withFcs(DATA));
  const { counters } = radio;
  ip('link', 'del', 'monitor0');
  return {
    text,
    sent: hexes(sent),
    received: hexes(received).map((hex) => (hex.length > 40 ? hex.length / 2 : hex)),
    states,
    whileDown: [whileDown.isUp, whileDown.problem, whileDown.counters.unconnected],
    last: [isUp, problem],
    counters: { ...counters, errors: counters.errors > 0 },
  };
}

async function node(): Promise<Record<string, unknown>> {
  const wpan = await createWpanInterface('wpan0', NODE);
  const sent: Buffer[] = [];
  wpan.onSent = (frame) => void sent.push(frame);
  const radio = radioOn('wpan0');
  const text = await radio.ready;
  const received: Buffer[] = [];
  const ends: number[][] = [];
  radio.onFrame = (frame, offset, length) => void received.push(Buffer.from(frame.subarray(offset, offset + length)));
  radio.onEnd = (...end) => void ends.push(end);
  send(radio, withFcs(ACK));
  send(radio, withFcs(DATA));
  // A broadcast asks for no acknowledgement: its end is not waited for.
  send(radio, withFcs(Buffer.from('41980834 12ffff020041'.replace(' ', ''), 'hex')));
  wpan.deliver(DATA);
  wpan.deliver(Buffer.alloc(125, 7));
  wpan.deliver(Buffer.alloc(126, 7));
  wpan.deliver(Buffer.alloc(2, 7));
  await until(() => received.length === 2 && sent.length === 2 && radio.counters.badLength === 2);
  radio.close();
  await radio.closed;
  wpan.close();
  return {
    text,
    sent: hexes(sent),
    received: hexes(received).map((hex) => (hex.length > 40 ? hex.length / 2 : hex)),
    ends,
  };
}

/** Two interfaces of this type hear each other; a monitor gives the FCS too. */
async function twoOf(type: number): Promise<() => Promise<void>> {
  const [one, other] = [await createWpanInterface('wpan0', type), await createWpanInterface('wpan1', type)];
  for (const [from, to] of [
    [one, other],
    [other, one],
  ]) {
    from.onSent = (frame) => void to.deliver(type === MONITOR ? withFcs(frame) : frame);
  }
  return async () => {
    one.close();
    other.close();
  };
}

async function pairOver(type: number): Promise<PairSeen> {
  const end = await twoOf(type);
  const set = (state: string) => (): void => ip('link', 'set', 'wpan0', state);
  try {
    return await runPair(
      gatewayRadio('linux: { interface: wpan0 }'),
      sensorRadio('linux: { interface: wpan1 }'),
      set('down'),
      set('up'),
    );
  } finally {
    await end();
  }
}

/** Linux's own 6LoWPAN is an interface with IPv6: link-local addresses with their zones, IKE in UDP, ESP in IP itself. */
async function overLowpan(): Promise<PairSeen> {
  ip('link', 'add', 'lowpan0', 'type', 'veth', 'peer', 'name', 'lowpan1');
  for (const [name, address] of [
    ['lowpan0', 'fe80::11'],
    ['lowpan1', 'fe80::12'],
  ]) {
    ip('link', 'set', name, 'mtu', '1280', 'addrgenmode', 'none', 'up');
    ip('address', 'add', `${address}/64`, 'dev', name, 'nodad');
  }
  return runPair(
    'udp: [{ address: "fe80::11%lowpan0" }]\nesp: raw',
    'udp: { address: "fe80::12%lowpan1" }\nesp: raw\ngateway: { address: "fe80::11%lowpan1" }',
  );
}

const seen: Record<string, unknown> = {};
for (const [name, run] of Object.entries({
  refusals,
  monitor,
  node,
  overMonitors: () => pairOver(MONITOR),
  overNodes: () => pairOver(NODE),
  overLowpan,
})) {
  seen[name] = await run().catch((error: Error) => error.stack);
}
process.stdout.write(JSON.stringify(seen) + '\n');
