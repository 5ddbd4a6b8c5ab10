// A network interface of type 804 or 805 (IEEE 802.15.4, its monitor), which a test has the other side of: a TUN interface, whose
// type Linux lets be changed. What is between them is what Linux's mac802154 does: it adds the FCS to frames that go out, a
// monitor gives frames with it, and a node without. It needs root rights, and belongs into a network namespace of a test.

import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { FCS_SIZE, putFcs } from '../../core/wire/ieee802154.ts';
import { loadReadiness } from '../../targets/node/host/io/readiness.ts';

export const NODE = 804;
export const MONITOR = 805;

const TUNSETIFF = 0x400454ca;
const TUNSETLINK = 0x400454cd;
const IFF_TUN = 1;
/** Flags and protocol before each frame. */
const PI_SIZE = 4;
const ETH_P_IEEE802154 = 0xf6;

export interface WpanInterface {
  /** Called for each frame that was sent over the interface, as the system has it: without FCS. */
  onSent: ((frame: Buffer) => void) | null;
  /** The system takes these octets for a frame that came in. False: the interface is down. */
  deliver(octets: Uint8Array): boolean;
  /** Removes the interface. */
  close(): void;
}

export function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Makes the interface and sets it up. */
export async function createWpanInterface(name: string, type: number): Promise<WpanInterface> {
  const library = koffi.load(null);
  const set = library.func('int ioctl(int fd, unsigned long request, void *argument)');
  const setNumber = library.func('ioctl', 'int', ['int', 'unsigned long', 'long']);
  const fd = openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK);
  const request = Buffer.alloc(40);
  request.write(name, 'latin1');
  request.writeInt16LE(IFF_TUN, 16);
  if (set(fd, TUNSETIFF, request) < 0 || setNumber(fd, TUNSETLINK, type) < 0) {
    throw new Error(`${name}: errno ${koffi.errno()}`);
  }
  ip('link', 'set', name, 'up');
  const octets = Buffer.alloc(4096);
  const readiness = await loadReadiness();
  readiness.add(fd, {
    readable() {
      for (let count = 0; ; count++) {
        let size: number;
        try {
          size = readSync(fd, octets);
        } catch {
          return count;
        }
        if (octets.readUInt16BE(2) === ETH_P_IEEE802154) wpan.onSent?.(Buffer.from(octets.subarray(PI_SIZE, size)));
      }
    },
  });
  const wpan: WpanInterface = {
    onSent: null,
    deliver(frame) {
      const header = Buffer.alloc(PI_SIZE);
      header.writeUInt16BE(ETH_P_IEEE802154, 2);
      try {
        return writeSync(fd, Buffer.concat([header, frame])) > 0;
      } catch {
        return false;
      }
    },
    close() {
      readiness.remove(fd);
      closeSync(fd);
    },
  };
  return wpan;
}

/** The frame with its FCS. */
export function withFcs(frame: Uint8Array): Buffer {
  const whole = Buffer.concat([frame, Buffer.alloc(FCS_SIZE)]);
  putFcs(whole, 0, frame.length);
  return whole;
}
