// A gateway with one radio and 10,000 sensors that are keyed by hand: what a reading takes, from its frame to the server's socket,
// with the acknowledgement of its frame; and what it takes with the server's answer. The radio and the server are in this process
// and only count: system calls and air are not in the figures. Sensors take turns, so that no reading finds what it needs warm.
//   npm run bench -- radio-crowd

import type { Provider } from '../../core/crypto/provider.ts';
import { createDevice } from '../../core/device/device.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { ACK_SIZE, emitAck, FRAME_ACK } from '../../core/wire/ieee802154.ts';
import { createGateway } from '../../targets/node/gateway/gateway.ts';
import type { SocketUpper } from '../../targets/node/gateway/socket.ts';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import type { Radio } from '../../targets/node/host/radio/radio.ts';
import { contextsOf, GATEWAY, innerOf, PAN, PORT, pairOf, SERVER } from '../gateway/support.ts';
import type { Figure } from './ike.ts';

const SENSORS = 10000;
/** Readings of each sensor; those of the first rounds warm up. */
const READINGS = 6;
const WARM = 2;
/** Frames in one turn of the event loop. */
const TURN = 50;
/** Of a CoAP message with a reading. */
const READING = new Uint8Array(18).fill(0x51);
const ANSWER = new Uint8Array(4).fill(0x60);
/** The first sensor's short address, and its number in addresses and SPIs. */
const FIRST = 16;

/** A radio that counts. */
function radioOf(transmit: Radio['transmit']): Radio {
  return { instant: true, clear: () => true, transmit, onFrame: null, close() {} };
}

/** An acknowledgement of the frame at frame[offset..). */
function acknowledgement(frame: Uint8Array, offset: number): Uint8Array {
  const ack = new Uint8Array(ACK_SIZE);
  emitAck(ack, 0, 0, frame[offset + 2]);
  return ack;
}

/** Frames of all readings of a sensor, as it sends them when each one is acknowledged. */
function framesOf(index: number, provider: Provider, server: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const device = createDevice({
    provider,
    parts: FULL_PARTS,
    phy: radioOf((frame, offset, length) => void frames.push(frame.slice(offset, offset + length))),
    upper: { datagram() {}, done() {} },
    panId: PAN,
    shortAddress: index,
    extendedAddress: new Uint8Array(8).fill(2),
    gateway: Uint8Array.of(0, 0),
    address: addressOctets(innerOf(index))!,
    contexts: contextsOf(),
    reassembly: null,
    echo: null,
    maxSize: 128,
    queue: 1,
    ackWait: 20,
  });
  const [up, down] = pairOf(index);
  device.addSas(up.config, down.config);
  for (let n = 1; n <= READINGS; n++) {
    device.send(READING, 0, READING.length, PORT, server, PORT, 0);
    device.poll(0);
    if (frames.length !== n) throw new Error(`sensor ${index}: ${frames.length} frames for ${n} readings`);
    device.receive(acknowledgement(frames[n - 1], 0), 0, ACK_SIZE, 0);
    device.poll(0);
  }
  return frames;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Microseconds of processor time of a reading. */
async function run(readings: Uint8Array[][], provider: Provider, isAnswered: boolean): Promise<number> {
  const counts = { acknowledged: 0, answers: 0, delivered: 0 };
  let sentAcks: Uint8Array[] = [];
  let uppers: SocketUpper[] = [];
  const radio = radioOf((frame, offset) => {
    if ((frame[offset] & 7) === FRAME_ACK) counts.acknowledged++;
    else {
      counts.answers++;
      sentAcks.push(acknowledgement(frame, offset));
    }
  });
  const gateway = await createGateway({
    radios: [{ radio, panId: PAN, shortAddress: 0, extendedAddress: '02000000000000f0', queue: 2 * TURN }],
    addresses: [GATEWAY],
    contexts: ['fd00::/64'],
    provider,
    sas: Array.from({ length: SENSORS }, (_, n) => pairOf(FIRST + n)).flat(),
    flows: [{ destination: SERVER, port: PORT, to: '127.0.0.1:9' }],
    openSocket: (_target, upper) => ({
      send() {
        counts.delivered++;
        if (isAnswered) uppers.push(upper);
        return true;
      },
      close() {},
    }),
  });
  let before = process.cpuUsage();
  for (let n = 0; n < READINGS; n++) {
    if (n === WARM) before = process.cpuUsage();
    for (let i = 0; i < SENSORS; i += TURN) {
      for (let j = i; j < i + TURN; j++) radio.onFrame!(readings[j][n], 0, readings[j][n].length);
      await turn();
      if (!isAnswered) continue;
      const list = uppers;
      uppers = [];
      for (const upper of list) upper.message(ANSWER);
      while (counts.answers < n * SENSORS + i + TURN || sentAcks.length > 0) {
        await turn();
        const acks = sentAcks;
        sentAcks = [];
        for (const ack of acks) radio.onFrame!(ack, 0, ACK_SIZE);
      }
    }
  }
  const { user, system } = process.cpuUsage(before);
  await gateway.close();
  const all = SENSORS * READINGS;
  const { acknowledged, delivered, answers } = counts;
  if (acknowledged !== all || delivered !== all || answers !== (isAnswered ? all : 0)) {
    throw new Error(`of ${all}: ${acknowledged} acknowledged, ${delivered} delivered, ${answers} answers`);
  }
  return (user + system) / (SENSORS * (READINGS - WARM));
}

export async function benchRadioCrowd(): Promise<Figure[]> {
  const server = addressOctets(SERVER)!;
  const provider = createFastProvider();
  const readings = (): Uint8Array[][] =>
    Array.from({ length: SENSORS }, (_, n) => framesOf(FIRST + n, provider, server));
  const beside = `${READINGS - WARM} of each, in turns; without system calls`;
  const each = await run(readings(), provider, false);
  const answered = await run(readings(), provider, true);
  const what = `CPU of a reading among ${SENSORS} sensors, its frame acknowledged`;
  return [
    { name: what, value: each, unit: 'us', beside },
    { name: `${what}, and answered by the server`, value: answered, unit: 'us', beside },
  ];
}
