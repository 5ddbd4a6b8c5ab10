// The profile of a sensor's file for a specialised board (targets/build/specialise), and the blob of one device.

import type { Specialised } from '../../../build/specialise/layout.ts';
import { type Native, profileOf, type SensorInput } from '../../../build/specialise/profile-of.ts';
import { hex } from '../../host/config/ike-names.ts';
import { checkContexts } from '../../host/radio/config.ts';
import type { BoardFile } from './sensor-file.ts';

/** What the file says of one device. */
export function sensorInput(file: BoardFile): SensorInput {
  const { loaded, policy } = file;
  const { shortAddress, extendedAddress, panId } = loaded.radio;
  const link =
    shortAddress === undefined ? hex(extendedAddress!) : Uint8Array.of(shortAddress >>> 8, shortAddress & 0xff);
  return {
    policy,
    numbers: loaded.numbers,
    retryTime: file.retryTime,
    retryMax: file.retryMax,
    panId,
    ownLink: link,
    gatewayLink: loaded.gateway.link!,
    outer: loaded.address,
    gateway: loaded.gateway.address,
    contexts: loaded.contexts.length > 0 ? checkContexts(loaded.contexts) : new Uint8Array(0),
    ackWait: file.ackWait,
    inner: loaded.innerAddress,
    server: loaded.server.address,
    serverPort: loaded.server.port,
    ownPort: loaded.server.sourcePort,
    app: {
      path: Buffer.from(loaded.server.path),
      ackTimeout: file.ackTimeout,
      maxRetransmit: file.maxRetransmit,
      count: file.count,
      interval: file.interval,
      keeps: policy.ticketLifetime > 0,
      shortAddress: shortAddress ?? 0xffff,
    },
  };
}

/** Constants and octets of a file's device. Throws a Refusal for what a specialised device does not have. */
export function specialOf(file: BoardFile, native: Native, engine: string): Specialised {
  return profileOf(sensorInput(file), native, engine);
}
