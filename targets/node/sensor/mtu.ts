// MTU detection of a sensor on UDP sockets (host/mtu/): what the application may send, and what the gateway is told of fragments.
// The application is the source itself, so it gets the path's limit as it is, also below 1280 octets of IPv6.

import type { Sa } from '../../../core/esp/sa.ts';
import { mtuNumbers, type PrivateNumbers } from '../../../core/ike/codec/private-numbers.ts';
import type { Ike } from '../../../core/ike/state/ike.ts';
import type { Path } from '../../../core/ike/state/path.ts';
import { espPathOf, type IkeSa } from '../../../core/ike/state/sa.ts';
import { createBounded } from '../host/bounded.ts';
import { identityText } from '../host/config/ike-names.ts';
import type { Log } from '../host/log.ts';
import type { FirstFragment } from '../host/mtu/fragments.ts';
import { createMtuPaths, type MtuPaths, type MtuSettings, outerOctets } from '../host/mtu/paths.ts';
import { createMtuSockets, type MtuSockets } from '../host/mtu/sockets.ts';

/** Milliseconds between two looks for fragments whose packets did not come. */
const LOOK_EVERY = 1000;

export interface SensorMtu {
  paths: MtuPaths;
  sockets: MtuSockets;
  /** Octets that an inner packet may have under an SA; 0: nothing is known. */
  limit(sa: IkeSa | null, esp: Sa): number;
  /** `esp` octets of ESP went out. */
  sent(sa: IkeSa | null, esp: number): void;
  /** The first fragment that ESP from the gateway came in. */
  take(path: Path, esp: Uint8Array): FirstFragment | null;
  /** It was verified; false: it is too large. */
  verified(ike: Ike, sa: IkeSa | null, path: Path, first: FirstFragment | null, esp: number): boolean;
  /** Looks for packets that did not come, of SAs with SPIs that `has`. Once, when the endpoint is there. */
  watch(ike: Ike, current: () => IkeSa | null, has: (spi: number) => boolean): void;
  close(): void;
}

export async function createSensorMtu(
  settings: MtuSettings,
  numbers: PrivateNumbers,
  now: () => number,
  log: Log,
): Promise<SensorMtu> {
  const time = (): number => Math.floor(now());
  const paths = createMtuPaths({
    settings,
    numbers: { ...mtuNumbers(), ...numbers },
    now: time,
    bounded: createBounded(log, now),
    nameOf: (sa) => identityText(sa.peerIdType, sa.peerId),
  });
  const sockets = await createMtuSockets(settings, log);
  let timer: NodeJS.Timeout | undefined;
  return {
    paths,
    sockets,
    limit(sa, esp) {
      const known = sa === null ? null : paths.limits(sa, espPathOf(sa), esp, time());
      if (known === null) return 0;
      const { tmap, tmtu } = known;
      return tmtu > 0 && (tmap === 0 || tmtu < tmap) ? tmtu : tmap;
    },
    sent(sa, esp) {
      if (sa === null) return;
      const path = espPathOf(sa);
      paths.sent(sa, path, outerOctets(path.remote.length, esp, path.encapsulated));
    },
    take(path, esp) {
      const { local, remote, encapsulated } = path;
      const least = remote.length === 16 ? settings.floor6 : settings.floor4;
      if (!settings.detect || outerOctets(remote.length, esp.length, encapsulated) <= least) return null;
      return sockets.take(local, remote, esp, encapsulated, time());
    },
    verified(ike, sa, path, first, esp) {
      const outer = outerOctets(path.remote.length, esp, path.encapsulated);
      if (sa === null || (first === null && outer <= settings.reassembled)) return true;
      return paths.verified(ike, sa, espPathOf(sa), first, outer);
    },
    watch(ike, current, has) {
      timer = setInterval(() => {
        for (const { first } of sockets.late(time())) {
          const sa = current();
          if (sa !== null && has(first.spi)) paths.incomplete(ike, sa, espPathOf(sa), first);
        }
      }, LOOK_EVERY);
      timer.unref();
    },
    close() {
      clearInterval(timer);
      sockets.close();
    },
  };
}
