// Capture files for the command line: errors name the file.

import { statSync } from 'node:fs';
import { CommandError } from '../../host/errors.ts';
import { type CaptureWriter, createPcapWriter, readCapture } from '../../host/radio/pcap.ts';
import { blockName } from '../../host/radio/pcapng.ts';
import type { CaptureRecord } from '../../host/radio/source.ts';

/**
 * The records of a capture, one at a time; what else it holds is counted in `blocks`. A malformed file throws a CommandError
 * after its good records.
 */
export function* packetsOf(file: string, blocks: Record<string, number> = {}): Generator<CaptureRecord> {
  const records = readCapture(file, (type) => {
    const name = blockName(type);
    blocks[name] = (blocks[name] ?? 0) + 1;
  });
  let count = 0;
  try {
    for (;;) {
      let next: IteratorResult<CaptureRecord>;
      try {
        next = records.next();
      } catch (error) {
        throw CommandError.from(count === 0 ? file : `${file}: after ${count} records`, error);
      }
      if (next.done === true) return;
      count++;
      yield next.value;
    }
  } finally {
    records.return(undefined);
  }
}

/** Octets of a file, for progress; 0 for standard input. Throws a CommandError where there is none. */
export function sizeOf(file: string): number {
  if (file === '-') return 0;
  try {
    return statSync(file).size;
  } catch (error) {
    throw CommandError.from(file, error);
  }
}

/** True when both names lead to one regular file, by whatever links. */
export function isSame(a: string, b: string): boolean {
  const [one, other] = [a, b].map((file) => statSync(file, { throwIfNoEntry: false }));
  return one?.isFile() === true && one.dev === other?.dev && one.ino === other.ino;
}

/** Starts a pcap file; it must be none of the files `read`. */
export function writeCapture(file: string, linkType: number, ...read: string[]): CaptureWriter {
  try {
    for (const input of read) if (isSame(file, input)) throw new CommandError(`${file}: is the file to read`, 2);
    const writer = createPcapWriter(file, linkType);
    return {
      write(time, frame) {
        try {
          writer.write(time, frame);
        } catch (error) {
          throw CommandError.from(file, error);
        }
      },
      close: writer.close,
    };
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw CommandError.from(file, error);
  }
}
