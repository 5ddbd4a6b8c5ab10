// The application of a board with Espruino and a specialised device: what main.ts is for the general one.

import { u16 } from '../../core/base/bytes.ts';
import type { Profile } from '../special/profile.ts';
import type { EspruinoRadio } from './board.ts';
import { createRadio, storedBlob, storedSettings } from './config.ts';
import { boardName, createKeepAlive, engine, later, publish } from './globals.ts';
import type { EspruinoSensor } from './running.ts';
import { createSpecialSensor, octetsOfText } from './special-sensor.ts';

declare const P: Profile;
/** Runs the whole script; on Linux. */
declare const dietespAgain: () => void;

/** The file of the Storage with the session. */
const RECORD = 'desp.ses';
/** Octets of a blob before those of the device. */
const BEFORE = 16;

let specialRadio: EspruinoRadio | null = null;
let specialSensor: EspruinoSensor | null = null;

/** The radio must know channel and addresses before the application reads them. */
function radioOf(blob: Uint8Array): EspruinoRadio {
  const extended = new Uint8Array(8);
  const isWhole = blob.length > BEFORE + P.dataSize;
  for (let i = 0; i < 8 && isWhole; i++) extended[i] = blob[BEFORE + P.atExtended + i];
  return createRadio(storedSettings(), {
    channel: P.channel,
    panId: P.panId,
    shortAddress: isWhole ? u16(blob, BEFORE + P.atShort) : 0xffff,
    extendedAddress: extended,
  });
}

function runSpecial(): void {
  const stored = storedBlob();
  const blob = typeof stored === 'string' ? octetsOfText(stored) : stored;
  if (specialRadio === null) specialRadio = radioOf(blob);
  specialSensor = createSpecialSensor({
    radio: specialRadio,
    provision: blob,
    restart: restartSpecial,
    record: RECORD,
  });
}

/** Nothing resets a Linux process: there the whole script, variables too, begins again. */
function restartSpecial(): void {
  const reboot = engine().reboot;
  if (boardName() === 'LINUX' || reboot === undefined) later(dietespAgain);
  else reboot();
}

function commandSpecial(line: string): boolean {
  return specialSensor === null ? false : specialSensor.command(line);
}

publish('dietesp', { command: commandSpecial });
createKeepAlive(() => (specialSensor === null ? false : specialSensor.isOver()));
runSpecial();
