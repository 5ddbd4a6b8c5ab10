// Whether captures of a gateway can be written where they would be.

import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { captureRoom } from '../../gateway/capture.ts';
import { errorText } from '../../host/errors.ts';
import { absent, type Finding, ok, type Wants, warning } from './finding.ts';
import { nearest } from './state.ts';

const MIB = 1048576;

export function captureFindings({ captures }: Wants): Finding[] {
  if (captures === null) return [];
  const { path, most } = captures;
  const name = 'captures';
  const folder = nearest(resolve(path));
  try {
    if (!statSync(folder).isDirectory()) throw new Error('must be a folder');
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    return [absent(name, true, `${folder}: ${errorText(error)}`, 'pcap.path')];
  }
  const room = captureRoom(folder);
  if (room < most) {
    const help = `they may take ${most / MIB} MiB: pcap.maxMiB, pcap.files, or another file system`;
    return [warning(name, `room for ${Math.floor(room / MIB)} MiB at ${folder}`, help)];
  }
  return [ok(name, path)];
}
