// Capture files for the command line: errors name the file.

import { realpathSync, statSync } from 'node:fs';
import { CommandError } from '../config/errors.ts';
import { type CaptureWriter, createPcapWriter, readCapture } from '../radio/pcap.ts';
import type { CaptureRecord } from '../radio/source.ts';

/** The records of a capture, one at a time. A malformed file throws a CommandError after its good records. */
export function* packetsOf(file: string): Generator<CaptureRecord> {
  const records = readCapture(file);
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

function real(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

/** Starts a pcap file; `input` must not be the same file. */
export function writeCapture(file: string, linkType: number, input: string): CaptureWriter {
  if (real(file) === real(input)) throw new CommandError(`${file}: is the file to read`, 2);
  try {
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
    throw CommandError.from(file, error);
  }
}
