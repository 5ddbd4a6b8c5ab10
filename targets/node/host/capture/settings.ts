// What files and programs say of captures, and who takes inner packets.

/** Capture files of a gateway. */
export interface CaptureConfig {
  /** Folder, made where it is not there. */
  path: string;
  /** MiB of a file at most, 1..65536, default 64. */
  maxMiB?: number;
  /** Files of each side at most, 2..1000, default 8. */
  files?: number;
}

/** Takes the inner packet packet[0..length); `in`: from a peer. */
export type InnerSink = (direction: 'in' | 'out', packet: Uint8Array, length: number) => void;
