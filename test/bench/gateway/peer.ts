// gateway.ts runs this in the device's network namespace: a peer that sets up SAs with a gateway by IKE, and then leaves its
// sockets to the generator of traffic (wire.c). It makes the packets that the generator sends, and opens those that came.
// One JSON command a line on standard input, one JSON answer a line.

import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { inbound } from '../../../core/esp/inbound.ts';
import { OUTBOUND_ROOM, outbound } from '../../../core/esp/outbound.ts';
import type { SaConfig } from '../../../core/esp/sa.ts';
import { addressOctets } from '../../../targets/node/host/addresses.ts';
import { policyFor } from '../../../targets/node/host/config/ike-policy.ts';
import { headerRoom, readDatagram, writeDatagram } from '../../../targets/node/host/datagram.ts';
import { fullIke } from '../../../targets/node/host/full-ike.ts';
import { createFastProvider } from '../../../targets/node/host/provider/fast.ts';
import { outerPacket, outerSize } from '../../../targets/node/host/udp.ts';
import { readSensor } from '../../../targets/node/sensor/file.ts';
import type { IkeHost } from '../../../targets/node/sensor/host.ts';
import { createUdpHost } from '../../../targets/node/sensor/udp-host.ts';
import { openUdpSockets } from '../../../targets/node/sensor/udp-link.ts';

export type PeerCommand =
  | { op: 'connect'; config: string; inner: string }
  | { op: 'packets'; file: string; count: number; size: number; from: string; to: string; port: number }
  | { op: 'payloads'; file: string; count: number; size: number }
  | { op: 'check'; file: string; size: number };

/** SPI, key and salt of an SA as hexadecimal text. */
export type KeyText = [spi: string, key: string, salt: string];

export interface Connected {
  outgoing: KeyText;
  incoming: KeyText;
}

const LIMIT_MS = 15000;

let host: IkeHost;
let remote: Uint8Array;
let local: Uint8Array;

function keyText({ attributes, key, salt }: SaConfig): KeyText {
  const spi = attributes.espSpi.toString(16).padStart(8, '0');
  return [spi, Buffer.from(key).toString('hex'), Buffer.from(salt).toString('hex')];
}

async function connect(config: string, inner: string): Promise<Connected> {
  const loaded = readSensor('peer.json', config);
  const now = (): number => performance.now();
  remote = loaded.gateway.address;
  const peer = { port: 500, natPort: 4500 };
  const sockets = await openUdpSockets(loaded.udp!.address, { port: 500, natPort: 4500 }, remote, peer);
  local = sockets.local;
  let timer: NodeJS.Timeout | undefined;
  return new Promise<Connected>((resolve, reject) => {
    let keys: Connected | undefined;
    const wake = (): void => {
      clearTimeout(timer);
      host.poll(now());
      const next = host.nextTimeout();
      if (next >= 0) timer = setTimeout(wake, Math.max(0, next - now()));
    };
    const limit = setTimeout(() => reject(new Error('no SA')), LIMIT_MS);
    const failed = (_: unknown, outcome: number): void => reject(new Error(`no SA: outcome ${outcome}`));
    host = createUdpHost({
      ike: {
        ...fullIke(),
        policy: policyFor(loaded.connection, addressOctets(inner)!, remote, true),
        numbers: loaded.numbers,
        keylog: false,
        retryTime: 0,
        retryMax: 0,
        events: {
          connecting() {},
          established() {
            clearTimeout(limit);
            // The answer to the last message is out when the sockets close.
            setImmediate(async () => {
              clearTimeout(timer);
              await host.close();
              resolve(keys!);
            });
          },
          ended: failed,
          replaced() {},
          installed: (_sa, _child, outgoing, incoming) => {
            keys = { outgoing: keyText(outgoing), incoming: keyText(incoming) };
          },
          removed() {},
          childFailed: failed,
          keys() {},
        },
      },
      inner() {},
      now,
      provider: createFastProvider(),
      local,
      remote,
      wake: () => setImmediate(wake),
      sockets,
      peer,
    });
    host.uplink.connect(null, now());
    wake();
  });
}

/** An octet of a packet's payload: no two packets are alike. */
function fill(payload: Uint8Array, index: number): void {
  payload.fill(index & 0xff);
  if (payload.length >= 4) new DataView(payload.buffer, payload.byteOffset).setUint32(0, index);
}

/** Writes `count` ESP packets, whose inner UDP packets have `size` octets, as records. */
function packets({ file, count, size, from, to, port }: Extract<PeerCommand, { op: 'packets' }>): object {
  const [source, destination] = [addressOctets(from)!, addressOctets(to)!];
  const inner = new Uint8Array(size);
  const payload = new Uint8Array(size - headerRoom(source.length));
  const outer = new Uint8Array(size + OUTBOUND_ROOM + 64);
  const records = Buffer.alloc(count * (size + OUTBOUND_ROOM));
  const header = outerSize(remote.length);
  let at = 0;
  for (let n = 0; n < count; n++) {
    fill(payload, n);
    writeDatagram(inner, { source, sourcePort: port, destination, destinationPort: port, payload });
    const length = outbound(host.endpoint, host.sas.outgoing[0], inner, 0, size, outer, 0, 0);
    if (length < 0) throw new Error(`not protected: ${length}`);
    at = records.writeUInt16BE(length - header, at);
    records.set(outer.subarray(header, length), at);
    at += length - header;
  }
  writeFileSync(file, records.subarray(0, at));
  return { octets: at - 2 * count };
}

/** Writes the payloads of `count` inner UDP packets of `size` octets, as records. */
function payloads({ file, count, size }: Extract<PeerCommand, { op: 'payloads' }>): object {
  const length = size - headerRoom(remote.length);
  const records = Buffer.alloc(count * (2 + length));
  for (let n = 0, at = 0; n < count; n++) {
    at = records.writeUInt16BE(length, at);
    fill(records.subarray(at, at + length), n);
    at += length;
  }
  writeFileSync(file, records);
  return {};
}

/** Opens ESP packets: how many were right, UDP in inner packets of `size` octets. */
function check(file: string, size: number): object {
  const records = readFileSync(file);
  const outer = new Uint8Array(4096);
  const inner = new Uint8Array(4096);
  let right = 0;
  let all = 0;
  const wrong: string[] = [];
  let highest = 0;
  let late = 0;
  for (let at = 0; at < records.length; all++) {
    const length = records.readUInt16BE(at);
    const whole = outerPacket(outer, records.subarray(at + 2, at + 2 + length), remote, local);
    const sn = records.readUInt32BE(at + 6);
    if (sn < highest) late++;
    else highest = sn;
    at += 2 + length;
    const got = inbound(host.endpoint, outer, 0, whole, inner, 0, 0);
    if (got === size && readDatagram(inner, got) !== null) right++;
    else if (wrong.length < 6) wrong.push(`packet ${all}: ${got} of ${length} octets, number ${sn}`);
  }
  return { right, all, wrong, late };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer: unknown;
  try {
    const command = JSON.parse(line) as PeerCommand;
    if (command.op === 'connect') answer = await connect(command.config, command.inner);
    else if (command.op === 'packets') answer = packets(command);
    else if (command.op === 'payloads') answer = payloads(command);
    else answer = check(command.file, command.size);
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
