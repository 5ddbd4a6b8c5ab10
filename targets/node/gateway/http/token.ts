// The token of HTTP: from the configuration, from a file, or made at the first start and kept in a file of its owner alone.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { CommandError, errorText } from '../../host/errors.ts';
import { openToOthers, readOctets } from '../../host/read-file.ts';

/** Octets of one that is made. */
const SIZE = 32;
const FILE_MAX = 4096;
/** What a token is: whatever can stand in a header behind `Bearer` [RFC 6750 §2.1], and cannot be guessed. */
const PATTERN = /^[A-Za-z0-9._~+/-]{16,256}=*$/;
const LIMIT = 'must be 16 to 256 letters, digits, `-`, `.`, `_`, `~`, `+` or `/`';

export function isToken(text: string): boolean {
  return PATTERN.test(text);
}

/** Compares in a time that does not depend on where they differ. */
export function isSame(given: string, digest: Buffer): boolean {
  return timingSafeEqual(digestOf(given), digest);
}

export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** The token of a file. Throws a CommandError with its name, never with what is in it. */
function readToken(file: string): string {
  let text: string;
  try {
    text = readOctets(file, FILE_MAX).toString('utf8').trim();
  } catch (error) {
    throw CommandError.from(file, error);
  }
  if (!isToken(text)) throw new CommandError(`${file}: the token in it ${LIMIT}`);
  return text;
}

/** The token of a file that is made where there is none. `warn`: others may read it. */
export function tokenFrom(file: string, mayMake: boolean, warn: (text: string) => void): string {
  if (mayMake) {
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      // The first of two processes makes it.
      const fd = openSync(file, 'wx', 0o600);
      try {
        writeSync(fd, `${randomBytes(SIZE).toString('base64url')}\n`);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw new CommandError(`${file}: ${errorText(error)}`);
    }
  }
  const token = readToken(file);
  const warning = openToOthers(file);
  if (warning !== '') warn(warning);
  return token;
}
