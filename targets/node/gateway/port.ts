// One radio of the gateway with its MAC and 6LoWPAN, and what drives them.

import type { Provider } from '../../../core/crypto/provider.ts';
import { createReassembly } from '../../../core/link/fragment.ts';
import { createLowpan, type Lowpan, type LowpanUpper } from '../../../core/link/lowpan.ts';
import { createMac, type Mac } from '../../../core/link/mac.ts';
import { DATAGRAM_MAX } from '../../../core/wire/sixlowpan.ts';
import { createUdpCompression } from '../../../core/wire/sixlowpan-udp.ts';
import { errorText } from '../host/errors.ts';
import { ackWaitOf, type RadioConfig } from '../host/radio/config.ts';
import { drive } from '../host/radio/drive.ts';
import type { Radio } from '../host/radio/radio.ts';
import { createZep } from '../host/radio/zep.ts';
import type { CheckedConfig, Clock } from './config.ts';

export interface Port {
  name: string;
  mac: Mac;
  lowpan: Lowpan;
}

export const realTime: Clock = {
  now: () => performance.now(),
  run: (node) => drive(node),
};

export type OpenRadio = NonNullable<RadioConfig['radio']>;

/** Closes radios and waits until those that say so are closed. */
export async function closeRadios(radios: OpenRadio[]): Promise<void> {
  for (const radio of radios) radio.close();
  await Promise.all(radios.map((radio) => radio.closed));
}

/** Opens every radio, or none: then the error names the one that failed, and the others are closed. */
export async function openRadios(radios: CheckedConfig['radios']): Promise<OpenRadio[]> {
  const opened: OpenRadio[] = [];
  try {
    for (const config of radios) opened.push(config.radio ?? createZep(config.zep));
    for (let i = 0; i < opened.length; i++) {
      try {
        await opened[i].ready;
      } catch (error) {
        throw new Error(`radios[${i}] (${radios[i].name}): ${errorText(error)}`);
      }
    }
  } catch (error) {
    await closeRadios(opened);
    throw error;
  }
  return opened;
}

export function createPort(
  radio: Radio,
  config: CheckedConfig['radios'][number],
  contexts: Uint8Array,
  provider: Provider,
  upper: LowpanUpper,
): Port {
  const dice = new Uint8Array(10);
  provider.random(dice, 0, 10);
  const maxSize = config.maxSize ?? DATAGRAM_MAX;
  const lowpan = createLowpan({
    contexts,
    nhc: createUdpCompression(false),
    reassembly: createReassembly(config.reassemblies ?? 16, maxSize, config.reassemblyTime ?? 10000),
    upper,
    queue: config.queue ?? 32,
    maxSize,
    tag: (dice[8] << 8) | dice[9],
  });
  // Without a given EUI-64: an individual, locally administered one [RFC 4291 Appendix A].
  dice[0] = (dice[0] & 0xfc) | 2;
  const mac = createMac({
    panId: config.panId,
    shortAddress: config.shortAddress ?? 0xffff,
    extendedAddress: config.address ?? dice.subarray(0, 8),
    phy: radio,
    upper: lowpan,
    random: provider.random,
    queue: 1,
    neighbours: config.neighbours ?? 255,
    ackWait: ackWaitOf(config),
  });
  lowpan.attach(mac);
  return { name: config.name, mac, lowpan };
}
