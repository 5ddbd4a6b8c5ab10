// Datagrams of one socket that wait for sendmmsg: those of a burst leave together. They lie one behind the other, so that a run
// of equal ones to the same place is one message of UDP_SEGMENT.

import { EAGAIN, EINTR, type Libc } from '../libc.ts';
import { createMessages } from './messages.ts';
import { addressAt, isAt, portAt, putSocketAddress } from './socket-address.ts';

const ENTRIES = 128;
/** Octets that wait at most; the largest datagram fits. */
const ROOM = 262144;
const DATAGRAM_MAX = 65507;
const MSG_DONTWAIT = 0x40;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
/**
 * Datagrams in one message: what overtakes one on another processor or queue overtakes all of it, and an anti-replay window is 64
 * packets wide as a rule. Octets: the limit of an IP packet.
 */
const RUN_MAX = 16;
const RUN_OCTETS = 65000;
/** Errors of a run whose datagrams may go one by one: of the path's MTU, and of an interface without checksums. */
const EIO = 5;
const EINVAL = 22;
const EMSGSIZE = 90;
/** Milliseconds after which a size that a path did not take as a run is tried again. */
const AGAIN = 30000;

export interface OutboxOptions {
  fd: number;
  zone: number;
  isGso: boolean;
  unsent(count: number): void;
  /** The socket takes no more now, or does again. */
  blocked(isBlocked: boolean): void;
}

export interface Outbox {
  /** Keeps a copy. True: `flush` is to be called, and was not asked for yet. */
  put(octets: Uint8Array, remote: Uint8Array, remotePort: number): boolean;
  /** Sends what waits; the socket keeps what it cannot take now. */
  flush(): void;
  /** Sends what it can; the rest is lost. */
  close(): void;
}

export function createOutbox(libc: Libc, options: OutboxOptions): Outbox {
  const { fd, zone } = options;
  let memory: { octets: Uint8Array; at: number; messages: ReturnType<typeof createMessages> } | null = null;
  const sizes = new Int32Array(ENTRIES);
  /** Which name an entry has: the one of the first of those in a row with the same. */
  const names = new Int32Array(ENTRIES);
  const nameSizes = new Int32Array(ENTRIES);
  /** The first entry of each message. */
  const firsts = new Int32Array(ENTRIES + 1);
  let count = 0;
  let end = 0;
  let isAsked = false;
  let isBlocked = false;
  let { isGso } = options;
  /** Datagrams from this size on go one by one, until then. */
  let limit = DATAGRAM_MAX;
  let limitUntil = 0;

  function block(isOn: boolean): void {
    if (isBlocked === isOn) return;
    isBlocked = isOn;
    options.blocked(isOn);
  }

  /** Messages from entry `from` on, whose octets begin at `offset`; their number. */
  function build(from: number, offset: number): number {
    const { at, messages } = memory!;
    if (limit !== DATAGRAM_MAX && performance.now() > limitUntil) limit = DATAGRAM_MAX;
    let made = 0;
    let entry = from;
    let begin = offset;
    while (entry < count) {
      const size = sizes[entry];
      let total = size;
      let next = entry + 1;
      if (isGso && size > 0 && size < limit) {
        while (
          next < count &&
          next - entry < RUN_MAX &&
          names[next] === names[entry] &&
          sizes[next] <= size &&
          total + sizes[next] <= RUN_OCTETS
        ) {
          total += sizes[next++];
          // A shorter one is the last.
          if (sizes[next - 1] < size) break;
        }
      }
      messages.name(made, names[entry], nameSizes[entry]);
      messages.memory(made, at + begin, total);
      if (next - entry > 1) messages.control16(made, SOL_UDP, UDP_SEGMENT, size);
      else messages.controlSize(made, 0);
      firsts[made++] = entry;
      begin += total;
      entry = next;
    }
    firsts[made] = count;
    return made;
  }

  /** The octets before entry `index`. */
  function before(index: number): number {
    let octets = 0;
    for (let i = 0; i < index; i++) octets += sizes[i];
    return octets;
  }

  /** Keeps the entries from `index` on. */
  function keep(index: number): void {
    if (index === 0) return;
    const { octets, messages } = memory!;
    const offset = before(index);
    octets.copyWithin(0, offset, end);
    end -= offset;
    // A name's place is that of an entry before: it moves where no entry of its own is left before it.
    const { names: store, nameStride } = messages;
    let last = -1;
    let to = 0;
    for (let i = index; i < count; i++) {
      const place = i - index;
      if (names[i] !== last) {
        last = names[i];
        to = place;
        store.copyWithin(place * nameStride, last * nameStride, (last + 1) * nameStride);
      }
      names[place] = to;
      sizes[place] = sizes[i];
      nameSizes[place] = nameSizes[i];
    }
    count -= index;
  }

  function flush(): void {
    isAsked = false;
    if (count === 0) {
      block(false);
      return;
    }
    const { messages } = memory!;
    let made = build(0, 0);
    let done = 0;
    while (done < made) {
      const sent = libc.sendmmsg(fd, messages.at(done), made - done, MSG_DONTWAIT);
      if (sent > 0) {
        done += sent;
        continue;
      }
      const errno = libc.errno();
      if (errno === EINTR) continue;
      if (errno === EAGAIN) {
        keep(firsts[done]);
        block(true);
        return;
      }
      const first = firsts[done];
      if (firsts[done + 1] - first === 1) {
        options.unsent(1);
        done++;
        continue;
      }
      if (errno === EIO) isGso = false;
      else if (errno === EINVAL || errno === EMSGSIZE) {
        limit = sizes[first];
        limitUntil = performance.now() + AGAIN;
      } else {
        options.unsent(firsts[done + 1] - first);
        done++;
        continue;
      }
      made = build(first, before(first));
      done = 0;
    }
    count = 0;
    end = 0;
    block(false);
  }

  /** True where the entry before goes to the same place. */
  function isLast(remote: Uint8Array, remotePort: number): boolean {
    if (count === 0) return false;
    const { names: store, nameStride } = memory!.messages;
    const at = names[count - 1] * nameStride;
    return portAt(store, at) === remotePort && isAt(store, addressAt(at, remote.length === 16), remote);
  }

  return {
    put(octets, remote, remotePort) {
      const size = octets.length;
      if (size > DATAGRAM_MAX) {
        options.unsent(1);
        return false;
      }
      if (memory === null) {
        const store = new Uint8Array(new ArrayBuffer(ROOM));
        memory = { octets: store, at: libc.addressOf(store), messages: createMessages(libc, ENTRIES) };
      }
      if ((count === ENTRIES || end + size > ROOM) && !isBlocked) flush();
      if (count === ENTRIES || end + size > ROOM) {
        options.unsent(1);
        return false;
      }
      memory.octets.set(octets, end);
      end += size;
      sizes[count] = size;
      if (isLast(remote, remotePort)) {
        names[count] = names[count - 1];
        nameSizes[count] = nameSizes[count - 1];
      } else {
        const { names: store, nameStride } = memory.messages;
        names[count] = count;
        nameSizes[count] = putSocketAddress(store, count * nameStride, remote, remotePort, zone);
      }
      count++;
      if (isAsked || isBlocked) return false;
      isAsked = true;
      return true;
    },
    flush,
    close() {
      flush();
      if (count > 0) options.unsent(count);
      count = 0;
    },
  };
}
