// Where the ASes of addresses come from, as an operator has them: a copy of the RPKI on disk with the trust anchor's TAL, or ROAs that
// another relying party has validated.

import { readText } from '../../host/document.ts';
import { CommandError, errorText } from '../../host/errors.ts';
import type { Route } from './as-table.ts';
import { folderStore, type Validation, validate } from './relying-party.ts';
import { openRtrOverTcp } from './rtr-tcp.ts';
import { readTal } from './tal.ts';
import { readVrpCsv, readVrpJson, type Vrp } from './vrps.ts';

/** Octets of a file of VRPs: a million take about 80 MB. */
const VRPS_MAX = 512 << 20;
const TAL_MAX = 65536;

/** Validates the copy of a repository in `cache` (`HOST/MODULE/...`, as rsync and rpki-client keep it). Throws a CommandError. */
export function validateFolder(tal: string, cache: string, now: number, oid: string | undefined): Validation {
  try {
    const anchor = readTal(readText(tal, TAL_MAX), tal);
    const more = oid === undefined ? {} : { announcementOid: oid };
    return validate({ store: folderStore(cache), tal: anchor, now, ...more });
  } catch (error) {
    throw new CommandError(errorText(error));
  }
}

/** Reads what rpki-client wrote, its JSON or its CSV. Throws a CommandError. */
export function readVrps(file: string, now: number): Vrp[] {
  const text = readText(file, VRPS_MAX);
  try {
    return text.trimStart().startsWith('{') ? readVrpJson(text, file, now) : readVrpCsv(text, file, now);
  } catch (error) {
    throw new CommandError(errorText(error));
  }
}

/** The ROAs of a cache, once, within `limit` ms. Rejects with a CommandError. */
export function vrpsOverRtr({ address, port }: { address: string; port: number }, limit: number): Promise<Vrp[]> {
  return new Promise((resolve, reject) => {
    const end = (finish: () => void): void => {
      clearTimeout(timer);
      // It may say so while it is being opened.
      setImmediate(() => rtr.close());
      finish();
    };
    const failed = (why: string): void => end(() => reject(new CommandError(why)));
    const timer = setTimeout(() => failed(`${address} port ${port}: no ROAs within ${limit / 1000} s`), limit);
    const rtr = openRtrOverTcp({ host: address, port }, { changed: (list) => end(() => resolve(list)), told: failed });
  });
}

/** The prefixes of ROAs and the AS of each: who may announce an address is taken for who has it. */
export function routesOf({ roas }: Validation): Route[] {
  return roas.flatMap(({ value }) => value.prefixes.map((one) => ({ ...one, as: value.as })));
}
