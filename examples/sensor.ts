// A whole sensor: a radio, IKEv2 with a pre-shared key, Diet-ESP negotiated, one reading and its answer, and the end of
// the SA. It fits targets/node/examples/gateway.yaml. A board does the same with a radio of its own in place of ZEP.

import { aesCcm, createPortable, createPortableKe, hmacSha256, webRandom } from 'dietesp/crypto';
import { createIkeDevice, dropName, ikeSensorConfig, sensorPolicy } from 'dietesp/device';
import { downgradePrevention, headerCompression, optimizedRekeys, outcomeName, vendorId } from 'dietesp/ike';
import { createContexts, setContext } from 'dietesp/link';
import { addressOctets } from 'dietesp/node/gateway';
import { createZep, drive } from 'dietesp/node/radio';

function address(text: string): Uint8Array {
  const octets = addressOctets(text);
  if (octets === undefined) throw new Error(text + ': must be an IP address');
  return octets;
}

const own = address('fd00::ff:fe00:1');
const gateway = address('fd00::ff:fe00:0');
const server = address('2001:db8:2::1');
const port = 5683;
const text = new TextEncoder();

/** Sends one reading and resolves to the octets of the answer. */
export function sendReading(reading: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const radio = createZep({ port: 0, peers: [{ address: '127.0.0.1', port: 17754 }] });
    const upper = {
      datagram: (
        buffer: Uint8Array,
        offset: number,
        length: number,
        _source: object,
        _from: number,
        _to: number,
        now: number,
      ) => {
        answer = buffer.slice(offset, offset + length);
        device.uplink.close(now);
      },
      done: (_tag: number, result: number) => {
        if (result !== 0) console.log('sensor: not sent:', dropName(result));
      },
    };
    const provider = createPortable([aesCcm, hmacSha256], webRandom);
    const policy = sensorPolicy(Uint8Array.of(1), text.encode('a key for tests, and nothing else'), own, server);
    const config = ikeSensorConfig(provider, radio, upper, createPortableKe(webRandom), policy);
    config.shortAddress = 1;
    config.address = own;
    config.outer = own;
    config.peer = gateway;
    config.ackWait = 20;
    config.contexts = createContexts(1);
    setContext(config.contexts, 0, address('fd00::'), 0, 64);
    config.ike.extensions = [vendorId, downgradePrevention, optimizedRekeys, headerCompression];
    config.ike.events.established = (_sa, attempt, now) => {
      console.log('sensor: connected with', attempt.messages, 'messages,', attempt.octets, 'octets of IKE');
      const octets = text.encode(reading);
      const tag = device.send(octets, 0, octets.length, port, server, port, now);
      if (tag < 0) end(new Error(dropName(tag)));
    };
    config.ike.events.ended = (_sa, outcome) => end(answer === null ? new Error(outcomeName(outcome)) : null);

    const device = createIkeDevice(config);
    const driver = drive(device);
    let answer: Uint8Array | null = null;
    radio.onFrame = (frame, offset, length) => {
      device.receive(frame, offset, length, driver.now());
      driver.wake();
    };
    device.uplink.connect(null, driver.now());
    driver.wake();

    function end(problem: Error | null): void {
      driver.stop();
      radio.close();
      if (problem !== null) reject(problem);
      else resolve(answer!);
    }
  });
}
