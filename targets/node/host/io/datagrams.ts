// UDP sockets for many datagrams: of the system where it can be (native-socket.ts), else of node:dgram (node-socket.ts). They
// behave the same.

/** How sockets are opened: `auto`, in bursts where the system and the package koffi allow it; `node`, by node:dgram. */
export type UdpIo = 'auto' | 'node';

/** What becomes of a socket's datagrams. */
export interface DatagramListener {
  /**
   * A datagram came: octets[offset..offset+length), valid during the call. `remote`: 4 or 16 octets, which nobody may change;
   * `remotePort` may be 0.
   */
  taken(octets: Uint8Array, offset: number, length: number, remote: Uint8Array, remotePort: number): void;
  /** The system refused that many that `send` took. */
  unsent(count: number): void;
  /** So many came that the system dropped: the socket's buffer was full. node:dgram does not tell. */
  lost(count: number): void;
  /** The socket failed while it read. */
  failed(): void;
}

export interface SocketBuffers {
  /** Octets to ask for, each way. */
  octets: number;
  /** Told where the system keeps a smaller one. */
  warn: (text: string) => void;
}

export interface DatagramSocket {
  /** Its own, also where the system chose. */
  port: number;
  /** Sends a copy. What does not leave is told as `unsent`. */
  send(octets: Uint8Array, remote: Uint8Array, remotePort: number): void;
  close(): Promise<void>;
}

export interface Datagrams {
  /** What is in use, for logs and metrics: `recvmmsg, GRO, GSO`. */
  kind: string;
  /** One bound to `address`, which may have a zone. Rejects as node:dgram does: `bind EADDRINUSE ...`. */
  open(address: string, port: number, buffers: SocketBuffers, listener: DatagramListener): Promise<DatagramSocket>;
  /** Several at one address and port, one for each thread; null: not with node:dgram. */
  shared: SharedDatagrams | null;
}

/** A bound socket of the system that a thread of this process takes over. */
export interface BoundSocket {
  fd: number;
  port: number;
  /** Index of the interface of a link-local address, or 0. */
  zone: number;
  isSix: boolean;
}

export interface SharedDatagrams {
  /** As `open`, with `count` more sockets at the same place: packets are dealt out as host/io/steering.ts says. */
  open(
    address: string,
    port: number,
    count: number,
    buffers: SocketBuffers,
    listener: DatagramListener,
  ): Promise<{ socket: DatagramSocket; others: BoundSocket[] }>;
  /** Takes over one of them. */
  take(bound: BoundSocket, listener: DatagramListener): DatagramSocket;
}
