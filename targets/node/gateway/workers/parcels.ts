// Packets that go from thread to thread: those of a burst together, in a buffer that changes hands. The receiver says when it has
// taken one, and while too many are on their way further packets are dropped, as a socket drops what its buffer has no room for.

/** A datagram that came to socket `a`, with its sender. */
export const PARCEL_DATAGRAM = 0;
/** An inner packet: for SA `a`, or one that the network interface gave. */
export const PARCEL_INNER = 1;
/** ESP of SA `a` for the path that the main thread knows. */
export const PARCEL_ESP = 2;

/** Kind, octets of the address, port, number, length; then the address, and the packet. */
const HEADER = 12;
const ADDRESS_MAX = 16;
/** Octets that go together, and parcels on their way. */
const FULL = 65536;
const MOST = 128;
const NOBODY = new Uint8Array(0);

export interface Parcels {
  /** Adds a copy of octets[offset..offset+length). False: too many are on their way. */
  put(
    kind: number,
    a: number,
    remote: Uint8Array,
    port: number,
    octets: Uint8Array,
    offset: number,
    length: number,
  ): boolean;
  /** Sends what there is. */
  flush(): void;
}

/** `onWay`: parcels on their way, shared with the receiver. `asked`: there is something to flush. */
export function createParcels(
  onWay: Int32Array,
  at: number,
  post: (octets: Uint8Array<ArrayBuffer>) => void,
  asked: () => void,
): Parcels {
  let buffer = new Uint8Array(FULL);
  let view = new DataView(buffer.buffer);
  let used = 0;

  const parcels: Parcels = {
    put(kind, a, remote, port, octets, offset, length) {
      const size = HEADER + remote.length + length;
      if (used > 0 && used + size > FULL) parcels.flush();
      if (Atomics.load(onWay, at) >= MOST) return false;
      if (size > buffer.length) {
        buffer = new Uint8Array(size);
        view = new DataView(buffer.buffer);
      }
      if (used === 0) asked();
      view.setUint8(used, kind);
      view.setUint8(used + 1, remote.length);
      view.setUint16(used + 2, port);
      view.setUint32(used + 4, a);
      view.setUint32(used + 8, length);
      buffer.set(remote, used + HEADER);
      buffer.set(octets.subarray(offset, offset + length), used + HEADER + remote.length);
      used += size;
      return true;
    },
    flush() {
      if (used === 0) return;
      const octets = buffer.slice(0, used);
      used = 0;
      Atomics.add(onWay, at, 1);
      post(octets);
    },
  };
  return parcels;
}

/** Takes a parcel apart. `remote` is the callee's. */
export function unpack(
  octets: Uint8Array,
  take: (kind: number, a: number, remote: Uint8Array, port: number, offset: number, length: number) => void,
): void {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  let last = NOBODY;
  for (let at = 0; at < octets.length; ) {
    const size = Math.min(ADDRESS_MAX, view.getUint8(at + 1));
    const length = view.getUint32(at + 8);
    const from = at + HEADER;
    // Mostly the same as before.
    if (last.length !== size || Buffer.compare(last, octets.subarray(from, from + size)) !== 0) {
      last = octets.slice(from, from + size);
    }
    take(view.getUint8(at), view.getUint32(at + 4), last, view.getUint16(at + 2), from + size, length);
    at = from + size + length;
  }
}
