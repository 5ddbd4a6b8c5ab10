// The sockets of a host with MTU detection: DF of those for IPv4, and a watch for fragments beside each. Where the system or a
// package does not let it, the log says so once, and the rest works.

import { addressText } from '../addresses.ts';
import { errorText } from '../errors.ts';
import type { Log } from '../log.ts';
import type { FilterTarget } from './filter.ts';
import type { FirstFragment } from './fragments.ts';
import type { MtuSettings } from './paths.ts';
import { openWatch, type Watch, watchSupport } from './watch.ts';

export interface MtuSockets {
  /** The UDP socket for ESP at `local` is open; `local`, the same array, names it from here on. */
  opened(local: Uint8Array, port: number): void;
  /** ESP in IP itself is taken at `local` too. */
  openedRaw(local: Uint8Array): void;
  /** The first fragment that this packet came in (`isUdp`: ESP in UDP), or null. Before its ICV is computed. */
  take(local: Uint8Array, source: Uint8Array, esp: Uint8Array, isUdp: boolean, now: number): FirstFragment | null;
  /** First fragments whose packets did not come, with the socket's address. */
  late(now: number): { local: Uint8Array; first: FirstFragment }[];
  close(): void;
}

const PERMISSION = 'errno 1';

export async function createMtuSockets(settings: MtuSettings, log: Log): Promise<MtuSockets> {
  const { native, problem } = await watchSupport();
  const inUdp = new Map<Uint8Array, Watch>();
  const inIp = new Map<Uint8Array, Watch>();
  const told = new Set<string>();
  let isClosed = false;

  function warn(text: string): void {
    if (told.has(text)) return;
    told.add(text);
    log('warn', 'mtu', text);
  }

  const attempt = (what: string, run: () => void): void => {
    try {
      run();
    } catch (error) {
      const text = errorText(error);
      warn(`${what}: ${text}${text.endsWith(PERMISSION) ? ', root rights (CAP_NET_RAW) are needed' : ''}`);
    }
  };

  function watch(list: Map<Uint8Array, Watch>, target: FilterTarget): void {
    const { local } = target;
    list.get(local)?.close();
    list.delete(local);
    if (native === null || isClosed || !settings.detect) return;
    attempt(`fragments are not detected at ${addressText(local)}`, () => {
      list.set(local, openWatch(native, target));
    });
  }

  function clear(local: Uint8Array, protocol: 17 | 50, port: number): void {
    if (native === null || isClosed || settings.df !== 'clear' || local.length !== 4) return;
    attempt('DF is as the system sets it', () => native.clearDf(local, protocol, port));
  }

  return {
    opened(local, port) {
      if (isClosed) return;
      if (native === null) {
        if (settings.detect) warn(`fragments are not detected: ${problem}`);
        if (settings.df === 'clear') warn(`DF is as the system sets it: ${problem}`);
        return;
      }
      clear(local, 17, port);
      watch(inUdp, { local, protocol: 17, port });
    },
    openedRaw(local) {
      clear(local, 50, 0);
      watch(inIp, { local, protocol: 50, port: 0 });
    },
    take: (local, source, esp, isUdp, now) => (isUdp ? inUdp : inIp).get(local)?.take(source, esp, now) ?? null,
    late: (now) => [...inUdp, ...inIp].flatMap(([local, one]) => one.late(now).map((first) => ({ local, first }))),
    close() {
      isClosed = true;
      for (const list of [inUdp, inIp]) {
        for (const one of list.values()) one.close();
        list.clear();
      }
    },
  };
}
